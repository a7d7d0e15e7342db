"""What every method gives: an effect of each theme with its interval."""

from dataclasses import dataclass

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
