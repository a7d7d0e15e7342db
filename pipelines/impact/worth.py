"""What customers spent, by currency: amounts of different ones are never added to each other."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from pipelines.impact.designs import Floats
from pipelines.impact.histories import join_keys
from pipelines.impact.records import DAY, UNDATED, Codes, Happenings, Records

YEAR_DAYS = 365
_MOST = 1e15


@dataclass(frozen=True)
class Worth:
    """Orders less refunds of the year before some moments; all (n,).

    :param value: in the currency of most of it; nan for none.
    :param currency: -1 for none.
    """

    value: Floats
    currency: Codes

    def take(self, rows: NDArray[np.intp]) -> "Worth":
        """Some of the rows."""
        return Worth(self.value[rows], self.currency[rows])


def measure_worth(records: Records, customer: Codes, at: Codes) -> Worth:
    """Find what customers had spent in the year before moments; none where those are not known."""
    value, currency = np.full(len(at), np.nan), np.full(len(at), -1)
    rows = np.flatnonzero((at != UNDATED) & (customer >= 0))
    who, when = customer[rows], at[rows]
    best = np.full(len(rows), -np.inf)
    for code in range(len(records.currencies)):
        spend, n = sum_spend(records.happened, code, who, when - YEAR_DAYS * DAY, when)
        # Of equal ones the later in the alphabet, as in customer_insight.
        is_more = (n > 0) & (spend >= best)
        best[is_more] = spend[is_more]
        value[rows[is_more]], currency[rows[is_more]] = spend[is_more], code
    return Worth(value, currency)


def scale_worth(worth: Worth) -> Floats:
    """Values on a scale that is alike for all currencies: logs, by the spread of their own."""
    found = np.full(len(worth.value), np.nan)
    for code in np.unique(worth.currency[worth.currency >= 0]):
        rows = worth.currency == code
        logs = np.log1p(np.maximum(worth.value[rows], 0))
        found[rows] = (logs - logs.mean()) / (logs.std() or 1.0)
    return found


def sum_spend(
    happened: Happenings, currency: int, customer: Codes, after: Codes, until: Codes
) -> tuple[Floats, Codes]:
    """Orders less refunds in one currency in the time after one moment and up to another.

    :returns: sums, and of how many events each.
    """
    rows = np.flatnonzero((happened.currency == currency) & ~np.isnan(happened.amount))
    key = join_keys(happened.customer[rows], happened.at[rows])
    # Whole cents: a running sum over a million customers has no digits to lose.
    cents = np.rint(np.clip(happened.amount[rows], -_MOST, _MOST) * 100).astype(np.int64)
    total = np.concatenate([np.zeros(1, np.int64), np.cumsum(cents)])
    low, high = (
        np.searchsorted(key, join_keys(customer, edge), "right") for edge in (after, until)
    )
    high = np.maximum(high, low)
    return (total[high] - total[low]) / 100, high - low
