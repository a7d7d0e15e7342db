"""Is a group of customers heard as much as the others? Pure statistics on two counts."""

import math

from pipelines.attention.estimates import Estimate

# Conclusions about a group rest on a sliver when both hold: of a small group a few are many, and
# of a large one a hundredth may be hundreds. 30 voices know a share to 18 points either way.
SLIVER_SHARE = 0.02
SLIVER_VOICES = 30
# Heard at most half as much as all customers, or at least twice as much, both for sure.
UNDER_HEARD = 0.5
OVER_HEARD = 2.0
_Z = 1.959964


def estimate_representation(n_heard: int, n: int, all_heard: int, n_all: int) -> Estimate | None:
    """How much a group is heard against all customers: 1 as much, .5 half as much.

    The interval is that of the ratio of two independent shares, the group's and the others'
    (Katz and others, Biometrics 34, 1978, with Walter's half counts), turned into one against all.

    :returns: None where nobody is heard, or there are no others.
    """
    if not all_heard or not n or n == n_all:
        return None
    others, heard_others = n_all - n, all_heard - n_heard
    ratio = (n_heard + 0.5) / (n + 0.5) * (others + 0.5) / (heard_others + 0.5)
    variance = 1 / (n_heard + 0.5) - 1 / (n + 0.5) + 1 / (heard_others + 0.5) - 1 / (others + 0.5)
    reach = math.exp(_Z * math.sqrt(max(variance, 0.0)))
    value = (n_heard / n) / (all_heard / n_all)
    low, high = (_against_all(each, n / n_all) for each in (ratio / reach, ratio * reach))
    return Estimate(value, min(low, value), max(high, value))


def judge_hearing(n_heard: int, n: int, representation: Estimate | None) -> str | None:
    """Why conclusions about a group rest on little: sliver, under_heard, over_heard; or None."""
    if n_heard < SLIVER_VOICES and n_heard < SLIVER_SHARE * n:
        return "sliver"
    if representation is None:
        return None
    if representation.high < UNDER_HEARD:
        return "under_heard"
    return "over_heard" if representation.low > OVER_HEARD else None


def _against_all(ratio: float, share: float) -> float:
    """A ratio to the others, as one to all, of whom the group is a share."""
    return ratio / (share * ratio + 1 - share)
