"""What is known of a shard that is done."""

from dataclasses import dataclass
from typing import Any

from pipelines.reading.fields import Tally, Unread


@dataclass(frozen=True)
class ShardReceipt:
    """A shard that is done.

    :param name: hash of all that decides what is in it.
    :param digest: of what its files hold.
    :param n_texts: distinct texts of mentions.
    :param n_read: of these those that the models have read.
    :param n_undated: feedback that was left out for want of a date.
    :param tallies: of the tables of the file, as far as the shard goes.
    """

    name: str
    digest: str
    n_rows: int
    n_texts: int
    n_read: int
    n_undated: int
    tallies: tuple[Tally, ...]


def read_receipt(values: dict[str, Any]) -> ShardReceipt:
    """A receipt from its values.

    :raises TypeError: when some are missing.
    """
    tallies = [
        Tally(**{**tally, "unread": {name: Unread(**own) for name, own in tally["unread"].items()}})
        for tally in values["tallies"]
    ]
    return ShardReceipt(**{**values, "tallies": (*tallies,)})


def add_tallies(receipts: list[ShardReceipt]) -> list[Tally]:
    """What was met in all shards of a file, in their order, for each of its tables."""
    totals: list[Tally] = []
    for receipt in receipts:
        totals += [Tally() for _ in range(len(receipt.tallies) - len(totals))]
        for total, own in zip(totals, receipt.tallies, strict=False):
            total.add(own)
    return totals
