"""Which texts of an index are nearest to what is asked, of those that the filters leave."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any, NamedTuple

import numpy as np

from nlp.postings import read_words
from nlp.themes.vectors import Floats
from pipelines.asking.index import Index
from pipelines.asking.indexing import NO_TIME

# What a text that has all the names and numbers of a question gains: more than texts differ in
# meaning. Its other words gain nothing: the answers are as right, but fewer are in the other
# language (bench_ask.py).
_NAME_WEIGHT = 1.5
# Texts at which the own mean of a language weighs as much as that of all.
_HALF_WEIGHT_TEXTS = 50
# What is less like the question is not about it: nine of ten texts about something else are below
# .14, and one in ten of the right ones in another language below .03 (banking77, bench_ask.py).
_LEAST_SIMILARITY = 0.1
_FIRST_TEXTS = 64


@dataclass(frozen=True)
class Filters:
    """Which mentions are wanted; empty and None for any.

    :param since: the first moment.
    :param until: the first moment that is too late.
    """

    themes: tuple[str, ...] = ()
    sources: tuple[str, ...] = ()
    langs: tuple[str, ...] = ()
    segments: tuple[str, ...] = ()
    sentiments: tuple[str, ...] = ()
    since: datetime | None = None
    until: datetime | None = None


class Wanted(NamedTuple):
    """What is looked for.

    :param vector: (d,) of unit length, centred as the texts are.
    :param names: words that no other language has a word for: numbers and names.
    :param exact: words that must stand in the text, by phrase.
    :param without: numbers of texts that are not wanted.
    """

    vector: Floats
    names: tuple[str, ...] = ()
    exact: tuple[str, ...] = ()
    without: Any = ()


class Hit(NamedTuple):
    """A text, and its mentions that the filters leave, newest first, by their places."""

    similarity: float
    places: Sequence[int]
    n_voices: int


def find_hits(
    index: Index, wanted: Wanted, filters: Filters, sample: Sequence[str] | None = None
) -> Iterator[Hit]:
    """Texts, the nearest first; equally near ones in the order of their hashes.

    :param sample: hashes of those that stand for all texts, where the index has not all.
    """
    if not index.n_texts:
        return
    passing = _pass_filters(index, filters)
    cosines = index.texts.score(wanted.vector)
    gained = np.float32(_NAME_WEIGHT) * index.words.share(wanted.names)
    of_all: Any = slice(None)
    if sample is not None:
        of_all = np.isin(index.text_hashes, np.array(sample, dtype="S32"))
    scores = _level_languages(cosines, index, of_all) + gained
    scores[~_find_texts(index, wanted, passing)] = -np.inf
    if not wanted.exact:
        scores[cosines + gained < _LEAST_SIMILARITY] = -np.inf
    for row in _rank(scores):
        places = np.arange(index.starts[row], index.starts[row + 1])
        if passing is not None:
            places = places[passing[places]]
        newest = places[np.argsort(-index.at[places], kind="stable")]
        n_voices = len(np.unique(index.columns["voice"][places]))
        yield Hit(float(cosines[row]), newest.tolist(), n_voices)


def _level_languages(cosines: Floats, index: Index, of_all: Any) -> Floats:
    """Cosines as they would be if texts of all languages were as near to the question on average.

    The question's own language stays nearer even in centred rows: of the first ten answers .10 are
    in the other of two languages, levelled .30, and more of the ten are right (bench_ask.py).

    :param of_all: which of the texts say what all are like.
    """
    langs = index.columns["lang"][index.starts[:-1]]
    known, looked, n_langs = langs[of_all], cosines[of_all], int(langs.max()) + 1
    mean, spread = float(looked.mean()), float(looked.std())
    sizes = np.bincount(known, minlength=n_langs) + _HALF_WEIGHT_TEXTS
    sums = np.bincount(known, looked, minlength=n_langs)
    means = (sums + _HALF_WEIGHT_TEXTS * mean) / sizes
    away = np.bincount(known, (looked - mean) ** 2, minlength=n_langs)
    squares = away + _HALF_WEIGHT_TEXTS * spread**2
    spreads = np.sqrt(np.maximum(squares / sizes - (means - mean) ** 2, 1e-12))
    factors = (spread / spreads).astype(np.float32)
    shifts = (mean - means * factors).astype(np.float32)
    return np.asarray(cosines * factors[langs] + shifts[langs])


def _pass_filters(index: Index, filters: Filters) -> Any:
    """(n_mentions,) which are wanted; None for all."""
    chosen = {
        "theme": filters.themes,
        "source": filters.sources,
        "lang": filters.langs,
        "segment": filters.segments,
        "sentiment": filters.sentiments,
    }
    passing: list[Any] = [
        np.isin(index.columns[name], [index.names[name].index(value) for value in known])
        for name, values in chosen.items()
        if values
        for known in [[value for value in values if value in index.names[name]]]
    ]
    if filters.since is not None:
        passing.append(index.at >= filters.since.timestamp())
    if filters.until is not None:
        passing.append((index.at < filters.until.timestamp()) & (index.at != NO_TIME))
    return np.logical_and.reduce(passing) if passing else None


def _find_texts(index: Index, wanted: Wanted, passing: Any) -> Any:
    """(n_texts,) which have a mention that is wanted, and the words that must be there."""
    found = np.ones(index.n_texts, dtype=bool)
    if passing is not None:
        found &= np.logical_or.reduceat(passing, index.starts[:-1])
    for phrase in wanted.exact:
        has = np.zeros(index.n_texts, dtype=bool)
        if words := read_words(phrase):
            has[index.words.find_all(words)] = True
        found &= has
    found[np.asarray(wanted.without, dtype=np.intp)] = False
    return found


def _rank(scores: Any) -> Iterator[int]:
    """Rows by score, the highest first; sorted only as far as they are asked for."""
    n_left = int(np.isfinite(scores).sum())
    n_given, n_next = 0, _FIRST_TEXTS
    while n_given < n_left:
        n_next = min(n_next, n_left)
        least = np.partition(scores, len(scores) - n_next)[len(scores) - n_next]
        best = np.flatnonzero(scores >= least)
        best = best[np.argsort(-scores[best], kind="stable")]
        yield from best[n_given:].tolist()
        n_given, n_next = len(best), n_next * 8
