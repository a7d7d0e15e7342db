"""The roles of columns in a table of a known layout: as it says, and as recognised for the rest."""

from collections.abc import Mapping, Sequence
from dataclasses import replace

from pipelines.folding import fold_name
from pipelines.reading.edits import EDITED
from pipelines.reading.evidence import weigh_values
from pipelines.reading.layout_names import find_first, fold_columns
from pipelines.reading.layouts import Layout
from pipelines.reading.mapping import PERSONAL_ROLES, ColumnMap
from pipelines.reading.replies import QUESTION, REPLY
from pipelines.reading.roles import is_rated, recognise_roles
from pipelines.reading.row_rules import MADE
from pipelines.reading.sampling import Sample

# Ids that Excel rounded (5.70306E+17) would make one item of many.
_MAX_ROUNDED = 0.2
# What an answer to a survey's question may be, beside its text.
_ANSWERS = PERSONAL_ROLES | {"rating"}
# Options of a form or a matrix come again and again; of what people write hardly any does.
_MIN_TOLD = 0.8
# Names an order, and may be the row's id or thread as well.
_SHARING = frozenset(("order",))
_OWN = {**MADE, "edited": EDITED, "reply": REPLY, "question": QUESTION}


def assign_layout_roles(layout: Layout, sample: Sample) -> ColumnMap:
    """Lay what a layout says over what is recognised of the columns that it does not know.

    A role whose column is missing, or that the layout does not give, may go to a further column.
    Where the layout knows the channel, the export's own word ("email", "api") is an attribute.
    """
    known = _find_known(layout, sample)
    listed = {fold_name(name) for names in layout.entries for name in names}
    unpacked = tuple(f"{name}." for name in layout.unpack)
    others = [
        column
        for column in sample.columns
        if column not in known.used
        and fold_name(column) not in listed
        and (column not in sample.closed or _is_rated(column, sample))
        and not column.startswith(unpacked)
    ]
    found = recognise_roles(others, sample.rows, layout.kind, labels=sample.labels)
    has_texts = bool(known.texts) or layout.kind != "feedback"
    texts = known.texts if has_texts else _add_told(found.texts, sample)
    columns = {
        role: column
        for role, column in found.columns.items()
        if role not in known.columns
        and not (role == "channel" and layout.channel is not None)
        and column not in texts
        and (role in _ANSWERS or column not in sample.labels)
    }
    # A contact question of a survey is answered where the tool itself knows no address.
    empty = {
        role for role in known.columns if role in PERSONAL_ROLES and _is_empty(role, known, sample)
    }
    given = {role: found.columns[role] for role in empty if role in found.columns}
    left = [found.columns[role] for role in found.columns if role in known.columns.keys() - given]
    reasons = {name: why for name, why in found.reasons.items() if name in columns.values()}
    reasons |= {
        name: found.reasons[name]
        for name in (*texts, *found.private, *given.values())
        if name in found.reasons
    }
    return replace(
        known,
        columns=columns | known.columns | given,
        texts=texts,
        private=(
            *(*known.private, *found.private, *_pick_personal(left, found)),
            *(known.columns[role] for role in given),
        ),
        reasons=reasons | known.reasons,
    )


def _add_told(texts: Sequence[str], sample: Sample) -> tuple[str, ...]:
    """The texts that were recognised, and what is told in fields of forms, in order."""
    told = {column for column in sample.fields if _is_told(column, sample)}
    return tuple(column for column in sample.columns if column in {*texts, *told})


def _is_told(column: str, sample: Sample) -> bool:
    evidence = weigh_values([row.get(column, "") for row in sample.rows])
    return column in sample.fields and evidence.is_prose and evidence.distinct >= _MIN_TOLD


def _is_rated(column: str, sample: Sample) -> bool:
    evidence = weigh_values([row.get(column, "") for row in sample.rows])
    return is_rated(column, sample.labels.get(column, ""), evidence)


def _is_empty(role: str, known: ColumnMap, sample: Sample) -> bool:
    column = known.columns[role]
    return not any(row.get(column, "").strip() for row in sample.rows)


def _pick_personal(left: Sequence[str], found: ColumnMap) -> list[str]:
    """Of the columns that lost their role to one that the layout names, those that name people."""
    return [column for column in left if column in found.personal]


def _find_known(layout: Layout, sample: Sample) -> ColumnMap:
    folded = fold_columns(sample.columns)
    columns: dict[str, str] = {}
    for role in (*layout.roles, *_OWN):
        names = [each for given in layout.names_of(role) for each in given]
        found = find_first((*names, _OWN[role]) if role in _OWN else tuple(names), folded)
        is_told = role == "channel" and layout.channel is not None
        is_taken = found in columns.values() and role not in _SHARING
        if role != "text" and not is_told and found and not is_taken:
            columns[role] = found
    if "id" in columns and _is_rounded(columns["id"], sample.rows):
        del columns["id"]
    texts = [find_first(names, folded) for names in layout.names_of("text")]
    private = [find_first(names, folded) for names in layout.private_names]
    private += _find_others(layout, sample, columns)
    kept = tuple(dict.fromkeys(text for text in texts if text))
    reason = f"as {layout.name} has it"
    return ColumnMap(
        {role: column for role, column in columns.items() if column not in kept},
        kept,
        tuple(name for name in dict.fromkeys(private) if name and name not in columns.values()),
        dict.fromkeys([*columns.values(), *kept, *filter(None, private)], reason),
        main=kept[0] if kept and "title" in layout.roles else None,
    )


def _find_others(layout: Layout, sample: Sample, columns: Mapping[str, str]) -> list[str]:
    """Further columns that say who somebody is: kept, they would undo the hash of the first."""
    names = {
        fold_name(name)
        for role in PERSONAL_ROLES & columns.keys()
        for names in layout.names_of(role)
        for name in names
    }
    used = {*columns.values()}
    return [each for each in sample.columns if each not in used and fold_name(each) in names]


def _is_rounded(column: str, rows: Sequence[Mapping[str, str]]) -> bool:
    return weigh_values([row.get(column, "") for row in rows]).rounded >= _MAX_ROUNDED
