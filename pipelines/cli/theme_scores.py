"""The tables that evaluate prints about themes; they fit a terminal of 60 columns."""

from collections.abc import Sequence
from typing import TYPE_CHECKING

from rich.console import Console
from rich.markup import escape

from pipelines.cli.scores import print_input
from pipelines.cli.show import make_table, open_console, print_table, show_text
from pipelines.shares import show_share

if TYPE_CHECKING:
    from rich.table import Table

    from nlp.agreement import Agreement
    from nlp.themes.stability import Stability
    from pipelines.evaluation.coding_scores import SheetScores
    from pipelines.evaluation.coding_sheet import SheetWritten
    from pipelines.evaluation.theme_scores import ThemeEvaluation, ThemeGroup

MAX_ROWS = 15
MAX_AGAINST = 10
_NAME_CHARS = 40


def print_theme_evaluation(found: "ThemeEvaluation") -> None:
    """Print what an evaluation of themes found."""
    console = open_console()
    print_input(console, found)
    if found.overall:
        _print_scores(console, found.overall, found.languages)
        _print_labels(console, found)
    if found.stability:
        _print_stability(console, found.stability)
    _print_themes(console, found)


def _print_scores(
    console: Console, overall: "ThemeGroup", languages: "Sequence[ThemeGroup]"
) -> None:
    scores = overall.scores
    console.print(f"{scores.n_found:,} themes found, {scores.n_true:,} in truth")
    heads = {"lang": "id", "n": "right", "AMI": "right", "ARI": "right"}
    table = make_table({**heads, "P³": "right", "R³": "right", "F³": "right", "cover": "right"})
    groups = [overall, *languages] if len(languages) > 1 else [overall]
    for group in groups:
        each = group.scores
        b3 = each.bcubed
        rates = (each.ami, each.ari, b3.precision, b3.recall, b3.f1, each.coverage)
        table.add_row(escape(group.lang), f"{each.n:,}", *(f"{rate:.3f}" for rate in rates))
    print_table(console, "All rows, by their nearest theme", table)
    console.print("P³ R³ F³: B-cubed precision, recall and F1; cover: share assigned", style="dim")
    if scores.bcubed_assigned:
        console.print(
            f"assigned rows alone: AMI {scores.ami_assigned:.3f}, ARI {scores.ari_assigned:.3f}, "
            f"B-cubed F1 {scores.bcubed_assigned.f1:.3f}"
        )
    if scores.noise:
        noise = scores.noise
        console.print(
            f"rows without a theme, {noise.n:,}: left unassigned with precision "
            f"{_show(noise.precision)}, recall {_show(noise.recall)}"
        )


def _print_labels(console: Console, found: "ThemeEvaluation") -> None:
    table = make_table({"label": "left", "n": "right", "in": "right", "most in": "left"})
    for each in found.labels[:MAX_ROWS]:
        theme = "[dim]unassigned[/]" if each.theme is None else show_text(each.theme, _NAME_CHARS)
        table.add_row(
            show_text(each.label, _NAME_CHARS),
            f"{each.n:,}",
            f"{each.n_themes:,}",
            f"{theme} {show_share(each.share)}",
        )
    print_table(console, f"Where labels went{_show_more(len(found.labels))}", table)
    console.print("in: themes with at least a tenth of the label's rows", style="dim")


def _print_themes(console: Console, found: "ThemeEvaluation") -> None:
    if not found.themes:
        return
    heads = {"theme": "left", "n": "right"}
    table = make_table({**heads, **({"mostly": "left"} if found.overall else {})})
    for each in found.themes[:MAX_ROWS]:
        share = "" if each.share is None else f" {show_share(each.share)}"
        mostly = show_text(each.label, _NAME_CHARS) if each.label else "no theme"
        row = [show_text(each.name, _NAME_CHARS), f"{each.n:,}"]
        table.add_row(*row, *([mostly + share] if found.overall else []))
    print_table(console, f"Themes found{_show_more(len(found.themes))}", table)


def _show_more(n: int) -> str:
    return f" (the first {MAX_ROWS} of {n:,})" if n > MAX_ROWS else ""


def _print_stability(console: Console, found: "Stability") -> None:
    console.print(
        f"{found.n_themes:,} themes in {found.n_texts:,} mentions; the largest has "
        f"{show_share(found.share_largest)} of what is assigned"
    )
    reasons = ", ".join(f"{name} {n:,}" for name, n in found.unassigned.items())
    console.print(f"unassigned {found.share_unassigned:.1%}" + (f": {reasons}" if reasons else ""))
    console.print(f"separation (mean silhouette, -1 to 1) {_show(found.separation)}")
    heads = {"found again": "id", "n": "right", "themes": "right", "AMI": "right"}
    table = make_table({**heads, "ARI": "right", "same": "id"})
    for each in found.repeats:
        table.add_row(
            f"{each.what} {each.seed + 1}",
            f"{each.n_texts:,}",
            f"{each.n_themes:,}",
            f"{each.ami:.3f}",
            f"{each.ari:.3f}",
            "yes" if each.is_same else "no",
        )
    print_table(console, "How far the themes hold", table)
    console.print(
        "resampled: of four fifths of the rows; shuffled: in another order, which must change "
        "nothing",
        style="dim",
    )


def print_sheet_written(written: "SheetWritten") -> None:
    """Print what to do with a coding sheet."""
    console = open_console()
    folder = escape(written.folder)
    console.print(
        f"wrote {written.n_items:,} mentions and {written.n_themes:,} themes to {folder}: "
        f"{', '.join(written.files)}"
    )
    console.print(
        "Give coder_1.csv and coder_2.csv to two people, each with themes.csv, and neither "
        "key.json: it holds earful's choices. They fill in column 'theme' with a code such as "
        "T001, or none. Put the sheets back, as CSV or Excel, then:"
    )
    console.print(f"  earful evaluate {folder} --task themes --sheet-filled", style="bold")


def print_sheet_scores(found: "SheetScores") -> None:
    """Print how far people agree with each other, and with earful."""
    console = open_console()
    table = make_table({"coder": "id", "filled in": "right", "none fits": "right"})
    for each in found.coders:
        table.add_row(escape(each.name), f"{each.n_coded:,}", f"{each.n_none:,}")
    print_table(console, f"{found.n_items:,} mentions", table)
    heads = {"between": "left", "n": "right", "alpha": "right", "95 %": "id", "equal": "right"}
    table = make_table(heads)
    if len(found.coders) > 2:
        _add_agreement(table, "all people", found.between)
    for pair in found.pairs:
        _add_agreement(table, f"{pair.left}, {pair.right}", pair.agreement)
    print_table(console, "Krippendorff's alpha", table)
    console.print(found.interval, style="dim")
    console.print(
        "By Krippendorff's rule, rely on alpha from .800 on, and conclude tentatively from .667",
        style="dim",
    )
    if not found.against:
        return
    table = make_table({"item": "id", "people": "id", "earful": "id"})
    for row in found.against[:MAX_AGAINST]:
        table.add_row(*map(escape, row))
    n = len(found.against)
    more = f" (the first {MAX_AGAINST} of {n:,})" if n > MAX_AGAINST else ""
    print_table(console, f"People agree, earful differs{more}", table)


def _add_agreement(table: "Table", name: str, found: "Agreement") -> None:
    interval = found.alpha_interval
    span = "–" if interval is None else f"{interval.low:.3f}–{interval.high:.3f}"
    equal = show_share(found.raw)
    table.add_row(escape(name), f"{found.n:,}", _show(found.alpha), span, equal)


def _show(rate: float | None) -> str:
    return "–" if rate is None else f"{rate:.3f}"
