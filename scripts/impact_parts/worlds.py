"""Customers that are made up, of whom it is known what each theme does to them.

Themes go together (three hidden tastes), are voiced more in some segments, by those who spend more,
and at some times; segments, spend, tenure and time move the outcomes, too, partly not in a straight
line. So the plain difference of a theme is far from its effect. A third of the themes do nothing.
"""

from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
from scipy.special import expit, logit, ndtr

from impact_parts.stores import KNOWN_DAYS, N_DAYS, START, Moments, make_records, spend_before
from pipelines.impact.changes import Weeks
from pipelines.impact.records import DAY, Records

WINDOW_DAYS, N_SEGMENTS, N_SOURCES = 90, 4, 3
_SEGMENT_VOICES = np.array([-0.8, -0.2, 0.3, 0.9])


@dataclass(frozen=True)
class Nature:
    """What holds in every simulation of a size: drawn once, from a seed of its own.

    :param frequency: (themes,) log odds of being voiced, for the average customer.
    :param effect: (themes,) on the log odds, or log hazard, of leaving.
    """

    frequency: Any
    taste: Any
    by_segment: Any
    by_spend: Any
    by_time: Any
    effect: Any

    @classmethod
    def draw(cls, n_themes: int, rare: float, common: float, seed: int = 77) -> "Nature":
        """Themes that between a rare and a common share of customers voice."""
        chance = np.random.default_rng(seed)
        effect = chance.normal(0.2, 0.4, n_themes)
        effect[::3] = 0
        return cls(
            logit(chance.uniform(rare, common, n_themes)),
            np.abs(chance.normal(0, 0.5, (n_themes, 3))),
            np.outer(_SEGMENT_VOICES, chance.uniform(0.2, 1.4, n_themes)),
            chance.uniform(0.1, 0.5, n_themes),
            chance.normal(0, 0.4, n_themes),
            effect,
        )

    def without_effects(self) -> "Nature":
        """The same, but no theme does anything."""
        return replace(self, effect=np.zeros_like(self.effect))


@dataclass(frozen=True)
class World:
    """Records of a simulated store, and the truth of them.

    :param truth: (themes,) the effect on those who voiced it.
    """

    records: Records
    truth: Any


def voice(nature: Nature, n: int, chance: np.random.Generator, repeats: float = 0.3) -> Moments:
    """Let customers speak: all once, some of them again after half a year.

    :param repeats: share of customers who speak twice.
    """
    segment = chance.choice(N_SEGMENTS, n, p=[0.4, 0.3, 0.2, 0.1])
    taste, spend = chance.normal(size=(n, 3)), chance.normal(size=n) + 0.5 * (segment - 1)
    first = START + (chance.random(n) * (N_DAYS - 200) * DAY).astype(np.int64)
    again = np.flatnonzero(chance.random(n) < repeats)
    customer = np.concatenate([np.arange(n), again])
    at = np.concatenate([first, first[again] + 180 * DAY])
    since = (chance.exponential(500, n) * DAY).astype(np.int64)
    when = (at - START) / DAY / N_DAYS - 0.5
    odds = nature.frequency + taste[customer] @ nature.taste.T
    odds += nature.by_segment[segment[customer]] + np.outer(spend[customer], nature.by_spend)
    odds += np.outer(when, nature.by_time)
    themes = chance.random(odds.shape) < expit(odds)
    tenure = (at - first[customer] + since[customer]) / DAY / 500
    source = chance.integers(0, N_SOURCES, len(customer))
    return Moments(customer, at, segment[customer], spend[customer], tenure, source, themes)


def rate(nature: Nature, n: int, chance: np.random.Generator) -> World:
    """Ratings of 0 to 10, in whole numbers; customers have a mood of their own."""
    said = voice(nature, n, chance)
    mean, rating = _draw_rating(nature, said, n, chance)

    def expect(theme: int) -> Any:
        without = _expect_rating(mean + 1.5 * nature.effect[theme], said.segment)
        return _expect_rating(mean, said.segment) - without

    return World(make_records(said, n, rating=rating), _average(said, expect))


def _draw_rating(
    nature: Nature, said: Moments, n: int, chance: np.random.Generator
) -> tuple[Any, Any]:
    mood = chance.normal(size=n)[said.customer]
    mean = 6.5 - said.rest() - said.themes @ (1.5 * nature.effect)
    noise = mood + chance.normal(size=len(mean)) * (1.2 + 0.4 * said.segment)
    return mean, np.clip(np.rint(mean + noise), 0, 10) / 10


def _expect_rating(mean: Any, segment: Any) -> Any:
    """Mean of the rounded and cut rating, of what it is drawn around; its spread as above."""
    spread = np.sqrt(1 + (1.2 + 0.4 * segment) ** 2)
    cuts = np.arange(10) + 0.5
    return ndtr((mean[:, None] - cuts[None]) / spread[:, None]).sum(axis=1) / 10


def _average(said: Moments, difference: Callable[[int], Any]) -> Any:
    """(themes,) what each theme does to those who voiced it."""
    n_themes = said.themes.shape[1]
    return np.array([difference(theme)[said.themes[:, theme]].mean() for theme in range(n_themes)])


def leave(
    nature: Nature, n: int, chance: np.random.Generator, base: float, known_days: int = KNOWN_DAYS
) -> World:
    """Some customers leave within the window; after that they say nothing.

    :param base: log odds, or log hazard where not all days are over, of the average customer.
    :param known_days: how long after the start events are known.
    """
    said = voice(nature, n, chance)
    is_open = known_days < KNOWN_DAYS
    said, odds, churn = _draw_churn(nature, said, n, chance, base, known_days)

    def risk(predictor: Any) -> Any:
        return -np.expm1(-np.exp(predictor)) if is_open else expit(predictor)

    truth = _average(said, lambda theme: risk(odds) - risk(odds - nature.effect[theme]))
    known_until = START + known_days * DAY
    return World(make_records(said, n, churn=churn, known_until=known_until), truth)


def _draw_churn(
    nature: Nature,
    said: Moments,
    n: int,
    chance: np.random.Generator,
    base: float,
    known_days: int,
) -> tuple[Moments, Any, tuple[Any, Any]]:
    """What is said by those who are still there, their odds, and who leaves when."""
    odds = base + said.rest() + said.themes @ nature.effect
    hazard = np.exp(odds) if known_days < KNOWN_DAYS else -np.log1p(-expit(odds))
    # A hazard that falls from day to day; within the window it adds up to the one above.
    days = WINDOW_DAYS * (chance.exponential(size=len(hazard)) / hazard) ** 1.25
    left_at = np.where(days <= WINDOW_DAYS, said.at + np.ceil(days * DAY), np.inf)
    gone, known_until = np.full(n, np.inf), START + known_days * DAY
    np.minimum.at(gone, said.customer, left_at)
    is_there = (said.at < gone[said.customer]) & (said.at < known_until)
    own = np.flatnonzero(gone < known_until)
    return said.take(is_there), odds[is_there], (own, gone[own])


def spend(nature: Nature, n: int, chance: np.random.Generator) -> World:
    """What is bought in the window afterwards, with a long tail."""
    said = voice(nature, n, chance, repeats=0.0)
    bought = _draw_spend(nature, said, chance)
    return World(make_records(said, n, bought=bought), -80 * nature.effect)


def _draw_spend(nature: Nature, said: Moments, chance: np.random.Generator) -> tuple[Any, Any, Any]:
    before = spend_before(said)
    mean = 900 + 0.5 * before - 60 * said.rest() - said.themes @ (80 * nature.effect)
    tail = (np.exp(chance.normal(size=len(mean))) - np.exp(0.5)) * 40
    after = np.maximum(mean + tail * (1 + said.themes[:, 1]), 0.01)
    return said.customer, said.at + 30 * DAY, after


def live(nature: Nature, n: int, chance: np.random.Generator) -> Records:
    """All of it: customers rate, buy, and leave."""
    said = voice(nature, n, chance)
    said, _, churn = _draw_churn(nature, said, n, chance, -2.2, KNOWN_DAYS)
    _, rating = _draw_rating(nature, said, n, chance)
    bought = _draw_spend(nature, said, chance)
    return make_records(said, n, rating=rating, churn=churn, bought=bought)


def count_voices(
    chance: np.random.Generator, change: float, drift: float, n_themes: int = 40
) -> tuple[Weeks, Any, Any]:
    """Voices by week, twice as scattered as chance alone gives; the first theme is fixed.

    :param change: of it since, as a share of its voices.
    :param drift: of each theme from week to week, in logs; nine tenths of it are there a week later.
    :returns: the weeks, and which of them lie before and after.
    """
    number = np.arange(26 + 1 + 8)
    volume = chance.integers(150, 400, len(number)).astype(float)
    walk = np.zeros((n_themes, len(number)))
    for week in number[1:]:
        walk[:, week] = 0.9 * walk[:, week - 1] + chance.normal(0, drift, n_themes)
    mean = np.exp(chance.uniform(np.log(5), np.log(20), (n_themes, 1)) + walk) * volume / 250
    mean[0, number > 26] *= 1 + change
    voices = chance.poisson(chance.gamma(mean, 1.0)).astype(float)
    size = np.broadcast_to(volume, voices.shape)
    return Weeks(voices, size, is_count=True), number < 26, number > 26
