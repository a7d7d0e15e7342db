"""Feedback that was set aside, for people to look at."""

from typing import Any

from sqlalchemy import Connection, select

from pipelines.counted import feedback
from pipelines.errors import ConfigError
from pipelines.rights.gate import allows


def list_noise(connection: Connection, reason: str | None, limit: int) -> list[dict[str, Any]]:
    """Noise with its reason, the least sure first: there mistakes are.

    :param reason: only of this one.
    :raises ConfigError: when no feedback has the reason; says which there are.
    """
    names = ("feedback_id", "noise_reason", "noise_score", "duplicate_of", "source", "lang", "text")
    query = (
        select(*(feedback[name] for name in names))
        .where(feedback.noise_reason.is_not(None), allows(connection, "quoting"))
        .order_by(feedback.noise_score, feedback.feedback_id)
        .limit(limit)
    )
    if reason is not None:
        query = query.where(feedback.noise_reason == reason)
    found = [dict(row) for row in connection.execute(query).mappings()]
    if reason is not None and not found:
        known = select(feedback.noise_reason).where(feedback.noise_reason.is_not(None)).distinct()
        names = tuple(sorted(connection.execute(known).scalars()))
        raise ConfigError(
            f"no feedback is noise for the reason {reason!r}; there are: {', '.join(names) or '-'}"
        )
    return found
