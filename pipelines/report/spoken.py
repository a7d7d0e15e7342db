"""Every mention and every feedback as numbers in columns, to be counted in any combination.

A million mentions take about 20 MB; their words stay in the store.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import date, timedelta
from functools import cached_property
from typing import Any

import numpy as np
from numpy.typing import NDArray
from sqlalchemy import ColumnElement, Connection, Integer, case, cast, func, select

from pipelines.counted import counted_mentions, is_analysed, is_counted, voice
from pipelines.judge import period_start
from pipelines.tables import customer, feedback, mention

UNKNOWN_LANG = "und"
UNDATED = 0
SENTIMENTS = ("negative", "neutral", "positive")
UNRATED = len(SENTIMENTS)
_MONDAY = date.min  # 1 January of the year 1 was one.
_ROWS_AT_A_TIME = 20_000


class Names(dict[str | None, int]):
    """Names numbered in the order in which they were first met; None, for nothing, is -1."""

    def __missing__(self, name: str | None) -> int:
        """Number a new name."""
        self[name] = number = -1 if name is None else len(self.listed)
        if name is not None:
            self.listed.append(name)
        return number

    @cached_property
    def listed(self) -> list[str]:
        """The names in the order of their numbers."""
        return []


@dataclass(frozen=True)
class Columns:
    """Rows as columns of whole numbers: by name, arrays of one length."""

    arrays: dict[str, NDArray[Any]]

    def __getitem__(self, name: str) -> NDArray[Any]:
        """One column."""
        return self.arrays[name]

    def take(self, rows: NDArray[Any]) -> "Columns":
        """Some rows, by a mask or by their numbers."""
        return Columns({name: column[rows] for name, column in self.arrays.items()})

    def renumbered(self, name: str, new: NDArray[Any]) -> "Columns":
        """The same rows with the numbers of one column exchanged; -1 stays.

        :param new: new number by old number.
        """
        table = np.append(new, -1).astype(np.int32)
        return Columns({**self.arrays, name: table[self.arrays[name]]})


@dataclass(frozen=True)
class Spoken:
    """All that was said, as numbers.

    :param mentions: of feedback that counts; columns theme, voice, week, source, lang, segment,
        sentiment (its place in SENTIMENTS, or UNRATED) and reason (why it has no theme).
    :param feedback: what may be analysed, noise included; columns voice, week, source, lang,
        segment, reason (why it is noise, -1 where it counts) and linked (to a customer).
    :param names: what the numbers of a column stand for.
    """

    mentions: Columns
    feedback: Columns
    names: dict[str, list[str]]


def week_number(day: date) -> int:
    """Number of the week that a day is in, counted from the year 1; never 0, which is no date."""
    return (day - _MONDAY).days // 7 + 1


def week_start(number: int) -> date:
    """The Monday of a week."""
    return _MONDAY + timedelta(weeks=number - 1)


def read_spoken(connection: Connection, theme_ids: Sequence[str]) -> Spoken:
    """Read what the counts of the page are made of.

    :param theme_ids: the themes that are shown; those of mentions are numbers in this list.
    """
    kinds = ("source", "lang", "segment", "noise", "unassigned")
    names = {kind: Names() for kind in kinds}
    themes = Names({theme_id: number for number, theme_id in enumerate(theme_ids)})
    themes.listed.extend(theme_ids)
    shared: dict[str, Callable[[Any], int]] = {
        "voice": int,
        "week": _Weeks().__getitem__,
        **{kind: names[kind].__getitem__ for kind in ("source", "lang", "segment")},
    }
    mentions = _read_columns(
        connection,
        _select_mentions(connection),
        shared
        | {
            "theme": lambda theme_id: themes.get(theme_id, -1 if theme_id is None else -2),
            "sentiment": int,
            "reason": names["unassigned"].__getitem__,
        },
    )
    said = _read_columns(
        connection,
        _select_feedback(connection),
        shared | {"reason": names["noise"].__getitem__, "linked": int},
    )
    return _in_order(Spoken(mentions, said, {kind: names[kind].listed for kind in kinds}))


class _Weeks(dict[str | None, int]):
    """Numbers of weeks by the Monday as the database writes it."""

    def __missing__(self, day: str | None) -> int:
        self[day] = number = UNDATED if day is None else week_number(date.fromisoformat(day))
        return number


def _select_mentions(connection: Connection) -> Any:
    sentiment = case(
        *((mention.c.sentiment == each, place) for place, each in enumerate(SENTIMENTS)),
        else_=UNRATED,
    )
    reason = func.coalesce(mention.c.unassigned_reason, "waiting")
    joined = counted_mentions.outerjoin(customer, customer.c.customer_id == feedback.c.customer_id)
    return (
        select(
            *_shared(connection, func.coalesce(mention.c.lang, feedback.c.lang, UNKNOWN_LANG)),
            mention.c.theme_id.label("theme"),
            sentiment.label("sentiment"),
            case((mention.c.theme_id.is_(None), reason)).label("reason"),
        )
        .select_from(joined)
        .where(is_counted)
    )


def _select_feedback(connection: Connection) -> Any:
    joined = feedback.outerjoin(customer, customer.c.customer_id == feedback.c.customer_id)
    return (
        select(
            *_shared(connection, func.coalesce(feedback.c.lang, UNKNOWN_LANG)),
            feedback.c.noise_reason.label("reason"),
            cast(feedback.c.customer_id.is_not(None), Integer).label("linked"),
        )
        .select_from(joined)
        .where(is_analysed)
    )


def _shared(connection: Connection, lang: ColumnElement[Any]) -> list[ColumnElement[Any]]:
    return [
        func.dense_rank().over(order_by=voice).label("voice"),
        period_start(connection, "week").label("week"),
        feedback.c.source.label("source"),
        lang.label("lang"),
        customer.c.segment.label("segment"),
    ]


def _read_columns(
    connection: Connection, query: Any, numbers: dict[str, Callable[[Any], int]]
) -> Columns:
    """Read rows portion by portion into arrays of numbers."""
    columns = [column.name for column in query.selected_columns]
    parts: dict[str, list[NDArray[Any]]] = {name: [] for name in columns}
    found = connection.execute(query.execution_options(yield_per=_ROWS_AT_A_TIME))
    for rows in found.partitions():
        for name, values in zip(columns, zip(*rows, strict=True), strict=True):
            parts[name].append(np.array(list(map(numbers[name], values)), dtype=np.int32))
    empty = [np.zeros(0, dtype=np.int32)]
    return Columns({name: np.concatenate(parts[name] or empty) for name in columns})


def _in_order(spoken: Spoken) -> Spoken:
    """Number names by how much there is of each, whatever the order in which rows came."""
    mentions, said, names = spoken.mentions, spoken.feedback, dict(spoken.names)
    for kind, column, rows in (
        ("source", "source", said),
        ("segment", "segment", said),
        ("lang", "lang", mentions),
        ("noise", "reason", said),
        ("unassigned", "reason", mentions),
    ):
        counted = rows[column]
        sizes = np.bincount(counted[counted >= 0], minlength=len(names[kind]))
        order = sorted(range(len(sizes)), key=lambda n: (-sizes[n], names[kind][n]))
        names[kind] = [names[kind][n] for n in order]
        new = np.argsort(np.array(order, dtype=np.int64))
        if kind != "noise":
            mentions = mentions.renumbered(column, new)
        if kind != "unassigned":
            said = said.renumbered(column, new)
    return Spoken(mentions, said, names)
