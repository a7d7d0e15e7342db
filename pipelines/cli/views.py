"""The tables that status, runs, doctor and themes print."""

from collections import Counter
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

from rich.console import Console
from rich.markup import escape

from pipelines.cli.attention_tables import print_parts
from pipelines.cli.history import print_events
from pipelines.cli.impact import print_impact
from pipelines.cli.show import (
    make_table,
    open_console,
    print_table,
    show_day,
    show_feeling,
    show_number,
    show_text,
)
from pipelines.shares import show_share

if TYPE_CHECKING:
    from pipelines.doctor import Finding

MAX_LANGUAGES = 3
_STATE_COLOURS = {
    "ok": "green",
    "warning": "yellow",
    "error": "red",
    "critical": "red",
    "unknown": "yellow",
}


def print_status(found: dict[str, Any]) -> None:
    """Print what a store holds."""
    console = open_console()
    console.print(f"[bold]{escape(found['store'])}[/]")
    counts = make_table({"table": "id", "rows": "right"})
    for name, n in found["tables"].items():
        counts.add_row(name, f"{n:,}")
    print_table(console, "Rows", counts)
    _print_sources(console, found["sources"])
    _print_counts(console, "Mentions by language, with noise", found["languages"])
    _print_counts(console, "Noise, set aside", found["noise"])
    _print_counts(console, "Mentions without a theme, noise aside", found["unassigned"])
    _print_counts(console, "Rejected rows (earful status --rejected)", found["rejected"])
    if n_open := len(found["open_erasures"]):
        first = found["open_erasures"][0]
        why = first["error"] or "it was stopped before its end"
        console.print(
            f"{n_open:,} erasures are not finished (first: {first['request_id']}, {escape(why)}); "
            "finish them with: earful forget --resume",
            style="yellow",
        )
    if found["last_run"]:
        print_runs([found["last_run"]], "Last run")
        _print_health(console, found["health"]["checks"])


def _print_health(console: Console, checks: Sequence[Mapping[str, Any]]) -> None:
    table = make_table({"check": "id", "state": "id", "what was found": "left"})
    for each in checks:
        state = f"[{_STATE_COLOURS[each['state']]}]{each['state']}[/]"
        table.add_row(each["name"], state, escape(each["said"]))
    print_table(console, "Health", table)


def print_rejected(rows: Sequence[Mapping[str, Any]], counts: Mapping[str, int]) -> None:
    """Print rejected rows."""
    console = open_console()
    total = sum(counts.values())
    if not total:
        console.print("no row was rejected")
        return
    heads = {"file": "left", "row": "right", "reason": "left", "row as kept": "left"}
    table = make_table(heads)
    for row in rows:
        number = "–" if row["row_number"] is None else str(row["row_number"])
        reason = f"{escape(row['reason'])}: {escape(row['meaning'])}"
        table.add_row(escape(row["file"] or ""), number, reason, show_text(row["raw"], 80))
    print_table(console, f"Rejected rows: {len(rows):,} of {total:,}", table)
    _print_counts(console, "By reason", counts)


def print_noise(rows: Sequence[Mapping[str, Any]]) -> None:
    """Print feedback that was set aside."""
    console = open_console()
    if not rows:
        console.print("no feedback is noise")
        return
    heads = {"feedback": "id", "reason": "id", "score": "right", "lang": "id?", "text": "left"}
    table = make_table(heads)
    for row in rows:
        score = f"{row['noise_score'] or 0:.2f}"
        lang, text = escape(row["lang"] or "–"), show_text(row["text"], 80)
        table.add_row(row["feedback_id"], row["noise_reason"], score, lang, text)
    print_table(console, "Noise, the least sure first", table)
    console.print("have some count with: earful noise keep ID...", style="dim")


def print_runs(rows: Sequence[Mapping[str, Any]], title: str = "Runs") -> None:
    """Print runs."""
    console = open_console()
    heads = {"run": "id", "command": "id", "status": "id", "read": "right", "new": "right"}
    heads |= {"rejected": "right?", "mentions": "right?", "themes": "right?", "s": "right?"}
    table = make_table(heads)
    for row in rows:
        figures = (row[f"n_{name}"] for name in ("read", "new", "rejected", "mentions", "themes"))
        table.add_row(
            row["run_id"],
            row["command"],
            row["status"],
            *map(show_number, figures),
            show_number(row["seconds"], 1),
        )
    print_table(console, title, table)
    for row in rows:
        if row["error"]:
            console.print(f"{row['run_id']}: {escape(row['error'])}", style="yellow")


def print_findings(found: "Sequence[Finding]") -> None:
    """Print the doctor's findings."""
    table = make_table({"check": "id", "state": "id", "detail": "left"})
    for each in found:
        state = f"[{_STATE_COLOURS[each.state]}]{each.state}[/]"
        table.add_row(each.name, state, escape(each.detail))
    open_console().print(table)


def print_themes(
    rows: Sequence[Mapping[str, Any]],
    title: str = "Themes",
    *,
    with_status: bool = False,
    n_all: int = 0,
    counts: Mapping[str, int] | None = None,
) -> None:
    """Print themes, in the order given.

    :param n_all: how many there are; told where fewer are shown.
    :param counts: rows by table, and ``noise``, which say why there is no theme to show.
    """
    if not rows:
        open_console().print(_explain_none(counts or {}))
        return
    heads = {"theme": "id", "name": "left", "signal": "right", "voices": "right"}
    heads |= {"feeling": "right", "languages": "id?", "verdict": "id?", "mentions": "right?"}
    is_grouped = len(rows) > 1 and any(row["group_name"] for row in rows)
    heads |= {"group": "left?"} if is_grouped else {}
    table = make_table({**heads, **({"status": "id"} if with_status else {})})
    for row in rows:
        table.add_row(
            row["theme_id"],
            show_text(row["name"], 60),
            show_number(row["signal_score"]),
            show_number(row["n_customers"]),
            show_feeling(row["sentiment"]),
            _show_languages(row["languages"]),
            row["verdict"] or "–",
            show_number(row["n_mentions"]),
            *([show_text(row["group_name"], 40) or "–"] if is_grouped else []),
            *([row["status"]] if with_status else []),
        )
    console = open_console()
    print_table(console, title, table)
    if len(rows) > 1:
        _print_silence(console, rows)
    if len(rows) < n_all:
        console.print(f"{len(rows):,} of {n_all:,} themes shown; all with --limit 0")


def _print_silence(console: Console, rows: Sequence[Mapping[str, Any]]) -> None:
    from pipelines.judging.silence import MEANINGS

    for reason, n in Counter(row["no_verdict"] for row in rows if row["no_verdict"]).items():
        console.print(f"no verdict on {n:,} of {len(rows):,}: {MEANINGS[reason]}", style="yellow")


def _explain_none(counts: Mapping[str, int]) -> str:
    if counts.get("theme"):
        return "no theme is active; see the others with: earful themes list --all"
    if not counts.get("mention"):
        return "there are no themes yet; find some with: earful run PATH"
    set_aside = ""
    if n_noise := counts.get("noise"):
        set_aside = (
            f". {n_noise:,} of {show_number(counts['feedback'])} feedback are set aside, as copies "
            "or other noise; see them with: earful noise list"
        )
    return (
        f"no theme was found in the {show_number(counts['mention'])} mentions of this store: too "
        "few different texts speak of the same; a few hundred texts are a good start" + set_aside
    )


def print_theme(row: Mapping[str, Any]) -> None:
    """Print all about one theme."""
    console = open_console()
    print_themes([row], row["theme_id"], with_status=row["status"] != "active")
    if row["merged_into"]:
        console.print(f"merged into {row['merged_into']} by {row['merge_id']}", style="yellow")
    if row["group_name"]:
        led_by = f", led by {row['parent_id']}" if row["parent_id"] else ""
        console.print(f"in the group “{show_text(row['group_name'], 80)}”{led_by}")
    for member in row["members"]:
        console.print(f"leads {member['theme_id']}  {show_text(member['name'], 60)}")
    console.print(show_text(row["description"], 400))
    names, said = row["names"] or {}, row["descriptions"] or {}
    for lang in sorted(names.keys() | said.keys()):
        told = [show_text(names.get(lang), 60), show_text(said.get(lang), 400)]
        console.print(f"in {escape(lang)}: {' – '.join(filter(None, told))}")
    if row["keywords"]:
        console.print("keywords: " + show_text(", ".join(row["keywords"]), 400), style="dim")
    for quote in row["quotes"]:
        console.print(f"  “{show_text(quote['text'], 300)}”  [dim]{quote['mention_id']}[/]")
    _print_weeks(console, row)
    print_parts(console, row["signal"], row["signal_score"])
    months = make_table({"month": "id", **dict.fromkeys(_MONTH_HEADS, "right")})
    for month in row["months"]:
        months.add_row(
            f"{month['period_start']:%Y-%m}",
            show_number(month["n_mentions"]),
            show_number(month["n_customers"]),
            show_feeling(month["sentiment"]),
        )
    print_table(console, "By month", months)
    if row["mentions"]:
        mentions = make_table({"mention": "id", "strength": "right", "edit": "id?", "text": "left"})
        for each in row["mentions"]:
            mentions.add_row(
                each["mention_id"],
                show_number(each["theme_strength"], 2),
                each["edit_id"] or "–",
                show_text(each["text"], 200),
            )
        print_table(console, "Its least sure mentions", mentions)
    print_impact(console, row["impact"], row["stakes"], row["fixes"])
    print_events(console, row["history"])


def print_suggestions(rows: Sequence[Mapping[str, Any]]) -> None:
    """Print pairs of themes that may be the same, in the order given."""
    console = open_console()
    if not rows:
        console.print("no suggestion is open")
        return
    table = make_table({"suggestion": "id", "strength": "right", "themes": "left"})
    for row in rows:
        named = (
            f"{show_text(each['name'], 60)} [dim]({each['lang'] or 'und'}, "
            f"{show_number(each['n_mentions'])} mentions, {each['theme_id']})[/]"
            for each in row["themes"]
        )
        table.add_row(row["suggestion_id"], show_number(row["strength"], 2), "\n".join(named))
    print_table(console, "May be the same", table)
    console.print("decide with: earful themes accept SUGGESTION, or refuse SUGGESTION", style="dim")


def _show_languages(langs: Sequence[str]) -> str:
    further = len(langs) - MAX_LANGUAGES
    return " ".join(langs[:MAX_LANGUAGES]) + (f" +{further}" if further > 0 else "")


def _print_weeks(console: Console, row: Mapping[str, Any]) -> None:
    """The latest weeks beside what was expected of them, or why nothing was."""
    from pipelines.judging.silence import MEANINGS

    if reason := row["no_verdict"]:
        console.print(f"no verdict: {MEANINGS[reason]}", style="yellow")
    heads = {"week": "id", "voices": "right", "usual": "id", "times": "id?", "q": "right?"}
    weeks = make_table({**heads, "verdict": "id", "feeling": "right", "shift": "id?"})
    for week in row["weeks"]:
        weeks.add_row(
            show_day(week["period_start"]),
            show_number(week["n_customers"]),
            _show_range(week["expected_low"], week["expected_high"], digits=0),
            _show_range(week["ratio_low"], week["ratio_high"], digits=1),
            show_number(week["q_value"], 3),
            week["verdict"] or "–",
            show_feeling(week["sentiment"]),
            week["sentiment_verdict"] or "–",
        )
    print_table(console, "By week", weeks)


def _show_range(low: float | None, high: float | None, *, digits: int) -> str:
    """The ends of an interval; a dash for none."""
    if low is None or high is None:
        return "–"
    return f"{show_number(low, digits)} to {show_number(high, digits)}"


_MONTH_HEADS = ("mentions", "voices", "feeling")


def _print_sources(console: Console, sources: Sequence[Mapping[str, Any]]) -> None:
    if not sources:
        return
    heads = {"source": "left", "feedback": "right", "linked": "right", "from": "id", "to": "id"}
    table = make_table({**heads, "noise": "right?", "languages": "right?"})
    for row in sources:
        linked = row["n_linked"] / row["n_feedback"]
        table.add_row(
            escape(row["source"]),
            show_number(row["n_feedback"]),
            show_share(linked),
            show_day(row["first_at"]),
            show_day(row["last_at"]),
            show_number(row["n_noise"]),
            show_number(row["n_languages"]),
        )
    print_table(console, "Sources", table)


def _print_counts(console: Console, title: str, counts: Mapping[str, int]) -> None:
    if not counts:
        return
    shown = "  ".join(f"{escape(name)} {n:,}" for name, n in counts.items())
    console.print(f"[bold]{title}[/]  {shown}")
