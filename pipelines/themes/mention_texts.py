"""What mentions say, as hashes: whether a decision about them still fits."""

from collections.abc import Sequence

from sqlalchemy import Connection, select

from pipelines.counted import mention
from pipelines.id_batches import batch_ids


def read_text_hashes(connection: Connection, mention_ids: Sequence[str]) -> dict[str, str]:
    """What mentions say, as hashes; without those that are not in the store."""
    found: dict[str, str] = {}
    for batch in batch_ids(mention_ids):
        query = select(mention.mention_id, mention.text_hash).where(mention.mention_id.in_(batch))
        found.update(connection.execute(query).all())
    return found
