"""``earful roles``: the SQL that gives each user of a server's store just what it needs."""

from typing import Annotated

import typer

from pipelines.cli.options import show_examples


def add_commands(app: typer.Typer) -> None:
    """Add the command."""
    app.command(
        "roles",
        epilog=show_examples(
            "earful roles > roles.sql",
            "psql -v ON_ERROR_STOP=1 --single-transaction -f roles.sql feedback",
        ),
    )(roles)


def roles(
    writer: Annotated[
        str, typer.Option("--writer", metavar="NAME", help="Writes rows, drops nothing.")
    ] = "earful_writer",
    reader: Annotated[
        str, typer.Option("--reader", metavar="NAME", help="Reads views, masked words too.")
    ] = "earful_reader",
    dashboard: Annotated[
        str, typer.Option("--dashboard", metavar="NAME", help="Reads no words and no customers.")
    ] = "earful_dashboard",
    schema: Annotated[
        str, typer.Option("--schema", metavar="NAME", help="Where the tables are.")
    ] = "public",
) -> None:
    """Print roles of least privilege, for PostgreSQL.

    It is SQL, which the owner of the tables runs. Nothing is done to any store. Run it again after
    earful migrate, which makes the views anew.
    """
    from pipelines.errors import ConfigError
    from pipelines.roles import RoleNames, write_roles

    if len({writer, reader, dashboard}) < 3 or not all((writer, reader, dashboard, schema)):
        raise ConfigError("three roles need three names, and the schema has one")
    if any("$" in name or "\n" in name or "\0" in name for name in (writer, reader, dashboard)):
        raise ConfigError("the name of a role holds no $ and no line break")
    typer.echo(write_roles(RoleNames(writer, reader, dashboard), schema), nl=False)
