"""What was known at a moment, for all customers at once: the same as is said of each alone."""

from datetime import UTC, datetime

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from pipelines.impact.histories import find_moments, find_segment, look_back
from pipelines.impact.records import DAY, UNDATED, Standing
from pipelines.impact.samples import sample_churn, sample_spend
from pipelines.impact.worth import measure_worth, sum_spend
from pipelines.odata.facts import Happened, derive_facts
from pipelines.odata.outcomes import OutcomeSettings, measure_outcomes
from tests.pipelines.impact.stores import (
    CURRENCIES,
    Event,
    Words,
    at_day,
    make_happenings,
    make_records,
    make_said,
)

KINDS = ("churn", "login", "order", "other", "refund", "renewal")
customers = st.integers(0, 3)
seconds = st.integers(0, 200 * 4).map(lambda quarter: at_day(quarter / 4))
amounts = st.integers(0, 9_999).map(lambda cents: cents / 100)
event_lists = st.lists(
    st.tuples(customers, seconds, st.sampled_from(KINDS), amounts, st.sampled_from(CURRENCIES)),
    max_size=30,
)
word_lists = st.lists(
    st.tuples(customers, seconds, st.lists(st.integers(0, 2), max_size=2)), max_size=14
)
WINDOW = 30


def on(second: int) -> datetime:
    return datetime.fromtimestamp(second, UTC)


def list_own(events: list[Event], customer: int) -> list[Happened]:
    return [
        Happened(on(at), kind, amount, c) for who, at, kind, amount, c in events if who == customer
    ]


@settings(max_examples=60, deadline=None)
@given(event_lists, customers, seconds, seconds)
def test_a_customer_is_known_as_derive_facts_says(
    events: list[Event], customer: int, at: int, since: int
) -> None:
    who, when = np.array([customer]), np.array([at])
    standing = Standing(np.arange(4), np.full(4, since), np.zeros(4, np.int64))
    records = make_records([], events)
    found = look_back(records.happened, standing, who, when)
    own = list_own(events, customer)
    facts = derive_facts(own, on(at), on(since))
    assert found.has_events[0] == bool(own)
    assert found.has_left[0] == (facts.churned_at is not None)
    tenure = None if np.isnan(found.tenure_days[0]) else found.tenure_days[0]
    assert tenure == (None if facts.tenure_days is None else pytest.approx(facts.tenure_days))
    worth = measure_worth(records, who, when)
    best = max(facts.spend_year, key=lambda each: (facts.spend_year[each], each), default=None)
    assert worth.currency[0] == (-1 if best is None else CURRENCIES.index(best))
    if best is not None:
        assert worth.value[0] == pytest.approx(facts.spend_year[best])
        total, n = sum_spend(records.happened, 0, who, when - 365 * DAY, when)
        assert (total[0], n[0] > 0) == (
            pytest.approx(facts.spend_year.get("EUR", 0)),
            "EUR" in facts.spend_year,
        )


@settings(max_examples=60, deadline=None)
@given(word_lists, event_lists)
def test_outcomes_are_those_of_the_feedback_table(words: list[Words], events: list[Event]) -> None:
    records = make_records(words, events)
    known_until = on(records.known_until) if events else on(0)
    told = OutcomeSettings(churn_days=WINDOW, spend_days=WINDOW)
    churn = sample_churn(records, WINDOW)
    expected = {
        (who, at): measure_outcomes(on(at), list_own(events, who), known_until, told)
        for who, at in {(who, at) for who, at, _ in words}
    }
    assert churn.followed is not None
    for row in np.flatnonzero(churn.followed.is_over):
        value = expected[int(churn.who[row]), int(churn.at[row])][f"churn_{WINDOW}"]
        assert value == churn.followed.has_left[row]
    for sample in sample_spend(records, WINDOW):
        assert sample.value is not None or sample.missing
        for row in range(len(sample)):
            outcomes = expected[int(sample.who[row]), int(sample.at[row])]
            # What nobody spent before or after is no row there, and no change here.
            assert sample.value is not None
            assert sample.value[row] == pytest.approx(outcomes.get(sample.outcome, 0.0))


@settings(max_examples=60, deadline=None)
@given(word_lists)
def test_a_moment_is_when_something_is_said_that_was_not_said_of_late(words: list[Words]) -> None:
    said, pairs = make_said(words)
    found = find_moments(said, pairs, WINDOW)
    expected = {}
    days = sorted({(who, at // DAY) for who, at, _ in words})
    spoken: dict[tuple[int, int], list[int]] = {}
    for who, number in days:
        same = [(at, themes) for other, at, themes in words if (other, at // DAY) == (who, number)]
        at = max(at for at, _ in same)
        today = {theme for _, themes in same for theme in themes}

        def is_near(then: int, at: int = at) -> bool:
            return then > at - WINDOW * DAY

        is_new = any(not any(map(is_near, spoken.get((who, theme), []))) for theme in today)
        others = [then for (other, _), times in spoken.items() if other == who for then in times]
        is_quiet = not today and not any(map(is_near, others))
        for theme in today | {-1}:
            spoken.setdefault((who, theme), []).append(at)
        if is_new or is_quiet:
            expected[who, at] = {
                theme
                for (other, theme), times in spoken.items()
                if other == who and theme >= 0 and any(map(is_near, times))
            }
    heard = {
        (int(found.customer[row]), int(found.at[row])): set(
            found.pairs[found.pairs[:, 0] == row, 1].tolist()
        )
        for row in range(len(found))
    }
    assert heard == expected
    assert found.until[:-1].tolist() == [
        int(after) if same else np.iinfo(np.int64).max
        for after, same in zip(found.at[1:], np.diff(found.customer) == 0, strict=True)
    ]


def test_feedback_of_nobody_or_without_a_day_is_no_moment() -> None:
    said, pairs = make_said([(-1, at_day(1), [0]), (2, UNDATED, [0]), (2, at_day(3), [1])])
    found = find_moments(said, pairs, WINDOW)
    assert (found.customer.tolist(), found.pairs.tolist()) == ([2], [[0, 1]])


def test_a_segment_is_that_of_the_time() -> None:
    standing = Standing(
        np.array([0, 0, 2]), np.array([at_day(0), at_day(50), UNDATED]), np.array([3, 4, 5])
    )
    who = np.array([0, 0, 0, 1, 2, -1])
    when = np.array([at_day(10), at_day(60), at_day(-5), at_day(1), at_day(1), at_day(1)])
    assert find_segment(standing, who, when).tolist() == [3, 4, 3, -1, 5, -1]


def test_amounts_beyond_all_measure_do_not_break_the_sums_of_others() -> None:
    events: list[Event] = [
        (0, at_day(1), "order", 1e300, "EUR"),
        (1, at_day(1), "order", 7.0, "EUR"),
    ]
    total, _ = sum_spend(
        make_happenings(events), 0, np.array([1]), np.array([at_day(0)]), np.array([at_day(2)])
    )
    assert total.tolist() == [7.0]
