"""Whether files that were written say more than is allowed now.

Noted in the transaction that changes what is allowed: whoever is stopped before the files follow
leaves the note, and the next command that writes brings them in line.
"""

from typing import Final

from sqlalchemy import Connection, delete

from pipelines import tables
from pipelines.runs import Run
from pipelines.store import read_info, write_info

_NAME: Final = "files_behind"


def note_behind(run: Run) -> None:
    """Note that files do not follow yet."""
    write_info(run.connection, _NAME, run.run_id)


def read_behind(connection: Connection) -> str | None:
    """The latest run that noted it; None where files say what is allowed."""
    return read_info(connection, _NAME)


def clear_behind(connection: Connection, noted: str) -> None:
    """Take the note away, unless a later run noted it anew."""
    info = tables.store_info.c
    is_it = (info.name == _NAME) & (info.value == noted)
    connection.execute(delete(tables.store_info).where(is_it))
