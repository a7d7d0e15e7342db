"""Rows of a store in which somebody said something of a theme, a line each."""

from collections.abc import Iterable
from datetime import UTC, datetime, timedelta
from typing import Any

from sqlalchemy import Connection, insert

from pipelines import tables
from pipelines.runs import begin_run
from pipelines.store import Store

NEWEST = datetime(2026, 6, 30, 12, tzinfo=UTC)


def said(
    theme_id: str | None,
    voice: str,
    score: float = -0.5,
    *,
    days_ago: float | None = 0,
    text: str = "",
    **feedback: Any,
) -> dict[str, Any]:
    """One feedback of one mention; a voice that begins with c is a customer.

    :param days_ago: before NEWEST; None for feedback without a date.
    """
    at = None if days_ago is None else NEWEST - timedelta(days=days_ago)
    who = {"customer_id": voice} if voice.startswith("c") else {"author_key": voice}
    said_by = {"source": "reviews", "occurred_at": at, "text": text, **who, **feedback}
    return {"theme_id": theme_id, "score": score, "feedback": said_by}


def add_said(connection: Connection, rows: Iterable[dict[str, Any]]) -> None:
    """Put rows into the store, with the themes that they name."""
    listed = list(rows)
    first = {name: None for row in listed for name in row["feedback"]}
    feedback = [
        {**first, **row["feedback"], "feedback_id": f"f{place:05d}"}
        for place, row in enumerate(listed)
    ]
    mentions = [
        {
            "mention_id": f"f{place:05d}-0",
            "feedback_id": f"f{place:05d}",
            "text": row["feedback"]["text"],
            "text_hash": f"h{place:05d}",
            "theme_id": row["theme_id"],
            "theme_strength": 0.8,
            "sentiment_score": row["score"],
        }
        for place, row in enumerate(listed)
    ]
    connection.execute(insert(tables.feedback), feedback)
    connection.execute(insert(tables.mention), mentions)
    names = sorted({row["theme_id"] for row in listed if row["theme_id"]})
    themes = [
        {"theme_id": name, "name": name, "status": "active", "origin": "discovered"}
        for name in names
    ]
    connection.execute(insert(tables.theme), themes)


def add_customers(connection: Connection, *groups: tuple[int, int, dict[str, Any]]) -> None:
    """Records of customers c0, c1 ..., from one number to before another."""
    rows = [
        {"customer_id": f"c{number}", "segment": None, "country": None, "lang": None, **told}
        for first, end, told in groups
        for number in range(first, end)
    ]
    connection.execute(insert(tables.customer), rows)


def write(store: Store, fill: Any) -> None:
    """Fill a store in a run, as reading would."""
    with begin_run(store, "fill", config_hash="", lock_timeout_s=5) as run:
        fill(run.connection)
        run.mark_changed()
