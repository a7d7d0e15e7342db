"""Real and damaged exports: every row is accounted for."""

import csv
import gzip
import io
import json
from pathlib import Path

import pytest

from pipelines.inspect import inspect_paths

FORMATS = Path(__file__).parents[3].parent / "shared" / "data" / "formats"
FILES = sorted(FORMATS.glob("*.csv.gz"))
pytestmark = pytest.mark.skipif(not FILES, reason="../shared/data/formats is not there")


@pytest.mark.parametrize("path", FILES, ids=lambda path: path.name[:24])
def test_every_row_of_every_export_is_accounted_for(path):
    (inspection,) = inspect_paths([str(path)])
    text = gzip.decompress(path.read_bytes()).decode("utf-8-sig", errors="replace")
    delimiter = "\t" if "tab" in path.name else ","
    n_records = sum(any(row) for row in csv.reader(io.StringIO(text), delimiter=delimiter))
    n_records -= 3 if "sample.csv" in path.name else 2 if "legacy" in path.name else 1
    assert inspection.n_rows == n_records
    n_rejected = sum(inspection.rejected.values())
    n_texts = sum(column.role == "text" for column in inspection.columns) or 1
    assert (
        inspection.n_rows <= inspection.n_items + n_rejected <= n_rows_at_most(n_records, n_texts)
    )
    assert inspection.kind != "unknown"


def n_rows_at_most(n_records, n_texts):
    return n_records * n_texts


def test_concatenated_json_objects_are_all_read():
    path = FORMATS / "amazon_concatenated_objects.json.gz"
    text = gzip.decompress(path.read_bytes()).decode()
    n_objects = len(json.loads("[" + text.replace("\n}\n{", "\n},\n{") + "]"))
    (inspection,) = inspect_paths([str(path)])
    assert inspection.n_rows == n_objects
    roles = {column.role: column.name for column in inspection.columns if column.role}
    assert (roles["text"], roles["title"], roles["rating"]) == ("reviewText", "summary", "overall")


@pytest.mark.parametrize(
    ("name", "problem"),
    [
        ("airline_b", "2 byte sequences are not valid utf-8"),
        ("airline_c", "have bytes that could not be"),
    ],
)
def test_invalid_bytes_are_told(name, problem):
    (path,) = FORMATS.glob(f"{name}*")
    (inspection,) = inspect_paths([str(path)])
    assert any(problem in line for line in inspection.problems)


def test_any_cut_of_a_packed_export_gives_rows_or_one_clear_error(tmp_path):
    from pipelines.errors import InputError

    data = (FORMATS / "qualtrics_sample.csv.gz").read_bytes()
    for cut in range(1, len(data), 13):
        path = tmp_path / "a.csv.gz"
        path.write_bytes(data[:cut])
        try:
            inspect_paths([str(path)])
        except InputError as error:
            assert "a.csv.gz" in str(error)
