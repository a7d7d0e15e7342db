"""Ways to find themes that ``bench_themes.py`` compares, each measured in a process of its own.

A method gives each row a theme number; -1 is a row that it leaves out.
"""

from __future__ import annotations

import re
import time
from collections.abc import Callable, Sequence
from concurrent.futures import ProcessPoolExecutor
from importlib.util import find_spec
from multiprocessing import get_context
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

Vectors = NDArray[np.floating]
Labels = NDArray[np.integer]
# Numba compiles, and libraries set themselves up, at the first fit: CPU seconds are of the second.
WARM_UP_ROWS = 500
_STATUS = Path("/proc/self/status")
_CLEAR = Path("/proc/self/clear_refs")


class Given(NamedTuple):
    """What a method works on; ``n_gold`` is for those that must be told how many themes."""

    texts: Sequence[str]
    vectors: Vectors
    langs: Sequence[str]
    n_gold: int


class Found(NamedTuple):
    """A theme for each row (-1 for none), and whether the method stands by it."""

    labels: Labels
    is_assigned: NDArray[np.bool_]


class Measured(NamedTuple):
    """What a method found, and at what cost.

    :param cpu_s: of the fit, over all threads, after a warm-up on 500 rows.
    :param added_mb: peak resident memory beyond that of a process that holds the texts and vectors;
        the method's libraries are in it. None where the system does not tell.
    """

    found: Found
    cpu_s: float
    added_mb: float | None


def find_methods() -> tuple[dict[str, Any], str | None]:
    """The methods that can run here, and in one line what is missing for the others."""
    if find_spec("bertopic"):
        return METHODS, None
    kept = {name: method for name, method in METHODS.items() if not name.startswith("BERTopic")}
    return kept, (
        f"{len(METHODS) - len(kept)} of {len(METHODS)} methods left out: BERTopic is not installed "
        "(scripts/install requirements-benchmark.lock)"
    )


def measure_method(name: str, given: Given) -> Measured:
    """Run a method in a new process, which starts with the texts and vectors alone."""
    with ProcessPoolExecutor(1, mp_context=get_context("spawn")) as pool:
        return pool.submit(_measure, name, given).result()


def _measure(name: str, given: Given) -> Measured:
    before = _read_memory("VmRSS")
    if _CLEAR.exists():
        _CLEAR.write_text("5", encoding="ascii")  # forget the peak of receiving the rows
    METHODS[name](_take_rows(given, WARM_UP_ROWS))
    start = time.process_time()
    found = METHODS[name](given)
    seconds = time.process_time() - start
    peak = _read_memory("VmHWM")
    return Measured(found, seconds, None if before is None or peak is None else peak - before)


def _take_rows(given: Given, n_rows: int) -> Given:
    head = slice(n_rows)
    fewer = min(given.n_gold, 20)
    return Given(given.texts[head], given.vectors[head], given.langs[head], fewer)


def _read_memory(field: str) -> float | None:
    if not _STATUS.exists():
        return None
    match = re.search(rf"{field}:\s+(\d+) kB", _STATUS.read_text(encoding="ascii"))
    return int(match[1]) / 1024 if match else None


def _run_earful(given: Given) -> Found:
    from nlp.themes.discovery import discover_themes

    found = discover_themes(given.texts, given.vectors, given.langs)
    return Found(found.labels, np.array([reason is None for reason in found.reasons]))


def _run_kmeans(given: Given) -> Found:
    from sklearn.cluster import KMeans

    labels = KMeans(given.n_gold, n_init=3, random_state=0).fit_predict(
        given.vectors.astype(np.float32)
    )
    return Found(labels, np.ones(len(labels), dtype=bool))


def _run_bertopic(*, is_seeded: bool, is_reduced: bool = False) -> Callable[..., Found]:
    def run(given: Given) -> Found:
        from bertopic import BERTopic
        from umap import UMAP

        # The reducer that BERTopic makes where none is given, but with a seed.
        reducer = UMAP(15, n_components=5, min_dist=0.0, metric="cosine", random_state=0)
        model = BERTopic(umap_model=reducer if is_seeded else None)
        own = given.vectors.astype(np.float32)
        topics, _ = model.fit_transform(list(given.texts), own)
        if is_reduced and -1 in topics and max(topics) >= 0:
            topics = model.reduce_outliers(
                list(given.texts), topics, strategy="embeddings", embeddings=own
            )
        labels = np.asarray(topics)
        return Found(labels, labels >= 0)

    return run


METHODS: dict[str, Callable[..., Found]] = {
    "earful": _run_earful,
    "BERTopic": _run_bertopic(is_seeded=False),
    "BERTopic, seeded": _run_bertopic(is_seeded=True),
    "BERTopic, reduced": _run_bertopic(is_seeded=True, is_reduced=True),
    "k-means, true k": _run_kmeans,
}
