"""What to fix first: gains in the order in which they deserve it. Pure functions."""

from collections import defaultdict
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

# What is gained, the most telling first: money, customers who stay, ratings, feelings. A point of
# rating has no price, so that gains of different kinds are never added or exchanged.
KINDS = ("money", "customers", "rating", "feeling")


@dataclass(frozen=True)
class Gain:
    """What fixing a theme should bring in a segment; fields as in ``priority``.

    :param kind: of KINDS.
    :param share: the gain over all there is of its unit, to order gains in different currencies.
    :param n_customers: voices that it reaches.
    """

    theme_id: str
    segment: str
    kind: str
    outcome: str
    method: str
    gain: float
    gain_low: float
    gain_high: float
    unit: str
    share: float
    n_customers: int
    reason: str

    @property
    def is_sure(self) -> bool:
        """Whether its interval leaves out that nothing is gained."""
        return self.gain_low > 0


def rank_gains(gains: Iterable[Gain], limit: int) -> dict[str, list[Gain]]:
    """The first gains of each segment, one for each theme.

    What is sure comes before what is not; of these money before customers before ratings before
    feelings; of these the larger gain. What would lose is left out.

    :param limit: of each segment.
    """
    best: dict[tuple[str, str], Gain] = {}
    for each in sorted((each for each in gains if each.gain > 0), key=_rank):
        best.setdefault((each.segment, each.theme_id), each)
    ranked: dict[str, list[Gain]] = defaultdict(list)
    for each in best.values():
        if len(ranked[each.segment]) < limit:
            ranked[each.segment].append(each)
    return dict(sorted(ranked.items()))


def _rank(gain: Gain) -> tuple[Any, ...]:
    # Rounded: databases add up in orders of their own, and the last digits decide nothing.
    size = tuple(round(-each, 9) for each in (gain.share, gain.gain, gain.gain_low))
    place = (not gain.is_sure, KINDS.index(gain.kind), *size)
    return (*place, gain.theme_id, gain.outcome, gain.method)
