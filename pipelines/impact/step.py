"""The step that compares outcomes by theme, and what changed after a theme was fixed."""

import math
from collections.abc import Iterable, Iterator, Sequence
from datetime import UTC, datetime
from typing import Any

from sqlalchemy import Connection, func, select

from nlp.themes.edits import Fixed
from pipelines import tables
from pipelines.anonymity import keep_min_customers
from pipelines.customer_rows import RowSettings, keep_settings
from pipelines.impact.comparing import Comparison, compare
from pipelines.impact.fixing import Fix, FixedOutcome, measure_fixes
from pipelines.impact.notes import Note
from pipelines.impact.reading import read_records
from pipelines.impact.records import Records
from pipelines.impact.samples import Sample, list_samples
from pipelines.impact.stakes import Stake, choose_stake, list_stakes
from pipelines.odata.stored import read_history
from pipelines.runs import Run
from pipelines.store import read_info, write_info
from pipelines.themes.edit_log import read_log, replay_log
from pipelines.upserts import replace_rows

_FIXES_OF = "fixes_measured_for"
_METHOD = "difference_in_differences"
_Row = dict[str, Any]


def compare_outcomes(
    run: Run, settings: RowSettings | None = None, min_customers: int | None = None
) -> int:
    """Bring theme_impact, theme_stake and theme_fix up to date.

    All themes hang together: those of all are estimated anew, whichever changed.

    :param settings: outcomes, as configured; None for those of the last time.
    :param min_customers: whose spending may be told together; None for as many as the last time.
    :returns: number of rows that were written; 0 when nothing had changed.
    """
    settings = keep_settings(run.connection, settings)
    k = keep_min_customers(run.connection, min_customers)
    is_compared, state = run.is_current("compared"), _describe_state(run)
    if is_compared and read_info(run.connection, _FIXES_OF) == state:
        return 0
    fixed = replay_log(run.connection, read_log(run.connection)).fixed
    written = 0
    if not is_compared or fixed:
        history = read_history(run.connection, run.started_at)
        records = read_records(run.connection, run.started_at, history)
        samples = list(list_samples(records, settings.outcomes))
        if not is_compared:
            written += _write_impact(run, records, samples, k)
        written += _write_fixes(run, measure_fixes(records, samples, list(map(_read_fix, fixed))))
    else:
        written += _write_fixes(run, ())
    run.mark_current("compared")
    write_info(run.connection, _FIXES_OF, state)
    return written


def _describe_state(run: Run) -> str:
    """What fixes are measured on: the data, and the last edit."""
    last = run.connection.execute(select(func.max(tables.theme_edit.c.edit_id))).scalar()
    return f"{read_info(run.connection, 'data_version') or 0} {last or '-'}"


def _read_fix(fixed: Fixed) -> Fix:
    moment = datetime.fromisoformat(fixed.at)
    return Fix(fixed.edit_id, fixed.theme_id, math.floor(moment.timestamp()))


def _write_impact(run: Run, records: Records, samples: Sequence[Sample], k: int) -> int:
    active = _list_active(run.connection)
    impact: list[_Row] = []
    stakes: list[_Row] = []
    for sample in samples if records.themes else ():
        found = compare(sample, records.themes)
        by_theme: dict[int, list[Stake]] = {}
        for stake in list_stakes(sample, found, records.currencies, k):
            by_theme.setdefault(stake.theme, []).append(stake)
        for place, theme_id in enumerate(records.themes):
            if theme_id in active:
                own = by_theme.get(place, [])
                impact.append(_describe_effect(theme_id, place, sample, found, choose_stake(own)))
                stakes += (_describe_stake(theme_id, sample, each) for each in own)
    written = replace_rows(run.connection, tables.theme_impact, impact)
    return written + replace_rows(run.connection, tables.theme_stake, stakes)


def _list_active(connection: Connection) -> set[str]:
    """Themes that something may be claimed about: no muted ones."""
    theme = tables.theme.c
    query = select(theme.theme_id).where(theme.status == "active")
    return set(connection.execute(query).scalars())


def _describe_effect(
    theme_id: str, place: int, sample: Sample, found: Comparison, stake: Stake | None
) -> _Row:
    estimates = found.estimates
    return {
        "theme_id": theme_id,
        "outcome": sample.outcome,
        "method": found.method,
        "effect": _round(estimates.effect[place]),
        "low": _round(estimates.low[place]),
        "high": _round(estimates.high[place]),
        "p_value": _round(estimates.p_value[place]),
        "q_value": _round(found.q_value[place]),
        "n": found.n,
        "n_with_theme": int(found.n_with[place]),
        "adjusted_for": list(found.adjusted_for),
        "unit": sample.unit or None,
        "plain_effect": _round(found.plain[place]),
        "n_events": found.n_events,
        "at_stake": stake and _round(stake.at_stake),
        "at_stake_low": stake and _round(stake.low),
        "at_stake_high": stake and _round(stake.high),
        "currency": (stake and stake.currency) or None,
        **_describe_note(found.notes[place]),
    }


def _describe_stake(theme_id: str, sample: Sample, stake: Stake) -> _Row:
    return {
        "theme_id": theme_id,
        "outcome": sample.outcome,
        "currency": stake.currency,
        "n_customers": stake.n_customers,
        "worth": None if stake.worth is None else _round(stake.worth),
        "at_stake": _round(stake.at_stake),
        "low": _round(stake.low),
        "high": _round(stake.high),
    }


def _write_fixes(run: Run, fixed: Iterable[FixedOutcome]) -> int:
    def describe() -> Iterator[_Row]:
        for each in fixed:
            change = each.change
            yield {
                "edit_id": each.fix.edit_id,
                "outcome": each.outcome,
                "theme_id": each.fix.theme_id,
                "fixed_at": datetime.fromtimestamp(each.fix.at, UTC),
                "method": _METHOD,
                "effect": _round(change.effect),
                "low": _round(change.low),
                "high": _round(change.high),
                "p_value": _round(change.p_value),
                "unit": each.unit,
                "n_before": each.n_before,
                "n_after": each.n_after,
                "compared_with": list(each.compared_with),
                **_describe_note(change.note),
            }

    return replace_rows(run.connection, tables.theme_fix, describe())


def _describe_note(note: Note | None) -> _Row:
    return {"note": note and note.code, "note_values": dict(note.values) if note else None}


def _round(value: float) -> float | None:
    """Nine digits: the last ones of a sum depend on the number of threads."""
    return float(f"{value:.9g}") if math.isfinite(value) else None
