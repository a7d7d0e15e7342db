"""A customer's page: what is known, what may be shown, and nothing later than was asked for."""

import json
from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import delete, func, insert, select, update

from pipelines import tables
from pipelines.cli.app import run_app
from pipelines.profiles import NoProfileError, Profile, read_profile
from pipelines.report.customer_page import read_subject, render_customer, write_customer_page
from pipelines.rights.consents import Statement, record_statements
from pipelines.rights.forgetting import forget_person
from pipelines.rights.outputs import record_output
from pipelines.rights.people import Asked
from pipelines.store import Store
from tests.pipelines.planted import START
from tests.pipelines.rights.people import (
    make_people_job,
    name_customer,
    open_people,
    read_texts,
)

WHO = name_customer(3)
feedback, event = tables.feedback.c, tables.event.c


@pytest.fixture
def people(store_url: str) -> Iterator[Store]:
    store = open_people(store_url)
    yield store
    store.engine.dispose()


def profile_of(store: Store, customer: str = WHO, **asked: Any) -> Profile:
    with store.read() as connection:
        return read_profile(connection, customer, **asked)


def test_a_profile_holds_what_the_tables_hold(people: Store) -> None:
    found = profile_of(people)
    with people.read() as connection:
        insight = tables.customer_insight
        query = select(insight).where(insight.c.customer_id == WHO)
        row = connection.execute(query).mappings().one()
    assert found.insight is not None
    assert {name: found.insight[name] for name in ("risk", "sentiment", "next_action")} == {
        name: row[name] for name in ("risk", "sentiment", "next_action")
    }
    assert {each["text"] for each in found.feedback} == set(read_texts(people, WHO))
    assert found.n_feedback == len(found.feedback) == row["n_feedback"]
    assert [each["kind"] for each in found.events] == ["order"]
    assert sum(each["n_mentions"] for each in found.themes) <= row["n_mentions"]
    shorter = profile_of(people, limit=2)
    assert (len(shorter.feedback), shorter.n_feedback) == (2, found.n_feedback)
    assert shorter.feedback == found.feedback[:2]


def test_as_of_a_day_is_what_a_store_says_that_ends_that_day(people: Store) -> None:
    later = [START + timedelta(days=n) for n in (400, 500)]
    with people.write() as connection:
        moments = connection.execute(
            select(feedback.occurred_at).where(feedback.customer_id == WHO)
        ).scalars()
        middle = sorted(moments)[2]
        rows: list[dict[str, Any]] = [
            {"event_id": f"e{n}", "customer_id": WHO, "at": at, "kind": "refund", "amount": 3.0}
            for n, at in enumerate([middle - timedelta(hours=1), *later])
        ]
        connection.execute(insert(tables.event), rows)
    whole = profile_of(people, at=middle)
    assert whole.insight is not None
    assert whole.insight["n_feedback"] == len(whole.feedback) == 3
    assert whole.facts is not None
    assert whole.facts["as_of"] == middle
    with people.write() as connection:
        gone = select(feedback.feedback_id).where(feedback.occurred_at > middle)
        for table in (tables.mention, tables.feedback):
            connection.execute(delete(table).where(table.c.feedback_id.in_(gone)))
        connection.execute(delete(tables.event).where(event.at > middle))
    assert profile_of(people, at=middle) == whole


def test_as_of_a_day_before_everything_nothing_is_known(people: Store) -> None:
    found = profile_of(people, at=START - timedelta(days=9_000))
    assert (found.insight, list(found.feedback), list(found.events)) == (None, [], [])
    assert "Nothing that counts was said by this customer by then" in render_customer(found)


def test_somebody_who_was_merged_is_found_by_either_id(people: Store) -> None:
    with people.write() as connection:
        connection.execute(insert(tables.customer).values(customer_id="old", merged_into=WHO))
    found = profile_of(people, "old")
    assert (found.asked, found.record["customer_id"]) == ("old", WHO)
    assert found.insight == profile_of(people).insight
    assert "asked for as" in render_customer(found)


def test_a_page_says_no_more_than_its_customer_allows(people: Store, tmp_path: Path) -> None:
    job = make_people_job(people, tmp_path / "job")
    texts = read_texts(people, WHO)
    page, past = tmp_path / "customer.html", tmp_path / "past.html"
    with people.read() as connection:
        write_customer_page(connection, page, WHO)
        write_customer_page(connection, past, WHO, START + timedelta(days=300))
    for path in (page, past):
        assert record_output(people, path, "customer", "whose")
    assert all(text in page.read_text() for text in texts)
    assert page.stat().st_mode & 0o77 == 0
    assert read_subject(past) == (WHO, START + timedelta(days=300))

    who = Asked(customer=WHO)
    done = record_statements(job, [Statement(who, "quoting", "withdrawn")], "test")
    assert not done.problems
    for path in (page, past):
        assert not any(text in path.read_text() for text in texts)
        assert "does not allow to be quoted" in path.read_text()
    assert read_subject(past) == (WHO, START + timedelta(days=300))

    record_statements(job, [Statement(who, "profiling", "withdrawn")], "test")
    assert not page.exists()
    with pytest.raises(NoProfileError, match="does not allow profiling"):
        profile_of(people)
    with people.read() as connection:
        n_known = select(func.count()).select_from(tables.output_file)
        assert connection.execute(n_known).scalar_one() == 0


def test_forgetting_removes_the_page(people: Store, tmp_path: Path, monkeypatch: Any) -> None:
    job = make_people_job(people, tmp_path / "job")
    monkeypatch.setenv("EARFUL_SECRET", job.secret_path.read_text())
    page = tmp_path / "customer.html"
    url = people.url.render_as_string(hide_password=False)
    assert run_app(["customers", "show", WHO, "--db", url, "-o", str(page)]) == 0
    assert page.exists()
    receipt = forget_person(job, Asked(customer=WHO))
    assert not receipt.problems
    assert not page.exists()
    with pytest.raises(NoProfileError, match="there is no customer"):
        profile_of(people)


def test_actions_are_told_in_words_with_their_destination_and_time(people: Store) -> None:
    at = START + timedelta(days=1, hours=9)
    shared = {"customer_id": WHO, "created_at": at, "rule": "save_detractor", "kind": "customer"}
    payload = {"title": "חזרו ללקוח", "reason": "open theme Late", "facts": {}, "mentions": []}
    states: list[dict[str, Any]] = [
        {"status": "sent", "sent_at": at, "destination": "care-crm"},
        {"status": "suppressed", "reason": "customer_limit", "destination": "slack"},
        {"status": "suppressed", "reason": "by hand: called already", "destination": "slack"},
        {"status": "pending", "reason": "answered 503", "next_attempt_at": at},
    ]
    with people.write() as connection:
        for number, state in enumerate(states):
            row = {"action_id": f"a{number}", "idempotency_key": f"k{number}", "payload": payload}
            own = {"destination": "jira", **state}
            connection.execute(insert(tables.action).values(**shared, **row, **own))
    page = render_customer(profile_of(people))
    actions = page[page.index('id="actions-heading"') :]
    for said in (
        *("Delivered", "Kept back", "Waits to be delivered", "care-crm", "slack", "jira"),
        *("by what is known of them", "save detractor", "called already", "again from"),
        *("the rule spoke of this customer a few days ago", f"{at:%H:%M} UTC", "answered 503"),
    ):
        assert said in actions, said
    for code in ("save_detractor", "customer_limit", "customer_days", "by hand", "(rule:"):
        assert code not in page, code
    assert page.count('<bdi dir="auto">חזרו ללקוח</bdi>') == len(states)


def test_a_hostile_name_cannot_leave_its_place(people: Store) -> None:
    name = '"><script>alert(1)</script>\u202e'
    with people.write() as connection:
        connection.execute(insert(tables.customer).values(customer_id=name, segment="<b>"))
        connection.execute(
            update(tables.feedback)
            .where(feedback.feedback_id == select(func.min(feedback.feedback_id)).scalar_subquery())
            .values(customer_id=name, text="<img src=x> \u202eשלום", lang="he")
        )
    page = render_customer(profile_of(people, name))
    assert "<script" not in page
    assert "<img" not in page
    assert "\u202e" not in page.split("<body>")[1]
    assert 'dir="rtl"' in page


def test_the_command_prints_and_refuses_in_words(people: Store, capsys: Any) -> None:
    url = people.url.render_as_string(hide_password=False)
    assert run_app(["customers", "show", WHO, "--db", url, "--json"]) == 0
    told = json.loads(capsys.readouterr().out)
    assert told["record"]["customer_id"] == WHO
    assert told["allowed"]["contact"] is False
    assert run_app(["customers", "show", WHO, "--db", url]) == 0
    shown = capsys.readouterr().out
    assert "does not allow: contact" in shown
    assert run_app(["customers", "show", "nobody", "--db", url]) == 1
    assert "there is no customer nobody" in capsys.readouterr().err
    assert run_app(["customers", "show", WHO, "--db", url, "--as-of", "soon"]) == 2
    assert "'soon' is no date" in capsys.readouterr().err
