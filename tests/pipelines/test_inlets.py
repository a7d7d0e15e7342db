"""Other ways in than files on this disk: queries, standard input, and what is wanted of them."""

import io
import json
import os
import zipfile
from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path
from types import SimpleNamespace
from typing import Any
from zoneinfo import ZoneInfo

import pytest
from sqlalchemy import text

from pipelines.database import sqlite_driver
from pipelines.errors import ConfigError, EarfulError, InputError
from pipelines.inlets.object_stores import fetch_objects
from pipelines.inlets.queries import Query, ask_query
from pipelines.inlets.spool import Spool
from pipelines.inlets.urls import name_database, read_url
from pipelines.reading.items import FeedbackItem
from pipelines.reading.tables import BadRow
from pipelines.selection import Chooser, LeftOut, Selection, find_cut, parse_selection
from pipelines.store import open_store
from tests.command_line import Call, make_call
from tests.engines import open_engine
from tests.pipelines.conftest import read_rows
from tests.pipelines.store_copies import make_postgres_database, open_copy

COUNTS = ("n_read", "n_new", "n_known", "n_updated", "n_rejected", "n_left_out")
REVIEWS = [
    (1, "The card never came, 100% late: why?", 2, "2026-01-05 10:00:00"),
    (2, "Support answered within minutes", 5, "2026-02-05 10:00:00"),
    (3, None, 4, "2026-02-20 10:00:00"),
    (4, "המשלוח איחר שוב", None, "2026-03-01 00:00:00"),
    (5, "Nobody picks up the phone at all", 1, None),
]
SELECT = "SELECT id, body AS review, stars, at AS created_at FROM reviews"


@pytest.fixture
def call(
    capsys: pytest.CaptureFixture[str], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> Call:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("EARFUL_SECRET", "0123456789abcdef0123456789abcdef")
    monkeypatch.setenv("EARFUL_CACHE", str(tmp_path / "cache"))
    open_copy(f"sqlite:///{tmp_path}/s.db", "empty").engine.dispose()
    return make_call(capsys)


@pytest.fixture
def shop(tmp_path: Path) -> Path:
    path = tmp_path / "shop.db"
    with sqlite_driver().connect(path) as connection:
        _fill(connection.execute)
    connection.close()
    return path


def _fill(execute: Callable[..., Any]) -> None:
    execute("CREATE TABLE reviews (id INTEGER, body TEXT, stars INTEGER, at TEXT)")
    for row in REVIEWS:
        shown = ", ".join("NULL" if value is None else repr(value) for value in row)
        execute(f"INSERT INTO reviews VALUES ({shown})")


def counts_of(ended: Any) -> tuple[int, ...]:
    found = json.loads(ended.out)
    assert found["n_read"] == sum(found[name] for name in COUNTS[1:])
    return tuple(found[name] for name in COUNTS)


def stored(tmp_path: Path, table: str, *columns: str) -> list[tuple[Any, ...]]:
    with open_store(f"sqlite:///{tmp_path}/s.db").read() as connection:
        return read_rows(connection, table, *columns)


def test_the_rows_of_a_query_are_feedback_once_in_whatever_order(
    call: Call, shop: Path, tmp_path: Path
) -> None:
    ask = ("ingest", "--db", "s.db", "--json", "--from", "sqlite:///shop.db", "--sql")
    first = call(*ask, f"{SELECT} WHERE 'a:b' <> '%s';")
    assert (first.code, counts_of(first)) == (3, (5, 4, 0, 0, 1, 0))
    columns = ("source", "source_id", "rating", "occurred_at", "text")
    rows = stored(tmp_path, "feedback", *columns)
    assert {row[:3] for row in rows} == {
        *(("shop", "1", 2.0), ("shop", "2", 5.0), ("shop", "4", None), ("shop", "5", 1.0)),
    }
    assert {row[3] for row in rows if row[1] == "1"} == {datetime(2026, 1, 5, 10, tzinfo=UTC)}
    again = call(*ask, f"{SELECT} ORDER BY stars DESC")
    assert counts_of(again) == (5, 0, 4, 0, 1, 0)
    assert (
        stored(tmp_path, "feedback", "source", "source_id", "rating", "occurred_at", "text") == rows
    )
    assert len(stored(tmp_path, "rejected")) == 1
    assert stored(tmp_path, "input_file", "file", "n_read") == [("query of shop.db", 5)]
    with sqlite_driver().connect(shop) as connection:
        connection.execute("UPDATE reviews SET stars = 3, at = '2026-04-01' WHERE id = 2")
    connection.close()
    assert counts_of(call(*ask, SELECT)) == (5, 0, 3, 1, 1, 0)
    nothing = call(*ask, f"{SELECT} WHERE id > 99")
    assert nothing.code == 0 and "gives 0 rows" in nothing.err


@pytest.mark.postgres
def test_postgresql_streams_its_rows_and_keeps_what_it_has(
    postgres_url: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    url = make_postgres_database(postgres_url)
    engine = open_engine(url)
    with engine.begin() as connection:
        connection.execute(
            text(
                "CREATE TABLE r AS SELECT n AS id, 'it''s ' || n AS said, "
                'n * 1.5 AS cost, \'{"tier": "gold", "old": null}\'::jsonb AS more, '
                "'\\x6869'::bytea AS raw, now() AS at FROM generate_series(1, 2500) n"
            )
        )
    monkeypatch.setenv("CRM_URL", url)
    with Spool() as spool:
        rows = ask_query(Query("SELECT * FROM r -- 100% of 'a':b", "${CRM_URL}"), tmp_path, spool)
        with rows.file.open() as stream:
            lines = [json.loads(line) for line in stream]
        other = ask_query(Query("SELECT * FROM r ORDER BY id DESC", "${CRM_URL}"), tmp_path, spool)
        assert (rows.n_rows, rows.digest) == (2500, other.digest)
        assert lines[-1]["said"] == "it's 2500" and lines[1]["cost"] == "3.0"
        assert lines[0]["more"] == {"tier": "gold", "old": None} and lines[0]["raw"] == "hi"
        with pytest.raises(InputError, match="refused the query"):
            ask_query(
                Query("WITH x AS (DELETE FROM r RETURNING *) SELECT * FROM x", "${CRM_URL}"),
                tmp_path,
                spool,
            )
        with pytest.raises(InputError, match='column "nope" does not exist'):
            ask_query(Query("SELECT nope FROM r", "${CRM_URL}"), tmp_path, spool)
        with pytest.raises(InputError) as caught:  # what it says would quote the value
            ask_query(Query("SELECT said::int FROM r", "${CRM_URL}"), tmp_path, spool)
        assert "it's" not in str(caught.value) and "22P02" in str(caught.value)
    engine.dispose()


def test_a_secret_stands_in_the_environment_and_nowhere_else(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("CRM_PASSWORD", "p@ss/w:rd%41")
    url = read_url("postgresql://reader:${CRM_PASSWORD}@127.0.0.1:1/crm", tmp_path)
    assert (url.password, url.host, url.drivername) == (
        *("p@ss/w:rd%41", "127.0.0.1", "postgresql+psycopg"),
    )
    assert name_database(url) == "crm"
    wrong = {
        "postgresql://reader:hunter2@h/crm": "in plain sight",
        "mysql://h/crm?sslpassword=hunter2": "in plain sight",
        "postgresql://reader:${NOT_THERE}@h/crm": "NOT_THERE, which is not set",
        "${NOT_THERE}": "NOT_THERE, which is not set",
        "hunter2": "is not a database URL",
        "nodb://hunter2@h/x": "no database 'nodb'",
    }
    for given, said in wrong.items():
        with pytest.raises(ConfigError, match=said) as caught:
            read_url(given, tmp_path)
        assert "hunter2" not in str(caught.value)
    with Spool() as spool:
        for query in (
            Query("SELECT 1", "postgresql://reader:${CRM_PASSWORD}@127.0.0.1:1/crm"),
            Query("SELECT 1", "mysql+pymysql://reader:${CRM_PASSWORD}@127.0.0.1/crm"),
            Query("SELECT 1", "sqlite:///nothing.db"),
        ):
            with pytest.raises(EarfulError) as refused:
                ask_query(query, tmp_path, spool)
            assert "p@ss" not in str(refused.value)
    assert not (tmp_path / "nothing.db").exists()


def test_a_refused_query_says_why_without_a_row_of_the_table(shop: Path, tmp_path: Path) -> None:
    wrong = {
        "SELECT nope FROM reviews": "no such column: nope",
        "SELEC": 'near "SELEC": syntax error',
        "DELETE FROM reviews": "refused the query: attempt to write a readonly database",
        "PRAGMA query_only = ON": "gives no rows",
        "SELECT 1; DROP TABLE reviews": "more than one statement",
        "SELECT json(body) FROM reviews": "refused the query: OperationalError;",
    }
    with Spool() as spool:
        for sql, said in wrong.items():
            with pytest.raises(InputError, match=said) as caught:
                ask_query(Query(sql, "sqlite:///shop.db"), tmp_path, spool)
            assert "card" not in str(caught.value)
        assert ask_query(Query(SELECT, f"sqlite:///{shop}"), Path("/"), spool).n_rows == 5


def test_options_that_do_not_go_together_are_explained(call: Call) -> None:
    wrong = {
        ("--sql", "SELECT 1"): "--sql and --from belong together",
        ("--sql", "SELECT 1", "--from", "sqlite:///a.db", "a.csv"): "either a PATH or --sql",
        ("--sql", "SELECT 1", "--from", "sqlite:///s.db", "--layout", "nosuch"): "nosuch",
        ("--sql", "SELECT 1", "--from", "sqlite:///s.db", "--format", "xml"): "--format is for",
        ("a.csv", "--format", "csv"): "--format is for standard input",
        ("-", "--format", "pdf"): "--format 'pdf' is not there; choose one of: csv",
        ("--source", "x"): "need a PATH or --sql",
        ("a.csv", "--since", "lately"): "--since 'lately' is no date",
        ("a.csv", "--since", "2026-02-01", "--until", "2026-01-31"): "nothing lies between",
        ("ftp://host/a.csv",): "ftp:// is not read",
        ("s3://key:secret@bucket/a.csv",): "holds a secret in plain sight",
    }
    for options, said in wrong.items():
        ended = call("ingest", "--db", "s.db", *options)
        assert (ended.code, said in ended.err) == (2, True), (options, ended.err)
        assert "secret@" not in ended.err


CSV = "id,comment,created_at\n1,The card never came,2026-01-05\n2,Great help,2026-02-05\n"
LINES = '{"id": 1, "comment": "The card never came"}\n{"id": 2, "comment": "Great help"}\n'


def _zip(name: str) -> bytes:
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w") as archive:
        archive.writestr(name, CSV)
    return out.getvalue()


def _workbook() -> bytes:
    import xlsxwriter

    out = io.BytesIO()
    with xlsxwriter.Workbook(out) as workbook:
        sheet = workbook.add_worksheet()
        for number, line in enumerate(CSV.splitlines()):
            sheet.write_row(number, 0, line.split(","))
    return out.getvalue()


def _gzip() -> bytes:
    import gzip

    return gzip.compress(LINES.encode())


@pytest.mark.parametrize(
    ("data", "options"),
    [
        (CSV.encode(), ()),
        (CSV.replace(",", ";").encode("utf-16"), ()),
        (LINES.encode(), ()),
        (LINES.encode(), ("--format", "jsonl")),
        (_gzip(), ()),
        (_zip("a.csv"), ()),
        (_workbook(), ()),
    ],
    ids=["csv", "utf-16", "json", "told", "gzip", "archive", "workbook"],
)
def test_standard_input_is_known_by_its_content(
    data: bytes, options: tuple[str, ...], call: Call, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("sys.stdin", SimpleNamespace(buffer=io.BytesIO(data)))
    ended = call("inspect", "-", "--json", *options)
    assert ended.code == 0, ended.err
    (found,) = json.loads(ended.out)
    assert (found["n_rows"], found["n_items"], found["kind"]) == (2, 2, "feedback")


def test_standard_input_is_stored_under_its_name_and_nothing_stays(
    call: Call, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    spool = tmp_path / "spool"
    spool.mkdir()
    monkeypatch.setattr("tempfile.tempdir", str(spool))
    for data, code in ((CSV, 0), (CSV, 0), ("", 1)):
        stream = SimpleNamespace(buffer=io.BytesIO(data.encode()))
        monkeypatch.setattr("sys.stdin", stream)
        ended = call("ingest", "-", "--db", "s.db", "--json", "--source", "pipe")
        assert ended.code == code
    assert "stdin is empty (0 bytes)" in ended.err
    assert [row[0] for row in stored(tmp_path, "feedback", "source")] == ["pipe", "pipe"]
    assert not list(spool.iterdir())
    held = (os.path.realpath(each) for each in Path("/proc/self/fd").iterdir())
    assert not [path for path in held if str(spool) in path]


def test_what_is_left_out_is_counted_and_the_counts_add_up(
    call: Call, shop: Path, tmp_path: Path
) -> None:
    ask = ("ingest", "--db", "s.db", "--json", "--from", "sqlite:///shop.db", "--sql", SELECT)
    days = ("--since", "2026-02-01", "--until", "2026-02-28")
    first = call(*ask, *days)
    assert counts_of(first) == (5, 1, 0, 0, 1, 3)
    assert "1 feedback of query of shop.db have no date" in first.err
    assert counts_of(call(*ask, *days)) == (5, 0, 1, 0, 1, 3)
    assert counts_of(call(*ask, "--limit", 2)) == (5, 1, 1, 0, 1, 2)
    shown = stored(tmp_path, "feedback", "source_id")
    assert sorted(shown) == [("2",), ("4",)]
    assert counts_of(call(*ask, "--limit", 9)) == (5, 2, 2, 0, 1, 0)
    assert sorted(row for row in stored(tmp_path, "run", "n_left_out")) == [(0,), (2,), (3,), (3,)]


def test_the_newest_are_the_same_in_any_order() -> None:
    zone = ZoneInfo("Asia/Jerusalem")
    moments = [datetime(2026, 1, day, 22, 30, tzinfo=UTC) for day in (1, 1, 2, 3)]
    items: list[FeedbackItem | BadRow] = [
        FeedbackItem("f", number, f"text {number % 3}", at=at)
        for number, at in enumerate([*moments, None, moments[0], moments[0]])
    ]
    items.append(BadRow(9, "no_text", ""))

    def choose(given: list[FeedbackItem | BadRow], selection: Selection) -> list[Any]:
        found = Chooser(selection, find_cut(given, selection)).choose(given)
        kept = [each for each in found if isinstance(each, FeedbackItem)]
        assert sum(
            isinstance(each, LeftOut)
            for each in Chooser(selection, find_cut(given, selection)).choose(given)
        ) == 7 - len(kept)
        return sorted((str(each.at), each.text) for each in kept)

    for limit in range(1, 8):
        wanted = choose(items, Selection(limit=limit))
        assert len(wanted) == limit
        assert choose(items[::-1], Selection(limit=limit)) == wanted
        assert (str(moments[3]), "text 0") in wanted
    # 22:30 UTC is the next day in Jerusalem.
    day = parse_selection("2026-01-03", "2026-01-03", None, zone)
    assert choose(items, day) == [(str(moments[2]), "text 2")]
    moment = parse_selection("2026-01-02T22:30Z", "2026-01-03 22:30+00:00", 5, zone)
    assert choose(items, moment) == [(str(moments[2]), "text 2")]


def test_a_store_whose_library_is_missing_is_told_with_the_extra(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    for url, library in (("gs://b/a.csv", "gcsfs"), ("abfs://c@a/b.csv", "adlfs")):
        monkeypatch.setitem(__import__("sys").modules, library, None)
        with Spool() as spool, pytest.raises(ConfigError) as caught:
            fetch_objects(url, spool, [])
        assert f"needs {library}" in str(caught.value)
        assert "pip install 'earful[object-stores]'" in str(caught.value)


def test_names_to_show_are_told_apart_and_many_files_can_be_held() -> None:
    import resource

    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    n_open = len([*Path("/proc/self/fd").iterdir()])
    with Spool() as spool:
        names = [spool.choose_name("a.csv", "s3://b/a.csv") for _ in range(4)]
        assert names == ["a.csv", "s3://b/a.csv", "s3://b/a.csv (2)", "s3://b/a.csv (3)"]
        resource.setrlimit(resource.RLIMIT_NOFILE, (n_open + 8, hard))
        try:
            paths = [spool.add_file()[1] for _ in range(30)]
        finally:
            resource.setrlimit(resource.RLIMIT_NOFILE, (soft, hard))
        assert len({path.stat().st_ino for path in paths}) == 30
