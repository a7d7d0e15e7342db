"""What every method gives: an effect of each theme with its interval."""

from dataclasses import dataclass

import numpy as np

from pipelines.impact.designs import Floats


@dataclass(frozen=True)
class Estimates:
    """Effects of the themes of a design; all (themes,).

    :param low: lower end of the 95 % interval.
    :param p_value: two-sided, of no effect.
    """

    effect: Floats
    low: Floats
    high: Floats
    p_value: Floats


def make_estimates(effect: Floats, error: Floats, freedom: Floats) -> Estimates:
    """Effects with the intervals of the t distribution.

    :param error: standard errors.
    """
    from scipy.special import stdtr, stdtrit

    reach = stdtrit(freedom, 0.975) * error
    with np.errstate(divide="ignore", invalid="ignore"):
        p_value = 2 * stdtr(freedom, -np.abs(effect / error))
    return Estimates(effect, effect - reach, effect + reach, np.nan_to_num(p_value, nan=1.0))
