"""The inventory of sources, on both databases."""

import json
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from nlp.masking import STANDARD
from pipelines.runs import Run
from pipelines.source_inventory import list_inventory
from tests.command_line import make_call
from tests.pipelines.conftest import add_rows
from tests.pipelines.store_copies import open_copy

T0 = datetime(2026, 1, 1, tzinfo=UTC)


def _feedback(n: int, source: str, **values: Any) -> dict[str, Any]:
    told = {"party": "first", "lang": "en", "text": "late", "ingested_at": T0 + timedelta(days=n)}
    return {"feedback_id": f"f{n}", "source": source, **told, **values}


def test_each_source_is_told_with_what_it_brought(run: Run) -> None:
    masked = "Call <PHONE> or <PHONE>, or write to <EMAIL>"
    consents = [
        *(("1", "C1", "withdrawn", 1, None), ("2", "C1", "granted", 2, None)),
        *(("3", "C2", "granted", 1, 5), ("4", "C3", "granted", 1, 50)),
    ]
    add_rows(
        run.connection,
        "feedback",
        _feedback(1, "shop", customer_id="C1", channel="review", text=masked, occurred_at=T0),
        _feedback(2, "shop", customer_id="C2", channel="review", lang="he", text="<b> <EMAIL>"),
        _feedback(3, "shop", customer_id="C9", channel="ticket", noise_reason="spam"),
        _feedback(4, "shop", party="third", lang=None),
        _feedback(5, "posts", party="third"),
    )
    for key, customer, status, day, until in consents:
        expires = None if until is None else T0 + timedelta(days=until)
        at = T0 + timedelta(days=day)
        told = {"consent_id": key, "customer_id": customer, "status": status, "at": at}
        add_rows(run.connection, "consent", {**told, "purpose": "analysis", "expires_at": expires})
    other = {"consent_id": "5", "customer_id": "C9", "status": "granted", "at": T0}
    add_rows(run.connection, "consent", {**other, "purpose": "contact"})
    later = {"run_id": "later", "command": "run", "status": "done"}
    add_rows(run.connection, "run", {**later, "started_at": T0 + timedelta(days=30)})
    for kind, source, n in (("feedback", "shop", 5), ("customers", "crm", 7)):
        told = {"file_hash": kind, "settings_hash": "s", "kind": kind, "source": source}
        counts = {"n_read": n, "n_rejected": 1, "n_left_out": 0}
        add_rows(run.connection, "input_file", {**told, **counts, "run_id": "later"})
    rejected = {"rejected_id": "r1", "source": "shop", "reason": "no_text"}
    add_rows(run.connection, "rejected", rejected)

    shop, posts, crm = list_inventory(run.connection, T0 + timedelta(days=9), STANDARD)
    assert shop == {
        "source": "shop",
        "kind": "feedback",
        "parties": ["first", "third"],
        "channels": ["review", "ticket"],
        "n_rows": 4,
        "n_noise": 1,
        "n_rejected": 1,
        "n_linked": 3,
        "share_linked": 0.75,
        "first_at": T0,
        "last_at": T0,
        "first_import": T0 + timedelta(days=1),
        "last_import": T0 + timedelta(days=30),
        "languages": {"en": 2, "he": 1},
        "n_consent_known": 2,
        "share_consent": 0.5,
        "masked": {"EMAIL": 2, "PHONE": 2},
    }
    assert (posts["source"], posts["masked"], posts["share_consent"]) == ("posts", {}, None)
    assert crm == {
        "source": "crm",
        "kind": "customers",
        "n_rows": 6,
        "n_rejected": 0,
        **dict.fromkeys(("first_import", "last_import"), T0 + timedelta(days=30)),
    }


def test_the_inventory_is_printed_for_people_and_for_programs(
    sqlite_url: str, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("COLUMNS", "160")
    store = open_copy(sqlite_url, "empty")
    call = make_call(capsys)
    assert "no source yet" in call("sources", "--db", sqlite_url).out
    with store.write() as connection:
        text = "Mail <EMAIL> <EMAIL>"
        add_rows(connection, "feedback", _feedback(1, "shop", text=text, customer_id="C1"))
    store.engine.dispose()
    shown = call("sources", "--db", sqlite_url).out
    assert all(told in shown for told in ("shop", "feedback", "first", "100%", "2 email"))
    (found,) = json.loads(call("sources", "--db", sqlite_url, "--json").out)
    assert (found["source"], found["masked"]) == ("shop", {"EMAIL": 2})
