"""An outcome's rows with the method that fits them: linear, logistic or Cox."""

from dataclasses import dataclass
from functools import cached_property
from typing import Any

import numpy as np

from pipelines.impact.cox import fit_cox
from pipelines.impact.designs import Design, Floats
from pipelines.impact.estimates import Estimates
from pipelines.impact.linear import fit_linear
from pipelines.impact.logistic import fit_logistic
from pipelines.impact.notes import Note
from pipelines.impact.plain import compare_means, compare_risks_over_time
from pipelines.impact.records import Codes, differs
from pipelines.impact.samples import POINTS, Followed, Sample
from pipelines.impact.traits import Trait

# Fewer voices with a theme, or without it, say too little of it.
MIN_VOICES = 10
# Of fewer who left, or stayed, or rows that are old enough to know, nothing is estimated.
MIN_EVENTS = 20
# Where the days of more rows than this are not over, those days count that are known.
MAX_OPEN = 0.2


@dataclass(frozen=True)
class Frame:
    """Rows to fit.

    :param method: linear, logistic or cox.
    :param who: (n,) whose row it is, as numbers from 0 on without a gap.
    :param pairs: (m, 2) row and a theme.
    :param outcome: (n,) the value, or whether the customer left.
    :param days: (n,) for how many days each row is followed, of cox.
    :param has_tail: whether the outcome is money, which has no bounds.
    """

    method: str
    who: Codes
    pairs: Codes
    traits: tuple[Trait, ...]
    weights: Floats
    outcome: Floats
    n_themes: int
    days: Codes | None = None
    has_tail: bool = False

    @cached_property
    def n(self) -> int:
        """Voices that are compared."""
        return int(self.who.max(initial=-1)) + 1

    @cached_property
    def n_with(self) -> Codes:
        """(themes,) of these, voices with each theme."""
        theme = self.pairs[:, 1]
        if self.n < len(self.who):
            both = np.sort(self.who[self.pairs[:, 0]] * self.n_themes + theme)
            theme = both[differs(both)] % self.n_themes
        return np.bincount(theme, minlength=self.n_themes)

    @cached_property
    def n_events(self) -> int | None:
        """Voices that left; None where the outcome is a number."""
        if self.method == "linear":
            return None
        return int(differs(self.who[self.outcome > 0]).sum())

    @property
    def themes(self) -> Any:
        """(n, themes) sparse 0 and 1."""
        from scipy.sparse import csr_matrix

        shape = (len(self.who), self.n_themes)
        return csr_matrix((np.ones(len(self.pairs)), tuple(self.pairs.T)), shape=shape)

    def fit(self, design: Design) -> Estimates:
        """Estimate the effects of the themes of a design that is made of these rows."""
        if self.days is not None:
            return fit_cox(design, self.days, self.outcome > 0)
        if self.method == "linear":
            return fit_linear(design, self.outcome, has_tail=self.has_tail)
        return fit_logistic(design, self.outcome)

    def compare_plainly(self) -> Floats:
        """(themes,) what differs with each theme while nothing is held equal."""
        if self.days is not None:
            return compare_risks_over_time(self.themes, self.days, self.outcome)
        return compare_means(self.themes, self.outcome, self.weights)

    def refuse(self) -> Note | None:
        """Why nothing can be said of any theme; None where something may be."""
        if self.n < 2 * MIN_VOICES:
            return Note("voices_few", {"n": self.n, "needed": 2 * MIN_VOICES})
        if self.method == "linear":
            same = float(self.outcome.min()) == float(self.outcome.max())
            return Note("outcome_constant") if same else None
        assert self.n_events is not None
        for n, code in ((self.n_events, "left_few"), (self.n - self.n_events, "stayed_few")):
            if n < MIN_EVENTS:
                return Note(code, {"n": n, "needed": MIN_EVENTS})
        return None


def frame_sample(sample: Sample, n_themes: int) -> Frame | Note:
    """The rows of a sample with the method that fits; or why none does."""
    if sample.missing is not None:
        return sample.missing
    if sample.value is not None:
        who = _number(sample.who)
        ones = np.ones(len(who))
        # Ratings of one voice weigh as much as one.
        is_rating, value = sample.unit == POINTS, sample.value
        weights = 1.0 / np.bincount(who)[who] if is_rating else ones
        parts = (sample.pairs, sample.traits, weights, value, n_themes)
        return Frame("linear", who, *parts, has_tail=not is_rating)
    assert sample.followed is not None
    return _frame_leaving(sample, sample.followed, n_themes)


def _frame_leaving(sample: Sample, followed: Followed, n_themes: int) -> Frame | Note:
    """Those whose days are over, where most are; else all, each for the days that are known."""
    n_over = int(followed.is_over.sum())
    if n_over < MIN_EVENTS:
        return Note("days_open", {"n": n_over, "days": followed.horizon, "needed": MIN_EVENTS})
    ones = np.ones(len(sample))
    if n_over < (1 - MAX_OPEN) * len(sample):
        who, left = _number(sample.who), followed.is_event.astype(float)
        return Frame("cox", who, sample.pairs, sample.traits, ones, left, n_themes, followed.days)
    rows = np.flatnonzero(followed.is_over)
    place = np.full(len(sample), -1)
    place[rows] = np.arange(len(rows))
    pairs = np.column_stack([place[sample.pairs[:, 0]], sample.pairs[:, 1]])
    traits = tuple(Trait(each.name, each.values[rows], each.cuts) for each in sample.traits)
    return Frame(
        "logistic",
        _number(sample.who[rows]),
        pairs[pairs[:, 0] >= 0],
        traits,
        ones[rows],
        followed.has_left[rows].astype(float),
        n_themes,
    )


def _number(who: Codes) -> Codes:
    """From 0 on without a gap; sorting a million again took a tenth of the time of all of it."""
    found: Codes = np.cumsum(differs(who)) - 1
    return found
