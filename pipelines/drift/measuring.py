"""What a run brought, in five measures: languages, noise, what has no theme, feeling, meaning."""

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray
from sqlalchemy import Connection, func, select

from pipelines import tables
from pipelines.counted import counted_mentions, feedback, is_counted, mention
from pipelines.drift.prediction import Sample
from pipelines.encoder_pass import VECTOR_TYPE
from pipelines.vector_lake.reading import stream_with_vectors

MEASURES: Final = {
    "language_mix": "languages of feedback",
    "noise_rate": "noise among feedback",
    "unassigned_rate": "mentions without a theme",
    "sentiment_mean": "mean sentiment of mentions",
    "embedding_mean": "meaning of mentions",
}
MIN_ROWS: Final = 100
"""Fewer say little, and might be of one person; they count with those of the next run."""
MIN_SHARE: Final = 0.02
MAX_VECTORS: Final = 20_000
# Less than that is how a database happened to add up.
_DIGITS: Final = 9
_NOISE_DIGITS: Final = 12


@dataclass(frozen=True)
class Measured:
    """One measure of what a run brought.

    :param n: rows it was made of.
    :param value: the rate or mean; None for what is no number.
    :param basis: the model that it depends on: only measures of the same can be compared.
    """

    measure: str
    n: int
    sample: Sample
    value: float | None = None
    detail: Mapping[str, Any] | None = field(default=None)
    basis: str = ""


def measure_rows(
    connection: Connection, after: str | None, encoder: str | None, sentiment_model: str | None
) -> list[Measured]:
    """Measure what was read since a run.

    :param after: the run; None for all that there is.
    :returns: nothing of which there are fewer than MIN_ROWS.
    """
    found = [
        _measure_languages(connection, after),
        _measure_noise(connection, after),
        _measure_unassigned(connection, after),
        _measure_sentiment(connection, after, sentiment_model or ""),
        _measure_meaning(connection, after, encoder) if encoder else None,
    ]
    return [each for each in found if each is not None and each.n >= MIN_ROWS]


def make_shares(counts: Mapping[str, int], names: tuple[str, ...]) -> Sample:
    """Shares as square roots: their variance hardly depends on them (Anscombe 1948).

    :param names: of the shares; what has none of these names is one more.
    """
    total = sum(counts.values())
    named = [counts.get(name, 0) for name in names]
    found = np.array([*named, total - sum(named)], dtype=np.float64)
    roots = np.sqrt((found + 0.375) / (total + 0.375 * len(found)))
    return Sample(roots, len(names) / (4 * total + 2))


def name_shares(history: Sequence[Mapping[str, int]]) -> tuple[str, ...]:
    """Those that had at least MIN_SHARE in a history: of rarer ones chance makes far too much."""
    totals: Counter[str] = Counter()
    for counts in history:
        totals.update(counts)
    least = MIN_SHARE * sum(totals.values())
    return tuple(sorted(name for name, n in totals.items() if n >= least))


def make_rate(n_of: int, n: int) -> Sample:
    """A rate as two shares."""
    return make_shares({"of": n_of, "other": n - n_of}, ("of",))


def _new(query: Any, after: str | None) -> Any:
    return query if after is None else query.where(feedback.run_id > after)


def _measure_languages(connection: Connection, after: str | None) -> Measured:
    query = _new(select(feedback.lang, func.count()).group_by(feedback.lang), after)
    counts = {lang or "und": int(n) for lang, n in connection.execute(query)}
    sample = make_shares(counts, name_shares([counts]))
    detail = dict(sorted(counts.items(), key=lambda item: (-item[1], item[0])))
    return Measured("language_mix", sum(counts.values()), sample, detail=detail)


def _measure_noise(connection: Connection, after: str | None) -> Measured:
    query = select(func.count(), func.count(feedback.noise_reason))
    n, n_noise = connection.execute(_new(query, after)).one()
    return _measure_rate("noise_rate", n, n_noise)


def _measure_unassigned(connection: Connection, after: str | None) -> Measured:
    query = select(func.count(), func.count(mention.theme_id)).select_from(counted_mentions)
    n, n_assigned = connection.execute(_new(query.where(is_counted), after)).one()
    return _measure_rate("unassigned_rate", n, n - n_assigned)


def _measure_rate(measure: str, n: int, n_of: int) -> Measured:
    sample = make_rate(n_of, n)
    return Measured(measure, n, sample, round(n_of / max(n, 1), _DIGITS))


def _measure_sentiment(connection: Connection, after: str | None, model: str) -> Measured | None:
    score = mention.sentiment_score
    query = select(func.count(score), func.avg(score), func.avg(score * score))
    query = query.select_from(counted_mentions).where(is_counted)
    n, mean, of_squares = connection.execute(_new(query, after)).one()
    if not n:
        return None
    variance = max(0.0, float(of_squares) - float(mean) ** 2) / n
    value = round(float(mean), _DIGITS)
    sample = Sample(np.array([value]), round(variance, _NOISE_DIGITS))
    return Measured("sentiment_mean", n, sample, value, basis=model)


def _measure_meaning(connection: Connection, after: str | None, encoder: str) -> Measured | None:
    """The mean vector of at most MAX_VECTORS mentions, in the order of their ids: by chance."""
    vector = tables.vector.c
    query = (
        select(vector.data)
        .select_from(counted_mentions.join(tables.vector, vector.text_hash == mention.text_hash))
        .where(is_counted, vector.model == encoder)
        .order_by(mention.mention_id)
        .limit(MAX_VECTORS)
    )
    n, total = 0, np.zeros(1)
    for (data,) in stream_with_vectors(connection, _new(query, after)):
        total = total + np.frombuffer(data, dtype=VECTOR_TYPE).astype(np.float64)
        n += 1
    if not n:
        return None
    mean: NDArray[np.float64] = (total / n).astype(np.float32).astype(np.float64)
    noise = max(0.0, 1.0 - float(mean @ mean)) / n
    return Measured("embedding_mean", n, Sample(mean, round(noise, _NOISE_DIGITS)), basis=encoder)
