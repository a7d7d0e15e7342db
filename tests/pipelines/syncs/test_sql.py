"""Tables of other databases: real SQLite and PostgreSQL."""

import json
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import Engine, text

from pipelines import doctor
from pipelines.cli.app import run_app
from pipelines.store import Store
from pipelines.syncs.syncing import preview_syncs, sync_customers
from tests.engines import open_engine
from tests.pipelines.store_copies import make_postgres_database
from tests.pipelines.syncs.stores import (
    SINCE,
    THEME,
    N,
    make_job,
    name_customers,
    read_error_fields,
    read_ledger,
    set_risk,
    wait_never,
)

FIELDS = {
    "risk": "risk",
    "theme": "open_theme",
    "since": "open_since",
    "n": "n_feedback",
    "evidence": "evidence",
}


@pytest.fixture
def other(any_store: Store, request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Engine]:
    """An empty database of the same kind as the store."""
    url = f"sqlite:///{tmp_path}/dw.db"
    if any_store.path is None:
        url = make_postgres_database(request.getfixturevalue("postgres_url"))
    engine = open_engine(url)
    yield engine
    engine.dispose()


def sync_to(engine: Engine, **more: Any) -> dict[str, Any]:
    to = engine.url.render_as_string(hide_password=False)
    return {"name": "dw", "kind": "sql", "to": to, "table": "scores", "fields": FIELDS, **more}


def execute(engine: Engine, statement: str) -> list[Any]:
    with engine.begin() as connection:
        result = connection.execute(text(statement))
        return list(result.all()) if result.returns_rows else []


def test_a_table_is_made_filled_and_emptied(
    any_store: Store, other: Engine, tmp_path: Path
) -> None:
    job = make_job(any_store, tmp_path, sync_to(other, create=True, batch=2))
    (done,) = sync_customers(job)
    assert (done.n_sent, done.n_failed, done.error) == (N, 0, None)
    rows = execute(other, "SELECT * FROM scores ORDER BY customer_id")
    assert [row[0] for row in rows] == name_customers(N)
    one = rows[1]._mapping
    assert (one["risk"], one["theme"], one["n"], one["evidence"]) == (0.001, THEME, 2, '["008-0"]')
    since = one["since"]
    if isinstance(since, str):
        since = datetime.fromisoformat(since).replace(tzinfo=UTC)
    assert since == SINCE
    set_risk(any_store, "008", None)
    assert sync_customers(job)[0].n_sent == 1
    assert execute(other, "SELECT risk FROM scores WHERE customer_id = '008'") == [(None,)]
    assert execute(other, "SELECT count(*) FROM scores") == [(N,)]


def test_a_table_of_others_keeps_its_other_columns_and_fields_are_emptied(
    store: Store, target: Engine, tmp_path: Path
) -> None:
    is_postgres = target.dialect.name == "postgresql"
    json_type = "JSONB" if is_postgres else "JSON"
    execute(
        target,
        "CREATE TABLE crm (own TEXT, account VARCHAR(20) PRIMARY KEY, risk NUMERIC(9, 4), "
        f"theme VARCHAR(12), since DATE, evidence {json_type})",
    )
    execute(target, "INSERT INTO crm (own, account) VALUES ('kept', '007'), ('other', '999')")
    fields = {name: FIELDS[name] for name in ("risk", "since", "evidence")}
    job = make_job(
        store,
        tmp_path,
        sync_to(target, table="crm", id_column="account", fields=fields, remove="fields"),
    )
    assert sync_customers(job)[0].n_sent == N
    (row,) = execute(target, "SELECT own, risk, since, evidence FROM crm WHERE account = '007'")
    assert (row[0], float(row[1]), str(row[2])) == ("kept", 0.0, "2026-01-05")
    assert row[3] in (["007-0"], '["007-0"]')
    with store.write() as connection:
        connection.execute(text("DELETE FROM customer WHERE customer_id = '007'"))
    assert sync_customers(job)[0].n_removed == 1
    found = execute(target, "SELECT own, risk, since FROM crm WHERE account IN ('007', '999')")
    assert sorted(found) == [("kept", None, None), ("other", None, None)]
    # A text that is too long is refused by name, and the other rows go.
    fields["theme"] = "open_theme"
    job = make_job(
        store,
        tmp_path,
        sync_to(target, table="crm", id_column="account", fields=fields),
    )
    (done,) = sync_customers(job)
    assert (done.n_sent, done.n_failed) == (0, N - 1)
    assert read_ledger(store, "dw")["008"] == (
        "failed",
        1,
        "too long for theme (at most 12 characters)",
    )


def test_a_mapping_that_does_not_fit_is_told_before_anything_is_sent(
    store: Store, target: Engine, tmp_path: Path
) -> None:
    job = make_job(store, tmp_path, sync_to(target))
    (missing,) = preview_syncs(job)
    assert missing.error and "there is no table scores of" in missing.error
    execute(target, "CREATE TABLE scores (customer_id INTEGER, risk INTEGER, theme TEXT)")
    for results in (preview_syncs(job), sync_customers(job)):
        error = results[0].error or ""
        assert "it has no column since, n, evidence (it has: customer_id, risk, theme)" in error
        assert "risk is INTEGER, and number comes there" in error
        assert "customer_id is no text, and an id may be 007" in error
        assert "customer_id is no primary key, and has no unique index" in error
    assert read_ledger(store, "dw") == {}


def test_a_row_that_is_refused_does_not_keep_the_others_and_is_tried_again(
    store: Store, target: Engine, tmp_path: Path
) -> None:
    execute(
        target,
        "CREATE TABLE scores (customer_id VARCHAR(9) PRIMARY KEY, "
        "risk FLOAT CHECK (risk <> 0.002), theme TEXT)",
    )
    fields = {"risk": "risk", "theme": "open_theme"}
    job = make_job(store, tmp_path, sync_to(target, fields=fields))
    for attempt in (1, 2):
        (done,) = sync_customers(job)
        assert (done.n_sent, done.n_failed) == ((N - 1, 1) if attempt == 1 else (0, 1))
        status, attempts, error = read_ledger(store, "dw")["009"]
        assert (status, attempts) == ("failed", attempt)
        assert error.startswith("the database refused it (") and "0.002" not in error
        assert read_error_fields(store, "009") == "risk"
    set_risk(store, "009", 0.5)
    assert sync_customers(job)[0].n_sent == 1
    assert read_ledger(store, "dw")["009"] == ("sent", 0, None)


def test_rows_that_failed_are_told_by_the_exit_code_and_by_doctor(
    store: Store, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    engine = open_engine(f"sqlite:///{tmp_path}/dw.db")
    execute(engine, "CREATE TABLE t (customer_id VARCHAR(9) PRIMARY KEY, theme VARCHAR(3))")
    engine.dispose()
    config = tmp_path / "earful.toml"
    config.write_text(
        f'store = {{ url = "sqlite:///{store.path}" }}\n[[syncs]]\nname = "dw"\n'
        'kind = "sql"\nto = "sqlite:///dw.db"\ntable = "t"\nfields = { theme = "open_theme" }\n'
    )
    assert run_app(["sync", "-c", str(config)]) == 3
    said = capsys.readouterr()
    assert "0 sent, 0 taken back, 5 failed" in said.out
    assert "why they failed: earful sync dw --failed" in said.err
    assert run_app(["sync", "--failed", "-c", str(config), "--json", "-n", "1"]) == 0
    reason = {"fields": ["theme"], "reason": "too long for theme (at most 3 characters)"}
    assert json.loads(capsys.readouterr().out) == {
        "counts": [{"sync": "dw", **reason, "n": 5}],
        "rows": [
            {
                "sync": "dw",
                "customer_id": "007",
                **reason,
                "attempts": 1,
                "next_attempt": "next sync",
                "last_taken_at": None,
            }
        ],
    }
    assert run_app(["sync", "dw", "--failed", "-c", str(config)]) == 0
    shown = capsys.readouterr().out
    assert "Rows that were not taken: 5 of 5" in shown and THEME not in shown
    assert run_app(["sync", "crm", "--failed", "-c", str(config)]) == 2
    (found,) = doctor._check_syncs(f"sqlite:///{store.path}")
    assert (found.name, found.state) == ("sync dw", "warning")
    assert found.detail == (
        "5 failed; see why with: earful sync dw --failed; send again with: earful sync dw"
    )


@pytest.mark.postgres
def test_a_lost_connection_is_made_again_in_the_middle_of_a_batch(
    store: Store, postgres_url: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    from pipelines.syncs.sql import SqlTarget

    engine = open_engine(make_postgres_database(postgres_url))
    job = make_job(store, tmp_path, sync_to(engine, create=True, batch=2))
    upsert, cut = SqlTarget._upsert, []

    def cut_once(self: Any, connection: Any, table: Any, rows: Any) -> None:
        upsert(self, connection, table, rows)
        if len(cut) < 1:  # what was written is not committed yet
            cut.append(connection.execute(text("SELECT pg_backend_pid()")).scalar_one())
            execute(engine, f"SELECT pg_terminate_backend({cut[0]})")

    monkeypatch.setattr(SqlTarget, "_upsert", cut_once)
    waits: list[float] = []
    (done,) = sync_customers(job, patience=wait_never(waits))
    assert (done.n_sent, done.error, waits) == (N, None, [1.0])
    assert execute(engine, "SELECT count(*), count(DISTINCT customer_id) FROM scores") == [(N, N)]
    engine.dispose()


def test_a_database_that_stays_away_is_told_and_the_rows_wait(store: Store, tmp_path: Path) -> None:
    (tmp_path / "dw.db").write_bytes(b"this is no database " * 50)
    job = make_job(
        store,
        tmp_path,
        {
            "name": "pg",
            "kind": "sql",
            "to": "postgresql://u@127.0.0.1:1/x",
            "table": "t",
            "fields": {"r": "risk"},
        },
        {
            "name": "lite",
            "kind": "sql",
            "to": "sqlite:///dw.db",
            "table": "t",
            "fields": {"r": "risk"},
        },
    )
    waits: list[float] = []
    for done in sync_customers(job, patience=wait_never(waits)):
        assert done.error and ("cannot be reached" in done.error or "refused it" in done.error)
    assert waits == [1.0, 2.0, 4.0, 8.0]


@pytest.fixture(params=["sqlite", pytest.param("postgresql", marks=pytest.mark.postgres)])
def target(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Engine]:
    """An empty database of either kind."""
    url = f"sqlite:///{tmp_path}/dw.db"
    if request.param == "postgresql":
        url = make_postgres_database(request.getfixturevalue("postgres_url"))
    engine = open_engine(url)
    yield engine
    engine.dispose()
