"""Feedback is found by meaning, as far as it may be shown, and an erasure reaches the index."""

import json
from collections.abc import Iterator, Sequence
from datetime import UTC, date, datetime
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from sqlalchemy import delete, select, update

from nlp.cleaning import normalize_text, text_hash
from pipelines import tables
from pipelines.asking import asking
from pipelines.asking.asking import Asker, Found
from pipelines.asking.index import index_path, list_index_files
from pipelines.asking.searching import Filters
from pipelines.asking.wording import describe
from pipelines.config import Config
from pipelines.errors import ConfigError
from pipelines.job import Job
from pipelines.rights.forgetting import forget_person
from pipelines.rights.people import Asked
from pipelines.rights.scan import find_traces
from pipelines.runs import begin_run
from pipelines.store import Store
from tests.pipelines.conftest import add_rows
from tests.pipelines.planted import plant
from tests.pipelines.rights.people import make_people_job, name_customer, open_people
from tests.pipelines.store_copies import open_copy

SUBJECTS = {
    0: {"refund", "refunds", "money", "החזר", "כסף", "استرداد"},
    1: {"courier", "delivery", "שליח", "משלוח"},
    2: {"login", "crash", "התחברות"},
}
# Text, language, source, day of 2026, customer, feeling, theme.
SAID = (
    ("my refund never came", "en", "survey", "10-03", "C1", "negative", "t1"),
    ("my refund never came", "en", "review", "10-20", "C2", "negative", "t1"),
    ("the money is back at last", "en", "survey", "11-02", "C3", "positive", "t1"),
    ("ההחזר של הכסף לא הגיע", "he", "social", "10-05", "C4", "negative", "t1"),
    ("החזר איטי מאוד", "he", "survey", "09-12", None, "negative", "t1"),
    ("the courier was late", "en", "review", "10-07", "C1", "negative", "t2"),
    ("השליח איחר", "he", "social", "10-09", None, "negative", "t2"),
    ("crash at login on iPhone 15", "en", "review", "10-11", "C5", "negative", "t3"),
    ("crash at login on iPhone 14", "en", "review", "10-12", "C6", "negative", "t3"),
    ("order A-1234 and its delivery", "en", "survey", "10-13", "C3", "neutral", None),
)


class SubjectModels:
    """A text is about the subjects that its words name; all languages lie beside each other."""

    encoder_name = "subjects"
    is_default_encoder = False

    def embed(self, texts: Sequence[str]) -> Any:
        return np.array([embed(text) for text in texts], dtype=np.float16)


def embed(text: str) -> Any:
    words = {word.removeprefix("ה") for word in text.split()} | set(text.split())
    row = np.array([len(words & named) for named in SUBJECTS.values()] + [0.5], dtype=np.float32)
    return row / np.linalg.norm(row)


class SubjectJob(Job):
    models = SubjectModels()  # type: ignore[assignment]


def fill(store: Store) -> None:
    with begin_run(store, "test", config_hash="", lock_timeout_s=5) as run:
        for number in range(1, 8):
            segment = "gold" if number < 6 else "new"
            add_rows(run.connection, "customer", {"customer_id": f"C{number}", "segment": segment})
        for theme, name in (("t1", "refunds"), ("t2", "late courier"), ("t3", "login")):
            add_rows(
                run.connection,
                "theme",
                {"theme_id": theme, "name": name, "status": "active", "origin": "discovered"},
            )
        for number, row in enumerate(SAID):
            add_said(run.connection, f"f{number}", *row)
        add_said(
            run.connection, "f90", "refund refund", "en", "survey", "10-04", "C7", "negative", None
        )
        run.connection.execute(
            update(tables.feedback)
            .where(tables.feedback.c.feedback_id == "f90")
            .values(noise_reason="spam")
        )
        run.mark_changed()


def add_said(
    connection: Any,
    key: str,
    text: str,
    lang: str,
    source: str,
    day: str,
    customer: str | None,
    feeling: str,
    theme: str | None,
) -> None:
    hashed = text_hash(normalize_text(text, lang))
    at = datetime.fromisoformat(f"2026-{day}T12:00:00").replace(tzinfo=UTC)
    add_rows(
        connection,
        "feedback",
        {
            "feedback_id": key,
            "source": source,
            "text": text,
            "lang": lang,
            "occurred_at": at,
            "customer_id": customer,
        },
    )
    score = {"negative": -0.8, "neutral": 0.0, "positive": 0.8}[feeling]
    add_rows(
        connection,
        "mention",
        {
            "mention_id": f"{key}-0",
            "feedback_id": key,
            "position": 0,
            "text": text,
            "text_hash": hashed,
            "lang": lang,
            "sentiment": feeling,
            "sentiment_score": score,
            "theme_id": theme,
        },
    )
    vector = {"text_hash": hashed, "model": "subjects"}
    found = select(tables.vector.c.text_hash).where(tables.vector.c.text_hash == hashed)
    if connection.execute(found).first() is None:
        data = embed(normalize_text(text, lang)).astype("<f2").tobytes()
        add_rows(connection, "vector", {**vector, "data": data})


@pytest.fixture
def asked_store(store_url: str) -> Iterator[Store]:
    opened = open_copy(store_url, "asked", fill)
    yield opened
    opened.engine.dispose()


def make_asker(store: Store, folder: Path) -> Asker:
    url = store.url.render_as_string(hide_password=False)
    return Asker(store, SubjectJob(Config.model_validate({"store": {"url": url}}), folder))


def delete_mention(store: Store, mention_id: str, folder: Path) -> None:
    with SubjectJob(Config.model_validate({}), folder).begin(store, "test") as run:
        mention = tables.mention.c.mention_id
        run.connection.execute(delete(tables.mention).where(mention == mention_id))
        run.mark_changed()


def texts_of(found: Found) -> list[str]:
    return [answer.text for answer in found.answers]


def test_what_is_asked_in_words_is_found_in_every_language_with_its_voices(
    asked_store: Store, tmp_path: Path
) -> None:
    asker = make_asker(asked_store, tmp_path)
    found = asker.ask("refund", Filters(), 4)
    assert {answer.lang for answer in found.answers} == {"en", "he"}
    assert not {"refund refund"} & set(texts_of(asker.ask("refund", Filters(), 50)))  # spam
    twice = next(each for each in found.answers if each.text == "my refund never came")
    assert (twice.n_voices, twice.n_mentions, twice.customers) == (2, 2, ("C2", "C1"))
    assert (twice.mention_id, twice.theme, twice.sentiment) == ("f1-0", "refunds", "negative")
    found = asker.ask("refund in Hebrew last month", Filters(), 1)
    assert texts_of(found) == ["ההחזר של הכסף לא הגיע"]
    told = describe(found)
    assert told["searching_for"] == "refund"
    assert told["filters"]["since"] == datetime(2026, 10, 1, tzinfo=UTC)
    json.dumps(told["answers"], default=str)
    every_word = asker.ask("refund in Hebrew last month", Filters(), 50, is_literal=True)
    assert len(every_word.answers) == len({row[0] for row in SAID})


def test_filters_leave_what_they_name(asked_store: Store, tmp_path: Path) -> None:
    asker = make_asker(asked_store, tmp_path)

    def ask(**values: Any) -> set[str]:
        return set(texts_of(asker.ask("refund", Filters(**values), 50)))

    def those(place: int, value: str | None) -> set[str]:
        return {row[0] for row in SAID if row[place] == value}

    assert ask(themes=("t2",)) == those(6, "t2")
    assert ask(sources=("social",), langs=("he",)) == those(2, "social")
    assert ask(sentiments=("positive", "neutral")) == those(5, "positive") | those(5, "neutral")
    assert ask(segments=("new",)) == those(4, "C6")
    first, last = datetime(2026, 10, 9, tzinfo=UTC), datetime(2026, 10, 12, tzinfo=UTC)
    assert ask(since=first, until=last) == {row[0] for row in SAID if "10-09" <= row[3] < "10-12"}
    with pytest.raises(ConfigError, match="earful sources"):
        ask(sources=("nowhere",))


def test_a_number_and_a_name_are_found_though_meaning_does_not_tell_them(
    asked_store: Store, tmp_path: Path
) -> None:
    asker = make_asker(asked_store, tmp_path)
    for name in ("15", "14"):
        found = asker.ask(f"login iPhone {name}", Filters(), 1)
        assert texts_of(found) == [f"crash at login on iPhone {name}"]
    assert "A-1234" in texts_of(asker.ask("refund A-1234", Filters(), 1))[0]
    assert texts_of(asker.ask('refund "iPhone 14"', Filters(), 9)) == [
        "crash at login on iPhone 14"
    ]
    assert texts_of(asker.ask('refund "14 iPhone"', Filters(), 9)) == []


def test_what_is_like_something_said_is_not_that_itself(asked_store: Store, tmp_path: Path) -> None:
    asker = make_asker(asked_store, tmp_path)
    others = {"השליח איחר", "order A-1234 and its delivery"}
    for like in ("f5-0", "f5"):
        assert set(texts_of(asker.ask(None, Filters(), 2, like=like))) == others
    found = asker.ask(None, Filters(), 50, like="t2")
    assert not set(texts_of(found)) & {"the courier was late", "השליח איחר"}
    assert texts_of(found)[0] == "order A-1234 and its delivery"
    with pytest.raises(ConfigError, match="f90"):
        asker.ask(None, Filters(), 1, like="f90")


def test_words_and_customers_are_shown_only_as_they_allow_in_that_moment(
    asked_store: Store, tmp_path: Path
) -> None:
    asker = make_asker(asked_store, tmp_path)
    assert len(asker.ask("refund", Filters(), 1).answers) == 1
    with asked_store.write() as connection:  # no run: the index stays as it was
        for number, (customer, purpose) in enumerate((("C2", "quoting"), ("C1", "profiling"))):
            add_rows(
                connection,
                "consent",
                {
                    "consent_id": str(number),
                    "customer_id": customer,
                    "purpose": purpose,
                    "status": "withdrawn",
                    "at": datetime(2026, 1, 1, tzinfo=UTC),
                },
            )
    found = asker.ask("refund", Filters(), 50)
    said = next(each for each in found.answers if each.text == "my refund never came")
    assert (said.mention_id, said.customers, said.n_voices) == ("f0-0", (), 2)
    gold = asker.ask("courier", Filters(segments=("gold",)), 50)
    assert "the courier was late" not in texts_of(gold)  # C1's account is not looked at


def test_the_index_is_kept_private_and_made_anew_when_the_store_changes(
    asked_store: Store, tmp_path: Path
) -> None:
    make_asker(asked_store, tmp_path).ask("refund", Filters(), 1)
    path = index_path(asked_store)
    if path is None:
        assert asked_store.url.get_backend_name() == "postgresql"
        assert list(tmp_path.iterdir()) == []  # nothing on disk that an erasure could miss
        return
    assert path.stat().st_mode & 0o777 == 0o600
    before = path.stat().st_ino
    asker = make_asker(asked_store, tmp_path)
    assert len(asker.ask("refund", Filters(), 50).answers) == 9
    assert path.stat().st_ino == before
    delete_mention(asked_store, "f5-0", tmp_path)
    assert not path.exists()
    assert "the courier was late" not in texts_of(asker.ask("refund", Filters(), 50))
    path.write_bytes(path.read_bytes()[:-9])  # half a file is none
    assert len(make_asker(asked_store, tmp_path).ask("refund", Filters(), 50).answers) == 8


def test_nothing_to_search_for_and_nothing_read_are_said(store: Store, tmp_path: Path) -> None:
    asker = make_asker(store, tmp_path)
    with pytest.raises(ConfigError, match="earful run"):
        asker.ask("refund", Filters(), 1)
    with begin_run(store, "test", config_hash="", lock_timeout_s=5) as run:
        add_rows(run.connection, "vector", {"text_hash": "h", "model": "other", "data": b"\0\0"})
    with pytest.raises(ConfigError, match="other"):
        asker.ask("refund", Filters(), 1)


def test_a_question_of_filters_alone_is_refused(sqlite_url: str, tmp_path: Path) -> None:
    asker = make_asker(open_copy(sqlite_url, "asked", fill), tmp_path)
    with pytest.raises(ConfigError, match="--literal"):
        asker.ask("in Hebrew last month", Filters(), 1)
    with pytest.raises(ConfigError, match="question is empty"):
        asker.ask("  ", Filters(), 1)
    with pytest.raises(ConfigError, match="no day"):
        asker.ask("refund from November to January", Filters(), 1, today=date(2026, 12, 1))


def test_what_goes_while_the_index_is_made_does_not_stay_in_it(
    sqlite_url: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    store = open_copy(sqlite_url, "asked", fill)
    write_index = asking.write_index

    def write_and_delete(*arguments: Any) -> None:
        write_index(*arguments)
        delete_mention(store, "f5-0", tmp_path)

    monkeypatch.setattr(asking, "write_index", write_and_delete)
    make_asker(store, tmp_path).ask("refund", Filters(), 1)
    assert list_index_files(store) == []
    store.engine.dispose()


def test_an_erasure_reaches_the_index(sqlite_url: str, tmp_path: Path) -> None:
    store = open_people(sqlite_url)
    job = make_people_job(store, tmp_path / "own")
    path = index_path(store)
    assert path is not None
    Asker(store, job).ask(plant().texts[0], Filters(), 5)
    said, mention = tables.feedback.c, tables.mention.c
    query = select(mention.mention_id).join(
        tables.feedback, said.feedback_id == mention.feedback_id
    )
    with store.read() as connection:
        own = connection.execute(query.where(said.customer_id == name_customer(4))).scalars().all()
    assert find_traces([path], own)  # the search of an erasure would find it there
    path.with_name(f".{path.name}.1.part").write_bytes(path.read_bytes())  # of a killed command
    assert forget_person(job, Asked(customer=name_customer(4))).problems == []
    assert list_index_files(store) == []
    assert Asker(store, job).ask(plant().texts[0], Filters(), 5).answers
    assert not find_traces([path], own)
    store.engine.dispose()
