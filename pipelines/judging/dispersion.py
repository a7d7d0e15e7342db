"""How much more than chance the windows of a theme scatter: empirical Bayes over all themes.

A window's voices are negative binomial with the expected mean m and variance m + c m^2, so that
the root of c is the coefficient of variation of what is behind the counts. Every theme has a level
c of LEVELS; how common each level is, is learned from all themes (the maximum likelihood estimate
of a mixing distribution: Laird, JASA 73, 1978, by expectation-maximisation), and what is known of
one theme is its posterior over the levels.

Rises must not pass for scatter. Of a window well above what is expected it is used only that it is
above (a censored count), and every window may be an outlier of a far broader distribution.
"""

from dataclasses import dataclass
from typing import Final

import numpy as np
from numpy.typing import NDArray

from pipelines.judging.tails import find_chance_of, log_probability
from pipelines.judging.windows import Floats, Mask, Places, Window

LEVELS: Final = np.array([0.004, 0.012, 0.03, 0.06, 0.12, 0.25, 0.6, 1.5])
_CENSORED_FROM = 1.3
_OUTLIERS = 0.1
_OUTLIER_LEVEL = 2.0
_LOOK_DAYS = 7
_MIN_EXPECTED = 0.05
_ROUNDS = 8
# Told in steps of a fifth: a theme that is edited does not move the bands of all others.
_STEP = np.log(1.2)


@dataclass(frozen=True)
class Dispersion:
    """What is known of the dispersion at every look.

    :param mean: square of the posterior's mean coefficient of variation, series x looks.
    :param usual: that of a series of which nothing is known, by look.
    :param posterior: series x levels, as known on each Sunday, behind what is known on none.
    :param known_at: by look, which of these holds.
    """

    mean: Floats
    usual: Floats
    posterior: NDArray[np.float32]
    known_at: Places

    def pick(self, is_asked: Mask) -> NDArray[np.float32]:
        """How likely each of LEVELS is; asked cells x levels.

        :param is_asked: series x looks.
        """
        series, look = np.nonzero(is_asked)
        found: NDArray[np.float32] = self.posterior[self.known_at[look], series]
        return found


def fit_dispersion(
    window: Window, is_few: Mask, days: int, looks: Places, sundays: Places, lag: int
) -> Dispersion:
    """The dispersion of every series as known at every look.

    :param is_few: of too few voices to tell; such windows are not learned from.
    :param days: of the window.
    :param looks: places of days, ascending.
    :param sundays: which of the looks are Sundays; scatter is learned from these alone, so that it
        does not depend on how often one looks.
    :param lag: days; nothing later is used, for it may belong to the rise that is to be judged.
    """
    known = np.empty((len(sundays) + 1, len(window.voices)))
    posterior = np.empty((*known.shape, len(LEVELS)), np.float32)
    usual = np.empty(len(sundays) + 1)
    seen = np.zeros((len(window.voices), len(LEVELS)))
    prior = np.full(len(LEVELS), 1 / len(LEVELS))
    is_heard = np.zeros(len(seen), bool)
    known[0] = usual[0] = _average(prior)
    posterior[0] = prior
    for place, look in enumerate(sundays):
        is_told = ~is_few[:, look] & (window.expected[:, look] > _MIN_EXPECTED)
        # Windows of two weeks are looked at every week, so that each day is looked at twice.
        seen[is_told] += _weigh_levels(window, is_told, look) * _LOOK_DAYS / days
        is_heard |= is_told
        prior = _learn_prior(seen[is_heard], prior)
        weights = _weigh(seen, prior)
        posterior[place + 1] = weights
        known[place + 1], usual[place + 1] = _average(weights), _average(prior)
    at = np.searchsorted(looks[sundays], looks - lag, side="right")
    return Dispersion(known[at].T, usual[at], posterior, at)


def _weigh_levels(window: Window, is_told: Mask, look: int) -> Floats:
    """Log likelihood of every level; series x levels."""
    voices, expected, doubt = (
        each[is_told, look][:, None] for each in (window.voices, window.expected, window.doubt)
    )
    usual = _weigh_counts(voices, expected, 1 / (LEVELS + doubt))
    outlying = _weigh_counts(voices, expected, 1 / (_OUTLIER_LEVEL + doubt))
    mixed = np.logaddexp(np.log1p(-_OUTLIERS) + usual, np.log(_OUTLIERS) + outlying)
    return np.asarray(mixed)


def _weigh_counts(voices: Floats, expected: Floats, size: Floats) -> Floats:
    """Log probability of a count, or of as many as make it a censored one."""
    many = np.ceil(_CENSORED_FROM * expected)
    at_least = np.log(find_chance_of(many, expected, size))
    return np.where(voices >= many, at_least, log_probability(voices, expected, size))


def _learn_prior(seen: Floats, prior: Floats) -> Floats:
    for _ in range(_ROUNDS):
        # One theme more on every level: a level without any is not for ever impossible.
        prior = (_weigh(seen, prior).sum(axis=0) + 1) / (len(seen) + len(LEVELS))
    return prior


def _weigh(seen: Floats, prior: Floats) -> Floats:
    logs = seen + np.log(prior)
    weights = np.exp(logs - logs.max(axis=-1, keepdims=True))
    return np.asarray(weights / weights.sum(axis=-1, keepdims=True))


def _average(posterior: Floats) -> Floats:
    logs = 2 * np.log(posterior @ np.sqrt(LEVELS))
    return np.asarray(np.exp(np.round(logs / _STEP) * _STEP))
