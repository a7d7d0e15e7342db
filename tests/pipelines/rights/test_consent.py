"""What customers refuse does not leave the store, by whatever way."""

import csv
import random
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import Connection, Engine, event, insert, select, text

from pipelines import tables
from pipelines.cli.app import run_app
from pipelines.edits.codebook_edits import export_categories
from pipelines.errors import ConfigError, InputError, StoppedError
from pipelines.noise_rows import list_noise
from pipelines.overview import list_themes, show_theme
from pipelines.profiles import NoProfileError, read_profile
from pipelines.report.customer_page import render_customer
from pipelines.report.facts import gather_facts
from pipelines.report.page import render_report, write_report
from pipelines.rights import outputs
from pipelines.rights.consents import Statement, read_statements, record_statements
from pipelines.rights.gate import allows, allows_customer
from pipelines.rights.outputs import follow_run, record_output
from pipelines.rights.people import Asked
from pipelines.rights.upkeep import configured_policy, respect_refusals
from pipelines.runs import begin_run
from pipelines.store import Store
from pipelines.themes.why import explain_mention
from tests.pipelines.planted import edit, read_mentions
from tests.pipelines.rights.people import (
    hash_person_keys,
    make_people_job,
    name_customer,
    open_people,
    read_texts,
)

EVERYTHING = ("analysis", "quoting", "profiling")


@pytest.fixture
def people(sqlite_url: str) -> Iterator[Store]:
    store = open_people(sqlite_url)
    yield store
    store.engine.dispose()


def say(number: int, purpose: str, status: str = "withdrawn", **terms: Any) -> Statement:
    return Statement(Asked(email=f"c{number}@example.com"), purpose, status, **terms)


def read_outputs(store: Store) -> tuple[str, str]:
    """Everything that shows words, and everything that shows customers."""
    with store.read() as connection:
        themes = list_themes(connection, is_all=True)
        shown = [show_theme(connection, each["theme_id"], 999) for each in themes]
        parts = [
            render_report(gather_facts(connection)),
            repr(themes),
            repr(shown),
            repr(export_categories(connection)),
            repr(list_noise(connection, None, 999)),
        ]
        views = ("v_feedback", "v_theme", "theme_quote")
        parts += [repr(connection.execute(text(f"SELECT * FROM {v}")).all()) for v in views]
        rows = ("v_customer", "customer_insight", "customer_theme")
        people = [repr(connection.execute(text(f"SELECT * FROM {v}")).all()) for v in rows]
        facts = repr(gather_facts(connection).customers)
        pages = [_render_page(connection, name_customer(number)) for number in range(9)]
    return "\n".join([*parts, *pages]), "\n".join([*people, facts, *pages])


def _render_page(connection: Connection, customer_id: str) -> str:
    try:
        return render_customer(read_profile(connection, customer_id))
    except NoProfileError:
        return ""


def test_no_output_holds_words_or_rows_that_a_customer_refuses(
    people: Store, tmp_path: Path
) -> None:
    job = make_people_job(people, tmp_path / "job")
    texts = {number: read_texts(people, name_customer(number)) for number in range(9)}
    words, rows = read_outputs(people)
    shown_first = {n for n in texts if any(said in words for said in texts[n])}
    assert shown_first == set(texts)
    assert all(name_customer(n) in rows for n in texts)
    chance = random.Random(3)
    now: dict[tuple[int, str], str] = {}
    for _ in range(2):
        said = [
            (number, purpose, chance.choice(("granted", "withdrawn")))
            for number in chance.sample(range(9), 5)
            for purpose in chance.sample(EVERYTHING, 2)
        ]
        record_statements(job, [say(*each) for each in said], "test")
        now.update({each[:2]: each[2] for each in said})
        words, rows = read_outputs(people)
        for number in range(9):
            is_out = now.get((number, "analysis")) == "withdrawn"
            hides_words = is_out or now.get((number, "quoting")) == "withdrawn"
            hides_row = is_out or now.get((number, "profiling")) == "withdrawn"
            assert not (hides_words and any(each in words for each in texts[number])), number
            assert not (hides_row and name_customer(number) in rows), number
            if not hides_words and not hides_row:
                assert any(each in words for each in texts[number]), number
    mentions = read_mentions(people)
    out = {name_customer(n) for n in texts if now.get((n, "analysis")) == "withdrawn"}
    with people.read() as connection:
        query = select(tables.feedback.c.feedback_id, tables.feedback.c.customer_id)
        owners = dict(connection.execute(query).all())
        assert out
        assert not {owners[row["feedback_id"]] for row in mentions.values()} & out
        n_vectors = connection.execute(select(tables.vector.c.text_hash).distinct()).all()
        assert len(n_vectors) == len({row["text_hash"] for row in mentions.values()})
        silent = next(
            n
            for n in texts
            if now.get((n, "quoting")) == "withdrawn" and name_customer(n) not in out
        )
        mine = next(
            k for k, r in mentions.items() if owners[r["feedback_id"]] == name_customer(silent)
        )
        with pytest.raises(ConfigError, match="may be shown"):
            explain_mention(connection, mine)


def test_a_withdrawal_that_somebody_wrote_into_the_table_holds_for_the_next_look(
    people: Store, tmp_path: Path
) -> None:
    key = hash_person_keys(4)["phone"]
    at = datetime.now(UTC)
    with people.write() as connection:
        row = {"consent_id": "x", "key_type": "phone", "key_hash": key, "purpose": "quoting"}
        connection.execute(
            insert(tables.consent).values(status="withdrawn", at=at - timedelta(days=1), **row)
        )
    hidden = read_texts(people, name_customer(4))
    with people.read() as connection:
        shown = repr(
            [show_theme(connection, each["theme_id"], 999) for each in list_themes(connection)]
        ) + render_report(gather_facts(connection))
    assert not any(each in shown for each in hidden)
    with people.read() as connection:
        assert any(
            each in repr(connection.execute(text("SELECT * FROM v_feedback")).all())
            for each in hidden
        )
    job = make_people_job(people, tmp_path / "job")
    assert record_statements(job, [], "test").n_changed == len(hidden)
    words, _ = read_outputs(people)
    assert not any(each in words for each in hidden)


def test_the_newest_word_counts_until_it_expires(people: Store, tmp_path: Path) -> None:
    now = datetime.now(UTC)
    job = make_people_job(people, tmp_path / "job")
    early, late = now - timedelta(days=9), now - timedelta(days=8)
    record_statements(
        job,
        [
            say(0, "quoting", "granted", at=late),
            say(0, "quoting", "withdrawn", at=early),
            say(1, "quoting", "granted", at=late),
            say(1, "quoting", "withdrawn", at=late),
            say(2, "quoting", "withdrawn", at=late, channel="survey"),
            say(3, "contact", "granted", at=late, channel="E-Mail"),
            say(4, "contact", "granted", at=late, expires_at=now + timedelta(days=1)),
            say(5, "quoting", "withdrawn", at=late),
        ],
        "test",
    )
    feedback, customer = tables.feedback.c, tables.customer.c.customer_id

    def read(**asked: Any) -> set[str]:
        with people.read() as connection:
            words = select(feedback.customer_id).where(allows(connection, **asked)).distinct()
            return {name[-1] for name in connection.execute(words).scalars()}

    def contactable(**asked: Any) -> set[str]:
        with people.read() as connection:
            query = select(customer).where(
                allows_customer(connection, "contact", customer, **asked)
            )
            return {name[-1] for name in connection.execute(query).scalars()}

    assert read(purpose="quoting") == set("0234678")
    assert read(purpose="quoting", now=early - timedelta(days=1)) == set("012345678")
    assert read(purpose="quoting", now=early) == set("12345678")
    assert contactable() == {"4"}
    assert contactable(channel="e-mail") == {"3", "4"}
    assert contactable(now=now + timedelta(days=2)) == set()


def test_a_policy_of_the_configuration_decides_for_who_said_nothing(
    people: Store, tmp_path: Path
) -> None:
    job = make_people_job(people, tmp_path / "job", consent={"quoting": "consent"})
    record_statements(job, [say(6, "quoting", "granted")], "test")
    allowed, others = (read_texts(people, name_customer(n)) for n in (6, 7))
    words, _ = read_outputs(people)
    assert any(each in words for each in allowed)
    assert not any(each in words for each in others)
    never = make_people_job(people, tmp_path / "job", consent={"profiling": "never"})
    record_statements(never, [], "test")
    words, rows = read_outputs(people)
    assert any(each in words for each in others)
    assert name_customer(6) not in rows


def test_a_shared_key_withdraws_for_all_and_grants_for_none(people: Store, tmp_path: Path) -> None:
    shared = hash_person_keys(0)["phone"]
    row = {"key_type": "phone", "key_hash": shared, "customer_id": name_customer(1)}
    with people.write() as connection:
        connection.execute(insert(tables.customer_key).values(**row))
    job = make_people_job(people, tmp_path / "job")
    by_phone = Asked(phone="+1 202 555 0000")
    said = [
        Statement(by_phone, "contact", "granted"),
        Statement(by_phone, "profiling", "withdrawn"),
    ]
    record_statements(job, said, "test")
    customer = tables.customer.c.customer_id
    with people.read() as connection:
        found = {
            purpose: set(
                connection.execute(
                    select(customer).where(allows_customer(connection, purpose, customer))
                ).scalars()
            )
            for purpose in ("contact", "profiling")
        }
    assert found["contact"] == set()
    assert found["profiling"] == {name_customer(n) for n in range(2, 9)}


def test_a_known_report_is_written_anew_and_a_changed_one_is_left_alone(
    people: Store, tmp_path: Path
) -> None:
    job = make_people_job(people, tmp_path / "job")
    ours, changed = tmp_path / "ours.html", tmp_path / "changed.html"
    for path in (ours, changed):
        with people.read() as connection:
            write_report(connection, path)
        assert record_output(people, path, "report")
    changed.write_text("somebody's own")
    quoted = [
        n
        for n in range(9)
        if any(t in ours.read_text() for t in read_texts(people, name_customer(n)))
    ]
    done = record_statements(job, [say(n, "quoting") for n in quoted[:2]], "test")
    assert not any(
        t in ours.read_text() for n in quoted[:2] for t in read_texts(people, name_customer(n))
    )
    assert changed.read_text() == "somebody's own"
    assert len(done.problems) == 1
    assert str(changed) in done.problems[0]


def test_files_follow_later_where_somebody_stopped_a_command_or_wrote_into_the_table(
    people: Store, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    job, page = make_people_job(people, tmp_path / "job"), tmp_path / "page.html"
    with people.read() as connection:
        write_report(connection, page)
    assert record_output(people, page, "report")
    said = {n: read_texts(people, name_customer(n)) for n in range(9)}

    def is_quoted(number: int) -> bool:
        return any(text in page.read_text() for text in said[number])

    stopped = next(filter(is_quoted, said))

    def stop(*_: Any) -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr(outputs, "rewrite_outputs", stop)
    with pytest.raises(StoppedError, match=r"is stored, and holds\. Reports"):
        record_statements(job, [say(stopped, "quoting")], "test")
    monkeypatch.undo()
    assert is_quoted(stopped)
    follow_run(job)
    assert not is_quoted(stopped)
    written = next(filter(is_quoted, said))
    row = {"customer_id": name_customer(written), "purpose": "quoting", "status": "withdrawn"}
    with people.write() as connection:
        at = datetime.now(UTC) - timedelta(hours=1)
        connection.execute(insert(tables.consent).values(consent_id="1", at=at, **row))
    with job.begin(people, "sync") as run:
        respect_refusals(run, job.models, configured_policy(job.config))
    follow_run(job)
    assert not is_quoted(written)


def test_consent_is_append_only_on_both_databases(store: Store) -> None:
    with begin_run(store, "test", config_hash="", lock_timeout_s=1) as run:
        row = {"consent_id": "1", "purpose": "quoting", "status": "granted", "at": run.started_at}
        run.connection.execute(insert(tables.consent).values(**row))
        audit = {"audit_id": "1", "at": run.started_at, "who": "w", "command": "c"}
        run.connection.execute(insert(tables.audit).values(**audit))
    for statement in ("DELETE FROM consent", "UPDATE audit SET who = 'x'", "DELETE FROM audit"):
        with pytest.raises(Exception, match=r"append only|refused"), store.write() as connection:
            connection.execute(text(statement))
    with store.write() as connection:
        connection.execute(insert(tables.erasure).values(request_id="open"))
        connection.execute(text("DELETE FROM consent"))
    with pytest.raises(Exception, match=r"append only|refused"), store.write() as connection:
        connection.execute(text("DELETE FROM audit"))


def test_a_file_is_loaded_once_and_its_mistakes_are_named_together(
    people: Store, tmp_path: Path
) -> None:
    path = tmp_path / "consents.csv"
    heads = ("Email", "customer", "purpose", "status", "at", "expires", "note")
    rows = [
        ("c1@example.com", "", "all", "withdrawn", "2026-01-02", "", ""),
        ("", name_customer(2), "Quoting", "Granted", "2026-01-02", "2030-01-01", "x"),
    ]

    def write(*more: tuple[str, ...]) -> None:
        with path.open("w", newline="") as stream:
            csv.writer(stream).writerows([heads, *rows, *more])

    write()
    job = make_people_job(people, tmp_path / "job")
    assert record_statements(job, read_statements(path, "UTC"), "file").n_rows == 5
    assert record_statements(job, read_statements(path, "UTC"), "file").n_rows == 0
    write(
        ("", "", "quoting", "granted", "", "", ""),
        ("a@b.com", "", "spying", "yes", "", "", ""),
        ("a@b.com", "", "quoting", "granted", "soon", "", ""),
    )
    with pytest.raises(InputError, match="3 of 5 rows") as caught:
        read_statements(path, "UTC")
    assert "a@b.com" not in str(caught.value)
    path.write_text("name,purpose\nx,quoting\n")
    with pytest.raises(InputError, match="has no columns purpose and status"):
        read_statements(path, "UTC")


def test_a_long_list_asks_the_store_no_more_often_than_a_short_one(
    people: Store, tmp_path: Path
) -> None:
    job = make_people_job(people, tmp_path / "job")
    asked: list[str] = []
    counts = []

    def note(_connection: object, _cursor: object, statement: str, *_told: object) -> None:
        asked.append(statement)

    event.listen(Engine, "before_cursor_execute", note)
    for number, n in enumerate((2, 200)):
        asked.clear()
        said = [
            Statement(Asked(customer=f"C-{number}-{each}"), "quoting", "granted")
            for each in range(n)
        ]
        assert record_statements(job, said, "file").n_waiting == n
        counts.append(len(asked))
    event.remove(Engine, "before_cursor_execute", note)
    assert counts[0] == counts[1]


def test_the_commands_record_and_show(
    people: Store,
    tmp_path: Path,
    capsys: pytest.CaptureFixture[str],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setenv("EARFUL_SECRET", "a secret that is long enough")
    monkeypatch.setenv("EARFUL_CACHE", str(tmp_path / "cache"))
    monkeypatch.setenv("EARFUL_USER", "dana")
    db = ("--db", people.url.render_as_string(hide_password=False))
    who = ("--customer", name_customer(3))
    assert run_app(["consent", "withdraw", *who, "--purpose", "contact", *db]) == 0
    assert "recorded 1 row of consent; 0 rows" in capsys.readouterr().out
    assert run_app(["consent", "show", "--email", "c3@example.com", *db]) == 0
    shown = capsys.readouterr().out
    assert "withdrawn" in shown
    assert name_customer(3) in shown
    assert "earful consent" in shown
    for name, given in (("--customer", "C-new"), ("--email", "new@example.com")):
        asked = ["consent", "grant", name, given, "--purpose", "contact", *db]
        assert run_app(asked) == 0
        told = capsys.readouterr().out
        assert "yet: what you recorded waits" in told
        assert f"earful consent show {name} {'C-new' if name == '--customer' else '-'}" in told
        assert "new@example.com" not in told
    capsys.readouterr()
    for channel, is_slip in (("e-mail", True), ("Email", False)):
        asked = ["consent", "withdraw", *who, "--purpose", "contact", "--channel", channel, *db]
        assert run_app(asked) == 0
        assert ("has the channel 'e-mail' (there are: email," in capsys.readouterr().err) == is_slip
    assert run_app(["consent", "list", *db]) == 0
    assert "analysis allowed, quoting allowed, contact consent" in capsys.readouterr().out
    assert run_app(["audit", *db]) == 0
    audit = capsys.readouterr().out
    assert "dana" in audit and "contact withdrawn 1" in audit
    assert max(map(len, audit.splitlines())) <= 140
    assert run_app(["consent", "grant", "--purpose", "contact", *db]) == 2
    assert run_app(["consent", "grant", "--email", "no mail", "--purpose", "contact", *db]) == 2
    assert "no mail" not in capsys.readouterr().err


def test_no_codebook_holds_words_that_a_customer_does_not_want_quoted(
    people: Store, tmp_path: Path
) -> None:
    whole = read_texts(people, name_customer(2))[0]
    part = " ".join(whole.split()[:3])
    edit(people, "pin", text="Mine", examples=[whole, "something else of mine here"])
    edit(people, "pin", text="Part", examples=[part, "another thing of mine here"])

    def list_examples() -> set[str]:
        with people.read() as connection:
            return {text for each in export_categories(connection) for text in each.examples}

    assert {whole, part} <= list_examples()
    record_statements(make_people_job(people, tmp_path / "job"), [say(2, "quoting")], "test")
    assert not {whole, part} & list_examples()
    assert "something else of mine here" in list_examples()
