"""What exports say of consent is recorded once, where it changes, and holds like any other word."""

from collections.abc import Sequence
from contextlib import closing
from datetime import UTC, datetime, timedelta
from itertools import pairwise
from pathlib import Path
from typing import Any

from hypothesis import given
from hypothesis import strategies as st
from sqlalchemy import insert, select

from pipelines import tables
from pipelines.database import sqlite_driver
from pipelines.inputs import Inputs, record_inputs
from pipelines.job import run_steps
from pipelines.profiles import read_profile
from pipelines.report.customer_page import render_customer
from pipelines.report.page import write_report
from pipelines.rights.consents import Statement, list_consents, record_statements
from pipelines.rights.forgetting import forget_person
from pipelines.rights.gate import allows, allows_customer
from pipelines.rights.outputs import follow_run, record_output
from pipelines.rights.people import Asked, hash_asked
from pipelines.rights.stated import Answer, find_changes
from pipelines.store import Store
from tests.pipelines.export_files import (
    SETTINGS,
    HeardProgress,
    read_night,
    write_csv,
)
from tests.pipelines.rights.people import (
    make_people_job,
    name_customer,
    open_people,
    read_texts,
)

CRM = "Customer ID,Name,Email,Accepts Email Marketing,May we quote you?,Updated at"
SURVEY = "Response ID,Date,Email,What went wrong?,May we quote you?,May we contact you?"
BARE_SURVEY = "Response ID,Date,Email,What went wrong?"
WORDS = "The courier never came and nobody told me why it took so long"
START = datetime(2026, 1, 1, tzinfo=UTC)
feedback, customer = tables.feedback.c, tables.customer.c


def read_consent(store: Store, *columns: str) -> list[tuple[Any, ...]]:
    """Rows in the order of their time; who or what, purpose, channel, status and more."""
    said = tables.consent.c
    names = ("customer_id", "purpose", "channel", "status", *columns)
    query = select(*(said[name] for name in names)).order_by(said.at, said.consent_id)
    with store.read() as connection:
        return [tuple(row) for row in connection.execute(query)]


def list_quotable(store: Store) -> list[str]:
    """The own ids of the feedback that may be quoted; by the gate and by the tables."""
    with store.read() as connection:
        query = select(feedback.source_id).order_by(feedback.source_id)
        asked = connection.execute(query.where(allows(connection, "quoting"))).scalars().all()
        laid = connection.execute(query.where(feedback.refused.is_(None))).scalars().all()
    assert asked == laid
    return [each or "" for each in asked]


def list_reachable(store: Store, channel: str | None = None) -> list[str]:
    with store.read() as connection:
        allowed = allows_customer(connection, "contact", customer.customer_id, channel)
        query = select(customer.customer_id).where(allowed).order_by(customer.customer_id)
        return list(connection.execute(query).scalars())


def say(store: Store, folder: Path, status: str, purpose: str = "quoting", **terms: Any) -> None:
    job = make_people_job(store, folder / "job")
    record_statements(job, [Statement(Asked(customer="C1"), purpose, status, **terms)], "test")


def test_answers_of_a_crm_are_recorded_where_they_change_and_once(
    store: Store, tmp_path: Path
) -> None:
    first = write_csv(tmp_path, "crm", CRM, "C1,Dana,d@e.com,yes,No,2026-01-01T09:00:00Z")
    assert read_night(store, [first]).n_rows == 2
    rows = [
        ("C1", "contact", "email", "granted", "crm", "customers"),
        ("C1", "quoting", None, "withdrawn", "crm", "customers"),
    ]
    assert sorted(read_consent(store, "source", "via")) == rows
    assert list_reachable(store, "email") == ["C1"]
    assert list_reachable(store) == []
    same = write_csv(tmp_path, "same", CRM, "C1,Dana L,d@e.com,YES,no,2026-02-01T09:00:00Z")
    assert read_night(store, [first]).n_rows == read_night(store, [same]).n_rows == 0
    changed = write_csv(tmp_path, "new", CRM, "C1,Dana,d@e.com,no,No,2026-03-01T09:00:00Z")
    assert read_night(store, [changed]).n_rows == 1
    assert read_consent(store, "at")[-1] == (
        *("C1", "contact", "email", "withdrawn"),
        datetime(2026, 3, 1, 9, tzinfo=UTC),
    )
    assert list_reachable(store, "email") == []


def test_a_refusal_that_a_later_export_does_not_have_counts_no_more(
    store: Store, tmp_path: Path
) -> None:
    heads = "Customer ID,Email,Accepts Marketing,Email Opt Out,Updated at"

    def read(refuses: str, day: str) -> tuple[list[str], list[str]]:
        row = f"C1,d@e.com,yes,{refuses},{day}"
        read_night(store, [write_csv(tmp_path, f"crm{day}", heads, row)])
        return list_reachable(store, "email"), list_reachable(store, "phone")

    assert read("false", "2026-01-01") == (["C1"], ["C1"])
    assert [row[3] for row in read_consent(store)] == ["granted"]
    assert read("true", "2026-02-01") == ([], ["C1"])
    assert read("false", "2026-03-01") == (["C1"], ["C1"])
    assert [row[2:] for row in read_consent(store)] == [
        (None, "granted"),
        ("email", "withdrawn"),
        ("email", "not_refused"),
    ]
    say(store, tmp_path, "withdrawn", "contact", channel="email")
    assert read("false", "2026-04-01")[0] == []  # what they said elsewhere stays
    assert read("true", "2026-05-01")[0] == read("false", "2026-06-01")[0] == []


def test_what_orders_state_holds_for_who_placed_them(store: Store, tmp_path: Path) -> None:
    heads = "Order number,Customer ID,Email,Kind,Time,Amount,Accepts Marketing,May we quote you?"
    survey = f"r1,2026-01-01,d@e.com,{WORDS}"
    read_night(
        store,
        [write_csv(tmp_path, "crm", CRM, "C1,Dana,d@e.com,,,2026-01-01T09:00:00Z")],
        [write_csv(tmp_path, "survey", BARE_SURVEY, survey)],
    )
    first = ["1,,D@e.com,order,2026-02-01,5,yes,no", "2,C9,,order,2026-02-01,5,yes,"]
    orders = write_csv(tmp_path, "orders", heads, *first)
    read_night(store, events=[orders])
    # C9 is known by the event alone.
    assert list_reachable(store) == ["C1"] and list_quotable(store) == []
    with store.read() as connection:
        allowed = allows_customer(connection, "contact", tables.event.c.customer_id)
        query = select(tables.event.c.customer_id).where(allowed)
        assert set(connection.execute(query).scalars()) == {"C1", "C9"}
    n_rows = len(read_consent(store))
    assert n_rows == 3
    write_csv(tmp_path, "orders", heads, *first, "3,C1,,order,2026-03-01,5,no,yes")
    read_night(store, events=[orders])
    assert list_reachable(store) == [] and list_quotable(store) == ["r1"]
    write_csv(tmp_path, "orders", heads, *reversed(first), "3,C1,,order,2026-03-01,5,no,yes")
    read_night(store, events=[orders])
    assert len(read_consent(store)) == n_rows + 2
    assert {row[4] for row in read_consent(store, "via")} == {"events"}


def test_an_older_order_that_refuses_does_not_outlast_a_newer_one_that_was_read_before(
    store: Store, tmp_path: Path
) -> None:
    read_night(store, [write_csv(tmp_path, "crm", "Customer ID,Name,Email", "C1,Dana,d@e.com")])
    say(store, tmp_path, "granted", "contact", at=datetime(2026, 1, 1, tzinfo=UTC))
    heads = "Order number,Email,Kind,Time,Amount,Email Opt Out"
    for name, row in (
        ("april", "4,d@e.com,order,2026-04-01,5,no"),
        ("march", "3,d@e.com,order,2026-03-01,5,yes"),
        ("february", "2,d@e.com,order,2026-02-01,5,yes"),
    ):
        read_night(store, events=[write_csv(tmp_path, name, heads, row)])
        assert list_reachable(store, "email") == ["C1"], name
    refusal = write_csv(tmp_path, "may", heads, "5,d@e.com,order,2026-05-01,5,yes")
    read_night(store, events=[refusal])
    assert list_reachable(store, "email") == []


def test_an_older_file_that_comes_later_changes_the_past_and_not_the_present(
    store: Store, tmp_path: Path
) -> None:
    rows = {
        "one": "C1,Dana,d@e.com,yes,,2026-01-01T09:00:00Z",
        "three": "C1,Dana,d@e.com,yes,,2026-03-01T09:00:00Z",
        "two": "C1,Dana,d@e.com,no,,2026-02-01T09:00:00Z",
    }
    for name, row in rows.items():
        read_night(store, [write_csv(tmp_path, name, CRM, row)])
    assert [row[3:] for row in read_consent(store, "source")] == [
        *(("granted", "one"), ("withdrawn", "two"), ("granted", "three"))
    ]
    assert list_reachable(store, "email") == ["C1"]


def test_of_a_direct_decision_and_an_export_the_later_counts(store: Store, tmp_path: Path) -> None:
    def read(name: str, answer: str, day: str) -> None:
        row = f"C1,Dana,d@e.com,,{answer},{day}T09:00:00Z"
        read_night(store, [write_csv(tmp_path, name, CRM, row)])

    survey = write_csv(tmp_path, "survey", BARE_SURVEY, f"r1,2026-01-01,d@e.com,{WORDS}")
    read_night(store, feedback=[survey])
    read("a", "Yes", "2026-01-01")
    say(store, tmp_path, "withdrawn", at=datetime(2026, 2, 1, tzinfo=UTC))
    assert list_quotable(store) == []
    read("b", "Yes", "2026-03-01")  # what it said all along is no news
    assert list_quotable(store) == []
    read("c", "No", "2026-04-01")
    read("d", "Yes", "2026-05-01")
    assert list_quotable(store) == ["r1"]
    say(store, tmp_path, "withdrawn")
    assert list_quotable(store) == []


def test_a_permission_without_a_date_does_not_undo_what_was_withdrawn_elsewhere(
    store: Store, tmp_path: Path
) -> None:
    bare = "Customer ID,Name,Email,Accepts Email Marketing"
    known = write_csv(tmp_path, "crm", "Customer ID,Name,Email", "C1,Dana,d@e.com")
    read_night(store, [known])
    say(store, tmp_path, "withdrawn", "contact", channel="email")
    # The shop knows people by their e-mail; the second is somebody else.
    shop = write_csv(
        tmp_path,
        "shop",
        bare.removeprefix("Customer ID,"),
        "Dana,d@e.com,yes",
        "Omid,o@e.com,yes",
    )
    stated = read_night(store, [shop])
    assert (stated.n_rows, stated.n_contradicted) == (1, 1)
    assert len(list_reachable(store, "email")) == 1
    gone = write_csv(tmp_path, "gone", bare, "C1,Dana,d@e.com,no")
    back = write_csv(tmp_path, "back", bare, "C1,Dana,d@e.com,yes")
    assert read_night(store, [gone]).n_rows == read_night(store, [back]).n_rows == 1
    assert [each == "C1" for each in list_reachable(store, "email")] == [True, False]


def test_a_no_in_a_survey_holds_for_its_words_also_where_nobody_knows_whose_they_are(
    store: Store, tmp_path: Path
) -> None:
    survey = write_csv(
        tmp_path,
        "survey",
        SURVEY,
        f"r1,2026-03-01,,{WORDS},No,",
        f"r2,2026-03-01,,{WORDS} at all,Yes,",
        f"r3,2026-03-01,,{WORDS} or when,only without my name,",
        f"r4,2026-03-01,,{WORDS} or where,,",
    )
    progress = HeardProgress()
    assert read_night(store, feedback=[survey], progress=progress).n_rows == 3
    assert list_quotable(store) == ["r2", "r4"]
    assert (
        "1 of 4 rows have an answer about consent that is neither yes nor no"
        in (progress.warnings[0])
    )
    with store.read() as connection:
        shown = list_consents(connection, 9)
    assert {(row["via"], row["source"], row["customer_id"]) for row in shown} == {
        ("feedback", "survey", None)
    }
    assert all(row["feedback_id"] for row in shown)


def test_consent_that_was_given_in_a_survey_comes_with_the_link(
    store: Store, tmp_path: Path
) -> None:
    surveys = [
        write_csv(tmp_path, "one", SURVEY, f"r1,2026-03-01,d@e.com,{WORDS},No,Yes"),
        write_csv(tmp_path, "two", BARE_SURVEY, f"r2,2026-03-02,d@e.com,{WORDS} again"),
    ]
    read_night(store, feedback=surveys)
    assert list_quotable(store) == []  # the same address, though nobody is known by it
    crm = write_csv(tmp_path, "crm", "Customer ID,Name,Email", "C1,Dana,d@e.com", "C2,O,o@e.com")
    read_night(store, [crm])
    assert list_reachable(store) == ["C1"]
    assert [row[0] for row in read_consent(store)] == [None, None]
    key = hash_asked(Asked(customer="C1"), SETTINGS.secret, "US")
    with store.read() as connection:
        shown = list_consents(connection, 9, key, "C1")
    assert [row["customer_id"] for row in shown] == ["C1", "C1"]


def test_a_yes_in_one_feedback_does_not_lift_the_no_in_another(
    store: Store, tmp_path: Path
) -> None:
    crm = write_csv(tmp_path, "crm", "Customer ID,Name,Email", "C1,Dana,d@e.com")
    survey = write_csv(
        tmp_path,
        "survey",
        SURVEY,
        f"r1,2026-03-01,d@e.com,{WORDS},No,",
        f"r2,2026-03-02,d@e.com,{WORDS} again,Yes,",
        f"r3,2026-03-03,d@e.com,{WORDS} and again,,",
    )
    read_night(store, [crm], [survey])
    assert list_quotable(store) == ["r2", "r3"]
    say(store, tmp_path, "granted")
    assert list_quotable(store) == ["r1", "r2", "r3"]


def test_who_answers_and_writes_nothing_is_heard_all_the_same(
    sqlite_store: Store, tmp_path: Path
) -> None:
    crm = write_csv(tmp_path, "crm", f"{CRM},Contact consent", "C1,D,d@e.com,,,2026-01-01,yes")
    texts = [f"r{n},2026-03-01,,{WORDS} {n},," for n in range(3)]
    silent = "r9,2026-03-05,d@e.com,,,No"
    survey = write_csv(tmp_path, "survey", SURVEY, *texts, silent)
    read_night(sqlite_store, [crm])
    assert list_reachable(sqlite_store) == ["C1"]
    read_night(sqlite_store, feedback=[survey])
    assert list_reachable(sqlite_store) == []
    more = write_csv(tmp_path, "survey", SURVEY, *texts, silent, f"r10,2026-03-06,,{WORDS} 10,,")
    read_night(sqlite_store, feedback=[more])
    rows = read_consent(sqlite_store, "via", "source", "feedback_id")
    assert rows[1:] == [(None, "contact", None, "withdrawn", "feedback", "survey", None)]


def test_a_list_of_addresses_speaks_for_the_customer_whom_they_are_of(
    store: Store, tmp_path: Path
) -> None:
    crm = write_csv(tmp_path, "crm", "Customer ID,Name,Email", "C1,Dana,d@e.com")
    shop = write_csv(tmp_path, "shop", "Name,Email,Accepts Email Marketing", "Dana,d@e.com,yes")
    read_night(store, [crm, shop])
    assert "C1" in list_reachable(store, "email")


def test_the_page_shows_what_counts_and_not_what_a_file_said(
    sqlite_store: Store, tmp_path: Path
) -> None:
    row = "C1,Dana,d@e.com,yes,,2026-01-01T09:00:00Z,Plus"
    crm = write_csv(tmp_path, "crm", f"{CRM},Plan", row)
    read_night(sqlite_store, [crm])

    def read_page() -> str:
        with sqlite_store.read() as connection:
            found = read_profile(connection, "C1")
        assert not any("consent" in name for name in found.record["attributes"] or {})
        return render_customer(found)

    assert "may be contacted by email" in read_page()
    assert "must not be contacted in other ways" in read_page()
    say(sqlite_store, tmp_path, "withdrawn", "contact")
    shown = read_page()
    assert "must not be contacted: no consent" in shown
    assert "by email" not in shown
    assert "granted" not in shown


def test_what_was_published_follows_a_file(sqlite_url: str, tmp_path: Path) -> None:
    store = open_people(sqlite_url)
    job = make_people_job(store, tmp_path / "job")
    report = tmp_path / "report.html"
    with store.read() as connection:
        write_report(connection, report)
    assert record_output(store, report, "report")
    shown = report.read_text()
    who = next(
        name
        for name in map(name_customer, range(9))
        if any(text in shown for text in read_texts(store, name))
    )
    crm = write_csv(tmp_path, "crm", "Customer ID,Name,May we quote you?", f"{who},Dana,No")
    inputs = Inputs(customers=record_inputs([str(crm)], source=None, pairs=()))
    done = run_steps(job, "customers", ["customers"], inputs)
    assert done.counts["n_consents"] == 1
    assert any(text in report.read_text() for text in read_texts(store, who))
    follow_run(job)
    assert not any(text in report.read_text() for text in read_texts(store, who))
    store.engine.dispose()


def test_forgetting_takes_what_was_said_in_feedback_too(
    sqlite_store: Store, tmp_path: Path
) -> None:
    survey = write_csv(tmp_path, "survey", SURVEY, f"r1,2026-03-01,d@e.com,{WORDS},No,Yes")
    read_night(sqlite_store, feedback=[survey])
    job = make_people_job(sqlite_store, tmp_path / "job")
    assert not forget_person(job, Asked(email="d@e.com")).problems
    assert read_consent(sqlite_store) == []
    assert sqlite_store.path is not None
    with closing(sqlite_driver().connect(sqlite_store.path)) as connection:
        assert connection.execute("SELECT count(*) FROM feedback").fetchone() == (0,)


def test_an_answer_of_tomorrow_counts_from_today(sqlite_store: Store, tmp_path: Path) -> None:
    read_night(
        sqlite_store,
        [write_csv(tmp_path, "crm", CRM, "C1,Dana,d@e.com,yes,,2199-01-01T09:00:00Z")],
    )
    assert list_reachable(sqlite_store, "email") == ["C1"]


def test_rows_that_others_wrote_into_the_table_hold_as_before(
    sqlite_store: Store, tmp_path: Path
) -> None:
    read_night(sqlite_store, [write_csv(tmp_path, "crm", "Customer ID,Name,Email", "C1,D,d@e.com")])
    row = {"customer_id": "C1", "purpose": "contact", "status": "granted", "at": START}
    with sqlite_store.write() as connection:
        connection.execute(insert(tables.consent).values(consent_id="x", **row))
    assert list_reachable(sqlite_store) == ["C1"]


answers = st.lists(
    st.builds(
        Answer,
        st.integers(0, 6).map(lambda day: START + timedelta(days=day)),
        st.sampled_from(["granted", "withdrawn"]),
    ),
    max_size=8,
)


def enforce(said: Sequence[Answer]) -> str | None:
    """What the gate makes of rows: the newest, and the withdrawal of one moment."""
    return max(said, key=lambda each: (each.at, each.status)).status if said else None


@given(answers, st.integers(1, 8))
def test_however_versions_arrive_the_newest_is_enforced(versions: list[Answer], size: int) -> None:
    known: list[Answer] = []
    for end in range(size, len(versions) + size, size):
        known += find_changes(versions[:end], known)
    assert enforce(known) == enforce(versions)
    assert find_changes(versions, known) == []
    at_once = find_changes(versions, [])
    assert all(one.status != other.status for one, other in pairwise(at_once))
