"""Stores with a row about each customer, and jobs that send these rows."""

from datetime import UTC, datetime
from pathlib import Path
from random import Random
from typing import Any

from sqlalchemy import Connection, insert, select, update

from pipelines import tables
from pipelines.clock import Clock
from pipelines.config import Config
from pipelines.keys import hash_keys
from pipelines.patience import Patience
from pipelines.store import Store
from tests.pipelines.planted import PlantedJob
from tests.pipelines.rights.people import SECRET
from tests.pipelines.store_copies import open_copy

N = 5
SINCE = datetime(2026, 1, 5, 10, 30, tzinfo=UTC)
THEME = "=Late delivery"


def open_insights(url: str, n: int) -> Store:
    """So many customers, numbered from 007 on; each with a risk, a theme, a day and evidence."""
    return open_copy(url, f"insights {n}", lambda store: _fill(store, n))


def name_customers(n: int) -> list[str]:
    return [f"{7 + number:03d}" for number in range(n)]


def make_job(store: Store, folder: Path, *syncs: dict[str, Any]) -> PlantedJob:
    url = store.url.render_as_string(hide_password=False)
    config = Config.model_validate({"store": {"url": url}, "syncs": list(syncs)})
    secret = folder / "secret"
    if not secret.exists():
        secret.touch(mode=0o600)
        secret.write_text(SECRET)
    return PlantedJob(config, folder / "cache", secret_path=secret, folder=folder)


def set_risk(store: Store, key: str, risk: float | None) -> None:
    own = tables.customer_insight
    with store.write() as connection:
        connection.execute(update(own).where(own.c.customer_id == key).values(risk=risk))


def read_ledger(store: Store, sync: str) -> dict[str, tuple[Any, ...]]:
    """Status, attempts and error of each row."""
    own = tables.sync_row.c
    with store.read() as connection:
        query = select(own.customer_id, own.status, own.attempts, own.error)
        return {
            key: tuple(rest) for key, *rest in connection.execute(query.where(own.sync == sync))
        }


def read_error_fields(store: Store, key: str) -> str | None:
    """The fields that the error of a row is about."""
    own = tables.sync_row.c
    with store.read() as connection:
        query = select(own.error_fields).where(own.customer_id == key)
        return connection.execute(query).scalar_one()


def wait_never(waits: list[float] | None = None) -> Patience:
    """Patience that notes how long it would wait, the longest that may be drawn."""
    return Patience(clock=HastyClock(waits if waits is not None else []))


class HastyClock(Clock):
    """Waiting passes at once."""

    def __init__(self, waits: list[float]) -> None:
        super().__init__()
        self.waits, self.chance = waits, Longest()

    def sleep(self, seconds: float) -> None:
        self.waits.append(seconds)


class Longest(Random):
    """Draws the longest wait."""

    def uniform(self, a: float, b: float) -> float:
        return b


def _fill(store: Store, n: int) -> None:
    with store.write() as connection:
        connection.execute(insert(tables.theme).values(theme_id="t", name=THEME, **_THEME))
        for number, key in enumerate(name_customers(n)):
            add_customer(connection, key, number / 1_000)


def add_customer(connection: Connection, key: str, risk: float) -> None:
    connection.execute(insert(tables.customer).values(customer_id=key, segment="gold"))
    said = {"open_theme_id": "t", "open_since": SINCE, "evidence": [f"{key}-0"]}
    connection.execute(
        insert(tables.customer_insight).values(customer_id=key, risk=risk, n_feedback=2, **said)
    )
    for kind, hashed in hash_keys(SECRET.encode(), {"customer_id": key}).items():
        row = {"key_type": kind, "key_hash": hashed, "customer_id": key}
        connection.execute(insert(tables.customer_key).values(**row))


_THEME = {"status": "active", "origin": "discovered", "n_mentions": 2}
