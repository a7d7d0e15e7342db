"""Everything that is held about a person, for that person: as JSON, or as a page to read."""

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from importlib.resources import files
from pathlib import Path
from typing import Any

from pipelines.errors import ConfigError, InputError
from pipelines.job import Job
from pipelines.replacing import replace_file
from pipelines.rights.audit import record_audit
from pipelines.rights.blocks import hash_blocked
from pipelines.rights.held import NOTES, Row, gather_person
from pipelines.rights.outputs import record_output
from pipelines.rights.people import Asked, find_person
from pipelines.secret import load_secret
from pipelines.store import open_store

SUFFIXES = (".json", ".html")
# Signs of a value that shares its line of the page with others.
_SHORT = 40


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
        replace_file(path, render(found, now).encode(), is_private=True)
    except OSError as error:
        raise InputError(
            f"{path} could not be written: {error.strerror}; name another file with --output"
        ) from error
    subject = hash_blocked(secret, person.asked)
    recorded = record_output(store, path, "export", subject)
    return Exported(str(path), store.name, n_rows, recorded)


def _render_json(found: Mapping[str, list[Row]], now: datetime) -> str:
    told = {"made_at": now.isoformat(), "meaning": NOTES, **found}
    return json.dumps(told, ensure_ascii=False, indent=1, default=_encode) + "\n"


def _render_page(found: Mapping[str, list[Row]], now: datetime) -> str:
    from jinja2 import Environment, StrictUndefined

    source = (files("pipelines") / "rights" / "templates" / "person.html").read_text("utf-8")
    template = Environment(autoescape=True, undefined=StrictUndefined).from_string(source)
    sections = [
        (_name(name), NOTES[name], [_spell_row(row) for row in rows])
        for name, rows in found.items()
    ]
    return template.render(made_at=_spell(now), sections=sections, short=_SHORT)


def _name(column: str) -> str:
    return column.replace("_", " ").capitalize()


def _spell_row(row: Row) -> dict[str, str]:
    """A row in words, without what is empty."""
    spelt = {_name(column): _spell(value) for column, value in row.items()}
    return {name: value for name, value in spelt.items() if value}


def _spell(value: Any) -> str:
    """A value as a person reads it; of several one a line."""
    if value is None:
        return ""
    if isinstance(value, bool):
        return "yes" if value else "no"
    if isinstance(value, datetime):
        return f"{value:%Y-%m-%d %H:%M} UTC"
    if isinstance(value, Mapping):
        return "\n".join(f"{name}: {_spell(each)}" for name, each in value.items())
    if isinstance(value, Sequence) and not isinstance(value, str):
        return "\n".join(map(_spell, value))
    return str(value)


def _encode(value: object) -> str:
    if isinstance(value, datetime):
        return value.isoformat()
    return repr(value)
