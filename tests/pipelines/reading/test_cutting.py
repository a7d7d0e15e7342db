"""A file that is read in parts gives what it gives when it is read whole, broken rows and all."""

import csv
import io
import json
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from pipelines.reading.files import find_files
from pipelines.recognition import plan_feedback, read_feedback, read_part

SAID = (
    *("plain words", 'with "quotes"', "line\nbreak", "cr\r\nlf", "a,b;c", "שלום", "emoji 😀", " "),
    *("", "\ufeffmark", '"stray', "nel\x85x", "separator\u2028x"),
)
texts = st.lists(st.sampled_from(SAID), max_size=3).map(" ".join)
rows = st.lists(texts, min_size=1, max_size=60)


def check_parts(path: Path, part_rows: int) -> int:
    """Number of parts, all of them read and put together."""
    (file,) = find_files([str(path)])
    pairs = ("text=comment",)
    whole = list(read_feedback(file, pairs, timezone="UTC", warn=lambda _: None))
    planned = plan_feedback(file, pairs, part_rows=part_rows, warn=lambda _: None)
    parted = [
        item
        for part in planned.parts
        for item in read_part(file, planned, part, timezone="UTC", tallies=[])
    ]
    assert parted == whole
    return len(planned.parts)


@given(rows, st.integers(1, 30), st.sampled_from(["utf-8", "utf-8-sig"]), st.data())
@settings(max_examples=25)
def test_parts_of_csv(
    tmp_path_factory: pytest.TempPathFactory,
    said: list[str],
    part_rows: int,
    encoding: str,
    data: st.DataObject,
) -> None:
    out = io.StringIO()
    writer = csv.writer(out, lineterminator=data.draw(st.sampled_from(["\n", "\r\n"])))
    writer.writerow(["id", "comment"])
    broken = data.draw(st.sets(st.integers(0, 60), max_size=4))
    for number, text in enumerate(said):
        writer.writerow([number, text])
        if number in broken:
            out.write(data.draw(st.sampled_from([f'{number},"never closed\n', "\n", "1,2,3,4\n"])))
    path = tmp_path_factory.mktemp("csv") / "a.csv"
    path.write_bytes(out.getvalue().encode(encoding) + b"9,\xff bad\n")
    check_parts(path, part_rows)


@given(rows, st.integers(1, 30), st.sets(st.integers(0, 60), max_size=4))
@settings(max_examples=15)
def test_parts_of_json_lines_and_parquet(
    tmp_path_factory: pytest.TempPathFactory, said: list[str], part_rows: int, broken: set[int]
) -> None:
    folder = tmp_path_factory.mktemp("lines")
    records = [{"id": str(number), "comment": text} for number, text in enumerate(said)]
    lines = [
        f"{json.dumps(record)}\n" + ("{broken\n\n[1]\n" if number in broken else "")
        for number, record in enumerate(records)
    ]
    (folder / "a.jsonl").write_text("".join(lines), encoding="utf-8", newline="")
    pq.write_table(pa.Table.from_pylist(records), folder / "b.parquet", row_group_size=part_rows)
    for path in sorted(folder.iterdir()):
        check_parts(path, part_rows)


def test_large_files_are_cut_where_they_can_be(tmp_path: Path) -> None:
    records = [{"id": str(number), "comment": f"said {number} times"} for number in range(2_500)]
    lines = "".join(json.dumps(record) + "\n" for record in records)
    (tmp_path / "a.jsonl").write_text(lines)
    pq.write_table(pa.Table.from_pylist(records), tmp_path / "b.parquet")
    plain = "id,comment\n" + "".join(f"{row['id']},{row['comment']}\n" for row in records)
    (tmp_path / "c.csv").write_text(plain)
    (tmp_path / "d.json").write_text(json.dumps(records))
    (tmp_path / "e.csv").write_bytes(plain.encode("utf-16"))
    n_parts = [check_parts(path, 500) for path in sorted(tmp_path.iterdir())]
    # A reader that looks ahead does so in the first part.
    assert n_parts == [4, 4, 5, 1, 1]
