"""What alembic runs: our connection, our tables, inside the caller's transaction."""

from typing import Any, Literal

from alembic import context
from sqlalchemy import JSON

from pipelines.tables import metadata


def render_type(kind: str, item: Any, _context: Any) -> str | Literal[False]:
    """Write our own column types by name into new migrations."""
    if kind == "type" and isinstance(item, JSON):
        return "tables.Json"
    if kind == "type" and type(item).__module__ == "pipelines.tables":
        return f"tables.{type(item).__name__}()"
    return False


connection = context.config.attributes["connection"]
context.configure(
    connection=connection,
    target_metadata=metadata,
    render_as_batch=True,
    render_item=render_type,
    transactional_ddl=False,  # the caller holds the transaction
)
context.run_migrations()
