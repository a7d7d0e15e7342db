"""``earful ask``: find feedback by meaning."""

import sys
from collections.abc import Iterable, Iterator
from datetime import date
from itertools import pairwise
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from pipelines.cli.options import (
    ConfigOption,
    DbOption,
    JsonOption,
    load_settings,
    show_examples,
)

if TYPE_CHECKING:
    from pipelines.asking.asking import Asker, Found
    from pipelines.asking.searching import Filters
    from pipelines.config import Config

_FEELINGS = ("negative", "neutral", "positive")
_LEVELLED = (
    "not in the order of likeness alone: names and numbers that stand in a text count too, and "
    "languages are levelled, else that of the question would take all places"
)


def add_commands(app: typer.Typer) -> None:
    """Add the command."""
    app.command(
        "ask",
        epilog=show_examples(
            'earful ask "late refunds in Hebrew last month"',
            'earful ask "crash at login" --sentiment negative --since 2026-10-01',
            "earful ask --like t000003 -n 20",
        ),
    )(ask)


def ask(
    text: Annotated[
        str | None,
        typer.Argument(
            metavar="[TEXT]", help="What about, in any language; - reads a question a line."
        ),
    ] = None,
    like: Annotated[
        str | None,
        typer.Option(
            "--like", metavar="ID", help="What is like this mention, feedback or theme instead."
        ),
    ] = None,
    theme: Annotated[
        list[str] | None, typer.Option("--theme", metavar="ID", help="Only this theme. Repeat it.")
    ] = None,
    source: Annotated[
        list[str] | None,
        typer.Option("--source", "-s", metavar="NAME", help="Only this source. Repeat it."),
    ] = None,
    lang: Annotated[
        list[str] | None,
        typer.Option("--lang", metavar="LANG", help="Only this language: he, Hebrew. Repeat it."),
    ] = None,
    segment: Annotated[
        list[str] | None,
        typer.Option(
            "--segment", metavar="NAME", help="Only customers of this segment. Repeat it."
        ),
    ] = None,
    sentiment: Annotated[
        list[str] | None,
        typer.Option(
            "--sentiment", metavar="|".join(_FEELINGS), help="Only this feeling. Repeat it."
        ),
    ] = None,
    since: Annotated[
        str | None,
        typer.Option("--since", metavar="DATE", help="Only what was said from this day on."),
    ] = None,
    until: Annotated[
        str | None,
        typer.Option("--until", metavar="DATE", help="Only up to and with this day."),
    ] = None,
    today: Annotated[
        str | None,
        typer.Option(
            "--today",
            metavar="DATE",
            help='The day that "last month" is counted from; else that of the newest feedback.',
        ),
    ] = None,
    literal: Annotated[
        bool, typer.Option("--literal", help="Take no word of the question for a filter.")
    ] = False,
    config: ConfigOption = None,
    db: DbOption = None,
    limit: Annotated[int, typer.Option("--limit", "-n", min=1, max=1000, help="How many.")] = 10,
    as_json: JsonOption = False,
) -> None:
    """Find feedback by meaning, in any language.

    Each with its customers, theme, date and feeling. A language and a time that the question
    names ("in Hebrew", "last month"; also in Hebrew, Arabic and Persian) are filters, and shown;
    words in quotation marks must stand in the text. Only what may be quoted is shown, and only
    customers who may be looked at.
    """
    from pipelines.errors import ConfigError

    if (text is None) == (like is None):
        raise ConfigError("give a TEXT to search for, or --like ID: earful ask 'late refunds'")
    settings, folder = load_settings(config, db)
    filters = _make_filters(settings, theme, source, lang, segment, sentiment, since, until)
    day = _parse_day(today)
    asker = _open_asker(settings, folder)
    questions: Iterable[str | None] = _read_lines() if text == "-" else [text]
    for question in questions:
        found = asker.ask(question, filters, limit, like=like, is_literal=literal, today=day)
        _show(found, as_json=as_json)


def _open_asker(settings: "Config", folder: Path) -> "Asker":
    from pipelines.asking.asking import Asker
    from pipelines.config import user_cache_dir
    from pipelines.job import Job
    from pipelines.store import open_store

    job = Job(settings, user_cache_dir(), folder=folder)
    return Asker(open_store(settings.store.url), job)


def _make_filters(
    settings: "Config",
    themes: list[str] | None,
    sources: list[str] | None,
    langs: list[str] | None,
    segments: list[str] | None,
    sentiments: list[str] | None,
    since: str | None,
    until: str | None,
) -> "Filters":
    from zoneinfo import ZoneInfo

    from pipelines.asking.searching import Filters
    from pipelines.asking.wording import parse_langs
    from pipelines.errors import ConfigError
    from pipelines.selection import parse_selection

    if unknown := sorted(set(sentiments or ()) - set(_FEELINGS)):
        raise ConfigError(f"--sentiment {unknown[0]}: write {', '.join(_FEELINGS)}")
    days = parse_selection(since, until, None, ZoneInfo(settings.text.timezone))
    return Filters(
        tuple(themes or ()),
        tuple(sources or ()),
        parse_langs(langs or ()),
        tuple(segments or ()),
        tuple(sentiments or ()),
        days.since,
        days.until,
    )


def _parse_day(given: str | None) -> date | None:
    from pipelines.errors import ConfigError

    try:
        return date.fromisoformat(given) if given else None
    except ValueError:
        raise ConfigError(f"--today {given!r} is no date; write it as 2026-03-31") from None


def _read_lines() -> Iterator[str]:
    """Questions of standard input as they come, without empty lines."""
    return (line.strip() for line in sys.stdin if line.strip())


def _show(found: "Found", *, as_json: bool) -> None:
    from pipelines.asking.wording import describe
    from pipelines.cli.show import print_json

    if as_json:
        print_json(describe(found))
    else:
        _print_found(found)


def _print_found(found: "Found") -> None:
    from rich.markup import escape

    from pipelines.cli.show import (
        make_table,
        open_console,
        print_table,
        show_day,
        show_feeling,
        show_text,
    )

    console = open_console()
    if said := _describe(found):
        console.print(f"understood: {escape(said)}", style="dim")
    if not found.answers:
        console.print("nothing was found that may be shown; take a filter away, or ask otherwise")
        return
    table = make_table(
        {
            "like": "right",
            "said": "left",
            "voices": "right",
            "theme": "left",
            "customer": "id?",
            "date": "id",
            "feels": "right",
            "mention": "id?",
        }
    )
    for answer in found.answers:
        others = f" +{len(answer.customers) - 1}" if len(answer.customers) > 1 else ""
        table.add_row(
            f"{answer.similarity:.2f}",
            show_text(answer.text, 240),
            f"{answer.n_voices:,}",
            show_text(answer.theme, 60) or "–",
            escape(answer.customers[0] + others) if answer.customers else "–",
            show_day(answer.occurred_at),
            show_feeling(answer.sentiment_score),
            answer.mention_id,
        )
    print_table(console, "", table)
    if not _is_ordered([answer.similarity for answer in found.answers]):
        console.print(_LEVELLED, style="dim")


def _is_ordered(likeness: list[float]) -> bool:
    return all(one >= next_one for one, next_one in pairwise(likeness))


def _describe(found: "Found") -> str:
    """What of the question became filters, what is searched for, and how to switch that off."""
    from pipelines.asking.wording import describe_days

    question, parts = found.understood, []
    if question.langs and found.filters.langs == question.langs:
        parts.append(f"language {', '.join(question.langs)}")
    if question.days.first or question.days.after:
        told = describe_days(question.days)
        parts.append(f"{told} (counted from {found.today})")
    if question.exact:
        parts.append("with the words " + ", ".join(f"“{one}”" for one in question.exact))
    if not parts:
        return ""
    told = "; ".join([*parts, f"searching for: {question.text}"])
    return f"{told} (--literal takes every word as it is)"
