"""How far people who label the same items agree, beyond chance: Krippendorff's alpha.

K. Krippendorff, Computing Krippendorff's Alpha-Reliability, 2011
(https://repository.upenn.edu/asc_papers/43), for nominal data, any number of coders, with gaps.
"""

from collections import Counter
from collections.abc import Hashable, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from nlp.metrics import N_RESAMPLES, SEED, Interval

# One item: the value that each coder gave it, None where one gave none.
Item = Sequence[Hashable | None]


@dataclass(frozen=True)
class Agreement:
    """What coders of the same items agree on.

    :param n: items that at least two of them have coded.
    :param alpha: 1 for full agreement, 0 for what chance gives; None where every value is equal,
        so that there is nothing to disagree about.
    :param alpha_interval: from resampled items; None where alpha is.
    :param raw: share of pairs of values of an item that are equal; None for no pair.
    """

    n: int
    alpha: float | None
    alpha_interval: Interval | None
    raw: float | None


def measure_agreement(items: Sequence[Item], *, seed: int = SEED) -> Agreement:
    """Measure how far coders agree."""
    coded = [kept for item in items if len(kept := _values(item)) > 1]
    if not coded:
        return Agreement(0, None, None, None)
    alpha = krippendorff_alpha(coded)
    pairs = [_count_pairs(item) for item in coded]
    raw = sum(equal for equal, _ in pairs) / sum(n for _, n in pairs)
    interval = None if alpha is None else _resample_alpha(coded, seed)
    return Agreement(len(coded), alpha, interval, raw)


def krippendorff_alpha(items: Sequence[Item]) -> float | None:
    """Observed disagreement against that expected by chance, from the coincidences of values.

    :returns: None when no two values can be paired, or all that can be are equal.
    """
    n_equal = 0.0
    totals: Counter[Hashable] = Counter()
    for item in items:
        values = _values(item)
        if len(values) < 2:  # a value without a partner has nothing to agree with
            continue
        counts = Counter(values)
        totals.update(counts)
        n_equal += sum(n * (n - 1) for n in counts.values()) / (len(values) - 1)
    n = totals.total()
    n_equal_by_chance = sum(each * (each - 1) for each in totals.values())
    expected = n * (n - 1) - n_equal_by_chance
    return None if not expected else 1 - (n - 1) * (n - n_equal) / expected


def _values(item: Item) -> list[Hashable]:
    return [value for value in item if value is not None]


def _count_pairs(values: Sequence[Hashable]) -> tuple[int, int]:
    """Pairs of equal values, and all pairs."""
    n_equal = sum(n * (n - 1) for n in Counter(values).values())
    return n_equal // 2, len(values) * (len(values) - 1) // 2


def _resample_alpha(items: Sequence[Item], seed: int) -> Interval | None:
    """Draw as many items with replacement, again and again."""
    rng = np.random.default_rng(seed)
    draws: NDArray[np.int64] = rng.integers(len(items), size=(N_RESAMPLES, len(items)))
    alphas = [krippendorff_alpha([items[place] for place in draw]) for draw in draws.tolist()]
    known = [alpha for alpha in alphas if alpha is not None]
    if not known:
        return None
    low, high = np.percentile(known, (2.5, 97.5))
    return Interval(float(low), float(high))
