"""Occasions of drift: the first of the runs, without a gap, in which a measure drifted."""

from collections.abc import Iterator, Mapping, Sequence
from datetime import datetime
from typing import Any

from sqlalchemy import Connection, select

from pipelines import tables
from pipelines.actions.occasions import Occasion
from pipelines.actions.rules import DriftRule
from pipelines.drift.measuring import MEASURES
from pipelines.drift.words import describe_measure

_FIGURES = ("value", "usual", "usual_low", "usual_high", "distance", "p_adjusted", "n", "n_history")


def find_drift(
    connection: Connection, rules: Sequence[DriftRule], since: Mapping[str, datetime]
) -> Iterator[Occasion]:
    """What drifted, once for as long as it goes on.

    :param since: by name of rule, from when on runs count.
    """
    if not rules:
        return
    row, run = tables.run_measure.c, tables.run.c
    query = (
        select(tables.run_measure, run.started_at)
        .join(tables.run, run.run_id == row.run_id)
        .order_by(row.measure, row.run_id)
    )
    before: dict[str, str | None] = {}
    for found in connection.execute(query).mappings():
        measure, was = found["measure"], before.get(found["measure"])
        before[measure] = found["verdict"]
        if found["verdict"] != "drift" or was == "drift":
            continue
        for rule in rules:
            if measure in rule.measures and found["started_at"] >= since[rule.name]:
                yield _describe(rule, dict(found))


def _describe(rule: DriftRule, found: Mapping[str, Any]) -> Occasion:
    figures = {name: found[name] for name in _FIGURES if found[name] is not None}
    return Occasion(
        rule,
        what=f"{found['measure']} {found['run_id']}",
        at=found["started_at"],
        title=rule.title or f"not as usual: {MEASURES[found['measure']]}",
        reason=describe_measure(found),
        facts={
            "measure": found["measure"],
            "run": found["run_id"],
            **{
                name: round(each, 4) if isinstance(each, float) else each
                for name, each in figures.items()
            },
        },
        mentions=(),
    )
