"""CSV files that people open in a spreadsheet program, and the cells that it would run."""

import csv
import io
import re
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import BinaryIO, Final

# What makes a spreadsheet program take a cell for a formula (OWASP, "CSV Injection"): signs, also
# of full width, and white space other than a space.
_FORMULA: Final = re.compile("[=+\\-@\t\r\n＝＋－＠]")
# A mark that was there already gets another one, so that taking one away gives the same again.
_RISKY: Final = re.compile(f"'*{_FORMULA.pattern}")
_MARKED: Final = re.compile(f"'+{_FORMULA.pattern}")


def write_csv_table(path: Path, rows: Iterable[Sequence[str]]) -> None:
    """Write rows of text, in UTF-8 with the mark by which Excel knows it."""
    with path.open("w", encoding="utf-8-sig", newline="") as stream:
        csv.writer(stream).writerows([hide_formula(cell) for cell in row] for row in rows)


def stream_csv_rows(
    file: BinaryIO, rows: Iterable[Sequence[str | float | None]], encoding: str
) -> None:
    """Write rows to an open file; numbers stay numbers, also below 0, and None is an empty cell."""
    stream = io.TextIOWrapper(file, encoding=encoding, newline="")
    writer = csv.writer(stream)
    for row in rows:
        writer.writerow([hide_formula(cell) if isinstance(cell, str) else cell for cell in row])
    stream.flush()
    stream.detach()


def is_formula(cell: str) -> bool:
    """Tell whether a spreadsheet program would take a text for a formula: "-5" and "+972" too."""
    return _FORMULA.match(cell) is not None


def hide_formula(cell: str) -> str:
    """A cell as it may stand in a CSV file: with a mark before what would be a formula."""
    return f"'{cell}" if _RISKY.match(cell) else cell


def show_formula(cell: str) -> str:
    """A cell as it was before :func:`hide_formula`."""
    return cell[1:] if _MARKED.match(cell) else cell
