"""A store with a few actions to deliver, and a clock that does not wait."""

import random
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

from sqlalchemy import insert, select

from pipelines import tables
from pipelines.clock import Clock
from pipelines.config import Config
from pipelines.job import Job
from pipelines.store import Store
from tests.pipelines.store_copies import open_copy

NOW = datetime(2026, 11, 22, 12, 0, tzinfo=UTC)
HEBREW = "Fix-It איחר בשלושה שבועות"
RISKY = "=1+1 <!channel> @team `x` *bold*\n#7 </p><script>"
ENGLISH = "Nobody answers the phone."


class FakeClock(Clock):
    """Waiting passes at once."""

    def __init__(self) -> None:
        super().__init__()
        self.moment = NOW
        self.sleeps: list[float] = []
        self.chance = random.Random(5)

    def now(self) -> datetime:
        return self.moment

    def sleep(self, seconds: float) -> None:
        self.sleeps.append(seconds)
        self.moment += timedelta(seconds=seconds)


def open_outbox(url: str) -> Store:
    """Three customers, five feedback with a mention each, a theme, and no action."""
    return open_copy(url, "delivery", _fill)


def _fill(store: Store) -> None:
    with store.write() as connection:
        for number, segment in enumerate(("gold", "silver", None)):
            row = {"customer_id": f"c{number}", "segment": segment}
            connection.execute(insert(tables.customer).values(**row))
        theme = {"theme_id": "t1", "name": "Late repairs", "keywords": [], "status": "active"}
        theme["origin"] = "discovered"
        connection.execute(insert(tables.theme).values(**theme))
        said = [(HEBREW, "he", "c0"), (RISKY, "en", "c0"), (ENGLISH, "en", "c1")]
        said += [(ENGLISH, "en", "c0"), ("Too dear.", "en", None)]
        for number, (text, lang, customer) in enumerate(said):
            feedback = {"feedback_id": f"f{number}", "source": "s", "content_hash": f"h{number}"}
            about = {"customer_id": customer, "occurred_at": NOW, "lang": lang, "text": text}
            connection.execute(insert(tables.feedback).values(**feedback, **about))
            mention = {"mention_id": f"f{number}-0", "feedback_id": f"f{number}", "position": 0}
            rest = {"text": text, "lang": lang, "text_hash": f"h{number}"}
            connection.execute(insert(tables.mention).values(**mention, **rest))


def add_action(store: Store, number: int, destination: str, **given: Any) -> str:
    """An action about the first customer; with a group of its own unless one is given."""
    action_id = f"20261122T1000{number:02d}000a{number:03d}"
    payload = {
        "title": f"Call back about order {number}",
        "reason": "detractor above 500 a year",
        "facts": {"risk": 0.8125, "value": 1250},
        "mentions": ["f0-0", "f1-0"],
    } | given.pop("payload", {})
    row = {
        "action_id": action_id,
        "kind": "customer",
        "rule": "save_detractor",
        "customer_id": "c0",
        "theme_id": "t1",
        "payload": payload,
        "status": "pending",
        "attempts": 0,
        "idempotency_key": f"key-{destination}-{number}",
        "created_at": NOW - timedelta(hours=1) + timedelta(seconds=number),
        "destination": destination,
    } | given
    with store.write() as connection:
        connection.execute(insert(tables.action).values(**row))
    return action_id


def read_actions(store: Store, *columns: str) -> list[tuple[Any, ...]]:
    action = tables.action.c
    query = select(*(action[name] for name in columns)).order_by(action.action_id)
    with store.read() as connection:
        return [tuple(row) for row in connection.execute(query)]


def make_job(store: Store, folder: Path, *entries: dict[str, Any]) -> Job:
    url = store.url.render_as_string(hide_password=False)
    values = {"store": {"url": url}, "destinations": list(entries)}
    return Job(Config.model_validate(values), folder / "cache", lock_timeout_s=0.1)


def withdraw(store: Store, customer: str, purpose: str, status: str = "withdrawn") -> None:
    row = {"consent_id": f"{customer}-{purpose}-{status}", "customer_id": customer}
    said = {"purpose": purpose, "status": status, "at": NOW - timedelta(days=1)}
    with store.write() as connection:
        connection.execute(insert(tables.consent).values(**row, **said))
