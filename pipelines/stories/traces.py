"""Whose words a language model was given: its answers go when the words do."""

from collections.abc import Collection

from sqlalchemy import Connection, delete, select

from pipelines import tables
from pipelines.id_batches import batch_ids

_wording, _mention = tables.wording.c, tables.mention.c


def find_wordings(connection: Connection, sources: Collection[str]) -> list[str]:
    """Answers that were made of words of some of these feedback and themes."""
    asked = set(sources)
    rows = connection.execute(select(_wording.wording_id, _wording.sources))
    return sorted(key for key, own in rows if asked.intersection(own or ()))


def drop_wordings(connection: Connection, feedback_ids: Collection[str]) -> int:
    """Delete what was made of some feedback, or of themes that may be named in its words.

    To be called while its mentions are there.

    :returns: number of answers.
    """
    sources = set(feedback_ids)
    for batch in batch_ids(sorted(feedback_ids)):
        query = select(_mention.theme_id, _mention.nearest_theme_id)
        for row in connection.execute(query.where(_mention.feedback_id.in_(batch)).distinct()):
            sources.update(theme_id for theme_id in row if theme_id)
    found = find_wordings(connection, sources) if sources else []
    for batch in batch_ids(found):
        connection.execute(delete(tables.wording).where(_wording.wording_id.in_(batch)))
    return len(found)
