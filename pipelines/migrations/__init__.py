"""Numbered changes of the schema: the only way a store's tables change."""

from pathlib import Path

from sqlalchemy import Connection, inspect, text

from pipelines.guards import create_guards
from pipelines.views import create_views, drop_views

# The number of the newest file in versions/; a test keeps it true.
SCHEMA_VERSION = "0001"


def schema_version(connection: Connection) -> str | None:
    """Number of the last migration that this store has seen; None when it has no tables of ours."""
    if not inspect(connection).has_table("alembic_version"):
        return None
    version: str | None = connection.execute(
        text("SELECT version_num FROM alembic_version")
    ).scalar()
    return version


def migrate_schema(connection: Connection) -> None:
    """Bring a store to the newest schema in the caller's transaction; views and triggers too."""
    from alembic import command
    from alembic.config import Config

    drop_views(connection)
    config = Config()
    config.set_main_option("script_location", str(Path(__file__).parent))
    config.set_main_option("path_separator", "os")
    config.attributes["connection"] = connection
    command.upgrade(config, "head")
    create_views(connection)
    create_guards(connection)
