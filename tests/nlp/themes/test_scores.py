import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from nlp.themes.scores import BCubed, Noise, score_bcubed, score_themes


def brute_force(truth, found) -> tuple[float, float]:
    """Precision and recall of each item by looking at every other one."""
    precisions, recalls = [], []
    for label, theme in zip(truth, found, strict=True):
        pairs = list(zip(truth, found, strict=True))
        precisions.append(np.mean([t == label for t, f in pairs if f == theme]))
        recalls.append(np.mean([f == theme for t, f in pairs if t == label]))
    return float(np.mean(precisions)), float(np.mean(recalls))


@given(st.lists(st.tuples(st.sampled_from("abcd"), st.integers(-1, 3)), min_size=1, max_size=40))
def test_bcubed_is_what_comparing_every_pair_gives(rows) -> None:
    truth, found = zip(*rows, strict=True)
    scores = score_bcubed(truth, found)
    assert (scores.precision, scores.recall) == pytest.approx(brute_force(truth, found))
    assert scores.f1 == pytest.approx(2 / (1 / scores.precision + 1 / scores.recall))


def test_bcubed_of_a_worked_example() -> None:
    # Amigo et al. 2009 describe the measure by item; here aab | bb, by hand.
    scores = score_bcubed("aabbb", [0, 0, 0, 1, 1])
    assert scores.precision == pytest.approx((2 / 3 + 2 / 3 + 1 / 3 + 1 + 1) / 5)
    assert scores.recall == pytest.approx((1 + 1 + 1 / 3 + 2 / 3 + 2 / 3) / 5)


def test_nothing_to_score_is_refused() -> None:
    with pytest.raises(ValueError, match="no items"):
        score_bcubed([], [])
    with pytest.raises(ValueError, match="no text has a true theme"):
        score_themes([None], np.array([0]), np.array([True]))


def test_noise_and_coverage_are_counted_apart_from_themes() -> None:
    truth = ["a", "a", "b", "b", None, None, None]
    found = np.array([0, 0, 1, 1, 0, 1, 1])
    is_assigned = np.array([True, True, True, False, False, False, True])
    scores = score_themes(truth, found, is_assigned)
    assert (scores.n, scores.n_true, scores.n_found) == (4, 2, 2)
    assert scores.ami == scores.ari == 1 and scores.bcubed == BCubed(1, 1, 1)
    assert scores.coverage == 0.75 and scores.ami_assigned == 1
    assert scores.noise == Noise(3, 3, 2 / 3, 2 / 3)
    assert score_themes(["a"], np.array([-1]), np.array([False])).noise is None
    assert score_themes(["a", None], np.array([0, 0]), np.array([True] * 2)).noise == Noise(
        1, 0, None, 0
    )


def test_the_names_of_themes_do_not_matter() -> None:
    rng = np.random.default_rng(2)
    truth = rng.choice(list("abcde"), 300).tolist()
    found = rng.integers(0, 7, 300)
    plain = score_themes(truth, found, np.ones(300, bool))
    other = score_themes(truth, 6 - found, np.ones(300, bool))
    assert plain.ami == pytest.approx(other.ami) and plain.bcubed.f1 == pytest.approx(
        other.bcubed.f1
    )
    assert abs(plain.ami) < 0.05
