"""The signal score of a theme: a weighted sum of parts, each between 0 and 1. Pure functions.

Every part is taken at the cautious end of its 95 % interval: what can be said at least. So a theme
of few voices scores low until more of them say the same, and no other shrinking is needed.
"""

from collections.abc import Mapping
from dataclasses import dataclass

from pipelines.attention.estimates import Sample, estimate_mean, estimate_share

# A theme that one in fifty speaks of is half as far as one that everybody speaks of: with a few
# dozen themes that is an ordinary share, and a further voice counts the less, the more there are.
HALF_REACH = 0.02
# One in two hundred of all there is to lose is half as far as everything.
HALF_VALUE = 0.005
# So many voices that fit the theme not at all are added to those that speak of it.
DOUBTS = 5


@dataclass(frozen=True)
class Measures:
    """What is known of a theme.

    :param n: voices that speak of it now.
    :param n_all: voices of all feedback of that time.
    :param sample: of their sentiment.
    :param strength: sum over these voices of how well their mentions fit the theme, 0..1 each.
    :param ratio_low: voices of the latest period over those expected, at the lower end; None where
        nothing was expected of it.
    :param stake_low: share of all there is to lose that goes with it, at the lower end; None where
        no effect is known.
    :param spread: how alike its voices are to all voices by source and segment, 0..1; None where
        all have one source and no segment is known.
    """

    n: int
    n_all: int
    sample: Sample
    strength: float
    ratio_low: float | None = None
    stake_low: float | None = None
    spread: float | None = None


@dataclass(frozen=True)
class Part:
    """A part of the score; as in ``theme_signal``.

    :param value: what the score is made of; None where it is not known.
    :param note: why it is not known, or 0 without being measured.
    """

    part: str
    value: float | None
    unit: str
    score: float | None
    weight: float
    points: float
    note: str | None = None


@dataclass(frozen=True)
class _Found:
    value: float | None
    score: float | None
    note: str | None = None


_SILENT = _Found(None, 0.0, "silent")
UNITS = {
    "reach": "share_of_voices",
    "growth": "times_expected",
    "feeling": "sentiment",
    "value": "share_at_stake",
    "breadth": "likeness",
    "confidence": "fit",
}


def score_theme(measures: Measures, weights: Mapping[str, float]) -> list[Part]:
    """Score each part, and weigh those that are known so that their weights add up to 1.

    What is not known neither adds nor takes: the score is what the other parts make of it.
    """
    found = {
        "reach": _score_reach(measures),
        "growth": _score_growth(measures.ratio_low),
        "feeling": _score_feeling(measures),
        "value": _score_value(measures.stake_low),
        "breadth": _score_breadth(measures),
        "confidence": _score_confidence(measures),
    }
    known = sum(weights[name] for name, each in found.items() if each.score is not None)
    scale = 1 / known if known else 0.0
    return [_weigh(name, each, weights[name] * scale) for name, each in found.items()]


def sum_points(parts: list[Part]) -> float | None:
    """The signal score, 0..100; None where no part is known that weighs anything."""
    return sum(each.points for each in parts) if any(each.weight for each in parts) else None


def measure_likeness(own: Mapping[str, int], everybody: Mapping[str, int]) -> float | None:
    """How alike two distributions of voices are: 1 less their distance in total variation.

    A theme that is heard wherever people speak has 1, in the same proportions; few voices cannot
    be everywhere. None where everybody is in one place, or nobody is anywhere.
    """
    n_own, n_all = sum(own.values()), sum(everybody.values())
    if len(everybody) < 2 or not n_own:
        return None
    return sum(min(own.get(each, 0) / n_own, n / n_all) for each, n in everybody.items())


def _weigh(name: str, found: _Found, weight: float) -> Part:
    if found.score is None:
        return Part(name, None, UNITS[name], None, 0.0, 0.0, found.note)
    points = 100 * found.score * weight
    return Part(name, found.value, UNITS[name], found.score, weight, points, found.note)


def _score_reach(measures: Measures) -> _Found:
    share = estimate_share(measures.n, measures.n_all)
    if share is None or not measures.n:
        return _SILENT
    return _Found(share.low, _saturate(share.low, HALF_REACH))


def _score_growth(ratio_low: float | None) -> _Found:
    """The share of its voices that its past does not explain, at least."""
    if ratio_low is None:
        return _Found(None, None, "not_judged")
    return _Found(ratio_low, 1 - 1 / max(ratio_low, 1.0))


def _score_feeling(measures: Measures) -> _Found:
    """How bad it feels at least: what pleases needs no repair."""
    if not measures.n:
        return _SILENT
    mean = estimate_mean(measures.sample)
    if mean is None:
        return _Found(None, None, "no_sentiment")
    return _Found(mean.high, max(-mean.high, 0.0))


def _score_value(stake_low: float | None) -> _Found:
    if stake_low is None:
        return _Found(None, None, "no_effect_known")
    return _Found(stake_low, _saturate(max(stake_low, 0.0), HALF_VALUE))


def _score_breadth(measures: Measures) -> _Found:
    if not measures.n:
        return _SILENT
    if measures.spread is None:
        return _Found(None, None, "one_source")
    return _Found(measures.spread, measures.spread)


def _score_confidence(measures: Measures) -> _Found:
    if not measures.n:
        return _SILENT
    fit = measures.strength / (measures.n + DOUBTS)
    return _Found(fit, fit)


def _saturate(value: float, half: float) -> float:
    """0 at 0, one half at ``half``, near 1 far above it."""
    return value / (value + half)
