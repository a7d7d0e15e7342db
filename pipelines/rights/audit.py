"""Who ran what about customers' rights: appended to, never changed, and without personal data."""

from datetime import UTC, datetime
from typing import Any

from sqlalchemy import Connection, insert, select

from pipelines import tables
from pipelines.runs import make_time_id
from pipelines.users import find_user


def record_audit(
    connection: Connection, command: str, arguments: dict[str, Any], result: dict[str, Any]
) -> str:
    """Append a row, in the transaction of what it tells of.

    :param arguments: kinds and settings; never a name, a key or a text.
    :returns: its id.
    """
    at = datetime.now(UTC)
    audit_id = make_time_id(at)
    row = {"who": find_user(), "command": command, "arguments": arguments, "result": result}
    connection.execute(insert(tables.audit).values(audit_id=audit_id, at=at, **row))
    return audit_id


def list_audit(connection: Connection, limit: int) -> list[dict[str, Any]]:
    """The latest rows, the newest first."""
    query = select(tables.audit).order_by(tables.audit.c.audit_id.desc()).limit(limit)
    return [dict(row) for row in connection.execute(query).mappings()]
