"""Salesforce over HTTPS, by its own client, against a server written from its published API."""

from pathlib import Path
from typing import Any

import pytest
import simple_salesforce.bulk2
from sqlalchemy import text

from pipelines.store import Store
from pipelines.syncs.syncing import Synced, preview_syncs, sync_customers
from tests.pipelines.syncs.conftest import LOGINS, salesforce_login
from tests.pipelines.syncs.fake_salesforce import EXPIRED, LIMIT, Salesforce
from tests.pipelines.syncs.internet import HURRY_S, answer, cut, dawdle, pass_on
from tests.pipelines.syncs.stores import (
    THEME,
    N,
    make_job,
    name_customers,
    read_error_fields,
    read_ledger,
    set_risk,
    wait_never,
)

UPSERT = "/composite/sobjects/Contact/External_Id__c"
FIELDS = {
    "Churn_Risk__c": "risk",
    "Open_Theme__c": "open_theme",
    "Open_Since__c": "open_since",
    "Open_Day__c": "open_since",
}


@pytest.fixture
def crm(org: Salesforce, monkeypatch: pytest.MonkeyPatch) -> Salesforce:
    """The org with two records of others, of whom we know one."""
    org.records["003A"] = {"Id": "003A", "External_Id__c": "other", "LastName": "B"}
    org.records["003B"] = {"Id": "003B", "External_Id__c": "007", "LastName": "C"}
    monkeypatch.setattr(simple_salesforce.bulk2, "sleep", lambda _seconds: None)
    return org


def crm_sync(login: str = "client credentials", **more: Any) -> dict[str, Any]:
    return {**salesforce_login(login), "name": "crm", "fields": FIELDS, **more}


def send(store: Store, folder: Path, waits: list[float] | None = None, **more: Any) -> Synced:
    (done,) = sync_customers(make_job(store, folder, crm_sync(**more)), patience=wait_never(waits))
    return done


def check_all_there_once(crm: Salesforce, n: int = N) -> None:
    for key in name_customers(n):
        (record,) = crm.find(key)
        assert record["Open_Theme__c"] == THEME
        assert float(record["Churn_Risk__c"]) == (int(key) - 7) / 1_000
    assert len(crm.records) == n + 1


@pytest.mark.parametrize("login", LOGINS)
def test_each_way_to_log_in_upserts_by_the_external_id(
    login: str, crm: Salesforce, store: Store, tmp_path: Path
) -> None:
    done = send(store, tmp_path, login=login)
    assert (done.n_sent, done.n_failed, done.error) == (N, 0, None)
    check_all_there_once(crm)
    (record,) = crm.find("007")
    assert record["LastName"] == "C" and record["Open_Day__c"] == "2026-01-05"
    assert record["Open_Since__c"] == "2026-01-05T10:30:00Z"
    assert crm.records["003A"] == {"Id": "003A", "External_Id__c": "other", "LastName": "B"}
    assert crm.count(UPSERT) == 1 and len(crm.seen) == 3


@pytest.mark.parametrize("login", ["client credentials", "soap"])
def test_a_refused_login_is_told_at_once_and_without_what_was_given(
    login: str,
    crm: Salesforce,
    store: Store,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    for name in ("CONSUMER_SECRET", "PASSWORD"):
        monkeypatch.setenv(f"SF_{name}", "canary-wrong")
    waits: list[float] = []
    done = send(store, tmp_path, waits, login=login)
    assert done.error and "Salesforce refuses the login" in done.error
    assert "canary" not in done.error and len(crm.seen) == 1 and waits == []
    assert read_ledger(store, "crm") == {}


def test_a_token_that_expires_is_renewed_in_the_middle(
    crm: Salesforce, store: Store, tmp_path: Path
) -> None:
    crm.fail("describe", lambda: crm.expire())
    crm.fail(UPSERT, lambda: crm.expire())
    assert send(store, tmp_path).n_sent == N
    check_all_there_once(crm)
    assert crm.count("/services/oauth2/token") == 3


@pytest.mark.parametrize(
    ("fault", "waits"),
    [
        (answer(429, {}, Retry_After="7"), [7.0]),
        (answer(403, LIMIT), [1.0]),
        (answer(503, "<html>maintenance</html>"), [1.0]),
        (cut, [1.0]),
        (dawdle, [1.0]),
    ],
    ids=["429", "limit", "503", "cut", "time-out"],
)
def test_what_fails_in_the_middle_of_a_batch_is_sent_again_and_is_there_once(
    fault: Any,
    waits: list[float],
    crm: Salesforce,
    store: Store,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    from pipelines.syncs import salesforce

    monkeypatch.setattr(salesforce, "_ROWS_A_CALL", 2)
    crm.fail(UPSERT, pass_on, fault)
    waited: list[float] = []
    hurry = {"timeout_s": HURRY_S} if fault is dawdle else {}
    done = send(store, tmp_path, waited, **hurry)
    assert (done.n_sent, done.error) == (N, None) and waited == waits
    assert crm.count(UPSERT) == 4
    check_all_there_once(crm)


def test_what_was_taken_before_it_gave_up_stays_taken_and_the_rest_goes_next_time(
    crm: Salesforce, store: Store, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    from pipelines.syncs import salesforce

    monkeypatch.setattr(salesforce, "_ROWS_A_CALL", 2)
    crm.fail(UPSERT, pass_on, answer(429, {}, Retry_After="86400"))
    waits: list[float] = []
    done = send(store, tmp_path, waits)
    assert done.error and "it asks to wait 86,400 s" in done.error and waits == []
    assert (done.n_sent, done.n_failed) == (2, N - 2)
    statuses = [row[0] for row in read_ledger(store, "crm").values()]
    assert sorted(statuses) == ["failed"] * 3 + ["sent"] * 2
    n_calls = crm.count(UPSERT)
    assert send(store, tmp_path).n_sent == N - 2 and crm.count(UPSERT) == n_calls + 2
    check_all_there_once(crm)


@pytest.mark.parametrize(
    ("fault", "said"),
    [
        (answer(200, [{"errorCode": "UNKNOWN", "message": "x"}]), "did not say what became"),
        (answer(200, "<html>be right back</html>"), "cannot be understood"),
        (answer(400, [{"errorCode": "JSON_PARSER_ERROR", "message": "0.001"}]),
         "refused it (status 400, JSON_PARSER_ERROR)"),
    ],
)  # fmt: skip
def test_an_answer_that_is_none_takes_nothing_for_done(
    fault: Any, said: str, crm: Salesforce, store: Store, tmp_path: Path
) -> None:
    crm.fail(UPSERT, fault)
    done = send(store, tmp_path)
    assert done.error and said in done.error and "0.001" not in done.error
    assert (done.n_sent, done.n_failed) == (0, N)
    assert send(store, tmp_path).n_sent == N
    check_all_there_once(crm)


@pytest.mark.parametrize("bulk_from", [0, 2])
def test_rows_that_are_refused_are_kept_with_the_reason_and_tried_again(
    bulk_from: int, crm: Salesforce, store: Store, tmp_path: Path
) -> None:
    crm.refused |= {"008"}
    done = send(store, tmp_path, bulk_from=bulk_from)
    assert (done.n_sent, done.n_failed, done.error) == (N - 1, 1, None)
    code = "FIELD_CUSTOM_VALIDATION_EXCEPTION"
    assert read_ledger(store, "crm")["008"] == ("failed", 1, code)
    assert read_error_fields(store, "008") == "Churn_Risk__c"
    crm.refused.clear()
    assert send(store, tmp_path, bulk_from=bulk_from).n_sent == 1
    check_all_there_once(crm)


@pytest.mark.parametrize(
    ("pattern", "fault"),
    [
        ("POST .*/jobs/ingest", cut),
        ("PUT .*/batches", cut),
        (r"PATCH .*/ingest/\w+", cut),
        (r"GET .*/ingest/\w+", answer(429, {})),
        ("GET .*/successfulResults", cut),
        ("PUT .*/batches", answer(401, EXPIRED)),
    ],
)
def test_a_bulk_job_that_is_cut_off_is_done_once(
    pattern: str, fault: Any, crm: Salesforce, store: Store, tmp_path: Path
) -> None:
    set_risk(store, "008", None)
    crm.fail(f"{pattern}$", fault)
    done = send(store, tmp_path, bulk_from=2)
    assert (done.n_sent, done.n_failed, done.error) == (N, 0, None)
    assert crm.count(UPSERT) == 0 and crm.count("POST .*/jobs/ingest$") >= 1
    (record,) = crm.find("008")
    assert record["Churn_Risk__c"] is None and len(crm.records) == N + 1


@pytest.mark.parametrize(
    ("fault", "said"),
    [
        (answer(200, {"fields": None}), "an answer that cannot be understood"),
        (answer(200, "null"), "an answer that cannot be understood"),
        (answer(404, [{"errorCode": "NOT_FOUND"}]), "NOT_FOUND); check the name of the object"),
    ],
)
def test_a_description_that_cannot_be_read_is_told_and_nothing_is_sent(
    fault: Any, said: str, crm: Salesforce, store: Store, tmp_path: Path
) -> None:
    crm.fail("describe", fault)
    done = send(store, tmp_path)
    assert done.error and said in done.error
    assert read_ledger(store, "crm") == {} and not crm.count(UPSERT)


def test_a_mapping_that_does_not_fit_is_told_before_anything_is_sent(
    crm: Salesforce, store: Store, tmp_path: Path
) -> None:
    fields = {"Churn__c": "risk", "Open_Day__c": "risk", "Score__c": "risk"}
    job = make_job(store, tmp_path, crm_sync(fields=fields, id_field="LastName"))
    for results in (preview_syncs(job), sync_customers(job)):
        error = results[0].error or ""
        assert "it has no field Churn__c (its own are: Churn_Risk__c, External_Id__c" in error
        assert "LastName is no external id" in error
        assert "Open_Day__c is date, and number comes there" in error
        assert "Score__c cannot be written by this user" in error
    assert read_ledger(store, "crm") == {} and not crm.count(UPSERT)


def test_rows_are_taken_back_by_emptying_what_is_there_and_making_nothing(
    crm: Salesforce, store: Store, tmp_path: Path
) -> None:
    send(store, tmp_path)
    (deleted,) = crm.find("009")
    del crm.records[deleted["Id"]]
    with store.write() as connection:
        connection.execute(text("DELETE FROM customer WHERE customer_id < '010'"))
    crm.fail("/query/01g-1", cut)  # in the middle of a result of several pages
    done = send(store, tmp_path)
    assert (done.n_removed, done.n_failed, done.error) == (3, 0, None)
    assert len(crm.records) == N
    for key in ("007", "008"):
        (record,) = crm.find(key)
        assert {record[name] for name in FIELDS} == {None}
    assert crm.find("007")[0]["LastName"] == "C" and not crm.find("009")
    assert {row[0] for row in read_ledger(store, "crm").values()} == {"removed", "sent"}
