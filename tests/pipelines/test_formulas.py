"""Cells that a spreadsheet program would run: kept as text, and neutralised where written."""

import csv
from pathlib import Path

import openpyxl
import pytest
from hypothesis import given
from hypothesis import strategies as st

from pipelines.csv_tables import hide_formula, is_formula, show_formula, write_csv_table
from pipelines.errors import InputError
from pipelines.inspect import inspect_paths
from pipelines.reading.files import find_files
from pipelines.reading.opening import open_tables
from pipelines.reading.tables import Row
from pipelines.workbook import write_workbook

ROOT = Path(__file__).parents[2]
SIGNS = "=+-@\t\r\n＝＋－＠"
RISKY = ('=HYPERLINK("http://x.example";"go")', "-5", "+972-50-1234567", "@SUM(1)", "'=1", "''-2")
CELLS = st.one_of(st.sampled_from(RISKY), st.text("'=+-@\t\r\n＝ab"), st.text())


@given(CELLS)
def test_a_cell_comes_back_as_it_was_and_never_begins_as_a_formula(cell):
    written = hide_formula(cell)
    assert written[:1] not in SIGNS or not written
    assert show_formula(written) == cell
    assert is_formula(cell) == (cell[:1] in SIGNS and bool(cell))


def test_written_tables_neutralise_formulas_and_give_them_back(tmp_path):
    cells = [*RISKY, "plain", "a=b", "", "שלום"]
    write_csv_table(tmp_path / "a.csv", [["cell", "n"], *([cell, "1"] for cell in cells)])
    write_workbook(tmp_path / "a.xlsx", "s", [["cell", "n"], *([cell, "1"] for cell in cells)])
    with (tmp_path / "a.csv").open(encoding="utf-8-sig", newline="") as stream:
        written = [row[0] for row in csv.reader(stream)][1:]
    assert written[:4] == [f"'{cell}" for cell in RISKY[:4]]
    assert [show_formula(cell) for cell in written] == cells
    sheet = openpyxl.load_workbook(tmp_path / "a.xlsx").active
    for cell, (found,) in zip(cells, sheet.iter_rows(2, max_col=1), strict=True):
        assert (found.value or "") == cell
        assert found.data_type in "sn" and found.quotePrefix == is_formula(cell)
    (table,) = open_tables(find_files([str(tmp_path / "a.xlsx")])[0])
    read = [row.values.get("cell", "") for row in table.rows if isinstance(row, Row)]
    assert read == cells


def test_formulas_in_an_export_are_read_as_the_text_that_they_are(tmp_path):
    rows = [[str(n), f"{cell} is what I typed"] for n, cell in enumerate(RISKY)]
    with (tmp_path / "a.csv").open("w", newline="", encoding="utf-8") as stream:
        csv.writer(stream).writerows([["id", "comment"], *rows])
    (table,) = open_tables(find_files([str(tmp_path / "a.csv")])[0])
    assert [[*row.values.values()] for row in table.rows if isinstance(row, Row)] == rows


def test_only_one_module_writes_csv_and_nothing_reads_yaml(tmp_path):
    sources = {path: path.read_text() for path in (ROOT / "pipelines").rglob("*.py")}
    writers = {path.name for path, text in sources.items() if "csv.writer" in text}
    assert writers == {"csv_tables.py"}
    for path in (*sources, *(ROOT / "nlp").rglob("*.py")):
        assert "import yaml" not in path.read_text() and "from yaml" not in path.read_text()
    bomb = "a: &a [x, x]\n" + "".join(f"{n}: &{n} [*a, *a]\n" for n in range(99))
    (tmp_path / "a.yaml").write_text(bomb)
    with pytest.raises(InputError, match="of a kind that earful does not read"):
        inspect_paths([str(tmp_path / "a.yaml")])
