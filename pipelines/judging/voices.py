"""Who spoke when, and of what: two temporary tables from which all periods are counted.

The mentions are gone through once for days, weeks, months, everybody and segments alike: six scans
of a million rows took 85 CPU seconds, this and the sums from it take 20.
"""

from collections.abc import Collection, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

from sqlalchemy import (
    Column,
    Connection,
    Double,
    Integer,
    MetaData,
    Table,
    Text,
    func,
    insert,
    select,
)

from pipelines import tables
from pipelines.counted import feedback, is_counted, is_one_of, mention, voice


@dataclass(frozen=True)
class Voices:
    """The temporary tables; days are YYYY-MM-DD in UTC, a segment is null where none is known.

    :param heard: one row a feedback that counts; its day is null where it has no date.
    :param said: one row a voice, theme and day.
    """

    heard: Table
    said: Table


@contextmanager
def gather_voices(
    connection: Connection, day: Any, themes: Collection[str] | None
) -> Iterator[Voices]:
    """Fill the tables, which are gone at the end.

    :param day: SQL for the day of a feedback.
    :param themes: of what is said; None for all.
    """
    metadata = MetaData()
    voices = Voices(_heard(metadata), _said(metadata))
    metadata.create_all(connection, checkfirst=False)
    _fill_heard(connection, voices, day)
    _fill_said(connection, voices, themes)
    yield voices
    # Where something fails, the transaction takes them along.
    metadata.drop_all(connection, checkfirst=False)


def _fill_heard(connection: Connection, voices: Voices, day: Any) -> None:
    query = (
        select(
            feedback.feedback_id,
            voice.label("voice"),
            day.label("day"),
            tables.customer.c.segment,
        )
        .select_from(
            tables.feedback.outerjoin(
                tables.customer, tables.customer.c.customer_id == feedback.customer_id
            )
        )
        .where(is_counted)
    )
    names = [column.name for column in voices.heard.c]
    connection.execute(insert(voices.heard).from_select(names, query))


def _fill_said(connection: Connection, voices: Voices, themes: Collection[str] | None) -> None:
    heard = voices.heard.c
    query = (
        select(
            heard.voice,
            mention.theme_id,
            heard.day,
            func.min(heard.segment),
            func.count(),
            func.count(mention.feedback_id.distinct()),
            func.sum(mention.sentiment_score),
            func.count(mention.sentiment_score),
        )
        .select_from(voices.heard.join(tables.mention, mention.feedback_id == heard.feedback_id))
        .where(heard.day.is_not(None), mention.theme_id.is_not(None))
        .where(is_one_of(mention.theme_id, themes))
        # In the order of the table's key, which is then filled from its begin to its end.
        .group_by(heard.voice, mention.theme_id, heard.day)
    )
    names = [column.name for column in voices.said.c]
    connection.execute(insert(voices.said).from_select(names, query))


def _heard(metadata: MetaData) -> Table:
    return Table(
        "voices_heard",
        metadata,
        Column("feedback_id", Text),
        Column("voice", Text),
        Column("day", Text),
        Column("segment", Text),
        prefixes=["TEMPORARY"],
    )


def _said(metadata: MetaData) -> Table:
    return Table(
        "voices_said",
        metadata,
        Column("voice", Text, primary_key=True),
        Column("theme_id", Text, primary_key=True),
        Column("day", Text, primary_key=True),
        Column("segment", Text),
        Column("n_mentions", Integer),
        Column("n_feedback", Integer),
        Column("feeling", Double),
        Column("n_felt", Integer),
        prefixes=["TEMPORARY"],
        sqlite_with_rowid=False,
    )
