"""Show how often verdicts are wrong and how soon rises are found, beside the naive methods.

    python scripts/bench_verdicts.py --data ../shared/data
    python scripts/bench_verdicts.py --quick

Stores are made up (scripts/verdict_parts/stores.py says how), looked at every day from the twelfth
week on. A call is true where the rate that was planted for the last fortnight is above the rate
planted for the past; whether a rise is found counts in days with feedback. The dates of real
feedback are shuffled, so that whatever is called there is false; airline tweets, of nine days, are
told by the hour, and an hour plays a day.
"""

from __future__ import annotations

import argparse
import resource
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray
from scipy.stats import nbinom, poisson

sys.path.insert(0, str(Path(__file__).parent))
from verdict_parts.real import fit_scatter, read_real
from verdict_parts.stores import FIRST, KINDS, N_DAYS, Kind, MadeStore, make_store

from pipelines.judging.tails import combine_tests, correct_columns
from pipelines.judging.timeline import Timeline
from pipelines.judging.verdicts import (
    FALSE_DISCOVERY_RATE,
    FORTNIGHT,
    LASTING_LEVEL,
    VERDICTS,
    Evidence,
    conclude,
    find_bands,
    weigh_series,
)

Calls = NDArray[np.bool_]
# Others than those that the method was tuned on (1000 to 1047).
SEEDS = range(1, 21)
FIRST_LOOK = 84
FOUND_WITHIN_DAYS = 14
QUIET_DAYS = 14
N_SHUFFLES = 40
_RISES = [VERDICTS.index(verdict) for verdict in ("emerging", "growing")]
_TIMES, _E_DAYS = (1.5, 2.0, 3.0, 5.0), 28
_FADING = VERDICTS.index("fading")
_FEW_A_WEEK, _MANY_A_WEEK = 3.0, 8.0


class Score(NamedTuple):
    """Of one store and method: false discovery proportion, rises found, alarms begun."""

    false_share: float
    found: dict[Kind, list[bool]]
    n_begun: int
    n_begun_false: int


def main() -> None:
    """Print the tables."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=_Formatter)
    parser.add_argument("--data", type=Path, default=Path("../shared/data"), help="labelled sets")
    parser.add_argument("--quick", action="store_true", help="four stores, few shuffles")
    options = parser.parse_args()
    seeds = SEEDS[:4] if options.quick else SEEDS
    show_methods(seeds)
    show_others(seeds)
    show_shuffled(options.data, 4 if options.quick else N_SHUFFLES)
    show_scatter(options.data)
    show_speed()


class _Formatter(argparse.RawDescriptionHelpFormatter, argparse.ArgumentDefaultsHelpFormatter):
    pass


def show_methods(seeds: range) -> None:
    """Rises, by every method on the same stores."""
    stores = [make_store(seed) for seed in seeds]
    print(f"{len(stores)} stores of 200 themes x {N_DAYS} days, looked at every day\n")
    print(_HEAD)
    methods: dict[str, Callable[[MadeStore], Calls]] = {
        "earful": lambda store: judge_store(store)[0],
        "earful, on Sundays": call_on_sundays,
        "earful, Benjamini-Yekutieli": call_by_yekutieli,
        "earful, 5 % over 14 looks": call_by_spending,
        "e-BH, rates known": call_by_e_values,
        "Poisson test, p < .05": call_by_poisson,
        "week against week, doubled": call_by_doubling,
        "rates and scatter known": call_by_truth,
    }
    for name, call in methods.items():
        _print_scores(name, [score_calls(call(store), store) for store in stores])


def show_others(seeds: range) -> None:
    """The same in stores that are harder, and what fades."""
    print("\nearful in other stores")
    changed: dict[str, dict[str, Any]] = {
        "twice the scatter": {"drift": 0.12, "scatter": 0.2},
        "a third of the rises": {"n_planted": {Kind.TRIPLE: 10, Kind.DOUBLE: 10, Kind.ANY: 5}},
        "nothing planted": {"n_planted": dict.fromkeys(KINDS, 0)},
    }
    for name, options in changed.items():
        stores = [make_store(seed, **options) for seed in seeds]
        _print_scores(name, [score_calls(judge_store(store)[0], store) for store in stores])
    show_fading(seeds)


def show_fading(seeds: range) -> None:
    """Falls to a fifth, of all themes and of those that are large enough to be missed."""
    print(f"\n{'fading':30}{'false discoveries':>19}{'a fall to a fifth found in 28 days':>40}")
    print(f"{'':30}{'mean':>9}{'worst':>10}{'all':>12}{'3 to 8 a week':>16}{'8 and more':>12}")
    methods: dict[str, Callable[[MadeStore], Calls]] = {
        "earful": lambda store: judge_store(store)[1],
        "rates and scatter known": call_falls_by_truth,
    }
    for name, call in methods.items():
        shares, found, sizes = [], [], []
        for store in map(make_store, seeds):
            calls = call(store)
            shares.append(share_false(calls, store.falls))
            for theme, day in store.planted(Kind.FADE):
                found.append(calls[theme, day : day + 28].any())
                sizes.append(7 * store.usual[theme, :day].mean())
        hits, size = np.array(found), np.array(sizes)
        parts = (
            hits,
            hits[(size >= _FEW_A_WEEK) & (size < _MANY_A_WEEK)],
            hits[size >= _MANY_A_WEEK],
        )
        powers = [float(part.mean()) for part in parts]
        print(
            f"{name:30}{np.mean(shares):9.3f}{max(shares):10.3f}"
            f"{powers[0]:12.2f}{powers[1]:16.2f}{powers[2]:12.2f}",
            flush=True,
        )


def call_falls_by_truth(store: MadeStore) -> Calls:
    """What nobody can have: falls of a fortnight by the true rates, and the true scatter."""
    expected = np.maximum(sum_days(store.usual, FORTNIGHT), 1e-9)
    size = 1 / (store.scatter[:, None] / FORTNIGHT + store.drift**2)
    voices, share = sum_days(store.counts, FORTNIGHT), size / (size + expected)
    below = nbinom.cdf(voices, size, share) - nbinom.pmf(voices, size, share) / 2
    return np.asarray(correct_columns(below) <= FALSE_DISCOVERY_RATE)


_HEAD = (
    f"{'':30}{'false discoveries':>19}{'found within 14 days':>32}{'alarms begun':>24}\n"
    f"{'':30}{'mean':>9}{'worst':>10}{'3x of 5':>12}{'2x of 20':>10}{'new':>10}"
    f"{'a store':>14}{'false':>10}"
)


def _print_scores(name: str, scores: list[Score]) -> None:
    shares = [score.false_share for score in scores]
    found = [
        np.mean(hits) if (hits := [hit for score in scores for hit in score.found[kind]]) else None
        for kind in (Kind.TRIPLE, Kind.DOUBLE, Kind.NEW)
    ]
    n_begun = sum(score.n_begun for score in scores)
    wrong = sum(score.n_begun_false for score in scores) / max(n_begun, 1)
    powers = "".join("         -" if power is None else f"{power:10.3f}" for power in found)
    print(
        f"{name:30}{np.mean(shares):9.3f}{max(shares):10.3f}  {powers}"
        f"{n_begun / len(scores):14.0f}{wrong:10.2f}",
        flush=True,
    )


def score_calls(calls: Calls, store: MadeStore) -> Score:
    """Hold the days on which themes are called emerging or growing against what was planted."""
    opened = np.cumsum(store.exposure > 0)
    found: dict[Kind, list[bool]] = {kind: [] for kind in KINDS}
    for kind in (Kind.TRIPLE, Kind.DOUBLE, Kind.NEW):
        for theme, day in store.planted(kind):
            last = int(np.searchsorted(opened, opened[day - 1] + FOUND_WITHIN_DAYS))
            if last < N_DAYS:
                found[kind].append(bool(calls[theme, day : last + 1].any()))
    begun = calls[:, FIRST_LOOK:].copy()
    for lag in range(1, QUIET_DAYS + 1):
        begun &= ~calls[:, FIRST_LOOK - lag : N_DAYS - lag]
    n_false = int((begun & ~store.rises[:, FIRST_LOOK:]).sum())
    return Score(share_false(calls, store.rises), found, int(begun.sum()), n_false)


def share_false(calls: Calls, truth: Calls) -> float:
    """False among the called, a day; the mean over all days on which one looks."""
    called = calls[:, FIRST_LOOK:]
    wrong = (called & ~truth[:, FIRST_LOOK:]).sum(axis=0)
    return float((wrong / np.maximum(called.sum(axis=0), 1)).mean())


def judge_store(store: MadeStore) -> tuple[Calls, Calls]:
    """What earful calls a rise, and what it calls fading, on every day."""
    evidence, looks = _weigh(store)
    verdict = conclude(evidence).verdict
    rises, fading = np.zeros((2, *store.counts.shape), bool)
    rises[:, looks], fading[:, looks] = np.isin(verdict, _RISES), verdict == _FADING
    return rises, fading


def call_on_sundays(store: MadeStore) -> Calls:
    """What was called on the last Sunday, as actions are raised of weeks that are over."""
    days = np.arange(N_DAYS)
    return judge_store(store)[0][:, np.maximum(days - (days + FIRST) % 7, 0)]


def call_by_yekutieli(store: MadeStore) -> Calls:
    """The same tests, corrected for any dependence: a look costs the sum of 1 / k."""
    evidence, looks = _weigh(store)
    n_tests = (~np.isnan(evidence.rise)).sum(axis=0)
    harmonic = np.array([(1 / np.arange(1, n + 1)).sum() for n in n_tests])
    is_rise = correct_columns(evidence.rise) * harmonic <= FALSE_DISCOVERY_RATE
    return _spread(is_rise & ~evidence.is_few, looks, store)


def call_by_spending(store: MadeStore) -> Calls:
    """The same tests, with the 5 % spent in equal parts over the looks of a fortnight."""
    evidence, looks = _weigh(store)
    is_rise = correct_columns(evidence.rise) <= FALSE_DISCOVERY_RATE / FOUND_WITHIN_DAYS
    return _spread(is_rise & ~evidence.is_few, looks, store)


def call_by_e_values(store: MadeStore) -> Calls:
    """A mixture of likelihood ratios over beginnings and sizes of a rise, corrected by e-BH.

    Wang and Ramdas, JRSS B 84, 2022. As the rates, the daily scatter is the true one.
    """
    expected = np.maximum(store.usual, 1e-6)
    size = 1 / (store.scatter[:, None] + store.drift**2)
    usual = nbinom.logpmf(store.counts, size, size / (size + expected))
    e_values = np.zeros(expected.shape)
    for times in _TIMES:
        risen = nbinom.logpmf(store.counts, size, size / (size + times * expected))
        for days in range(1, _E_DAYS + 1):
            logs = sum_days(risen - usual, days)
            e_values += np.exp(np.minimum(logs, 300)) / (len(_TIMES) * _E_DAYS)
    # e-BH is BH on 1 / e.
    return np.asarray(correct_columns(1 / np.maximum(e_values, 1e-300)) <= FALSE_DISCOVERY_RATE)


def _weigh(store: MadeStore) -> tuple[Evidence, NDArray[np.intp]]:
    sundays = np.flatnonzero((np.arange(N_DAYS) + FIRST) % 7 == 0)
    looks = np.union1d(sundays, np.arange(FIRST_LOOK - QUIET_DAYS, N_DAYS))
    return weigh_series(store.counts, store.exposure, looks, FIRST), looks


def call_by_poisson(store: MadeStore) -> Calls:
    """The last week against the mean of the weeks before it."""
    weeks = sum_days(store.counts, 7)
    before = np.cumsum(store.counts, axis=1)[:, :-7] / np.arange(1, N_DAYS - 6) * 7
    p_value = np.ones(weeks.shape)
    p_value[:, 7:] = poisson.sf(weeks[:, 7:] - 1, before)
    return np.asarray(p_value < 0.05)


def call_by_doubling(store: MadeStore) -> Calls:
    """Twice as many as in the week before, and five at least."""
    weeks = sum_days(store.counts, 7)
    calls = np.zeros(weeks.shape, bool)
    calls[:, 7:] = (weeks[:, 7:] >= 2 * weeks[:, :-7]) & (weeks[:, 7:] >= 5)
    return calls


def call_by_truth(store: MadeStore) -> Calls:
    """What nobody can have: the true rates before the rise, and the true scatter around them."""
    tests = []
    for days in (14, 7):
        expected = np.maximum(sum_days(store.usual, days), 1e-9)
        size = 1 / (store.scatter[:, None] / days + store.drift**2)
        share = size / (size + expected)
        voices = sum_days(store.counts, days)
        above = nbinom.sf(voices, size, share) + nbinom.pmf(voices, size, share) / 2
        best = sum_days(store.counts, 2)
        best = np.max([np.roll(best, lag, axis=1) for lag in range(days - 1)], axis=0)
        rest = (days - 2) / days * expected
        lasting = nbinom.sf(voices - best - 1, size, size / (size + rest))
        tests.append(np.where(lasting > LASTING_LEVEL, 1.0, above))
    return np.asarray(correct_columns(combine_tests(tests)) <= FALSE_DISCOVERY_RATE)


def sum_days(counts: NDArray[np.float64], days: int) -> NDArray[np.float64]:
    """Of each day and those before it, so many in all."""
    sums = np.cumsum(counts, axis=1)
    sums[:, days:] -= sums[:, :-days].copy()
    return sums


def _spread(calls: Calls, looks: NDArray[np.intp], store: MadeStore) -> Calls:
    spread = np.zeros(store.counts.shape, bool)
    spread[:, looks] = calls
    return spread


def show_shuffled(folder: Path, n_shuffles: int) -> None:
    """How often anything at all is called where dates mean nothing."""
    print("\nreal feedback with shuffled dates: looks at which any theme is called")
    for name in ("cfpb (issue)", "airline (airline and reason)"):
        if (found := read_real(folder, name)) is None:
            continue
        themes, days = found
        rng = np.random.default_rng(0)
        looks = Timeline(FIRST, FIRST + int(days.max())).list_looks()
        called, n_looks = np.zeros(2), 0
        for _ in range(n_shuffles):
            counts = np.zeros((themes.max() + 1, days.max() + 1))
            np.add.at(counts, (themes, rng.permutation(days)), 1)
            exposure = np.bincount(days).astype(float)
            verdict = conclude(weigh_series(counts, exposure, looks, FIRST)).verdict
            judged = verdict[:, verdict.any(axis=0)]
            called += (
                np.isin(judged, _RISES).any(axis=0).sum(),
                (judged == _FADING).any(axis=0).sum(),
            )
            n_looks += judged.shape[1]
        rises, falls = called / max(n_looks, 1)
        print(
            f"{name:30}{len(days):7,} voices, {themes.max() + 1:3} themes, {n_looks:5,} looks:"
            f"  rise {rises:.3f}  fall {falls:.3f}   nominal {FALSE_DISCOVERY_RATE:.2f}",
            flush=True,
        )


def show_scatter(folder: Path) -> None:
    """How much real counts scatter around their share of the volume, dates as they are."""
    print("\nc of real feedback, where the variance of a count is m + c m^2")
    for name, days in (("cfpb (issue)", 14), ("cfpb (product)", 14)):
        _print_scatter(name, "fortnights", days, folder)
    for name in ("airline (reason)", "airline (airline and reason)"):
        _print_scatter(name, "days", 24, folder)


def _print_scatter(name: str, of: str, width: int, folder: Path) -> None:
    if (found := read_real(folder, name)) is not None:
        themes, places = found
        print(f"{name:30}{of:12}{fit_scatter(themes, places // width):.3f}")


def show_speed() -> None:
    """The time that 10,000 themes take, with their bands."""
    rng = np.random.default_rng(0)
    counts = rng.poisson(np.exp(rng.normal(-2, 1.5, (10_000, 1))), (10_000, N_DAYS))
    timeline = Timeline(FIRST, FIRST + N_DAYS - 1)
    started, cpu = time.perf_counter(), time.process_time()
    evidence = weigh_series(counts, counts.sum(axis=0) * 1.0, timeline.list_looks(), FIRST)
    conclude(evidence)
    find_bands(np.zeros_like(evidence.week), evidence.week, evidence.size)
    memory = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
    print(
        f"\n10,000 themes x {N_DAYS} days, {len(timeline.list_looks())} looks: "
        f"{time.perf_counter() - started:.0f} s, {time.process_time() - cpu:.0f} s of CPU, "
        f"{memory:,.0f} MB"
    )


if __name__ == "__main__":
    main()
