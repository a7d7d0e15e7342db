"""The outbox as people see it, and as the customer's rights change it."""

import json
import tomllib
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from itertools import takewhile
from pathlib import Path

import pytest
from sqlalchemy import select, text, update

from pipelines import tables
from pipelines.job import Job
from pipelines.rights.export import export_person
from pipelines.rights.forgetting import forget_person
from pipelines.rights.people import Asked
from pipelines.rights.purging import purge_store
from pipelines.store import Store
from tests.command_line import make_call
from tests.pipelines.actions.outbox import (
    DETRACTOR,
    RISING,
    SAFETY,
    fill,
    make_rules,
    raise_by,
    read_actions,
)
from tests.pipelines.rights.people import (
    make_people_job,
    name_customer,
    open_people,
    read_texts,
)
from tests.pipelines.store_copies import open_copy

WHO = name_customer(4)
SAD = {"name": "sad", "kind": "customer", "max_sentiment": 1.0, "deliver_to": ["crm"]}
ANY = {"max_age_days": 400, "max_a_day": 0}


@pytest.fixture
def outbox(sqlite_url: str) -> Iterator[Store]:
    opened = open_copy(sqlite_url, "raised", fill)
    raise_by(opened, DETRACTOR, SAFETY, {**RISING, "deliver_to": ["chat", "crm"]})
    yield opened
    opened.engine.dispose()


def test_actions_are_listed_counted_shown_and_suppressed(
    outbox: Store, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    call = make_call(capsys)
    db = ("--db", outbox.name)
    listed = json.loads(call("actions", "list", *db, "--json").out)
    assert [(each["rule"], each["status"], each["n"]) for each in listed["counts"]] == [
        ("detractor", "pending", 1),
        ("rising", "pending", 2),
        ("safety", "pending", 1),
    ]
    (wanted,) = json.loads(call("actions", "list", "--rule", "safety", *db, "--json").out)[
        "actions"
    ]
    shown = call("actions", "show", wanted["action_id"], *db)
    assert "The shelf injured my hand" in shown.out
    assert "safety spoken of" in shown.out
    told = call("actions", "suppress", wanted["action_id"], "--reason", " called  her ", *db)
    assert (told.code, told.out) == (0, "1 action is suppressed\n")
    assert read_actions(outbox)[-1][2:] == ("suppressed", "by hand: called her")
    again = call("actions", "suppress", wanted["action_id"], "--reason", "x", *db)
    assert (again.code, "is suppressed already" in again.err) == (2, True)
    monkeypatch.setenv("COLUMNS", "50")
    narrow = call("actions", "list", *db)
    assert wanted["action_id"] in narrow.out
    assert "by hand" in narrow.out
    assert max(map(len, narrow.out.splitlines())) <= 50
    # What a person decided stays so.
    assert raise_by(outbox, DETRACTOR, SAFETY, {**RISING, "deliver_to": ["chat", "crm"]}) == 0


def test_words_that_may_not_be_quoted_are_not_shown(
    outbox: Store, capsys: pytest.CaptureFixture[str]
) -> None:
    row = {"consent_id": "c", "customer_id": "A", "at": text("'2026-01-01 00:00:00'")}
    values = {**row, "purpose": "quoting", "status": "withdrawn"}
    with outbox.write() as connection:
        connection.execute(tables.consent.insert().values(**values))
    ((action_id,),) = [
        row[1:] for row in read_actions(outbox, "rule", "action_id") if row[0] == "safety"
    ]
    shown = make_call(capsys)("actions", "show", action_id, "--db", outbox.name, "--json")
    (quote,) = json.loads(shown.out)["quotes"]
    assert quote == {"mention_id": "f-hurt-0", "text": None}


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (("list", "--status", "gone"), "'gone' is no status; there are: pending, sent"),
        (("list", "--rule", "moon"), "no rule 'moon' raised anything; there are: detractor"),
        (("show", "a1"), "no action is called 'a1'"),
        (("suppress", "a1", "--reason", "x"), "'a1' is not there"),
        (("suppress", "a1", "--reason", " "), "--reason needs 1 to 200 characters"),
        (("suppress", "a1"), "--reason"),
    ],
)
def test_wrong_arguments_are_named(
    outbox: Store, capsys: pytest.CaptureFixture[str], words: tuple[str, ...], said: str
) -> None:
    ended = make_call(capsys)("actions", *words, "--db", outbox.name)
    assert (ended.code, said in ended.err) == (2, True), ended.err


def test_a_store_without_actions_says_how_to_get_some(
    sqlite_url: str, capsys: pytest.CaptureFixture[str]
) -> None:
    open_copy(sqlite_url, "empty").engine.dispose()
    ended = make_call(capsys)("actions", "list", "--db", sqlite_url)
    assert (ended.code, "no action was raised yet" in ended.out) == (0, True)


@pytest.fixture
def people(sqlite_url: str) -> Iterator[Store]:
    """Nine customers with an action each, and one of a theme with evidence of them all."""
    opened = open_people(sqlite_url)
    raise_by(opened, {**SAD, **ANY})
    payload = {"title": "rise", "reason": "", "facts": {"week": "2026-01-05"}}
    with opened.write() as connection:
        ids = list(connection.execute(select(tables.mention.c.mention_id)).scalars())
        row = {"action_id": "rise", "kind": "theme", "rule": "rising", "status": "sent"}
        connection.execute(
            tables.action.insert().values(
                **row,
                destination="chat",
                idempotency_key="rise",
                payload={**payload, "mentions": ids},
                created_at=text("'2026-02-01 00:00:00'"),
            )
        )
    yield opened
    opened.engine.dispose()


def make_job(people: Store, tmp_path: Path) -> Job:
    return make_people_job(people, tmp_path / "job")


def test_forgetting_a_person_takes_their_actions_and_their_evidence(
    people: Store, tmp_path: Path
) -> None:
    texts = read_texts(people, WHO)
    receipt = forget_person(make_job(people, tmp_path), Asked(customer=WHO))
    assert (receipt.problems, receipt.counts["action"]) == ([], 1)
    rows = dict(read_actions(people, "action_id", "payload"))
    assert len(rows) == 9
    assert len(rows["rise"]["mentions"]) == 120 - len(texts)


def test_a_person_is_told_what_their_words_led_to(people: Store, tmp_path: Path) -> None:
    path = tmp_path / "theirs.json"
    assert export_person(make_job(people, tmp_path), Asked(customer=WHO), path)
    told = json.loads(path.read_text(encoding="utf-8"))["actions"]
    own = [row["payload"]["mentions"] for row in told if row["action_id"] == "rise"]
    assert len(told) == 2
    assert len(own[0]) == len(read_texts(people, WHO))
    assert all("idempotency_key" not in row for row in told)


def test_old_actions_are_purged(people: Store, tmp_path: Path) -> None:
    action = tables.action.c
    with people.write() as connection:
        is_first = action.customer_id == WHO
        old = datetime.now(UTC) - timedelta(days=900)
        connection.execute(update(tables.action).where(is_first).values(created_at=old))
    purged = purge_store(make_job(people, tmp_path), "2y", is_dry=False)
    assert purged.counts["action"] == 1
    assert len(read_actions(people)) == 9


def test_a_delivered_action_outlives_a_purge_of_some_of_its_evidence(
    people: Store, tmp_path: Path
) -> None:
    """Were it deleted, the feedback that raised it would raise it again."""
    action, feedback = tables.action.c, tables.feedback.c
    with people.write() as connection:
        row = connection.execute(select(action.action_id, action.payload)).first()
        assert row is not None
        own = connection.execute(
            select(feedback.feedback_id).where(feedback.customer_id == WHO).limit(2)
        ).scalars()
        old, new = own
        payload = {**row.payload, "occasion": new, "mentions": [f"{new}-0", f"{old}-0"]}
        is_it = action.action_id == row.action_id
        connection.execute(update(tables.action).where(is_it).values(payload=payload, kind="words"))
        ancient = datetime.now(UTC) - timedelta(days=900)
        recent = datetime.now(UTC) - timedelta(days=1)
        connection.execute(update(tables.feedback).values(occurred_at=recent))
        is_old = feedback.feedback_id == old
        connection.execute(update(tables.feedback).where(is_old).values(occurred_at=ancient))
    purged = purge_store(make_job(people, tmp_path), "2y", is_dry=False)
    assert purged.counts["feedback"] == 1
    assert "action" not in purged.counts
    with people.read() as connection:
        kept = connection.execute(select(action.payload).where(is_it)).scalar_one()
    assert kept["mentions"] == [f"{new}-0"]


def test_the_examples_of_the_default_configuration_are_rules() -> None:
    """Commented out: nobody is told anything unasked."""
    path = Path(__file__).parents[3] / "configs" / "default.toml"
    _, _, examples = path.read_text(encoding="utf-8").partition("\n# [[rules]]")
    lines = takewhile(lambda line: line.startswith("#"), f"# [[rules]]{examples}".splitlines())
    rules = tomllib.loads("\n".join(line[1:] for line in lines))["rules"]
    assert {rule["kind"] for rule in rules} == {"customer", "theme", "words", "drift"}
    named = {name for rule in rules for name in rule["deliver_to"]}
    assert named <= {"crm", "chat"}
    assert len(make_rules(*rules)) == len(rules)
