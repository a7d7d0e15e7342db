"""Roles of a store on PostgreSQL, as the SQL that its owner runs.

The owner makes and migrates the tables; whoever runs earful every night only writes rows, and a
dashboard reads what it shows. What is not named here is nobody's but the owner's and the writer's.
"""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Final

from sqlalchemy import Table

from pipelines.half_vectors import HALF
from pipelines.tables import metadata
from pipelines.views import VIEW_COMMENTS, view_queries

# Tables of numbers and names that may be opened; words and customers are read through views,
# which leave out what may not be shown, and all else is nobody's.
OPEN_TABLES: Final = (
    *("run", "run_measure", "theme", "theme_period", "theme_impact", "theme_stake", "theme_fix"),
    *("theme_share", "theme_signal", "priority", "comparison", "coverage"),
)
# What a dashboard without words and persons is not given of them; of v_customer it is nothing.
_DESCRIPTIONS = ("description", "found_description", "descriptions")
HIDDEN_COLUMNS: Final[Mapping[str, frozenset[str]]] = {
    "theme": frozenset(_DESCRIPTIONS),
    "v_theme": frozenset({"description", "quote"}),
    "v_feedback": frozenset(
        (
            *("text", "question", "attributes", "source_id", "feedback_id", "duplicate_of"),
            *("author_key", "customer_id"),
        )
    ),
}
_PERSONS: Final = frozenset({"v_customer"})
# Only added to: what an erasure may change in others, no one may change here.
_APPEND_ONLY: Final = frozenset({"audit"})
_READ_ONLY: Final = ("alembic_version",)
_MAINTAINS = 170_000


@dataclass(frozen=True)
class RoleNames:
    """What the roles are called; they log nobody in, others are made members of them."""

    writer: str = "earful_writer"
    reader: str = "earful_reader"
    dashboard: str = "earful_dashboard"


def write_roles(names: RoleNames, schema: str = "public") -> str:
    """The script: makes the roles where they are not there, and grants them just what they need."""
    return "\n".join(_write_lines(names, schema)) + "\n"


def _write_lines(names: RoleNames, schema: str) -> Iterator[str]:
    writer, reader, dashboard = map(_quote, (names.writer, names.reader, names.dashboard))
    place = _quote(schema)
    yield "-- Written by earful roles; run by the owner of the store's tables, again after each"
    yield "-- earful migrate: psql -v ON_ERROR_STOP=1 --single-transaction -f roles.sql DATABASE"
    yield "-- Then: CREATE ROLE nightly LOGIN; GRANT earful_writer TO nightly;"
    for name in (names.writer, names.reader, names.dashboard):
        yield from _make_role(name)
    every = f"{writer}, {reader}, {dashboard}"
    yield f"REVOKE ALL ON ALL TABLES IN SCHEMA {place} FROM PUBLIC, {every};"
    yield f"REVOKE CREATE ON SCHEMA {place} FROM PUBLIC, {every};"
    yield f"GRANT USAGE ON SCHEMA {place} TO {every};"
    yield from _grant_database(names)
    yield ""
    yield "-- The writer adds and changes rows; it can neither drop, alter nor empty a table."
    yield from _grant_writer(names, place)
    yield ""
    yield "-- The reader sees what may be shown, masked words among it, as the views leave it."
    for name in (*OPEN_TABLES, *VIEW_COMMENTS):
        yield f"GRANT SELECT ON {place}.{_quote(name)} TO {reader};"
    yield ""
    yield "-- The dashboard sees no words of customers and no customer."
    for name, columns in list_shown().items():
        told = ", ".join(map(_quote, columns))
        yield f"GRANT SELECT ({told}) ON {place}.{_quote(name)} TO {dashboard};"


def list_shown() -> dict[str, list[str]]:
    """What the dashboard without words is shown: columns by table and view."""
    columns = {name: [column.name for column in metadata.tables[name].c] for name in OPEN_TABLES}
    queries = view_queries()
    columns |= {
        name: [column.name for column in queries[name].selected_columns]
        for name in VIEW_COMMENTS
        if name not in _PERSONS
    }
    return {
        name: [each for each in own if each not in HIDDEN_COLUMNS.get(name, ())]
        for name, own in columns.items()
    }


def _make_role(name: str) -> Iterator[str]:
    yield "DO $roles$ BEGIN"
    known = f"SELECT 1 FROM pg_roles WHERE rolname = {_literal(name)}"  # noqa: S608 -- quoted
    yield f"  IF NOT EXISTS ({known}) THEN"
    yield f"    CREATE ROLE {_quote(name)} NOLOGIN;"
    yield "  END IF;"
    yield "END $roles$;"


def _grant_database(names: RoleNames) -> Iterator[str]:
    """A script does not know what its database is called."""
    yield "DO $roles$ BEGIN"
    for name in (names.writer, names.reader, names.dashboard):
        told = f"current_database(), {_literal(name)}"
        yield f"  EXECUTE format('GRANT CONNECT ON DATABASE %I TO %I', {told});"
    told = f"current_database(), {_literal(names.writer)}"
    yield f"  EXECUTE format('GRANT TEMPORARY ON DATABASE %I TO %I', {told});"
    yield "END $roles$;"


def _grant_writer(names: RoleNames, place: str) -> Iterator[str]:
    writer = _quote(names.writer)
    for table in metadata.sorted_tables:
        yield f"GRANT {_rights(table)} ON {place}.{_quote(table.name)} TO {writer};"
    for name in _READ_ONLY:
        yield f"GRANT SELECT ON {place}.{_quote(name)} TO {writer};"
    half = f"{place}.{_quote(HALF.name)}"
    yield "DO $roles$ BEGIN"
    yield f"  IF to_regclass({_literal(half)}) IS NOT NULL THEN"
    yield f"    EXECUTE {_literal(f'GRANT SELECT, INSERT, UPDATE, DELETE ON {half} TO {writer}')};"
    yield "    EXECUTE format('GRANT USAGE ON SCHEMA %s TO %I', (SELECT extnamespace::regnamespace"
    yield f"      FROM pg_extension WHERE extname = 'vector'), {_literal(names.writer)});"
    yield "  END IF;"
    yield "END $roles$;"
    yield "-- From PostgreSQL 17 on it may rewrite them too, so that an erasure leaves no traces;"
    yield "-- before, earful forget --resume finishes erasures as the owner."
    yield "DO $roles$ BEGIN"
    yield f"  IF current_setting('server_version_num')::int >= {_MAINTAINS} THEN"
    for table in metadata.sorted_tables:
        yield f"    EXECUTE 'GRANT MAINTAIN ON ' || {_literal(f'{place}.{_quote(table.name)}')}"
        yield f"      || ' TO ' || {_literal(writer)};"
    yield "  END IF;"
    yield "END $roles$;"


def _rights(table: Table) -> str:
    return "SELECT, INSERT" if table.name in _APPEND_ONLY else "SELECT, INSERT, UPDATE, DELETE"


def _quote(name: str) -> str:
    return '"' + name.replace('"', '""') + '"'


def _literal(said: str) -> str:
    """A string constant that holds no escape, also inside of $roles$."""
    return "'" + said.replace("'", "''") + "'"
