"""The main job on small input: nothing lost, nothing written twice, whatever the order of rows."""

import csv
import io
import random
import time
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import func, select, text

from nlp.weights import prepare_default_encoder
from pipelines import runs, tables
from pipelines.config import Config
from pipelines.edits.commands import make_edit
from pipelines.edits.requests import EditRequest
from pipelines.errors import ConfigError
from pipelines.inputs import Inputs, given_inputs
from pipelines.job import STEPS, Job, run_steps
from pipelines.models import Models
from pipelines.progress import SilentProgress
from pipelines.runs import Run
from pipelines.store import open_store
from tests.pipelines.store_contents import Contents, read_contents

pytestmark = pytest.mark.model


ROOT = Path(__file__).parents[2]
REVIEWS = (
    ("The card still has not arrived after three weeks", "en"),
    ("My new card never came in the post", "en"),
    ("Waiting for my card for a month now, nothing arrived", "en"),
    ("Where is my card? It should have been delivered last week", "en"),
    ("The card delivery is late again", "en"),
    ("I ordered a card and it has not been delivered", "en"),
    ("Support never answers the phone", "en"),
    ("I waited an hour on hold and nobody picked up", "en"),
    ("Customer service does not reply to my messages", "en"),
    ("Nobody answers the chat, support is useless", "en"),
    ("The help line keeps me waiting for ever", "en"),
    ("No reply from customer support for days", "en"),
    ("I love the cashback on groceries", "en"),
    ("Great cashback, I earn money every week", "en"),
    ("הכרטיס עדיין לא הגיע אחרי שלושה שבועות", "he"),
    ("השירות לא עונה בטלפון כבר שעה", "he"),
    ("البطاقة لم تصل بعد ثلاثة أسابيع", "ar"),
    ("خدمة العملاء لا ترد على الهاتف", "ar"),
    ("کارت من بعد از سه هفته هنوز نرسیده است", "fa"),
    ("پشتیبانی اصلا جواب تلفن را نمی‌دهد", "fa"),
)


def make_rows(n: int = 60) -> list[dict[str, str]]:
    """Reviews with their quirks: customers, copies, no text, personal data, two versions."""
    rows = []
    for number in range(n):
        text, _ = REVIEWS[number % len(REVIEWS)]
        rows.append(
            {
                "Review ID": f"R{number:03d}",
                "Date": f"2026-{1 + number % 6:02d}-{1 + number % 27:02d}",
                "Comment": f"{text}. Ticket {number}." if number % 3 else text,
                "Customer number": f"C{number % 15:03d}",
                "Stars": str(1 + number % 5),
            }
        )
    rows[3]["Comment"] = ""
    rows[4]["Comment"] = "Call me at +1 202 555 0123 or dana@example.com, the card is not here"
    rows.append({**rows[7], "Date": "2026-09-01", "Comment": "Support answered at last, thanks"})
    rows.append(dict(rows[8]))
    return rows


def write_csv(path: Path, rows: list[dict[str, str]]) -> Path:
    out = io.StringIO()
    writer = csv.DictWriter(out, rows[0].keys())
    writer.writeheader()
    writer.writerows(rows)
    path.write_text(out.getvalue(), encoding="utf-8")
    return path


CRM = [
    {"Customer ID": f"C{number:03d}", "E-mail": f"c{number}@example.com", "Segment": "Plus"}
    for number in range(15)
]


# What a transaction holds on tables that others see.
LOCKS_OF_TABLES = text(
    "SELECT DISTINCT mode FROM pg_locks JOIN pg_class c ON c.oid = relation "
    "WHERE pid = pg_backend_pid() AND locktype = 'relation' AND c.relpersistence <> 't' "
    "AND c.relnamespace = 'public'::regnamespace"
)
ENCODER = "multilingual-e5-small-q4"


@pytest.fixture
def make_job(tmp_path: Path, model_cache: Path) -> Callable[[str], Job]:
    def make(url: str) -> Job:
        config = Config.model_validate({"store": {"url": url}})
        link = tmp_path / "cache"
        link.mkdir(exist_ok=True)
        if not (link / ENCODER).exists():
            (link / ENCODER).symlink_to(prepare_default_encoder(model_cache))
        return Job(config, link, secret_path=tmp_path / "secret")

    return make


def run_all(job: Job, *paths: Path) -> dict[str, int]:
    given = given_inputs(
        [str(path) for path in paths], source=None, pairs=(), progress=SilentProgress()
    )
    steps = ("customers", "events", *STEPS)
    return run_steps(job, "run", steps, given).counts


def dump(url: str, *, with_run_facts: bool = False) -> Contents:
    """Every table but run, as comparable rows."""
    return read_contents(url, {"run"}, {}) if with_run_facts else read_contents(url)


def test_every_row_read_is_in_feedback_or_in_rejected(
    tmp_path: Path, database_url: str, make_job: Callable[[str], Job]
) -> None:
    rows = make_rows()
    crm = write_csv(tmp_path / "crm.csv", CRM)
    counts = run_all(make_job(database_url), write_csv(tmp_path / "reviews.csv", rows), crm)
    store = open_store(database_url)
    with store.read() as connection:
        n_feedback, n_rejected = (
            connection.execute(select(func.count()).select_from(table)).scalar_one()
            for table in (tables.feedback, tables.rejected)
        )
        reasons = sorted(connection.execute(select(tables.rejected.c.reason)).scalars())
        texts = connection.execute(select(tables.feedback.c.text)).scalars().all()
        mentions = connection.execute(select(tables.mention)).mappings().all()
        n_insights = connection.execute(
            select(func.count()).select_from(tables.customer_insight)
        ).scalar_one()
        n_themes = connection.execute(select(func.count()).select_from(tables.theme)).scalar_one()
    store.engine.dispose()
    assert counts["n_read"] == len(rows) == n_feedback + n_rejected
    assert reasons == ["no_text", "older_version", "repeated"]
    assert not any("dana@example.com" in text or "555" in text for text in texts)
    assert sum("<EMAIL>" in text and "<PHONE>" in text for text in texts) == 1
    assert counts["n_customers"] == 15 == n_insights
    assert n_themes >= 1
    by_id = {mention["mention_id"]: mention for mention in mentions}
    assert len(by_id) == counts["n_mentions"]
    assert all(mention["sentiment"] for mention in mentions)
    assert all((each["theme_id"] is None) == bool(each["unassigned_reason"]) for each in mentions)
    _check_offsets(database_url)


def _check_offsets(url: str) -> None:
    store = open_store(url)
    joined = select(tables.feedback.c.text, tables.mention).join(
        tables.mention, tables.mention.c.feedback_id == tables.feedback.c.feedback_id
    )
    with store.read() as connection:
        for row in connection.execute(joined).mappings():
            whole = row[tables.feedback.c.text]
            assert whole[row["char_start"] : row["char_end"]] == row[tables.mention.c.text]
        quotes = connection.execute(
            select(tables.theme_quote.c.text, tables.mention.c.text).join(
                tables.mention, tables.mention.c.mention_id == tables.theme_quote.c.mention_id
            )
        ).all()
        assert quotes
        assert all(quote == said for quote, said in quotes)
    store.engine.dispose()


def test_a_second_run_changes_no_row_of_any_table_but_run(
    tmp_path: Path, database_url: str, make_job: Callable[[str], Job]
) -> None:
    job = make_job(database_url)
    files = write_csv(tmp_path / "r.csv", make_rows()), write_csv(tmp_path / "crm.csv", CRM)
    run_all(job, *files)
    before = dump(database_url, with_run_facts=True)
    counts = run_all(job, *files)
    assert dump(database_url, with_run_facts=True) == before
    assert (counts["n_new"], counts["n_read"]) == (0, len(make_rows()))
    assert counts["n_read"] == counts["n_known"] + counts["n_rejected"]


def test_shuffled_rows_give_the_same_tables(tmp_path: Path, make_job: Callable[[str], Job]) -> None:
    (tmp_path / "a").mkdir()
    (tmp_path / "b").mkdir()
    rows = make_rows()
    crm = write_csv(tmp_path / "crm.csv", CRM)
    first, second = f"sqlite:///{tmp_path}/a.db", f"sqlite:///{tmp_path}/b.db"
    run_all(make_job(first), write_csv(tmp_path / "a" / "r.csv", rows), crm)
    random.Random(5).shuffle(rows)
    run_all(make_job(second), write_csv(tmp_path / "b" / "r.csv", rows), crm)
    assert dump(first) == dump(second)


SHARED_WORDS = (
    {"id": "1", "text": "Le personnel était vraiment très aimable avec nous. Super top!"},
    {"id": "2", "text": "Il personale è stato davvero molto gentile con noi. Super top!"},
)


def test_words_that_two_languages_share_feel_alike_whichever_was_read_first(
    tmp_path: Path, make_job: Callable[[str], Job]
) -> None:
    crm = write_csv(tmp_path / "crm.csv", CRM)
    urls = [f"sqlite:///{tmp_path}/{name}.db" for name in "abc"]
    for name, url, rows in zip("abc", urls, (SHARED_WORDS, SHARED_WORDS[::-1], ()), strict=True):
        (tmp_path / name).mkdir()
        # The third store hears one of them a day later.
        for given in [rows] if rows else [[each] for each in SHARED_WORDS[::-1]]:
            run_all(make_job(url), write_csv(tmp_path / name / "r.csv", list(given)), crm)
    first, turned, later = (_read_feelings(url) for url in urls)
    assert first == turned == later
    own = {confidence for _, text, confidence in first if text == "Super top!"}
    assert len(own) == 2  # each is calibrated by its own language


def _read_feelings(url: str) -> list[tuple[Any, ...]]:
    mention = tables.mention.c
    query = select(mention.mention_id, mention.text, mention.confidence)
    with open_store(url).read() as connection:
        return [tuple(row) for row in connection.execute(query.order_by(mention.mention_id))]


def test_both_databases_hold_the_same_tables_and_no_reader_of_a_run_waits(
    tmp_path: Path,
    postgres_url: str,
    make_job: Callable[[str], Job],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    from tests.pipelines.store_copies import make_postgres_database

    taken: list[set[str]] = []

    def finish(run: Run, seconds: float) -> None:
        finish_run(run, seconds)
        if run.connection.dialect.name == "postgresql":
            taken.append(set(run.connection.execute(LOCKS_OF_TABLES).scalars()))

    finish_run = runs._finish_run
    monkeypatch.setattr(runs, "_finish_run", finish)
    file = write_csv(tmp_path / "r.csv", make_rows())
    urls = f"sqlite:///{tmp_path}/a.db", make_postgres_database(postgres_url)
    for url in urls:
        run_all(make_job(url), file)
    assert dump(urls[0]) == dump(urls[1])
    # A reader waits for none of these: only ACCESS EXCLUSIVE keeps it out.
    assert taken == [{"AccessShareLock", "RowExclusiveLock", "RowShareLock"} & taken[0]]


def test_added_rows_keep_every_theme_id_and_every_earlier_decision(
    tmp_path: Path, sqlite_url: str, make_job: Callable[[str], Job]
) -> None:
    job = make_job(sqlite_url)
    run_all(job, write_csv(tmp_path / "a.csv", make_rows(60)))
    before = dump(sqlite_url)
    more = [{**row, "Review ID": f"N{n}"} for n, row in enumerate(make_rows(20))]
    run_all(job, write_csv(tmp_path / "b.csv", more))
    after = dump(sqlite_url)
    assert set(before["mention"]) <= set(after["mention"])
    store = open_store(sqlite_url)
    with store.read() as connection:
        undecided = connection.execute(
            select(func.count()).where(
                tables.mention.c.theme_id.is_(None), tables.mention.c.unassigned_reason.is_(None)
            )
        ).scalar_one()
    store.engine.dispose()
    assert undecided == 0


def test_edits_survive_reading_the_same_files_again_and_more(
    tmp_path: Path, sqlite_url: str, make_job: Callable[[str], Job]
) -> None:
    job = make_job(sqlite_url)
    files = write_csv(tmp_path / "a.csv", make_rows(60)), write_csv(tmp_path / "crm.csv", CRM)
    run_all(job, *files)
    store = open_store(sqlite_url)
    mention = tables.mention.c
    query = select(mention.mention_id, mention.theme_id).order_by(mention.mention_id)
    with store.read() as connection:
        first, target = connection.execute(query.where(mention.theme_id.is_not(None))).first()
        other = connection.execute(query.where(mention.theme_id.is_(None))).first().mention_id
    make_edit(job, EditRequest("rename", target, text="Cards"), "dana")
    make_edit(job, EditRequest("move", target, mention_ids=[first, other]), "dana")
    before = dump(sqlite_url, with_run_facts=True)
    run_all(job, *files)
    assert dump(sqlite_url, with_run_facts=True) == before
    more = [{**row, "Review ID": f"N{n}"} for n, row in enumerate(make_rows(20))]
    run_all(job, write_csv(tmp_path / "b.csv", more))
    with store.read() as connection:
        moved = dict(connection.execute(query.where(mention.mention_id.in_([first, other]))).all())
        name = connection.execute(
            select(tables.theme.c.name).where(tables.theme.c.theme_id == target)
        ).scalar_one()
    store.engine.dispose()
    assert moved == {first: target, other: target}
    assert name == "Cards"


def test_the_steps_alone_do_what_run_does(tmp_path: Path, make_job: Callable[[str], Job]) -> None:
    file = write_csv(tmp_path / "r.csv", make_rows())
    first, second = f"sqlite:///{tmp_path}/a.db", f"sqlite:///{tmp_path}/b.db"
    run_all(make_job(first), file)
    job = make_job(second)
    given = given_inputs([str(file)], source=None, pairs=(), progress=SilentProgress())
    run_steps(job, "ingest", ["ingest"], given)
    for step in STEPS[1:]:
        run_steps(job, step, [step], Inputs())
    ignored = {"store_info"}  # counts how often something changed
    left, right = dump(first), dump(second)
    assert {k: v for k, v in left.items() if k not in ignored} == {
        k: v for k, v in right.items() if k not in ignored
    }


def test_customers_that_come_later_are_linked(
    tmp_path: Path, sqlite_url: str, make_job: Callable[[str], Job]
) -> None:
    job = make_job(sqlite_url)
    run_all(job, write_csv(tmp_path / "r.csv", make_rows()))
    run_all(job, write_csv(tmp_path / "crm.csv", CRM))
    store = open_store(sqlite_url)
    with store.read() as connection:
        linked = connection.execute(select(func.count(tables.feedback.c.customer_id))).scalar_one()
        everything = connection.execute(select(func.count()).select_from(tables.feedback)).scalar()
    store.engine.dispose()
    assert linked == everything


def test_a_transformers_classifier_can_be_the_sentiment_model(
    tmp_path: Path,
    sqlite_url: str,
    make_job: Callable[[str], Job],
    classifiers: Callable[..., Path],
) -> None:
    job = make_job(sqlite_url)
    file = write_csv(tmp_path / "r.csv", make_rows(20))
    run_all(job, file)
    first = dump(sqlite_url)
    models = {"sentiment_model": str(classifiers("NEG", "NEU", "POS"))}
    config = Config.model_validate({"store": {"url": sqlite_url}, "models": models})
    run_all(replace(job, config=config), file)
    second = dump(sqlite_url)
    assert first["vector"] == second["vector"]
    assert len(second["text_sentiment"]) == 2 * len(first["text_sentiment"])
    assert first["mention"] != second["mention"]
    run_all(job, file)
    assert dump(sqlite_url)["mention"] == first["mention"]


def test_a_sentiment_read_after_its_vector_is_the_same_as_one_read_with_it(
    tmp_path: Path,
    sqlite_url: str,
    make_job: Callable[[str], Job],
    classifiers: Callable[..., Path],
) -> None:
    file = write_csv(tmp_path / "r.csv", make_rows(20))
    models = {"sentiment_model": str(classifiers("NEG", "NEU", "POS"))}
    config = Config.model_validate({"store": {"url": sqlite_url}, "models": models})
    job = make_job(sqlite_url)
    run_all(replace(job, config=config), file)
    run_all(job, file)
    later = dump(sqlite_url)["mention"]
    fresh = f"sqlite:///{tmp_path / 'fresh.db'}"
    run_all(make_job(fresh), file)
    assert later == dump(fresh)["mention"]


def test_a_sentiment_model_without_known_labels_is_refused_before_a_row_is_read(
    tmp_path: Path,
    sqlite_url: str,
    make_job: Callable[[str], Job],
    classifiers: Callable[..., Path],
) -> None:
    models = {"sentiment_model": str(classifiers("apples", "pears"))}
    config = Config.model_validate({"store": {"url": sqlite_url}, "models": models})
    with pytest.raises(ConfigError, match="label"):
        run_all(
            replace(make_job(sqlite_url), config=config),
            write_csv(tmp_path / "r.csv", make_rows(12)),
        )
    assert not list(tmp_path.glob("*.db"))


def test_another_secret_is_refused_before_anything_is_written(
    tmp_path: Path, sqlite_url: str, make_job: Callable[[str], Job]
) -> None:
    job = make_job(sqlite_url)
    file = write_csv(tmp_path / "r.csv", make_rows(12))
    run_all(job, file)
    before = dump(sqlite_url)
    (tmp_path / "secret").write_text("another secret, long enough")
    with pytest.raises(ConfigError, match="another secret"):
        run_all(job, write_csv(tmp_path / "other.csv", make_rows(15)))
    (tmp_path / "secret").unlink()
    assert dump(sqlite_url) == before


class _Stages(SilentProgress):
    """Remembers the stages in their order."""

    def __init__(self) -> None:
        self.stages: list[str] = []

    def start(self, stage: str, total: int | None = None, unit: str = "rows") -> None:
        self.stages.append(stage)


def test_loading_the_encoder_is_a_stage_of_its_own_where_it_is_waited_for(
    tmp_path: Path,
    sqlite_url: str,
    make_job: Callable[[str], Job],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    load = Models.load

    def load_slowly(models: Models) -> None:
        time.sleep(4)  # longer than it takes to read and split twenty rows
        load(models)

    monkeypatch.setattr(Models, "load", load_slowly)
    path = write_csv(tmp_path / "reviews.csv", make_rows(20))
    first, second = _Stages(), _Stages()
    for stages in (first, second):
        run_all(replace(make_job(sqlite_url), progress=stages), path)
    place = first.stages.index("loading the encoder")
    assert first.stages[place + 1] == "reading the texts"
    assert "loading the encoder" not in second.stages
