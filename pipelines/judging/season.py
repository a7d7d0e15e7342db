"""The time of the year: how far last year's surprises come again, learned from all themes."""

import numpy as np

from pipelines.judging.windows import Floats, Mask, Places, Window

YEAR_DAYS = 364  # whole weeks, so that weekdays meet
# So many Sundays with a year before them must be known, of all themes together.
_MIN_SUNDAYS = 8
# Both as voices: what a surprise is shrunk by, and how hard it is to believe in seasons at all.
_PRIOR_VOICES = 5.0
_PRIOR_SURPRISE = 5.0
_LIMITS = (-0.8, 1.5)
# In steps, as a theme that is edited should not move the bands of all others.
_STEP = 0.05


def find_season(window: Window, is_few: Mask, looks: Places, sundays: Places, lag: int) -> Floats:
    """What to multiply the expected voices with, series x looks; 1 where nothing is known.

    A surprise is by how much a window was above what its past let expect. The share b of it that
    comes again after a year is one number for all themes, by least squares over all Sundays up to
    the lag; the factor is 1 + b x surprise of a year ago.

    :param is_few: of too few voices to be asked.
    :param sundays: which of the looks are Sundays.
    """
    if not len(sundays):
        return np.ones_like(window.voices)
    surprise = (window.voices + _PRIOR_VOICES) / (window.expected + _PRIOR_VOICES) - 1
    surprise = np.where(is_few, np.nan, np.clip(surprise, *_LIMITS))
    days = looks[sundays]
    before = np.searchsorted(days, looks - YEAR_DAYS, side="right") - 1
    is_there = (before >= 0) & (looks - YEAR_DAYS - days[np.maximum(before, 0)] < 7)
    last_year = np.where(is_there, surprise[:, sundays[np.maximum(before, 0)]], np.nan)
    share = _learn_share(surprise[:, sundays], last_year[:, sundays], days, looks - lag)
    factor = 1 + share * last_year
    return np.where(np.isnan(factor) | is_few, 1.0, factor)


def _learn_share(now: Floats, last_year: Floats, days: Places, until: Places) -> Floats:
    """By look, the share of a surprise that came again, of what was known until a day."""
    is_known = ~np.isnan(now) & ~np.isnan(last_year)
    both = np.where(is_known, now * last_year, 0.0).sum(axis=0).cumsum()
    square = np.where(is_known, last_year**2, 0.0).sum(axis=0).cumsum()
    n_sundays = is_known.any(axis=0).cumsum()
    at = np.searchsorted(days, until, side="right") - 1
    place = np.maximum(at, 0)
    share = np.clip(both[place] / (square[place] + _PRIOR_SURPRISE), 0.0, 1.0)
    is_learned = (at >= 0) & (n_sundays[place] >= _MIN_SUNDAYS)
    return np.asarray(np.where(is_learned, np.round(share / _STEP) * _STEP, 0.0))
