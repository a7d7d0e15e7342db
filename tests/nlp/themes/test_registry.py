"""Matching found themes to known ones: what goes on, what splits, what is merged, what is gone."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from nlp.themes.registry import match_themes

labels = st.lists(st.tuples(st.integers(-1, 5), st.integers(-1, 6)), min_size=1, max_size=80)


def match(pairs, **options):
    known, found = np.array(pairs, dtype=np.int32).reshape(-1, 2).T
    return match_themes(known, found, 6, 7, **options)


@settings(deadline=None)
@given(labels, st.sets(st.integers(0, 5)))
def test_matching_is_an_injection_and_loses_no_theme(pairs, locked) -> None:
    told = match(pairs, locked=locked)
    matched = {share.known: share.found for share in told.matched}
    assert len(matched) == len(told.matched) == len(set(matched.values()))
    gone = [share.known for share in told.merged] + list(told.faded)
    assert sorted([*matched, *gone]) == list(range(6))
    assert sorted([*matched.values(), *told.born]) == list(range(7))
    assert {share.found for share in told.split} <= set(told.born)


@settings(deadline=None)
@given(labels, st.randoms(use_true_random=False))
def test_the_order_of_rows_changes_nothing(pairs, random) -> None:
    shuffled = list(pairs)
    random.shuffle(shuffled)
    assert match(shuffled) == match(pairs)


def test_as_much_as_possible_goes_on_not_the_largest_piece_first() -> None:
    # 0 would rather go on as found 0, but then 1 could not go on at all.
    pairs = [(0, 0)] * 6 + [(0, 1)] * 5 + [(1, 0)] * 6
    told = match(pairs)
    assert [(share.known, share.found) for share in told.matched] == [(0, 1), (1, 0)]


def test_a_split_and_a_merge_are_told_with_their_shares() -> None:
    told = match([(0, 0)] * 7 + [(0, 1)] * 3 + [(1, 2)] * 8 + [(2, 2)] * 4 + [(-1, 2)] * 9)
    (split,) = told.split
    assert (split.known, split.found, split.n_shared) == (0, 1, 3)
    assert (split.of_known, split.of_found) == (0.3, 1.0)
    (merged,) = told.merged
    assert (merged.known, merged.found, merged.of_known, merged.of_found) == (2, 2, 1.0, 0.3333)
    assert told.matched[1].overlap == pytest.approx(8 / 12, abs=1e-3)
    assert told.faded == (3, 4, 5)
    assert told.born == (1, 3, 4, 5, 6)


def test_a_theme_that_is_scattered_goes_on_nowhere() -> None:
    pairs = [(0, found) for found in range(5)] + [
        (known, found) for known, found in zip((1, 2, 3, 4, 5), range(5), strict=True)
    ] * 9
    told = match(pairs)
    assert told.faded == (0,)


def test_a_locked_theme_comes_first_where_it_has_a_fair_part() -> None:
    pairs = [(0, 0)] * 9 + [(1, 0)] * 4
    assert [share.known for share in match(pairs).matched] == [0]
    assert [share.known for share in match(pairs, locked={1}).matched] == [1]
    few = [(0, 0)] * 90 + [(1, 0)] * 4
    assert [share.known for share in match(few, locked={1}).matched] == [0]


def test_a_theme_without_members_is_known_again_by_its_centre_alone() -> None:
    likeness = np.full((6, 7), 0.2)
    likeness[5, 6] = 0.95
    likeness[4, 3] = 0.8  # not enough
    likeness[0, 0] = 0.99  # has members elsewhere
    told = match([(0, 1)] * 5, likeness=likeness)
    assert [(share.known, share.found) for share in told.matched] == [(0, 1), (5, 6)]
    assert told.matched[1].n_shared == 0
    assert told.matched[1].overlap == 0
