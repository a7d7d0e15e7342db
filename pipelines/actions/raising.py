"""Raising actions: the last part of publishing. Each occasion raises one, whatever happens.

What rules find is held against the rows that are there: new occasions become rows, those that do
not hold any more are suppressed before they are delivered, those whose hindrance is gone wait
again. Nothing is done while neither the tables nor the rules have changed.
"""

import json
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from hashlib import sha256
from typing import Any

from sqlalchemy import Connection, bindparam, func, select, update

from pipelines import tables
from pipelines.actions.customers import find_customers
from pipelines.actions.drift import find_drift
from pipelines.actions.kept_rules import keep_rules
from pipelines.actions.limits import Channel, Wanted, apply_limits
from pipelines.actions.occasions import LIFTED, Occasion, make_group_key
from pipelines.actions.raised import find_same_rise, read_pending, read_raised, read_stored
from pipelines.actions.respect import hinder_contacts, keep_customers, suppress_unwanted
from pipelines.actions.rules import CustomerRule, DriftRule, Rules, ThemeRule, WordsRule, dump_rules
from pipelines.actions.suppressed import suppress
from pipelines.actions.themes import find_themes
from pipelines.actions.words import find_words_said
from pipelines.bulk import insert_rows
from pipelines.drift.step import count_measured
from pipelines.odata.stored import read_history
from pipelines.runs import Run, code_version
from pipelines.store import read_info, write_info

_STATE = "actions_state"
_action = tables.action.c
# By name of rule, from when on what happened counts.
_Since = Mapping[str, datetime]


def raise_actions(run: Run, rules: Rules) -> int:
    """Bring the actions that wait in line with rules and tables.

    :returns: number of rows written.
    """
    keep_rules(run.connection, rules)
    if not rules and not read_pending(run.connection):
        return 0
    state = _describe_state(run, rules)
    if read_info(run.connection, _STATE) == state:
        return 0
    written = keep_customers(run.connection) + suppress_unwanted(run.connection, run.started_at)
    # Of customer_insight too: what counts as old does not depend on the day of the run.
    as_of = read_history(run.connection, run.started_at).as_of
    since = {rule.name: as_of - timedelta(days=rule.max_age_days) for rule in rules}
    written += _write(run, rules, _find_occasions(run, rules, since, as_of), since)
    write_info(run.connection, _STATE, state)
    return written


def _describe_state(run: Run, rules: Rules) -> str:
    """What actions are raised from; a week that ends changes it too, as themes are judged then."""
    connection = run.connection
    # Ids sort by when something was said, which may be long before it was recorded.
    n_consents = connection.execute(select(func.count()).select_from(tables.consent)).scalar()
    monday = run.started_at - timedelta(days=run.started_at.weekday())
    parts = [
        read_info(connection, "data_version") or "0",
        read_info(connection, "consent_policy") or "",
        dump_rules(rules),
        str(count_measured(connection)),
        str(n_consents),
        f"{monday:%Y-%m-%d}",
        code_version(),
    ]
    return sha256(json.dumps(parts).encode()).hexdigest()[:32]


def _find_occasions(run: Run, rules: Rules, since: _Since, as_of: datetime) -> list[Occasion]:
    """All that the rules find that is not too old."""
    connection = run.connection
    found = [
        *find_customers(connection, [r for r in rules if isinstance(r, CustomerRule)], since),
        *find_drift(connection, [r for r in rules if isinstance(r, DriftRule)], since),
        *find_words_said(connection, [r for r in rules if isinstance(r, WordsRule)], since),
        *find_themes(
            connection, [r for r in rules if isinstance(r, ThemeRule)], since, run.started_at, as_of
        ),
    ]
    return hinder_contacts(connection, found, run.started_at)


@dataclass(frozen=True)
class _Pair:
    """An occasion on its way to one destination."""

    key: str
    destination: str
    occasion: Occasion

    @property
    def channel(self) -> Channel:
        return Channel(self.occasion.rule.name, self.destination)


def _write(run: Run, rules: Rules, occasions: Sequence[Occasion], since: _Since) -> int:
    pairs = {pair.key: pair for pair in _spread(run.connection, occasions)}
    stored = read_stored(run.connection, sorted(pairs))
    fresh = [pair for key, pair in sorted(pairs.items()) if _is_open(pair, stored.get(key))]
    # What does not hold any more makes room for what does.
    n_over = _suppress_over(run, rules, pairs, since)
    over = _find_over_limit(run, fresh)
    reasons = {pair.key: pair.occasion.hindrance or over.get(pair.key) for pair in fresh}
    new = [pair for pair in fresh if pair.key not in stored]
    made = [_make_row(run, pair, reasons[pair.key]) for pair in new]
    insert_rows(run.connection, tables.action, made)
    again = [pair for pair in fresh if pair.key in stored]
    if again:
        run.connection.execute(_RENEW, [_renew(pair, reasons[pair.key]) for pair in again])
    run.counts["n_actions"] += sum(reasons[pair.key] is None for pair in fresh)
    held = _hold_back(run, pairs, stored)
    return n_over + held + len(fresh)


def _spread(connection: Connection, occasions: Iterable[Occasion]) -> Iterator[_Pair]:
    """Each occasion for each of its destinations; one rise of a theme keeps its key."""
    for occasion in occasions:
        for destination in occasion.rule.deliver_to:
            key = find_same_rise(connection, occasion, destination)
            yield _Pair(key or occasion.make_key(destination), destination, occasion)


def _is_open(pair: _Pair, stored: Mapping[str, Any] | None) -> bool:
    """Whether an action is to be written: it is new, or what kept it back is gone."""
    if stored is None:
        return True
    is_kept = stored["status"] == "suppressed" and stored["reason"] in LIFTED
    return is_kept and pair.occasion.hindrance is None


def _find_over_limit(run: Run, fresh: Sequence[_Pair]) -> dict[str, str]:
    wanted = [
        Wanted(
            pair.key,
            pair.channel,
            pair.occasion.at,
            pair.occasion.customer_id,
            pair.occasion.rule.max_a_day,
            pair.occasion.rule.customer_days,
        )
        for pair in fresh
        if pair.occasion.hindrance is None
    ]
    days = max((each.customer_days for each in wanted), default=0)
    return apply_limits(wanted, read_raised(run.connection, run.started_at, days), run.started_at)


def _suppress_over(run: Run, rules: Rules, pairs: Mapping[str, _Pair], since: _Since) -> int:
    """Suppress what waits without its rule, or without what raised it."""
    channels = {Channel(rule.name, name) for rule in rules for name in rule.deliver_to}
    muted = _read_muted(run.connection)
    reasons = {}
    for row in read_pending(run.connection):
        if Channel(row["rule"], row["destination"]) not in channels:
            reasons[row["action_id"]] = "rule_gone"
        elif row["idempotency_key"] not in pairs and _is_fresh(row, since):
            is_muted = row["kind"] == "theme" and row["theme_id"] in muted
            reasons[row["action_id"]] = "muted" if is_muted else "over"
    return suppress(run.connection, reasons)


def _is_fresh(row: Mapping[str, Any], since: _Since) -> bool:
    """Whether its rule would still find it; what has become too old meanwhile waits on."""
    at = row["payload"].get("at")
    return at is None or datetime.fromisoformat(at) >= since[row["rule"]]


def _read_muted(connection: Connection) -> set[str]:
    theme = tables.theme.c
    query = select(theme.theme_id).where(theme.status == "muted")
    return set(connection.execute(query).scalars())


def _hold_back(
    run: Run, pairs: Mapping[str, _Pair], stored: Mapping[str, Mapping[str, Any]]
) -> int:
    """Suppress what waits and met a hindrance since it was raised."""
    reasons = {
        row["action_id"]: hindrance
        for key, row in stored.items()
        if row["status"] == "pending" and (hindrance := pairs[key].occasion.hindrance)
    }
    return suppress(run.connection, reasons)


def _make_row(run: Run, pair: _Pair, reason: str | None) -> dict[str, Any]:
    occasion, at = pair.occasion, run.started_at
    return {
        # Sorts by time; of one run, by content.
        "action_id": f"{at:%Y%m%dT%H%M%S}{at.microsecond // 1000:03d}{pair.key[:12]}",
        "kind": occasion.rule.kind,
        "rule": occasion.rule.name,
        "customer_id": occasion.customer_id,
        "theme_id": occasion.theme_id,
        "payload": occasion.make_payload(),
        "status": "suppressed" if reason else "pending",
        "attempts": 0,
        "idempotency_key": pair.key,
        "created_at": at,
        "destination": pair.destination,
        "group_key": make_group_key(
            occasion.rule.name, occasion.rule.group_by, occasion.customer_id, occasion.theme_id, at
        ),
        "reason": reason,
        "run_id": run.run_id,
    }


def _renew(pair: _Pair, reason: str | None) -> dict[str, Any]:
    return {
        "key": pair.key,
        "said": pair.occasion.make_payload(),
        "now": "suppressed" if reason else "pending",
        "why": reason,
    }


_RENEW = (
    update(tables.action)
    .where(_action.idempotency_key == bindparam("key"))
    .values(payload=bindparam("said"), status=bindparam("now"), reason=bindparam("why"))
)
