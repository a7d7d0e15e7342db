"""Risk differences of an outcome that comes after some time, from a proportional hazards model.

Rows are followed from the moment of the feedback until the outcome, the end of what is known, or
the horizon, whichever is first: those whose time is not over count for the days that are known
(Cox, Journal of the Royal Statistical Society B 34, 1972, stopped at the horizon: van Houwelingen,
Scandinavian Journal of Statistics 34, 2007). Days with several are told apart by Efron's method
(Journal of the American Statistical Association 72, 1977). The risk within the horizon is that of
the fitted hazard.
"""

from dataclasses import dataclass, replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from pipelines.impact.designs import Design, Floats
from pipelines.impact.estimates import Estimates
from pipelines.impact.newton import Ascent, climb
from pipelines.impact.risks import compare_risks

Days = NDArray[np.integer[Any]]


def fit_cox(design: Design, days: Days, is_event: NDArray[np.bool_]) -> Estimates:
    """Estimate how much the share with an outcome within the horizon differs with each theme.

    :param design: of columns that can be told apart, all rows of weight 1. Rows of one customer
        follow each other in time and do not overlap.
    :param days: (n,) for how many days, from 1 on, each row is followed; the most is the horizon.
    :param is_event: (n,) whether the outcome came on the last of them.
    """
    horizon = int(days.max())
    # The hazard takes the place of the first column, which is 1 in every row.
    varying = replace(design, controls=design.controls[:, 1:])
    n_events = np.bincount(days[is_event], minlength=horizon + 1)

    def look(coefficients: Floats) -> Ascent:
        risk = _weigh_risk(varying.predict(coefficients), days, is_event, n_events)
        moments = _Moments.of(varying, risk, days, is_event, horizon)
        information = varying.cross(risk.hazard) - moments.spread(risk)
        return Ascent(risk.log_likelihood, varying.total(is_event - risk.hazard), information)

    fitted = climb(np.zeros(varying.n_controls + varying.n_themes), look, n_free=0)
    risk = _weigh_risk(varying.predict(fitted.coefficients), days, is_event, n_events)
    moments = _Moments.of(varying, risk, days, is_event, horizon)
    base = float(risk.once.sum())
    covariance = _add_base(fitted.covariance, base, float(risk.twice.sum()), moments.mean(risk))
    coefficients = np.concatenate([[np.log(base)], fitted.coefficients])
    return compare_risks(design, coefficients, _risk, covariance)


@dataclass(frozen=True)
class _Risk:
    """Efron's sums at some coefficients; by day, 0 for the day of nobody.

    :param relative: (n,) relative hazard of each row.
    :param hazard: (n,) expected events of each row.
    :param once: sum of 1 / (at risk) over the events of a day.
    :param twice: of the square of that; ``tied`` and ``tied_twice`` of the square times the share
        of the day's events that came before, and times the square of this share.
    """

    relative: Floats
    hazard: Floats
    log_likelihood: float
    once: Floats
    twice: Floats
    tied: Floats
    tied_twice: Floats


def _weigh_risk(
    predictor: Floats, days: Days, is_event: NDArray[np.bool_], n_events: NDArray[np.integer[Any]]
) -> _Risk:
    relative = np.exp(predictor)
    at_risk = _from_end(np.bincount(days, relative, len(n_events)))
    leaving = np.bincount(days[is_event], relative[is_event], len(n_events))
    of_event = np.repeat(np.arange(len(n_events)), n_events)
    first = np.repeat(np.cumsum(n_events) - n_events, n_events)
    share = (np.arange(len(of_event)) - first) / n_events[of_event]
    left = at_risk[of_event] - share * leaving[of_event]

    def add(values: Floats) -> Floats:
        found: NDArray[Any] = np.bincount(of_event, values, len(n_events))
        return found

    once, own = add(1 / left), add((1 - share) / left)
    until = np.cumsum(once)[days] - np.where(is_event, (once - own)[days], 0.0)
    return _Risk(
        relative,
        relative * until,
        float(predictor[is_event].sum() - np.log(left).sum()),
        once,
        add(left**-2),
        add(share * left**-2),
        add(share**2 * left**-2),
    )


@dataclass(frozen=True)
class _Moments:
    """Sums of the columns over those at risk on each day, and over those whose event it is."""

    at_risk: Floats
    leaving: Floats

    @classmethod
    def of(
        cls, design: Design, risk: _Risk, days: Days, is_event: NDArray[np.bool_], horizon: int
    ) -> "_Moments":
        from scipy.sparse import csr_matrix

        def add(values: Floats) -> Floats:
            shape = (horizon + 1, len(days))
            by_day = csr_matrix((values, (days, np.arange(len(days)))), shape=shape)
            return np.hstack([by_day @ design.controls, (by_day @ design.themes).toarray()])

        return cls(_from_end(add(risk.relative)), add(risk.relative * is_event))

    def spread(self, risk: _Risk) -> Floats:
        """Sum over events of the outer product of the mean columns."""
        tied = self.leaving.T * risk.tied
        mixed = tied @ self.at_risk
        found: Floats = (
            (self.at_risk.T * risk.twice) @ self.at_risk
            - mixed
            - mixed.T
            + (self.leaving.T * risk.tied_twice) @ self.leaving
        )
        return found

    def mean(self, risk: _Risk) -> Floats:
        """Sum over events of the mean columns, each times its part of the hazard."""
        found: Floats = risk.twice @ self.at_risk - risk.tied @ self.leaving
        return found


def _from_end(sums: NDArray[Any]) -> Floats:
    """Sums over this day and all later ones."""
    found: Floats = np.cumsum(sums[::-1], axis=0)[::-1]
    return found


def _add_base(covariance: Floats, base: float, variance: float, mean: Floats) -> Floats:
    """The covariance with that of the log of the hazard up to the horizon before it."""
    shift = covariance @ mean / base
    joint = np.empty((len(mean) + 1, len(mean) + 1))
    joint[0, 0] = variance / base**2 + mean @ shift / base
    joint[0, 1:] = joint[1:, 0] = -shift
    joint[1:, 1:] = covariance
    return joint


def _risk(predictor: Floats) -> tuple[Floats, Floats]:
    hazard = np.exp(np.minimum(predictor, 30.0))
    return -np.expm1(-hazard), hazard * np.exp(-hazard)
