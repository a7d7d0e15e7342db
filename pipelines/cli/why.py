"""Why a mention has its theme, as it is printed."""

from typing import TYPE_CHECKING

from rich.console import Console
from rich.markup import escape

from pipelines.cli.show import make_table, open_console, print_table, show_text
from pipelines.shares import show_share

if TYPE_CHECKING:
    from pipelines.themes.why_facts import Decision, NearMention, Rival, ThemeRef, Why

_NAME_CHARS = 60
_EDITS = {"move": "moved there", "merge": "merged into it"}


def print_why(why: "Why") -> None:
    """Print an explanation."""
    console = open_console()
    console.print(f"“{show_text(why.text, 300)}”  [dim]{why.mention_id} {escape(why.lang)}[/]")
    if why.theme:
        console.print(f"[bold]{_name(why.theme)}[/]  {why.theme.theme_id}")
    else:
        console.print(f"[bold]no theme[/]: {escape(why.unassigned_reason or 'not decided yet')}")
    console.print(_describe_decision(why.decided))
    _print_found(console, why)
    if why.read_with:
        n = len(why.read_with)
        console.print(f"read with {n} other mention{'' if n == 1 else 's'} of its feedback")
    if why.needs:
        console.print(f"it would have taken {_clean(why.needs)}")
    if why.rivals:
        _print_rivals(console, why.rivals, why.runner_up)
        _print_nearest(console, why.nearest)


def _name(theme: "ThemeRef | None") -> str:
    if theme is None:
        return "–"
    status = "" if theme.status == "active" else f" ({theme.status})"
    return show_text(theme.name, _NAME_CHARS) + status


def _clean(text: str) -> str:
    return show_text(text, 600)


def _describe_decision(decided: "Decision") -> str:
    when = f" on {decided.at:%Y-%m-%d %H:%M}" if decided.at else ""
    if decided.by == "edit":
        action = _EDITS.get(decided.what or "", escape(decided.what or ""))
        return f"{action} by {show_text(decided.who or 'unknown', 30)}{when} (edit {decided.id})"
    if decided.by == "run":
        how = "found together with this theme" if decided.is_birth else "decided"
        return f"{how} by run {decided.id} ({escape(decided.what or '')}){when}"
    return "decided by nobody yet"


def _print_found(console: Console, why: "Why") -> None:
    """What the machine found, with its strength against the threshold."""
    if why.found is None or why.strength is None:
        return
    is_below = why.strength < why.threshold
    side = "below" if is_below else "at or above"
    reason = f", so {escape(why.found_reason or '')}" if is_below else ""
    console.print(
        f"as found: {_name(why.found)}  {why.found.theme_id}, strength {why.strength:.3f}, "
        f"{side} the threshold of {why.threshold}{reason}"
    )


def _print_rivals(
    console: Console, rivals: "tuple[Rival, ...]", runner_up: "ThemeRef | None"
) -> None:
    heads = {"theme": "left", "votes": "right", "weight": "right?"}
    heads |= {"strength": "right", "centre": "right?"}
    table = make_table({**heads, "words in common": "left"})
    for each in rivals:
        name = _name(each.seen_as)
        words = ", ".join(f"{word.word} {word.n_texts}/{word.n_of}" for word in each.words)
        table.add_row(
            f"{name} [dim]runner-up[/]" if each.seen_as == runner_up else name,
            str(each.n_votes),
            show_share(each.share),
            f"{each.strength:.2f}",
            f"{each.closeness:.2f}",
            show_text(words, 120) or "–",
        )
    print_table(console, "Themes in question, as they are now", table)


def _print_nearest(console: Console, nearest: "tuple[NearMention, ...]") -> None:
    """The text comes last: written from right to left, it moves nothing beside it."""
    heads = {"mention": "id?", "alike": "right", "theme": "left", "words in common": "left"}
    table = make_table({**heads, "text": "left"})
    for each in nearest:
        table.add_row(
            each.mention_id,
            f"{each.likeness:.2f}",
            _name(each.theme),
            show_text(", ".join(each.words), 80) or "–",
            show_text(each.text, 200),
        )
    print_table(console, "Nearest mentions", table)
