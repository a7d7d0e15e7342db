"""What is linked: feedback and events, each with a table of its keys."""

from dataclasses import dataclass

from sqlalchemy import Table

from pipelines import tables


@dataclass(frozen=True)
class Items:
    """A table whose rows are linked, and that of their keys.

    :param id_name: the column with their id, in both.
    """

    table: Table
    keys: Table
    id_name: str


FEEDBACK = Items(tables.feedback, tables.feedback_key, "feedback_id")
EVENTS = Items(tables.event, tables.event_key, "event_id")
