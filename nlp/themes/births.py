"""Tell texts of a new theme from further texts of a known one: by the company they keep."""

from collections import Counter
from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from nlp.themes.assignment import KnownThemes, choose_members
from nlp.themes.centring import (
    LanguageMeans,
    centre_rows,
    language_of,
    load_language_means,
    name_voices,
)
from nlp.themes.corpus import MIN_LANGUAGE_ROWS
from nlp.themes.vectors import Floats, Ints, best_similarities, rows_by_language

# The share of a row's ten nearest that are new too is, for texts of a known theme, the share of new
# rows altogether (the two-sample test of Schilling 1986 and Henze 1988). Batches of 1,000 rows with
# ten new themes, .10 to .32 of all rows new: texts of known themes .1 to .25, of new ones .3 to 1.
_N_NEAREST = 10
# Enough to be the nearest of their like; a million members would cost a gigabyte.
_MAX_MEMBERS = 20_000
# A text that was assigned all the same may be of a new theme from this share on.
_NOVEL_ROW = 0.5
# One that an earlier run left over may be, when this share of its nearest are new.
_NOVEL_OLD_ROW = 0.2
# A group is new, and a row of it a member, from this part of the way from chance to all. With ten
# labels planted, three choices each: see README. Above chance by .3 in the mean of the group, and
# all of its rows members, 7 of banking77's were found and two false: what is like them came along.
_ABOVE_CHANCE = 0.3
# Separation from its nearest known theme that a new one needs. At .5 one of ten labels planted in
# clinc150 is swallowed, at .35 none; without it a theme that doubles is born again.
MIN_SEPARATION = 0.35
_MIN_MEMBERS = 5


def measure_novelty(
    vectors: NDArray[np.floating],
    langs: Sequence[str],
    is_new: NDArray[np.bool_],
    known: KnownThemes,
    *,
    registers: Sequence[str] | None = None,
    means: LanguageMeans | None = None,
) -> tuple[Floats, Floats]:
    """Share of each row's nearest that are new, among new, left-over and assigned rows.

    :param vectors: (n, d) unit rows that are in no known theme.
    :param is_new: (n,) whether a row came with this run; else an earlier run left it over.
    :param known: the themes, and what their vectors are centred with.
    :param means: see ``assign_themes``.
    :returns: the shares, and what they would be by chance, both (n,); NaN in languages that known
        themes say nothing about.
    """
    fixed = load_language_means() if means is None else means
    known = known.take(choose_members(known, _MAX_MEMBERS))
    space = fixed.with_centres(known.centres)
    shares = np.full(len(vectors), np.nan, dtype=np.float32)
    expected = shares.copy()
    rows = centre_rows(vectors, name_voices(langs, registers), space)
    members = rows_by_language([language_of(voice) for voice in known.voices])
    for lang, own in rows_by_language(langs).items():
        others = members.get(lang, np.zeros(0, dtype=np.intp))
        if len(others) < MIN_LANGUAGE_ROWS:
            continue
        voices = [known.voices[row] for row in others]
        company = centre_rows(known.vectors[others], voices, space)
        flags = np.concatenate([is_new[own], np.zeros(len(others), dtype=bool)])
        shares[own] = _share_new(rows[own], np.concatenate([rows[own], company]), flags)
        expected[own] = flags.mean()
    return shares, expected


def _share_new(rows: Floats, company: Floats, is_new: NDArray[np.bool_]) -> Floats:
    """Share of new rows among the nearest of each row, itself left out."""
    indices, _ = best_similarities(rows, company, _N_NEAREST + 1)
    others = indices != np.arange(len(rows))[:, None]
    # A row that is not among its own nearest, for copies of it, has one too many.
    others[:, -1] &= others.sum(axis=1) <= _N_NEAREST
    return np.asarray((is_new[indices] & others).sum(axis=1) / _N_NEAREST, dtype=np.float32)


def may_be_new(
    shares: Floats, is_new: NDArray[np.bool_], is_left_over: NDArray[np.bool_]
) -> NDArray[np.bool_]:
    """Choose the rows that new themes are looked for in.

    :param is_left_over: (n,) whether a row is too far from the known themes.
    """
    known = np.nan_to_num(shares, nan=0.0)
    unknown = np.isnan(shares)
    of_new = is_new & (is_left_over | (known >= _NOVEL_ROW))
    of_old = ~is_new & is_left_over & (unknown | (known >= _NOVEL_OLD_ROW))
    return np.asarray(of_new | of_old)


def find_newcomers(
    shares: Floats, expected: Floats, is_new: NDArray[np.bool_]
) -> NDArray[np.bool_]:
    """Which rows of a found group are of a new theme: none, unless its new rows keep to themselves.

    :param shares: (n,) of the group's rows; see :func:`measure_novelty`.
    :param is_new: (n,) whether a row came with this run.
    """
    told = ~np.isnan(shares)
    if not (told & is_new).any():
        return np.ones(len(shares), dtype=bool)
    chance = float(expected[told & is_new].mean())
    level = chance + _ABOVE_CHANCE * (1 - chance)
    if float(shares[told & is_new].mean()) < level:
        return np.zeros(len(shares), dtype=bool)
    return np.asarray(~told | (shares >= level))


def measure_separation(
    vectors: NDArray[np.floating],
    langs: Sequence[str],
    nearest: Ints,
    known: KnownThemes,
    *,
    registers: Sequence[str] | None = None,
    means: LanguageMeans | None = None,
) -> float:
    """How well a found group is told from the known theme that it is nearest to.

    A theme that doubles in one batch has as many new neighbours as a new one; but it mixes with
    its old texts, and then each kind has only its share among the nearest of the other.

    :param nearest: (n,) known theme of each row of the group, -1 for none.
    :returns: 0 for mixed, 1 for apart, and where there is no such theme.
    """
    placed = np.flatnonzero(nearest >= 0)
    if not len(placed):
        return 1.0
    rival = int(np.bincount(nearest[placed]).argmax())
    counts = Counter(langs)
    lang = min(counts, key=lambda code: (-counts[code], code))
    own = np.array([row for row, code in enumerate(langs) if code == lang])
    members = [
        row for row in np.flatnonzero(known.labels == rival).tolist() if known.langs[row] == lang
    ]
    if len(members) < _MIN_MEMBERS or len(own) < _MIN_MEMBERS:
        return 1.0
    fixed = load_language_means() if means is None else means
    voices = name_voices(langs, registers)
    rows = centre_rows(
        np.concatenate([vectors[own], known.vectors[members]]),
        [*(voices[row] for row in own), *(known.voices[row] for row in members)],
        fixed.with_centres(known.centres),
    )
    is_own = np.arange(len(rows)) < len(own)
    indices, _ = best_similarities(rows, rows, _N_NEAREST, is_same=True)
    is_alike = is_own[indices] == is_own[:, None]
    return float(is_alike[is_own].mean() + is_alike[~is_own].mean() - 1)
