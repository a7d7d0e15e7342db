"""Settings that the tables were last made by, kept for commands that are not told them."""

import json
from collections.abc import Mapping
from typing import Any

from sqlalchemy import Connection

from pipelines.store import read_info, write_info


def keep_settings(
    connection: Connection, name: str, given: Mapping[str, Any] | None, product: str
) -> dict[str, Any] | None:
    """Keep settings by a name.

    :param given: as configured; None for those of the last time. Others than then have the
        product made anew.
    :returns: the settings as JSON holds them; None where none were ever given.
    """
    stored: dict[str, Any] | None = json.loads(read_info(connection, name) or "null")
    if given is None:
        return stored
    text = json.dumps(given)
    if json.loads(text) != stored:
        write_info(connection, name, text)
        write_info(connection, f"{product}_version", "")
    kept: dict[str, Any] = json.loads(text)
    return kept
