"""Histories of runs as they may be, with a last run that is like the others or has drifted.

Runs differ by more than chance (beta and Dirichlet rates, normal means), have from 100 to 3,000
rows, and lie in a history of their own for each world: what is shared is the way to make them.
"""

from collections.abc import Callable, Iterator
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from pipelines.drift.measuring import MIN_SHARE, make_rate, make_shares
from pipelines.drift.prediction import Sample, correct_by_holm, predict_run

LANGUAGES = ("en", "he", "ar", "fa", "und", "fr")
_SHARES = np.array([0.6, 0.2, 0.1, 0.06, 0.03, 0.01])
_DIMENSIONS = 384


@dataclass(frozen=True)
class World:
    """How much runs differ.

    :param spread: between runs, as the standard deviation of a rate of one half.
    """

    name: str
    spread: float


WORLDS = (World("runs are alike", 0.0), World("runs differ", 0.03), World("runs differ much", 0.1))
Shift = dict[str, float]
Maker = Callable[[np.random.Generator, World, int, float], Sample]


def simulate(
    world: World, n_history: int, shift: Shift, rng: np.random.Generator
) -> dict[str, float]:
    """The p-values of a last run, uncorrected, by measure.

    :param shift: how far the last run is away, by measure: of a rate, a share or a mean.
    """
    found = {}
    for measure, make in MAKERS.items():
        sizes = np.exp(rng.uniform(np.log(100), np.log(3_000), n_history + 1)).astype(int)
        history = [make(rng, world, n, 0.0) for n in sizes[:-1]]
        held = predict_run(history, make(rng, world, sizes[-1], shift.get(measure, 0.0)))
        assert held is not None
        found[measure] = held.p_value
    return found


def count_alarms(
    world: World, n_history: int, shift: Shift, n: int, error_rate: float, seed: int
) -> tuple[int, dict[str, int]]:
    """In how many of n histories any measure alarms, and each."""
    rng = np.random.default_rng(seed)
    n_any, by_measure = 0, dict.fromkeys(MAKERS, 0)
    for _ in range(n):
        corrected = correct_by_holm(simulate(world, n_history, shift, rng))
        alarms = [name for name, p in corrected.items() if p <= error_rate]
        n_any += bool(alarms)
        for name in alarms:
            by_measure[name] += 1
    return n_any, by_measure


def _make_rate(usual: float) -> Maker:
    def make(rng: np.random.Generator, world: World, n: int, shift: float) -> Sample:
        rate = usual
        if world.spread:
            # A beta whose standard deviation is the spread, less where rates are far from a half.
            sd = world.spread * 2 * np.sqrt(usual * (1 - usual))
            total = usual * (1 - usual) / sd**2 - 1
            rate = rng.beta(usual * total, (1 - usual) * total)
        found = int(rng.binomial(n, min(1.0, rate + shift)))
        return make_rate(found, n)

    return make


def _make_languages(rng: np.random.Generator, world: World, n: int, shift: float) -> Sample:
    shares = _SHARES
    if world.spread:
        total = 0.25 / world.spread**2 - 1
        shares = rng.dirichlet(_SHARES * total)
    shares = shares * (1 - shift) + shift * np.eye(len(_SHARES))[-1]
    counts = rng.multinomial(n, shares / shares.sum())
    names = tuple(
        lang for lang, share in zip(LANGUAGES, _SHARES, strict=True) if share >= MIN_SHARE
    )
    return make_shares(dict(zip(LANGUAGES, map(int, counts), strict=True)), names)


def _make_sentiment(rng: np.random.Generator, world: World, n: int, shift: float) -> Sample:
    mean = -0.1 + world.spread * rng.normal() + shift
    scores = np.clip(mean + 0.5 * rng.normal(size=n), -1, 1)
    return Sample(np.array([scores.mean()]), float(scores.var()) / n)


def _make_embedding(rng: np.random.Generator, world: World, n: int, shift: float) -> Sample:
    """Vectors of unit length whose directions of variance are few, as those of texts are."""
    scales = 1.0 / np.arange(1, _DIMENSIONS + 1)
    scales /= np.sqrt((scales**2).sum())
    base = np.zeros(_DIMENSIONS)
    base[0] = 0.9
    between = world.spread * scales * rng.normal(size=_DIMENSIONS)
    within = 0.4 * scales * rng.normal(size=_DIMENSIONS) / np.sqrt(n)
    moved: NDArray[np.float64] = np.zeros(_DIMENSIONS)
    moved[5] = shift
    mean = base + between + within + moved
    return Sample(mean, max(0.0, 1.0 - float(mean @ mean)) / n)


MAKERS: dict[str, Maker] = {
    "language_mix": _make_languages,
    "noise_rate": _make_rate(0.06),
    "unassigned_rate": _make_rate(0.25),
    "sentiment_mean": _make_sentiment,
    "embedding_mean": _make_embedding,
}
SHIFTS: dict[str, tuple[float, ...]] = {
    "language_mix": (0.05, 0.1, 0.3),
    "noise_rate": (0.05, 0.1, 0.3),
    "unassigned_rate": (0.05, 0.1, 0.3),
    "sentiment_mean": (0.05, 0.1, 0.3),
    "embedding_mean": (0.02, 0.05, 0.1),
}


def list_shifts() -> Iterator[tuple[str, float]]:
    """Each measure with each of its shifts."""
    for measure, shifts in SHIFTS.items():
        for shift in shifts:
            yield measure, shift
