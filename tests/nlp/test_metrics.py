"""Metrics against scikit-learn, and against resampling row by row."""

import numpy as np
import pytest

from nlp.metrics import (
    Bin,
    bin_confidence,
    calibration_error,
    chance_error,
    count_confusion,
    score_confusion,
)

NAMES = ("negative", "neutral", "positive")


def _labels(n: int, seed: int, n_labels: int = 3) -> tuple[np.ndarray, np.ndarray]:
    rng = np.random.default_rng(seed)
    truth = rng.integers(0, n_labels, n)
    return truth, np.where(rng.random(n) < 0.7, truth, rng.integers(0, n_labels, n))


@pytest.mark.parametrize("seed", range(5))
@pytest.mark.parametrize("n_labels", [3, 12])
def test_scores_equal_those_of_scikit_learn(seed: int, n_labels: int) -> None:
    from sklearn import metrics

    truth, predicted = _labels(200, seed, n_labels)
    names = tuple(str(i) for i in range(n_labels))
    confusion = count_confusion(truth, predicted, n_labels)
    found = score_confusion(confusion, names)
    assert confusion.tolist() == metrics.confusion_matrix(truth, predicted).tolist()
    assert found.accuracy == pytest.approx(metrics.accuracy_score(truth, predicted))
    assert found.macro_f1 == pytest.approx(metrics.f1_score(truth, predicted, average="macro"))
    expected = metrics.precision_recall_fscore_support(truth, predicted)
    columns = ("precision", "recall", "f1", "n")
    for name, values in zip(columns, expected, strict=True):
        assert [getattr(each, name) for each in found.labels] == pytest.approx(values.tolist())


def test_a_label_that_never_occurs_in_truth_does_not_lower_macro_f1() -> None:
    from sklearn.metrics import f1_score

    truth, predicted = np.array([0, 0, 2, 2, 2]), np.array([0, 1, 2, 2, 0])
    found = score_confusion(count_confusion(truth, predicted, 3), NAMES)
    expected = f1_score(truth, predicted, labels=[0, 2], average="macro")
    assert found.macro_f1 == pytest.approx(expected)
    assert [each.label for each in found.labels] == ["negative", "neutral", "positive"]


def test_the_interval_is_that_of_resampling_row_by_row() -> None:
    from sklearn.metrics import f1_score

    truth, predicted = _labels(150, 3)
    found = score_confusion(count_confusion(truth, predicted, 3), NAMES)
    rng = np.random.default_rng(0)
    drawn = [rng.integers(0, 150, 150) for _ in range(800)]
    values = [f1_score(truth[rows], predicted[rows], average="macro") for rows in drawn]
    assert found.macro_f1_interval == pytest.approx(np.percentile(values, (2.5, 97.5)), abs=0.015)
    low, high = found.macro_f1_interval
    assert low < found.macro_f1 < high
    again = score_confusion(count_confusion(truth[::-1], predicted[::-1], 3), NAMES)
    assert again == found


def test_the_interval_of_rows_that_are_all_right_is_wilsons() -> None:
    from scipy.stats import binomtest

    for n in (1, 5, 40):
        found = score_confusion(np.diag([n, 0, 0]), NAMES)
        wilson = binomtest(n, n).proportion_ci(method="wilson")
        assert found.accuracy_interval == pytest.approx((wilson.low, 1.0))
        assert found.macro_f1_interval == pytest.approx((wilson.low, 1.0))
    wrong = score_confusion(np.array([[0, 5], [0, 0]]), NAMES[:2])
    assert (wrong.macro_f1_interval.low, wrong.macro_f1) == (0.0, 0.0)
    assert 0.4 < wrong.macro_f1_interval.high < 0.5


def test_the_baseline_always_gives_the_most_frequent_label() -> None:
    from sklearn.metrics import f1_score

    truth, predicted = _labels(150, 3)
    found = score_confusion(count_confusion(truth, predicted, 3), NAMES).baseline
    most = np.full(150, np.bincount(truth).argmax())
    assert found.label == NAMES[most[0]]
    assert found.accuracy == pytest.approx((truth == most).mean())
    assert found.macro_f1 == pytest.approx(f1_score(truth, most, average="macro"))


def test_nothing_is_not_scored() -> None:
    with pytest.raises(ValueError, match="nothing to score"):
        score_confusion(np.zeros((3, 3), dtype=np.int64), NAMES)


def test_calibration_error_is_the_mean_gap_of_filled_bins() -> None:
    confidence = np.array([0.0, 0.1, 0.95, 0.95, 1.0, 0.5])
    is_right = np.array([False, False, True, True, False, True])
    bins = bin_confidence(confidence, is_right)
    assert bins[0] == Bin(0.0, 0.1, 2, 0.05, 0.0)
    assert [(each.low, each.n) for each in bins] == [(0.0, 2), (0.4, 1), (0.9, 3)]
    expected = (2 * 0.05 + 1 * 0.5 + 3 * (2.9 / 3 - 2 / 3)) / 6
    assert calibration_error(bins) == pytest.approx(expected)
    assert calibration_error([]) == 0.0


def test_a_calibrated_model_has_next_to_no_calibration_error() -> None:
    rng = np.random.default_rng(5)
    confidence = rng.uniform(0.34, 1, 50_000)
    bins = bin_confidence(confidence, rng.random(50_000) < confidence)
    assert calibration_error(bins) < 0.01


def test_chance_alone_brings_the_error_that_exact_confidences_have_on_as_few_rows() -> None:
    rng = np.random.default_rng(5)

    def draw(n: int, shift: float) -> tuple[float, float]:
        confidence = rng.uniform(0.34, 0.99, n)
        bins = bin_confidence(confidence, rng.random(n) < confidence - shift)
        return calibration_error(bins), chance_error(bins)

    exact = [draw(200, 0) for _ in range(200)]
    share_above = np.mean([error > chance for error, chance in exact])
    assert 0.01 <= share_above <= 0.1
    assert all(error > chance for error, chance in (draw(400, 0.3) for _ in range(20)))
    error, chance = draw(20_000, 0)
    assert error < 0.02
    assert chance < 0.02
