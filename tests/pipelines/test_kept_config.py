"""The configuration that inspect writes: a run with it gives what one without it does."""

import json
import tomllib
from pathlib import Path
from typing import Any

import pytest

from pipelines.database import sqlite_driver
from pipelines.store import open_store
from tests.command_line import Call, make_call
from tests.pipelines.conftest import read_rows
from tests.pipelines.store_copies import open_copy

SURVEY = (
    'Nr;When;What went wrong? [a\\b];Any "other" ideas?;Stars;Account\n'
    + "".join(
        f"{i};0{1 + i % 3}.04.2026;Delivery {i} was late;Open shop {i} earlier;{1 + i % 5};C{i}\n"
        for i in range(40)
    )
    + "41;;;;3;C1\n"
)
CRM = "customer_id;email;segment\n" + "".join(f"C{i};c{i}@x.example;Plus\n" for i in range(9))
TABLES = {
    "feedback": ("feedback_id", "source", "question", "text", "rating", "occurred_at"),
    "customer": ("customer_id", "segment", "content_hash"),
    "rejected": ("rejected_id", "source", "file", "reason"),
}


@pytest.fixture
def call(
    capsys: pytest.CaptureFixture[str], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> Call:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("EARFUL_SECRET", "0123456789abcdef0123456789abcdef")
    monkeypatch.setenv("EARFUL_CACHE", str(tmp_path / "cache"))
    return make_call(capsys)


def stored(call: Call, name: str, *arguments: object) -> dict[str, list[Any]]:
    open_copy(f"sqlite:///{name}.db", "empty").engine.dispose()
    assert call("ingest", "--db", f"{name}.db", *arguments).code in (0, 3)
    with open_store(f"sqlite:///{name}.db").read() as connection:
        return {table: read_rows(connection, table, *TABLES[table]) for table in TABLES}


def test_a_run_with_the_written_configuration_gives_the_same(call: Call, tmp_path: Path) -> None:
    (tmp_path / "survey.csv").write_text(SURVEY, encoding="utf-8")
    (tmp_path / "crm.csv").write_text(CRM)
    (tmp_path / "set.toml").write_text('[text]\ntimezone = "Asia/Jerusalem"\nregion = "IL"\n')
    files = ("survey.csv", "crm.csv", "--config", "set.toml")
    shown = call("inspect", *files, "--write-config", "kept.toml")
    assert shown.code == 0 and "earful run --config kept.toml" in shown.out
    kept = tomllib.loads((tmp_path / "kept.toml").read_text(encoding="utf-8"))
    assert kept["text"] == {"timezone": "Asia/Jerusalem", "region": "IL"}
    assert [section["path"] for section in kept["sources"]] == ["survey.csv"]
    assert [section["path"] for section in kept["customers"]] == ["crm.csv"]
    assert 'Any "other" ideas?' in kept["sources"][0]["map"]["text"]
    wanted = stored(call, "one", *files)
    assert len(wanted["feedback"]) == 80 and len(wanted["customer"]) == 9
    assert stored(call, "two", "--config", "kept.toml") == wanted
    again = call("inspect", *files, "--write-config", "kept.toml")
    assert again.code == 2 and "is there already" in again.err


def test_a_query_is_inspected_and_kept_with_the_name_of_its_secret(
    call: Call, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    with sqlite_driver().connect(tmp_path / "shop.db") as connection:
        connection.execute("CREATE TABLE r (id, said, at)")
        rows = [(i, f"Mail me at d{i}@x.example, it is late", "2026-01-05") for i in range(9)]
        connection.executemany("INSERT INTO r VALUES (?, ?, ?)", rows)
    connection.close()
    monkeypatch.setenv("SHOP_URL", f"sqlite:///{tmp_path}/shop.db")
    ask = ("--sql", "SELECT id, said AS comment, at FROM r", "--from", "${SHOP_URL}")
    ended = call("inspect", *ask, "--source", "shop", "--write-config", "kept.toml", "--json")
    (found,) = json.loads(ended.out)
    assert (found["n_items"], len(found["sample_rows"])) == (9, 5)
    assert "@x.example" not in ended.out and "<EMAIL>" in ended.out
    written = (tmp_path / "kept.toml").read_text()
    assert "${SHOP_URL}" in written and str(tmp_path) not in written
    wanted = stored(call, "one", *ask, "--source", "shop")
    assert len(wanted["feedback"]) == 9
    assert stored(call, "two", "--config", "kept.toml") == wanted


def test_what_cannot_be_named_or_read_is_said(
    call: Call, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    import io
    from types import SimpleNamespace

    (tmp_path / "odd.csv").write_text("x,y\n1,2\n3,4\n")
    assert call("inspect", "odd.csv", "--write-config", "odd.toml").code == 0
    assert "no column was recognised" in (tmp_path / "odd.toml").read_text()
    monkeypatch.setattr("sys.stdin", SimpleNamespace(buffer=io.BytesIO(CRM.encode())))
    ended = call("inspect", "-", "--write-config", "in.toml")
    assert ended.code == 2 and "standard input cannot be named" in ended.err
    assert call("inspect").code == 2
