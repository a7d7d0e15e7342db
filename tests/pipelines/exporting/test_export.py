"""All tables as files: what may leave, whole or not at all, and reached by an erasure."""

import csv
import json
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import update

from nlp.cache import file_sha256
from pipelines import tables
from pipelines.cli.app import run_app
from pipelines.errors import ConfigError, InputError
from pipelines.exporting import writing
from pipelines.exporting.selecting import EXPORTED, LEFT_OUT, LEFT_OUT_COLUMNS, list_exported
from pipelines.exporting.writing import MANIFEST, choose_tables, write_export
from pipelines.rights.forgetting import forget_person
from pipelines.rights.outputs import record_tables, rewrite_outputs
from pipelines.rights.people import Asked
from pipelines.rights.scan import find_traces
from pipelines.runs import begin_run
from pipelines.store import Store
from tests.pipelines.conftest import add_rows
from tests.pipelines.rights.people import make_people_job, name_customer, open_people
from tests.pipelines.store_copies import open_copy

AT = datetime(2026, 10, 3, 8, 30, tzinfo=UTC)


def fill(store: Store) -> None:
    with begin_run(store, "test", config_hash="", lock_timeout_s=5) as run:
        add = run.connection
        for number in range(12):
            segment = "few" if number > 9 else "many"
            record = {"customer_id": f"C{number}", "segment": segment, "attributes": {"n": number}}
            add_rows(add, "customer", record)
            add_rows(add, "customer_insight", {"customer_id": f"C{number}", "risk": number / 10})
            said = {"feedback_id": f"f{number}", "source": "survey", "occurred_at": AT}
            words = {"text": f"=HYPERLINK(said {number})", "customer_id": f"C{number}"}
            add_rows(add, "feedback", {**said, **words, "rating": 4.5})
            part = {"mention_id": f"f{number}-0", "feedback_id": f"f{number}", "position": 0}
            add_rows(add, "mention", {**part, "text": words["text"], "text_hash": f"h{number}"})
        named = {"name": "calls", "status": "active", "origin": "discovered"}
        add_rows(add, "theme", {"theme_id": "t1", **named, "keywords": ["a", "ב"]})
        quotes = [{"rank": n + 1, "mention_id": f"f{n}-0", "text": f"said {n}"} for n in range(3)]
        add_rows(add, "theme_quote", *({"theme_id": "t1", **quote} for quote in quotes))
        for segment in ("all", "many", "few"):
            period = {"theme_id": "t1", "period": "week", "period_start": AT, "segment": segment}
            add_rows(add, "theme_period", {**period, "n_customers": 3})
        for number, purpose in enumerate(("quoting", "profiling", "analysis")):
            said = {"consent_id": purpose, "customer_id": f"C{number}", "status": "withdrawn"}
            add_rows(add, "consent", {**said, "purpose": purpose, "at": AT})


@pytest.fixture
def full_store(store_url: str) -> Iterator[Store]:
    opened = open_copy(store_url, "exported", fill)
    yield opened
    opened.engine.dispose()


def read_parquet(path: Path) -> dict[str, dict[str, Any]]:
    from pyarrow import parquet

    rows = parquet.read_table(path).to_pylist()
    return {str(next(iter(row.values()))): row for row in rows}


def test_every_table_is_exported_or_said_to_stay() -> None:
    """A new table stays in the store until somebody said which of its rows may leave."""
    assert set(list_exported()) == EXPORTED
    assert EXPORTED | set(LEFT_OUT) == set(tables.metadata.tables)
    for name, columns in LEFT_OUT_COLUMNS.items():
        assert set(columns) < set(tables.metadata.tables[name].c.keys())
    with pytest.raises(ConfigError, match="stays in the store"):
        choose_tables(["consent"])
    with pytest.raises(ConfigError, match="there is none"):
        choose_tables(["feedbacks"])


def test_only_what_is_allowed_leaves(full_store: Store, tmp_path: Path) -> None:
    write_export(full_store, tmp_path / "out", choose_tables([]), "parquet", k=5)
    feedback = read_parquet(tmp_path / "out" / "feedback.parquet")
    assert feedback.keys() == {f"f{number}" for number in range(12)} - {"f2"}
    assert [feedback[key]["text"] is None for key in ("f0", "f1", "f3")] == [True, False, False]
    assert [feedback[key]["customer_id"] for key in ("f0", "f1", "f3")] == ["C0", None, "C3"]
    assert feedback["f3"]["occurred_at"] == AT
    assert "refused" not in feedback["f3"]
    mentions = read_parquet(tmp_path / "out" / "mention.parquet")
    assert (mentions["f0-0"]["text"], "f2-0" in mentions) == (None, False)
    customers = read_parquet(tmp_path / "out" / "customer_insight.parquet")
    assert customers.keys() == {f"C{number}" for number in range(12)} - {"C1", "C2"}
    quotes = read_parquet(tmp_path / "out" / "theme_quote.parquet")
    assert [row["text"] for row in quotes.values()] == ["said 1"]
    from pyarrow import parquet

    periods = parquet.read_table(tmp_path / "out" / "theme_period.parquet").to_pylist()
    assert {row["segment"] for row in periods} == {"all"}  # "few" is few, "many" is all but few


def test_a_spreadsheet_runs_nothing_and_the_manifest_describes_the_files(
    sqlite_url: str, tmp_path: Path
) -> None:
    store = open_copy(sqlite_url, "exported", fill)
    folder = tmp_path / "out"
    assert run_app(["export", str(folder), "--db", sqlite_url, "--format", "csv"]) == 0
    with (folder / "feedback.csv").open(encoding="utf-8-sig", newline="") as file:
        rows = list(csv.DictReader(file))
    assert rows[1]["text"].startswith("'=HYPERLINK")
    assert rows[1]["occurred_at"] == "2026-10-03T08:30:00Z"
    manifest = json.loads((folder / MANIFEST).read_text())
    for file in manifest["tables"]:
        path = folder / file["file"]
        assert (file["sha256"], file["bytes"]) == (file_sha256(path), path.stat().st_size)
        assert path.stat().st_mode & 0o777 == 0o600
    told = next(file for file in manifest["tables"] if file["table"] == "feedback")
    assert (told["rows"], manifest["run_id"] is not None) == (len(rows), True)
    assert [column["name"] for column in told["columns"]] == list(rows[0])
    assert all(column["meaning"] for column in told["columns"])
    store.engine.dispose()


def test_a_folder_is_whole_or_as_it_was_before(
    sqlite_url: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    store = open_copy(sqlite_url, "exported", fill)
    folder = tmp_path / "out"
    write_export(store, folder, ["theme", "run"], "parquet", k=5)
    before = {path.name: path.read_bytes() for path in folder.iterdir()}
    (tmp_path / ".out.1.part").mkdir()  # of a command that was killed
    write = writing.stream_parquet_rows

    def fail_at_second(file: Any, kinds: Any, rows: Any) -> None:
        write(file, kinds, rows)
        monkeypatch.setattr(writing, "stream_parquet_rows", _full)

    monkeypatch.setattr(writing, "stream_parquet_rows", fail_at_second)
    with pytest.raises(InputError, match="No space"):
        write_export(store, folder, ["theme", "run", "feedback"], "parquet", k=5)
    assert {path.name: path.read_bytes() for path in folder.iterdir()} == before
    assert [path.name for path in tmp_path.iterdir() if "part" in path.name] == []
    (tmp_path / "mine").mkdir()
    (tmp_path / "mine" / "thesis.txt").touch()
    with pytest.raises(InputError, match="other files"):
        write_export(store, tmp_path / "mine", ["theme"], "parquet", k=5)
    store.engine.dispose()


def _full(*_: Any) -> None:
    raise OSError(28, "No space left on device")


def test_an_erasure_writes_the_files_anew(sqlite_url: str, tmp_path: Path) -> None:
    store = open_people(sqlite_url)
    job = make_people_job(store, tmp_path / "own")
    folder = tmp_path / "out"
    names = choose_tables(["feedback", "mention", "theme", "customer_insight"])
    assert record_tables(store, write_export(store, folder, names, "csv", k=5))
    token = name_customer(4)
    assert find_traces(folder.iterdir(), [token])
    assert forget_person(job, Asked(customer=token)).problems == []
    assert not find_traces(folder.iterdir(), [token])
    assert {path.name for path in folder.iterdir()} == {
        *(f"{name}.csv" for name in names),
        MANIFEST,
    }
    with store.write() as connection:
        connection.execute(update(tables.output_file).values(digest="another"))
    (problem,) = rewrite_outputs(store, job)
    assert "left alone" in problem
    store.engine.dispose()
