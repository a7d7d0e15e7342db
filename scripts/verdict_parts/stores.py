"""Made-up stores for scripts/bench_verdicts.py: voices a day of 200 themes, and what is planted.

Volume has weekdays, a year, days that hang together, four shocks of two to four times, two gaps of
days and one of three weeks. Each theme has its own size (0.3 to 40 voices a week), weekdays, year,
slow drift and daily scatter. Together these make a fortnight's variance about m + 0.02 m^2; that of
real feedback, its rises apart, is m + 0.006 to 0.041 m^2 (cfpb and airline; the script prints it).
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum
from typing import Final

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float64]

N_THEMES, N_DAYS = 200, 400
FIRST = 739_005  # a Monday
# How much more the planted rate of a fortnight must be than that of the past to be called a rise.
MARGIN = 1.05
_DRIFT_DAYS = 60.0
_WEEKDAYS = np.array([1.1, 1.15, 1.1, 1.05, 0.95, 0.75, 0.7])


class Kind(StrEnum):
    """What is planted."""

    TRIPLE = "three times, of 5 voices a week"
    DOUBLE = "twice, of 20 voices a week"
    ANY = "two to five times, of 2 to 30 voices a week"
    NEW = "nobody before, 4 to 15 voices a week since"
    BURST = "4 to 15 voices within an evening and the next day"
    FADE = "a fifth"


KINDS: Final = tuple(Kind)
_PLANTED: Final = {
    Kind.TRIPLE: 30, Kind.DOUBLE: 30, Kind.ANY: 15, Kind.NEW: 10, Kind.BURST: 20, Kind.FADE: 10,
}  # fmt: skip


@dataclass(frozen=True)
class MadeStore:
    """Arrays of themes x days.

    :param usual: the true rates without what is planted and without drift and scatter.
    :param rises: where the rate planted for the last fortnight is above that of the past.
    :param falls: where it is below.
    :param scatter: by theme, the squared coefficient of variation of its days.
    """

    counts: Floats
    exposure: Floats
    usual: Floats
    rises: NDArray[np.bool_]
    falls: NDArray[np.bool_]
    kinds: tuple[Kind | None, ...]
    begins: tuple[int, ...]
    scatter: Floats
    drift: float

    def planted(self, kind: Kind) -> list[tuple[int, int]]:
        """Themes of a kind, with the day on which it begins."""
        pairs = zip(self.kinds, self.begins, strict=True)
        return [(theme, day) for theme, (each, day) in enumerate(pairs) if each == kind]


def make_store(
    seed: int,
    drift: float = 0.08,
    scatter: float = 0.1,
    n_planted: Mapping[Kind, int] = _PLANTED,
) -> MadeStore:
    """Make a store; the same seed makes the same one.

    :param drift: standard deviation of the logarithm of a theme's rate, over months.
    :param scatter: squared coefficient of variation of a theme's days.
    """
    rng = np.random.default_rng(seed)
    volume = _make_volume(rng)
    planted = [kind for kind in KINDS for _ in range({**_PLANTED, **n_planted}[kind])]
    kinds: tuple[Kind | None, ...] = (*planted, *[None] * (N_THEMES - len(planted)))
    begins = tuple(_draw_begin(kind, rng) for kind in kinds)
    weekly = _draw_year(rng) * np.exp(rng.normal(0, 0.1, (N_THEMES, 7)))[:, np.arange(N_DAYS) % 7]
    rates = np.array(
        [
            _draw_rate(kind, rng) / _mean_from(volume * weekly[theme], day, kind)
            for theme, (kind, day) in enumerate(zip(kinds, begins, strict=True))
        ]
    )
    factor, extra = _plant(kinds, begins, rng)
    usual = rates[:, None] / 7 * volume * weekly
    is_new = np.array([kind == Kind.NEW for kind in kinds])[:, None]
    spread = scatter * np.exp(rng.normal(0, 0.5, N_THEMES))
    blur = rng.gamma(1 / spread[:, None], spread[:, None], usual.shape)
    counts = rng.poisson(usual * factor * blur * np.exp(_draw_drift(rng, drift)))
    counts = (counts + extra * (volume > 0)).astype(float)
    others = rng.poisson(volume * rates.sum() / 14)
    rises, falls = _find_truth(factor)
    exposure = np.round(0.95 * counts.sum(axis=0) + others)
    return MadeStore(counts, exposure, usual * ~is_new, rises, falls, kinds, begins, spread, drift)


def _make_volume(rng: np.random.Generator) -> Floats:
    """How busy each day is; 1 on average of the days with feedback."""
    day = np.arange(N_DAYS)
    year = 1 + 0.3 * np.sin(2 * np.pi * (day / 365.25 + rng.random()))
    noise = np.zeros(N_DAYS)
    for place in range(1, N_DAYS):
        noise[place] = 0.8 * noise[place - 1] + rng.normal(0, 0.08)
    volume = _WEEKDAYS[day % 7] * year * np.exp(noise)
    for _ in range(4):
        start = rng.integers(0, N_DAYS - 6)
        volume[start : start + rng.integers(1, 6)] *= rng.uniform(2, 4)
    for days in (*rng.integers(4, 11, 2), 21):
        start = rng.integers(30, N_DAYS - 25)
        volume[start : start + days] = 0
    return np.asarray(volume / volume[volume > 0].mean())


def _draw_begin(kind: Kind | None, rng: np.random.Generator) -> int:
    first = {Kind.NEW: 60, Kind.BURST: 60, Kind.FADE: 100}.get(kind, 84) if kind else 0
    return int(rng.integers(first, N_DAYS - 28 if kind == Kind.FADE else N_DAYS - 15))


def _draw_rate(kind: Kind | None, rng: np.random.Generator) -> float:
    """Voices a week."""
    fixed = {Kind.TRIPLE: 5.0, Kind.DOUBLE: 20.0}
    if kind in fixed:
        return fixed[kind]
    low, high = (
        {Kind.ANY: (2.0, 30.0), Kind.NEW: (4.0, 15.0)}.get(kind, (0.3, 40.0))
        if kind
        else (
            0.3,
            40.0,
        )
    )
    return float(np.exp(rng.uniform(np.log(low), np.log(high))))


def _mean_from(busy: Floats, day: int, kind: Kind | None) -> float:
    """What a rate is of: the two weeks with feedback from the day on, where its size is told."""
    if kind not in (Kind.TRIPLE, Kind.DOUBLE):
        return 1.0
    ahead = busy[day:]
    return float(ahead[ahead > 0][:14].mean())


def _draw_year(rng: np.random.Generator) -> Floats:
    """Each theme's own year."""
    height, phase = rng.uniform(0, 0.15, (N_THEMES, 1)), rng.random((N_THEMES, 1))
    return np.asarray(np.exp(height * np.sin(2 * np.pi * (np.arange(N_DAYS) / 365.25 + phase))))


def _draw_drift(rng: np.random.Generator, drift: float) -> Floats:
    stay = np.exp(-1 / _DRIFT_DAYS)
    steps = rng.normal(0, drift, (N_DAYS, N_THEMES))
    for day in range(1, N_DAYS):
        steps[day] = stay * steps[day - 1] + np.sqrt(1 - stay**2) * steps[day]
    return steps.T


def _plant(
    kinds: tuple[Kind | None, ...], begins: tuple[int, ...], rng: np.random.Generator
) -> tuple[Floats, NDArray[np.int_]]:
    """What rates are multiplied with, and the voices of bursts."""
    factor, extra = np.ones((N_THEMES, N_DAYS)), np.zeros((N_THEMES, N_DAYS), int)
    for theme, (kind, day) in enumerate(zip(kinds, begins, strict=True)):
        end = day + int(rng.integers(28, 91))
        if kind in (Kind.TRIPLE, Kind.DOUBLE, Kind.ANY):
            times = {Kind.TRIPLE: 3.0, Kind.DOUBLE: 2.0}.get(kind) or rng.uniform(2, 5)
            factor[theme, day:end] = times
        elif kind == Kind.NEW:
            factor[theme, :day] = 0
        elif kind == Kind.FADE:
            factor[theme, day:] = 0.2
        elif kind == Kind.BURST:
            n = int(rng.integers(4, 16))
            evening = rng.binomial(n, 0.8)
            extra[theme, day : day + 2] = evening, n - evening
    return factor, extra


def _find_truth(factor: Floats) -> tuple[NDArray[np.bool_], NDArray[np.bool_]]:
    sums = np.concatenate([np.zeros((N_THEMES, 1)), np.cumsum(factor, axis=1)], axis=1)
    rises, falls = np.zeros((2, N_THEMES, N_DAYS), bool)
    for day in range(28, N_DAYS):
        start = max(0, day - 13 - 365)
        now = (sums[:, day + 1] - sums[:, day - 13]) / 14
        past = (sums[:, day - 13] - sums[:, start]) / (day - 13 - start)
        rises[:, day], falls[:, day] = now > MARGIN * past, now < past / MARGIN
    return rises, falls
