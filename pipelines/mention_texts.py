"""What mentions say, as hashes: whether a decision about them still fits."""

from collections.abc import Sequence

from sqlalchemy import Connection, select

from pipelines.counted import mention

_IDS_A_STATEMENT = 500


def read_text_hashes(connection: Connection, mention_ids: Sequence[str]) -> dict[str, str]:
    """What mentions say, as hashes; without those that are not in the store."""
    found: dict[str, str] = {}
    for start in range(0, len(mention_ids), _IDS_A_STATEMENT):
        query = select(mention.mention_id, mention.text_hash).where(
            mention.mention_id.in_(mention_ids[start : start + _IDS_A_STATEMENT])
        )
        found.update(connection.execute(query).all())
    return found
