"""From the rows of an outcome to the effect of every theme, all of them from one joint model.

Nothing is claimed where too little is known: a note says why instead.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import numpy as np

from pipelines.impact.designs import Design, Floats, Identified, identify
from pipelines.impact.estimates import Estimates
from pipelines.impact.frames import MIN_VOICES, Frame, frame_sample
from pipelines.impact.newton import NotFittedError
from pipelines.impact.notes import Note
from pipelines.impact.records import Codes
from pipelines.impact.samples import Sample
from pipelines.impact.traits import Trait, make_controls

# So many voices for each theme that is told apart from the others; the most voiced come first.
VOICES_A_THEME = 10
MAX_THEMES = 1_000


@dataclass(frozen=True)
class Comparison:
    """What goes with each theme; arrays are (themes,), nan where nothing can be said.

    :param n: voices compared.
    :param n_with: of these, those with each theme.
    :param n_events: how many left; None of an outcome that is a number.
    :param plain: the difference while nothing is held equal.
    :param notes: why nothing can be said; None where an effect is given.
    """

    method: str
    adjusted_for: tuple[str, ...]
    n: int
    n_with: Codes
    n_events: int | None
    estimates: Estimates
    q_value: Floats
    plain: Floats
    notes: tuple[Note | None, ...]


def compare(sample: Sample, themes: Sequence[str]) -> Comparison:
    """Estimate what goes with every theme.

    :param themes: their ids, which notes name.
    """
    frame = frame_sample(sample, len(themes))
    if isinstance(frame, Note):
        return _refuse(frame, len(themes))
    if refusal := frame.refuse():
        return _conclude(frame, (), _blank(len(themes)), [refusal] * len(themes))
    columns, notes = _choose_themes(frame)
    design, names = _make_design(frame, columns)
    told = identify(design.cross(design.weights))
    kept = columns[told.columns[design.n_controls :]]
    estimates = _blank(len(themes))
    if len(kept):
        try:
            estimates = _place(frame.fit(design.keep(told.columns)), kept, len(themes))
        except (NotFittedError, np.linalg.LinAlgError):
            notes = [each or Note("not_fitted") for each in notes]
    others = ("other themes",) if len(columns) > 1 else ()
    for theme, note in _explain_relations(told, design.n_controls, columns, themes, estimates):
        notes[theme] = note
    return _conclude(frame, (*others, *names), estimates, notes)


def _choose_themes(frame: Frame) -> tuple[Codes, list[Note | None]]:
    """Themes with enough voices, in their order, and why the others have too few."""
    notes: list[Note | None] = [None] * frame.n_themes
    n_without = frame.n - frame.n_with
    for theme in np.flatnonzero(frame.n_with < MIN_VOICES):
        notes[theme] = Note("with_few", {"needed": MIN_VOICES})
    for theme in np.flatnonzero((frame.n_with >= MIN_VOICES) & (n_without < MIN_VOICES)):
        notes[theme] = Note("without_few", {"needed": MIN_VOICES})
    fitting = np.flatnonzero(np.minimum(frame.n_with, n_without) >= MIN_VOICES)
    most = max(min(MAX_THEMES, frame.n // VOICES_A_THEME), 1)
    ranked = fitting[np.lexsort((fitting, -frame.n_with[fitting]))]
    for theme in ranked[most:]:
        notes[theme] = Note("themes_many", {"n": frame.n, "most": most})
    return np.sort(ranked[:most]), notes


def _make_design(frame: Frame, columns: Codes) -> tuple[Design, tuple[str, ...]]:
    """Rows with what is held equal, then the themes; all other themes are one number."""
    is_column = np.zeros(frame.n_themes, dtype=bool)
    is_column[columns] = True
    rare = frame.pairs[~is_column[frame.pairs[:, 1]], 0]
    n_rare = np.bincount(rare, minlength=len(frame.who)).astype(float)
    traits = (*frame.traits, Trait("other themes", n_rare, cuts=0))
    controls, names = make_controls(traits, len(frame.who))
    return Design(controls, frame.themes[:, columns], frame.who, frame.weights), names


def _explain_relations(
    told: Identified,
    n_controls: int,
    columns: Codes,
    themes: Sequence[str],
    estimates: Estimates,
) -> Iterator[tuple[int, Note]]:
    """Why themes that are made of each other have no effect of their own."""
    for group in _join_relations(told, n_controls):
        members = sorted(int(columns[each - n_controls]) for each in group if each >= n_controls)
        if len(members) == 1:
            yield members[0], Note("as_held")
            continue
        code, joint = "as_themes", {}
        if len(group) == 2:
            # One of the two is in the model, and stands for both.
            sides = {name: getattr(estimates, name)[members] for name in ("effect", "low", "high")}
            joint = {name: float(f"{np.nanmax(side):.3g}") for name, side in sides.items()}
            code = "as_themes_together"
        for theme in members:
            others = [themes[each] for each in members if each != theme]
            yield theme, Note(code, {"themes": others, **joint})


def _join_relations(told: Identified, n_controls: int) -> list[set[int]]:
    """Columns that are made of each other, those of themes that have one in common together."""
    groups: list[set[int]] = []
    for column, parts in told.relations.items():
        if column < n_controls:
            continue
        group = {column, *parts}
        for other in [each for each in groups if {c for c in each & group if c >= n_controls}]:
            groups.remove(other)
            group |= other
        groups.append(group)
    return groups


def _blank(n_themes: int) -> Estimates:
    return Estimates(*np.full((4, n_themes), np.nan))


def _place(found: Estimates, columns: Codes, n_themes: int) -> Estimates:
    """Estimates of some themes among all."""
    placed = _blank(n_themes)
    for name, values in vars(found).items():
        getattr(placed, name)[columns] = values
    return placed


def _conclude(
    frame: Frame, names: tuple[str, ...], estimates: Estimates, notes: list[Note | None]
) -> Comparison:
    """Blank what a note says nothing of, and correct for the number of the others."""
    is_said = np.array([note is None for note in notes], dtype=bool)
    said = Estimates(
        **{name: np.where(is_said, values, np.nan) for name, values in vars(estimates).items()}
    )
    q_value = np.full(len(notes), np.nan)
    if is_said.any():
        q_value[is_said] = _correct(said.p_value[is_said])
    return Comparison(
        frame.method,
        tuple(dict.fromkeys(names)),
        frame.n,
        frame.n_with,
        frame.n_events,
        said,
        q_value,
        # A difference that few people make says what these are like.
        np.where(frame.n_with >= MIN_VOICES, frame.compare_plainly(), np.nan),
        tuple(notes),
    )


def _correct(p_values: Floats) -> Floats:
    """q-values by Benjamini and Hochberg (Journal of the Royal Statistical Society B 57, 1995).

    For two-sided tests of effects that go together its error stays below the nominal one (Reiner-
    Benjamini, Biometrical Journal 49, 2007); ``scripts/bench_impact.py`` measures it.
    """
    order = np.argsort(p_values, kind="stable")[::-1]
    ranks = np.arange(len(order), 0, -1)
    corrected = np.empty(len(order))
    corrected[order] = np.minimum.accumulate(p_values[order] * len(order) / ranks)
    return np.minimum(corrected, 1.0)


def _refuse(note: Note, n_themes: int) -> Comparison:
    """Nothing can be compared at all."""
    nothing = np.full(n_themes, np.nan)
    none = np.zeros(n_themes, dtype=np.int64)
    return Comparison(
        "none", (), 0, none, None, _blank(n_themes), nothing, nothing, (note,) * n_themes
    )
