"""HubSpot over HTTPS, by its own client, against a server written from its published API."""

from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import text

from pipelines.store import Store
from pipelines.syncs import hubspot
from pipelines.syncs.syncing import Synced, preview_syncs, sync_customers
from tests.pipelines.syncs.conftest import hubspot_login
from tests.pipelines.syncs.fake_hubspot import Hubspot
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

FIELDS = {
    "churn_risk": "risk",
    "open_theme": "open_theme",
    "open_since": "open_since",
    "open_day": "open_since",
}


@pytest.fixture
def crm(account: Hubspot, monkeypatch: pytest.MonkeyPatch) -> Hubspot:
    """The account with two contacts of others, of whom we know one."""
    account.contacts |= {
        key: {"customer_no": key, "email": f"{key}@example.com"} for key in ("other", "007")
    }
    monkeypatch.setattr(hubspot, "_ROWS_A_CALL", 2)
    return account


def crm_sync(**more: Any) -> dict[str, Any]:
    return {**hubspot_login(), "name": "crm", "fields": FIELDS, **more}


def send(store: Store, folder: Path, waits: list[float] | None = None, **more: Any) -> Synced:
    job = make_job(store, folder, crm_sync(**more))
    (done,) = sync_customers(job, patience=wait_never(waits))
    return done


def check_all_there_once(crm: Hubspot) -> None:
    assert crm.contacts.keys() == {"other", *name_customers(N)}
    for key in name_customers(N):
        contact = crm.contacts[key]
        assert float(contact["churn_risk"]) == (int(key) - 7) / 1_000
        assert contact["open_theme"] == THEME
    assert crm.contacts["other"] == {"customer_no": "other", "email": "other@example.com"}


def test_contacts_are_upserted_by_the_unique_property_and_emptied_when_taken_back(
    crm: Hubspot, store: Store, tmp_path: Path
) -> None:
    assert send(store, tmp_path).n_sent == N
    check_all_there_once(crm)
    known = crm.contacts["007"]
    assert (known["email"], known["open_day"]) == ("007@example.com", "2026-01-05")
    assert known["open_since"] == "2026-01-05T10:30:00Z"
    assert send(store, tmp_path).n_unchanged == N and crm.count("upsert") == 3
    set_risk(store, "011", None)
    del crm.contacts["009"]
    with store.write() as connection:
        connection.execute(text("DELETE FROM customer WHERE customer_id < '010'"))
    done = send(store, tmp_path)
    assert (done.n_sent, done.n_removed, done.n_failed) == (1, 3, 0)
    assert crm.contacts["011"]["churn_risk"] == "" and "009" not in crm.contacts
    emptied = dict.fromkeys(FIELDS, "")
    assert crm.contacts["007"] == {"customer_no": "007", "email": "007@example.com", **emptied}


@pytest.mark.parametrize(
    ("fault", "waits"),
    [
        (answer(429, {"policyName": "TEN_SECONDLY_ROLLING"}, Retry_After="7"), [7.0]),
        (answer(502, "<html>bad gateway</html>"), [1.0]),
        (cut, [1.0]),
        (dawdle, [1.0]),
    ],
    ids=["429", "502", "cut", "time-out"],
)
def test_what_fails_in_the_middle_of_a_batch_is_sent_again_and_is_there_once(
    fault: Any, waits: list[float], crm: Hubspot, store: Store, tmp_path: Path
) -> None:
    crm.fail("upsert", pass_on, fault)
    waited: list[float] = []
    hurry = {"timeout_s": HURRY_S} if fault is dawdle else {}
    done = send(store, tmp_path, waited, **hurry)
    assert (done.n_sent, done.error) == (N, None) and waited == waits
    assert crm.count("upsert") == 4
    check_all_there_once(crm)


@pytest.mark.parametrize("marks_errors", [True, False])
def test_rows_that_are_refused_are_kept_with_the_reason_and_tried_again(
    marks_errors: bool, crm: Hubspot, store: Store, tmp_path: Path
) -> None:
    crm.refused, crm.marks_errors = {"008"}, marks_errors
    for attempt in (1, 2):
        done = send(store, tmp_path)
        assert (done.n_sent, done.n_failed, done.error) == (N - 1 if attempt == 1 else 0, 1, None)
        reason = "VALIDATION_ERROR: INVALID_INTEGER"
        assert read_ledger(store, "crm")["008"] == ("failed", attempt, reason)
        assert read_error_fields(store, "008") == "churn_risk"
    crm.refused = set()
    assert send(store, tmp_path).n_sent == 1
    check_all_there_once(crm)


@pytest.mark.parametrize(
    ("fault", "said"),
    [
        (answer(200, {"status": "error", "message": "x"}), "did not say what became"),
        (answer(200, "<html>be right back</html>"), "HubSpot"),
        (answer(403, {"category": "MISSING_SCOPES"}), "(status 403, MISSING_SCOPES)"),
        (answer(429, {"policyName": "DAILY"}), "takes no more calls today"),
    ],
)
def test_an_answer_that_is_none_takes_nothing_for_done(
    fault: Any, said: str, crm: Hubspot, store: Store, tmp_path: Path
) -> None:
    crm.fail("upsert", fault)
    waits: list[float] = []
    done = send(store, tmp_path, waits)
    assert done.error and said in done.error and (done.n_sent, done.n_failed) == (0, N)
    assert waits == []
    assert send(store, tmp_path).n_sent == N
    check_all_there_once(crm)


@pytest.mark.parametrize(
    ("fault", "said"),
    [
        (answer(200, {"results": None}), "an answer that cannot be understood"),
        (answer(200, "null"), "an answer that cannot be understood"),
        (answer(404, {"category": "OBJECT_NOT_FOUND"}), "has no object contacts, or does not show"),
    ],
)
def test_properties_that_cannot_be_read_are_told_and_nothing_is_sent(
    fault: Any, said: str, crm: Hubspot, store: Store, tmp_path: Path
) -> None:
    crm.fail("properties", fault)
    done = send(store, tmp_path)
    assert done.error and said in done.error
    assert read_ledger(store, "crm") == {} and not crm.count("upsert")


def test_a_mapping_that_does_not_fit_is_told_before_anything_is_sent(
    crm: Hubspot, store: Store, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    fields = {"churn": "risk", "open_day": "risk", "score": "risk"}
    job = make_job(store, tmp_path, crm_sync(fields=fields, id_property="email"))
    for results in (preview_syncs(job), sync_customers(job)):
        error = results[0].error or ""
        assert "it has no property churn (its own are: churn_risk, customer_no" in error
        assert "email is no unique property" in error
        assert "open_day is date, and number comes there" in error
        assert "score cannot be written" in error
    monkeypatch.setenv("HUBSPOT_TOKEN", "canary-wrong")
    (done,) = sync_customers(job)
    assert done.error == (
        "HubSpot refused it (status 401, INVALID_AUTHENTICATION); check the token and its scopes"
    )
    assert read_ledger(store, "crm") == {} and not crm.count("upsert")
