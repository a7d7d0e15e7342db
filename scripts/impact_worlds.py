"""Customers that are made up, of whom it is known what each theme does to them.

Themes go together (three hidden tastes), are voiced more in some segments, by those who spend more,
and at some times; segments, spend, tenure and time move the outcomes, too, partly not in a straight
line. So the plain difference of a theme is far from its effect. A third of the themes do nothing.
"""

from dataclasses import dataclass
from typing import Any

import numpy as np
from scipy.special import expit, logit

from pipelines.impact.records import DAY, Happenings, Records, Said, Standing

N_DAYS, WINDOW_DAYS, N_SEGMENTS, N_SOURCES = 720, 90, 4, 3
_START = 1_700_000_000 // DAY * DAY
_SEGMENT_VOICES = np.array([-0.8, -0.2, 0.3, 0.9])
_SEGMENT_LEAVES = np.array([-0.6, 0.0, 0.4, 0.8])


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


@dataclass(frozen=True)
class Moments:
    """What was said when by whom, one row each, with what the customer was then; all (n, ...)."""

    customer: Any
    at: Any
    segment: Any
    spend: Any
    tenure: Any
    source: Any
    themes: Any

    def rest(self) -> Any:
        """What moves outcomes beside the themes, on the scale of log odds."""
        when = (self.at - _START) / DAY / N_DAYS
        line = _SEGMENT_LEAVES[self.segment] + 0.3 * self.spend - 0.1 * self.spend**2
        return line - 0.4 * np.tanh(self.tenure) + 0.5 * (when - 0.5)


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
    first = _START + (chance.random(n) * (N_DAYS - 200) * DAY).astype(np.int64)
    again = np.flatnonzero(chance.random(n) < repeats)
    customer = np.concatenate([np.arange(n), again])
    at = np.concatenate([first, first[again] + 180 * DAY])
    since = (chance.exponential(500, n) * DAY).astype(np.int64)
    when = (at - _START) / DAY / N_DAYS - 0.5
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
    mood = chance.normal(size=n)[said.customer]
    mean = 6.5 - said.rest() - said.themes @ (1.5 * nature.effect)
    noise = mood + chance.normal(size=len(mean)) * (1.2 + 0.4 * said.segment)
    rating = np.clip(np.rint(mean + noise), 0, 10) / 10
    with_theme = _expect_rating(mean, said.segment)
    truth = np.array(
        [
            (with_theme - _expect_rating(mean + 1.5 * effect, said.segment))[
                said.themes[:, k]
            ].mean()
            for k, effect in enumerate(nature.effect)
        ]
    )
    return World(_record(said, n, rating=rating), truth)


def _expect_rating(mean: Any, segment: Any) -> Any:
    """Mean of the rounded and cut rating, of the latent mean; its spread as above."""
    from scipy.stats import norm

    spread = np.sqrt(1 + (1.2 + 0.4 * segment) ** 2)
    cuts = np.arange(10) + 0.5
    return norm.sf((cuts[None] - mean[:, None]) / spread[:, None]).sum(axis=1) / 10


def leave(
    nature: Nature, n: int, chance: np.random.Generator, base: float, known_days: int = N_DAYS + 90
) -> World:
    """Some customers leave within the window; after that they say nothing.

    :param base: log odds, or log hazard, of leaving of the average customer.
    :param known_days: how long after the start events are known.
    """
    said = voice(nature, n, chance)
    known_until = _START + known_days * DAY
    odds = base + said.rest() + said.themes @ nature.effect
    hazard = np.exp(odds) if known_days < N_DAYS else -np.log1p(-expit(odds))
    # A hazard that falls from day to day; within the window it adds up to the one above.
    days = WINDOW_DAYS * (chance.exponential(size=len(hazard)) / hazard) ** 1.25
    left_at = np.where(days <= WINDOW_DAYS, said.at + np.ceil(days * DAY), np.inf)
    gone = np.full(n, np.inf)
    np.minimum.at(gone, said.customer, left_at)
    is_there = (said.at < gone[said.customer]) & (said.at < known_until)
    said = Moments(**{name: values[is_there] for name, values in vars(said).items()})
    odds = odds[is_there]
    own = np.flatnonzero(gone < known_until)

    def risk(predictor: Any) -> Any:
        return -np.expm1(-np.exp(predictor)) if known_days < N_DAYS else expit(predictor)

    truth = np.array(
        [
            (risk(odds) - risk(odds - effect))[said.themes[:, k]].mean()
            for k, effect in enumerate(nature.effect)
        ]
    )
    return World(_record(said, n, churn=(own, gone[own]), known_until=known_until), truth)


def spend(nature: Nature, n: int, chance: np.random.Generator) -> World:
    """What is bought in the window afterwards, with a long tail."""
    said = voice(nature, n, chance, repeats=0.0)
    before = _spend_before(said)
    mean = 900 + 0.5 * before - 60 * said.rest() - said.themes @ (80 * nature.effect)
    tail = (np.exp(chance.normal(size=len(mean))) - np.exp(0.5)) * 40
    after = np.maximum(mean + tail * (1 + said.themes[:, 1]), 0.01)
    bought = said.customer, said.at + 30 * DAY, after
    return World(_record(said, n, bought=bought), -80 * nature.effect)


def _spend_before(said: Moments) -> Any:
    """Of the year before."""
    return np.round(100 * np.exp(0.8 * said.spend), 2)


def _record(
    said: Moments,
    n: int,
    rating: Any = None,
    churn: tuple[Any, Any] | None = None,
    bought: tuple[Any, Any, Any] | None = None,
    known_until: int = _START + (N_DAYS + 90) * DAY,
) -> Records:
    rows, n_said = np.lexsort((said.at, said.customer)), len(said.customer)
    nothing = np.full(n_said, np.nan)
    feedback = Said(
        said.customer[rows],
        said.customer[rows],
        said.at[rows],
        said.source[rows],
        nothing if rating is None else rating[rows],
        nothing,
    )
    pairs = np.column_stack(np.nonzero(said.themes[rows])).astype(np.int64)
    n_themes = said.themes.shape[1]
    return Records(
        feedback,
        pairs,
        np.zeros(len(pairs)),
        _happen(said, churn, bought),
        Standing(
            np.arange(n),
            _first_known(said, n),
            np.full(n, -1) if not n_said else _segment_of(said, n),
        ),
        tuple(f"t{number:03d}" for number in range(n_themes)),
        ("EUR",),
        known_until,
    )


def _first_known(said: Moments, n: int) -> Any:
    since = np.zeros(n, dtype=np.int64)
    since[said.customer] = said.at - (said.tenure * 500 * DAY).astype(np.int64)
    return since


def _segment_of(said: Moments, n: int) -> Any:
    segment = np.full(n, -1)
    segment[said.customer] = said.segment
    return segment


def _happen(said: Moments, churn: Any, bought: Any) -> Happenings:
    """What was bought before, once, and what came after."""
    customer, first = np.unique(said.customer, return_index=True)
    parts = [(customer, said.at[first] - 40 * DAY, _spend_before(said)[first], 0)]
    if bought is not None:
        parts.append((*bought, 0))
    if churn is not None:
        parts.append((*churn, np.full(len(churn[0]), np.nan), 1))
    customer = np.concatenate([part[0] for part in parts])
    at = np.concatenate([part[1] for part in parts]).astype(np.int64)
    amount = np.round(np.concatenate([part[2] for part in parts]), 2)
    is_churn = np.concatenate([np.full(len(part[0]), part[3]) for part in parts]) > 0
    rows = np.lexsort((is_churn, at, customer))
    currency = np.where(is_churn, -1, 0)
    return Happenings(
        customer[rows], at[rows], amount[rows], currency[rows], is_churn[rows], ~is_churn[rows]
    )


def merge(parts: list[Records]) -> Records:
    """Stores of different customers as one; their themes are the same."""
    n_before, said, pairs, happened, standing = 0, [], [], [], []
    n_said = 0
    for part in parts:
        shift = {"customer": part.said.customer + n_before, "voice": part.said.voice + n_before}
        said.append({**vars(part.said), **shift})
        pairs.append(part.pairs + np.array([n_said, 0]))
        for whole, each in ((happened, part.happened), (standing, part.standing)):
            whole.append({**vars(each), "customer": each.customer + n_before})
        n_before += len(part.standing.customer)
        n_said += len(part.said)

    def join(rows: list[dict[str, Any]]) -> dict[str, Any]:
        return {name: np.concatenate([each[name] for each in rows]) for name in rows[0]}

    first = parts[0]
    return Records(
        Said(**join(said)),
        np.concatenate(pairs),
        np.zeros(sum(map(len, pairs))),
        Happenings(**join(happened)),
        Standing(**join(standing)),
        first.themes,
        first.currencies,
        max(part.known_until for part in parts),
    )
