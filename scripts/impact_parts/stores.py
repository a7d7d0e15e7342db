"""What was said and done, as the records and as the database of a store."""

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime
from itertools import islice
from pathlib import Path
from typing import Any

import numpy as np
from sqlalchemy import insert

from pipelines import tables
from pipelines.impact.records import DAY, Happenings, Records, Said, Standing
from pipelines.store import Store, open_store

N_DAYS = 720
KNOWN_DAYS = N_DAYS + 90
START = 1_700_000_000 // DAY * DAY
_LEAVES = np.array([-0.6, 0.0, 0.4, 0.8])


@dataclass(frozen=True)
class Moments:
    """What was said when by whom, one row each, with what the customer was then; all (n, ...)."""

    customer: Any
    at: Any
    segment: Any
    spend: Any
    tenure: Any
    source: Any
    themes: Any

    def take(self, rows: Any) -> "Moments":
        """Some of the rows."""
        return Moments(**{name: values[rows] for name, values in vars(self).items()})

    def rest(self) -> Any:
        """What moves outcomes beside the themes, on the scale of log odds."""
        when = (self.at - START) / DAY / N_DAYS
        line = _LEAVES[self.segment] + 0.3 * self.spend - 0.1 * self.spend**2
        return line - 0.4 * np.tanh(self.tenure) + 0.5 * (when - 0.5)


def spend_before(said: Moments) -> Any:
    """Of the year before."""
    return np.round(100 * np.exp(0.8 * said.spend), 2)


def make_records(
    said: Moments,
    n: int,
    rating: Any = None,
    churn: tuple[Any, Any] | None = None,
    bought: tuple[Any, Any, Any] | None = None,
    known_until: int = START + KNOWN_DAYS * DAY,
) -> Records:
    rows, n_said = np.lexsort((said.at, said.customer)), len(said.customer)
    nothing = np.full(n_said, np.nan)
    feedback = Said(
        said.customer[rows],
        said.customer[rows],
        said.at[rows],
        said.source[rows],
        nothing if rating is None else rating[rows],
        nothing,
    )
    pairs = np.column_stack(np.nonzero(said.themes[rows])).astype(np.int64)
    n_themes = said.themes.shape[1]
    return Records(
        feedback,
        pairs,
        np.zeros(len(pairs)),
        _happen(said, churn, bought),
        Standing(
            np.arange(n),
            _first_known(said, n),
            np.full(n, -1) if not n_said else _segment_of(said, n),
        ),
        tuple(f"t{number:03d}" for number in range(n_themes)),
        ("EUR",),
        known_until,
    )


def _first_known(said: Moments, n: int) -> Any:
    since = np.zeros(n, dtype=np.int64)
    since[said.customer] = said.at - (said.tenure * 500 * DAY).astype(np.int64)
    return since


def _segment_of(said: Moments, n: int) -> Any:
    segment = np.full(n, -1)
    segment[said.customer] = said.segment
    return segment


def _happen(said: Moments, churn: Any, bought: Any) -> Happenings:
    """What was bought before, once, and what came after."""
    customer, first = np.unique(said.customer, return_index=True)
    parts = [(customer, said.at[first] - 40 * DAY, spend_before(said)[first], 0)]
    if bought is not None:
        parts.append((*bought, 0))
    if churn is not None:
        parts.append((*churn, np.full(len(churn[0]), np.nan), 1))
    customer = np.concatenate([part[0] for part in parts])
    at = np.concatenate([part[1] for part in parts]).astype(np.int64)
    amount = np.round(np.concatenate([part[2] for part in parts]), 2)
    is_churn = np.concatenate([np.full(len(part[0]), part[3]) for part in parts]) > 0
    rows = np.lexsort((is_churn, at, customer))
    currency = np.where(is_churn, -1, 0)
    return Happenings(
        customer[rows], at[rows], amount[rows], currency[rows], is_churn[rows], ~is_churn[rows]
    )


def merge(parts: list[Records]) -> Records:
    """Stores of different customers as one; their themes are the same."""
    n_before, said, pairs, happened, standing = 0, [], [], [], []
    n_said = 0
    for part in parts:
        shift = {"customer": part.said.customer + n_before, "voice": part.said.voice + n_before}
        said.append({**vars(part.said), **shift})
        pairs.append(part.pairs + np.array([n_said, 0]))
        for whole, each in ((happened, part.happened), (standing, part.standing)):
            whole.append({**vars(each), "customer": each.customer + n_before})
        n_before += len(part.standing.customer)
        n_said += len(part.said)

    def join(rows: list[dict[str, Any]]) -> dict[str, Any]:
        return {name: np.concatenate([each[name] for each in rows]) for name in rows[0]}

    first = parts[0]
    return Records(
        Said(**join(said)),
        np.concatenate(pairs),
        np.zeros(sum(map(len, pairs))),
        Happenings(**join(happened)),
        Standing(**join(standing)),
        first.themes,
        first.currencies,
        max(part.known_until for part in parts),
    )


def write_store(path: Path, records: Records) -> Store:
    """A store that holds these records, as a run would have left it."""
    store = open_store(f"sqlite:///{path}", create=True)
    with store.write() as connection:
        for name, rows in _list_rows(records):
            for batch in _in_batches(rows):
                connection.execute(insert(tables.metadata.tables[name]), batch)
    return store


def _list_rows(records: Records) -> Iterator[tuple[str, Iterator[dict[str, Any]]]]:
    said, happened, standing = records.said, records.happened, records.standing
    named = {"origin": "discovered", "status": "active", "found_status": "active"}
    yield "theme", ({"theme_id": each, "name": each, **named} for each in records.themes)
    yield (
        "customer",
        (
            {"customer_id": f"c{who}", "segment": f"s{segment}", "valid_from": _moment(since)}
            for who, since, segment in _walk(standing.customer, standing.since, standing.segment)
        ),
    )
    yield (
        "feedback",
        (
            {
                "feedback_id": f"f{row}",
                "source": f"source {source}",
                "text": "words",
                "customer_id": f"c{who}",
                "occurred_at": _moment(at),
                "rating": rating * 5,
                "rating_max": 5,
            }
            for row, (who, at, source, rating) in enumerate(
                _walk(said.customer, said.at, said.source, said.rating)
            )
        ),
    )
    said_of = {"text": "words", "text_hash": "words", "sentiment_score": -0.2}
    yield (
        "mention",
        (
            {
                "mention_id": f"f{row}-{theme}",
                "feedback_id": f"f{row}",
                "theme_id": records.themes[theme],
                **said_of,
            }
            for row, theme in records.pairs.tolist()
        ),
    )
    yield (
        "event",
        (
            {
                "event_id": f"e{row}",
                "customer_id": f"c{who}",
                "at": _moment(at),
                "kind": "churn" if is_churn else "order",
                "amount": None if is_churn else amount,
                "currency": "EUR",
            }
            for row, (who, at, amount, is_churn) in enumerate(
                _walk(happened.customer, happened.at, happened.amount, happened.is_churn)
            )
        ),
    )


def _walk(*columns: Any) -> Iterator[tuple[Any, ...]]:
    return zip(*(column.tolist() for column in columns), strict=True)


def _moment(second: int) -> datetime:
    return datetime.fromtimestamp(second, UTC)


def _in_batches(rows: Iterator[dict[str, Any]]) -> Iterator[list[dict[str, Any]]]:
    while batch := list(islice(rows, 20_000)):
        yield batch
