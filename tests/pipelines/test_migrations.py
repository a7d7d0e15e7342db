"""A store of an earlier schema, brought forward by a later migration: data, guards and views."""

import shutil
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from sqlalchemy import Connection, column, func, inspect, select, table, text

from pipelines import migrations, tables
from pipelines.errors import StoreError
from pipelines.migrations import SCHEMA_VERSION
from pipelines.store import Store, open_store, upgrade_store
from pipelines.views import VIEW_COMMENTS
from tests.pipelines.conftest import read_rows
from tests.pipelines.store_copies import open_copy
from tests.pipelines.test_store_copy import MANY, fill

NEXT = "9001"
# What SQLite can only do by building a table anew, to tables that views, guards and others rest on.
REBUILD = f'''
"""Add a column, rebuild tables."""

import sqlalchemy as sa
from alembic import op

revision = "{NEXT}"
down_revision = "{SCHEMA_VERSION}"


def upgrade() -> None:
    """Add a column, rebuild tables."""
    for name in ("feedback", "mention", "vector", "audit", "consent"):
        with op.batch_alter_table(name, recreate="auto") as changed:
            changed.add_column(sa.Column("tone", sa.Text(), nullable=True))
        with op.batch_alter_table(name, recreate="auto") as changed:
            changed.alter_column("tone", existing_type=sa.Text(), type_=sa.String(200))
    op.execute("UPDATE feedback SET tone = 'of ' || feedback_id")
'''
FAILING = '\n    op.execute("SELECT nothing FROM nowhere")\n'


@pytest.fixture
def older(store_url: str) -> Iterator[Store]:
    """A store of the schema of today with rows in every table, which is earlier in a moment."""
    opened = open_copy(store_url, "rows in every table", fill)
    yield opened
    opened.engine.dispose()


@pytest.fixture
def add_migration(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Callable[[str], None]:
    """Have the program know a later migration, of this text."""
    root = tmp_path / "migrations"
    shutil.copytree(Path(migrations.__file__).parent, root)

    def add(content: str) -> None:
        (root / "versions" / f"{NEXT}_rebuild.py").write_text(content, encoding="utf-8")
        monkeypatch.setattr(migrations, "__file__", str(root / "__init__.py"))
        monkeypatch.setattr(migrations, "SCHEMA_VERSION", NEXT)

    return add


def read_all(connection: Connection) -> dict[str, list[str]]:
    # What the migration itself notes is of the new schema.
    names = sorted(tables.metadata.tables.keys() - {"store_info"})
    return {
        name: sorted(map(repr, read_rows(connection, name, *tables.metadata.tables[name].c.keys())))
        for name in names
    }


def read_rules(connection: Connection) -> dict[str, list[str]]:
    """Keys and indices by table, in words."""
    found = inspect(connection)
    return {
        name: [
            repr(found.get_pk_constraint(name)["constrained_columns"]),
            *sorted(
                f"{each['name']} {each['column_names']} {each['unique']} "
                f"{[*map(str, each.get('dialect_options', {}).values())]}"
                for each in found.get_indexes(name)
            ),
        ]
        for name in tables.metadata.tables
    }


def test_an_earlier_store_comes_forward_with_every_row_guard_and_view(
    older: Store, add_migration: Callable[[str], None]
) -> None:
    url = older.url.render_as_string(hide_password=False)
    with older.read() as connection:
        before = read_all(connection)
        rules = read_rules(connection)
    add_migration(REBUILD)
    with pytest.raises(StoreError, match="make a backup, then run: earful migrate"):
        open_store(url)
    assert upgrade_store(url) == SCHEMA_VERSION
    store = open_store(url)
    with store.read() as connection:
        assert read_all(connection) == before
        assert read_rules(connection) == rules
        tone = select(func.count(column("tone").distinct())).select_from(table("feedback"))
        assert connection.execute(tone).scalar_one() == MANY
        for name in VIEW_COMMENTS:
            connection.execute(text(f"SELECT * FROM {name}")).all()
    for change in ("UPDATE audit SET who = 'x'", "DELETE FROM audit", "DELETE FROM theme_event"):
        with pytest.raises(StoreError, match="refused"), store.write() as connection:
            connection.execute(text(change))
    store.engine.dispose()


def test_a_migration_that_fails_leaves_the_earlier_store_as_it_was(
    older: Store, add_migration: Callable[[str], None], monkeypatch: pytest.MonkeyPatch
) -> None:
    url = older.url.render_as_string(hide_password=False)
    with older.read() as connection:
        before = read_all(connection)
    add_migration(REBUILD + FAILING)
    with pytest.raises(StoreError):
        upgrade_store(url)
    monkeypatch.undo()
    store = open_store(url)
    with store.read() as connection:
        assert read_all(connection) == before
        assert "tone" not in {each["name"] for each in inspect(connection).get_columns("feedback")}
        for name in VIEW_COMMENTS:
            connection.execute(text(f"SELECT * FROM {name}")).all()
    store.engine.dispose()
