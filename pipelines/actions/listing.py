"""What the outbox holds, for people to look at: through the gate, as everything that is shown."""

from collections.abc import Sequence
from typing import Any, Final

from sqlalchemy import Connection, func, or_, select

from pipelines import tables
from pipelines.actions.occasions import BY_HAND, REASONS
from pipelines.counted import feedback, mention
from pipelines.errors import ConfigError
from pipelines.id_batches import batch_ids
from pipelines.rights.gate import allows, allows_customer

STATUSES: Final = ("pending", "sent", "failed", "suppressed")
_action = tables.action.c
_SHOWN = ("action_id", "created_at", "kind", "rule", "destination", "customer_id", "theme_id")


def list_actions(
    connection: Connection, status: str | None = None, rule: str | None = None, limit: int = 20
) -> list[dict[str, Any]]:
    """The newest actions first, without those about customers who refuse to be profiled.

    :raises ConfigError: for a status that is none, or a rule that raised nothing.
    """
    if status is not None and status not in STATUSES:
        raise ConfigError(f"{status!r} is no status; there are: {', '.join(STATUSES)}")
    columns = [*(_action[name] for name in _SHOWN), _action.status, _action.reason, _action.payload]
    query = select(*columns).where(_is_shown(connection))
    if status is not None:
        query = query.where(_action.status == status)
    if rule is not None:
        query = query.where(_action.rule == rule)
    query = query.order_by(_action.action_id.desc()).limit(limit)
    found = [_tell(dict(row)) for row in connection.execute(query).mappings()]
    if rule is not None and not found:
        _check_rule(connection, rule)
    return found


def count_actions(connection: Connection) -> list[dict[str, Any]]:
    """Every action of the store by rule, status and reason."""
    query = select(_action.rule, _action.status, _action.reason, func.count().label("n"))
    counts: dict[tuple[str, str, str], int] = {}
    for name, status, reason, n in connection.execute(
        query.group_by(_action.rule, _action.status, _action.reason)
    ):
        # What people write has no end: it is one reason.
        key = (name or "", status, _group_reason(status, reason))
        counts[key] = counts.get(key, 0) + n
    return [
        {"rule": name, "status": status, "reason": reason or None, "n": n}
        for (name, status, reason), n in sorted(
            counts.items(), key=lambda item: (item[0][0], STATUSES.index(item[0][1]), item[0][2])
        )
    ]


def describe_action(connection: Connection, action_id: str) -> dict[str, Any]:
    """All about one action, with the words behind it that may be quoted.

    :raises ConfigError: when there is none with this id, or it may not be shown.
    """
    query = select(tables.action).where(_action.action_id == action_id, _is_shown(connection))
    row = connection.execute(query).mappings().one_or_none()
    if row is None:
        raise ConfigError(
            f"no action is called {action_id!r}, or its customer refuses that it is shown; see "
            "them with: earful actions list"
        )
    found = dict(row)
    ids = found["payload"]["mentions"]
    quotes = read_quotes(connection, ids)
    return {
        **_tell(found),
        "facts": found["payload"]["facts"],
        "said_why": found["payload"]["reason"],
        "quotes": [{"mention_id": each, **quotes.get(each, {"text": None})} for each in ids],
    }


def read_quotes(connection: Connection, mention_ids: Sequence[str]) -> dict[str, dict[str, Any]]:
    """The words of those mentions that may be quoted, by id."""
    found: dict[str, dict[str, Any]] = {}
    for batch in batch_ids(mention_ids):
        query = (
            select(mention.mention_id, mention.text, mention.lang, feedback.occurred_at)
            .join(tables.feedback, feedback.feedback_id == mention.feedback_id)
            .where(mention.mention_id.in_(batch), allows(connection, "quoting"))
        )
        for row in connection.execute(query).mappings():
            found[row["mention_id"]] = {name: row[name] for name in ("text", "lang", "occurred_at")}
    return found


def _is_shown(connection: Connection) -> Any:
    is_allowed = allows_customer(connection, "profiling", _action.customer_id)
    return or_(_action.customer_id.is_(None), is_allowed)


def _tell(row: dict[str, Any]) -> dict[str, Any]:
    payload = row["payload"]
    told = {name: value for name, value in row.items() if name != "payload"}
    return {**told, "title": payload["title"], "n_mentions": len(payload["mentions"])}


def _group_reason(status: str, reason: str | None) -> str:
    if status != "suppressed" or reason is None:
        return ""
    return reason if reason in REASONS else BY_HAND


def _check_rule(connection: Connection, rule: str) -> None:
    known = connection.execute(select(_action.rule).distinct().order_by(_action.rule)).scalars()
    names = [str(each) for each in known]
    if rule not in names:
        raise ConfigError(f"no rule {rule!r} raised anything; there are: {', '.join(names) or '-'}")
