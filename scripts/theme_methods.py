"""Ways to find themes that ``bench_themes.py`` compares, each measured in a process of its own.

A method gives each row a theme number; -1 is a row that it leaves out. It may give several answers,
each made from the one before.
"""

from __future__ import annotations

import re
import time
from collections.abc import Callable, Collection, Iterator, Sequence
from concurrent.futures import ProcessPoolExecutor
from functools import partial
from importlib.util import find_spec
from multiprocessing import get_context
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple

import numpy as np
from numpy.typing import NDArray

if TYPE_CHECKING:
    from nlp.themes.granularity import Granularity

Vectors = NDArray[np.floating]
Labels = NDArray[np.integer]
# Numba compiles, and libraries set themselves up, at the first fit: CPU seconds are of the second.
WARM_UP_ROWS = 500
LEVELS: dict[Granularity, str] = {"coarse": "earful, coarse", "fine": "earful, fine"}
_STATUS = Path("/proc/self/status")
_CLEAR = Path("/proc/self/clear_refs")


class Given(NamedTuple):
    """What a method works on; ``gold`` is for those that must be told something of the answer."""

    texts: Sequence[str]
    vectors: Vectors
    langs: Sequence[str]
    gold: Sequence[str]

    @property
    def n_gold(self) -> int:
        """How many themes there are."""
        return len(set(self.gold))


class Found(NamedTuple):
    """A theme for each row (-1 for none), and whether the method stands by it."""

    labels: Labels
    is_assigned: NDArray[np.bool_]


Answers = Iterator[tuple[str, Found]]


class Measured(NamedTuple):
    """What a method found, and at what cost.

    :param name: of the method, or of this answer of it.
    :param cpu_s: of the fit up to this answer, over all threads, after a warm-up on 500 rows.
    :param added_mb: peak resident memory beyond that of a process that holds the texts and vectors;
        the method's libraries are in it. None where the system does not tell.
    """

    name: str
    found: Found
    cpu_s: float
    added_mb: float | None


def find_methods(granularities: Collection[str] = ()) -> tuple[list[str], str | None]:
    """The methods that can run here, and in one line what is missing for the others.

    :param granularities: levels of earful's beside normal.
    """
    left_out = {LEVELS[level] for level in LEVELS.keys() - set(granularities)}
    known = [name for name in METHODS if name not in left_out]
    if find_spec("bertopic"):
        return known, None
    kept = [name for name in known if not name.startswith("BERTopic")]
    return kept, (
        f"{len(known) - len(kept)} of {len(known)} methods left out: BERTopic is not installed "
        "(scripts/install requirements-benchmark.lock)"
    )


def measure_method(name: str, given: Given) -> list[Measured]:
    """Run a method in a new process, which starts with the texts and vectors alone."""
    with ProcessPoolExecutor(1, mp_context=get_context("spawn")) as pool:
        return pool.submit(_measure, name, given).result()


def _measure(name: str, given: Given) -> list[Measured]:
    before = _read_memory("VmRSS")
    if _CLEAR.exists():
        _CLEAR.write_text("5", encoding="ascii")  # forget the peak of receiving the rows
    list(METHODS[name](_take_rows(given, WARM_UP_ROWS)))
    measured = []
    start = time.process_time()
    for answer, found in METHODS[name](given):
        seconds = time.process_time() - start
        peak = _read_memory("VmHWM")
        added = None if before is None or peak is None else peak - before
        measured.append(Measured(answer, found, seconds, added))
    return measured


def _take_rows(given: Given, n_rows: int) -> Given:
    head = slice(n_rows)
    few_labels = [str(row % 20) for row in range(len(given.texts[head]))]
    return Given(given.texts[head], given.vectors[head], given.langs[head], few_labels)


def _read_memory(field: str) -> float | None:
    if not _STATUS.exists():
        return None
    match = re.search(rf"{field}:\s+(\d+) kB", _STATUS.read_text(encoding="ascii"))
    return int(match[1]) / 1024 if match else None


def _run_earful(given: Given, granularity: Granularity = "normal") -> Answers:
    from nlp.themes.discovery import discover_themes

    found = discover_themes(given.texts, given.vectors, given.langs, granularity=granularity)
    yield (
        LEVELS.get(granularity, "earful"),
        Found(found.labels, np.array([reason is None for reason in found.reasons])),
    )


def _run_kmeans(given: Given) -> Answers:
    from sklearn.cluster import KMeans

    labels = KMeans(given.n_gold, n_init=3, random_state=0).fit_predict(
        given.vectors.astype(np.float32)
    )
    yield "k-means, true k", Found(labels, np.ones(len(labels), dtype=bool))


def _run_told(given: Given) -> Answers:
    """A classifier that is told the labels of two thirds and names the last: no rival, a ceiling.

    First of the vectors alone, then of vectors and words.
    """
    from scipy.sparse import csr_array, hstack
    from sklearn.feature_extraction.text import TfidfVectorizer
    from sklearn.linear_model import LogisticRegression
    from sklearn.model_selection import KFold, cross_val_predict

    centred = given.vectors - given.vectors.mean(axis=0, dtype=np.float32)
    centred = centred.astype(np.float32) / np.linalg.norm(centred, axis=1, keepdims=True)
    words = TfidfVectorizer(sublinear_tf=True, min_df=2).fit_transform(given.texts)
    numbers = np.unique(np.asarray(given.gold), return_inverse=True)[1]
    every = np.ones(len(numbers), dtype=bool)
    folds = KFold(3, shuffle=True, random_state=0)
    both = hstack([csr_array(centred), words], "csr")
    for name, rows in (("labels told", centred), ("  with words", both)):
        model = LogisticRegression(C=5, max_iter=500)
        yield name, Found(cross_val_predict(model, rows, numbers, cv=folds), every)


def _run_bertopic(given: Given) -> Answers:
    from bertopic import BERTopic

    topics, _ = BERTopic().fit_transform(list(given.texts), given.vectors.astype(np.float32))
    yield "BERTopic", _read_topics(topics)


def _run_seeded_bertopic(given: Given) -> Answers:
    from bertopic import BERTopic
    from umap import UMAP

    # The reducer that BERTopic makes where none is given, but with a seed.
    reducer = UMAP(15, n_components=5, min_dist=0.0, metric="cosine", random_state=0)
    model = BERTopic(umap_model=reducer)
    texts, vectors = list(given.texts), given.vectors.astype(np.float32)
    topics, _ = model.fit_transform(texts, vectors)
    yield "BERTopic, seeded", _read_topics(topics)
    if -1 in topics and max(topics) >= 0:
        topics = model.reduce_outliers(texts, topics, strategy="embeddings", embeddings=vectors)
    yield "  reduce_outliers", _read_topics(topics)


def _read_topics(topics: Sequence[int]) -> Found:
    labels = np.asarray(topics)
    return Found(labels, labels >= 0)


METHODS: dict[str, Callable[[Given], Answers]] = {
    "earful": _run_earful,
    **{name: partial(_run_earful, granularity=level) for level, name in LEVELS.items()},
    "BERTopic": _run_bertopic,
    "BERTopic, seeded": _run_seeded_bertopic,
    "k-means, true k": _run_kmeans,
    "labels told": _run_told,
}
