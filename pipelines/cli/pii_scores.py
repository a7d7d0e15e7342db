"""The tables that ``evaluate --task pii`` and ``doctor --pii`` print: counts, never a text."""

from collections.abc import Sequence
from typing import TYPE_CHECKING

from rich.markup import escape

from pipelines.cli.scores import print_input
from pipelines.cli.show import make_table, open_console, print_lines, print_table, show_text

if TYPE_CHECKING:
    from pipelines.evaluation.pii import PiiEvaluation
    from pipelines.unmasked import Unmasked


def print_pii_evaluation(found: "PiiEvaluation") -> None:
    """Print how much of what people marked is masked, by kind."""
    console = open_console()
    print_input(console, found)
    table = make_table(
        {"kind": "id", "marked": "right", "all of it": "right", "most": "right", "right": "right"}
    )
    for each in found.kinds:
        rates = map(_show_rate, (each.recall, each.recall_most, each.precision))
        table.add_row(each.kind, f"{each.n:,}", *rates)
    console.print(table)
    lines = ["all of it, most: share of the marked of which nothing, at most half is left"]
    lines.append("right: share of the masked where one of the kind is marked")
    if found.unscored:
        names = ", ".join(f"{escape(name)} ({n:,})" for name, n in found.unscored.items())
        lines.append(f"marked, but of no kind that is masked: {names}")
    if found.missed:
        places = ", ".join(f"{each.row:,}" for each in found.missed)
        lines.append(f"look at the rows {places} of {escape(found.missed[0].file)} first")
    print_lines(console, lines)


def print_unmasked(found: "Sequence[Unmasked]", n_rows: int) -> None:
    """Print what looks unmasked, by table, column and kind."""
    console = open_console()
    if not found:
        console.print(f"nothing looks unmasked in {n_rows:,} rows")
        return
    table = make_table(
        {"table": "id", "column": "id", "kind": "id", "rows": "right", "one of them": "left"}
    )
    for each in found:
        first = show_text(each.first, 80)
        table.add_row(each.table, each.column, each.kind, f"{each.n_rows:,}", first)
    print_table(console, "", table)
    advice = (
        "what was stored before masking knew it is masked when its files are read again; what is "
        "none of a person goes into [masking] keep"
    )
    print_lines(console, [advice])


def _show_rate(rate: float | None) -> str:
    return "–" if rate is None else f"{rate:.3f}"
