"""Whether a store is looked after: the age of its last good run, rejected rows, drift.

States are those of the Monitoring Plugins guidelines, which Nagios, Icinga and others read.
"""

from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any, Final, Literal

from sqlalchemy import Connection, select

from pipelines import tables
from pipelines.config_sections import AGE
from pipelines.drift.words import describe_measure, list_measures
from pipelines.shares import show_share

State = Literal["ok", "warning", "critical", "unknown"]
STATES: Final[dict[State, int]] = {"ok": 0, "warning": 1, "critical": 2, "unknown": 3}
# The worst of several; what is not known is less bad than what is known to be bad.
_SEVERITY: Final[tuple[State, ...]] = ("ok", "unknown", "warning", "critical")
# What ends with tables that are whole; other commands write rows of `run` too.
COMPLETE: Final = ("run", "inbox", "publish")
_UNITS: Final = {"s": 1, "m": 60, "h": 3_600, "d": 86_400, "w": 604_800}
_run = tables.run.c


@dataclass(frozen=True)
class Check:
    """One thing that was looked at.

    :param value: as a number, for graphs; None where there is none.
    :param limit: where it is not good any more.
    :param unit: of both, as the guidelines write it: s, %, or empty.
    """

    name: str
    state: State
    said: str
    value: float | None = None
    limit: float | None = None
    unit: str = ""


def parse_age(text: str) -> timedelta | None:
    """An age such as 26h or 8d; None when it is none."""
    found = AGE.fullmatch(text)
    return timedelta(seconds=int(found[1]) * _UNITS[found[2]]) if found else None


def check_store(
    connection: Connection, now: datetime, max_age: timedelta, max_rejected: float
) -> list[Check]:
    """Look at the runs of a store."""
    return [
        _check_age(connection, now, max_age),
        _check_last(connection),
        _check_rejected(connection, max_rejected),
        *_check_drift(connection),
    ]


def find_worst(checks: list[Check]) -> State:
    """The state of all of them."""
    return max((each.state for each in checks), key=_SEVERITY.index, default="unknown")


def _check_age(connection: Connection, now: datetime, max_age: timedelta) -> Check:
    limit = max_age.total_seconds()
    row = _read_run(connection, _run.status == "done", _run.command.in_(COMPLETE))
    if row is None:
        return Check("age", "critical", "no run has finished yet", None, limit, "s")
    age = max(0.0, (now - row["finished_at"]).total_seconds())
    state: State = "ok" if age <= limit else "critical"
    said = f"last good run {_show_age(age)} ago"
    return Check("age", state, said, round(age), limit, "s")


def _check_last(connection: Connection) -> Check:
    """A run that failed is worth a look before the last good one is too old."""
    row = _read_run(connection, _run.command.in_(COMPLETE), _run.status != "running")
    if row is None or row["status"] == "done":
        return Check("last_run", "ok", "the last run did not fail")
    return Check("last_run", "warning", f"run {row['run_id']} {row['status']}")


def _check_rejected(connection: Connection, max_rejected: float) -> Check:
    row = _read_run(connection, _run.status == "done", _run.n_read > 0)
    if row is None:
        return Check("rejected", "ok", "no row was read yet", None, 100 * max_rejected, "%")
    share = (row["n_rejected"] or 0) / row["n_read"]
    state: State = "ok" if share <= max_rejected else "critical"
    said = f"{show_share(share)} of {row['n_read']:,} rows rejected"
    return Check("rejected", state, said, round(100 * share, 3), round(100 * max_rejected, 3), "%")


def _check_drift(connection: Connection) -> list[Check]:
    """The measures of the run that was measured last."""
    row = tables.run_measure.c
    query = select(row.run_id).order_by(row.run_id.desc()).limit(1)
    run_id = connection.execute(query).scalar_one_or_none()
    return [_check_measure(each) for each in list_measures(connection, run_id)]


def _check_measure(row: dict[str, Any]) -> Check:
    state: State = "warning" if row["verdict"] == "drift" else "ok"
    return Check(row["measure"], state, describe_measure(row), row["distance"])


def _read_run(connection: Connection, *conditions: Any) -> dict[str, Any] | None:
    query = select(tables.run).where(*conditions).order_by(_run.run_id.desc()).limit(1)
    row = connection.execute(query).mappings().one_or_none()
    return None if row is None else dict(row)


def _show_age(seconds: float) -> str:
    for unit in ("d", "h", "m"):
        if seconds >= 2 * _UNITS[unit]:
            return f"{seconds / _UNITS[unit]:.0f} {unit}"
    return f"{seconds:.0f} s"
