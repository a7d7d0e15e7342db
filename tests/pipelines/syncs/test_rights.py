"""What was sent about a person is taken back: when they refuse, and before they are forgotten."""

from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pyarrow.parquet as pq
import pytest
from sqlalchemy import insert, text

from pipelines import tables
from pipelines.errors import StoppedError
from pipelines.rights.export import export_person
from pipelines.rights.forgetting import forget_person
from pipelines.rights.people import Asked
from pipelines.store import Store
from pipelines.syncs.sql import SqlTarget
from pipelines.syncs.syncing import sync_customers
from pipelines.syncs.target import SyncError
from tests.engines import open_engine
from tests.pipelines.rights.people import count_all
from tests.pipelines.syncs.conftest import hubspot_login, salesforce_login
from tests.pipelines.syncs.fake_hubspot import Hubspot
from tests.pipelines.syncs.fake_salesforce import Salesforce
from tests.pipelines.syncs.stores import N, make_job, name_customers, read_ledger

NAME, OTHER, *_ = name_customers(N)
# What is known of the record, which does not change as insight is made anew.
FIELDS = {"segment": "segment"}
FILES: tuple[dict[str, Any], ...] = (
    {"name": "dw", "kind": "sql", "to": "sqlite:///dw.db", "table": "t", "create": True},
    {"name": "import", "kind": "csv", "path": "import.csv"},
    {"name": "lake", "kind": "parquet", "path": "lake.parquet"},
)
SYNCS = [{**each, "fields": FIELDS} for each in FILES]


def list_sent(folder: Path) -> list[str]:
    engine = open_engine(f"sqlite:///{folder}/dw.db")
    with engine.connect() as connection:
        found = connection.execute(text("SELECT customer_id FROM t ORDER BY 1")).scalars().all()
    engine.dispose()
    return list(found)


def say(store: Store, status: str, day: int) -> None:
    """Customers withdraw or grant profiling."""
    row = {"customer_id": NAME, "purpose": "profiling", "status": status}
    at = datetime(2026, 3, day, tzinfo=UTC)
    with store.write() as connection:
        connection.execute(insert(tables.consent).values(consent_id=f"c{day}", at=at, **row))


def test_who_withdraws_is_taken_back_by_the_next_sync_and_sent_again_when_they_grant(
    store: Store, tmp_path: Path
) -> None:
    job = make_job(store, tmp_path, *SYNCS)
    assert [done.n_sent for done in sync_customers(job)] == [N] * 3
    say(store, "withdrawn", 1)
    assert [done.n_removed for done in sync_customers(job)] == [1] * 3
    left = name_customers(N)[1:]
    assert list_sent(tmp_path) == left
    assert (tmp_path / "import.csv").read_text("utf-8-sig").split("\n")[1][:3] == OTHER
    assert pq.read_table(tmp_path / "lake.parquet")["customer_id"].to_pylist() == left
    assert [done.n_removed for done in sync_customers(job)] == [0] * 3
    say(store, "granted", 2)
    assert [done.n_sent for done in sync_customers(job)] == [1] * 3
    assert list_sent(tmp_path) == name_customers(N)


def test_a_forgotten_person_is_taken_back_first_and_told_before_what_was_sent(
    any_store: Store, tmp_path: Path
) -> None:
    job = make_job(any_store, tmp_path, *SYNCS)
    sync_customers(job)
    done = export_person(job, Asked(customer=NAME), tmp_path / "them.json")
    assert done is not None and done.n_rows["synced"] == 3
    receipt = forget_person(job, Asked(customer=NAME))
    assert not receipt.problems and receipt.counts["sync_row"] == 3
    assert list_sent(tmp_path) == name_customers(N)[1:]
    assert NAME not in (tmp_path / "import.csv").read_text()
    assert NAME.encode() not in b"".join(path.read_bytes() for path in tmp_path.glob("dw.db*"))
    assert count_all(any_store, "sync_row") == 3 * (N - 1)
    assert [each.n_sent + each.n_removed for each in sync_customers(job)] == [0] * 3


def test_who_stops_while_rows_are_taken_back_is_told_where_they_may_be_gone(
    store: Store, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    job = make_job(store, tmp_path, *SYNCS)
    sync_customers(job)
    remove = SqlTarget.remove

    def stop_after(*asked: Any) -> Iterator[Any]:
        yield from remove(*asked)
        raise KeyboardInterrupt

    monkeypatch.setattr(SqlTarget, "remove", stop_after)
    with pytest.raises(StoppedError, match=r"nobody was erased.* from: dw, import, lake\."):
        forget_person(job, Asked(customer=NAME))
    monkeypatch.undo()
    assert list_sent(tmp_path) == name_customers(N)[1:] and not count_all(store, "erasure")
    assert [done.n_sent for done in sync_customers(job)] == [1, 0, 0]
    assert list_sent(tmp_path) == name_customers(N)


def test_nobody_is_forgotten_while_a_destination_still_holds_them(
    store: Store, tmp_path: Path, account: Hubspot, org: Salesforce
) -> None:
    hubspot = {**hubspot_login(), "name": "hs", "fields": {"open_theme": "segment"}}
    crm = {**salesforce_login(), "name": "sf", "fields": {"Open_Theme__c": "segment"}}
    job = make_job(store, tmp_path, hubspot, crm, SYNCS[1])
    assert [done.n_sent for done in sync_customers(job)] == [N] * 3
    token, account.token = account.token, "another one"
    with pytest.raises(SyncError) as caught:
        forget_person(job, Asked(customer=NAME))
    said = str(caught.value)
    assert said.startswith("nobody was erased, as other systems still hold them: hs: HubSpot")
    assert "--leave-synced" in said and "sf:" not in said
    assert account.contacts[NAME]["open_theme"] == "gold" and not count_all(store, "erasure")
    statuses = [read_ledger(store, each)[NAME][0] for each in ("hs", "sf", "import")]
    assert statuses == ["failed", "removed", "removed"]
    without = make_job(store, tmp_path, crm, SYNCS[1])
    with pytest.raises(SyncError, match="hs: the configuration has no such sync any more"):
        forget_person(without, Asked(customer=NAME))
    account.token = token
    receipt = forget_person(job, Asked(customer=NAME))
    assert not receipt.problems
    assert account.contacts[NAME] == {"customer_no": NAME, "open_theme": ""}
    assert org.find(NAME)[0]["Open_Theme__c"] is None
    # Where nobody can take it back any more, they are erased here all the same when told to.
    receipt = forget_person(without, Asked(customer=OTHER), leaves_synced=True)
    assert not receipt.problems and receipt.counts["sync_row"] == 3
    assert OTHER not in read_ledger(store, "hs") and account.contacts[OTHER]["open_theme"]
