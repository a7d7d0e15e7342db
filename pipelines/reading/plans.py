"""How a table is to be read: decided once, from its sample and from what a person says."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

from pipelines.column_roles import ROLES
from pipelines.errors import ConfigError
from pipelines.reading.evidence import Evidence
from pipelines.reading.formats import Formats, learn_formats
from pipelines.reading.headless import check_headers
from pipelines.reading.kinds import NO_TABLE, KindGuess, explain_no_table, recognise_kind
from pipelines.reading.layout_roles import assign_layout_roles
from pipelines.reading.layouts import Layout
from pipelines.reading.mapping import ColumnMap, apply_map
from pipelines.reading.name_columns import hide_names
from pipelines.reading.roles import (
    find_rival_ratings,
    find_unfit_ids,
    find_unread_questions,
    recognise_roles,
)
from pipelines.reading.sampling import Sample


@dataclass(frozen=True, slots=True)
class Plan:
    """How a table is to be read: its kind, the roles of its columns, and its formats.

    :param unread: columns that may hold opinions too, but are kept as attributes.
    :param unfit_ids: columns that are named like an id, but whose values tell no rows apart.
    :param rival_ratings: columns that hold a rating of something each, and none of the whole.
    """

    kind: KindGuess
    mapping: ColumnMap
    formats: Formats
    unread: Mapping[str, Evidence] = field(default_factory=dict)
    unfit_ids: Mapping[str, Evidence] = field(default_factory=dict)
    rival_ratings: Sequence[str] = ()


def plan_table(sample: Sample, pairs: Sequence[str] = (), kind: str | None = None) -> Plan:
    """Decide how to read a table from its sample and from what a person says.

    :param pairs: `ROLE=COLUMN`, see :func:`~pipelines.reading.mapping.apply_map`.
    :param kind: feedback, customers or events, where the command already says which.
    :raises ConfigError: for unknown roles and columns.
    """
    guess = _guess_kind(sample, pairs, kind)
    role_kind = guess.kind if guess.kind in ROLES else "feedback"
    layout = _layout_of(sample, role_kind)
    if layout is not None:
        mapping = assign_layout_roles(layout, sample)
    else:
        mapping = recognise_roles(sample.columns, sample.rows, role_kind, labels=sample.labels)
    mapping = apply_map(mapping, pairs, sample.columns, role_kind, sample.place)
    mapping = hide_names(mapping, sample.columns, sample.rows, sample.labels)
    is_told = layout is not None and "text" in layout.roles
    is_decided = role_kind != "feedback" or is_told or any(map(_names_text, pairs))
    unread = {} if is_decided else find_unread_questions(sample.columns, sample.rows, mapping)
    is_known = role_kind != "feedback" or layout is not None
    unfit = {} if is_known else find_unfit_ids(sample.columns, sample.rows, mapping)
    rivals = (
        ()
        if role_kind != "feedback"
        else find_rival_ratings(sample.columns, sample.rows, mapping, sample.labels)
    )
    return Plan(guess, mapping, learn_formats(mapping, sample, layout), unread, unfit, rivals)


def _layout_of(sample: Sample, kind: str) -> Layout | None:
    """The layout of a table, if a person does not read it as something else."""
    layout = sample.recognised.layout if sample.recognised else None
    return layout if layout is not None and layout.kind == kind else None


def plan_tables(
    samples: Sequence[Sample], pairs: Sequence[str] = (), kind: str | None = None
) -> list[Plan | None]:
    """Decide how to read the tables of one file; None for those without the columns of `pairs`.

    :raises ConfigError: where `pairs` fit none of the tables.
    :raises InputError: where a table has no names of columns, and nobody named one.
    """
    if not pairs:
        check_headers(samples)
    plans: list[Plan | None] = []
    mistakes: list[ConfigError] = []
    for sample in samples:
        try:
            plans.append(plan_table(sample, pairs, kind))
        except ConfigError as error:
            plans.append(None)
            mistakes.append(error)
    if mistakes and len(mistakes) == len(plans):
        raise mistakes[0]
    return plans


def _guess_kind(sample: Sample, pairs: Sequence[str], kind: str | None) -> KindGuess:
    if kind is not None:
        return KindGuess(kind, "named")
    if any(map(_names_text, pairs)):
        return KindGuess("feedback", "a text column was named")
    if sample.recognised is not None:
        layout = sample.recognised.layout
        return KindGuess(layout.kind, f"it is {layout.name}")
    guess = recognise_kind(sample.columns, sample.rows)
    if sample.format != "json" or sample.n_bad:
        return guess
    mapping = recognise_roles(sample.columns, sample.rows)
    reason = explain_no_table(sample.columns, sample.rows, guess, mapping)
    return KindGuess(NO_TABLE, reason) if reason else guess


def _names_text(pair: str) -> bool:
    return pair.partition("=")[0].strip().lower() == "text"
