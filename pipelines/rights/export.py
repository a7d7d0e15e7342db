"""Everything that is held about a person, for that person: as JSON, or as a page to read.

The right of access is not a use that needs consent: nothing is left out here for a refusal.
"""

import json
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from importlib.resources import files
from pathlib import Path
from typing import Any

from sqlalchemy import Connection, or_, select

from pipelines import tables
from pipelines.actions.traces import find_tellers, keep_own
from pipelines.edits.traces import find_traces
from pipelines.errors import ConfigError, InputError
from pipelines.id_batches import batch_ids
from pipelines.job import Job
from pipelines.replacing import replace_file
from pipelines.rights.audit import record_audit
from pipelines.rights.blocks import hash_blocked
from pipelines.rights.outputs import record_output
from pipelines.rights.people import Asked, Person, find_person
from pipelines.rights.rejected_rows import find_rejected
from pipelines.secret import load_secret
from pipelines.store import open_store
from pipelines.stories.traces import find_wordings

Row = dict[str, Any]
SUFFIXES = (".json", ".html")
# Of a run or of the machine, not of the person.
_HIDDEN = frozenset(
    {
        *("run_id", "found_run", "enriched_run", "text_hash", "content_hash", "digest"),
        "idempotency_key",
    }
)
NOTES = {
    "customer": "Your record, as the customer system gave it.",
    "keys": "By which your feedback is recognised; keyed hashes, which cannot be read back.",
    "feedback": "What you said, where and when.",
    "versions": "What you said before you edited it.",
    "mentions": "The parts of it, with the feeling and the theme that a program read into them.",
    "themes": "What your words led to: the themes they count in, and what is told of these.",
    "quotes": "Your words where they are shown as typical of a theme.",
    "worded": "What a language model wrote of your words, among others'.",
    "insight": "What is concluded from your words.",
    "events": "What was recorded of your dealings.",
    "actions": "What was, or is to be, done because of your words.",
    "synced": "What other systems were given of what is concluded.",
    "consent": "What you allowed or withdrew.",
    "edits": "Decisions of people that name your words.",
    "rejected": "Rows about you that could not be used.",
}


@dataclass(frozen=True)
class Exported:
    """What was given out.

    :param n_rows: by section.
    :param is_recorded: whether the store knows the file, so that an erasure removes it.
    """

    file: str
    store: str
    n_rows: dict[str, int]
    is_recorded: bool


def export_person(job: Job, asked: Asked, path: Path) -> Exported | None:
    """Write everything about a person to a file that only its owner can read.

    :param path: ends in .json or .html.
    :returns: None where nothing is held.
    :raises ConfigError: for another ending, and a name that is none or of several customers.
    """
    if path.suffix.lower() not in SUFFIXES:
        raise ConfigError(f"{path} ends in neither .json nor .html; name the file so")
    secret = load_secret(job.secret_path)
    store = open_store(job.config.store.url)
    with store.read() as connection:
        person = find_person(connection, asked, secret, job.config.text.region)
        found = gather_person(connection, person, secret)
    n_rows = {name: len(rows) for name, rows in found.items()}
    is_held = any(n for name, n in n_rows.items() if name != "keys") or person.is_known
    with store.lock(job.lock_timeout_s), store.write() as connection:
        told = {"by": person.asked[0], "format": path.suffix[1:].lower()}
        record_audit(connection, "export-customer", told, {"found": is_held, "n_rows": n_rows})
    if not is_held:
        return None
    now = datetime.now(UTC)
    render = _render_json if path.suffix.lower() == ".json" else _render_page
    try:
        replace_file(path, render(found, store.name, now).encode(), is_private=True)
    except OSError as error:
        raise InputError(
            f"{path} could not be written: {error.strerror}; name another file with --output"
        ) from error
    subject = hash_blocked(secret, person.asked)
    recorded = record_output(store, path, "export", subject)
    return Exported(str(path), store.name, n_rows, recorded)


def gather_person(connection: Connection, person: Person, secret: bytes) -> dict[str, list[Row]]:
    """Every row about a person, by section; the sections are those of NOTES."""
    ids, customers = person.feedback_ids, person.customer_ids
    own_feedback = _read(connection, tables.feedback, "feedback_id", ids)
    mentions = _read(connection, tables.mention, "feedback_id", ids)
    mention_ids = [row["mention_id"] for row in mentions]
    theme_ids = sorted({row["theme_id"] for row in mentions if row["theme_id"]})
    themes = _read(connection, tables.theme, "theme_id", theme_ids)
    names = {row["theme_id"]: row["name"] for row in themes}
    shown = ("theme_id", "name", "status", "n_mentions", "n_customers", "sentiment", "verdict")
    insight = _read(connection, tables.customer_insight, "customer_id", customers)
    insight += _read(connection, tables.customer_theme, "customer_id", customers)
    traced = sorted({trace.edit_id for trace in find_traces(connection, set(mention_ids) | {*ids})})
    texts = {row["text"] for row in own_feedback}
    found_ids = {*customers, *ids, *(row["source_id"] for row in own_feedback if row["source_id"])}
    rejected = find_rejected(connection, person, texts, found_ids, secret)
    return {
        "customer": _read(connection, tables.customer, "customer_id", customers),
        "keys": _read(connection, tables.customer_key, "customer_id", customers),
        "feedback": own_feedback,
        "versions": _read(connection, tables.feedback_version, "feedback_id", ids),
        "mentions": [{**row, "theme": names.get(row["theme_id"])} for row in mentions],
        "themes": [{name: row[name] for name in shown} for row in themes],
        "quotes": _read(connection, tables.theme_quote, "mention_id", mention_ids),
        "worded": _read(connection, tables.wording, "wording_id", find_wordings(connection, ids)),
        "insight": insight,
        "events": _read(connection, tables.event, "customer_id", customers),
        "actions": _read_actions(connection, customers, ids),
        "synced": _read(connection, tables.sync_row, "customer_id", customers),
        "consent": _read_consent(connection, person),
        "edits": [
            {name: row[name] for name in ("edit_id", "at", "action", "theme_id")}
            for row in _read(connection, tables.theme_edit, "edit_id", traced)
        ],
        "rejected": _read(connection, tables.rejected, "rejected_id", rejected),
    }


def _read(connection: Connection, table: Any, column: str, ids: Sequence[str]) -> list[Row]:
    rows: list[Row] = []
    for batch in batch_ids(ids):
        query = select(table).where(table.c[column].in_(batch)).order_by(*table.primary_key)
        rows += [_show(row) for row in connection.execute(query).mappings()]
    return rows


def _read_actions(
    connection: Connection, customers: Sequence[str], feedback_ids: Sequence[str]
) -> list[Row]:
    """Actions about a person, and those that their words are evidence of, without others' words."""
    own, known = set(feedback_ids), set(customers)
    ids = set(find_tellers(connection, own))
    for batch in batch_ids(customers):
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


def _show(row: Mapping[Any, Any]) -> Row:
    return {name: value for name, value in row.items() if name not in _HIDDEN}


def _render_json(found: Mapping[str, list[Row]], store: str, now: datetime) -> str:
    told = {"made_at": now.isoformat(), "store": store, "meaning": NOTES, **found}
    return json.dumps(told, ensure_ascii=False, indent=1, default=_encode) + "\n"


def _render_page(found: Mapping[str, list[Row]], store: str, now: datetime) -> str:
    from jinja2 import Environment, StrictUndefined

    source = (files("pipelines") / "rights" / "templates" / "person.html").read_text("utf-8")
    template = Environment(autoescape=True, undefined=StrictUndefined).from_string(source)
    sections = [(name.capitalize(), NOTES[name], _shorten(rows)) for name, rows in found.items()]
    return template.render(made_at=f"{now:%Y-%m-%d %H:%M} UTC", store=store, sections=sections)


def _shorten(rows: Iterable[Row]) -> list[Row]:
    """Rows without what is empty."""
    return [{name: value for name, value in row.items() if value is not None} for row in rows]


def _encode(value: object) -> str:
    if isinstance(value, datetime):
        return value.isoformat()
    return repr(value)
