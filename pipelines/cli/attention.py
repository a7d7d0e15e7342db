"""Commands that say what deserves attention: priorities, compare and coverage."""

from typing import Annotated

import typer

from pipelines.cli.options import (
    ConfigOption,
    DbOption,
    JsonOption,
    load_settings,
    show_examples,
)


def add_commands(app: typer.Typer) -> None:
    """Add the commands."""
    app.command(
        "priorities",
        epilog=show_examples("earful priorities", "earful priorities --segment Business --json"),
    )(priorities)
    app.command(
        "compare", epilog=show_examples("earful compare brand", "earful compare version --json")
    )(compare)
    app.command("coverage", epilog=show_examples("earful coverage", "earful coverage --themes"))(
        coverage
    )


def priorities(
    segment: Annotated[
        str, typer.Option("--segment", metavar="NAME", help="Of one customer segment; else of all.")
    ] = "all",
    config: ConfigOption = None,
    db: DbOption = None,
    as_json: JsonOption = False,
) -> None:
    """Say what to fix first. And what that should bring, with its interval."""
    from pipelines.attention.shown import list_priorities, list_segments
    from pipelines.cli.attention_tables import print_priorities
    from pipelines.cli.show import print_json
    from pipelines.errors import ConfigError
    from pipelines.store import open_store

    settings, _ = load_settings(config, db)
    with open_store(settings.store.url).read() as connection:
        found = list_priorities(connection, segment)
        known = list_segments(connection)
    if not found and segment != "all":
        raise ConfigError(
            f"nothing is told of the segment {segment!r}; there are: {', '.join(known) or 'none'}. "
            "Of segments with few customers nothing is told"
        )
    print_json(found) if as_json else print_priorities(found, segment)


def compare(
    column: Annotated[
        str,
        typer.Argument(
            metavar="COLUMN", help="That names brands, products, ...: or source, channel, lang."
        ),
    ],
    config: ConfigOption = None,
    db: DbOption = None,
    limit: Annotated[
        int, typer.Option("--limit", "-n", min=0, help="How many differences; 0: all.")
    ] = 20,
    as_json: JsonOption = False,
) -> None:
    """Compare brands, products or versions. How much each theme is spoken of, and how it feels."""
    from pipelines.attention.columns import NotCompared, list_attributes
    from pipelines.attention.settings import read_attention_settings
    from pipelines.attention.shown import read_comparison
    from pipelines.cli.attention_tables import explain_not_compared, print_comparison
    from pipelines.cli.show import print_json
    from pipelines.errors import ConfigError
    from pipelines.store import open_store

    settings, _ = load_settings(config, db)
    asked = read_attention_settings(settings)
    with open_store(settings.store.url).read() as connection:
        found = read_comparison(connection, column, asked)
        attributes = list_attributes(connection) if isinstance(found, NotCompared) else []
    if isinstance(found, NotCompared):
        raise ConfigError(explain_not_compared(column, found, attributes, asked))
    print_json(found) if as_json else print_comparison(found, column, limit)


def coverage(
    config: ConfigOption = None,
    db: DbOption = None,
    themes: Annotated[
        bool, typer.Option("--themes", help="Themes by their weighted share of customers instead.")
    ] = False,
    as_json: JsonOption = False,
) -> None:
    """Show who is heard, and who is not. Customers with feedback against the CRM."""
    from pipelines.attention.shown import list_coverage, list_shares
    from pipelines.cli.attention_tables import print_coverage, print_shares
    from pipelines.cli.show import print_json
    from pipelines.errors import ConfigError
    from pipelines.store import open_store

    settings, _ = load_settings(config, db)
    with open_store(settings.store.url).read() as connection:
        found = list_shares(connection) if themes else list_coverage(connection)
    if themes and not found:
        raise ConfigError(
            "voices are not weighted; name by what under [coverage] in earful.toml, such as "
            'weight_by = ["segment"], then run: earful rank'
        )
    if as_json:
        print_json(found)
    elif themes:
        print_shares(found)
    else:
        print_coverage(found)
