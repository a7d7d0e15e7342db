"""Real feedback for scripts/bench_verdicts.py: what it is about, when, and how much it scatters."""

from __future__ import annotations

import gzip
import json
from collections.abc import Callable
from datetime import date, datetime
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy.stats import nbinom

_MIN_MEAN = 2.0
Real = tuple[NDArray[np.intp], NDArray[np.intp]]
_SETS = {"cfpb": "themes/cfpb.en.jsonl.gz", "airline": "sentiment/airline.en.jsonl.gz"}


def read_real(folder: Path, name: str) -> Real | None:
    """Theme and day of every row of a set, as its name says; of tweets the hour."""
    path = folder / _SETS[name.partition(" ")[0]]
    if not path.exists():
        print(f"{name:30}skipped: {path} is not there")
        return None
    with gzip.open(path, "rt", encoding="utf-8") as lines:
        rows = [json.loads(line) for line in lines]
    place = _PLACES[name]
    placed = [found for row in rows if (found := place(row))]
    names = sorted({theme for theme, _ in placed})
    days = np.array([day for _, day in placed])
    return np.array([names.index(theme) for theme, _ in placed]), days - days.min()


def _place_complaint(row: dict[str, Any], column: str) -> tuple[str, int] | None:
    """Of the busy months, where there are complaints on most days."""
    parts = [int(part) for part in row["at"].split("/") if part]
    if len(parts) < 3 or not date(2018, 11, 26) <= (day := date(*parts)) < date(2019, 8, 12):
        return None
    return row[column], day.toordinal()


def _place_tweet(row: dict[str, Any], *, by_airline: bool) -> tuple[str, int] | None:
    if not row.get("reason"):
        return None
    at = datetime.fromisoformat(row["at"])
    theme = f"{row['brand']} {row['reason']}" if by_airline else row["reason"]
    return theme, at.toordinal() * 24 + at.hour


_PLACES: dict[str, Callable[[dict[str, Any]], tuple[str, int] | None]] = {
    "cfpb (issue)": partial(_place_complaint, column="issue"),
    "cfpb (product)": partial(_place_complaint, column="label"),
    "airline (reason)": partial(_place_tweet, by_airline=False),
    "airline (airline and reason)": partial(_place_tweet, by_airline=True),
}


def fit_scatter(themes: NDArray[np.intp], bins: NDArray[np.intp]) -> float:
    """Maximum likelihood of c in m + c m^2, where one window in twenty may be anything."""
    counts = np.zeros((themes.max() + 1, bins.max() + 1))
    np.add.at(counts, (themes, bins), 1)
    counts = counts[counts.mean(axis=1) >= _MIN_MEAN]
    share = counts.sum(axis=1, keepdims=True) / len(bins)
    expected = share * np.bincount(bins)

    def weigh(level: float) -> float:
        usual = nbinom.logpmf(counts, 1 / level, 1 / (1 + level * expected))
        any_ = nbinom.logpmf(counts, 0.5, 0.5 / (0.5 + expected))
        return float(np.logaddexp(np.log(0.95) + usual, np.log(0.05) + any_).sum())

    levels = np.geomspace(0.001, 0.3, 58)
    return float(levels[np.argmax([weigh(level) for level in levels])])
