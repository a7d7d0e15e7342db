"""Files are read once, and again when they return to what they held before."""

from collections.abc import Callable, Sequence
from pathlib import Path

import pytest

from pipelines.customers import load_customers
from pipelines.events import load_events
from pipelines.ingest import ingest_feedback
from pipelines.loading import FileInput, ReadSettings
from pipelines.progress import SilentProgress
from pipelines.reading.files import find_files
from pipelines.runs import Run
from tests.pipelines.conftest import read_rows

SETTINGS = ReadSettings(b"a secret for tests, long enough", "US", "UTC")
# By table what reads it, the header, and what a row says after its id, first and later.
KINDS = {
    "customer": (load_customers, "customer id,email,segment,country", "c@x.org,{},IL", "segment"),
    "event": (load_events, "event id,customer,date,kind", "C1,2026-01-02,{}", "kind"),
    "feedback": (ingest_feedback, "id,date,lang,text", "2026-01-02,en,The {} is broken", "text"),
}


class Told(SilentProgress):
    """Remembers what became of each file."""

    def __init__(self) -> None:
        self.ends: list[str | None] = []

    def finish(self, summary: str | None = None) -> None:
        self.ends.append(summary)


def read_files(load: Callable[..., None], run: Run, number: int, paths: Sequence[Path]) -> list:
    """Load files as a run of its own; what was said of each."""
    run.run_id, told = f"run {number}", Told()
    inputs = [FileInput(find_files([str(path)])[0], "crm") for path in paths]
    load(run, inputs, SETTINGS, told)
    return told.ends


@pytest.mark.parametrize("table", KINDS)
def test_a_file_that_returns_to_what_it_held_is_read_again(
    run: Run, tmp_path: Path, table: str
) -> None:
    load, header, row, column = KINDS[table]
    path, found = tmp_path / "a.csv", []
    for number, said in enumerate(("door", "lock", "door", "door")):
        path.write_text(f"{header}\n1,{row.format(said)}\n")
        ends = read_files(load, run, number, [path])
        found.append((read_rows(run.connection, table, column)[0][0].split()[-3:], ends))
    texts = [" ".join(words) for words, _ in found]
    assert texts[0] == texts[2] == texts[3] != texts[1]
    assert [ends[0] for _, ends in found] == [*["1 read"] * 3, "not changed since it was read"]


def test_files_of_one_name_that_are_read_together_are_no_versions_of_one(
    run: Run, tmp_path: Path
) -> None:
    load, header, row, _ = KINDS["customer"]
    paths = [tmp_path / name / "a.csv" for name in ("mon", "tue", "wed")]
    for path in paths:
        path.parent.mkdir()
        path.write_text(f"{header}\n1,{row.format(path.parent.name)}\n")
    read_files(load, run, 1, paths[:2])
    read_files(load, run, 2, paths)
    held = read_rows(run.connection, "customer", "segment")
    assert set(read_files(load, run, 3, paths)) == {"not changed since it was read"}
    assert read_rows(run.connection, "customer", "segment") == held == [("wed",)]
