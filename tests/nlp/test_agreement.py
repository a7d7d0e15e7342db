"""Alpha against the worked examples of Krippendorff, Computing Krippendorff's Alpha-Reliability."""

import itertools
import random

import pytest
from hypothesis import given
from hypothesis import strategies as st

from nlp.agreement import Agreement, krippendorff_alpha, measure_agreement

# Section A, two observers, binary data: .095; section B, nominal data: .692; section C, nominal
# data of four observers with gaps: .743.
BINARY = ("0100000010", "1110010000")
NOMINAL = ("aabbdcccedda", "babbbcccedddd"[:12])
# Observers A to D over the units 1 to 12 of section C.
FOUR = (
    (1, 2, 3, 3, 2, 1, 4, 1, 2, None, None, None),
    (1, 2, 3, 3, 2, 2, 4, 1, 2, 5, None, 3),
    (None, 3, 3, 3, 2, 3, 4, 2, 2, 5, 1, None),
    (1, 2, 3, 3, 2, 4, 4, 1, 2, 5, 1, None),
)


@pytest.mark.parametrize(("coders", "alpha"), [(BINARY, 0.095), (NOMINAL, 0.692), (FOUR, 0.743)])
def test_alpha_is_that_of_the_published_examples(coders, alpha: float) -> None:
    assert krippendorff_alpha(list(zip(*coders, strict=True))) == pytest.approx(alpha, abs=0.0006)


def brute_force(items) -> float | None:
    """One less observed over expected disagreement, by going through all pairs of values."""
    paired = [[value for value in item if value is not None] for item in items]
    paired = [item for item in paired if len(item) > 1]
    values = [value for item in paired for value in item]
    expected = [a != b for a, b in itertools.permutations(values, 2)]
    if not any(expected):
        return None
    observed = sum(
        sum(a != b for a, b in itertools.permutations(item, 2)) / (len(item) - 1) for item in paired
    )
    return 1 - (observed / len(values)) / (sum(expected) / len(expected))


@given(
    st.integers(2, 4).flatmap(
        lambda n: st.lists(st.lists(st.sampled_from([*"abc", None]), min_size=n, max_size=n))
    )
)
def test_alpha_is_what_going_through_all_pairs_gives(items) -> None:
    found, wanted = krippendorff_alpha(items), brute_force(items)
    assert (found is None) == (wanted is None)
    if found is not None:
        assert found == pytest.approx(wanted)


def test_chance_agreement_is_zero_and_full_agreement_one() -> None:
    rng = random.Random(5)
    items = [(rng.choice("abc"), rng.choice("abc")) for _ in range(4_000)]
    assert abs(krippendorff_alpha(items)) < 0.04
    assert krippendorff_alpha([(a, a) for a, _ in items]) == 1


def test_an_agreement_has_its_interval_and_its_raw_share() -> None:
    found = measure_agreement([("a", "a"), ("b", "b"), ("a", "b"), ("c", None), ("a", "a")] * 10)
    assert (found.n, found.raw) == (40, 0.75)
    assert found.alpha_interval.low < found.alpha < found.alpha_interval.high
    assert found == measure_agreement(
        [("a", "a"), ("b", "b"), ("a", "b"), ("c", None), ("a", "a")] * 10
    )


def test_without_two_values_that_differ_there_is_no_alpha() -> None:
    assert measure_agreement([]) == Agreement(0, None, None, None)
    assert measure_agreement([("a", None)]) == Agreement(0, None, None, None)
    assert measure_agreement([("a", "a")]) == Agreement(1, None, None, 1.0)
