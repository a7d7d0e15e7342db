"""Customers' words and events as arrays and as rows, from short lists."""

from collections.abc import Sequence
from typing import Any

import numpy as np

from pipelines.impact.records import DAY, UNDATED, Happenings, Records, Said, Standing
from pipelines.odata.facts import RETURNS, SPENDS

CURRENCIES = ("EUR", "ILS")
# Customer, second, kind, amount, currency.
Event = tuple[int, int, str, float, str]
# Customer or -1, second, themes.
Words = tuple[int, int, Sequence[int]]


def make_happenings(events: Sequence[Event]) -> Happenings:
    """Events in the order in which arrays hold them."""
    rows = sorted(events, key=lambda each: (each[0], each[1], each[2] in RETURNS))
    spent = [
        -abs(amount) if kind == "refund" else amount if kind in SPENDS else np.nan
        for _, _, kind, amount, _ in rows
    ]
    return Happenings(
        _codes(each[0] for each in rows),
        _codes(each[1] for each in rows),
        np.array(spent, dtype=float),
        _codes(CURRENCIES.index(each[4]) if each[2] in SPENDS else -1 for each in rows),
        np.array([each[2] == "churn" for each in rows], dtype=bool),
        np.array([each[2] in RETURNS for each in rows], dtype=bool),
    )


def make_said(words: Sequence[Words], rating: Any = None) -> tuple[Said, Any]:
    """Feedback and its pairs; everybody is their own voice."""
    n = len(words)
    customer = _codes(each[0] for each in words)
    nothing = np.full(n, np.nan)
    said = Said(
        np.where(customer < 0, 1_000 + np.arange(n), customer),
        customer,
        _codes(each[1] for each in words),
        np.zeros(n, dtype=np.int64),
        nothing if rating is None else np.asarray(rating, dtype=float),
        nothing,
    )
    pairs = [(row, theme) for row, each in enumerate(words) for theme in sorted(set(each[2]))]
    return said, np.array(pairs, dtype=np.int64).reshape(-1, 2)


def make_records(
    words: Sequence[Words],
    events: Sequence[Event],
    n_themes: int = 3,
    segments: Sequence[int] = (),
    rating: Any = None,
) -> Records:
    """A store of these; the newest event says until when it is known what happened."""
    said, pairs = make_said(words, rating)
    n = len(segments)
    standing = Standing(np.arange(n), np.full(n, UNDATED), _codes(segments))
    return Records(
        said,
        pairs,
        np.zeros(len(pairs)),
        make_happenings(events),
        standing,
        tuple(f"t{number}" for number in range(n_themes)),
        CURRENCIES,
        max((each[1] for each in events), default=UNDATED),
    )


def at_day(number: float) -> int:
    """The second at which a day begins."""
    return int(1_767_225_600 + number * DAY)


def _codes(values: Any) -> Any:
    return np.array(list(values), dtype=np.int64)
