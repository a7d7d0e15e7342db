"""What a store holds of customers' words and events, as arrays: a million of them stay small.

Everybody and everything is a number from 0 on, in the order of their ids; -1 is nobody or nothing.
Moments are whole seconds since 1970, UTC.
"""

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from pipelines.impact.designs import Floats

Codes = NDArray[np.integer[Any]]
UNDATED = np.iinfo(np.int64).min
DAY = 86_400


@dataclass(frozen=True)
class Said:
    """Feedback that counts, in any order; all (n,).

    :param voice: the customer, else the author, else the feedback itself.
    :param customer: -1 for nobody.
    :param at: UNDATED where it is not known.
    :param rating: 0..1; nan for none.
    :param nps: -1, 0, 1; nan for none.
    """

    voice: Codes
    customer: Codes
    at: Codes
    source: Codes
    rating: Floats
    nps: Floats

    def __len__(self) -> int:
        return len(self.voice)

    def take(self, rows: Codes | NDArray[np.bool_]) -> "Said":
        """Some of the rows."""
        return Said(**{name: values[rows] for name, values in vars(self).items()})


@dataclass(frozen=True)
class Happenings:
    """Events of customers, sorted by customer and moment, leaving before coming back; all (n,).

    :param amount: of orders and renewals, below zero of refunds; nan of all others.
    :param currency: -1 where there is no amount.
    :param is_return: whether it says that a customer who had left is back.
    """

    customer: Codes
    at: Codes
    amount: Floats
    currency: Codes
    is_churn: NDArray[np.bool_]
    is_return: NDArray[np.bool_]


@dataclass(frozen=True)
class Standing:
    """What the CRM says of customers, sorted by customer and moment, the newest last; all (n,).

    :param since: from when on it holds; UNDATED where it is not known.
    :param segment: -1 for none.
    """

    customer: Codes
    since: Codes
    segment: Codes


@dataclass(frozen=True)
class Records:
    """All of it.

    :param pairs: (m, 2) feedback, as its row in ``said``, and a theme that it speaks of; sorted,
        each once.
    :param feeling: (m,) mean sentiment of what it says of that theme, -1..1; nan for none.
    :param known_until: the newest event's moment; UNDATED without events.
    """

    said: Said
    pairs: Codes
    feeling: Floats
    happened: Happenings
    standing: Standing
    themes: tuple[str, ...]
    currencies: tuple[str, ...]
    known_until: int


def average_groups(values: Floats, starts: Codes) -> Floats:
    """Means of rows that follow each other, of those that are known; nan where none is.

    :param starts: where each group begins; at least one.
    """
    is_known = np.isfinite(values)
    total = np.add.reduceat(np.where(is_known, values, 0.0), starts)
    n = np.add.reduceat(is_known.astype(float), starts)
    with np.errstate(invalid="ignore"):
        found: Floats = total / n
    return found


def differs(values: Codes) -> NDArray[np.bool_]:
    """Whether each is another than the one before it; the first always is."""
    found = np.ones(len(values), dtype=bool)
    found[1:] = values[1:] != values[:-1]
    return found
