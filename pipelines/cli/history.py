"""The life of a theme as it is printed: one line for each thing that happened."""

from collections.abc import Callable, Mapping, Sequence
from typing import Any

from rich.console import Console
from rich.markup import escape

from pipelines.cli.show import make_table, open_console, print_table, show_text
from pipelines.progress import count_units
from pipelines.shares import show_share

_NAME_CHARS = 60


def print_history(rows: Sequence[Mapping[str, Any]], *, with_theme: bool = True) -> None:
    """Print what happened, the oldest first."""
    console = open_console()
    if not rows:
        console.print("nothing has happened to themes yet; find some with: earful run PATH")
        return
    print_events(console, rows, with_theme=with_theme)


def print_events(
    console: Console, rows: Sequence[Mapping[str, Any]], *, with_theme: bool = False
) -> None:
    """Print the table of what happened."""
    heads = {"when": "id", "edit": "id", "who": "left", "what": "left"}
    table = make_table({**heads, **({"theme": "id"} if with_theme else {})})
    for row in rows:
        cells = [
            f"{row['at']:%Y-%m-%d %H:%M}" if row["at"] else "–",
            row["edit_id"] or "–",
            show_text(row["author"], 30) if row["edit_id"] else "earful",
            _describe_event(row) + _describe_state(row),
        ]
        table.add_row(*cells, *([row["theme_id"] or "–"] if with_theme else []))
    print_table(console, "What happened", table)


def _describe_event(row: Mapping[str, Any]) -> str:
    event, detail = row["event"], row["detail"] or {}
    describe = _EVENTS.get(event)
    return describe(detail) if describe else escape(event)


def _describe_state(row: Mapping[str, Any]) -> str:
    if row["undone_by"]:
        return f" [dim](undone by {row['undone_by']})[/]"
    return f" [yellow](not applied: {escape(row['unapplied'])})[/]" if row["unapplied"] else ""


def _count_mentions(detail: Mapping[str, Any]) -> str:
    unit, n = ("text", detail["n_shared"]) if "n_shared" in detail else ("mention", 0)
    n = detail.get("n_mentions", n)
    return f"{n:,} {unit}{'' if n == 1 else 's'}"


def _describe_birth(detail: Mapping[str, Any]) -> str:
    langs = " ".join(map(str, detail.get("langs", ())))
    source = detail.get("split_from")
    origin = f", {show_share(detail['of_before'])} of {source}" if source else ""
    return f"born of {detail.get('n_texts', 0):,} texts in {escape(langs)}{origin}"


def _describe_match(detail: Mapping[str, Any]) -> str:
    if detail.get("cause") == "encoder":
        return (
            f"read with {escape(detail['encoder'])}, was {escape(detail['was'])}: "
            f"{show_share(detail['recalled'])} of {detail['n_texts']:,} texts known again"
        )
    kept = (
        f"{show_share(detail['of_before'])} of its texts kept"
        if detail["n_shared"]
        else "by its centre"
    )
    return f"found anew ({detail['cause']}): {detail['n_texts']:,} texts, {kept}"


def _describe_fading(detail: Mapping[str, Any]) -> str:
    if "n_runs" in detail:
        return f"faded: silent for {detail['n_runs']} runs, {detail['missed']:,.0f} texts missed"
    return "retired: not found again"


def _describe_return(detail: Mapping[str, Any]) -> str:
    after = f" after {detail['after_runs']} silent runs" if "after_runs" in detail else ""
    return f"revived{after}: {detail['n_texts']:,} texts"


def _describe_naming(detail: Mapping[str, Any]) -> str:
    lang = f" in {escape(detail['lang'])}" if detail.get("lang") else ""
    was = f", was “{show_text(detail['was'], _NAME_CHARS)}”" if detail.get("was") else ""
    return f"renamed{lang} to “{show_text(detail.get('name'), _NAME_CHARS)}”{was}"


def _describe_merge(detail: Mapping[str, Any]) -> str:
    where = "into" if "into" in detail else "with"
    return f"merged {where} {detail.get('into') or detail.get('from')}: {_count_mentions(detail)}"


def _describe_group(detail: Mapping[str, Any]) -> str:
    if "cause" not in detail:
        return f"put under {detail['parent']}" if detail.get("parent") else "put alone"
    was = f", was in that of {detail['was']}" if detail.get("was") else ""
    now = f"in the group of {detail['group']}" if detail.get("group") else "in no group"
    return f"found anew ({detail['cause']}): {now}{was}"


def _describe_pin(detail: Mapping[str, Any]) -> str:
    n_examples, n_keywords = detail.get("n_examples", 0), detail.get("n_keywords", 0)
    if not n_examples and not n_keywords:
        return "pinned by its sentence or name"
    examples, keywords = count_units(n_examples, "examples"), count_units(n_keywords, "keywords")
    return f"pinned by {examples} and {keywords}"


def _describe_split(detail: Mapping[str, Any]) -> str:
    into = ", ".join(map(str, detail.get("into", ())))
    share = f" with {show_share(detail['of_before'])} of its texts" if "of_before" in detail else ""
    return f"split: {into} parted from it{share}" if into else f"split from {detail.get('from')}"


_EVENTS: dict[str, Callable[[Mapping[str, Any]], str]] = {
    "born": _describe_birth,
    "matched": _describe_match,
    "faded": _describe_fading,
    "revived": _describe_return,
    "kept": lambda _: "not found again; kept, as people edited it",
    "renamed": _describe_naming,
    "described": lambda detail: f"described as “{show_text(detail.get('text'), _NAME_CHARS)}”",
    "merged": _describe_merge,
    "moved": lambda detail: f"{_count_mentions(detail)} moved into {detail.get('into')}",
    "grouped": _describe_group,
    "pinned": _describe_pin,
    "split": _describe_split,
    "fixed": lambda detail: f"fixed since {escape(str(detail.get('at'))[:16]).replace('T', ' ')}",
    "refused": lambda detail: f"not to be one with {detail.get('with')}",
    "not_noise": lambda detail: f"{len(detail.get('feedback', ())):,} feedback called no noise",
    "undone": lambda detail: f"{detail.get('edit_id')} undone: {detail.get('action')}",
}
