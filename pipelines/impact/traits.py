"""What is held equal when themes are compared: columns of a design, as fine as the rows allow."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import pairwise
from typing import Any

import numpy as np

from pipelines.impact.designs import Floats
from pipelines.impact.records import Codes

MAX_GROUPS = 12
# A group of fewer rows, or a smaller share of them, is put together with the others.
MIN_GROUP_ROWS, MIN_GROUP_SHARE = 20, 0.01
# So many rows for each of the groups that a number is cut into; fewer, and it is a line alone.
ROWS_A_CUT = 100
VALUE_CUTS, TIME_CUTS = 5, 12


@dataclass(frozen=True)
class Trait:
    """Something that is known of every row.

    :param values: (n,) whole numbers from 0 on for groups, -1 for none; else numbers, nan for none.
    :param cuts: into how many groups of equal size a number is cut at most, beside a straight line.
    """

    name: str
    values: Codes | Floats
    cuts: int = VALUE_CUTS


def make_controls(traits: Sequence[Trait], n: int) -> tuple[Floats, tuple[str, ...]]:
    """Columns for all traits that vary, behind one that is 1.

    :returns: (n, columns), and the names of the traits that are in it.
    """
    parts: list[Floats] = [np.ones(n)]
    names = []
    for trait in traits:
        columns = list(_describe(trait, n))
        parts += columns
        names += [trait.name] if columns else []
    return np.column_stack(parts), tuple(names)


def _describe(trait: Trait, n: int) -> Iterator[Floats]:
    if trait.values.dtype.kind == "f":
        yield from _describe_number(trait, n)
    else:
        yield from _describe_groups(trait.values, n)


def _describe_groups(codes: Any, n: int) -> Iterator[Floats]:
    """A column for each of the large groups but the largest; no group is one, too."""
    codes = codes + 1
    sizes = np.bincount(codes)
    least = max(MIN_GROUP_ROWS, MIN_GROUP_SHARE * n)
    order = np.lexsort((np.arange(len(sizes)), -sizes))
    large = [place for place in order if sizes[place] >= least][:MAX_GROUPS]
    rest = n - sum(int(sizes[place]) for place in large)
    # The others stand for the rest where that is large; else the largest is what is compared with.
    shown = large[1:] if rest < least else large
    for place in shown:
        if sizes[place] < n:
            yield (codes == place).astype(float)


def _describe_number(trait: Trait, n: int) -> Iterator[Floats]:
    """A straight line, steps beside it, and whether it is known."""
    values = np.asarray(trait.values, dtype=float)
    is_known = np.isfinite(values)
    known = values[is_known]
    if len(known) < 2 or known.min() == known.max():
        if 0 < len(known) < n:
            yield (is_known).astype(float)
        return
    spread = known.std()
    line = np.zeros(n)
    line[is_known] = (known - known.mean()) / spread
    yield line
    n_cuts = min(trait.cuts, n // ROWS_A_CUT)
    cuts = np.arange(1, max(n_cuts, 1)) / max(n_cuts, 1)
    edges = np.unique(np.quantile(known, cuts)).tolist()
    for low, high in pairwise([*edges, np.inf]):
        yield (is_known & (values > low) & (values <= high)).astype(float)
    if len(known) < n:
        yield (~is_known).astype(float)
