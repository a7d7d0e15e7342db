"""What the commands print: tables for people, JSON for programs."""

import json
import os
import sys
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import asdict
from datetime import datetime
from typing import TYPE_CHECKING, Any

from rich.box import SIMPLE_HEAD
from rich.console import Console
from rich.markup import escape
from rich.table import Table
from rich.text import Text

if TYPE_CHECKING:
    from nlp.masking import Masking
    from pipelines.inspect import Inspection
    from pipelines.job import RunResult

# Bidirectional overrides and controls that would rearrange the terminal around a quote.
_UNSAFE: dict[int, str | None] = {
    **dict.fromkeys((*range(0x202A, 0x202F), *range(0x2066, 0x206A), 0x200E, 0x200F)),
    **dict.fromkeys((*range(32), 0x7F), " "),
}

# Wider than any line: tables are as wide as what they hold.
_PIPE_WIDTH = 100_000
# Narrower, words are cut into syllables.
MIN_LEFT_WIDTH = 14

_COUNT_LABELS = {
    "n_customers": "customer records read",
    "n_events": "events read",
    "n_records_rejected": "of these rejected",
    "n_records_blocked": "of these left out: of erased persons",
    "n_consents": "answers about consent, new",
    "n_read": "feedback read",
    "n_new": "new",
    "n_updated": "updated",
    "n_known": "known already",
    "n_rejected": "rejected",
    "n_left_out": "left out",
    "n_blocked": "left out: of erased persons, or purged",
    "n_mentions": "mentions made",
    "n_noise": "noise set aside",
    "n_actions": "actions raised",
}


def open_console() -> Console:
    """The console for results: standard output, as wide as the terminal.

    Elsewhere lines and cells stay whole, unless $COLUMNS says how wide: a command that a message
    names can be copied from a log, and grep finds a name.
    """
    console = Console(highlight=False, soft_wrap=False)
    if not console.is_terminal and not os.environ.get("COLUMNS"):
        console.width = _PIPE_WIDTH
    return console


def print_json(value: Any) -> None:
    """Print a value as JSON; moments as ISO 8601, letters of every script as they are."""
    json.dump(value, sys.stdout, ensure_ascii=False, indent=2, default=_encode)
    sys.stdout.write("\n")


def make_table(columns: Mapping[str, str]) -> Table:
    """A table with few lines.

    :param columns: by heading: "left" wraps, "id" is on one line, "right" is a number; with a
        question mark behind, the column is left out where the terminal is too narrow.
    """
    table = Table(box=SIMPLE_HEAD, header_style="dim", pad_edge=False, padding=(0, 1, 0, 0))
    for name, side in columns.items():
        kind = side.removesuffix("?")
        table.add_column(
            name,
            justify="right" if kind == "right" else "left",
            overflow="fold",
            no_wrap=kind != "left",
            min_width=MIN_LEFT_WIDTH if kind == "left" else None,
            highlight=side.endswith("?"),
        )
    return table


def print_table(console: Console, title: str, table: Table) -> None:
    """Print a table under its title, or by itself.

    Where it is too wide, optional columns go first; where that is not enough, each row is written
    below the last, a line a cell: a number that is cut is another number.
    """
    while _least_width(table) > console.width:
        optional = [place for place, column in enumerate(table.columns) if column.highlight]
        if not optional:
            break
        del table.columns[optional[-1]]
        for place, column in enumerate(table.columns):
            column._index = place
    if title:
        console.print(f"\n[bold]{escape(title)}[/]")
    if _least_width(table) > console.width:
        _print_rows(console, table)
    else:
        console.print(table)


def _print_rows(console: Console, table: Table) -> None:
    heads = [str(column.header) for column in table.columns]
    width = max(Text.from_markup(head).cell_len for head in heads)
    for row in zip(*(column.cells for column in table.columns), strict=True):
        grid = Table.grid(padding=(0, 1, 0, 0))
        grid.add_column(style="dim", min_width=width, no_wrap=True)
        grid.add_column(overflow="fold")
        for head, cell in zip(heads, row, strict=True):
            grid.add_row(head, cell)
        console.print()
        console.print(grid)


def _least_width(table: Table) -> int:
    """Columns of a terminal that show every number, day and id uncut."""
    widths = [
        max(
            column.min_width or 0,
            *(Text.from_markup(str(cell)).cell_len for cell in column.cells if column.no_wrap),
            Text.from_markup(str(column.header)).cell_len,
        )
        for column in table.columns
    ]
    return sum(widths) + 2 * len(widths) + 2


def show_text(text: str | None, limit: int = 160) -> str:
    """Customer text as it is safe in a terminal: no controls, no markup, one line."""
    clean = " ".join((text or "").translate(_UNSAFE).split())
    return escape(clean if len(clean) <= limit else clean[: limit - 1] + "…")


def show_number(value: float | None, digits: int = 0) -> str:
    """A number with separators; a dash for none."""
    return "–" if value is None else f"{value:,.{digits}f}"


def show_day(value: datetime | None) -> str:
    """The day of a moment; a dash for none."""
    return "–" if value is None else f"{value:%Y-%m-%d}"


def show_feeling(score: float | None) -> str:
    """A sentiment score with its colour and, for those who see none, its sign."""
    if score is None:
        return "–"
    colour = "red" if score < -0.15 else "green" if score > 0.15 else "default"
    return f"[{colour}]{score:+.2f}[/]"


def print_run(result: "RunResult") -> None:
    """Print what a run did, and what to look at next."""
    console = open_console()
    counted = [(label, result.counts.get(name, 0)) for name, label in _COUNT_LABELS.items()]
    if any(n for _, n in counted):
        table = make_table({"": "id", "rows": "right"})
        for label, n in counted:
            if n:
                table.add_row(label, f"{n:,}")
        print_table(console, f"Run {result.run_id}", table)
    else:
        console.print(f"run {result.run_id}: done, no rows were read")
    n_rejected = count_rejected(result)
    if n_rejected:
        one = n_rejected == 1
        console.print(
            f"{n_rejected:,} {'row' if one else 'rows'} could not be used; kept in 'rejected'. "
            f"See {'it' if one else 'them'} with: earful status --rejected{db_hint(result.store)}",
            style="yellow",
        )


def count_rejected(result: "RunResult") -> int:
    """Rows of all kinds that a run could not use."""
    return result.counts.get("n_rejected", 0) + result.counts.get("n_records_rejected", 0)


def db_hint(url: str) -> str:
    """The option that names a store, unless it is the default one."""
    return "" if url == "sqlite:///earful.db" else f" --db {url}"


def print_inspections(found: "Sequence[Inspection]", masking: "Masking") -> None:
    """Print what would be read from each table of each file; samples are masked."""
    console = open_console()
    for each in found:
        _print_inspection(console, describe_inspection(each, masking))


def describe_inspection(found: "Inspection", masking: "Masking") -> dict[str, Any]:
    """An inspection as it may be shown: personal data in the sample rows masked.

    :param masking: what is masked.
    """
    from pipelines.feedback_rows import is_personal_id, mask_values

    values = asdict(found)
    roles = {column.name: column.role for column in found.columns}
    ids = [name for name, role in roles.items() if role == "id"]
    values["sample_rows"] = [
        {name: _hide(value, roles.get(name)) for name, value in mask_values(row, masking).items()}
        | {
            name: row[name]
            for name in ids
            if name in row and not is_personal_id(row[name], masking)
        }
        for row in found.sample_rows
    ]
    return values


def _hide(value: str, role: str | None) -> str:
    """Hide what names a person; a customer without a digit is no number but a name."""
    from pipelines.reading.mapping import PERSONAL_ROLES

    is_number = role == "customer" and any(map(str.isdigit, value))
    is_personal = role == "private" or (role in PERSONAL_ROLES and not is_number)
    return "<hidden>" if is_personal and value else value


def _print_inspection(console: Console, found: dict[str, Any]) -> None:
    sheet = f" [{found['sheet']}]" if found["sheet"] else ""
    console.print()
    console.print(f"[bold]{escape(found['file'] + sheet)}[/]", end="  ")
    console.print(f"{found['kind']}: {escape(found['kind_reason'])}")
    layout = [found["format"], found["encoding"], _name_delimiter(found["delimiter"])]
    rows = f"{found['n_rows']:,} rows, of which {found['n_items']:,} usable items"
    console.print(" · ".join(part for part in (*layout, rows) if part), style="dim")
    if found["layout"]:
        console.print(f"layout: {escape(found['layout'])} ({escape(found['layout_reason'])})")
    table = make_table({"column": "left", "role": "id", "why": "left", "samples": "left"})
    for column in found["columns"]:
        samples = [row.get(column["name"]) for row in found["sample_rows"]]
        table.add_row(
            escape(column["name"]),
            column["role"] or "–",
            escape(column["why"]),
            " | ".join(show_text(sample, 40) for sample in samples if sample),
        )
    print_table(console, "", table)
    print_lines(console, found["problems"], "yellow")


def _name_delimiter(delimiter: str | None) -> str:
    names = {",": "comma", ";": "semicolon", "\t": "tab", "|": "pipe"}
    return f"delimiter {names.get(delimiter, delimiter)}" if delimiter else ""


def print_lines(console: Console, lines: Iterable[str], style: str = "") -> None:
    """Print plain lines."""
    for line in lines:
        console.print(escape(line), style=style)


def _encode(value: object) -> object:
    if isinstance(value, datetime):
        return value.isoformat()
    raise TypeError(f"a value of type {type(value).__name__} cannot be printed")
