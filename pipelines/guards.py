"""What keeps tables that are only appended to as they are: triggers, on both databases.

An erasure must reach people's edits and consent too; while one is at its rows, these tables yield.
"""

from typing import Final

from sqlalchemy import Connection, inspect

# By table, whether it yields to an erasure. The audit holds no personal data, so it never does.
GUARDED: Final[dict[str, bool]] = {
    "audit": False,
    "consent": True,
    "theme_edit": True,
    "theme_event": True,
}
_IS_ERASING = "EXISTS (SELECT 1 FROM erasure WHERE erased_at IS NULL)"


def create_guards(connection: Connection) -> None:
    """Have every table of GUARDED refuse changes and deletions."""
    make = _guard_on_server if connection.dialect.name == "postgresql" else _guard_in_file
    if connection.dialect.name == "postgresql":
        connection.exec_driver_sql(_FUNCTION)
    # The script that writes the first migration starts without any table.
    present = set(inspect(connection).get_table_names())
    for table in sorted(present & GUARDED.keys()):
        yields = GUARDED[table]
        make(connection, table, yields=yields)


def _guard_in_file(connection: Connection, table: str, *, yields: bool) -> None:
    unless = f"WHEN NOT {_IS_ERASING}" if yields else ""
    for action in ("UPDATE", "DELETE"):
        name = f"guard_{table}_{action.lower()}"
        connection.exec_driver_sql(f"DROP TRIGGER IF EXISTS {name}")
        connection.exec_driver_sql(
            f"CREATE TRIGGER {name} BEFORE {action} ON {table} {unless} "
            f"BEGIN SELECT RAISE(ABORT, '{table} is append only'); END"
        )


def _guard_on_server(connection: Connection, table: str, *, yields: bool) -> None:
    for name, action, each in (
        (f"guard_{table}", "UPDATE OR DELETE", "ROW"),
        (f"guard_{table}_whole", "TRUNCATE", "STATEMENT"),
    ):
        connection.exec_driver_sql(f"DROP TRIGGER IF EXISTS {name} ON {table}")
        connection.exec_driver_sql(
            f"CREATE TRIGGER {name} BEFORE {action} ON {table} FOR EACH {each} "
            f"EXECUTE FUNCTION earful_append_only('{'erasure' if yields else 'never'}')"
        )


_FUNCTION = f"""
CREATE OR REPLACE FUNCTION earful_append_only() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    IF TG_ARGV[0] = 'erasure' AND TG_OP <> 'TRUNCATE' AND {_IS_ERASING} THEN
        IF TG_OP = 'DELETE' THEN RETURN OLD; END IF;
        RETURN NEW;
    END IF;
    RAISE EXCEPTION USING MESSAGE = TG_TABLE_NAME || ' is append only';
END $$
"""
