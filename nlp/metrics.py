"""How well predicted labels fit the true ones: confusion, F1, bootstrap intervals, calibration."""

from dataclasses import dataclass
from typing import Final, NamedTuple

import numpy as np
from numpy.typing import NDArray

N_RESAMPLES: Final = 1_000
SEED: Final = 7
N_BINS: Final = 10
_Z: Final = 1.959964  # of a normal distribution, 95 % lie within

Counts = NDArray[np.int64]
Floats = NDArray[np.float64]


class Interval(NamedTuple):
    """A 95 % interval."""

    low: float
    high: float


@dataclass(frozen=True)
class LabelScore:
    """How well one label is found.

    :param n: rows that have this label in truth.
    :param n_predicted: rows that were given it.
    """

    label: str
    n: int
    n_predicted: int
    precision: float
    recall: float
    f1: float


@dataclass(frozen=True)
class Baseline:
    """What always giving the most frequent label would have scored."""

    label: str
    accuracy: float
    macro_f1: float


@dataclass(frozen=True)
class Bin:
    """Rows whose confidence lies in (low, high].

    :param confidence: their mean.
    :param accuracy: share of them that are right.
    """

    low: float
    high: float
    n: int
    confidence: float
    accuracy: float


@dataclass(frozen=True)
class Scores:
    """What a confusion table says.

    :param macro_f1: mean F1 of the labels that occur in truth.
    """

    n: int
    accuracy: float
    accuracy_interval: Interval
    macro_f1: float
    macro_f1_interval: Interval
    baseline: Baseline
    labels: tuple[LabelScore, ...]


def count_confusion(truth: Counts, predicted: Counts, n_labels: int) -> Counts:
    """Count rows by true (row) and predicted (column) label, `(n_labels, n_labels)`."""
    cells = np.bincount(truth * n_labels + predicted, minlength=n_labels * n_labels)
    return cells.reshape(n_labels, n_labels)


def score_confusion(confusion: Counts, names: tuple[str, ...], *, seed: int = SEED) -> Scores:
    """Score a confusion table; resampling its rows is resampling its cells.

    :param names: of the labels, in the order of rows and columns.
    :raises ValueError: if the table counts nothing.
    """
    if not confusion.sum():
        raise ValueError("nothing to score: no row has both a true and a predicted label")
    right, true, given = (part[0] for part in _margins(confusion[None]))
    resampled = _resample(confusion, seed)
    n, n_right = int(true.sum()), int(right.sum())
    accuracy, macro_f1 = n_right / n, float(_macro_f1(right[None], true[None], given[None])[0])
    accuracies = resampled[0].sum(axis=1) / resampled[1].sum(axis=1)
    low, high = wilson_interval(n_right, n)
    return Scores(
        n=n,
        accuracy=accuracy,
        accuracy_interval=_widen(_middle(accuracies), low, high),
        macro_f1=macro_f1,
        macro_f1_interval=_widen(
            _middle(_macro_f1(*resampled)), macro_f1 - (accuracy - low), macro_f1 + high - accuracy
        ),
        baseline=_find_baseline(true, names),
        labels=tuple(
            LabelScore(name, int(true[i]), int(given[i]), *_rate(right[i], true[i], given[i]))
            for i, name in enumerate(names)
            if true[i] or given[i]
        ),
    )


def bin_confidence(confidence: Floats, is_right: NDArray[np.bool_]) -> list[Bin]:
    """Sort rows into ten bins of equal width by their confidence; empty ones are left out."""
    places = np.clip(np.ceil(confidence * N_BINS).astype(int) - 1, 0, N_BINS - 1)
    return [
        Bin(
            place / N_BINS,
            (place + 1) / N_BINS,
            int(inside.sum()),
            float(confidence[inside].mean()),
            float(is_right[inside].mean()),
        )
        for place in range(N_BINS)
        if (inside := places == place).any()
    ]


def calibration_error(bins: list[Bin]) -> float:
    """Expected calibration error: mean gap of confidence and accuracy, weighted by rows.

    Naeini, Cooper and Hauskrecht, AAAI 2015, with bins of equal width.
    """
    total = sum(each.n for each in bins)
    return sum(each.n * abs(each.confidence - each.accuracy) for each in bins) / max(total, 1)


def chance_error(bins: list[Bin], *, seed: int = SEED) -> float:
    """Give the calibration error that exact confidences stay under, 95 times in 100.

    Few rows never fit their tenths exactly: of 200 rows, an error of .09 may be chance.
    """
    rng = np.random.default_rng(seed)
    total = sum(each.n for each in bins)
    errors = np.zeros(N_RESAMPLES)
    for each in bins:
        right = rng.binomial(each.n, min(each.confidence, 1.0), N_RESAMPLES)
        errors += np.abs(right - each.n * each.confidence) / total
    return float(np.quantile(errors, 0.95))


def _resample(confusion: Counts, seed: int) -> tuple[Counts, Counts, Counts]:
    """Draw tables of as many rows with replacement; returns their margins, `(draws, labels)` each.

    Only filled cells are drawn: a table of 100 languages has 10,000 cells, but few are filled.
    """
    true_of, given_of = np.nonzero(confusion)
    counts = confusion[true_of, given_of]
    rng = np.random.default_rng(seed)
    drawn = rng.multinomial(counts.sum(), counts / counts.sum(), size=N_RESAMPLES)
    labels = np.arange(len(confusion))
    is_true = (true_of[:, None] == labels).astype(np.int64)
    is_given = (given_of[:, None] == labels).astype(np.int64)
    return drawn @ (is_true * is_given), drawn @ is_true, drawn @ is_given


def _margins(tables: Counts) -> tuple[Counts, Counts, Counts]:
    """Rows that are right, that have each label, and that were given it, `(tables, labels)`."""
    return np.diagonal(tables, axis1=1, axis2=2), tables.sum(axis=2), tables.sum(axis=1)


def _macro_f1(right: Counts, true: Counts, given: Counts) -> Floats:
    f1 = 2 * right / np.maximum(true + given, 1)
    occurs = true > 0
    means: Floats = (f1 * occurs).sum(axis=1) / occurs.sum(axis=1)
    return means


def _find_baseline(true: Counts, names: tuple[str, ...]) -> Baseline:
    most = int(true.argmax())
    share = float(true[most] / true.sum())
    return Baseline(names[most], share, 2 * share / (1 + share) / int((true > 0).sum()))


def wilson_interval(n_right: float, n: float) -> Interval:
    """Wilson's 95 % interval of a share (JASA 22, 1927).

    :param n: of which so many; above 0, and no whole number where it is an effective sample size.
    """
    share, per = n_right / n, _Z**2 / n
    middle = (share + per / 2) / (1 + per)
    half = _Z * (share * (1 - share) / n + per / (4 * n)) ** 0.5 / (1 + per)
    return Interval(middle - half, middle + half)


def _widen(interval: Interval, low: float, high: float) -> Interval:
    """The middle 95 % of resamples, at least as far to each side as Wilson's interval.

    Rows that are all right are all right in every resample: five of them know nothing to .000.
    """
    return Interval(max(0.0, min(interval.low, low)), min(1.0, max(interval.high, high)))


def _rate(right: int, true: int, given: int) -> tuple[float, float, float]:
    """Precision, recall and F1; 0 where there is nothing to divide by."""
    return (
        float(right / max(given, 1)),
        float(right / max(true, 1)),
        float(2 * right / max(true + given, 1)),
    )


def _middle(values: Floats) -> Interval:
    low, high = np.percentile(values, (2.5, 97.5))
    return Interval(float(low), float(high))
