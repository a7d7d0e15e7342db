"""What texts leave behind when nobody says them any more: vectors and sentiments."""

from collections.abc import Sequence

from sqlalchemy import Connection, delete, select

from pipelines import tables
from pipelines.edits.traces import list_traces
from pipelines.id_batches import batch_ids
from pipelines.themes.edit_log import read_log
from pipelines.vector_lake.keeping import erase_from_files, find_files


def drop_unused_texts(connection: Connection, text_hashes: Sequence[str]) -> dict[str, int]:
    """Delete the vectors and sentiments of those texts that no mention and no pin has any more.

    :returns: rows deleted by table.
    """
    pinned = {trace.text_hash for trace in list_traces(read_log(connection)) if trace.text}
    mention = tables.mention.c
    counts = {"vector": 0, "text_sentiment": 0}
    files: set[int] = set()
    for batch in batch_ids([key for key in text_hashes if key not in pinned]):
        query = select(mention.text_hash).where(mention.text_hash.in_(batch)).distinct()
        used = set(connection.execute(query).scalars())
        unused = [key for key in batch if key not in used]
        files |= find_files(connection, unused)
        for table in (tables.vector, tables.text_sentiment):
            statement = delete(table).where(table.c.text_hash.in_(unused))
            counted = statement.execution_options(preserve_rowcount=True)
            counts[table.name] += connection.execute(counted).rowcount
    erase_from_files(connection, files)
    return counts
