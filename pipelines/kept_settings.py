"""Settings that the tables were last made by, kept for commands that are not told them."""

import json
from collections.abc import Mapping
from typing import Any

from sqlalchemy import Connection

from pipelines.store import read_info, write_info


def keep_values(
    connection: Connection, name: str, values: Mapping[str, Any] | None, *products: str
) -> dict[str, Any] | None:
    """Keep the values of settings by a name.

    :param values: as configured; None for those of the last time. Others than then have the
        products made anew.
    :returns: them as JSON holds them; None where none were ever given.
    """
    stored: dict[str, Any] | None = json.loads(read_info(connection, name) or "null")
    if values is None:
        return stored
    text = json.dumps(values)
    if json.loads(text) != stored:
        write_info(connection, name, text)
        for product in products:
            write_info(connection, f"{product}_version", "")
    kept: dict[str, Any] = json.loads(text)
    return kept
