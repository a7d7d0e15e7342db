"""The rows that each outcome is compared over: what it was, who it is of, what was known before."""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from pipelines.impact.designs import Floats
from pipelines.impact.histories import Moments, Past, find_moments, find_segment, look_back
from pipelines.impact.notes import Note
from pipelines.impact.records import DAY, Codes, Records, differs
from pipelines.impact.traits import TIME_CUTS, Trait
from pipelines.impact.worth import YEAR_DAYS, Worth, measure_worth, scale_worth, sum_spend
from pipelines.odata.outcomes import OutcomeSettings

POINTS, SHARE = "points", "share"
# Fewer customers of a currency say nothing of any theme.
MIN_SPENDERS = 20


@dataclass(frozen=True)
class Followed:
    """What came of each row within so many days; all (n,).

    :param is_over: whether all of these days are known.
    :param has_left: whether the customer left within those that are.
    :param days: how many days, from 1 on, the row stands for its customer: until they leave, what
        is known ends, or they speak of something else.
    :param is_event: whether the customer left on the last of them.
    """

    horizon: int
    is_over: NDArray[np.bool_]
    has_left: NDArray[np.bool_]
    days: Codes
    is_event: NDArray[np.bool_]


@dataclass(frozen=True)
class Sample:
    """What one outcome is compared over.

    :param outcome: as in feedback_outcome.
    :param unit: of an effect: points, share or a currency.
    :param who: (n,) voice or customer of each row, ascending; ``at`` when it was said.
    :param pairs: (m, 2) row and a theme.
    :param value: (n,) the outcome; None of one that happens or not.
    :param reached: what is at stake is counted over, of outcomes after a feedback.
    :param missing: why there are no rows; None where there are.
    """

    outcome: str
    unit: str
    who: Codes
    at: Codes
    pairs: Codes
    traits: tuple[Trait, ...]
    value: Floats | None = None
    followed: Followed | None = None
    reached: "Reached | None" = None
    missing: Note | None = None

    def __len__(self) -> int:
        return len(self.who)

    @property
    def n_who(self) -> int:
        """How many voices or customers they are."""
        return int(differs(self.who).sum())


@dataclass(frozen=True)
class Reached:
    """Everybody of whom something is at stake, also where the outcome is not known yet; all (n,).

    :param pairs: (m, 2) row and a theme.
    :param worth: of a year; None where the outcome is money itself.
    """

    customer: Codes
    pairs: Codes
    worth: Worth | None


def list_samples(records: Records, settings: OutcomeSettings) -> Iterator[Sample]:
    """The rows of every configured outcome."""
    if settings.rating:
        yield sample_rating(records, "rating", records.said.rating)
    if settings.nps:
        yield sample_rating(records, "nps_group", records.said.nps)
    if settings.churn_days:
        yield sample_churn(records, settings.churn_days)
    if settings.spend_days:
        yield from sample_spend(records, settings.spend_days)


def sample_rating(records: Records, outcome: str, rating: Floats) -> Sample:
    """Feedback with a rating: all of them, as theme and rating are of one moment."""
    rows = np.flatnonzero(np.isfinite(rating))
    rows = rows[np.lexsort((rows, records.said.voice[rows]))]
    said = records.said.take(rows)
    past = look_back(records.happened, records.standing, said.customer, said.at)
    worth = measure_worth(records, said.customer, said.at)
    return Sample(
        outcome,
        POINTS,
        said.voice,
        said.at,
        _renumber(records.pairs, rows, len(records.said)),
        _list_traits(records, said.customer, said.at, said.source, past, worth),
        value=rating[rows],
        missing=None if len(rows) else Note("no_rating", {"outcome": outcome}),
    )


def sample_churn(records: Records, days: int) -> Sample:
    """Moments of customers who had not left, and whether they did."""
    known = _look_at_moments(records, days)
    is_reached = known.past.has_events & ~known.past.has_left
    rows = np.flatnonzero(is_reached & (known.moments.at < records.known_until))
    return Sample(
        f"churn_{days}",
        SHARE,
        known.moments.customer[rows],
        known.moments.at[rows],
        _renumber(known.moments.pairs, rows, len(known.moments)),
        known.traits(records, rows),
        followed=_follow(known, rows, days, records.known_until),
        reached=known.reach(np.flatnonzero(is_reached), known.worth),
        missing=_explain_none(known.moments, rows),
    )


def sample_spend(records: Records, days: int) -> Iterator[Sample]:
    """By currency, moments of customers who had spent in it in the year before.

    Currencies of a handful of customers are left out, unless there is no other.
    """
    known = _look_at_moments(records, days)
    found = [
        sample
        for code in range(len(records.currencies))
        if len(sample := _sample_currency(records, known, code, days))
    ]
    ranked = sorted(found, key=lambda each: (-each.n_who, each.unit))
    large = [each for each in ranked if each.n_who >= MIN_SPENDERS]
    yield from sorted(large or ranked[:1], key=lambda each: each.unit)
    if not found:
        missing = _explain_none(known.moments, np.arange(0))
        none, pairs = np.empty(0, np.int64), np.empty((0, 2), np.int64)
        yield Sample(f"spend_change_{days}", "", none, none, pairs, (), missing=missing)


def _sample_currency(records: Records, known: "_Known", code: int, days: int) -> Sample:
    customer, at = known.moments.customer, known.moments.at
    window = days * DAY
    year, n_year = sum_spend(records.happened, code, customer, at - YEAR_DAYS * DAY, at)
    is_reached = n_year > 0
    rows = np.flatnonzero(is_reached & (at + window <= records.known_until))
    who, when = customer[rows], at[rows]
    before, _ = sum_spend(records.happened, code, who, when - window, when)
    after, _ = sum_spend(records.happened, code, who, when, when + window)
    own = (Trait("spend before", before, cuts=0), Trait("spend before", year[rows], cuts=0))
    return Sample(
        f"spend_change_{days}_{records.currencies[code]}",
        records.currencies[code],
        who,
        when,
        _renumber(known.moments.pairs, rows, len(known.moments)),
        (*known.traits(records, rows), *own),
        value=after - before,
        reached=known.reach(np.flatnonzero(is_reached), None),
    )


@dataclass(frozen=True)
class _Known:
    """Moments, and what was known at each."""

    moments: Moments
    past: Past
    worth: Worth

    def traits(self, records: Records, rows: NDArray[np.intp]) -> tuple[Trait, ...]:
        moments = self.moments
        return _list_traits(
            records,
            moments.customer[rows],
            moments.at[rows],
            moments.source[rows],
            Past(**{name: values[rows] for name, values in vars(self.past).items()}),
            self.worth.take(rows),
        )

    def reach(self, rows: NDArray[np.intp], worth: Worth | None) -> Reached:
        pairs = _renumber(self.moments.pairs, rows, len(self.moments))
        return Reached(self.moments.customer[rows], pairs, worth and worth.take(rows))


def _look_at_moments(records: Records, days: int) -> _Known:
    moments = find_moments(records.said, records.pairs, days)
    past = look_back(records.happened, records.standing, moments.customer, moments.at)
    return _Known(moments, past, measure_worth(records, moments.customer, moments.at))


def _follow(known: _Known, rows: NDArray[np.intp], days: int, known_until: int) -> Followed:
    at, left = known.moments.at[rows], known.past.leaves_at[rows]
    over = at + days * DAY
    end = np.minimum(np.minimum(over, known_until), known.moments.until[rows])
    is_event = left <= end
    seconds = np.where(is_event, left, end) - at
    n_days = np.maximum(-(-seconds // DAY), 1)
    return Followed(days, over <= known_until, left <= over, n_days, is_event)


def _explain_none(moments: Moments, rows: NDArray[Any]) -> Note | None:
    if len(rows):
        return None
    if not len(moments):
        return Note("no_dated_customer")
    return Note("no_events_after")


def _renumber(pairs: Codes, rows: NDArray[Any], n_before: int) -> Codes:
    """Pairs of some rows, these numbered from 0 on."""
    place = np.full(n_before, -1)
    place[rows] = np.arange(len(rows))
    found = np.column_stack([place[pairs[:, 0]], pairs[:, 1]])
    kept: Codes = found[found[:, 0] >= 0]
    return kept


def _list_traits(
    records: Records, customer: Codes, at: Codes, source: Codes, past: Past, worth: Worth
) -> tuple[Trait, ...]:
    """What is held equal, all of it as it was known at the time."""
    dated = np.where(at == np.iinfo(np.int64).min, np.nan, at.astype(float))
    return (
        Trait("segment", find_segment(records.standing, customer, at)),
        Trait("tenure", np.log1p(past.tenure_days)),
        Trait("value before", scale_worth(worth)),
        Trait("source", source),
        Trait("time", dated, cuts=TIME_CUTS),
    )
