"""Write the next numbered migration from the difference between tables.py and a migrated store.

Usage: python scripts/make_migration.py "Add a column for ..."
Read the file that it writes, and raise SCHEMA_VERSION in pipelines/migrations/__init__.py.
"""

import sys
import tempfile
from pathlib import Path

from alembic import command
from alembic.config import Config

from pipelines.database import connect_engine, parse_url
from pipelines.migrations import migrate_schema


def main() -> None:
    """Compare, and write the file."""
    if len(sys.argv) != 2:
        sys.exit(__doc__)
    versions = Path(__file__).parents[1] / "pipelines" / "migrations" / "versions"
    number = f"{len(list(versions.glob('[0-9]*.py'))) + 1:04d}"
    config = Config()
    config.set_main_option("script_location", str(versions.parent))
    config.set_main_option("path_separator", "os")
    config.set_main_option("file_template", "%%(rev)s_%%(slug)s")
    with tempfile.TemporaryDirectory() as folder:
        engine = connect_engine(parse_url(f"sqlite:///{folder}/empty.db"))
        with engine.begin() as connection:
            migrate_schema(connection)
            config.attributes["connection"] = connection
            command.revision(config, message=sys.argv[1], autogenerate=True, rev_id=number)


if __name__ == "__main__":
    main()
