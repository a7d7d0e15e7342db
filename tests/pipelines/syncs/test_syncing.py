"""Rows go where they should, once, and come back when they may not be there."""

import json
import signal
from collections.abc import Callable
from contextlib import ExitStack
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import delete, insert, text, update

from pipelines import tables
from pipelines.cli.app import run_app
from pipelines.config import check_config
from pipelines.customers import make_customer_id
from pipelines.errors import ConfigError, LockedError
from pipelines.keys import hash_keys
from pipelines.store import Store
from pipelines.syncs import sending
from pipelines.syncs.sql import SqlTarget
from pipelines.syncs.syncing import preview_syncs, sync_customers
from tests.engines import open_engine
from tests.pipelines.planted import PlantedJob
from tests.pipelines.rights.people import SECRET
from tests.pipelines.syncs.stores import (
    THEME,
    N,
    add_customer,
    make_job,
    name_customers,
    read_ledger,
    set_risk,
)

FIELDS = {"risk": "risk", "theme": "open_theme"}


@pytest.fixture
def job(store: Store, tmp_path: Path) -> PlantedJob:
    return make_job(store, tmp_path, sql_sync())


def sql_sync(**more: Any) -> dict[str, Any]:
    given = {"name": "dw", "kind": "sql", "to": "sqlite:///dw.db", "table": "scores"}
    return {**given, "create": True, "fields": FIELDS, **more}


def read_table(folder: Path) -> dict[str, tuple[Any, ...]]:
    engine = open_engine(f"sqlite:///{folder}/dw.db")
    with engine.connect() as connection:
        rows = connection.execute(text("SELECT customer_id, risk, theme FROM scores")).all()
    engine.dispose()
    assert len({key for key, *_ in rows}) == len(rows)
    return {key: tuple(rest) for key, *rest in rows}


def count(job: PlantedJob) -> tuple[int, ...]:
    (done,) = sync_customers(job)
    assert done.error is None
    return done.n_sent, done.n_removed, done.n_failed, done.n_unchanged


def test_only_changed_rows_are_sent_and_those_that_may_not_be_there_are_taken_back(
    store: Store, job: PlantedJob, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(sending, "_PAGE_ROWS", 2)
    one, two, three, *_ = name_customers(N)
    assert count(job) == (N, 0, 0, 0)
    assert read_table(tmp_path)[one] == (0.0, THEME)
    assert count(job) == (0, 0, 0, N)
    set_risk(store, two, 0.9)
    with store.write() as connection:
        own = tables.customer.c.customer_id
        connection.execute(delete(tables.customer).where(own == one))
        # Their record is now another one's.
        merge = update(tables.customer).where(own == three)
        connection.execute(merge.values(merged_into=two))
    assert count(job) == (1, 2, 0, 2)
    held = read_table(tmp_path)
    assert held.keys() == set(name_customers(N)) - {one, three} and held[two] == (0.9, THEME)
    assert {key: row[0] for key, row in read_ledger(store, "dw").items()} == {
        key: "removed" if key in (one, three) else "sent" for key in name_customers(N)
    }
    with store.write() as connection:
        connection.execute(merge.values(merged_into=None))
    assert count(job) == (1, 0, 0, 3) and three in read_table(tmp_path)


def test_customers_of_whom_nothing_is_known_are_not_sent_but_emptied_once_they_were(
    store: Store, tmp_path: Path
) -> None:
    job = make_job(store, tmp_path, sql_sync(fields={"risk": "risk", "theme": "next_action"}))
    one, *_ = name_customers(N)
    set_risk(store, one, None)
    assert count(job)[0] == N - 1 and one not in read_table(tmp_path)
    set_risk(store, one, 0.3)
    count(job)
    set_risk(store, one, None)
    assert count(job) == (1, 0, 0, N - 1) and read_table(tmp_path)[one] == (None, None)


def test_records_that_the_crm_gave_no_id_are_not_sent(store: Store, tmp_path: Path) -> None:
    (hashed,) = hash_keys(SECRET.encode(), {"email": "someone@example.com"}).values()
    made = make_customer_id(SECRET.encode(), "email", hashed)
    like_it = "c" + "0" * 24
    with store.write() as connection:
        for key in (made, like_it):
            add_customer(connection, key, 0.5)
        row = {"key_type": "email", "key_hash": hashed, "customer_id": made}
        connection.execute(insert(tables.customer_key).values(**row))
    job = make_job(store, tmp_path, sql_sync())
    assert preview_syncs(job)[0].n_sent == N + 1
    assert count(job) == (N + 1, 0, 0, 0)
    assert read_table(tmp_path).keys() == {*name_customers(N), like_it}


def test_a_dry_run_shows_each_field_that_would_change_and_writes_nothing(
    store: Store,
    job: PlantedJob,
    tmp_path: Path,
    capsys: pytest.CaptureFixture[str],
) -> None:
    one, two, *_ = name_customers(N)
    (first,) = preview_syncs(job)
    assert first.n_sent == N and not (tmp_path / "dw.db").exists()
    assert read_ledger(store, "dw") == {}
    sync_customers(job)
    set_risk(store, two, 0.9)
    with store.write() as connection:
        connection.execute(delete(tables.customer).where(tables.customer.c.customer_id == one))
    before = read_ledger(store, "dw"), read_table(tmp_path)
    config = tmp_path / "earful.toml"
    config.write_text(
        f'store = {{ url = "sqlite:///{store.path}" }}\n[[syncs]]\nname = "dw"\nkind = "sql"\n'
        'to = "sqlite:///dw.db"\ntable = "scores"\ncreate = true\n'
        'fields = { risk = "risk", theme = "open_theme" }\n'
    )
    assert run_app(["sync", "--dry-run", "--json", "-c", str(config)]) == 0
    (shown,) = json.loads(capsys.readouterr().out)
    assert (shown["n_sent"], shown["n_removed"], shown["n_unchanged"]) == (1, 1, N - 2)
    assert shown["changes"] == [
        {
            "customer_id": one,
            "change": "remove",
            "fields": {"risk": [0.0, None], "theme": [THEME, None]},
        },
        {"customer_id": two, "change": "send", "fields": {"risk": [0.001, 0.9]}},
    ]
    assert (read_ledger(store, "dw"), read_table(tmp_path)) == before
    assert run_app(["sync", "dw", "--dry-run", "-c", str(config)]) == 0
    assert "1 would be sent, 1 would be taken back" in capsys.readouterr().out
    assert run_app(["sync", "-c", str(config)]) == 0
    assert "1 sent, 1 taken back, 0 failed, 3 unchanged" in capsys.readouterr().out
    assert run_app(["sync", "crm", "-c", str(config)]) == 2
    assert "no sync crm (there are: dw)" in capsys.readouterr().err


class _Killed(BaseException):
    """As when the machine loses power."""


def _die_at(
    monkeypatch: pytest.MonkeyPatch, owner: Any, name: str, number: int
) -> Callable[[], int]:
    """Die when something is called for the so-manieth time: when it has just been done."""
    calls = 0
    original = getattr(owner, name)

    def do(*given: Any, **more: Any) -> Any:
        nonlocal calls
        calls += 1
        done = original(*given, **more)
        if calls == number:
            raise _Killed
        return done

    monkeypatch.setattr(owner, name, do)
    return lambda: calls


@pytest.mark.parametrize(
    ("owner", "name"),
    [
        (sending, "note_going"),
        (SqlTarget, "_write"),
        (sending, "note_sent"),
        (sending, "note_removed"),
    ],
)
def test_killed_anywhere_the_next_sync_ends_in_the_same_state(
    owner: Any, name: str, store: Store, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    job = make_job(store, tmp_path, sql_sync())
    one, two, *_ = name_customers(N)
    sync_customers(job)
    for number in range(1, 20):
        set_risk(store, two, number / 100)
        with store.write() as connection:
            own = tables.customer.c.customer_id == one
            merged = None if number % 2 else two
            connection.execute(update(tables.customer).where(own).values(merged_into=merged))
        with monkeypatch.context() as patched:
            calls = _die_at(patched, owner, name, number)
            try:
                sync_customers(job)
            except _Killed:
                sync_customers(job)
        held = read_table(tmp_path)
        assert (one in held) == bool(number % 2) and held[two] == (number / 100, THEME)
        assert len(held) == N - (number + 1) % 2
        statuses = {row[0] for row in read_ledger(store, "dw").values()}
        assert statuses <= {"sent", "removed"}
        if calls() < number:
            return
    raise AssertionError("nothing was left to interrupt, and it went on")


def test_rows_are_not_sent_by_two_programs_at_once_and_runs_may_write_meanwhile(
    store: Store, job: PlantedJob
) -> None:
    with store.lock(0, "syncs"):
        with store.lock(0):
            pass
        with pytest.raises(LockedError, match="another earful sync sends rows"):
            sync_customers(make_job_in_no_hurry(job))


def make_job_in_no_hurry(job: PlantedJob) -> PlantedJob:
    return replace(job, lock_timeout_s=0)


@pytest.fixture
def config(store: Store, tmp_path: Path) -> Path:
    """Two destinations, to the first of which two rows go at a time."""
    path = tmp_path / "earful.toml"
    dw = 'kind = "sql"\nto = "sqlite:///dw.db"\ntable = "scores"\ncreate = true\nbatch = 2'
    fields = 'fields = { risk = "risk", theme = "open_theme" }'
    path.write_text(
        f'store = {{ url = "sqlite:///{store.path}" }}\n'
        f'[[syncs]]\nname = "dw"\n{dw}\n{fields}\n'
        f'[[syncs]]\nname = "file"\nkind = "csv"\npath = "a.csv"\n{fields}\n'
    )
    return path


@pytest.mark.parametrize("n_times", [1, 2])
def test_ctrl_c_finishes_the_portion_under_way_and_the_next_sync_sends_the_rest(
    n_times: int,
    store: Store,
    config: Path,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    upsert, sent = SqlTarget._upsert, list[str]()

    def press(target: SqlTarget, connection: Any, table: Any, rows: Any) -> None:
        upsert(target, connection, table, rows)
        sent.extend(row.key for row in rows)
        handler = signal.getsignal(signal.SIGINT)
        assert callable(handler)
        for _ in range(n_times if len(sent) == 2 else 0):
            handler(signal.SIGINT, None)

    monkeypatch.setattr(SqlTarget, "_upsert", press)
    assert run_app(["sync", "-c", str(config)]) == 1
    said = capsys.readouterr()
    n_sent = 2 if n_times == 1 else 0  # of those under way nobody knows
    assert f"dw: {n_sent} sent" in said.out and "file" not in said.out
    assert f"stopped: {n_sent} rows were taken and are noted" in said.err
    assert ("it was stopped at once" in said.err) == (n_times == 2)
    assert "the store is as it was" not in said.err
    statuses = [row[0] for row in read_ledger(store, "dw").values()]
    assert sorted(statuses) == sorted(
        ["sent"] * 2 + ["failed"] * 3 if n_times == 1 else ["sending"] * 5
    )
    assert run_app(["sync", "-c", str(config)]) == 0
    assert f"dw: {N - n_sent} sent" in capsys.readouterr().out
    assert len(read_table(tmp_path)) == N
    assert n_times == 2 or sorted(sent) == name_customers(N)


def test_a_run_that_takes_the_store_in_the_middle_leaves_the_rest_and_a_summary(
    config: Path, store: Store, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(sending, "_PAGE_ROWS", 2)
    with ExitStack() as held, monkeypatch.context() as patched:
        patched.setattr(sending.Sending, "_count", lambda *given: held.enter_context(store.lock(1)))
        assert run_app(["sync", "-c", str(config), "--lock-timeout", "0.1"]) == 4
    said = capsys.readouterr()
    assert "dw: " in said.out and "file" not in said.out
    assert "another run holds the store" in said.err
    assert run_app(["sync", "-c", str(config)]) == 0
    assert f"dw: {N - 2} sent, 0 taken back, 0 failed, 2 unchanged" in capsys.readouterr().out


def test_one_destination_that_fails_does_not_keep_the_others(store: Store, tmp_path: Path) -> None:
    csv = {"kind": "csv", "fields": FIELDS}
    job = make_job(
        store,
        tmp_path,
        {"name": "a", "path": "none/a.csv", **csv},
        {"name": "b", "path": "b.csv", **csv},
    )
    failed, done = sync_customers(job)
    assert failed.error and "there is no folder" in failed.error and failed.n_sent == 0
    assert done.error is None and done.n_sent == N


def test_mistakes_in_the_configuration_are_named_with_what_there_is() -> None:
    token = {"access_token": "${TOKEN}", "id_property": "customer_no"}
    syncs = [
        {"name": "a", "kind": "csv", "path": "a.csv", "fields": {"x": "rsik"}},
        {"name": "b", "kind": "hubspot", "fields": {"x": "risk"}, **token, "access_token": "pat"},
        {
            "name": "c",
            "kind": "salesforce",
            "domain": "acme.my",
            "id_field": "Id__c",
            "fields": {"x": "risk"},
            "username": "u",
        },
        {"name": "d", "kind": "csv", "path": "d.csv", "fields": {"customer_id": "risk"}},
        {"name": "e", "kind": "sql", "to": "sqlite:///x.db", "tabel": "t", "fields": {"x": "risk"}},
    ]
    with pytest.raises(ConfigError) as caught:
        check_config({"syncs": syncs}, "my.toml")
    said = str(caught.value)
    assert "v_customer has no column rsik (there are: customer_id, segment" in said
    assert "write ${ITS_NAME} @ syncs.1.hubspot.access_token" in said
    assert "log in with consumer_key and consumer_secret" in said
    assert "customer_id is what rows are known by; leave it out of fields" in said
    assert "unknown key @ syncs.4.sql.tabel (known here: batch, create, fields" in said
    good = {"name": "a", "kind": "csv", "path": "a.csv", "fields": {"x": "risk"}}
    with pytest.raises(ConfigError, match="two syncs are called a; name each"):
        check_config({"syncs": [good, good]}, "my.toml")
    with pytest.raises(ConfigError, match="names no destination"):
        sync_customers(PlantedJob(check_config({}, "my.toml"), Path()))
