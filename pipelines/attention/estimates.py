"""Shares and means of voices, each with its 95 % interval, and whether two of them differ."""

import math
from collections.abc import Iterable
from dataclasses import dataclass
from functools import lru_cache

import numpy as np
from numpy.typing import NDArray

from nlp.metrics import wilson_interval
from pipelines.insights import PRIOR_VARIANCE

# What is known of the variance before a voice was heard weighs as much as so many voices.
PRIOR_FREEDOM = 4
_TAIL = 0.025


@dataclass(frozen=True)
class Estimate:
    """A figure and the ends of its 95 % interval."""

    value: float
    low: float
    high: float


@dataclass(frozen=True)
class Sample:
    """Sentiment of n voices, each one score of -1..1, by its sums.

    Two voices that agree know little of how far others are apart: the variance is moderated, as
    Smyth does for few arrays (Statistical Applications in Genetics and Molecular Biology 3, 2004).
    """

    n: int = 0
    total: float = 0.0
    squares: float = 0.0

    def __add__(self, other: "Sample") -> "Sample":
        return Sample(self.n + other.n, self.total + other.total, self.squares + other.squares)

    def __sub__(self, other: "Sample") -> "Sample":
        return Sample(self.n - other.n, self.total - other.total, self.squares - other.squares)

    @property
    def mean(self) -> float:
        """Their mean; 0 of none."""
        return self.total / self.n if self.n else 0.0

    @property
    def freedom(self) -> int:
        """Degrees of freedom of the variance."""
        return PRIOR_FREEDOM + max(self.n - 1, 0)

    @property
    def variance(self) -> float:
        """Of one voice."""
        spread = max(self.squares - self.total * self.mean, 0.0)
        return (PRIOR_FREEDOM * PRIOR_VARIANCE + spread) / self.freedom


def add_samples(samples: Iterable[Sample]) -> Sample:
    """All their voices as one sample."""
    return sum(samples, Sample())


def estimate_share(n_with: float, n: float) -> Estimate | None:
    """A share with Wilson's interval; None of nothing."""
    if n <= 0:
        return None
    low, high = wilson_interval(n_with, n)
    # In the last digit it may end below 0 or beside the share itself.
    share = n_with / n
    return Estimate(share, max(min(low, share), 0.0), min(max(high, share), 1.0))


def estimate_mean(sample: Sample) -> Estimate | None:
    """A mean with Student's interval, within -1..1; None of nothing."""
    if not sample.n:
        return None
    margin = _find_quantile(sample.freedom) * math.sqrt(sample.variance / sample.n)
    return Estimate(sample.mean, max(sample.mean - margin, -1.0), min(sample.mean + margin, 1.0))


def name_columns(name: str, estimate: Estimate | None) -> dict[str, float | None]:
    """An estimate as a row holds it: ``name``, ``name_low`` and ``name_high``."""
    values = (estimate.value, estimate.low, estimate.high) if estimate else (None, None, None)
    return dict(zip((name, f"{name}_low", f"{name}_high"), values, strict=True))


def estimate_gap(first: Sample, second: Sample) -> Estimate | None:
    """The mean of the first less that of the second, with Welch's interval; None without both."""
    if not first.n or not second.n:
        return None
    error, freedom = _weigh_gap(first, second)
    gap, margin = first.mean - second.mean, _find_quantile(freedom) * error
    return Estimate(gap, gap - margin, gap + margin)


def compare_means(first: Sample, second: Sample) -> float:
    """Welch's two-sided p-value of a difference as large, if there were none; 1 without both."""
    from scipy.special import stdtr

    if not first.n or not second.n:
        return 1.0
    error, freedom = _weigh_gap(first, second)
    return float(2 * stdtr(freedom, -abs(first.mean - second.mean) / error))


def compare_shares(
    with_first: NDArray[np.int64],
    n_first: NDArray[np.int64],
    with_second: NDArray[np.int64],
    n_second: NDArray[np.int64],
) -> NDArray[np.float64]:
    """Two-sided p-values of differences of shares: Fisher's test, what is seen counted half.

    The mid-p keeps nearly the nominal rate, where Fisher's own stays far below it for few voices
    (Lancaster, JASA 56, 1961; Agresti, Categorical Data Analysis, 2013, 3.5).
    """
    from scipy.stats import hypergeom

    drawn = hypergeom(n_first + n_second, with_first + with_second, n_first)
    half = drawn.pmf(with_first) / 2
    below, above = drawn.cdf(with_first) - half, drawn.sf(with_first) + half
    p_values: NDArray[np.float64] = np.clip(2 * np.minimum(below, above), 0.0, 1.0)
    return p_values


def _weigh_gap(first: Sample, second: Sample) -> tuple[float, float]:
    """Standard error of a difference of means, and its degrees of freedom (Satterthwaite)."""
    parts = [(each.variance / each.n, each.freedom) for each in (first, second)]
    variance = sum(part for part, _ in parts)
    return math.sqrt(variance), variance**2 / sum(part**2 / free for part, free in parts)


@lru_cache(maxsize=4096)
def _find_quantile(freedom: float) -> float:
    from scipy.special import stdtrit

    return float(-stdtrit(freedom, _TAIL))
