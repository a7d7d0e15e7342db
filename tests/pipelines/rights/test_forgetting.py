"""A person is forgotten everywhere: not a byte of them is left, and they do not come in again."""

import json
from collections.abc import Iterator
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from sqlalchemy import Connection, func, insert, select, text, update

from pipelines import tables
from pipelines.cli.app import run_app
from pipelines.cli.steps import _finish_erasures
from pipelines.delivery.delivering import deliver_actions
from pipelines.delivery.selecting import Wanted
from pipelines.errors import ConfigError, StoppedError
from pipelines.inputs import given_inputs
from pipelines.job import run_steps
from pipelines.progress import SilentProgress
from pipelines.report.page import write_report
from pipelines.rights import erasing, forgetting
from pipelines.rights.export import export_person
from pipelines.rights.forgetting import forget_person, list_open, resume_erasures
from pipelines.rights.held import BY_CUSTOMER, BY_FEEDBACK, NOTES
from pipelines.rights.outputs import record_output
from pipelines.rights.people import Asked
from pipelines.rights.purging import parse_age, purge_store
from pipelines.rights.scan import find_traces
from pipelines.runs import begin_run
from pipelines.store import Store
from pipelines.syncs.syncing import sync_customers
from tests.pipelines.planted import START, count_outdated, edit, read_mentions, read_themes
from tests.pipelines.rights.people import (
    N_ROWS,
    count_all,
    hash_person_keys,
    make_people_job,
    name_customer,
    open_people,
    read_texts,
)

WHO = 4
NAME = name_customer(WHO)


@pytest.fixture(params=["sqlite", pytest.param("postgresql", marks=pytest.mark.postgres)])
def people(request: pytest.FixtureRequest, store_url: str) -> Iterator[Store]:
    store = open_people(store_url)
    yield store
    store.engine.dispose()


@pytest.fixture
def file_store(file_url: str) -> Iterator[Store]:
    store = open_people(file_url)
    yield store
    store.engine.dispose()


def list_traces_of(store: Store) -> list[str]:
    """All that tells of one person: their words, ids, hashes of their keys."""
    feedback = tables.feedback.c
    with store.read() as connection:
        own = select(feedback.feedback_id, feedback.text).where(feedback.customer_id == NAME)
        rows = connection.execute(own).all()
    ids = [feedback_id + "-0" for feedback_id, _ in rows]
    keys = list(hash_person_keys(WHO).values())
    words = [said for _, said in rows]
    return [NAME, NAME.upper(), f"author-key-{WHO}", *keys, *ids, *words]


def list_store_files(store: Store, folder: Path) -> list[Path]:
    """Every file beside a SQLite store; of a server those of this database, and its log."""
    if store.path is not None:
        return [path for path in folder.rglob("*") if path.is_file()]
    with store.engine.connect() as raw:
        raw.execution_options(isolation_level="AUTOCOMMIT").execute(text("CHECKPOINT"))
    with store.read() as connection:
        data = Path(connection.execute(text("SHOW data_directory")).scalar_one())
        oid = connection.execute(
            text("SELECT oid FROM pg_database WHERE datname = current_database()")
        ).scalar_one()
    return [path for path in (data / "base" / str(oid)).rglob("*") if path.is_file()]


def test_not_a_byte_of_a_person_is_left_in_any_file_of_the_store(
    store_url: str, tmp_path: Path
) -> None:
    people = open_people(store_url)
    files = [tmp_path / f"import.{kind}" for kind in ("csv", "parquet")]
    fields = {"theme": "top_theme", "risk": "risk"}
    syncs = [
        {"name": f"s{number}", "kind": path.suffix[1:], "path": str(path), "fields": fields}
        for number, path in enumerate(files)
    ]
    drop = {"kind": "csv", "name": "drop", "folder": "drop"}
    job = make_people_job(people, tmp_path / "job", syncs=syncs, destinations=[drop])
    traces = list_traces_of(people)
    assert [done.n_sent for done in sync_customers(job)] == [9, 9]
    assert find_traces(files, [NAME]).keys() == {str(files[0])}  # Parquet keeps what differs
    mine = sorted(key for key, row in read_mentions(people).items() if row["text"] in traces)
    a, *_ = read_themes(people)
    edit(people, "pin", text="Mine", examples=[read_texts(people, NAME)[0], "something else here"])
    edit(people, "move", a, mention_ids=mine[:2])
    with people.write() as connection:
        old = {
            "feedback_id": mine[0][:-2],
            "content_hash": "old",
            "text": read_texts(people, NAME)[1],
        }
        connection.execute(insert(tables.feedback_version).values(**old))
        action = {"status": "pending", "destination": "drop", "created_at": START}
        for number, customer in enumerate((NAME, name_customer(2), None)):
            about = {"customer_id": customer, "payload": {"mentions": [mine[0]]}}
            if customer and customer != NAME:
                about["payload"] = {}
            connection.execute(
                insert(tables.action).values(action_id=str(number), **about, **action)
            )
    assert deliver_actions(job, tmp_path, Wanted()).count("sent") == 3
    (dropped,) = (tmp_path / "drop").iterdir()
    assert find_traces([dropped], traces)
    report, export = tmp_path / "report.html", tmp_path / "them.html"
    with people.read() as connection:
        write_report(connection, report)
    assert record_output(people, report, "report")
    done = export_person(job, Asked(email=f"c{WHO}@example.com"), export)
    assert done is not None and done.n_rows["feedback"] == 13 and export.stat().st_mode & 0o77 == 0
    assert len(find_traces(list_store_files(people, tmp_path), traces)) >= 1
    n_before = {name: count_all(people, name) for name in ("feedback", "mention", "customer")}

    receipt = forget_person(job, Asked(email=f"C{WHO}@Example.com"))

    assert not receipt.problems
    assert receipt.counts["traces"] == 0
    assert receipt.counts["feedback"] == 13
    assert receipt.counts["theme_edit"] == 2
    assert not export.exists()
    assert find_traces([dropped], traces) == {}
    assert name_customer(2) in dropped.read_text(encoding="utf-8")
    left = [*files, *list_store_files(people, tmp_path)]
    found = find_traces([path for path in left if path.name != "secret"], traces)
    assert found == {}
    assert receipt.counts["sync_row"] == 2
    assert [(done.n_sent, done.n_removed) for done in sync_customers(job)] == [(0, 0)] * 2
    for name, n in n_before.items():
        assert n - count_all(people, name) == receipt.counts[name]
    assert "<!doctype html>" in report.read_text().casefold()
    with people.read() as connection:
        assert list_open(connection) == []
        row = connection.execute(select(tables.erasure)).mappings().one()
        assert (row["digest"], row["counts"]) == (receipt.digest, receipt.counts)
        centres = connection.execute(select(func.sum(tables.theme_centre.c.n_texts))).scalar()
        found_in = connection.execute(
            select(func.count()).where(
                tables.mention.c.nearest_theme_id.is_not(None),
                tables.mention.c.found_reason.is_(None),
            )
        ).scalar()
        assert centres == found_in
    assert count_outdated(people) == 0
    again = forget_person(job, Asked(email=f"c{WHO}@example.com"))
    assert (again.request_id, again.was_erased) == (None, True)
    people.engine.dispose()


def test_erased_persons_do_not_come_in_again_and_are_counted(
    file_store: Store, tmp_path: Path
) -> None:
    job = make_people_job(file_store, tmp_path / "job")
    forget_person(job, Asked(customer=NAME))
    reviews, crm, orders = (tmp_path / f"{name}.csv" for name in ("reviews", "crm", "orders"))
    mail = f"c{WHO}@example.com"
    reviews.write_text(
        "Review ID,Comment,E-mail,Date\n"
        f"1,Everything was late again this time,{mail},2026-01-01\n"
        f"2,,{mail},2026-01-01\n"
        "3,A person who is not erased wrote this,other@example.com,2026-01-01\n"
    )
    crm.write_text(f"Customer ID,E-mail,Segment\n{NAME},x@example.com,Plus\nnew,n@e.com,Plus\n")
    orders.write_text(f"Customer ID,Order date,Kind,Amount\n{NAME},2026-01-01,order,5\n")
    before = {name: count_all(file_store, name) for name in ("customer", "event", "rejected")}
    inputs = given_inputs(
        [str(reviews), str(crm), str(orders)], source=None, pairs=(), progress=SilentProgress()
    )
    for _ in range(2):
        counts = run_steps(job, "ingest", ["customers", "events", "ingest"], inputs).counts
        assert (counts["n_read"], counts["n_blocked"], counts["n_rejected"]) == (3, 2, 0)
        assert counts["n_records_blocked"] == 2
        assert counts["n_read"] == sum(
            counts[f"n_{name}"]
            for name in ("new", "known", "updated", "rejected", "left_out", "blocked")
        )
    assert count_all(file_store, "feedback") == N_ROWS - 13 + 1
    assert count_all(file_store, "customer") == before["customer"] + 1
    assert count_all(file_store, "event") == before["event"]
    assert count_all(file_store, "rejected") == before["rejected"]


def test_a_crash_leaves_nothing_done_or_a_request_that_is_finished_later(
    file_store: Store,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    job = make_people_job(file_store, tmp_path / "job")
    monkeypatch.setattr(forgetting, "record_audit", _die)
    with pytest.raises(KeyboardInterrupt):
        forget_person(job, Asked(customer=NAME))
    assert count_all(file_store, "feedback") == N_ROWS
    assert count_all(file_store, "erasure") == count_all(file_store, "blocked_key") == 0
    monkeypatch.undo()
    traces = list_traces_of(file_store)
    monkeypatch.setattr(forgetting, "_clean_store", _die)
    with pytest.raises(StoppedError, match=r"rows are erased.* earful forget --resume"):
        forget_person(job, Asked(customer=NAME))
    monkeypatch.undo()
    assert count_all(file_store, "feedback") == N_ROWS - 13
    assert run_app(["status", "--db", str(file_store.path)]) == 0
    assert "1 erasures are not finished" in capsys.readouterr().out
    warned = Warned()
    with file_store.lock(0, "syncs"):  # a run finishes erasures first, and does not need this
        _finish_erasures(replace(job, lock_timeout_s=0, progress=warned))
    assert "erasures are not finished: another earful sync" in "".join(warned.warnings)
    (receipt,) = resume_erasures(job)
    assert receipt.digest
    assert not receipt.problems
    assert resume_erasures(job) == []
    own = [path for path in tmp_path.glob("store.db*") if path.is_file()]
    assert find_traces(own, traces) == {}


class Warned(SilentProgress):
    """Remembers warnings."""

    def __init__(self) -> None:
        self.warnings: list[str] = []

    def warn(self, message: str) -> None:
        self.warnings.append(message)


def _die(*_: object, **__: object) -> None:
    raise KeyboardInterrupt


def test_a_key_of_several_customers_is_not_enough_to_erase_one(
    file_store: Store, tmp_path: Path
) -> None:
    job = make_people_job(file_store, tmp_path / "job")
    row = {"key_type": "phone", "key_hash": hash_person_keys(WHO)["phone"], "customer_id": "other"}
    with file_store.write() as connection:
        connection.execute(insert(tables.customer_key).values(**row))
    with pytest.raises(ConfigError, match="2 customers are known by that phone"):
        forget_person(job, Asked(phone=f"+1 202 555 0{WHO:03d}"))
    receipt = forget_person(job, Asked(customer=NAME))
    assert receipt.n_shared == 1
    # The other one still comes in by that phone.
    found = find_traces([file_store.path], [row["key_hash"]])
    assert list(found.values()) == [1]


def test_words_can_be_kept_without_the_person(file_store: Store, tmp_path: Path) -> None:
    job = make_people_job(file_store, tmp_path / "job", erasure={"feedback": "deidentify"})
    texts, traces = read_texts(file_store, NAME), list_traces_of(file_store)
    receipt = forget_person(job, Asked(customer=NAME))
    assert receipt.counts["feedback_kept"] == len(texts)
    feedback = tables.feedback.c
    with file_store.read() as connection:
        query = select(tables.feedback).where(feedback.text.in_(texts))
        rows = connection.execute(query).mappings().all()
        quoted = connection.execute(select(tables.theme_quote.c.text)).scalars().all()
        shown = connection.execute(text("SELECT count(text), count(*) FROM v_feedback")).one()
    assert len(rows) == len(texts)
    assert {row["refused"] for row in rows} == {"forgotten"}
    assert not any(row["customer_id"] or row["author_key"] or row["attributes"] for row in rows)
    assert not set(quoted) & set(texts)
    assert tuple(shown) == (N_ROWS - len(texts), N_ROWS)
    ids = [each for each in traces if each not in texts]
    assert find_traces(tmp_path.glob("store.db*"), ids) == {}
    assert len(read_mentions(file_store)) == N_ROWS


def test_kept_words_are_not_those_that_may_not_be_analysed(
    file_store: Store, tmp_path: Path
) -> None:
    job = make_people_job(file_store, tmp_path / "job", erasure={"feedback": "deidentify"})
    said, feedback = read_texts(file_store, NAME), tables.feedback.c
    with file_store.write() as connection:
        # A yes in another feedback leaves the no in its own as it is.
        for number, status in enumerate(("withdrawn", "granted")):
            own = select(feedback.feedback_id).where(feedback.text == said[number])
            row = {"consent_id": str(number), "purpose": "analysis", "status": status}
            row |= {"feedback_id": connection.execute(own).scalar_one()}
            at = START + timedelta(days=number)
            connection.execute(insert(tables.consent).values(at=at, **row))
    receipt = forget_person(job, Asked(customer=NAME))
    assert receipt.counts["feedback_kept"] == len(said) - 1
    assert receipt.counts["feedback"] == 1
    with file_store.read() as connection:
        left = set(connection.execute(select(feedback.text)).scalars())
    assert left & set(said) == set(said[1:])
    assert find_traces(tmp_path.glob("store.db*"), said[:1]) == {}


def test_what_is_old_is_purged_and_stays_out(file_store: Store, tmp_path: Path) -> None:
    job = make_people_job(file_store, tmp_path / "job")
    feedback = tables.feedback.c
    with file_store.write() as connection:
        old = select(feedback.feedback_id).order_by(feedback.feedback_id).limit(7)
        ids = list(connection.execute(old).scalars())
        at = datetime.now(UTC) - timedelta(days=900)
        connection.execute(
            update(tables.feedback).where(feedback.feedback_id.in_(ids)).values(occurred_at=at)
        )
    dry = purge_store(job, "2y", is_dry=True)
    assert dry.counts["feedback"] == 7
    assert count_all(file_store, "feedback") == N_ROWS
    done = purge_store(job, "2y", is_dry=False)
    assert (done.counts["feedback"], done.counts["mention"]) == (7, 7)
    assert done.problems == []
    assert count_all(file_store, "feedback") == N_ROWS - 7
    assert purge_store(job, "2y", is_dry=False).counts["feedback"] == 0
    path = tmp_path / "late.csv"
    path.write_text("Review ID,Comment,Date\n1,An old story comes back here,2020-01-01\n")
    inputs = given_inputs([str(path)], source=None, pairs=(), progress=SilentProgress())
    assert run_steps(job, "ingest", ["ingest"], inputs).counts["n_blocked"] == 1
    for wrong in ("2 years", "0d", "-1y", "99999999999y"):
        with pytest.raises(ConfigError, match=r"is no age|longer ago"):
            parse_age(wrong)


def test_whatever_an_erasure_takes_out_is_in_an_export() -> None:
    given = {
        table for named in (BY_CUSTOMER, BY_FEEDBACK) for each in named.values() for table in each
    }
    apart = {tables.action, tables.consent}
    assert {*erasing._ABOUT_CUSTOMERS, *erasing._ABOUT_FEEDBACK} - apart <= given


def _add_more(connection: Connection) -> None:
    """A row of whatever else may be held about them."""
    feedback, mention, theme = tables.feedback.c, tables.mention.c, tables.theme.c
    own = select(feedback.feedback_id).where(feedback.customer_id == NAME)
    own = own.join(tables.mention, mention.feedback_id == feedback.feedback_id)
    one, other = connection.execute(own.where(mention.theme_id.is_not(None)).limit(2)).scalars()
    spoken = select(mention.theme_id).where(mention.feedback_id == one)
    theme_id = connection.execute(select(theme.theme_id).where(theme.theme_id.in_(spoken))).scalar()
    record = {"customer_id": NAME, "content_hash": "old", "attributes": {"City": "פתח תקווה"}}
    links = {"probability": 0.5, "method": "shared_key"}
    fix = {"edit_id": "1", "outcome": "voices", "theme_id": theme_id, "fixed_at": START}
    sent = {"sync": "crm", "customer_id": NAME, "status": "sent"}
    for table, row in (
        (tables.customer_version, record),
        (tables.link_review, {"review_id": "1", "feedback_id": one, "customer_id": NAME, **links}),
        (tables.link_review, {"review_id": "2", "feedback_id": other, "customer_id": "x", **links}),
        (tables.theme_fix, fix),
        (tables.sync_row, sent),
        (
            tables.action,
            {
                "action_id": "1",
                "customer_id": NAME,
                "payload": {},
                "status": "sent",
                "destination": "crm",
            },
        ),
        (tables.feedback_outcome, {"feedback_id": one, "outcome": "rating", "customer_id": NAME}),
        (tables.event_key, {"event_id": f"order-of-{NAME}", "key_type": "order", "key_hash": "1"}),
    ):
        connection.execute(insert(table).values(**row))


def test_an_export_holds_everything_and_runs_nothing(file_store: Store, tmp_path: Path) -> None:
    job = make_people_job(file_store, tmp_path / "job")
    evil = "</td><script>alert(1)</script>"
    with begin_run(file_store, "x", config_hash="", lock_timeout_s=1) as run:
        consent = {"consent_id": "1", "customer_id": NAME, "purpose": "contact", "source": evil}
        run.connection.execute(
            insert(tables.consent).values(status="granted", at=run.started_at, **consent)
        )
        _add_more(run.connection)
    page, data = tmp_path / "a.html", tmp_path / "a.json"
    for path in (page, data):
        assert export_person(job, Asked(customer=NAME), path) is not None
    held = json.loads(data.read_text())
    texts = read_texts(file_store, NAME)
    assert sorted(row["text"] for row in held["feedback"]) == sorted(texts)
    assert {row["text"] for row in held["mentions"]} == set(texts)
    assert all(row["theme"] for row in held["mentions"] if row["theme_id"])
    assert [name for name in NOTES if not held[name]] == ["versions", "worded", "edits"]
    assert [row["customer_id"] for row in held["links"]] == [NAME, "another customer"]
    shown = page.read_text()
    assert "City: פתח תקווה" in shown
    assert str(file_store.path) not in shown
    assert all(each in shown for each in texts)
    assert evil not in shown
    others = [t for n in range(9) if n != WHO for t in read_texts(file_store, name_customer(n))]
    names = {row["name"] for row in held["themes"]}
    assert not any(each in shown + data.read_text() for each in set(others) - names)
    assert export_person(job, Asked(email="nobody@example.com"), tmp_path / "b.html") is None
    with pytest.raises(ConfigError, match="neither"):
        export_person(job, Asked(customer=NAME), tmp_path / "a.txt")


def test_a_request_for_nobody_says_so_and_is_in_the_audit(
    file_store: Store,
    tmp_path: Path,
    capsys: pytest.CaptureFixture[str],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setenv("EARFUL_SECRET", "a secret that is long enough")
    monkeypatch.setenv("EARFUL_CACHE", str(tmp_path / "cache"))
    db = ("--db", str(file_store.path))
    assert run_app(["forget", "--email", "nobody@example.com", *db]) == 0
    assert "nobody is known by that; nothing was erased" in capsys.readouterr().out
    assert run_app(["forget", *db]) == 2
    assert "give one of --customer" in capsys.readouterr().err
    with file_store.read() as connection:
        row = connection.execute(select(tables.audit)).mappings().one()
    assert (row["command"], row["arguments"]) == ("forget", {"by": "email"})
    assert "nobody@example.com" not in repr(dict(row))
