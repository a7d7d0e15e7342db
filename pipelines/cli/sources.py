"""``earful sources``."""

from collections.abc import Mapping, Sequence
from typing import Any

import typer

from pipelines.cli.options import ConfigOption, DbOption, JsonOption, load_settings, show_examples
from pipelines.shares import show_share

_MAX_LANGUAGES = 4


def add_commands(app: typer.Typer) -> None:
    """Add sources."""
    app.command(
        "sources",
        epilog=show_examples("earful sources", "earful sources --db team.db --json"),
    )(sources)


def sources(config: ConfigOption = None, db: DbOption = None, as_json: JsonOption = False) -> None:
    """List the sources: rows, languages, consent, masked items.

    Each with its party, channel, first and last import, the share linked to customers and, where it
    is known, the share whose customers agreed to analysis.
    """
    from datetime import UTC, datetime

    from pipelines.cli.show import print_json
    from pipelines.config import read_masking
    from pipelines.source_inventory import list_inventory
    from pipelines.store import open_store

    settings, _ = load_settings(config, db)
    with open_store(settings.store.url).read() as connection:
        found = list_inventory(connection, datetime.now(UTC), read_masking(settings))
    print_json(found) if as_json else _print(found)


def _print(found: Sequence[Mapping[str, Any]]) -> None:
    from rich.markup import escape

    from pipelines.cli.show import make_table, open_console, print_table, show_day

    console = open_console()
    if not found:
        console.print("no source yet; read one with: earful run PATH")
        return
    heads = {"source": "left", "kind": "id", "party": "id?", "channel": "id?", "rows": "right"}
    heads |= {"rejected": "right?", "first import": "id?", "last import": "id"}
    heads |= {"languages": "id", "linked": "right", "consent": "right", "masked": "left"}
    table = make_table(heads)
    for row in found:
        table.add_row(
            escape(row["source"]),
            row["kind"],
            escape(", ".join(row.get("parties", ())) or "–"),
            escape(", ".join(row.get("channels", ())) or "–"),
            f"{row['n_rows']:,}",
            f"{row['n_rejected']:,}",
            show_day(row["first_import"]),
            show_day(row["last_import"]),
            _show_languages(row.get("languages", {})),
            show_share(row.get("share_linked")),
            show_share(row.get("share_consent")),
            ", ".join(f"{n:,} {kind.lower()}" for kind, n in row.get("masked", {}).items()) or "–",
        )
    print_table(console, f"Sources: {len(found):,}", table)


def _show_languages(languages: Mapping[str, int]) -> str:
    shown = list(languages)[:_MAX_LANGUAGES]
    more = len(languages) - len(shown)
    return (", ".join(shown) + (f" +{more}" if more else "")) or "–"
