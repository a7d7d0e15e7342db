"""Rows that could not be used, as they may be handed on: masked, with keyed hashes."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime

from nlp.masking import Masking
from pipelines.feedback_rows import mask_raw
from pipelines.keys import hash_keys
from pipelines.reading.tables import BadRow


@dataclass(frozen=True)
class RefusedRow:
    """A row that could not be used.

    :param raw: masked.
    :param keys: whom it names: keyed hash by key type.
    :param said: what they allow and refuse in it, as :mod:`pipelines.reading.consents` names it.
    """

    number: int
    reason: str
    raw: str
    keys: Mapping[str, str] = field(default_factory=dict)
    said: Mapping[str, str] = field(default_factory=dict)
    said_at: datetime | None = None


def hide_person(row: BadRow, secret: bytes, region: str, masking: Masking) -> RefusedRow:
    """A bad row without what is personal in it."""
    # The role of the id is "customer".
    named: dict[str, str | None] = {
        "customer_id" if role == "customer" else role: told for role, told in row.keys
    }
    keys = hash_keys(secret, named, region) if named else {}
    raw = mask_raw(row.raw, masking)
    return RefusedRow(row.number, row.reason, raw, keys, row.said, row.said_at)
