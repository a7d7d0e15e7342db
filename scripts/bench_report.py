"""Measure the report: its size, the time to write it, and the time until it can be used.

Usage: .venv/bin/python scripts/bench_report.py [MENTIONS [THEMES]]     (default 100000 300)

The store is made up: mentions of three years in 6 sources, 8 languages and 4 segments, said by a
third as many voices, with everything that later steps write about themes. Chromium (headless, on
this machine) opens the page five times; the median is printed.
"""

import argparse
import random
import resource
import shutil
import statistics
import tempfile
import time
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import numpy as np
from sqlalchemy import insert

from pipelines import tables
from pipelines.report.page import write_report
from pipelines.store import Store, open_store

START = datetime(2023, 10, 30, tzinfo=UTC)
N_DAYS = 3 * 364
SOURCES = ("app_reviews", "survey", "social", "tickets", "web", "calls")
LANGS = ("en", "he", "ar", "fa", "de", "fr", "es", "ru")
SEGMENTS = ("Basic", "Plus", "Business", "Student")
SENTENCE = "They promised that it would be settled within five days, and nobody called me back"
ROWS_AT_A_TIME = 5000
READY = """() => {
  const paint = performance.getEntriesByName("first-contentful-paint")[0];
  return [paint ? paint.startTime : 0, window.readyAt];
}"""
WATCH = """new MutationObserver(() => {
  if (document.documentElement.dataset.ready === "") window.readyAt ??= performance.now();
}).observe(document, {attributes: true, subtree: true});"""


def make_store(url: str, n_mentions: int, n_themes: int) -> Store:
    """Fill a store with made-up rows."""
    store = open_store(url, create=True)
    rng = random.Random(0)
    shares = np.random.default_rng(0).zipf(1.35, n_themes).clip(1, 400).astype(float)
    shares /= shares.sum()
    themes = np.random.default_rng(1).choice(n_themes, n_mentions, p=shares)
    n_voices = n_mentions // 3
    with store.write() as connection:
        for table, rows in (
            ("customer", _customers(n_voices // 2)),
            ("feedback", _feedback(rng, n_mentions, n_voices)),
            ("mention", _mentions(rng, themes.tolist())),
            ("theme", _themes(rng, themes, n_themes)),
            ("theme_quote", _quotes(themes, n_themes)),
            ("theme_period", _weeks(rng, n_themes)),
            ("theme_centre", _centres(n_themes)),
            ("theme_impact", _impacts(rng, n_themes)),
            ("theme_signal", _signals(rng, n_themes)),
            ("run", iter([_run()])),
        ):
            _insert(connection, tables.metadata.tables[table], rows)
    return store


def _insert(connection: Any, table: Any, rows: Iterator[dict[str, Any]]) -> None:
    batch: list[dict[str, Any]] = []
    for row in rows:
        batch.append(row)
        if len(batch) == ROWS_AT_A_TIME:
            connection.execute(insert(table), batch)
            batch = []
    if batch:
        connection.execute(insert(table), batch)


def _run() -> dict[str, Any]:
    at = START + timedelta(days=N_DAYS)
    row = {"run_id": "r", "command": "run", "status": "done", "encoder": "bench@1"}
    return row | {"started_at": at, "finished_at": at}


def _customers(n: int) -> Iterator[dict[str, Any]]:
    for number in range(n):
        yield {"customer_id": f"C-{number}", "segment": SEGMENTS[number % len(SEGMENTS)]}


def _feedback(rng: random.Random, n: int, n_voices: int) -> Iterator[dict[str, Any]]:
    for number in range(n):
        who = rng.randrange(n_voices)
        yield {
            "feedback_id": f"f{number}",
            "source": rng.choices(SOURCES, (40, 25, 15, 10, 7, 3))[0],
            "lang": LANGS[who % len(LANGS)] if rng.random() < 0.6 else "en",
            "text": SENTENCE,
            "occurred_at": START + timedelta(days=rng.randrange(N_DAYS)),
            "customer_id": f"C-{who}" if who < n_voices // 2 else None,
            "author_key": f"k{who}",
            "noise_reason": "spam" if rng.random() < 0.03 else None,
        }


def _mentions(rng: random.Random, themes: list[int]) -> Iterator[dict[str, Any]]:
    for number, theme in enumerate(themes):
        yield {
            "mention_id": f"f{number}:0",
            "feedback_id": f"f{number}",
            "text": SENTENCE,
            "text_hash": f"h{number}",
            "lang": None,
            "sentiment": rng.choice(("negative", "negative", "neutral", "positive")),
            "theme_id": f"t{theme}" if rng.random() < 0.9 else None,
            "unassigned_reason": None,
        }


def _themes(rng: random.Random, themes: Any, n_themes: int) -> Iterator[dict[str, Any]]:
    sizes = np.bincount(themes, minlength=n_themes)
    for number in range(n_themes):
        yield {
            "theme_id": f"t{number}",
            "name": f"Refund promised, not settled {number}",
            "description": f"About refunds and calls, {number}; typical: “{SENTENCE}.”",
            "keywords": ["refund", "promise", "five days", "call back", "settled", "nobody"],
            "status": "active",
            "origin": "discovered",
            "lang": LANGS[number % len(LANGS)],
            "n_mentions": int(sizes[number]),
            "n_customers": int(sizes[number]),
            "sentiment": rng.uniform(-0.8, 0.5),
            "verdict": rng.choice(("steady", "steady", "growing", "emerging", "fading")),
            "parent_id": f"t{number - number % 3}" if number % 3 and number % 2 else None,
            "signal_score": rng.uniform(0, 100),
            "first_seen_at": START,
            "last_seen_at": START + timedelta(days=N_DAYS - 1),
        }


def _quotes(themes: Any, n_themes: int) -> Iterator[dict[str, Any]]:
    for theme in range(n_themes):
        for rank, number in enumerate(np.flatnonzero(themes == theme)[:3].tolist(), 1):
            yield {"theme_id": f"t{theme}", "rank": rank, "mention_id": f"f{number}:0"} | {
                "text": f"{SENTENCE} in {rank} weeks, although I asked {number} times. {SENTENCE}."
            }


def _weeks(rng: random.Random, n_themes: int) -> Iterator[dict[str, Any]]:
    last = N_DAYS // 7 - 1
    for theme in range(n_themes):
        for segment in ("all", *SEGMENTS):
            for week in range(last - 51, last + 1):
                expected = rng.uniform(1, 20)
                judged = {"verdict": "growing", "q_value": 0.01, "ratio": 2.0, "ratio_low": 1.2}
                yield {
                    "theme_id": f"t{theme}",
                    "period": "week",
                    "segment": segment,
                    "period_start": START + timedelta(weeks=week),
                    "n_customers": rng.randrange(30),
                    "expected": expected,
                    "expected_low": expected / 2,
                    "expected_high": expected * 2,
                    **(judged if week == last else dict.fromkeys(judged)),
                }


def _centres(n_themes: int) -> Iterator[dict[str, Any]]:
    vectors = np.random.default_rng(2).normal(size=(n_themes, 384)).astype("<f4")
    for theme, vector in enumerate(vectors):
        row = {"theme_id": f"t{theme}", "voice": "en", "model": "bench@1", "n_texts": 9}
        yield row | {"data": vector.tobytes()}


def _impacts(rng: random.Random, n_themes: int) -> Iterator[dict[str, Any]]:
    for theme in range(n_themes):
        for outcome, unit in (("rating", "points"), ("churn_90", "share"), ("spend", "EUR")):
            effect = rng.uniform(-1, 1)
            row = {"theme_id": f"t{theme}", "outcome": outcome, "unit": unit, "method": "ridge"}
            row |= {"effect": effect, "low": effect - 0.2, "high": effect + 0.2, "q_value": 0.03}
            row |= {"n": 9000, "n_with_theme": 300, "adjusted_for": ["segment", "tenure"]}
            yield row | {"at_stake": 1000.0, "at_stake_low": 500.0, "at_stake_high": 1500.0}


def _signals(rng: random.Random, n_themes: int) -> Iterator[dict[str, Any]]:
    for theme in range(n_themes):
        for part in ("reach", "growth", "feeling", "value", "breadth", "confidence"):
            score = rng.random()
            row = {"theme_id": f"t{theme}", "part": part, "value": score, "score": score}
            yield row | {"weight": 1 / 6, "points": 100 * score / 6}


def time_opening(path: Path, n_times: int = 5) -> tuple[float, float, float]:
    """Median milliseconds until something is painted, all can be used, and a filter has acted."""
    from playwright.sync_api import sync_playwright

    chromium_path = shutil.which("chromium") or shutil.which("chromium-browser")
    found = []
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(
            executable_path=chromium_path, args=["--no-sandbox", "--disable-gpu"]
        )
        for _ in range(n_times):
            page = browser.new_page(viewport={"width": 1400, "height": 1000})
            page.add_init_script(WATCH)
            page.goto(path.as_uri())
            # Not by wait_for_function: the page's policy lets no words be run as code.
            page.locator("html[data-ready]").wait_for(state="attached")
            page.wait_for_timeout(300)
            painted, ready = page.evaluate(READY)
            filtering = page.evaluate(
                "() => { const box = document.getElementById('filter-source'); box.value = '2';"
                " const start = performance.now(); box.dispatchEvent(new Event('change'));"
                " document.body.offsetHeight; return performance.now() - start; }"
            )
            found.append((painted, ready, filtering))
            page.close()
        browser.close()
    first, second, third = (statistics.median(each) for each in zip(*found, strict=True))
    return first, second, third


def main() -> None:
    """Make a store, write its report, open it; print what was measured."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("mentions", nargs="?", type=int, default=100_000)
    parser.add_argument("themes", nargs="?", type=int, default=300)
    asked = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        store = make_store(f"sqlite:///{folder}/bench.db", asked.mentions, asked.themes)
        path = Path(folder) / "report.html"
        started, worked = time.perf_counter(), time.process_time()
        with store.read() as connection:
            write_report(connection, path)
        seconds, cpu = time.perf_counter() - started, time.process_time() - worked
        peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
        print(f"{asked.mentions:,} mentions, {asked.themes:,} themes")
        print(f"page: {path.stat().st_size / 1e6:.2f} MB")
        print(f"written in {seconds:.1f} s, {cpu:.1f} CPU s; peak memory {peak / 1024:.0f} MB")
        painted, ready, filtering = time_opening(path)
        print(
            f"opened in Chromium: painted after {painted:.0f} ms, to be used after {ready:.0f} ms; "
            f"a filter acts in {filtering:.0f} ms"
        )
        store.engine.dispose()


if __name__ == "__main__":
    main()
