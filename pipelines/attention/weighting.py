"""Weights that make those who are heard look like all customers: raking, trimmed.

Pure statistics: people by cell in, factors out.
"""

from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

# A place of the margins, such as a segment and a country.
Cell = tuple[str, ...]
_MAX_ROUNDS = 500
# How far a margin may still be from that of all customers.
_TOLERANCE = 1e-9


@dataclass(frozen=True)
class Weights:
    """Factors by value, one mapping for each dimension.

    The weight of a person is the product of the factors of their values, trimmed: 1 on average
    before that.

    :param max_weight: no weight is above it, or below 1 / max_weight.
    """

    factors: Sequence[Mapping[str, float]]
    max_weight: float

    def weigh(self, cell: Cell) -> float:
        """The weight of each person in a cell."""
        weight = 1.0
        for factor, value in zip(self.factors, cell, strict=True):
            weight *= factor[value]
        return min(max(weight, 1 / self.max_weight), self.max_weight)


def rake(
    heard: Mapping[Cell, int], everybody: Sequence[Mapping[str, int]], max_weight: float
) -> Weights | None:
    """Fit factors so that each margin of those who are heard is that of all customers.

    Iterative proportional fitting (Deming and Stephan, Annals of Mathematical Statistics 11,
    1940). A value that nobody is heard of has no weight: the others stand for all.

    :param heard: people by cell, none of them 0.
    :param everybody: customers by value, for each dimension.
    :returns: None where nobody is heard, or no weights fit all margins.
    """
    if not heard:
        return None
    targets = [_find_targets(heard, place, margin) for place, margin in enumerate(everybody)]
    factors = [dict.fromkeys(target, 1.0) for target in targets]
    for _ in range(_MAX_ROUNDS):
        gap = 0.0
        for place, target in enumerate(targets):
            sums = _sum_margin(heard, factors, place)
            for value, share in target.items():
                gap = max(gap, abs(sums[value] / share - 1))
                factors[place][value] *= share / sums[value]
        if gap < _TOLERANCE:
            return Weights(_scale(heard, factors), max_weight)
    return None


def count_effective(people: Mapping[Cell, int], weights: Weights) -> float:
    """Kish's effective sample size: so many unweighted people would say as much."""
    total = sum(n * weights.weigh(cell) for cell, n in people.items())
    squares = sum(n * weights.weigh(cell) ** 2 for cell, n in people.items())
    return total**2 / squares if squares else 0.0


def _find_targets(
    heard: Mapping[Cell, int], place: int, margin: Mapping[str, int]
) -> dict[str, float]:
    """The people that each value should have, of those who are heard; the sum stays."""
    present = {cell[place] for cell in heard}
    known = {value: margin[value] for value in sorted(present)}
    scale = sum(heard.values()) / sum(known.values())
    return {value: n * scale for value, n in known.items()}


def _sum_margin(
    heard: Mapping[Cell, int], factors: Sequence[Mapping[str, float]], place: int
) -> dict[str, float]:
    sums: dict[str, float] = defaultdict(float)
    for cell, n in heard.items():
        weight = float(n)
        for factor, value in zip(factors, cell, strict=True):
            weight *= factor[value]
        sums[cell[place]] += weight
    return sums


def _scale(heard: Mapping[Cell, int], factors: list[dict[str, float]]) -> list[dict[str, float]]:
    """The same products, with factors that are 1 on average in each dimension but the first."""
    n = sum(heard.values())
    for place in range(1, len(factors)):
        mean = sum(count * factors[place][cell[place]] for cell, count in heard.items()) / n
        factors[place] = {value: each / mean for value, each in factors[place].items()}
        factors[0] = {value: each * mean for value, each in factors[0].items()}
    return factors
