"""The tables that models and evaluate print; they fit a terminal of 60 columns."""

from collections.abc import Sequence
from typing import TYPE_CHECKING

from rich.console import Console
from rich.markup import escape

from pipelines.cli.show import make_table, open_console, print_lines, print_table, show_text
from pipelines.progress import count_units

if TYPE_CHECKING:
    from nlp.metrics import Scores
    from pipelines.evaluation.pii import PiiEvaluation
    from pipelines.evaluation.scores import Evaluation, Group
    from pipelines.evaluation.theme_scores import ThemeEvaluation
    from pipelines.inventory import ModelState

MAX_PAIRS = 10
# In more languages than this the details are left to --json.
MAX_LANGUAGES = 12
_STATE_COLOURS = {
    "ready": "green",
    "not prepared": "yellow",
    **dict.fromkeys(("damaged", "missing", "unusable"), "red"),
}
_LEFT_OUT = {
    "n_unlabelled": "without a label",
    "n_empty": "without a text",
    "n_unreadable": "that could not be read",
    "n_left_out": "left out by --labels",
    "n_not_drawn": "beyond --limit",
}


def print_models(found: "Sequence[ModelState]") -> None:
    """Print models, each under its name: paths are long."""
    console = open_console()
    for each in found:
        revision = f"@{each.revision}" if each.revision else ""
        colour = _STATE_COLOURS[each.state]
        console.print(f"\n[bold]{escape(each.name + revision)}[/]  [{colour}]{each.state}[/]")
        if each.detail:
            print_lines(console, [each.detail], "yellow" if each.state != "ready" else "")
        table = make_table({"": "id", " ": "left"})
        table.show_header = False
        table.add_row("role", each.role)
        table.add_row("place", escape(each.place or "–"))
        table.add_row("size", _show_size(each.n_bytes))
        table.add_row("runs in", each.precision)
        table.add_row("licence", escape(each.licence or "not stated"))
        table.add_row("languages", escape(each.languages))
        print_table(console, "", table)


def print_evaluation(found: "Evaluation") -> None:
    """Print what an evaluation found."""
    console = open_console()
    print_input(console, found)
    if found.task == "language":
        _print_labels(console, found.overall.scores)
    else:
        _print_languages(console, found)
    console.print(found.interval, style="dim")
    _print_baseline(console, found.overall.scores)
    _print_group(console, found.overall, found.task)
    if len(found.languages) == 1:
        _print_mistakes(console, found.overall, found.overall.lang)
    else:
        for group in found.languages[:MAX_LANGUAGES]:
            _print_details(console, group, found.task)
    if len(found.languages) > MAX_LANGUAGES:
        further = len(found.languages) - MAX_LANGUAGES
        console.print(f"\n{further} further languages: see --json", style="dim")


def print_input(console: Console, found: "Evaluation | ThemeEvaluation | PiiEvaluation") -> None:
    """Print what was scored, and what was not."""
    shown = [f"{name} {value!r}" for name, value in found.columns.items() if value]
    console.print(escape(f"{found.task}, columns: {', '.join(shown)}"), style="dim")
    for name, value in found.models.items():
        console.print(escape(f"{name}: {value}"), style="dim")
    print_lines(console, [f"note: {note}" for note in found.notes], "yellow")
    others = [f"{n:,} {why}" for name, why in _LEFT_OUT.items() if (n := getattr(found, name))]
    rows = count_units(found.n_rows, "rows")
    console.print(f"{found.n_scored:,} of {rows} scored" + _join(others))


def _join(others: Sequence[str]) -> str:
    return f"; not scored: {', '.join(others)}" if others else ""


def _print_baseline(console: Console, scores: "Scores") -> None:
    base = scores.baseline
    console.print(
        f"to compare: always saying {escape(base.label)} has accuracy {base.accuracy:.3f}, "
        f"macro-F1 {base.macro_f1:.3f}"
    )


def _print_languages(console: Console, found: "Evaluation") -> None:
    heads = {"lang": "id", "n": "right", "accuracy": "right", "macro-F1": "right"}
    table = make_table({**heads, "95 %": "id", "ECE": "right"})
    for group in (found.overall, *found.languages):
        scores = group.scores
        error = "–" if group.calibration_error is None else f"{group.calibration_error:.3f}"
        table.add_row(
            escape(group.lang),
            f"{scores.n:,}",
            f"{scores.accuracy:.3f}",
            f"{scores.macro_f1:.3f}",
            _show_interval(scores.macro_f1_interval),
            error,
        )
    print_table(console, "Scores", table)


def _print_labels(console: Console, scores: "Scores") -> None:
    console.print(
        f"accuracy {scores.accuracy:.3f} ({_show_interval(scores.accuracy_interval)}), "
        f"macro-F1 {scores.macro_f1:.3f} ({_show_interval(scores.macro_f1_interval)})"
    )
    heads = {"language": "id", "n": "right", "precision": "right", "recall": "right"}
    table = make_table({**heads, "F1": "right"})
    for each in sorted(scores.labels, key=lambda label: (-label.n, label.label)):
        rates = (each.precision, each.recall, each.f1)
        table.add_row(escape(each.label), f"{each.n:,}", *(f"{rate:.3f}" for rate in rates))
    print_table(console, "By language", table)


def _print_group(console: Console, group: "Group", task: str) -> None:
    if task == "language":
        _print_pairs(console, group)
    else:
        _print_confusion(console, group, "all rows")
    _print_reliability(console, group, "all rows")
    if task == "language":
        console.print("of a language confidence is ordered, not fitted to be a share", style="dim")


def _print_reliability(console: Console, group: "Group", title: str) -> None:
    if group.calibration_error is None:
        return
    heads = {"confidence": "id", "n": "right", "mean": "right", "right": "right"}
    table = make_table(heads)
    for each in group.reliability:
        span = f"{each.low:.1f}–{each.high:.1f}"
        table.add_row(span, f"{each.n:,}", f"{each.confidence:.3f}", f"{each.accuracy:.3f}")
    print_table(console, f"Does confidence mean what it says? {title}", table)
    console.print(
        f"expected calibration error {group.calibration_error:.3f}, 10 bins; by chance alone "
        f"exact confidences come under {group.chance_error:.3f} (95 %) on as many rows"
    )


def _print_details(console: Console, group: "Group", task: str) -> None:
    from pipelines.evaluation.scores import RELIABLE_ROWS

    if task == "sentiment":
        _print_confusion(console, group, group.lang)
        if group.scores.n >= RELIABLE_ROWS:
            _print_reliability(console, group, group.lang)
        else:
            console.print(
                f"no table of confidence: {group.scores.n:,} rows, {RELIABLE_ROWS} are enough",
                style="dim",
            )
    _print_mistakes(console, group, group.lang)


def _print_confusion(console: Console, group: "Group", title: str) -> None:
    counts = {(cell.label, cell.predicted): cell.n for cell in group.confusion}
    names = [each.label for each in group.scores.labels]
    table = make_table({"true \\ read": "id", **dict.fromkeys(names, "right")})
    for label in names:
        table.add_row(label, *(f"{counts.get((label, read), 0):,}" for read in names))
    print_table(console, f"Confusion, {title}", table)


def _print_pairs(console: Console, group: "Group") -> None:
    wrong = sorted(
        (cell for cell in group.confusion if cell.label != cell.predicted),
        key=lambda cell: (-cell.n, cell.label, cell.predicted),
    )
    if not wrong:
        return
    table = make_table({"true": "id", "read as": "id", "n": "right"})
    for cell in wrong[:MAX_PAIRS]:
        table.add_row(escape(cell.label), escape(cell.predicted), f"{cell.n:,}")
    more = f" (the first {MAX_PAIRS} of {len(wrong):,} pairs)" if len(wrong) > MAX_PAIRS else ""
    print_table(console, f"Confused{more}", table)


def _print_mistakes(console: Console, group: "Group", title: str) -> None:
    """The text comes last: written from right to left, it moves nothing beside it."""
    if not group.mistakes:
        return
    heads = {"row": "right", "true": "id", "read": "id", "sure": "right"}
    table = make_table({**heads, "text": "left"})
    for each in group.mistakes:
        sure = f"{each.confidence:.2f}"
        table.add_row(f"{each.row:,}", each.label, each.predicted, sure, show_text(each.text, 90))
    print_table(console, f"Most confident mistakes, {title}", table)


def _show_interval(interval: Sequence[float]) -> str:
    return f"{interval[0]:.3f}–{interval[1]:.3f}"


def _show_size(n_bytes: int) -> str:
    if not n_bytes:
        return "–"
    return f"{n_bytes / 1e6:,.1f} MB" if n_bytes >= 1e5 else f"{n_bytes / 1e3:,.1f} kB"
