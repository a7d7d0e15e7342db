"""How right a sentiment model is, and how right it says it is."""

from collections.abc import Sequence
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from nlp.sentiment import calibrate
from sentiment_parts.rows import UMSAB, Row

_MIN_CALIBRATED: Final = 150  # rows of a language that make a temperature of its own
_BINS: Final = 10


def fit_temperatures(
    logits: NDArray[np.float32], labels: NDArray[np.int64], langs: NDArray[np.str_]
) -> dict[str, float]:
    """Return the temperature of least log loss for each language with enough rows, and for all."""
    found = {"*": _fit_temperature(logits, labels)}
    for lang in np.unique(langs):
        chosen = langs == lang
        if chosen.sum() >= _MIN_CALIBRATED:
            found[str(lang)] = _fit_temperature(logits[chosen], labels[chosen])
    return found


def score_sets(
    rows: Sequence[Row], logits: NDArray[np.float32], temperatures: dict[str, float]
) -> dict[str, Any]:
    """Score each set of held-out rows, and the mean of the eight UMSAB languages."""
    found: dict[str, Any] = {}
    sources = np.array([row.source for row in rows])
    for source in dict.fromkeys(sources.tolist()):
        chosen = np.flatnonzero(sources == source)
        labels = np.array([rows[place].label for place in chosen])
        langs = [rows[place].lang for place in chosen]
        found[source] = _score_set(calibrate(logits[chosen], temperatures, langs), labels)
    umsab = [found[f"umsab.{lang}"]["macro_f1"] for lang in UMSAB]
    found["umsab mean of 8"] = round(float(np.mean(umsab)), 3)
    without = [f1 for lang, f1 in zip(UMSAB, umsab, strict=True) if lang != "hi"]
    found["umsab mean without hi"] = round(float(np.mean(without)), 3)
    return found


def macro_f1(labels: NDArray[np.int64], predicted: NDArray[np.int64]) -> float:
    """Average F1 over the labels that occur in the truth."""
    scores = []
    for label in np.unique(labels):
        hit = ((labels == label) & (predicted == label)).sum()
        scores.append(2 * hit / ((labels == label).sum() + (predicted == label).sum()))
    return float(np.mean(scores))


def reliability(
    probabilities: NDArray[np.float32], labels: NDArray[np.int64]
) -> list[tuple[float, int, float, float]]:
    """Return lower bound, rows, mean confidence and share right of each tenth of confidence."""
    confidence = probabilities.max(axis=1)
    correct = probabilities.argmax(axis=1) == labels
    bins = np.minimum((confidence * _BINS).astype(int), _BINS - 1)
    return [
        (b / _BINS, int((bins == b).sum()), float(confidence[bins == b].mean()),
         float(correct[bins == b].mean()))
        for b in np.unique(bins)
    ]  # fmt: skip


def calibration_error(probabilities: NDArray[np.float32], labels: NDArray[np.int64]) -> float:
    """Return the expected calibration error over ten equal bins of confidence."""
    gaps = [n * abs(right - said) for _, n, said, right in reliability(probabilities, labels)]
    return float(np.sum(gaps) / len(labels))


def is_right_side(
    probabilities: NDArray[np.float32], labels: NDArray[np.int64]
) -> NDArray[np.bool_]:
    """Say for polar rows whether positive and negative are told apart, whatever neutral has."""
    sided = np.where(probabilities[:, 2] > probabilities[:, 0], 2, 0)
    result: NDArray[np.bool_] = sided == labels
    return result


def _fit_temperature(logits: NDArray[np.float32], labels: NDArray[np.int64]) -> float:
    grid = np.geomspace(0.5, 3.0, 121)
    picked = np.arange(len(labels)), labels
    losses = [-np.log(calibrate(logits, {"*": t})[picked] + 1e-9).mean() for t in grid]
    return round(float(grid[int(np.argmin(losses))]), 3)


def _score_set(probabilities: NDArray[np.float32], labels: NDArray[np.int64]) -> dict[str, Any]:
    predicted = probabilities.argmax(axis=1)
    polar = labels != 1
    sided = np.where(probabilities[polar, 2] > probabilities[polar, 0], 2, 0)
    return {
        "n": len(labels),
        "macro_f1": round(macro_f1(labels, predicted), 3),
        "accuracy": round(float((labels == predicted).mean()), 3),
        "polarity_macro_f1": round(macro_f1(labels[polar], sided), 3),
        "polarity_accuracy": round(float((sided == labels[polar]).mean()), 3),
        "calibration_error": round(calibration_error(probabilities, labels), 3),
    }
