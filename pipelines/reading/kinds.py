"""The kind of a table: feedback, customers or events, weighed from all its columns."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from statistics import median

from pipelines.folding import fold_name
from pipelines.reading.consents import leave_consents_out
from pipelines.reading.event_dates import name_dated_event
from pipelines.reading.evidence import Evidence
from pipelines.reading.mapping import ColumnMap
from pipelines.reading.roles import Rows, assign_roles, is_order_number, weigh_columns
from pipelines.reading.vocabulary import MIN_NAME_SCORE, Vocabulary, load_vocabulary

NO_TABLE = "no table"
"""Kind of a JSON file that holds settings or a description rather than records."""
# A JSON file with more objects than this in one list is an export, whatever they look like.
_FEW_ROWS = 20
# Share of all names that the median object has: records are alike, parts of a description not.
_ALIKE = 0.25
_KEYS = frozenset(("customer", "email", "phone", "handle"))
_CONTACTS = frozenset(("name", "email", "phone", "handle", "private"))


@dataclass(frozen=True, slots=True)
class KindGuess:
    """What a table holds: feedback, customers, events or unknown; reason is for people."""

    kind: str
    reason: str


@dataclass(frozen=True, slots=True)
class _Look:
    """What all kinds are judged by: evidence by column, roles and signs by kind."""

    columns: Sequence[str]
    weighed: Mapping[str, Evidence]
    maps: Mapping[str, ColumnMap]
    signs: Mapping[str, set[str]]
    known: Vocabulary


def recognise_kind(
    columns: Sequence[str], rows: Rows, vocabulary: Vocabulary | None = None
) -> KindGuess:
    """Tell feedback from lists of customers and of events.

    Free text makes feedback, unless the rest of the table speaks more for a list of customers
    (one row each, with contacts, country, segment ...) whose text is somebody's notes.
    """
    look = _look_at(columns, rows, vocabulary or load_vocabulary())
    signs, maps = look.signs, look.maps
    prose = [column for column in maps["feedback"].texts if _is_feedback_text(column, look)]
    if prose and _is_customer_list(prose, look):
        return KindGuess("customers", f"one row a customer, with {_list(sorted(_person(look)))}")
    is_plain = len(signs["events"]) < 3 or "amount" not in signs["events"]
    if prose and (is_plain or _is_named_feedback(prose, look)):
        return KindGuess("feedback", f"free text in {_list(map(repr, prose))}")
    if _is_events(look):
        return KindGuess("events", f"a customer, a time, and {_list(sorted(signs['events']))}")
    texts = maps["feedback"].texts
    is_customers = _KEYS & maps["customers"].columns.keys() and signs["customers"]
    if is_customers and not _is_named_feedback(texts, look):
        return KindGuess("customers", f"a customer's key, and {_list(sorted(signs['customers']))}")
    if texts:
        return KindGuess("feedback", f"text in {_list(map(repr, texts))}")
    return KindGuess("unknown", "no free text, no customer's key and no events were recognised")


def explain_no_table(
    columns: Sequence[str], rows: Rows, guess: KindGuess, mapping: ColumnMap
) -> str | None:
    """Say why the few objects of a JSON file are no records; None where they are.

    :param mapping: the roles of a feedback.
    """
    if len(rows) >= _FEW_ROWS or not rows:
        return None
    if guess.kind == "unknown":
        return "its objects have no text, no customer's key and no events"
    if len(rows) > 1 and median(map(len, rows)) < _ALIKE * len(columns):
        return "its objects have too little in common"
    known = load_vocabulary()
    is_note = all(fold_name(column) in known.kinds["customers"].notes for column in mapping.texts)
    is_record = {"id", "at", "rating", *_KEYS} & mapping.columns.keys()
    return "it is one object with a description" if is_note and not is_record else None


def _look_at(columns: Sequence[str], rows: Rows, known: Vocabulary) -> _Look:
    columns = leave_consents_out(columns, rows)
    weighed = weigh_columns(columns, rows)
    maps = {kind: assign_roles(columns, weighed, kind, known) for kind in known.kinds}
    signs = {kind: _list_signs(columns, maps[kind], kind, known) for kind in known.kinds}
    return _Look(columns, weighed, maps, signs, known)


def _is_events(look: _Look) -> bool:
    found = look.maps["events"].columns.keys()
    dated = name_dated_event(look.maps["events"].columns.get("at", ""))
    if "at" not in found or not _KEYS & found or not ({"kind", "amount"} & found or dated):
        return False
    n_signs = len(look.signs["events"])
    if _is_one_per_customer(look.maps["events"], look):
        return n_signs >= len(look.signs["customers"])
    return bool(dated) or n_signs >= 2


def _is_customer_list(prose: Sequence[str], look: _Look) -> bool:
    if not _is_one_per_customer(look.maps["customers"], look):
        return False
    if "amount" in look.signs["events"] and len(look.signs["events"]) >= 3:
        return False
    return len(_person(look)) > _count_points(prose, look)


def _is_named_feedback(texts: Sequence[str], look: _Look) -> bool:
    """Whether names tell that few or short answers are feedback: `Review ID, Comment, Stars`."""
    is_rated = "rating" in look.maps["feedback"].columns
    return bool(texts) and is_rated and _count_points(texts, look) > len(_person(look))


def _count_points(texts: Sequence[str], look: _Look) -> int:
    return _count_feedback_points(look) + sum(_rate_text_name(column, look) for column in texts)


def _person(look: _Look) -> set[str]:
    """What speaks for a list of customers and not as well for feedback.

    Of the contacts one does not count, as feedback names its writer too, and two more do. A time
    of creation counts where its name tells a customer's from a comment's.
    """
    mapping, known = look.maps["customers"], look.known
    signs = look.signs["customers"] - _CONTACTS - {"personal details", "created"}
    contacts = {*mapping.columns, *(["private"] if mapping.private else [])} & _CONTACTS
    signs |= set(sorted(contacts)[1:3])
    created = mapping.columns.get("created", "")
    if known.score_name("created", created) > known.score_name("at", created) + 0.05:
        signs.add("created")
    return signs


def _count_feedback_points(look: _Look) -> int:
    """Points of the roles that only feedback has, of columns that no list of customers uses."""
    used = look.maps["customers"].used
    return sum(
        look.known.kinds["feedback"].points.get(role, 0)
        for role, column in look.maps["feedback"].columns.items()
        if column not in used and not (role == "id" and " " not in fold_name(column))
    )


def _rate_text_name(column: str, look: _Look) -> int:
    """How much the name of a text says that customers wrote it: 0 `Notes` to 3 a question."""
    known, name = look.known, fold_name(column)
    kind = known.kinds["customers"]
    if known.is_question(column) or name in known.roles["text"].several:
        return 3
    if name in kind.notes:
        return 0
    is_named = known.score_name("text", column) >= MIN_NAME_SCORE
    return 2 if is_named and name not in kind.comments else 1


def _is_feedback_text(column: str, look: _Look) -> bool:
    evidence, known = look.weighed[column], look.known
    is_named = known.score_name("text", column) >= MIN_NAME_SCORE or known.is_question(column)
    return evidence.is_prose or (is_named and evidence.is_wordy and evidence.distinct >= 0.2)


def _list_signs(
    columns: Sequence[str], mapping: ColumnMap, kind: str, known: Vocabulary
) -> set[str]:
    signs = {sign for sign in known.kinds[kind].signs if sign in mapping.columns}
    if mapping.private and "private" in known.kinds[kind].signs:
        signs.add("personal details")
    if kind == "events":
        is_of_orders = any(map(is_order_number, columns))
        dated = name_dated_event(mapping.columns.get("at", ""), is_of_orders=is_of_orders)
        signs |= {sign for sign in (dated, "order" if is_of_orders else None) if sign}
    words = {word for column in columns for word in fold_name(column).split()}
    return signs | (known.kinds[kind].words & words)


def _is_one_per_customer(mapping: ColumnMap, look: _Look) -> bool:
    keys = (mapping.columns.get(key) for key in ("customer", "email", "phone", "handle"))
    column = next(filter(None, keys), None)
    return column is not None and look.weighed[column].distinct >= 0.99


def _list(names: Iterable[str]) -> str:
    return ", ".join(list(names)[:6]) or "nothing else"
