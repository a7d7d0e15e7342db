"""Measure what attention promises: intervals, false alarms, weights, order, and the time it takes.

    python scripts/bench_attention.py [--large]

Everything is simulated but the comparison, which takes airline.en of shared/data/sentiment: gold
reasons for complaint as themes, authors as voices, airlines as values.
"""

import argparse
import gzip
import json
import resource
import tempfile
import time
from collections import defaultdict
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from pathlib import Path

import numpy as np
from sqlalchemy import Connection, insert

from pipelines import tables
from pipelines.attention.comparing import Heard, compare_values
from pipelines.attention.defaults import DEFAULT_WEIGHTS
from pipelines.attention.estimates import (
    Estimate,
    Sample,
    estimate_gap,
    estimate_mean,
    estimate_share,
)
from pipelines.attention.signal_parts import HALF_REACH, Measures, score_theme, sum_points
from pipelines.attention.step import rank_themes
from pipelines.attention.weighting import count_effective, rake
from pipelines.runs import begin_run
from pipelines.store import open_store

SEED = 7
N_THEMES = 300
HERE = Path(__file__).parent
Rng = np.random.Generator


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--data", type=Path, default=HERE.parents[1] / "shared" / "data")
    parser.add_argument("--large", action="store_true", help="also time a million mentions")
    options = parser.parse_args()
    rng = np.random.default_rng(SEED)
    cover_intervals(rng)
    compare_airlines(options.data / "sentiment" / "airline.en.jsonl.gz", rng)
    weigh_population(rng)
    order_themes(rng)
    order_gains(rng)
    for n_mentions in (200_000, 1_000_000) if options.large else (200_000,):
        time_step(n_mentions, rng)


def cover_intervals(rng: Rng, n_draws: int = 4_000) -> None:
    """How often 95 % intervals hold the truth, of few voices and of many."""
    print("95 % intervals that hold the truth, by voices")
    sizes = (3, 5, 10, 30, 100)
    print(f"{'':34}" + "".join(f"{n:>8}" for n in sizes))
    for name, draw, truth in _feelings():
        samples = {n: [_sample(draw(rng, n)) for _ in range(n_draws)] for n in sizes}
        means = [
            np.mean([_holds(estimate_mean(each), truth) for each in samples[n]]) for n in sizes
        ]
        print(f"  mean feeling, {name:18}" + "".join(f"{each:8.3f}" for each in means))
        plain = [np.mean([_holds_plain(each, truth) for each in samples[n]]) for n in sizes]
        print(f"    normal, own variance{'':10}" + "".join(f"{each:8.3f}" for each in plain))
        others = _sample(draw(rng, 2_000))
        gaps = [
            np.mean([_holds(estimate_gap(others, each), 0.0) for each in samples[n]]) for n in sizes
        ]
        print(f"  gap to 2,000 others of its kind {'':0}" + "".join(f"{g:8.3f}" for g in gaps))
    for share in (0.02, 0.2):
        found = [
            np.mean(
                [_holds(estimate_share(int(k), n), share) for k in rng.binomial(n, share, n_draws)]
            )
            for n in (30, 100, 1_000)
        ]
        print(
            f"  share of {share:.0%} (30, 100, 1,000) {'':4}" + "".join(f"{x:8.3f}" for x in found)
        )


def _feelings() -> list[tuple[str, Callable[[Rng, int], np.ndarray], float]]:
    """Scores as the sentiment model gives them: near the ends, or spread."""

    def complaints(rng: Rng, n: int) -> np.ndarray:
        return np.where(
            rng.random(n) < 0.85, rng.uniform(-0.95, -0.6, n), rng.uniform(-0.2, 0.9, n)
        )

    def mixed(rng: Rng, n: int) -> np.ndarray:
        return np.where(rng.random(n) < 0.5, rng.uniform(-0.95, -0.5, n), rng.uniform(0.3, 0.95, n))

    def questions(rng: Rng, n: int) -> np.ndarray:
        return np.clip(rng.normal(-0.1, 0.25, n), -1, 1)

    return [
        ("complaints", complaints, 0.85 * -0.775 + 0.15 * 0.35),
        ("mixed", mixed, 0.5 * -0.725 + 0.5 * 0.625),
        ("questions", questions, -0.1),
    ]


def _sample(scores: np.ndarray) -> Sample:
    return Sample(len(scores), float(scores.sum()), float((scores**2).sum()))


def _holds(estimate, truth: float) -> bool:
    return estimate.low <= truth <= estimate.high


def _holds_plain(sample: Sample, truth: float) -> bool:
    variance = max(sample.squares - sample.total * sample.mean, 0) / (sample.n - 1)
    return abs(sample.mean - truth) <= 1.96 * (variance / sample.n) ** 0.5


def compare_airlines(path: Path, rng: Rng, n_shuffles: int = 200) -> None:
    """Differences that are found between airlines, and between airlines drawn by lot."""
    if not path.exists():
        print(f"comparison: {path} is not there")
        return
    with gzip.open(path, "rt", encoding="utf-8") as lines:
        rows = [json.loads(line) for line in lines]
    voices = sorted({row["author"] for row in rows})
    number = {author: place for place, author in enumerate(voices)}
    brand_of = {number[row["author"]]: row["brand"] for row in rows}
    score = {"negative": -0.8, "neutral": 0.0, "positive": 0.8}
    said: dict[str, dict[int, list[float]]] = defaultdict(lambda: defaultdict(list))
    for row in rows:
        said[row.get("reason") or row["label"]][number[row["author"]]].append(score[row["label"]])
    brands = [brand_of[place] for place in range(len(voices))]
    found = _compare(said, brands)
    print(
        f"\ncomparison of {len(set(brands))} airlines, {len(said)} subjects, {len(voices):,} voices"
    )
    pairs = [row for row in found if row["theme_id"]]
    named = [row for row in pairs if row["share_q"] <= 0.05]
    print(f"  shares that differ (q <= .05): {len(named)} of {len(pairs)}")
    for row in sorted(named, key=lambda row: row["share_q"])[:5]:
        print(
            f"    {row['theme_id']:24} {row['value']:16} {row['share']:.1%} "
            f"({row['share_low']:.1%} to {row['share_high']:.1%}), q {row['share_q']:.1e}"
        )
    n_alarms = 0
    for _ in range(n_shuffles):
        shuffled = _compare(said, list(rng.permutation(brands)))
        n_alarms += any(row["share_q"] is not None and row["share_q"] <= 0.05 for row in shuffled)
    print(f"  airlines drawn by lot: a false difference in {n_alarms} of {n_shuffles} shuffles")


def _compare(said, brands: list[str]) -> list[dict]:
    n_voices: dict[str, int] = defaultdict(int)
    for brand in brands:
        n_voices[brand] += 1
    themes: dict[str, dict[str, Heard]] = {}
    for subject, by_voice in said.items():
        scores: dict[str, list[float]] = defaultdict(list)
        for voice, given in by_voice.items():
            scores[brands[voice]].append(float(np.mean(given)))
        themes[subject] = {b: Heard(len(s), _sample(np.array(s))) for b, s in scores.items()}
    return compare_values(n_voices, {}, themes)


def weigh_population(rng: Rng, n_draws: int = 1_000) -> None:
    """A share of all customers, from those who are heard: as they are, and weighted."""
    cells = [(s, c) for s in ("basic", "plus", "business") for c in ("IL", "US", "DE", "EG")]
    sizes = rng.multinomial(20_000, rng.dirichlet(np.full(len(cells), 3.0)))
    hears = np.array([0.02 + 0.04 * (s[0] == "b") + 0.05 * (c == "US") for s, c in cells])
    speaks = np.array([0.05 + 0.15 * (c == "US") + 0.05 * (s == "plus") for s, c in cells])
    truth = float((sizes * speaks).sum() / sizes.sum())
    margins: list[dict[str, int]] = [defaultdict(int), defaultdict(int)]
    for cell, n in zip(cells, sizes.tolist(), strict=True):
        for place, value in enumerate(cell):
            margins[place][value] += n
    found = [_draw_shares(rng, cells, sizes, hears, speaks, margins) for _ in range(n_draws)]
    plain, weighted = [each[0] for each in found], [each[1] for each in found]
    print(f"\nweights: a theme that {truth:.1%} of all customers have, {n_draws:,} draws")
    for name, shares in (("as heard", plain), ("weighted", weighted)):
        held = np.mean([_holds(each, truth) for each in shares])
        mean = np.mean([each.value for each in shares])
        print(f"  {name}  {mean:.1%} on average, interval holds the truth {held:.3f}")
    print(f"  {np.mean([each[2] for each in found]):.0%} of the voices are left by Kish")


def _draw_shares(
    rng: Rng,
    cells: list[tuple[str, str]],
    sizes: np.ndarray,
    hears: np.ndarray,
    speaks: np.ndarray,
    margins: list[dict[str, int]],
) -> tuple[Estimate, Estimate, float]:
    n_heard = rng.binomial(sizes, hears)
    n_with = rng.binomial(n_heard, speaks)
    heard = {cell: int(n) for cell, n in zip(cells, n_heard, strict=True) if n}
    weights = rake(heard, margins, 5.0)
    assert weights is not None
    n_left = count_effective(heard, weights)
    weigh = np.array([weights.weigh(cell) if cell in heard else 0.0 for cell in cells])
    share = float((weigh * n_with).sum() / (weigh * n_heard).sum())
    plain = estimate_share(int(n_with.sum()), int(n_heard.sum()))
    weighted = estimate_share(share * n_left, n_left)
    assert plain is not None and weighted is not None
    return plain, weighted, n_left / float(n_heard.sum())


def order_themes(rng: Rng, n_themes: int = 200, n_draws: int = 200) -> None:
    """Whether the first themes are those that should be: cautious ends against plain figures."""
    kept: dict[str, list[float]] = defaultdict(list)
    for _ in range(n_draws):
        reach = np.minimum(rng.pareto(1.2, n_themes) * 0.002, 0.9)
        feeling = rng.uniform(-0.7, 0.3, n_themes)
        grows = np.maximum(rng.normal(0, 0.5, n_themes), 0) * (rng.random(n_themes) < 0.2)
        drawn = [
            _draw_theme(rng, *each)
            for each in zip(reach.tolist(), feeling.tolist(), np.exp(grows).tolist(), strict=True)
        ]
        true, cautious, plain = zip(*drawn, strict=True)
        best = set(np.argsort(true)[-10:])
        for name, scores in (("cautious ends", cautious), ("plain figures", plain)):
            kept[name].append(len(best & set(np.argsort(scores)[-10:])) / 10)
    print(f"\norder: of the ten themes that deserve it most, of {n_themes}, among the first ten")
    for name, shares in kept.items():
        print(f"  {name}  {np.mean(shares):.2f}")


def _draw_theme(
    rng: Rng, reach: float, feeling: float, growth: float, n_all: int = 1_500
) -> tuple[float, float, float]:
    """Scores of a theme: if it were known, as it is scored, and from plain figures."""
    everything = Sample(10**6, 10**6 * feeling, 10**6 * (feeling**2 + 0.2))
    true = Measures(10**6, int(10**6 / reach), everything, 0.8e6, growth)
    n = int(rng.binomial(n_all, reach))
    sample = _sample(np.clip(rng.normal(feeling, 0.45, n), -1, 1))
    expected, now = (rng.poisson(n * 4) + 0.5) / 4, rng.poisson(n * growth)
    low = max(now - 1.96 * (now + 0.5) ** 0.5, 0) / expected
    cautious = Measures(n, n_all, sample, 0.8 * n, low)
    return _total(true), _total(cautious), _add_plain(n / n_all, sample.mean, now / expected)


def _total(measures: Measures) -> float:
    return sum_points(score_theme(measures, DEFAULT_WEIGHTS)) or 0.0


def _add_plain(share: float, mean: float, ratio: float) -> float:
    """The same formulae, without a look at how many voices there are."""
    parts = {
        "reach": share / (share + HALF_REACH),
        "feeling": max(-mean, 0.0),
        "growth": 1 - 1 / max(ratio, 1.0),
    }
    return sum(DEFAULT_WEIGHTS[name] * each for name, each in parts.items())


def order_gains(rng: Rng, n_themes: int = 60, n_draws: int = 300) -> None:
    """Whether what is to be fixed first brings something: what is sure first, or not."""
    gaining: dict[str, list[float]] = defaultdict(list)
    for _ in range(n_draws):
        gaps = np.where(rng.random(n_themes) < 0.3, rng.uniform(0.1, 0.6, n_themes), 0.0)
        n_voices = np.clip((rng.pareto(1.2, n_themes) * 8).astype(int), 3, 300)
        others = _sample(np.clip(rng.normal(-0.1, 0.45, 4_000), -1, 1))
        found = []
        for gap, n in zip(gaps, n_voices.tolist(), strict=True):
            own = _sample(np.clip(rng.normal(-0.1 - gap, 0.45, n), -1, 1))
            estimate = estimate_gap(others, own)
            assert estimate is not None
            found.append((estimate.value * n, estimate.low > 0))
        orders = {
            "what is sure first": sorted(
                (not sure, -gain, i) for i, (gain, sure) in enumerate(found)
            ),
            "by the gain alone ": sorted((False, -gain, i) for i, (gain, _) in enumerate(found)),
        }
        for name, order in orders.items():
            first = [place for *_, place in order[:5]]
            gaining[name].append(float(np.mean(gaps[first] > 0)))
    print(
        f"\npriorities: of the first five of {n_themes}, 3 in 10 of which gain, that gain anything"
    )
    for name, shares in gaining.items():
        print(f"  {name}  {np.mean(shares):.2f}")


def time_step(n_mentions: int, rng: Rng) -> None:
    """Time of the whole step on a store of so many mentions, and of the next run."""
    with tempfile.TemporaryDirectory() as folder:
        store = open_store(f"sqlite:///{folder}/bench.db", create=True)
        with store.write() as connection:
            _fill(connection, n_mentions, rng)
        clocks = []
        for _ in range(2):
            with begin_run(store, "bench", config_hash="", lock_timeout_s=1) as run:
                clock = time.process_time()
                clocks.append((rank_themes(run), time.process_time() - clock))
        store.engine.dispose()
    (n_rows, seconds), (again, idle) = clocks
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
    print(
        f"\n{n_mentions:,} mentions, {N_THEMES} themes, 7 brands: {n_rows:,} rows in "
        f"{seconds:.1f} CPU s; the next run {again} rows in {idle:.3f} s; peak {peak:,.0f} MB"
    )


def _fill(connection: Connection, n_mentions: int, rng: Rng) -> None:
    n_customers = n_mentions // 10
    start = datetime(2026, 1, 1, tzinfo=UTC)
    told = {"status": "active", "origin": "discovered"}
    themes = [{"theme_id": f"t{i}", "name": f"t{i}", **told} for i in range(N_THEMES)]
    customers = [
        {"customer_id": f"c{i}", "segment": f"s{i % 6}", "country": f"k{i % 9}", "lang": "en"}
        for i in range(n_customers)
    ]
    connection.execute(insert(tables.theme), themes)
    connection.execute(insert(tables.customer), customers)
    for first in range(0, n_mentions, 50_000):
        numbers = range(first, min(first + 50_000, n_mentions))
        spoken_of = rng.zipf(1.4, len(numbers)) % N_THEMES
        who = rng.integers(0, 2 * n_customers, len(numbers))
        feedback = [
            {"feedback_id": f"f{i}", "source": f"x{i % 4}", "text": "", "channel": "review"}
            | {"occurred_at": start + timedelta(minutes=i % 260_000)}
            | {"customer_id": f"c{w}" if w < n_customers else None}
            | {"attributes": {"brand": f"b{i % 7}", "url": f"u{i}"}}
            for i, w in zip(numbers, who, strict=True)
        ]
        mentions = [
            {"mention_id": f"m{i}", "feedback_id": f"f{i}", "text": "", "text_hash": str(i)}
            | {"theme_id": f"t{t}", "theme_strength": 0.8, "sentiment_score": (i % 21 - 10) / 10}
            for i, t in zip(numbers, spoken_of, strict=True)
        ]
        connection.execute(insert(tables.feedback), feedback)
        connection.execute(insert(tables.mention), mentions)


if __name__ == "__main__":
    main()
