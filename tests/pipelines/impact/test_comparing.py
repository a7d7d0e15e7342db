"""Bad data: sensible output that says what cannot be concluded, and never a crash."""

from collections.abc import Sequence
from typing import Any

import numpy as np
import pytest
from scipy.stats import false_discovery_control

from pipelines.impact.comparing import Comparison, compare
from pipelines.impact.notes import Note
from pipelines.impact.samples import sample_churn, sample_rating, sample_spend
from pipelines.impact.stakes import choose_stake, list_stakes
from tests.pipelines.impact.stores import Event, Words, at_day, make_records

N = 200
THEMES = ("a", "b", "c")


def rate(
    words: Sequence[Words], rating: Any, themes: Sequence[str] = THEMES, **more: Any
) -> Comparison:
    records = make_records(words, more.pop("events", ()), len(themes), rating=rating, **more)
    return compare(sample_rating(records, "rating", records.said.rating), themes)


def draw_words(seed: int = 0, n: int = N) -> list[Words]:
    """One feedback of each customer, each theme of a third of them."""
    chance = np.random.default_rng(seed)
    return [
        (
            who,
            at_day(float(chance.integers(0, 300))),
            np.flatnonzero(chance.random(3) < 0.33).tolist(),
        )
        for who in range(n)
    ]


def mood(seed: int = 1, n: int = N) -> Any:
    return np.random.default_rng(seed).random(n)


def test_an_effect_is_found_and_corrected_for_the_number_of_themes() -> None:
    words = draw_words()
    has_first = np.array([0 in themes for _, _, themes in words])
    found = rate(words, mood() - 0.3 * has_first)
    estimates = found.estimates
    assert found.notes == (None, None, None)
    assert estimates.low[0] < -0.3 < estimates.high[0] < 0
    assert found.q_value == pytest.approx(false_discovery_control(estimates.p_value, method="bh"))
    assert found.plain[0] == pytest.approx(
        (mood() - 0.3)[has_first].mean() - mood()[~has_first].mean()
    )
    assert (found.method, found.n, found.n_with[0]) == ("linear", N, has_first.sum())
    assert found.adjusted_for == ("other themes", "time")


def test_one_voice_counts_once_however_often_it_rates() -> None:
    words = draw_words()
    once = rate(words, mood())
    loud = [*words, *[words[0]] * 500]
    often = rate(loud, np.concatenate([mood(), np.full(500, mood()[0])]))
    assert (often.n, often.n_with.tolist()) == (once.n, once.n_with.tolist())
    assert often.estimates.effect == pytest.approx(once.estimates.effect, abs=0.02)


def test_themes_that_always_occur_together_are_told_of_as_one() -> None:
    words = [
        (who, at, [*themes, *([1] if 0 in themes else [])]) for who, at, themes in draw_words()
    ]
    words = [
        (who, at, [each for each in themes if each != 1 or 0 in themes])
        for who, at, themes in words
    ]
    has_twins = np.array([0 in themes for _, _, themes in words])
    found = rate(words, mood() + 0.4 * has_twins, THEMES)
    assert found.notes[0] is not None
    assert found.notes[1] is not None
    assert str(found.notes[0]).startswith("it cannot be told apart from b; together +0.")
    assert str(found.notes[1]).startswith("it cannot be told apart from a; together +0.")
    assert np.isnan(found.estimates.effect[:2]).all()
    assert found.notes[2] is None
    # The third is voiced by just those who do not voice the twins: nothing is known of any.
    words = [(who, at, [0, 1] if 0 in themes else [2]) for who, at, themes in words]
    notes = rate(words, mood(), THEMES).notes
    assert notes == tuple(
        Note("as_themes", {"themes": others}) for others in (["b", "c"], ["a", "c"], ["a", "b"])
    )


def test_a_theme_that_is_a_segment_cannot_be_told_apart_from_it() -> None:
    words = [(who, at, [who % 2]) for who, at, _ in draw_words()]
    found = rate(words, mood(), segments=[who % 2 for who in range(N)])
    assert found.notes[0] == Note("as_held")
    assert found.notes[2] == Note("with_few", {"needed": 10})


@pytest.mark.parametrize(
    ("words", "rating", "note"),
    [
        (draw_words(), np.full(N, 0.5), "the outcome is the same for everybody"),
        (draw_words(), np.full(N, np.nan), "no feedback has a rating that tells rating"),
        (draw_words(n=12), mood(n=12), "only 12 voices can be compared (20 are needed)"),
        ([(who, at, [0]) for who, at, _ in draw_words()], mood(), "too few voices do not have it"),
        ([(who, at, []) for who, at, _ in draw_words()], mood(), "too few voices have it"),
    ],
)
def test_where_nothing_can_be_said_a_note_says_why(
    words: list[Words], rating: Any, note: str
) -> None:
    found = rate(words, rating)
    assert str(found.notes[0]).startswith(note)
    assert np.isnan(found.estimates.effect).all()


def test_more_themes_than_voices_tell_apart_leave_the_rarer_ones_out() -> None:
    chance = np.random.default_rng(3)
    names = [f"t{number:02d}" for number in range(60)]
    odds = np.linspace(0.1, 0.6, 60)
    words = [
        (who, at_day(float(who)), np.flatnonzero(chance.random(60) < odds).tolist())
        for who in range(150)
    ]
    found = rate(words, mood(n=150), names)
    said = [place for place, note in enumerate(found.notes) if note is None]
    assert len(said) == 15
    assert min(said) > 30
    assert found.notes[20] == Note("themes_many", {"n": 150, "most": 15})


def test_one_segment_holds_nothing_equal() -> None:
    words = draw_words()
    alone, one = rate(words, mood()), rate(words, mood(), segments=[2] * N)
    assert one.adjusted_for == alone.adjusted_for
    assert one.estimates.low == pytest.approx(alone.estimates.low)


def test_one_theme_and_days_of_any_year_are_no_trouble() -> None:
    days = [at_day(-20_000), at_day(27_000), at_day(1)]
    words = [(who, days[who % 3], [0] if who % 2 else []) for who in range(N)]
    found = rate(words, mood(), ["a"])
    assert found.notes == (None,)
    assert found.adjusted_for == ("time",)


def leave(seed: int, share: float, n: int = N) -> tuple[list[Words], list[Event]]:
    """Who voices the first theme leaves more often; everybody bought something before."""
    chance = np.random.default_rng(seed)
    words = draw_words(seed, n)
    events: list[Event] = [(n, at_day(500), "login", 0.0, "EUR")]
    for who, at, themes in words:
        events.append((who, at - 86_400, "order", float(1 + who % 7), ("EUR", "ILS")[who % 4 == 0]))
        if chance.random() < share * (1 + 2 * (0 in themes)):
            events.append((who, at + 86_400 * int(chance.integers(1, 80)), "churn", 0.0, "EUR"))
    return words, events


def test_who_leaves_is_counted_with_what_is_at_stake_in_each_currency() -> None:
    words, events = leave(5, 0.2)
    records = make_records(words, events)
    sample = sample_churn(records, 90)
    found = compare(sample, records.themes)
    assert (found.method, found.notes[0]) == ("logistic", None)
    assert found.estimates.low[0] > 0.1
    stakes = [each for each in list_stakes(sample, found, records.currencies) if each.theme == 0]
    by_currency = {each.currency: each for each in stakes}
    effect = found.estimates.effect[0]
    voiced = [who for who, _, themes in words if 0 in themes]
    in_euros = [who for who in voiced if who % 4]
    assert by_currency[""].at_stake == pytest.approx(effect * len(voiced))
    assert by_currency["EUR"].worth == sum(1 + who % 7 for who in in_euros)
    assert by_currency["EUR"].at_stake == pytest.approx(effect * by_currency["EUR"].worth)
    assert by_currency["ILS"].n_customers == len(voiced) - len(in_euros)
    assert choose_stake(stakes) == by_currency["EUR"]


def test_days_that_are_not_over_count_as_far_as_they_are_known() -> None:
    words, events = leave(6, 0.2, 400)
    records = make_records(words, [each for each in events if each[1] < at_day(300)])
    sample = sample_churn(records, 90)
    found = compare(sample, records.themes)
    assert (found.method, found.notes[0]) == ("cox", None)
    assert found.estimates.low[0] > 0.05
    early = make_records(words, [each for each in events if each[1] < at_day(80)])
    note = str(compare(sample_churn(early, 90), early.themes).notes[0])
    assert note.startswith("only 0 moments are 90 days old, so that it is known who left")


def test_few_who_left_say_nothing() -> None:
    words, events = leave(7, 0.02)
    records = make_records(words, events)
    note = str(compare(sample_churn(records, 90), records.themes).notes[0])
    assert note.endswith("customers left (20 are needed)")


def test_what_is_spent_less_is_at_stake() -> None:
    words, events = leave(8, 0)
    chance = np.random.default_rng(8)
    for who, at, themes in words:
        amount = float(chance.uniform(90, 110)) - 30 * (0 in themes)
        events.append((who, at + 86_400, "order", amount, "EUR"))
    events.append((3, at_day(400), "refund", float("nan"), "EUR"))
    records = make_records(words, events)
    sample, other = sample_spend(records, 60)
    found = compare(sample, records.themes)
    assert (sample.outcome, other.outcome) == ("spend_change_60_EUR", "spend_change_60_ILS")
    assert found.estimates.effect[0] == pytest.approx(-30, abs=4)
    stake = next(each for each in list_stakes(sample, found, records.currencies))
    n = sum(0 in themes for who, _, themes in words if who % 4)
    assert (stake.currency, stake.n_customers) == ("EUR", n)
    assert stake.at_stake == pytest.approx(-n * found.estimates.effect[0])
    assert stake.low < stake.at_stake < stake.high


def test_a_store_of_nothing_says_that_there_is_nothing() -> None:
    records = make_records([], [])
    assert compare(sample_churn(records, 90), records.themes).notes[0] == Note("no_dated_customer")
    (spend,) = sample_spend(records, 90)
    assert spend.outcome == "spend_change_90"
    words = make_records(draw_words(), [])
    assert compare(sample_churn(words, 90), words.themes).notes[0] == Note("no_events_after")
