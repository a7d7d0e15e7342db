"""CSV files that people open in a spreadsheet program."""

import csv
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Final

# A spreadsheet program takes a cell of CSV that begins so for a formula.
_FORMULA_SIGNS: Final = ("=", "+", "-", "@", "\t", "\r")


def write_csv_table(path: Path, rows: Iterable[Sequence[str]]) -> None:
    """Write rows of text, in UTF-8 with the mark by which Excel knows it."""
    with path.open("w", encoding="utf-8-sig", newline="") as stream:
        csv.writer(stream).writerows([_hide_formula(cell) for cell in row] for row in rows)


def show_formula(cell: str) -> str:
    """A cell as it was before it was written."""
    return cell[1:] if cell.startswith(tuple(f"'{sign}" for sign in _FORMULA_SIGNS)) else cell


def _hide_formula(cell: str) -> str:
    return f"'{cell}" if cell.startswith(_FORMULA_SIGNS) else cell
