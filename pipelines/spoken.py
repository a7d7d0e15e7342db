"""What customers said, in columns: the mentions of each in a row, the earliest first."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from itertools import groupby
from typing import Any, Final, NamedTuple

import numpy as np
from numpy.typing import NDArray

from pipelines.moments import UNDATED

Places = NDArray[np.int64]
Floats = NDArray[np.float64]

_FEELINGS: Final = {"negative": -1, "positive": 1}


class SaidMention(NamedTuple):
    """One mention of a customer.

    :param at: see :mod:`pipelines.moments`; None where it has no date.
    :param rating: 0..1, the feedback's rating over the highest possible; None without one.
    """

    customer_id: str
    mention_id: str
    feedback_id: str
    at: int | None
    theme_id: str | None
    sentiment: str | None
    score: float
    rating: float | None


@dataclass(frozen=True)
class Spoken:
    """The mentions of some customers, in the order of their ids, each with one at least.

    :param starts: where the mentions of each customer start, and where the last one's end.
    :param at: see :mod:`pipelines.moments`.
    :param feedback: place in feedback_ids.
    :param theme: place in theme_ids; -1 without one.
    :param feeling: -1, 0 or 1.
    :param rating: 0..1; NaN without one.
    """

    customers: Sequence[str]
    starts: Places
    mention_ids: Sequence[str]
    feedback_ids: Sequence[str]
    theme_ids: Sequence[str]
    at: Places
    feedback: Places
    theme: Places
    feeling: Places
    score: Floats
    rating: Floats

    @property
    def owner(self) -> Places:
        """The place of each mention's customer."""
        return np.repeat(np.arange(len(self.customers)), np.diff(self.starts))

    def take_until(self, moments: Places) -> "Spoken":
        """What was said up to a moment of each customer; what has no date is left out.

        :param moments: as ``at``; UNDATED of customers who are left out.
        """
        owner = self.owner
        places = np.flatnonzero((self.at <= moments[owner]) & (self.at != UNDATED))
        counts = np.bincount(owner[places], minlength=len(self.customers))
        return Spoken(
            [self.customers[each] for each in np.flatnonzero(counts).tolist()],
            _find_starts(counts[counts > 0]),
            [self.mention_ids[each] for each in places.tolist()],
            self.feedback_ids,
            self.theme_ids,
            self.at[places],
            self.feedback[places],
            self.theme[places],
            self.feeling[places],
            self.score[places],
            self.rating[places],
        )


def arrange_mentions(rows: Iterable[SaidMention | Sequence[Any]]) -> Spoken:
    """Put mentions into columns.

    :param rows: in any order, with the fields of a mention.
    """
    # Of two at the same moment the ids decide, as for whoever reads them.
    ordered = sorted(rows, key=_order)
    fields = zip(*ordered, strict=True) if ordered else ((),) * len(SaidMention._fields)
    who, mention_ids, feedback_ids, at, theme_ids, sentiment, score, rating = fields
    customers = [(each, len([*own])) for each, own in groupby(who)]
    feedback_names, feedback = _number(feedback_ids)
    theme_names, theme = _number(theme_ids)
    return Spoken(
        [each for each, _ in customers],
        _find_starts(np.array([n for _, n in customers], dtype=np.int64)),
        mention_ids,
        feedback_names,
        theme_names,
        np.array([UNDATED if each is None else each for each in at], dtype=np.int64),
        feedback,
        theme,
        np.array([_FEELINGS.get(each, 0) for each in sentiment], dtype=np.int64),
        np.array(score, dtype=float),
        np.array(rating, dtype=float),
    )


def _order(row: Sequence[Any]) -> tuple[str, int, str]:
    return row[0], UNDATED if row[3] is None else row[3], row[1]


def _find_starts(counts: Places) -> Places:
    return np.concatenate([[0], np.cumsum(counts)]).astype(np.int64)


def _number(ids: Iterable[str | None]) -> tuple[list[str], Places]:
    """The ids in the order in which they come, and the place of each among them; -1 of None."""
    codes: dict[str, int] = {}
    found = [-1 if each is None else codes.setdefault(each, len(codes)) for each in ids]
    return [*codes], np.array(found, dtype=np.int64)
