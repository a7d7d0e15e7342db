"""Everything that is held about a person, by section, as the person is given it.

The right of access is not a use that needs consent: nothing is left out here for a refusal.
"""

from collections.abc import Mapping, Sequence
from typing import Any, Final

from sqlalchemy import Connection, Table, or_, select

from pipelines import tables
from pipelines.actions.traces import find_tellers, keep_own
from pipelines.edits.traces import find_traces
from pipelines.id_batches import batch_ids
from pipelines.rights.people import Person
from pipelines.rights.rejected_rows import find_rejected
from pipelines.stories.traces import find_wordings

Row = dict[str, Any]
# Of a run, the machine or a colleague, not of the person.
_HIDDEN: Final = frozenset(
    {
        *("run_id", "found_run", "enriched_run", "text_hash", "content_hash", "digest"),
        *("idempotency_key", "author"),
    }
)
NOTES: Final = {
    "customer": "Your record, as the customer system gave it.",
    "older_records": "What the customer system said of you before.",
    "keys": "By which you are recognised; keyed hashes, which cannot be read back.",
    "feedback": "What you said, where and when.",
    "versions": "What you said before you edited it.",
    "mentions": "The parts of it, with the feeling and the theme that a program read into them.",
    "themes": "What your words led to: the themes they count in, and what is told of these.",
    "fixes": "What was mended in these themes, and what changed since.",
    "quotes": "Your words where they are shown as typical of a theme.",
    "worded": "What a language model wrote of your words, among others'.",
    "insight": "What is concluded from your words.",
    "events": "What was recorded of your dealings.",
    "facts": "What is counted from your dealings.",
    "outcomes": "What followed on your words, as it is measured.",
    "links": "Words that may be yours, and what people decided about that.",
    "actions": "What was, or is to be, done because of your words.",
    "synced": "What other systems were given of what is concluded.",
    "consent": "What you allowed or withdrew.",
    "edits": "Decisions of people that name your words.",
    "rejected": "Rows about you that could not be used.",
}
# Tables whose rows name a customer, a feedback or an event of theirs, by section.
BY_CUSTOMER: Final[dict[str, tuple[Table, ...]]] = {
    "customer": (tables.customer,),
    "older_records": (tables.customer_version,),
    "keys": (tables.customer_key,),
    "insight": (tables.customer_insight, tables.customer_theme),
    "events": (tables.event,),
    "facts": (tables.customer_fact,),
    "links": (tables.link_review, tables.link_answer),
    "synced": (tables.sync_row,),
}
BY_FEEDBACK: Final[dict[str, tuple[Table, ...]]] = {
    "keys": (tables.feedback_key,),
    "feedback": (tables.feedback,),
    "versions": (tables.feedback_version,),
    "outcomes": (tables.feedback_outcome,),
    "links": (tables.link_review, tables.link_answer),
}
_THEME_COLUMNS: Final = (
    *("theme_id", "name", "status", "n_mentions", "n_customers", "sentiment", "verdict"),
)


def gather_person(connection: Connection, person: Person, secret: bytes) -> dict[str, list[Row]]:
    """Every row about a person, by section; the sections are those of NOTES."""
    found = {name: _read_section(connection, name, person) for name in NOTES}
    event_ids = [row["event_id"] for row in found["events"]]
    found["links"] = [_hide_others(row, person) for row in found["links"]]
    found["keys"] += _read(connection, tables.event_key, "event_id", event_ids)
    found |= _follow_words(connection, person)
    found["actions"] = _read_actions(connection, person)
    found["consent"] = _read_consent(connection, person)
    found["rejected"] = _read_rejected(connection, person, secret, found["feedback"])
    return found


def _read_section(connection: Connection, name: str, person: Person) -> list[Row]:
    """What names the person or their feedback; an offer that names both is given once."""
    rows: list[Row] = []
    for subject, ids, named in (
        ("customer_id", person.customer_ids, BY_CUSTOMER),
        ("feedback_id", person.feedback_ids, BY_FEEDBACK),
    ):
        for table in named.get(name, ()):
            read = _read(connection, table, subject, ids)
            rows += [row for row in read if row not in rows] if rows else read
    return rows


def _hide_others(row: Row, person: Person) -> Row:
    """An offer without the other customers who may have said the same words."""
    is_own = row["customer_id"] in person.customer_ids
    return row if is_own else {**row, "customer_id": "another customer"}


def _follow_words(connection: Connection, person: Person) -> dict[str, list[Row]]:
    """What was made of somebody's words."""
    ids = person.feedback_ids
    mentions = _read(connection, tables.mention, "feedback_id", ids)
    mention_ids = [row["mention_id"] for row in mentions]
    theme_ids = sorted({row["theme_id"] for row in mentions if row["theme_id"]})
    themes = _read(connection, tables.theme, "theme_id", theme_ids)
    names = {row["theme_id"]: row["name"] for row in themes}
    traced = sorted({trace.edit_id for trace in find_traces(connection, {*mention_ids, *ids})})
    edits = _read(connection, tables.theme_edit, "edit_id", traced)
    return {
        "mentions": [{**row, "theme": names.get(row["theme_id"])} for row in mentions],
        "themes": [{name: row[name] for name in _THEME_COLUMNS} for row in themes],
        "fixes": _read(connection, tables.theme_fix, "theme_id", theme_ids),
        "quotes": _read(connection, tables.theme_quote, "mention_id", mention_ids),
        "worded": _read(connection, tables.wording, "wording_id", find_wordings(connection, ids)),
        "edits": [
            {name: row[name] for name in ("edit_id", "at", "action", "theme_id")} for row in edits
        ],
    }


def _read(connection: Connection, table: Any, column: str, ids: Sequence[str]) -> list[Row]:
    rows: list[Row] = []
    for batch in batch_ids(ids):
        query = select(table).where(table.c[column].in_(batch)).order_by(*table.primary_key)
        rows += [_show(row) for row in connection.execute(query).mappings()]
    return rows


def _read_actions(connection: Connection, person: Person) -> list[Row]:
    """Actions about a person, and those that their words are evidence of, without others' words."""
    own, known = set(person.feedback_ids), set(person.customer_ids)
    ids = set(find_tellers(connection, own))
    for batch in batch_ids(person.customer_ids):
        query = select(tables.action.c.action_id).where(tables.action.c.customer_id.in_(batch))
        ids.update(connection.execute(query).scalars())
    rows = _read(connection, tables.action, "action_id", sorted(ids))
    return [
        row if row["customer_id"] in known else {**row, "payload": keep_own(row["payload"], own)}
        for row in rows
    ]


def _read_consent(connection: Connection, person: Person) -> list[Row]:
    column = tables.consent.c
    keys = [key for _, key in person.keys]
    is_theirs = or_(
        column.customer_id.in_(person.customer_ids),
        column.key_hash.in_(keys),
        column.feedback_id.in_(person.feedback_ids),
    )
    query = select(tables.consent).where(is_theirs).order_by(column.at, column.consent_id)
    return [_show(row) for row in connection.execute(query).mappings()]


def _read_rejected(
    connection: Connection, person: Person, secret: bytes, feedback: Sequence[Row]
) -> list[Row]:
    texts = {row["text"] for row in feedback}
    own = {row["source_id"] for row in feedback if row["source_id"]}
    ids = {*person.customer_ids, *person.feedback_ids, *own}
    found = find_rejected(connection, person, texts, ids, secret)
    return _read(connection, tables.rejected, "rejected_id", found)


def _show(row: Mapping[Any, Any]) -> Row:
    return {name: value for name, value in row.items() if name not in _HIDDEN}
