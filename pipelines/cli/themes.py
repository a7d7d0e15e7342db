"""``earful themes``: look at themes, and edit them."""

from typing import Annotated

import typer

from pipelines.cli import codebook, impact, theme_edits
from pipelines.cli.options import ConfigOption, DbOption, JsonOption, read_store, show_examples

N_SHOWN = 50

app = typer.Typer(
    no_args_is_help=True,
    help="Look at themes, and edit them. Edits survive every later run.",
    epilog=show_examples(
        "earful themes list -n 10",
        "earful themes show THEME_ID",
        "earful themes rename THEME_ID 'Late cards'",
        "earful themes undo",
    ),
)


@app.command("list", epilog=show_examples("earful themes list --json"))
def list_(
    config: ConfigOption = None,
    db: DbOption = None,
    limit: Annotated[
        int | None,
        typer.Option("--limit", "-n", min=0, help="How many; 0: all. Else 50, all as JSON."),
    ] = None,
    is_all: Annotated[
        bool, typer.Option("--all", help="Also muted, merged and retired themes.")
    ] = False,
    as_json: JsonOption = False,
) -> None:
    """List themes, those that deserve attention first; earful themes show says why."""
    from pipelines.cli.show import print_json
    from pipelines.cli.views import print_themes
    from pipelines.overview import count_reasons, count_tables, list_themes

    with read_store(config, db) as connection:
        found = list_themes(connection, is_all=is_all)
        counts = count_tables(connection) if not found else {}
        if counts:
            counts["noise"] = sum(count_reasons(connection, "feedback", "noise_reason").values())
    if as_json:
        print_json(found[: limit or None])
    else:
        shown = found[: (N_SHOWN if limit is None else limit) or None]
        print_themes(shown, with_status=is_all, n_all=len(found), counts=counts)


@app.command(
    "show",
    epilog=show_examples(
        "earful themes show t0123456789ab", "earful themes show t0123456789ab --mentions 20"
    ),
)
def show(
    theme_id: Annotated[str, typer.Argument(metavar="THEME_ID", help="From: earful themes list.")],
    config: ConfigOption = None,
    db: DbOption = None,
    n_mentions: Annotated[
        int, typer.Option("--mentions", min=0, help="Mentions to show, the least sure first.")
    ] = 0,
    as_json: JsonOption = False,
) -> None:
    """Show all about one theme: quotes, keywords, months, its life."""
    from pipelines.cli.show import print_json
    from pipelines.cli.views import print_theme
    from pipelines.errors import ConfigError
    from pipelines.overview import show_theme

    with read_store(config, db) as connection:
        found = show_theme(connection, theme_id, n_mentions)
    if found is None:
        raise ConfigError(
            f"there is no theme {theme_id!r}; list them with: earful themes list --all"
        )
    print_json(found) if as_json else print_theme(found)


@app.command("why", epilog=show_examples("earful themes why 3f2a-0"))
def why(
    mention_id: Annotated[
        str,
        typer.Argument(metavar="MENTION_ID", help="From: earful themes show --mentions 20."),
    ],
    config: ConfigOption = None,
    db: DbOption = None,
    as_json: JsonOption = False,
) -> None:
    """Say why a mention has its theme, or none. Who decided it, and what came second."""
    from dataclasses import asdict

    from pipelines.cli.show import print_json
    from pipelines.cli.why import print_why
    from pipelines.themes.why import explain_mention

    with read_store(config, db) as connection:
        found = explain_mention(connection, mention_id)
    print_json(asdict(found)) if as_json else print_why(found)


@app.command("history", epilog=show_examples("earful themes history t0123456789ab"))
def history(
    theme_id: Annotated[
        str | None, typer.Argument(metavar="[ID]", help="Only of this theme; else of all.")
    ] = None,
    config: ConfigOption = None,
    db: DbOption = None,
    as_json: JsonOption = False,
) -> None:
    """Show what happened to a theme or to all. Births, and who decided what."""
    from pipelines.cli.history import print_history
    from pipelines.cli.show import print_json
    from pipelines.errors import ConfigError
    from pipelines.overview import show_theme
    from pipelines.themes.history import read_history

    with read_store(config, db) as connection:
        if theme_id is not None and show_theme(connection, theme_id) is None:
            raise ConfigError(
                f"there is no theme {theme_id!r}; list them with: earful themes list --all"
            )
        found = read_history(connection, theme_id)
    print_json(found) if as_json else print_history(found, with_theme=theme_id is None)


@app.command("suggestions", epilog=show_examples("earful themes suggestions --json"))
def suggestions(
    config: ConfigOption = None, db: DbOption = None, as_json: JsonOption = False
) -> None:
    """List themes that may be the same. Such as one in two languages; accept or refuse each."""
    from pipelines.cli.show import print_json
    from pipelines.cli.views import print_suggestions
    from pipelines.edits.suggestions import list_suggestions

    with read_store(config, db) as connection:
        found = list_suggestions(connection)
    print_json(found) if as_json else print_suggestions(found)


impact.add_commands(app)
theme_edits.add_commands(app)
codebook.add_commands(app)
