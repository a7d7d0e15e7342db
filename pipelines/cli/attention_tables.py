"""The tables that priorities, compare, coverage and themes show print about attention."""

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

from rich.console import Console

from pipelines.cli.show import (
    make_table,
    open_console,
    print_table,
    show_feeling,
    show_number,
    show_text,
)

if TYPE_CHECKING:
    from pipelines.attention.columns import NotCompared
    from pipelines.attention.settings import AttentionSettings

Row = Mapping[str, Any]
NOT_RANKED = "nothing is ranked yet; do it with: earful rank"
# Differences above this rate of false discoveries are shown in grey.
_MAX_Q = 0.05

_HEARING = {
    "no_customers": "no such record in the CRM",
    "sliver": "rests on a sliver",
    "under_heard": "heard half as much, or less",
    "over_heard": "heard twice as much, or more",
}
_PARTS = {
    "reach": "of voices speak of it, at least",
    "growth": "times what was expected, at least",
    "feeling": "feeling, at best",
    "value": "of all there is to lose, at least",
    "breadth": "alike to all by source and segment",
    "confidence": "fit to the theme, five doubts added",
}
_UNKNOWN = {
    "silent": "no voice of late",
    "not_judged": "not judged yet",
    "no_effect_known": "no effect is known",
    "one_source": "all in one source",
    "no_sentiment": "no feeling is known",
}


def print_priorities(rows: Sequence[Row], segment: str) -> None:
    """Print what to fix first, in the order given."""
    console = open_console()
    if not rows:
        console.print(
            "nothing to fix is known: no theme goes with a loss, and none without a known effect "
            "feels worse than the others; or nothing is ranked yet (earful rank)"
        )
        return
    heads = {"": "right", "theme": "left", "gain": "right", "95 %": "id", "of": "left"}
    table = make_table({**heads, "q": "right", "voices": "right?", "id": "id?"})
    for row in rows:
        table.add_row(
            str(row["rank"]),
            show_text(row["name"], 60),
            _show_gain(row["gain"]),
            f"{_show_gain(row['gain_low'])} to {_show_gain(row['gain_high'])}",
            f"{show_text(row['outcome'], 40)} ({show_text(row['unit'], 20)})",
            show_number(row["q_value"], 3),
            show_number(row["n_customers"]),
            row["theme_id"],
        )
    of = "" if segment == "all" else f" for {show_text(segment, 60)}"
    print_table(console, f"What to fix first{of}", table)
    for line in _explain_gains(rows):
        console.print(line, style="dim")


def _explain_gains(rows: Sequence[Row]) -> list[str]:
    lines = []
    if any(row["reason"] == "adjusted_effect" for row in rows):
        lines.append(
            "Gains are effect x reach x value, of effects adjusted for other themes, segment and "
            "time: what goes with a theme, no proof of cause."
        )
    if any(row["reason"] == "feeling_gap" for row in rows):
        lines.append(
            "Of sentiment: no effect on an outcome is known; it is how much worse these voices "
            "feel than those of all other themes (-1 to 1) x voices, adjusted for nothing."
        )
    if any(row["gain_low"] > 0 and not _is_below(row["q_value"]) for row in rows):
        lines.append(
            "Where q is above .05, as good a gain may be luck: of so many themes some have one."
        )
    if n_unsure := sum(row["gain_low"] <= 0 for row in rows):
        last = "the last one" if n_unsure == 1 else f"each of the last {n_unsure:,}"
        lines.append(f"Fixing {last} may bring nothing: 0 is in the interval.")
    return lines


def _is_below(q_value: float | None) -> bool:
    return q_value is not None and q_value <= _MAX_Q


def _show_gain(value: float) -> str:
    return show_number(value, 0 if abs(value) >= 100 else 1)


def print_comparison(rows: Sequence[Row], column: str, limit: int) -> None:
    """Print a column's values side by side, then the themes that differ most."""
    console = open_console()
    values = make_table(
        {show_text(column, 30): "left", "voices": "right", "feeling": "right", "95 %": "id?"}
    )
    for row in (row for row in rows if not row["theme_id"]):
        values.add_row(
            show_text(row["value"], 60),
            show_number(row["n_voices"]),
            show_feeling(row["sentiment"]),
            _show_range(row, "sentiment", "+.2f"),
        )
    print_table(console, f"By {show_text(column, 30)}", values)
    themes = [row for row in rows if row["theme_id"]]
    if not themes:
        console.print("no theme has enough voices here to be compared")
        return
    _print_differences(console, themes[: limit or None], column, themes)


def _share_others(row: Row, everything: Sequence[Row]) -> float | None:
    """The theme's share of the voices on all other values together."""
    others = [
        each
        for each in everything
        if each["theme_id"] == row["theme_id"] and each["value"] != row["value"]
    ]
    n_voices = sum(each["n_voices"] for each in others)
    return sum(each["n_with_theme"] for each in others) / n_voices if n_voices else None


def _print_differences(
    console: Console, rows: Sequence[Row], column: str, everything: Sequence[Row]
) -> None:
    heads = {"theme": "left", show_text(column, 30): "left", "share": "right", "95 %": "id"}
    heads |= {"others": "right", "q": "right", "feeling": "right?", "feeling 95 %": "id?"}
    table = make_table({**heads, "q ": "right?", "id": "id?"})
    for row in rows:
        share_q, sentiment_q = row["share_q"], row["sentiment_q"]
        is_different = min(each for each in (share_q, sentiment_q, 1.0) if each is not None)
        table.add_row(
            show_text(row["name"], 60),
            show_text(row["value"], 40),
            _show_share(row["share"]),
            _show_range(row, "share", ".0%"),
            _show_share(_share_others(row, everything)),
            show_number(share_q, 3),
            show_feeling(row["sentiment"]),
            _show_range(row, "sentiment", "+.2f"),
            show_number(sentiment_q, 3),
            row["theme_id"],
            style="dim" if is_different > _MAX_Q else None,
        )
    print_table(console, "What differs most", table)
    if len(rows) < len(everything):
        console.print(f"{len(rows):,} of {len(everything):,} pairs shown; all with --limit 0")
    console.print(
        "Share of the voices on a value who speak of the theme. q: the rate of false alarms among "
        "differences from all other values as large as this; grey where above .05.",
        style="dim",
    )


def explain_not_compared(
    column: str, found: "NotCompared", attributes: Sequence[str], settings: "AttentionSettings"
) -> str:
    """Why a column is no comparison, and what to do instead."""
    if found.reason == "missing":
        there = ", ".join((*attributes, "source", "channel", "lang"))
        return f"feedback has no column {column!r}; there are: {there}"
    if found.reason == "few_values":
        return (
            f"{column!r} has {found.n_values:,} values, of which fewer than two have "
            f"{settings.min_voices:,} voices or more ([comparison] min_voices)"
        )
    return (
        f"{column!r} has {found.n_values:,} values or more, and those of "
        f"{settings.min_voices:,} voices ([comparison] min_voices), {settings.max_values:,} at "
        "most, hold less than half of its voices: ids, links or free text are no comparison"
    )


def print_coverage(rows: Sequence[Row]) -> None:
    """Print who is heard."""
    console = open_console()
    if not rows:
        console.print(NOT_RANKED)
        return
    heads = {"by": "id", "value": "left", "customers": "right", "heard": "right", "share": "right"}
    heads |= {"95 %": "id?", "against all": "right?", "voices": "right?", "weight": "right?"}
    table = make_table({**heads, "note": "left"})
    for row in rows:
        table.add_row(
            row["dimension"],
            show_text(row["value"], 40),
            show_number(row["n_customers"]),
            show_number(row["n_heard"]),
            _show_share(row["share"]),
            _show_range(row, "share", ".0%"),
            show_number(row["representation"], 2),
            show_number(row["n_voices"]),
            show_number(row["weight"], 2),
            _HEARING.get(row["note"], "") if row["note"] else "",
            style="yellow" if row["note"] else None,
        )
    print_table(console, "Who is heard", table)
    everybody = next((row for row in rows if row["dimension"] == "all"), None)
    if everybody and everybody["note"] == "no_customers":
        console.print(
            "there are no customer records to hold this against; load them with: "
            "earful customers PATH"
        )
    if everybody and everybody["n_effective"] is not None:
        console.print(
            f"weighted, the {everybody['n_heard']:,} customers count for "
            f"{everybody['n_effective']:,.0f}; themes so: earful coverage --themes",
            style="dim",
        )


def print_shares(rows: Sequence[Row]) -> None:
    """Print themes with their share of the heard customers, plain and weighted."""
    table = make_table(
        {
            "theme": "left",
            "voices": "right",
            "share": "right",
            "95 %": "id?",
            "weighted": "right",
            "weighted 95 %": "id",
            "id": "id?",
        }
    )
    for row in rows:
        table.add_row(
            show_text(row["name"], 60),
            show_number(row["n_with_theme"]),
            _show_share(row["share"]),
            _show_range(row, "share", ".1%"),
            _show_share(row["weighted_share"]),
            _show_range(row, "weighted_share", ".1%"),
            row["theme_id"],
        )
    print_table(open_console(), "Themes, if all customers were heard alike", table)


def print_parts(console: Console, rows: Sequence[Row], score: float | None) -> None:
    """Print why a theme deserves attention."""
    if not rows:
        return
    heads = {"part": "id", "points": "right", "of": "right", "measured": "right"}
    table = make_table({**heads, "": "left"})
    for row in rows:
        unknown = _UNKNOWN.get(row["note"], "") if row["note"] else ""
        table.add_row(
            row["part"],
            show_number(row["points"], 1),
            show_number(100 * row["weight"], 1),
            _show_measured(row),
            unknown or _PARTS[row["part"]],
        )
    print_table(console, f"Deserves attention: {show_number(score, 1)} of 100", table)
    if any(row["score"] is None for row in rows):
        console.print("What is not known weighs nothing; the other parts weigh more.", style="dim")


def _show_measured(row: Row) -> str:
    if row["value"] is None:
        return "–"
    if row["part"] in ("reach", "value"):
        return f"{row['value']:.1%}"
    return f"{row['value']:+.2f}" if row["part"] == "feeling" else f"{row['value']:.2f}"


def _show_share(share: float | None) -> str:
    return "–" if share is None else f"{share:.1%}"


def _show_range(row: Row, name: str, form: str) -> str:
    low, high = row[f"{name}_low"], row[f"{name}_high"]
    return "–" if low is None else f"{low:{form}} to {high:{form}}"
