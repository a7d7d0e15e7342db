"""Whatever is given to the command line, it ends with one clear message, the right exit code, and a
store that the next run can use."""

import gzip
import io
import json
import os
import shutil
import signal
import subprocess
import sys
import time
import zipfile
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from pipelines.database import sqlite_driver
from tests.command_line import Call, Ended, make_call

ROOT = Path(__file__).parents[2]
DATA = ROOT / "tests" / "data"
SECRET_WORDS = "zucchini payment vanished"
GOOD = "Review ID,Date,Comment,Stars\n" + "".join(
    f"R{number},2026-01-{1 + number:02d},The {SECRET_WORDS} for the {number}th time,3\n"
    for number in range(10)
)


@pytest.fixture
def call(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> Iterator[Call]:
    """Run a command line in an empty folder."""
    (tmp_path / "work").mkdir()
    monkeypatch.chdir(tmp_path / "work")
    monkeypatch.setenv("XDG_CONFIG_HOME", str(tmp_path / "config"))
    monkeypatch.setenv("EARFUL_CACHE", str(tmp_path / "cache"))
    monkeypatch.setenv("COLUMNS", "100")
    before = signal.getsignal(signal.SIGTERM)

    yield make_call(capsys)
    signal.signal(signal.SIGTERM, before)


def check_message(ended: Ended, code: int, *words: str) -> None:
    """One message that says what is meant, in words for people, without customers' words."""
    said = ended.out + ended.err
    assert ended.code == code, said
    assert "Traceback" not in said
    assert "does not expect" not in said
    assert SECRET_WORDS not in said
    assert ended.err.count("error:") == (code in (1, 2, 4)), ended.err
    for word in words:
        assert word in said


def check_usable(call: Call, *options: object) -> None:
    """The next run on the same store reads a good file."""
    Path("good.csv").write_text(GOOD)
    ended = call("ingest", "good.csv", "--json", *options)
    assert ended.code == 0, ended.err
    assert json.loads(ended.out)["n_new"] == 10


def pack(name: str, data: str, *, spoil: bool = False) -> bytes:
    """A zip archive of one file, its content spoilt on demand."""
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr(name, data)
    packed = bytearray(out.getvalue())
    if spoil:
        packed[60:90] = b"\x5a" * 30
    return bytes(packed)


def make_workbook(*rows: list[str]) -> bytes:
    import xlsxwriter

    out = io.BytesIO()
    with xlsxwriter.Workbook(out) as workbook:
        sheet = workbook.add_worksheet()
        for number, row in enumerate(rows):
            sheet.write_row(number, 0, row)
    return out.getvalue()


def make_parquet(n_rows: int = 2_000) -> bytes:
    import pyarrow as pa
    import pyarrow.parquet as pq

    out = io.BytesIO()
    texts = [f"the {SECRET_WORDS} again, number {number}" for number in range(n_rows)]
    pq.write_table(pa.table({"id": list(map(str, range(n_rows))), "text": texts}), out)
    return out.getvalue()


NOISE = bytes((number * number * 31 + number * 7) % 251 + 5 for number in range(4_000))
WIDE = [f"c{number}" for number in range(100_000)]
LINKED = gzip.compress((GOOD * 40).encode())
UNREADABLE: dict[str, tuple[str, Callable[[], bytes], str]] = {
    "empty": ("a.csv", bytes, "a.csv is empty"),
    "white space only": ("a.csv", lambda: b"\n \n\n", "a.csv is empty"),
    "zero bytes": ("a.csv", lambda: b"\0" * 3_000, "nothing but zero bytes"),
    "binary data": ("a.csv", lambda: NOISE, "not text but binary data"),
    "a document": ("a.csv", lambda: b"%PDF-1.4 stream", "a document or picture"),
    "a web page": ("a.xls", lambda: b"<html><table></table></html>", "web page"),
    "an unknown kind": ("a.docx", lambda: b"x", "of a kind that earful does not read; it reads"),
    "no columns of feedback": ("a.csv", lambda: b"a,b\n1,2\n3,4\n", "--map text=COLUMN"),
    "an empty zip": ("a.zip", bytes, "a.zip is damaged"),
    "a corrupt zip": ("a.zip", lambda: b"PK\x03\x04" + NOISE[:500], "a.zip is damaged"),
    "a cut zip": ("a.zip", lambda: pack("a.csv", GOOD)[:150], "a.zip is damaged"),
    "a zip with a corrupt file": (
        *("a.zip", lambda: pack("a.csv", GOOD, spoil=True)),
        "a.zip!/a.csv is damaged",
    ),
    "a zip without tables": ("a.zip", lambda: pack("a.md", "x"), "holds no file that earful reads"),
    "a zip bomb": ("a.zip", lambda: pack("a.csv", "0" * 80_000_000), "zip bomb"),
    "a corrupt gzip": ("a.csv.gz", lambda: b"\x1f\x8b" + NOISE[:300], "a.csv.gz is damaged"),
    "a cut gzip": ("a.csv.gz", lambda: LINKED[: len(LINKED) // 2], "a.csv.gz is damaged"),
    "an empty workbook": ("a.xlsx", make_workbook, "a.xlsx is empty"),
    "a workbook of 0 bytes": ("a.xlsx", bytes, "a.xlsx is empty"),
    "a corrupt workbook": ("a.xlsx", lambda: NOISE[:900], "a.xlsx is not a workbook"),
    "a cut workbook": ("a.xlsx", lambda: make_workbook(["text"])[:2_000], "a.xlsx is damaged"),
    "a workbook with a password": (
        *("a.xlsx", (DATA / "bad" / "password_protected.xlsx").read_bytes),
        "protected by a password; save it without one",
    ),
    "a corrupt parquet": ("a.parquet", lambda: b"PAR1" + NOISE[:300], "not a Parquet file"),
    "a cut parquet": ("a.parquet", lambda: make_parquet()[:-200], "not a Parquet file"),
    "broken JSON": ("a.json", lambda: b"{broken", "not valid JSON"),
    "a JSON list of numbers": ("a.json", lambda: b"[1, 2, 3]", "holds no JSON objects"),
    "a JSON list of lists": ("a.json", lambda: b"[[1], [2]]", "holds no JSON objects"),
    "a JSON string": ("a.json", lambda: b'"hello"', "holds no JSON objects"),
    "an empty JSON list": ("a.json", lambda: b"[]", "a.json is empty"),
    "a named empty JSON list": ("a.json", lambda: b'{"reviews": []}', "a.json is empty"),
    "JSON of another thing": ("a.json", lambda: b'{"a": [1], "b": "x"}', "--map text=COLUMN"),
    "JSON 100,000 levels deep": ("a.json", lambda: b"[" * 100_000, "not valid JSON"),
    "100,000 columns": ("a.csv", lambda: "\n".join([",".join(WIDE)] * 2).encode(), "columns"),
    "100,000 keys": ("a.jsonl", lambda: json.dumps(dict.fromkeys(WIDE, "x")).encode(), "16,384"),
}


@pytest.mark.parametrize("case", UNREADABLE)
def test_a_file_that_cannot_be_read_is_one_clear_error(call: Call, case: str) -> None:
    name, make, message = UNREADABLE[case]
    Path(name).write_bytes(make())
    ended = call("ingest", name)
    check_message(ended, 1, message)
    assert ended.err.count(message) == 1
    check_usable(call)


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (("none.csv",), "none.csv does not exist"),
        (("god.csv",), "did you mean good.csv?"),
        (("no/such/a.csv",), "nor does its folder no/such"),
        (("*.none",), "no readable file matches *.none"),
        (("bare",), "folder bare holds no file that earful reads (it is empty)"),
        (("junk",), "1 other file: notes.md"),
        (("gone.csv",), "is a link to something that does not exist"),
        (("pipe.csv",), "is not a regular file"),
    ],
)
def test_a_path_without_a_readable_file_is_one_clear_error(
    call: Call, arguments: tuple[str, ...], message: str
) -> None:
    Path("good.csv").write_text(GOOD)
    Path("bare").mkdir()
    Path("junk").mkdir()
    Path("junk/notes.md").write_text("x")
    Path("gone.csv").symlink_to("nowhere.csv")
    os.mkfifo("pipe.csv")
    for command in ("ingest", "inspect", "customers", "events"):
        check_message(call(command, *arguments), 1, message)
    assert not list(Path().glob("*.db"))


@pytest.mark.parametrize("kind", ["csv", "xlsx"])
def test_a_file_with_only_a_header_is_read_as_nothing_and_said(call: Call, kind: str) -> None:
    header = ["id", "a", "b"]
    data = make_workbook(header) if kind == "xlsx" else (",".join(header) + "\n").encode()
    Path(f"a.{kind}").write_bytes(data)
    for command in ("ingest", "customers", "events"):
        ended = call(command, f"a.{kind}")
        check_message(ended, 0, f"a.{kind} has a header but 0 rows; nothing was read from it")
    assert "it has a header but 0 rows" in call("inspect", f"a.{kind}").out
    check_usable(call)


@pytest.mark.parametrize(
    ("name", "make"),
    [
        ("a.csv", lambda long: f"id,text\n1,a fine comment here\n2,{long}\n3,another good one\n"),
        ("a.csv", lambda long: f'id,text\n1,a fine comment here\n2,"{long}"\n3,another good one\n'),
        ("a.txt", lambda long: f"a fine comment here\n{long}\nanother good one\n"),
        (
            "a.jsonl",
            lambda long: "\n".join(
                json.dumps({"text": text}) for text in ("a fine comment here", long, "another one")
            ),
        ),
    ],
    ids=["csv", "quoted csv", "lines", "jsonl"],
)
def test_a_cell_of_50_mb_is_one_rejected_row(
    call: Call, name: str, make: Callable[[str], str]
) -> None:
    Path(name).write_text(make(f"{SECRET_WORDS} " * 2_000_000))
    ended = call("ingest", name, "--json")
    check_message(ended, 3)
    counts = json.loads(ended.out)
    assert (counts["n_read"], counts["n_new"], counts["n_rejected"]) == (3, 2, 1)
    (row,) = json.loads(call("status", "--rejected", "--json").out)
    assert row["reason"] == "cell_too_long"
    assert len(row["raw"]) <= 10_000


def test_a_cell_of_50_mb_in_parquet_is_one_rejected_row(call: Call) -> None:
    import pyarrow as pa
    import pyarrow.parquet as pq

    texts = ["a fine comment here", f"{SECRET_WORDS} " * 2_000_000]
    pq.write_table(pa.table({"text": texts}), "a.parquet")
    ended = call("ingest", "a.parquet", "--json")
    check_message(ended, 3)
    assert json.loads(ended.out)["n_new"] == 1


def test_invalid_utf_8_is_kept_and_counted(call: Call) -> None:
    data = GOOD.replace("for the", "בפעם ה").encode() + b"R99,2026-01-30,It is b\xffroken \xfe,1\n"
    Path("a.csv").write_bytes(data)
    ended = call("ingest", "a.csv", "--json")
    check_message(ended, 0, "1 of 11 rows have bytes that could not be decoded")
    assert json.loads(ended.out)["n_new"] == 11


def test_broken_rows_are_rejected_and_the_others_kept(call: Call) -> None:
    lines = ['{"text": "a fine comment here"}', "[1]", '{"text": ', '{"text": "another good one"}']
    Path("a.jsonl").write_text("\n".join(lines))
    ended = call("ingest", "a.jsonl", "--json")
    check_message(ended, 3)
    counts = json.loads(ended.out)
    assert (counts["n_read"], counts["n_new"], counts["n_rejected"]) == (4, 2, 2)


def test_in_a_folder_each_unreadable_file_is_named_and_the_others_are_read(call: Call) -> None:
    folder = Path("mixed")
    shutil.copytree(DATA / "demo", folder)
    for name in ("customers.csv", "events.csv", "complaints_cfpb.csv", "social_posts.jsonl"):
        lines = (folder / name).read_text(encoding="utf-8").splitlines(keepends=True)
        (folder / name).write_text("".join(lines[:101]), encoding="utf-8")
    (folder / "locked.xlsx").write_bytes((DATA / "bad" / "password_protected.xlsx").read_bytes())
    (folder / "empty.csv").touch()
    (folder / "broken.zip").write_bytes(b"PK\x03\x04" + NOISE[:500])
    (folder / "picture.png").write_bytes(b"\x89PNG")
    ended = call("ingest", folder, "--json")
    check_message(ended, 3, "README.md is not read", "picture.png is not read")
    for name in ("locked.xlsx", "empty.csv", "broken.zip"):
        assert ended.err.count(f"warning: {name}") == 1
    counts = json.loads(ended.out)
    assert (counts["n_customers"], counts["n_events"]) == (100, 100)
    assert counts["n_read"] == counts["n_new"] + counts["n_rejected"]
    reasons = json.loads(call("status", "--json").out)["rejected"]
    assert reasons["unreadable_file"] == 3


def test_where_no_file_can_be_read_all_are_named(call: Call) -> None:
    Path("a.csv").touch()
    Path("b.csv").touch()
    ended = call("ingest", "a.csv", "b.csv")
    check_message(ended, 1, "warning: a.csv is empty", "warning: b.csv is empty", "none of the 2")
    check_usable(call)


@pytest.mark.parametrize(
    ("pairs", "words"),
    [
        (
            ["text=Coment"],
            ["good.csv: --map: there is no column 'Coment'; did you mean 'Comment'?"],
        ),
        (["text=Coment"], ["There are: Review ID, Date, Comment, Stars"]),
        (["txt=Comment"], ["there is no role 'txt'; did you mean 'text'?"]),
        (["Comment"], ["'Comment' is not of the form ROLE=COLUMN, such as text=Comment"]),
        (["foo", "at=Dat", "=x"], ["'foo' is not", "did you mean 'Date'?", "no role ''. There"]),
    ],
)
def test_a_wrong_map_lists_what_there_is(call: Call, pairs: list[str], words: list[str]) -> None:
    Path("good.csv").write_text(GOOD)
    options = [part for pair in pairs for part in ("--map", pair)]
    for command in ("ingest", "inspect", "run"):
        check_message(call(command, "good.csv", *options), 2, *words)
    check_usable(call)


def test_a_sheet_without_the_mapped_column_is_passed_over(call: Call) -> None:
    import xlsxwriter

    with xlsxwriter.Workbook("a.xlsx") as workbook:
        workbook.add_worksheet("Notes").write_row(0, 0, ["Made by", "On"])
        sheet = workbook.add_worksheet("Answers")
        for number, row in enumerate((["Nr", "Said"], ["1", "It works well for me"])):
            sheet.write_row(number, 0, row)
        workbook.get_worksheet_by_name("Notes").write_row(1, 0, ["Dana", "2026-01-01"])
    ended = call("ingest", "a.xlsx", "--map", "text=Said", "--json")
    check_message(ended, 0, "1 of 2 sheets hold no feedback and are not read")
    assert json.loads(ended.out)["n_new"] == 1


def test_all_mistakes_of_a_configuration_are_named_at_once(call: Call) -> None:
    Path("earful.toml").write_text(
        '[store]\nurl = 5\n[modls]\nx = 1\n[text]\nregion = "usa"\ntimezone = "Mars/X"\n'
    )
    ended = call("ingest")
    check_message(ended, 2, "4 mistakes in earful.toml", "store.url", "text.region", "modls")
    assert "  unknown time zone; write it as Asia/Jerusalem @ text.timezone" in ended.err


@pytest.mark.parametrize(
    ("content", "code", "message"),
    [
        (b"[store", 2, "is not TOML"),
        (b"\xff\xfe\0", 2, "is not UTF-8"),
        (b"", 2, "nothing to read: give a PATH"),
        (b'[[sources]]\npath = "none*.csv"\n', 1, "no readable file matches"),
        (b'[[sources]]\npath = "good.csv"\nmap = {text = "Coment"}\n', 2, "did you mean 'Comment'"),
    ],
)
def test_a_wrong_configuration_is_explained(
    call: Call, content: bytes, code: int, message: str
) -> None:
    Path("good.csv").write_text(GOOD)
    Path("wrong.toml").write_bytes(content)
    check_message(call("ingest", "--config", "wrong.toml"), code, message)


def test_inspect_shows_the_others_of_a_folder_with_a_bad_file(call: Call) -> None:
    Path("in").mkdir()
    Path("in/good.csv").write_text(GOOD)
    Path("in/bad.csv.gz").write_bytes(b"\x1f\x8b" + NOISE[:500])
    ended = call("inspect", "in", "--json")
    assert (ended.code, len(json.loads(ended.out))) == (3, 1)
    assert "not read: " in ended.err and "bad.csv.gz is damaged" in ended.err
    assert call("inspect", "in/bad.csv.gz").code == 1


def test_an_empty_path_reads_no_folder(call: Call) -> None:
    Path("good.csv").write_text(GOOD)
    check_message(call("ingest", ""), 2, "a PATH is empty")
    check_message(call("customers"), 2, "earful customers crm.csv", "[[customers]]")


@pytest.mark.parametrize("path", ["none.toml", "."])
def test_a_missing_configuration_is_wrong_use(call: Call, path: str) -> None:
    check_message(call("status", "--config", path), 2, "configuration")


def make_database(path: str, *statements: str) -> None:
    connection = sqlite_driver().connect(path)
    for statement in statements:
        connection.execute(statement)
    connection.commit()
    connection.close()


def make_stores(call: Call) -> None:
    """Everything that is no store of this program."""
    check_usable(call, "--db", "newer.db")
    make_database("newer.db", "PRAGMA wal_checkpoint(TRUNCATE)")
    shutil.copy("newer.db", "cut.db")
    os.truncate("cut.db", 30_000)
    make_database("newer.db", "UPDATE alembic_version SET version_num = '0999'")
    make_database("foreign.db", "CREATE TABLE users (name)")
    version = "CREATE TABLE alembic_version (version_num)"
    make_database("other.db", version, "INSERT INTO alembic_version VALUES ('0001')")
    Path("text.db").write_text("no database")
    Path("folder.db").mkdir()


def test_a_database_that_is_not_ours_is_left_alone(
    call: Call, monkeypatch: pytest.MonkeyPatch
) -> None:
    make_stores(call)
    expected = {
        "newer.db": (2, "; update earful as it was installed (a clone: git pull"),
        "foreign.db": (2, "is not a store of earful"),
        "other.db": (2, "is not a store of earful"),
        "folder.db": (2, "is a folder; name a file, such as folder.db/earful.db"),
        "text.db": (1, "is not an SQLite database"),
        "cut.db": (1, "is damaged; restore it from a backup"),
        "mysql://x/y": (2, "names neither SQLite nor PostgreSQL"),
        "sqlite://": (2, "a store needs a file"),
        "postgresql://u:hidden@127.0.0.1:1/x": (2, "holds a password in plain sight"),
        "postgresql://u:${PG_PW}@127.0.0.1:1/x": (1, "u:***@127.0.0.1:1/x: the server cannot be"),
    }
    monkeypatch.setenv("PG_PW", "hidden")
    before = {path: Path(path).read_bytes() for path in ("foreign.db", "text.db", "newer.db")}
    for name, (code, message) in expected.items():
        for arguments in (["ingest", "good.csv"], ["status"], ["report"], ["migrate"], ["link"]):
            ended = call(*arguments, "--db", name)
            check_message(ended, code, message)
            assert "hidden" not in ended.err
    assert {path: Path(path).read_bytes() for path in before} == before
    check_usable(call)


def test_a_store_that_does_not_exist_is_made_by_reading_only(call: Call) -> None:
    for arguments in (["status"], ["report"], ["themes", "list"], ["runs"], ["migrate"]):
        check_message(call(*arguments, "--db", "new/x.db"), 1, "there is no store new/x.db")
    Path("good.csv").write_text(GOOD)
    check_message(call("run", "good.csv", "--db", "new/x.db"), 1, "there is no folder new")
    assert not Path("new").exists()
    Path("new").mkdir()
    check_usable(call, "--db", "new/x.db")


def test_a_held_lock_is_exit_code_4(call: Call) -> None:
    from pipelines.store import open_store

    check_usable(call)
    store = open_store("sqlite:///earful.db")
    with store.lock(1):
        ended = call("ingest", "good.csv", "--lock-timeout", "0.1")
    store.engine.dispose()
    check_message(ended, 4, "another run holds the store")


@pytest.mark.parametrize(
    "arguments",
    [
        ("run",),
        ("bogus",),
        ("run", "--bogus"),
        ("inspect",),
        ("run", "good.csv", "--engine", "spark"),
        ("themes", "show", "t0"),
        ("schema", "no_table"),
        ("status", "--limit", "0"),
    ],
)
def test_wrong_use_is_exit_code_2(call: Call, arguments: tuple[str, ...]) -> None:
    check_usable(call)
    ended = call(*arguments)
    assert ended.code == 2
    assert "rror" in ended.err
    assert "Traceback" not in ended.err


def test_a_short_secret_is_refused(call: Call, monkeypatch: pytest.MonkeyPatch) -> None:
    Path("good.csv").write_text(GOOD)
    monkeypatch.setenv("EARFUL_SECRET", "short")
    check_message(call("ingest", "good.csv"), 2, "it needs at least 16")
    monkeypatch.delenv("EARFUL_SECRET")
    check_usable(call)


PRIVATE = (
    "Name,E-mail,Phone (if you want a call back),User name,First name,Customer ID,Comment,Shop\n"
    "Dana Levi,dana@example.com,+1 202 555 0123,dana77,Dana,C1,The parcel came late again,North\n"
    "Omar Ali,omar@example.com,+1 202 555 0199,omar88,Omar,C2,,South\n"
)


def test_what_names_a_person_is_hidden_in_rejected_rows(call: Call) -> None:
    Path("a.csv").write_text(PRIVATE)
    check_message(call("ingest", "a.csv"), 3)
    (row,) = json.loads(call("status", "--rejected", "--json").out)
    assert row["reason"] == "no_text"
    for word in ("Omar", "omar", "555", "C2"):
        assert word not in row["raw"]
    assert row["raw"].count("<HIDDEN>") == 6
    assert "Shop=South" in row["raw"]


@pytest.mark.parametrize("options", [(), ("--map", "handle=user.handle")])
def test_a_name_beside_a_handle_is_never_kept(call: Call, options: tuple[str, ...]) -> None:
    posts = [
        {"text": f"the parcel {n} came late", "user": {"name": f"Dana {n}", "handle": f"@dana{n}"}}
        for n in range(5)
    ]
    Path("a.jsonl").write_text("\n".join(map(json.dumps, posts)))
    check_message(call("ingest", "a.jsonl", *options), 0)
    assert b"Dana" not in Path("earful.db").read_bytes()
    roles = {
        column["name"]: column["role"]
        for column in json.loads(call("inspect", "a.jsonl", "--json", *options).out)[0]["columns"]
    }
    assert roles["user.handle"] == "handle"
    assert roles["user.name"] in ("author", "private")


RUN_COMMANDS = """
import contextlib, io, json, sys
from pipelines.cli.app import run_app
ended = []
for arguments in json.loads(sys.argv[1]):
    out, err = io.StringIO(), io.StringIO()
    with contextlib.redirect_stdout(out), contextlib.redirect_stderr(err):
        ended.append((run_app(arguments), out.getvalue(), err.getvalue()))
print(json.dumps(ended))
"""


def run_commands(commands: list[list[str]], prefix: tuple[str, ...]) -> list[Ended]:
    """Run commands one after the other in a process of their own, without this one's rights."""
    done = subprocess.run(
        [*prefix, sys.executable, "-c", RUN_COMMANDS, json.dumps(commands)],
        env={**os.environ, "PYTHONPATH": str(ROOT)},
        capture_output=True,
        text=True,
        timeout=120,
        check=True,
    )
    return [Ended(*each) for each in json.loads(done.stdout)]


@pytest.fixture
def tiny_disk(tmp_path: Path) -> Iterator[Path]:
    """A disk of 2 MB."""
    disk = tmp_path / "disk"
    disk.mkdir()
    mount = ["mount", "-t", "tmpfs", "-o", "size=2m", "tmpfs", str(disk)]
    if shutil.which("mount") is None or subprocess.run(mount, capture_output=True).returncode:
        pytest.skip("only root may mount a small disk")
    yield disk
    subprocess.run(["umount", "--lazy", str(disk)], check=True)


def test_a_full_disk_is_one_clear_error_and_the_store_stays_good(
    call: Call, tiny_disk: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    Path("big.csv").write_text(
        "id,text\n" + "".join(f"{n},The {SECRET_WORDS} and {n} more\n" for n in range(4_000))
    )
    Path("good.csv").write_text(GOOD)
    ended = call("ingest", "big.csv", "--db", tiny_disk / "x.db")
    check_message(ended, 2, "4,000 feedback", "MB of disk in", "Nothing was read")
    Path("earful.toml").write_text("[limits]\ndisk_gb = 9\n")  # as others may fill it meanwhile
    ended = call("ingest", "big.csv", "--db", tiny_disk / "x.db")
    check_message(ended, 1, "the disk is full; free some space, then run the same command again")
    check_message(call("ingest", "good.csv", "--db", tiny_disk / "x.db"), 0, "10 read")
    fill = tiny_disk / "fill"
    with pytest.raises(OSError, match="No space"), fill.open("wb", buffering=0) as file:
        while file.write(b"x" * 4_096):
            pass
    check_message(call("report", "--db", tiny_disk / "x.db", "-o", tiny_disk / "r.html"), 1)
    monkeypatch.setenv("XDG_CONFIG_HOME", str(tiny_disk / "config"))
    check_message(call("ingest", "good.csv"), 1, "set EARFUL_SECRET")
    for left in tiny_disk.glob("*"):
        if left.is_file():
            left.unlink()
    check_usable(call)


@pytest.fixture
def obeying_modes() -> tuple[str, ...]:
    """What to put before a command so that the rights of files hold, for root too."""
    if os.geteuid() != 0:
        return ()
    prefix = ("setpriv", "--bounding-set=-dac_override,-dac_read_search")
    if shutil.which("setpriv") is None or subprocess.run([*prefix, "true"]).returncode:
        pytest.skip("root ignores the rights of files, and setpriv cannot change that")
    return prefix


def test_a_read_only_folder_is_read_and_not_written(
    call: Call, obeying_modes: tuple[str, ...], tmp_path: Path
) -> None:
    Path("good.csv").write_text(GOOD)
    folder = Path().resolve()
    assert call("ingest", "good.csv").code == 0
    Path("locked.csv").write_text(GOOD)
    for name, mode in (("locked.csv", 0o000), ("earful.db", 0o444), (".", 0o555)):
        (folder / name).chmod(mode)
    try:
        cases: tuple[tuple[list[str], int, str], ...] = (
            (["runs"], 0, "done"),
            (["report"], 1, "could not be written"),
            (["ingest", "good.csv"], 1, "check the rights"),
            (["ingest", "locked.csv", "--db", f"{tmp_path}/o.db"], 1, "permission denied"),
        )
        ended = run_commands([arguments for arguments, *_ in cases], obeying_modes)
        for each, (_, code, message) in zip(ended, cases, strict=True):
            check_message(each, code, message)
    finally:
        folder.chmod(0o755)
        (folder / "earful.db").chmod(0o644)
    assert json.loads(call("status", "--json").out)["tables"]["feedback"] == 10


def test_a_reader_that_goes_away_is_no_failure(call: Call) -> None:
    check_usable(call)
    for arguments in ("schema", "status --json", "ingest good.csv --db other.db 2>&1"):
        command = f"{sys.executable} -m pipelines {arguments} | true; echo ${{PIPESTATUS[0]}}"
        done = subprocess.run(
            ["bash", "-c", command],
            env={**os.environ, "PYTHONPATH": str(ROOT)},
            capture_output=True,
            text=True,
            check=False,
        )
        assert (done.stdout.strip(), done.stderr) == ("0", "")
    assert json.loads(call("status", "--json", "--db", "other.db").out)["tables"]["feedback"] == 10


@pytest.mark.parametrize(
    ("after_s", "signals"),
    [(0.05, 1), (0.6, 1), (None, 1), (None, 2)],
    ids=["while starting", "while loading", "while reading", "twice while reading"],
)
def test_ctrl_c_leaves_the_store_as_it_was(call: Call, after_s: float | None, signals: int) -> None:
    Path("big.csv").write_text(
        "id,text\n" + "".join(f"{n},The {SECRET_WORDS} and {n} more\n" for n in range(40_000))
    )
    process: subprocess.Popen[str] = subprocess.Popen(
        [sys.executable, "-m", "pipelines", "ingest", "big.csv"],
        env={**os.environ, "PYTHONPATH": str(ROOT)},
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )
    if after_s is None:
        wait_for(lambda: _is_running("earful.db"))
    else:
        time.sleep(after_s)
    for _ in range(signals):
        process.send_signal(signal.SIGINT)
        time.sleep(0.02)
    out, err = process.communicate(timeout=60)
    assert process.returncode != 0
    assert SECRET_WORDS not in out + err
    if after_s != 0.05:  # before that, Python itself is starting
        assert "Traceback" not in err
    if after_s is None:
        assert "the store is as it was before this command" in err
    check_usable(call)
    assert json.loads(call("status", "--json").out)["tables"]["feedback"] == 10


def wait_for(is_there: Callable[[], Any], timeout_s: float = 60.0) -> None:
    deadline = time.monotonic() + timeout_s
    while not is_there():
        assert time.monotonic() < deadline
        time.sleep(0.02)


def _is_running(path: str) -> bool:
    try:
        connection = sqlite_driver().connect(f"file:{path}?mode=ro", uri=True)
        return bool(connection.execute("SELECT 1 FROM run WHERE status = 'running'").fetchall())
    except sqlite_driver().Error:
        return False
