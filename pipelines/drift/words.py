"""Drift in words: what is other than usual, and by how much."""

from collections.abc import Mapping, Sequence
from typing import Any

from sqlalchemy import Connection, select

from pipelines import tables
from pipelines.drift.measuring import MEASURES
from pipelines.shares import show_share

_row = tables.run_measure.c
_SHOWN = (
    *("run_id", "measure", "n", "value", "detail", "usual", "usual_low", "usual_high"),
    *("distance", "n_history", "p_value", "p_adjusted", "verdict"),
)
_MAX_LANGUAGES = 3


def list_measures(connection: Connection, run_id: str | None) -> list[dict[str, Any]]:
    """The measures of a run that this version knows, in the order of MEASURES."""
    query = select(*(_row[name] for name in _SHOWN)).where(
        _row.run_id == run_id, _row.measure.in_(MEASURES)
    )
    rows = [dict(row) for row in connection.execute(query).mappings()]
    return sorted(rows, key=lambda row: [*MEASURES].index(row["measure"]))


def describe_drift(connection: Connection, run_id: str) -> str:
    """One sentence about the measures of a run that drifted."""
    rows = [row for row in list_measures(connection, run_id) if row["verdict"] == "drift"]
    told = "; ".join(map(describe_measure, rows))
    return f"what came in is not as usual: {told}. Look at it with: earful status"


def describe_measure(row: Mapping[str, Any]) -> str:
    """What a measure was, and what is usual."""
    name = f"{MEASURES[row['measure']]} ({row['measure']})"
    if row["measure"] == "language_mix":
        return f"{name}: {_name_languages(row['detail'])}, {_describe_distance(row)}"
    if row["value"] is None:
        return f"{name}: {_describe_distance(row)}"
    show = _show_number if row["measure"] == "sentiment_mean" else show_share
    if row["usual"] is None:
        return f"{name}: {show(row['value'])}"
    usual = f"{show(row['usual_low'])} to {show(row['usual_high'])}"
    return f"{name}: {show(row['value'])}, usually {usual}"


def _describe_distance(row: Mapping[str, Any]) -> str:
    if row["distance"] is None:
        return "not compared yet"
    return f"{row['distance']:.1f} standard deviations from the usual"


def _name_languages(counts: Mapping[str, int]) -> str:
    total = max(1, sum(counts.values()))
    largest: Sequence[tuple[str, int]] = sorted(
        counts.items(), key=lambda item: (-item[1], item[0])
    )[:_MAX_LANGUAGES]
    return " ".join(f"{lang} {show_share(n / total)}" for lang, n in largest)


def _show_number(value: float) -> str:
    return f"{value:.2f}"
