"""How likely a customer is to leave, with the reasons: a fitted model, or points where none can be.

The model is a logistic regression on what was known when each customer last wrote, against
whether they left within the configured days; Platt's scaling (1999) on predictions from five
folds makes its probabilities mean what they say. Without enough outcomes each sign counts on its
own, the signs are put together as if they were independent (noisy-or), and each reason tells its
share of the risk: the shares add up to it.
"""

import math
from collections.abc import Sequence
from dataclasses import asdict, dataclass, fields
from operator import attrgetter
from typing import Any

# Fewer of those who left, or stayed, fit no model: ten for each of the features, and some more.
MIN_OUTCOMES = 80
MAX_REASONS = 4
# The method of a risk that is none any more: events say that the customer left.
LEFT = "left"
_FOLDS = 5
_PENALTY = 1.0
_FAR_DAYS = 3_650.0


@dataclass(frozen=True)
class Signs:
    """What is known of a customer at a moment; all numbers, larger is more.

    :param sentiment: shrunk mean of all mentions, -1..1.
    :param last_sentiment: mean of the last feedback, -1..1.
    :param open_complaint: 1 while a complaint is open.
    :param is_leaving: 1 when the last contact speaks of leaving.
    :param recency: log of the days since the last order, or since the first contact.
    :param frequency: log of the orders of a year.
    :param tickets: log of the tickets of 90 days.
    """

    sentiment: float
    last_sentiment: float
    open_complaint: float
    is_leaving: float
    recency: float
    frequency: float
    tickets: float


@dataclass(frozen=True)
class Risk:
    """The probability of leaving, why, and how it was found: model, points or left."""

    value: float
    reasons: tuple[str, ...]
    method: str


@dataclass(frozen=True)
class RiskModel:
    """A fitted model.

    :param calibration: mean distance of predicted from observed shares, over fifths of what was
        predicted for customers that the model had not seen.
    """

    means: tuple[float, ...]
    scales: tuple[float, ...]
    weights: tuple[float, ...]
    bias: float
    n: int
    n_left: int
    calibration: float

    def to_json(self) -> dict[str, Any]:
        """The model as it is stored."""
        return asdict(self)

    @classmethod
    def from_json(cls, stored: dict[str, Any]) -> "RiskModel":
        """A stored model."""
        vectors = {name: tuple(stored[name]) for name in ("means", "scales", "weights")}
        return cls(**{**stored, **vectors})


_WORDS = {
    "sentiment": ("what they say is more positive than most", "what they say is negative"),
    "last_sentiment": ("last spoke well", "last spoke badly"),
    "open_complaint": ("an open complaint", "no open complaint"),
    "is_leaving": ("speaks of leaving", "does not speak of leaving"),
    "recency": ("no order for long", "ordered lately"),
    "frequency": ("orders often", "orders seldom"),
    "tickets": ("many tickets of late", "few tickets of late"),
}
_POINTS = {
    "is_leaving": 0.45,
    "open_complaint": 0.2,
    "last_sentiment": 0.12,
    "sentiment": 0.1,
    "tickets": 0.08,
    "recency": 0.1,
}
_BASE_POINTS = 0.05
_BASE = "anybody may leave"
_LOG_BASE = math.log1p(-_BASE_POINTS)
_NAMES = tuple(each.name for each in fields(Signs))
# `astuple` copies what it is given, and takes twenty times as long.
_list_values = attrgetter(*_NAMES)
_LOW_IS_BAD = frozenset(("sentiment", "last_sentiment"))


def take_log(value: float | None) -> float:
    """Counts and days on a scale where twice as much is one step; None is very long ago."""
    return math.log1p(max(_FAR_DAYS if value is None else value, 0.0))


def add_points(signs: Signs) -> Risk:
    """Risk where too few outcomes are known, of a base and each sign that is there.

    Each has the share of the risk that its own has of the log of the chance to stay.
    """
    present = {
        "is_leaving": signs.is_leaving > 0,
        "open_complaint": signs.open_complaint > 0,
        "last_sentiment": signs.last_sentiment < -0.3,
        "sentiment": signs.sentiment < -0.2,
        "tickets": signs.tickets > take_log(2),
        "recency": take_log(180) < signs.recency < take_log(_FAR_DAYS),
    }
    there = [name for name in _POINTS if present[name]]
    if not there:
        return Risk(_BASE_POINTS, (f"no sign of leaving ({_BASE_POINTS:.2f})",), "points")
    stays = {name: math.log1p(-_POINTS[name]) for name in there} | {_BASE: _LOG_BASE}
    value = -math.expm1(sum(stays.values()))
    share = value / sum(stays.values())
    words = {name: _WORDS[name][int(name in _LOW_IS_BAD)] for name in there} | {_BASE: _BASE}
    reasons = tuple(f"{words[name]} (+{share * each:.2f})" for name, each in stays.items())
    return Risk(value, reasons, "points")


def fit_risk(examples: Sequence[Signs], has_left: Sequence[bool]) -> RiskModel | None:
    """Fit the model; None when fewer than MIN_OUTCOMES left, or stayed.

    :param examples: one a customer, in an order that does not depend on the input's.
    """
    n_left = sum(has_left)
    if min(n_left, len(has_left) - n_left) < MIN_OUTCOMES:
        return None
    import numpy as np
    from sklearn.linear_model import LogisticRegression
    from sklearn.model_selection import StratifiedKFold, cross_val_predict

    values = np.array([_list_values(each) for each in examples])
    labels = np.array(has_left, dtype=int)
    means, scales = values.mean(axis=0), values.std(axis=0)
    scales[scales == 0] = 1.0
    scaled = (values - means) / scales
    model = LogisticRegression(C=_PENALTY, max_iter=1_000)
    folds = StratifiedKFold(_FOLDS, shuffle=True, random_state=0)
    unseen = cross_val_predict(model, scaled, labels, cv=folds, method="decision_function")
    platt = LogisticRegression(C=1e6, max_iter=1_000).fit(unseen[:, None], labels)
    slope, offset = float(platt.coef_[0, 0]), float(platt.intercept_[0])
    model.fit(scaled, labels)
    return RiskModel(
        _round(means),
        _round(scales),
        _round(slope * model.coef_[0]),
        round(slope * float(model.intercept_[0]) + offset, 9),
        len(labels),
        int(n_left),
        round(_measure_calibration(platt.predict_proba(unseen[:, None])[:, 1], labels), 4),
    )


def predict_risk(model: RiskModel, signs: Signs) -> Risk:
    """Risk by the model, with the signs that weigh most, each with its share of the log odds."""
    values = _list_values(signs)
    shares = {
        name: weight * (value - mean) / scale
        for name, value, mean, scale, weight in zip(
            _NAMES, values, model.means, model.scales, model.weights, strict=True
        )
    }
    odds = model.bias + sum(shares.values())
    above = {
        name: value > mean for name, value, mean in zip(_NAMES, values, model.means, strict=True)
    }
    ranked = sorted(shares, key=lambda name: (-abs(shares[name]), name))[:MAX_REASONS]
    reasons = tuple(
        f"{_WORDS[name][0 if above[name] else 1]} ({shares[name]:+.2f})"
        for name in ranked
        if abs(shares[name]) >= 0.05
    )
    return Risk(1 / (1 + math.exp(-odds)), reasons or ("like most customers",), "model")


def _round(values: Any) -> tuple[float, ...]:
    return tuple(round(float(value), 9) for value in values)


def _measure_calibration(predicted: Any, labels: Any) -> float:
    import numpy as np

    fifths = np.array_split(np.argsort(predicted, kind="stable"), 5)
    return float(np.mean([abs(predicted[each].mean() - labels[each].mean()) for each in fifths]))
