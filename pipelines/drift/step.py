"""Measuring what a run brought, and holding each measure against its own history of runs."""

from collections.abc import Sequence
from typing import Any, Final

import numpy as np
from sqlalchemy import Connection, func, insert, select

from pipelines import tables
from pipelines.drift.measuring import (
    MEASURES,
    MIN_ROWS,
    Measured,
    make_rate,
    make_shares,
    measure_rows,
    name_shares,
)
from pipelines.drift.prediction import Prediction, Sample, correct_by_holm, predict_run
from pipelines.runs import Run

MAX_HISTORY: Final = 60
"""Runs that a run is compared with, the latest: what was usual years ago is not usual now."""
_RATES: Final = ("noise_rate", "unassigned_rate")
_TYPE: Final = np.dtype("<f4")
_row, _run = tables.run_measure.c, tables.run.c


def measure_run(run: Run, error_rate: float) -> list[str]:
    """Measure what was read since it was last measured.

    :param error_rate: of false alarms, over all measures of a run.
    :returns: the measures that drifted.
    """
    after = read_last_measured(run.connection)
    if not _is_worth_it(run, after):
        return []
    encoder, sentiment_model = _read_models(run)
    found = measure_rows(run.connection, after, encoder, sentiment_model)
    history = {each.measure: _read_history(run.connection, each) for each in found}
    held = {
        each.measure: prediction
        for each in found
        if (prediction := _hold(each, history[each.measure])) is not None
    }
    corrected = correct_by_holm({name: each.p_value for name, each in held.items()})
    drifted = {name for name, p in corrected.items() if p <= error_rate}
    rows = [
        {
            **_describe(run, each, held.get(each.measure)),
            "n_history": len(history[each.measure]),
            "p_adjusted": corrected.get(each.measure),
            "verdict": _judge(each.measure, corrected, drifted),
        }
        for each in found
    ]
    if rows:
        run.connection.execute(insert(tables.run_measure), rows)
    return sorted(drifted, key=[*MEASURES].index)


def read_last_measured(connection: Connection) -> str | None:
    """The run whose feedback was measured last; None where none was."""
    return connection.execute(select(func.max(_row.run_id))).scalar_one_or_none()


def count_measured(connection: Connection) -> int:
    """How many runs were measured: it grows with each, and is the same after a crash."""
    return int(connection.execute(select(func.count(_row.run_id.distinct()))).scalar_one())


def _is_worth_it(run: Run, after: str | None) -> bool:
    """Whether enough was read since: the rows of runs tell, without a look at those of feedback."""
    n_rows = func.coalesce(_run.n_new, 0) + func.coalesce(_run.n_updated, 0)
    query = select(func.coalesce(func.sum(n_rows), 0))
    if after is not None:
        query = query.where(_run.run_id > after)
    n_before = int(run.connection.execute(query).scalar_one())
    return n_before + run.counts["n_new"] + run.counts["n_updated"] >= MIN_ROWS


def _read_models(run: Run) -> tuple[str | None, str | None]:
    """The models that read last, in this run or before it."""
    query = (
        select(_run.encoder, _run.sentiment_model)
        .where(_run.encoder.is_not(None))
        .order_by(_run.run_id.desc())
        .limit(1)
    )
    stored = run.connection.execute(query).one_or_none() or (None, None)
    encoder = run.facts.get("encoder", stored[0])
    return encoder, run.facts.get("sentiment_model", stored[1])


def _read_history(connection: Connection, measured: Measured) -> list[Any]:
    """The latest rows of a measure, without the first of the store: that was its backlog."""
    first = select(func.min(_row.run_id)).scalar_subquery()
    query = (
        select(tables.run_measure)
        .where(_row.measure == measured.measure, _row.basis == measured.basis)
        .where(_row.run_id > first)
        .order_by(_row.run_id.desc())
        .limit(MAX_HISTORY)
    )
    return list(connection.execute(query).all())


def _hold(measured: Measured, history: Sequence[Any]) -> Prediction | None:
    if measured.measure != "language_mix":
        return predict_run([_restore(row) for row in history], measured.sample)
    counts = [dict(row.detail) for row in history]
    own = dict(measured.detail or {})
    names = name_shares(counts)
    return predict_run([make_shares(each, names) for each in counts], make_shares(own, names))


def _restore(row: Any) -> Sample:
    if row.measure in _RATES:
        return make_rate(round(row.value * row.n), row.n)
    if row.mean is not None:
        return Sample(np.frombuffer(row.mean, dtype=_TYPE).astype(np.float64), row.variance)
    return Sample(np.array([row.value]), row.variance)


def _describe(run: Run, measured: Measured, held: Prediction | None) -> dict[str, Any]:
    is_vector = measured.measure == "embedding_mean"
    usual, low, high = _describe_usual(measured.measure, held)
    return {
        "run_id": run.run_id,
        "measure": measured.measure,
        "n": measured.n,
        "value": measured.value,
        "variance": measured.sample.noise,
        "detail": None if measured.detail is None else dict(measured.detail),
        "mean": measured.sample.mean.astype(_TYPE).tobytes() if is_vector else None,
        "basis": measured.basis,
        "usual": usual,
        "usual_low": low,
        "usual_high": high,
        "distance": None if held is None else round(held.distance, 6),
        "p_value": None if held is None else held.p_value,
    }


def _describe_usual(
    measure: str, held: Prediction | None
) -> tuple[float | None, float | None, float | None]:
    """What was to be expected, with its 95 % interval; of what is one number."""
    if held is None or measure in ("language_mix", "embedding_mean"):
        return None, None, None
    if measure == "sentiment_mean":
        ends = [held.centre[0] + side * held.half_width for side in (0, -1, 1)]
        centre, low, high = (round(float(np.clip(end, -1, 1)), 6) for end in ends)
        return centre, low, high
    angle = float(np.arctan2(held.centre[0], held.centre[1]))
    ends = [np.clip(angle + side * held.half_width, 0, np.pi / 2) for side in (0, -1, 1)]
    centre, low, high = (round(float(np.sin(end) ** 2), 6) for end in ends)
    return centre, low, high


def _judge(measure: str, corrected: dict[str, float], drifted: set[str]) -> str:
    if measure not in corrected:
        return "unknown"
    return "drift" if measure in drifted else "usual"
