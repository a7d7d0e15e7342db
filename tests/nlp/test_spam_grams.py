"""Runs of characters: hashed at once as they would be one by one."""

import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st

from nlp.spam_grams import N_PLACES, find_grams, weigh_grams

WEIGHTS = np.random.default_rng(1).normal(size=N_PLACES)


def hash_alone(run: str) -> int:
    """The place of one run of characters."""
    spread, whole = 0x9E3779B97F4A7C15, 1 << 64
    first, *others = map(ord, run)
    found = first * spread % whole
    for code in others:
        found = ((found ^ found >> 32) + code) * spread % whole
    return found >> 47


def list_places(text: str) -> set[int]:
    folded = f" {' '.join(text[:700].lower().split())} "
    folded = "".join("0" if char.isdecimal() else char for char in folded)
    return {
        hash_alone(folded[at : at + n]) for n in range(3, 7) for at in range(len(folded) - n + 1)
    }


@settings(max_examples=60, deadline=None)
@given(st.lists(st.text(max_size=30), max_size=5))
def test_texts_have_the_runs_that_each_has_alone(texts: list[str]) -> None:
    owners, places = find_grams(texts)
    found = [set(places[owners == at].tolist()) for at in range(len(texts))]
    assert found == [list_places(text) for text in texts]
    assert len(owners) == sum(map(len, found))


@settings(max_examples=30, deadline=None)
@given(st.lists(st.text(min_size=1), min_size=1, max_size=4))
def test_the_weight_of_a_text_is_its_own_whatever_is_beside_it(texts: list[str]) -> None:
    together = weigh_grams(texts, WEIGHTS)
    assert together.tolist() == [float(weigh_grams([text], WEIGHTS)[0]) for text in texts]
    expected = [
        WEIGHTS[sorted(own)].sum() / max(len(own), 1) ** 0.5 for own in map(list_places, texts)
    ]
    np.testing.assert_allclose(together, expected, rtol=1e-9, atol=1e-12)


def test_texts_without_words_weigh_nothing() -> None:
    assert weigh_grams(["", " ", "\n\t"], WEIGHTS).tolist() == [0.0, 0.0, 0.0]
    assert weigh_grams([], WEIGHTS).tolist() == []


def test_case_digits_and_blanks_are_folded() -> None:
    same = ["Win £500  NOW", "win £123\nnow ", "WIN £٤٥٦ now"]
    weights = weigh_grams(same, WEIGHTS)
    assert len(set(weights.tolist())) == 1
    assert weigh_grams(["win 500 now"], WEIGHTS)[0] != weights[0]


def test_what_follows_700_characters_is_not_looked_at() -> None:
    one = weigh_grams(["ab " * 300, "ab " * 300 + "win a prize"], WEIGHTS)
    assert one[0] == one[1]
