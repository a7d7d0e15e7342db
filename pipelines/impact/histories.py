"""What was known of customers at a moment, and what came after it: searches in sorted arrays.

The same as :mod:`pipelines.odata` says of one customer, for a million of them at once; a test holds
the two together.
"""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from pipelines.impact.designs import Floats
from pipelines.impact.records import (
    DAY,
    UNDATED,
    Codes,
    Happenings,
    Said,
    Standing,
    differs,
)

# Customer and second as one number that sorts like the pair: seconds of the years 1700 to 2240.
_SPAN, _HALF = 1 << 34, 1 << 33
NEVER = np.iinfo(np.int64).max


@dataclass(frozen=True)
class Moments:
    """When a customer first says something; sorted by customer and moment; all (n,).

    :param source: of the feedback then; of several the first.
    :param until: when this customer's next moment is; NEVER for the last.
    :param pairs: (m, 2) moment and a theme that was voiced in the days up to it.
    """

    customer: Codes
    at: Codes
    source: Codes
    until: Codes
    pairs: Codes

    def __len__(self) -> int:
        return len(self.customer)


def find_moments(said: Said, pairs: Codes, window_days: int) -> Moments:
    """Find when customers speak of a theme that they had not spoken of for so many days.

    What somebody repeats within these days is no new moment: one voice counts once. A day on which
    nothing is said that has a theme is one where nothing was said for so many days.

    :param pairs: (m, 2) feedback, as its row in ``said``, and theme.
    """
    window = window_days * DAY
    is_dated = (said.customer >= 0) & (said.at != UNDATED)
    rows = np.flatnonzero(is_dated)
    rows = rows[np.lexsort((said.source[rows], said.at[rows], said.customer[rows]))]
    customer, at = said.customer[rows], said.at[rows]
    # What is said on one day is one moment, the last of it.
    is_first = differs(customer) | differs(at // DAY)
    day_of = np.cumsum(is_first) - 1
    n_days = int(is_first.sum())
    starts = np.flatnonzero(is_first)
    day_customer, day_source = customer[starts], said.source[rows][starts]
    day_at = at[np.append(starts[1:], len(rows)) - 1] if n_days else at
    row_of = np.full(len(said), -1)
    row_of[rows] = day_of
    spoken = np.column_stack([row_of[pairs[:, 0]], pairs[:, 1]])
    spoken = _unique_pairs(spoken[spoken[:, 0] >= 0])
    is_new = _find_new(day_customer, day_at, spoken, window)
    chosen = np.zeros(n_days, dtype=bool)
    chosen[spoken[is_new, 0]] = True
    has_theme = np.zeros(n_days, dtype=bool)
    has_theme[spoken[:, 0]] = True
    quiet = differs(day_customer)
    quiet[1:] |= np.diff(day_at) >= window
    places = np.flatnonzero(chosen | (quiet & ~has_theme))
    return Moments(
        day_customer[places],
        day_at[places],
        day_source[places],
        _next_of(day_customer[places], day_at[places]),
        _spread_themes(day_customer, day_at, places, spoken, window),
    )


def _unique_pairs(pairs: Codes) -> Codes:
    """Pairs of numbers from 0 on, once each, in their order."""
    n = pairs[:, 1].max(initial=0) + 1
    keys = np.sort(pairs[:, 0] * n + pairs[:, 1])
    return np.column_stack(np.divmod(keys[differs(keys)], n))


def _find_new(customer: Codes, at: Codes, spoken: Codes, window: int) -> NDArray[np.bool_]:
    """Whether a customer had not spoken of this theme in the time before."""
    who, when = customer[spoken[:, 0]], at[spoken[:, 0]]
    # Days are in the order of their customers and moments: what is equal stays in that of moments.
    key = who * (spoken[:, 1].max(initial=0) + 1) + spoken[:, 1]
    order = np.argsort(key, kind="stable")
    first = differs(key[order])
    first[1:] |= np.diff(when[order]) >= window
    found = np.empty(len(spoken), dtype=bool)
    found[order] = first
    return found


def _next_of(customer: Codes, at: Codes) -> Codes:
    found = np.full(len(at), NEVER)
    found[:-1] = np.where(differs(customer)[1:], NEVER, at[1:])
    return found


def _spread_themes(customer: Codes, at: Codes, places: Codes, spoken: Codes, window: int) -> Codes:
    """Themes of each moment: those that its customer voiced then or in the time before."""
    key = join_keys(customer, at)
    first = np.searchsorted(key, join_keys(customer[places], at[places] - window), "right")
    low = np.searchsorted(spoken[:, 0], first, "left")
    high = np.searchsorted(spoken[:, 0], places, "right")
    counts = np.maximum(high - low, 0)
    moment = np.repeat(np.arange(len(places)), counts)
    offset = np.arange(len(moment)) - np.repeat(np.cumsum(counts) - counts, counts)
    theme = spoken[np.repeat(low, counts) + offset, 1]
    return _unique_pairs(np.column_stack([moment, theme]))


def join_keys(customer: Codes, at: Codes) -> Codes:
    """One number for a customer and a moment, which sorts like the pair."""
    return customer * _SPAN + np.clip(at + _HALF, 0, _SPAN - 1)


@dataclass(frozen=True)
class Past:
    """What was known of a customer at each of some moments; all (n,).

    :param tenure_days: since the customer is known; nan where nothing was.
    :param has_events: whether the store has events of this customer at all.
    :param has_left: whether the customer had left, and was not back.
    :param leaves_at: when the customer next leaves; NEVER where nothing is known of it.
    """

    tenure_days: Floats
    has_events: NDArray[np.bool_]
    has_left: NDArray[np.bool_]
    leaves_at: Codes


def look_back(happened: Happenings, standing: Standing, customer: Codes, at: Codes) -> Past:
    """Describe customers as of moments.

    :param customer: (n,) -1 for nobody.
    :param at: (n,) UNDATED where it is not known: then nothing is.
    """
    asked = join_keys(customer, at)
    key = join_keys(happened.customer, happened.at)
    low, high = (np.searchsorted(happened.customer, customer, side) for side in ("left", "right"))
    has_events = high > low
    first = np.full(len(at), NEVER)
    first[has_events] = happened.at[low[has_events]]
    first = np.minimum(first, _find_since(standing, customer))
    is_known = (first <= at) & (at != UNDATED)
    tenure = np.full(len(at), np.nan)
    tenure[is_known] = (at - first)[is_known] / DAY
    turns = np.flatnonzero(happened.is_churn | happened.is_return)
    last = np.searchsorted(key[turns], asked, "right") - 1
    is_own = (last >= 0) & (happened.customer[turns][last] == customer) if len(turns) else last >= 0
    has_left = np.zeros(len(at), dtype=bool)
    has_left[is_own] = happened.is_churn[turns[last[is_own]]]
    return Past(tenure, has_events, has_left, _find_next(happened, key, customer, asked))


def _find_since(standing: Standing, customer: Codes) -> Codes:
    """Since when the CRM knows each customer; NEVER where it does not say."""
    dated = standing.since != UNDATED
    known, since = standing.customer[dated], standing.since[dated]
    place = np.searchsorted(known, customer)
    found = np.full(len(customer), NEVER)
    is_there = place < len(known)
    is_there[is_there] = known[place[is_there]] == customer[is_there]
    found[is_there] = since[place[is_there]]
    return found


def _find_next(happened: Happenings, key: Codes, customer: Codes, asked: Codes) -> Codes:
    churns = np.flatnonzero(happened.is_churn)
    place = np.searchsorted(key[churns], asked, "right")
    found = np.full(len(customer), NEVER)
    is_there = place < len(churns)
    is_there[is_there] = happened.customer[churns[place[is_there]]] == customer[is_there]
    found[is_there] = happened.at[churns[place[is_there]]]
    return found


def find_segment(standing: Standing, customer: Codes, at: Codes) -> Codes:
    """The segment of each customer by the latest record that held at a moment; -1 for none."""
    if not len(standing.customer):
        return np.full(len(customer), -1)
    since = np.where(standing.since == UNDATED, -_HALF, standing.since)
    when = np.where(at == UNDATED, _HALF, at)
    place = np.searchsorted(join_keys(standing.customer, since), join_keys(customer, when), "right")
    place = np.maximum(place - 1, np.searchsorted(standing.customer, customer, "left"))
    place = np.minimum(place, len(standing.customer) - 1)
    found: Codes = np.where(standing.customer[place] == customer, standing.segment[place], -1)
    return found
