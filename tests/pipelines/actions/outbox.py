"""A store with two customers, three weeks of words and a theme that rises, made by hand."""

import random
from collections.abc import Iterable, Sequence
from datetime import UTC, datetime, timedelta
from typing import Any

from sqlalchemy import insert, select

from pipelines import tables
from pipelines.actions.raising import raise_actions
from pipelines.actions.rules import Rules
from pipelines.config import check_config
from pipelines.judging.periods import judge_periods
from pipelines.runs import Run, begin_run
from pipelines.store import Store

# A Monday; the newest feedback is of the Wednesday, so that this week is not the last one's end.
MONDAY = datetime(2026, 3, 2, tzinfo=UTC)
NEWEST = MONDAY + timedelta(days=2)
WEEKS = 12
BACKGROUND = 30
RISE = 20
DESTINATIONS = [{"name": name, "kind": "csv", "folder": "out"} for name in ("crm", "chat")]
DETRACTOR = {"name": "detractor", "kind": "customer", "nps": "detractor", "deliver_to": ["crm"]}
SAFETY = {"name": "safety", "kind": "words", "topics": ["safety"], "deliver_to": ["chat"]}
RISING = {"name": "rising", "kind": "theme", "deliver_to": ["chat"]}


def make_rules(*rules: dict[str, Any]) -> Rules:
    values = {"destinations": DESTINATIONS, "rules": list(rules)}
    return check_config(values, "earful.toml").rules


def raise_by(store: Store, *rules: dict[str, Any]) -> int:
    """Raise in a run of its own, as if something had changed since the last one."""
    with begin_run(store, "test", config_hash="", lock_timeout_s=1) as run:
        run.mark_changed()
        return raise_actions(run, make_rules(*rules))


def read_actions(store: Store, *names: str) -> list[tuple[Any, ...]]:
    """Actions in the order of their rule, destination and key."""
    action = tables.action.c
    chosen = [action[name] for name in names or ("rule", "customer_id", "status", "reason")]
    order = (action.rule, action.destination, action.customer_id, action.idempotency_key)
    with store.read() as connection:
        return [tuple(row) for row in connection.execute(select(*chosen).order_by(*order))]


def fill(store: Store, seed: int = 0) -> None:
    """Write it all, rows in an order that the seed shuffles."""
    rows = list(make_rows())
    random.Random(seed).shuffle(rows)
    with begin_run(store, "fill", config_hash="", lock_timeout_s=1) as run:
        for name in ("theme", "customer", "feedback", "mention", "customer_insight"):
            add(run, name, [row for kind, row in rows if kind == name])
        add(run, "customer_fact", [row for kind, row in rows if kind == "customer_fact"])
        run.mark_changed()
        judge_periods(run)


def add(run: Run, name: str, rows: Sequence[dict[str, Any]]) -> None:
    if rows:
        run.connection.execute(insert(tables.metadata.tables[name]), rows)


def make_rows() -> Iterable[tuple[str, dict[str, Any]]]:
    for theme_id, name in (("t1", "late parcels"), ("t2", "rude staff")):
        yield "theme", {"theme_id": theme_id, "name": name, "status": "active", "origin": "pinned"}
    for name, rating, value in (("A", 2.0, 900.0), ("B", 9.0, 20.0)):
        yield "customer", {"customer_id": name, "segment": "gold" if name == "A" else None}
        yield from say(f"f-{name}", "It was late.", NEWEST, name, rating, "t1")
        yield "customer_fact", {"customer_id": name, "spend_year": {"EUR": value}}
        yield (
            "customer_insight",
            {
                "customer_id": name,
                "last_feedback_id": f"f-{name}",
                "last_feedback_at": NEWEST,
                "last_rating": rating / 10,
                "sentiment": -0.4 if name == "A" else 0.4,
                "risk": 0.7,
                "open_theme_id": "t1" if name == "A" else None,
                "journey_stage": "delivery",
                "evidence": [f"f-{name}-0"],
            },
        )
    hurt = "The shelf injured my hand, it is dangerous."
    yield from say("f-hurt", hurt, NEWEST - timedelta(days=1), "A", None, "t2")
    yield from say("f-old", hurt, NEWEST - timedelta(days=31), None, None, "t2")
    yield from make_weeks()


def make_weeks() -> Iterable[tuple[str, dict[str, Any]]]:
    """Twelve even weeks; in the last one many more speak of t1; the week of NEWEST has begun."""
    for week in range(WEEKS):
        start = MONDAY - timedelta(weeks=WEEKS - week)
        n_late = RISE if week == WEEKS - 1 else 2
        for number in range(BACKGROUND + n_late):
            theme = "t1" if number < n_late else "t2"
            key = f"w{week:02d}-{number:02d}"
            at = start + timedelta(days=number % 7, hours=number // 7)
            yield from say(key, "It was late.", at, None, None, theme)


def say(
    key: str, text: str, at: datetime, customer: str | None, rating: float | None, theme: str
) -> Iterable[tuple[str, dict[str, Any]]]:
    scale = {"rating": rating, "rating_max": None if rating is None else 10.0}
    who = {"customer_id": customer, "author_key": key, "occurred_at": at}
    yield "feedback", {"feedback_id": key, "source": "s", "text": text, **scale, **who}
    said = {"mention_id": f"{key}-0", "feedback_id": key, "position": 0, "text": text}
    felt = {"text_hash": key, "lang": "en", "theme_id": theme, "theme_strength": 0.5}
    yield "mention", {**said, **felt}
