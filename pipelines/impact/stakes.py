"""What is at stake with a theme: its effect times the customers who voiced it times their worth.

Above zero is lost, as far as the association goes. Amounts of several currencies stay apart.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from pipelines.anonymity import MIN_CUSTOMERS
from pipelines.impact.comparing import Comparison
from pipelines.impact.records import Codes
from pipelines.impact.samples import Reached, Sample


@dataclass(frozen=True)
class Stake:
    """What is at stake with one theme in one currency.

    :param currency: "" where customers are counted.
    :param n_customers: who voiced it.
    :param worth: what these spent in the year before; None where nothing is multiplied by it.
    """

    theme: int
    currency: str
    n_customers: int
    worth: float | None
    at_stake: float
    low: float
    high: float


def list_stakes(
    sample: Sample,
    comparison: Comparison,
    currencies: Sequence[str],
    min_customers: int = MIN_CUSTOMERS,
) -> Iterator[Stake]:
    """What is at stake with every theme that has an effect, by theme and currency.

    :param min_customers: what fewer spent is nobody's business: it could be that of one.
    """
    if sample.reached is None:
        return
    n_themes = len(comparison.notes)
    theme, row = _find_last(sample.reached)
    n_all = np.bincount(theme, minlength=n_themes)
    worth = sample.reached.worth
    by_currency: dict[str, tuple[Any, Any]] = {}
    if worth is not None:
        for code in np.unique(worth.currency[worth.currency >= 0]):
            own = worth.currency[row] == code
            total = np.bincount(theme[own], worth.value[row[own]], n_themes)
            by_currency[currencies[code]] = np.bincount(theme[own], minlength=n_themes), total
    for place in (place for place, note in enumerate(comparison.notes) if note is None):
        n = int(n_all[place])
        if worth is None:
            # The effect is money, and what is spent less is lost.
            yield Stake(place, sample.unit, n, None, *_multiply(comparison, place, -n))
            continue
        yield Stake(place, "", n, None, *_multiply(comparison, place, n))
        for currency, (counts, totals) in by_currency.items():
            if counts[place] >= min_customers:
                spent = float(totals[place])
                lost = _multiply(comparison, place, spent)
                yield Stake(place, currency, int(counts[place]), spent, *lost)


def choose_stake(stakes: Sequence[Stake]) -> Stake | None:
    """The one in the currency of most customers; where there is none, the customers themselves."""

    def rank(stake: Stake) -> tuple[bool, int, str]:
        return stake.currency != "", stake.n_customers, stake.currency

    return max(stakes, key=rank, default=None)


def _find_last(reached: Reached) -> tuple[Codes, Codes]:
    """Each theme and customer once, with the row of the last moment that has both."""
    row, theme = reached.pairs.T
    order = np.lexsort((row, theme, reached.customer[row]))
    row, theme = row[order], theme[order]
    customer = reached.customer[row]
    is_last = np.ones(len(row), dtype=bool)
    is_last[:-1] = (theme[1:] != theme[:-1]) | (customer[1:] != customer[:-1])
    return theme[is_last], row[is_last]


def _multiply(comparison: Comparison, theme: int, times: float) -> tuple[float, float, float]:
    """The effect and its interval so many times."""
    found = comparison.estimates
    low, high = sorted(float(side[theme]) * times for side in (found.low, found.high))
    return float(found.effect[theme]) * times, low, high
