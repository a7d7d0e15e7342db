"""Print how right the effects of themes are, on customers that are made up and known.

    python scripts/bench_impact.py            # 500 simulations of each, then a million customers
    python scripts/bench_impact.py --quick    # 60 simulations, and 50,000 customers
    python scripts/bench_impact.py --store    # ... and the million read from a database, too

`impact_parts` makes the customers: 30 themes that go together and are confounded by segment,
spend, tenure and time; a third of them do nothing. Beside the effects stand what vendors show for
"impact": the plain difference of means, and how the mean changes when a theme's feedback is left
out. "held" is the share of 95 % intervals that hold the truth, over all themes and simulations.
"""

import argparse
import multiprocessing
import resource
import tempfile
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ProcessPoolExecutor
from functools import partial
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
from impact_parts.stores import merge, write_store
from impact_parts.worlds import (
    WINDOW_DAYS,
    Nature,
    World,
    count_voices,
    leave,
    live,
    rate,
    spend,
)

from pipelines.impact.changes import estimate_change
from pipelines.impact.comparing import compare
from pipelines.impact.frames import Frame, frame_sample
from pipelines.impact.records import Records
from pipelines.impact.samples import Sample, list_samples, sample_churn, sample_rating, sample_spend
from pipelines.impact.stakes import list_stakes
from pipelines.odata.outcomes import OutcomeSettings

SHARED_CORES = 2
N_LARGE, N_LARGE_THEMES, N_PART = 1_000_000, 300, 50_000
LEAVING = -2.2  # log odds of leaving of the average customer


class Kind(NamedTuple):
    """A kind of simulation: what is made, how its rows are taken, how many of what."""

    name: str
    make: Callable[[Nature, int, np.random.Generator], World]
    take: Callable[[Records], Sample]
    n: int
    n_themes: int
    rare: float
    common: float


class Scores(NamedTuple):
    """One simulation; arrays are (themes,), nan where nothing is said."""

    error: Any
    held: Any
    plain_error: Any
    plain_held: Any
    left_out_error: Any
    own_left_out_error: Any
    found: Any
    method: str


def _take_rating(records: Records) -> Sample:
    return sample_rating(records, "rating", records.said.rating)


def _take_churn(records: Records) -> Sample:
    return sample_churn(records, WINDOW_DAYS)


def _take_spend(records: Records) -> Sample:
    return next(sample_spend(records, WINDOW_DAYS))


_leave = partial(leave, base=LEAVING)
_leave_lately = partial(leave, base=LEAVING, known_days=300)
_many, _few = (30, 0.03, 0.2), (20, 0.03, 0.1)
KINDS = (
    Kind("rating", rate, _take_rating, 3_000, *_many),
    Kind("spend", spend, _take_spend, 3_000, *_many),
    Kind("leaving", _leave, _take_churn, 3_000, *_many),
    Kind("leaving, of late", _leave_lately, _take_churn, 6_000, *_many),
    Kind("rating, thin", rate, _take_rating, 350, *_few),
    Kind("spend, thin", spend, _take_spend, 350, *_few),
    Kind("leaving, thin", _leave, _take_churn, 350, *_few),
    Kind("of late, thin", _leave_lately, _take_churn, 700, *_few),
)


class _Clock:
    """Wall and CPU seconds since it was made."""

    def __init__(self) -> None:
        self._wall, self._cpu = time.perf_counter(), time.process_time()

    def __str__(self) -> str:
        wall, cpu = time.perf_counter() - self._wall, time.process_time() - self._cpu
        return f"{wall:.1f} s ({cpu:.1f} CPU s)"


def main() -> None:
    options = _parse_options()
    n = options.simulations or (60 if options.quick else 500)
    context = multiprocessing.get_context("spawn")
    with ProcessPoolExecutor(SHARED_CORES, context, _use_one_thread) as pool:
        _print_effects(pool, n)
        _print_nothing(pool, n)
        _print_fixes(pool, n)
    n_large = options.customers or (N_PART if options.quick else N_LARGE)
    _in_own_process(_print_large, n_large)
    if options.store:
        _in_own_process(_print_store, n_large)


def _use_one_thread() -> None:
    """Each process has a core of its own; small matrices gain nothing from two."""
    from threadpoolctl import threadpool_limits

    threadpool_limits(1)


def _parse_options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else "")
    parser.add_argument("--quick", action="store_true")
    parser.add_argument("--simulations", type=int)
    parser.add_argument("--customers", type=int, help="of the large store")
    parser.add_argument("--store", action="store_true", help="the large store in a database, too")
    return parser.parse_args()


def _print_effects(pool: ProcessPoolExecutor, n: int) -> None:
    print(f"{n} simulations of each; goals: held 0.93 to 0.97, bias at most 0.1 of the plain one")
    heads = (
        "method",
        "voices",
        "themes",
        "held",
        "bias",
        "plain",
        "ratio",
        "held",
        "left out",
        "FDR",
    )
    print(f"{'':17}" + "".join(f"{head:>9}" for head in heads))
    for kind in KINDS:
        scores = list(pool.map(partial(_simulate, kind), range(n), chunksize=10))
        error, held, plain, plain_held, left_out, own = (
            np.array([each[place] for each in scores]) for place in range(6)
        )
        bias, plain_bias, *sides = (
            np.abs(np.nanmean(each, axis=0)).mean() for each in (error, plain, own, left_out)
        )
        effect = Nature.draw(kind.n_themes, kind.rare, kind.common).effect
        false = np.mean([_share_false(each.found, effect) for each in scores])
        print(
            f"{kind.name:17}{scores[0].method:>9}{kind.n:9,}{kind.n_themes:9}"
            f"{np.nanmean(held):9.3f}{bias:9.4f}{plain_bias:9.4f}{bias / plain_bias:9.3f}"
            f"{np.nanmean(plain_held):9.3f}{sides[0] / sides[1]:9.3f}{false:9.3f}",
            flush=True,
        )
    print("held, the second: of the plain difference. left out: bias of effect x share of voices,")
    print("over that of the difference that leaving the theme's feedback out makes. FDR: share of")
    print("false ones among effects with q <= 0.05 (goal 0.05)")


def _share_false(found: Any, effect: Any) -> float:
    return float((found & (effect == 0)).sum() / max(found.sum(), 1))


def _simulate(kind: Kind, seed: int, *, is_null: bool = False) -> Scores:
    nature = Nature.draw(kind.n_themes, kind.rare, kind.common)
    if is_null:
        nature = nature.without_effects()
    world = kind.make(nature, kind.n, np.random.default_rng(seed))
    sample = kind.take(world.records)
    found = compare(sample, world.records.themes)
    frame = frame_sample(sample, kind.n_themes)
    assert isinstance(frame, Frame)
    estimates, truth = found.estimates, world.truth
    said = np.where(np.isfinite(estimates.effect), 1.0, np.nan)
    plain, reach = _compare_means(frame)
    share = np.asarray(frame.themes.mean(axis=0)).ravel()
    return Scores(
        estimates.effect - truth,
        said * ((estimates.low <= truth) & (truth <= estimates.high)),
        said * (plain - truth),
        said * (np.abs(plain - truth) <= reach),
        said * share * (plain - truth),
        said * share * (estimates.effect - truth),
        np.nan_to_num(found.q_value, nan=1.0) <= 0.05,
        found.method,
    )


def _compare_means(frame: Frame) -> tuple[Any, Any]:
    """The plain difference and half of Welch's interval, as a spreadsheet gives them."""
    themes, outcome = frame.themes, frame.outcome
    n_with = np.asarray(themes.sum(axis=0)).ravel()
    sides = []
    for n, total, squares in (
        (n_with, themes.T @ outcome, themes.T @ outcome**2),
        (
            len(outcome) - n_with,
            outcome.sum() - themes.T @ outcome,
            (outcome**2).sum() - themes.T @ outcome**2,
        ),
    ):
        mean = total / np.maximum(n, 1)
        sides.append((mean, (squares / np.maximum(n, 1) - mean**2) / np.maximum(n - 1, 1)))
    reach = 1.96 * np.sqrt(sides[0][1] + sides[1][1])
    return sides[0][0] - sides[1][0], reach


def _print_nothing(pool: ProcessPoolExecutor, n: int) -> None:
    print("\nno theme does anything: simulations in which any has q <= 0.05 (goal 0.05)")
    for kind in KINDS[:3]:
        work = partial(_simulate, kind, is_null=True)
        scores = list(pool.map(work, range(n), chunksize=10))
        print(f"  {kind.name:15} {np.mean([each.found.any() for each in scores]):.3f}", flush=True)


def _print_fixes(pool: ProcessPoolExecutor, n: int) -> None:
    print("\nafter a fix: difference in differences, 26 weeks before and 8 after, 40 themes")
    heads = ("held", "median", "found", "silent", "held")
    print(f"{'':34}" + "".join(f"{head:>9}" for head in heads))
    for name, change, drift in (
        ("no change, steady themes", 0.0, 0.0),
        ("no change, themes that drift", 0.0, 0.1),
        ("half as many voices, steady", -0.5, 0.0),
        ("half as many, themes that drift", -0.5, 0.1),
    ):
        rows = list(pool.map(partial(_fix, change, drift), range(n), chunksize=20))
        said = np.array([row for row in rows if row is not None])
        median = np.median(said[:, 1])
        print(
            f"  {name:32}{said[:, 0].mean():9.3f}{median:+9.2f}{said[:, 2].mean():9.2f}"
            f"{1 - len(said) / n:9.2f}{said[:, 3].mean():9.3f}",
            flush=True,
        )
    print("held, the second: of the plain change from before to after")


def _fix(change: float, drift: float, seed: int) -> tuple[bool, float, bool, bool] | None:
    """Whether the interval held, the effect, whether it was found, whether the naive one held."""
    weeks, before, after = count_voices(np.random.default_rng(seed), change, drift)
    found = estimate_change(weeks, 0, before, after)
    if found.note is not None:
        return None
    voices, size = weeks.total[0], weeks.size[0]
    sides = [(voices[side].sum() + 0.5, size[side].sum()) for side in (before, after)]
    log = np.log(sides[1][0] / sides[1][1]) - np.log(sides[0][0] / sides[0][1])
    reach = 1.96 * np.sqrt(1 / sides[0][0] + 1 / sides[1][0])
    is_held = abs(log - np.log1p(change)) <= reach
    return found.low <= change <= found.high, found.effect, found.p_value < 0.05, is_held


def _in_own_process(work: Callable[[int], None], n: int) -> None:
    process = multiprocessing.get_context("spawn").Process(target=work, args=(n,))
    process.start()
    process.join()
    if process.exitcode:
        raise SystemExit(process.exitcode)


def _make_large(n: int) -> Records:
    nature = Nature.draw(N_LARGE_THEMES, 0.002, 0.015)
    parts = [live(nature, N_PART, np.random.default_rng(seed)) for seed in range(n // N_PART)]
    return merge(parts)


def _print_large(n: int) -> None:
    records = _make_large(n)
    print(
        f"\n{n:,} customers, {len(records.said):,} feedback, {len(records.themes)} themes, ", end=""
    )
    print(f"{len(records.happened.at):,} events: {_peak()} with these alone")
    total = _Clock()
    for sample, clock in _time_samples(records):
        found = compare(sample, records.themes)
        n_stakes = sum(1 for _ in list_stakes(sample, found, records.currencies))
        n_said = sum(note is None for note in found.notes)
        print(
            f"  {sample.outcome:22} {found.method:9} {n_said} effects, {n_stakes} stakes: {clock}"
        )
    print(f"  all (goal: 60 s, 3,000 MB): {total}, {_peak()}", flush=True)


def _time_samples(records: Records) -> Iterator[tuple[Sample, _Clock]]:
    clock = _Clock()
    for sample in list_samples(records, OutcomeSettings(nps=False)):
        yield sample, clock
        clock = _Clock()


def _print_store(n: int) -> None:
    from pipelines.impact.step import compare_outcomes
    from pipelines.runs import begin_run

    with tempfile.TemporaryDirectory() as folder:
        store = write_store(Path(folder) / "large.db", _make_large(n))
        with begin_run(store, "bench", config_hash="", lock_timeout_s=5) as run:
            clock = _Clock()
            written = compare_outcomes(run)
            print(f"the same from SQLite, with reading and writing {written:,} rows: {clock}")
        with begin_run(store, "bench", config_hash="", lock_timeout_s=5) as run:
            clock = _Clock()
            assert compare_outcomes(run) == 0
            print(f"again, with nothing new: {clock}; {_peak()}", flush=True)


def _peak() -> str:
    return f"peak {resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024:,.0f} MB"


if __name__ == "__main__":
    main()
