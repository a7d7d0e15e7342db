"""``earful customers show``: all that is known about one customer."""

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from pipelines.cli.options import ConfigOption, DbOption, JsonOption, ShownOption, load_settings
from pipelines.shares import show_share

if TYPE_CHECKING:
    from datetime import datetime

    from pipelines.profiles import Profile, Row


def show(
    customer: Annotated[str, typer.Argument(metavar="ID", help="Their id in the CRM.")],
    output: Annotated[
        Path | None,
        typer.Option("--output", "-o", metavar="FILE", help="Write a page to look at instead."),
    ] = None,
    as_of: Annotated[
        str | None,
        typer.Option(
            "--as-of", metavar="DATE", help="As of the end of a past day: nothing later counts."
        ),
    ] = None,
    config: ConfigOption = None,
    db: DbOption = None,
    limit: ShownOption = 20,
    as_json: JsonOption = False,
) -> None:
    """Show one customer: words, themes, events, risk, what to do next. And what they allow."""
    from dataclasses import asdict

    from pipelines.cli.show import print_json
    from pipelines.profiles import read_profile
    from pipelines.store import open_store

    settings, _ = load_settings(config, db)
    at = _read_day(as_of, settings.text.timezone)
    store = open_store(settings.store.url)
    if output is not None:
        _write_page(store, output, customer, at)
        _print_file(output, as_json=as_json)
        return
    with store.read() as connection:
        found = read_profile(connection, customer, at, limit)
    print_json(asdict(found)) if as_json else _print_profile(found)


def _read_day(given: str | None, timezone: str) -> "datetime | None":
    """The last moment of a day, or the moment that was named."""
    if given is None:
        return None
    from zoneinfo import ZoneInfo

    from pipelines.selection import parse_last_moment

    return parse_last_moment("--as-of", given, ZoneInfo(timezone))


def _write_page(store: Any, path: Path, customer: str, at: "datetime | None") -> None:
    from pipelines.cli.rights import warn_unrecorded
    from pipelines.config import user_secret_path
    from pipelines.report.customer_page import write_customer_page
    from pipelines.rights.blocks import hash_blocked
    from pipelines.rights.outputs import record_output
    from pipelines.rights.people import Asked, hash_asked
    from pipelines.secret import load_secret

    with store.read() as connection:
        profile = write_customer_page(connection, path, customer, at)
    secret = load_secret(user_secret_path())
    # The region matters to phones alone.
    key = hash_asked(Asked(customer=profile.record["customer_id"]), secret, region="US")
    if not record_output(store, path, "customer", hash_blocked(secret, key)):
        warn_unrecorded(path)


def _print_file(path: Path, *, as_json: bool) -> None:
    from pipelines.cli.show import open_console, print_json

    if as_json:
        print_json({"file": str(path), "bytes": path.stat().st_size})
    else:
        open_console().print(f"wrote {path}; only you can read it; open it in a browser")


def _print_profile(found: "Profile") -> None:
    from rich.markup import escape

    from pipelines.cli.show import make_table, open_console, print_table, show_day, show_text

    console = open_console()
    who = found.record
    told = " · ".join(str(who[name]) for name in ("segment", "country", "lang") if who[name])
    console.print(f"[bold]{escape(who['customer_id'])}[/]  {escape(told)}")
    if found.asked != who["customer_id"]:
        console.print(f"asked for as {escape(found.asked)}, who is the same person", style="dim")
    for line in _describe(found):
        console.print(line)
    themes = make_table({"theme": "left", "mentions": "right", "feeling": "right", "last": "id"})
    for row in found.themes:
        themes.add_row(show_text(row["name"] or row["theme_id"], 60), *_count(row))
    if found.themes:
        print_table(console, "Speaks of", themes)
    said = make_table({"when": "id", "where": "id?", "lang": "id?", "words": "left"})
    for row in found.feedback:
        words = show_text(row["text"], 200) if row["text"] is not None else "[dim]not shown[/]"
        said.add_row(show_day(row["occurred_at"]), escape(row["source"]), row["lang"] or "–", words)
    if found.feedback:
        print_table(console, f"Said: {len(found.feedback):,} of {found.n_feedback:,}", said)
    events = make_table({"when": "id", "what": "left", "amount": "right"})
    for row in found.events:
        amount = "–" if row["amount"] is None else f"{row['amount']:,.2f} {row['currency'] or ''}"
        events.add_row(show_day(row["at"]), escape(row["kind"]), escape(amount))
    if found.events:
        print_table(console, f"Happened: {len(found.events):,} of {found.n_events:,}", events)


def _count(row: "Row") -> tuple[str, str, str]:
    from pipelines.cli.show import show_day, show_feeling, show_number

    return show_number(row["n_mentions"]), show_feeling(row["sentiment"]), show_day(row["last_at"])


def _describe(found: "Profile") -> list[str]:
    """What stands above the tables, a line each."""
    from rich.markup import escape

    from pipelines.cli.show import show_day, show_feeling, show_text

    no = [purpose for purpose, is_allowed in found.allowed.items() if not is_allowed]
    lines = [f"[yellow]does not allow: {', '.join(no)}[/]"] if no else []
    for channel, is_allowed in found.channels.items():
        told = "may be contacted" if is_allowed else "must not be contacted"
        lines.append(f"[yellow]{told} by {escape(channel)}[/]")
    row = found.insight
    if row is None:
        return [*lines, "nothing that counts was said"]
    low, high = show_feeling(row["sentiment_low"]), show_feeling(row["sentiment_high"])
    lines.append(f"sentiment {show_feeling(row['sentiment'])} (95 %: {low} to {high})")
    if row["value"] is not None:
        unit = "" if row["value_currency"] == "?" else f" {escape(row['value_currency'])}"
        lines.append(f"worth {row['value']:,.2f}{unit} in a year, orders less refunds")
    reasons = "; ".join(escape(each) for each in row["risk_reasons"] or ())
    risk = f"{show_share(row['risk'])} ({escape(row['risk_method'])})"
    lines.append(f"risk {risk}: {reasons or 'no sign'}")
    if row["open_theme_id"]:
        theme = show_text(row["open_theme"] or row["open_theme_id"], 60)
        lines.append(f"open complaint: {theme}, since {show_day(row['open_since'])}")
    if row["next_action"]:
        lines.append(f"next: {escape(row['next_action'])}")
    return lines
