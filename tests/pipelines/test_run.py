"""The main job on small input: nothing lost, nothing written twice, whatever the order of rows."""

import csv
import io
import json
import os
import random
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import func, select

from pipelines import tables
from pipelines.cli.app import run_app
from pipelines.config import Config
from pipelines.edit_requests import EditRequest
from pipelines.errors import ConfigError
from pipelines.inputs import Inputs, given_inputs
from pipelines.job import STEPS, Job, run_steps
from pipelines.models import Models
from pipelines.progress import SilentProgress
from pipelines.store import open_store
from pipelines.theme_commands import make_edit

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


@pytest.fixture
def make_job(tmp_path: Path, model_cache: Path) -> Callable[[str], Job]:
    def make(url: str) -> Job:
        config = Config.model_validate({"store": {"url": url}})
        link = tmp_path / "cache"
        link.mkdir(exist_ok=True)
        for folder in model_cache.iterdir():
            if folder.is_dir() and not (link / folder.name).exists():
                (link / folder.name).symlink_to(folder)
        return Job(config, link, secret_path=tmp_path / "secret")

    return make


def run_all(job: Job, *paths: Path) -> dict[str, int]:
    given = given_inputs(
        [str(path) for path in paths], source=None, pairs=(), progress=SilentProgress()
    )
    steps = ("customers", "events", *STEPS)
    return run_steps(job, "run", steps, given).counts


# Facts about the execution or the place in the file, which may differ.
RUN_FACTS = {
    *("run_id", "ingested_at", "enriched_run", "created_run", "updated_run", "updated_at"),
    "found_run",
    *("row_number", "rejected_id", "file_hash", "store_id"),
}


def dump(url: str, *, with_run_facts: bool = False) -> dict[str, list[Any]]:
    """Every table but run, as comparable rows."""
    store = open_store(url)
    found = {}
    with store.read() as connection:
        for name, table in tables.metadata.tables.items():
            if name == "run":
                continue
            columns = [c for c in table.columns if with_run_facts or c.name not in RUN_FACTS]
            rows = connection.execute(select(*columns)).all()
            if name == "store_info" and not with_run_facts:
                rows = [row for row in rows if row[0] != "store_id"]
            if name == "input_file" and not with_run_facts:
                rows = []
            found[name] = sorted(repr([_canonical(value) for value in row]) for row in rows)
    store.engine.dispose()
    return found


def _canonical(value: Any) -> Any:
    """PostgreSQL orders the keys of a JSON object in its own way."""
    return json.dumps(value, sort_keys=True) if isinstance(value, dict) else value


def test_every_row_read_is_in_feedback_or_in_rejected(
    tmp_path: Path, store_url: str, make_job: Callable[[str], Job]
) -> None:
    rows = make_rows()
    crm = write_csv(tmp_path / "crm.csv", CRM)
    counts = run_all(make_job(store_url), write_csv(tmp_path / "reviews.csv", rows), crm)
    store = open_store(store_url)
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
    _check_offsets(store_url)


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
    tmp_path: Path, store_url: str, make_job: Callable[[str], Job]
) -> None:
    job = make_job(store_url)
    files = write_csv(tmp_path / "r.csv", make_rows()), write_csv(tmp_path / "crm.csv", CRM)
    run_all(job, *files)
    before = dump(store_url, with_run_facts=True)
    counts = run_all(job, *files)
    assert dump(store_url, with_run_facts=True) == before
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


def test_both_databases_hold_the_same_tables(
    tmp_path: Path, postgres_url: str, make_job: Callable[[str], Job]
) -> None:
    from tests.pipelines.conftest import make_postgres_database

    file = write_csv(tmp_path / "r.csv", make_rows())
    urls = f"sqlite:///{tmp_path}/a.db", make_postgres_database(postgres_url)
    for url in urls:
        run_all(make_job(url), file)
    assert dump(urls[0]) == dump(urls[1])


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


def run_program(
    arguments: list[str], folder: Path, cache: Path, **options: Any
) -> "subprocess.Popen[str]":
    environment = {
        **os.environ,
        "EARFUL_CACHE": str(cache),
        "XDG_CONFIG_HOME": str(folder / "config"),
        "PYTHONPATH": str(ROOT),
    }
    environment.pop("EARFUL_DB", None)
    return subprocess.Popen(
        [sys.executable, "-m", "pipelines", *arguments],
        cwd=folder,
        env=environment,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        **options,
    )


N_STOPPED_ROWS = 300


@pytest.fixture(scope="module")
def unstopped(
    tmp_path_factory: pytest.TempPathFactory, model_cache: Path
) -> tuple[Path, dict[str, list[Any]]]:
    """A folder with the secret, and the tables of a run that nobody stopped."""
    folder = tmp_path_factory.mktemp("unstopped")
    write_csv(folder / "r.csv", make_rows(N_STOPPED_ROWS))
    process = run_program(["run", "r.csv"], folder, model_cache)
    _, err = process.communicate(timeout=200)
    assert process.returncode == 3, err
    return folder, dump(f"sqlite:///{folder}/earful.db")


@pytest.mark.parametrize(
    ("signal_number", "last_seen"),
    [
        (signal.SIGINT, "rejected"),  # reading is over, the encoder is at work
        (signal.SIGTERM, "mentions"),  # all texts are read, themes are looked for
        (signal.SIGKILL, "rejected"),
    ],
)
def test_a_run_that_is_stopped_leaves_the_store_as_it_was_and_the_next_one_finishes(
    tmp_path: Path,
    model_cache: Path,
    unstopped: tuple[Path, dict[str, list[Any]]],
    signal_number: int,
    last_seen: str,
) -> None:
    folder, expected = unstopped
    (tmp_path / "config").symlink_to(folder / "config")
    write_csv(tmp_path / "r.csv", make_rows(N_STOPPED_ROWS))
    process = run_program(["run", "r.csv"], tmp_path, model_cache)
    assert process.stderr is not None
    seen: list[str] = []
    for line in process.stderr:
        seen.append(line)
        if last_seen in line:
            break
    time.sleep(1.0)
    process.send_signal(signal_number)
    _, rest = process.communicate(timeout=120)
    said = "".join(seen) + rest
    assert "Traceback" not in said
    store = open_store(f"sqlite:///{tmp_path}/earful.db")
    with store.read() as connection:
        assert connection.execute(select(func.count()).select_from(tables.feedback)).scalar() == 0
        status = connection.execute(select(tables.run.c.status)).scalars().all()
    store.engine.dispose()
    if signal_number != signal.SIGKILL:
        assert process.returncode == 1, said
        assert "the same command goes on from there" in said
        assert status == ["interrupted"]
    again = run_program(["run", "r.csv", "--json"], tmp_path, model_cache)
    out, err = again.communicate(timeout=200)
    assert again.returncode == 3, err
    assert json.loads(out)["n_new"] == N_STOPPED_ROWS - 1
    assert dump(f"sqlite:///{tmp_path}/earful.db") == expected


def test_an_interrupt_that_comes_while_an_object_is_removed_is_not_lost() -> None:
    code = """
import time
from pipelines.__main__ import deliver_lost_interrupts
class Removed:
    def __del__(self):
        raise KeyboardInterrupt
deliver_lost_interrupts()
try:
    Removed()
    time.sleep(60)
except KeyboardInterrupt:
    print("stopped")
"""
    command = [sys.executable, "-c", code]
    done = subprocess.run(command, capture_output=True, text=True, cwd=ROOT, check=True)
    assert (done.stdout, done.stderr) == ("stopped\n", "")


def test_an_interrupt_while_the_program_is_loaded_says_that_it_stopped() -> None:
    code = """
import os, signal, sys
from pipelines.__main__ import main
class Finder:
    def find_spec(self, name, path=None, target=None):
        if name == "pipelines.cli.app":
            os.kill(os.getpid(), signal.SIGINT)
sys.meta_path.insert(0, Finder())
main()
"""
    command = [sys.executable, "-c", code]
    done = subprocess.run(command, capture_output=True, text=True, cwd=ROOT, check=False)
    assert (done.returncode, done.stdout, done.stderr) == (1, "", "stopped\n")


@pytest.fixture
def quiet_cli(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> Iterator[Callable[..., tuple[int, str, str]]]:
    """Run a command line in an empty folder; gives exit code, output, errors."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("XDG_CONFIG_HOME", str(tmp_path / "config"))
    monkeypatch.setenv("COLUMNS", "100")
    for name in ("EARFUL_DB", "EARFUL_CONFIG", "EARFUL_SECRET"):
        monkeypatch.delenv(name, raising=False)

    def call(*arguments: str) -> tuple[int, str, str]:
        code = run_app(list(arguments))
        out, err = capsys.readouterr()
        assert "Traceback" not in out + err
        return code, out, err

    yield call


def test_exit_codes_of_the_command_line(
    tmp_path: Path, quiet_cli: Callable[..., tuple[int, str, str]]
) -> None:
    good = make_rows(20)[5:15]
    write_csv(tmp_path / "good.csv", good)
    write_csv(tmp_path / "bad.csv", [*good, {**good[0], "Review ID": "x", "Comment": ""}])
    assert quiet_cli("ingest", "good.csv")[0] == 0
    code, _, _ = quiet_cli("ingest", "bad.csv", "--db", "other.db")
    assert code == 3
    code, _, err = quiet_cli("ingest", "good.csv", "--map", "text=Coment", "--db", "new.db")
    assert code == 2
    assert "did you mean 'Comment'" in err
    assert "Stars" in err
    assert quiet_cli("ingest", "none.csv")[0] == 1
    assert quiet_cli("run")[0] == 2
    assert quiet_cli("no-such-command")[0] == 2
    assert quiet_cli("themes", "show", "t0")[0] == 2
    with open_store(f"sqlite:///{tmp_path}/earful.db").lock(1):
        code, _, err = quiet_cli("ingest", "good.csv", "--lock-timeout", "0.1")
    assert code == 4
    assert "another run holds" in err


def test_a_rejected_row_that_moves_in_its_file_is_not_rejected_twice(
    tmp_path: Path, quiet_cli: Callable[..., tuple[int, str, str]]
) -> None:
    good = make_rows(20)[5:15]
    bad = {**good[0], "Review ID": "x", "Comment": ""}
    write_csv(tmp_path / "r.csv", [bad, *good, bad])
    assert json.loads(quiet_cli("ingest", "r.csv", "--json")[1])["n_rejected"] == 2
    write_csv(tmp_path / "r.csv", [{**good[0], "Review ID": "new"}, bad, bad, *good])
    counts = json.loads(quiet_cli("ingest", "r.csv", "--json")[1])
    assert (counts["n_new"], counts["n_known"], counts["n_rejected"]) == (1, 10, 2)
    status = json.loads(quiet_cli("status", "--json")[1])
    assert status["rejected"] == {"no_text": 2}


def test_two_records_of_one_customer_add_up_their_keys(
    tmp_path: Path, quiet_cli: Callable[..., tuple[int, str, str]]
) -> None:
    people = [{"Customer ID": f"P{n}", "E-mail": f"p{n}@example.com"} for n in range(9)]
    rows = [{**each, "Phone": "", "Segment": "A"} for each in people]
    rows.append({"Customer ID": "P1", "E-mail": "", "Phone": "+1 202 555 0123", "Segment": "B"})
    write_csv(tmp_path / "crm.csv", rows)
    assert quiet_cli("customers", "crm.csv")[0] == 3
    said = [
        {"Comment": f"The card number {n} never came", "Phone": "(202) 555-0123" if not n else ""}
        for n in range(9)
    ]
    write_csv(tmp_path / "r.csv", said)
    assert quiet_cli("ingest", "r.csv", "--map", "phone=Phone")[0] == 0
    assert quiet_cli("link")[0] == 0
    assert json.loads(quiet_cli("status", "--json")[1])["sources"][0]["n_linked"] == 1


@pytest.mark.parametrize("width", [60, 80, 120])
def test_no_terminal_is_too_narrow_for_ids_and_names(
    tmp_path: Path,
    quiet_cli: Callable[..., tuple[int, str, str]],
    monkeypatch: pytest.MonkeyPatch,
    width: int,
) -> None:
    write_csv(tmp_path / "reviews_of_march.csv", make_rows(20)[5:15])
    quiet_cli("ingest", "reviews_of_march.csv")
    store = open_store(f"sqlite:///{tmp_path}/earful.db")
    with store.write() as connection:
        row = {"theme_id": "t0123456789ab", "name": "Card not delivered", "status": "active"}
        connection.execute(
            tables.theme.insert().values(
                **row, origin="discovered", n_mentions=12345, n_customers=9
            )
        )
        run_id = connection.execute(select(tables.run.c.run_id)).scalar_one()
    store.engine.dispose()
    monkeypatch.setenv("COLUMNS", str(width))
    for command, wanted in (
        (["themes", "list"], ["t0123456789ab", "Card not"]),
        (["runs"], [run_id, "ingest"]),
        (["status"], [run_id, "reviews_of", "2026-"]),
    ):
        code, out, _ = quiet_cli(*command)
        assert code == 0
        assert all(len(line) <= width for line in out.splitlines())
        for each in wanted:
            assert each in out, (command, each)


def test_lines_and_cells_stay_whole_where_there_is_no_terminal(
    tmp_path: Path,
    quiet_cli: Callable[..., tuple[int, str, str]],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.delenv("COLUMNS")
    name = f"What our customers in {'very ' * 12}many places say.csv"
    write_csv(tmp_path / name, [*make_rows(20)[5:15], {**make_rows(20)[0], "Comment": ""}])
    store = f"{tmp_path}/{'a' * 60}.db"
    code, out, _ = quiet_cli("ingest", name, "--db", store)
    assert code == 3
    assert f"See it with: earful status --rejected --db sqlite:///{store}" in out
    _, out, _ = quiet_cli("status", "--rejected", "--db", store)
    (row,) = (line for line in out.splitlines() if name in line)
    assert "no_text: " in row and len(row) < 1000


def test_a_list_of_themes_that_is_cut_says_so_and_json_is_whole(
    tmp_path: Path, quiet_cli: Callable[..., tuple[int, str, str]]
) -> None:
    write_csv(tmp_path / "good.csv", make_rows(20)[5:15])
    quiet_cli("ingest", "good.csv")
    store = open_store(f"sqlite:///{tmp_path}/earful.db")
    row = {"name": "Card", "status": "active", "origin": "discovered"}
    with store.write() as connection:
        many = [{**row, "theme_id": f"t{i:012d}", "n_customers": i} for i in range(64)]
        connection.execute(tables.theme.insert(), many)
    store.engine.dispose()

    def count_listed(*options: str) -> tuple[int, str]:
        out = quiet_cli("themes", "list", *options)[1]
        return out.count("t0000000"), out.splitlines()[-1]

    assert count_listed() == (50, "50 of 64 themes shown; all with --limit 0")
    assert count_listed("-n", "7") == (7, "7 of 64 themes shown; all with --limit 0")
    for options in (("--limit", "0"), ("--limit", "64"), ("--all", "-n", "0")):
        n_listed, last = count_listed(*options)
        assert n_listed == 64 and "shown" not in last
    assert [count_listed("--json", *n)[0] for n in ((), ("-n", "0"), ("-n", "7"))] == [64, 64, 7]


def test_json_goes_to_standard_output_and_progress_to_standard_error(
    tmp_path: Path, quiet_cli: Callable[..., tuple[int, str, str]]
) -> None:
    write_csv(tmp_path / "good.csv", make_rows(20)[5:15])
    code, out, err = quiet_cli("ingest", "good.csv", "--json")
    assert code == 0
    assert json.loads(out)["n_new"] == 10
    assert "reading good.csv" in err
    for command in (["status"], ["runs"], ["schema"], ["themes", "list"], ["inspect", "good.csv"]):
        code, out, _ = quiet_cli(*command, "--json")
        assert code == 0
        json.loads(out)


def test_inspect_hides_personal_data(
    tmp_path: Path, quiet_cli: Callable[..., tuple[int, str, str]]
) -> None:
    write_csv(tmp_path / "crm.csv", [{**row, "First name": "Dana"} for row in CRM])
    write_csv(tmp_path / "reviews.csv", make_rows(12))
    for arguments in (["inspect", "crm.csv", "reviews.csv"], ["inspect", "crm.csv", "--json"]):
        _, out, _ = quiet_cli(*arguments)
        assert "example.com" not in out
        assert "Dana" not in out
    assert not list(tmp_path.glob("*.db"))


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
