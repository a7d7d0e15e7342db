"""Which texts stand for all where there are too many: of every language and period its share."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np
from numpy.typing import NDArray

# Fewest sampled texts of a language that has them, while there is room: a small language is not
# sampled away, nor are its themes, which need dozens of texts each.
_MIN_SAMPLE_ROWS = 1_000


def draw_sample(
    languages: Mapping[str, NDArray[np.intp]], periods: Sequence[str] | None, max_rows: int
) -> NDArray[np.intp]:
    """Draw at most so many rows; all where there are no more.

    Of each language and period the first rows are drawn. Rows are in the order of a hash, so that
    the first are as good as drawn by lot, and mostly the same ones when rows are added.

    :param languages: ascending row numbers of each language, in the order of their hashes.
    :param periods: of each row, by its number; None where there are none.
    :returns: ascending row numbers.
    """
    groups = [languages[lang] for lang in sorted(languages)]
    n_rows = sum(map(len, groups))
    if n_rows <= max_rows:
        return np.sort(np.concatenate(groups)) if groups else np.zeros(0, dtype=np.intp)
    quotas = share_rows([len(rows) for rows in groups], max_rows, _MIN_SAMPLE_ROWS)
    parts = [
        _draw_periods(rows, periods, quota) for rows, quota in zip(groups, quotas, strict=True)
    ]
    return np.sort(np.concatenate(parts))


def _draw_periods(
    rows: NDArray[np.intp], periods: Sequence[str] | None, n_drawn: int
) -> NDArray[np.intp]:
    if periods is None:
        return rows[:n_drawn]
    _, codes = np.unique([periods[row] for row in rows.tolist()], return_inverse=True)
    quotas = share_rows(np.bincount(codes).tolist(), n_drawn)
    order = np.argsort(codes, kind="stable")
    starts = np.searchsorted(codes[order], codes[order])
    ranks = np.empty(len(rows), dtype=np.intp)
    ranks[order] = np.arange(len(rows)) - starts
    return rows[ranks < quotas[codes]]


def share_rows(sizes: Sequence[int], n_drawn: int, n_least: int = 0) -> NDArray[np.intp]:
    """Share out so many rows among groups by their sizes; what is left by largest remainder.

    :param n_least: what each group gets first, if it has it and there is enough for all.
    :returns: how many of each group; ``n_drawn`` altogether, or all that there are.
    """
    n_rows = np.asarray(sizes, dtype=np.float64)
    n_drawn = min(n_drawn, sum(sizes))
    floors = np.minimum(n_rows, min(n_least, n_drawn // max(len(sizes), 1)))
    at_floor = np.zeros(len(sizes), dtype=bool)
    wanted = floors
    while not at_floor.all():
        share = (n_drawn - floors[at_floor].sum()) / max(n_rows[~at_floor].sum(), 1)
        wanted = np.where(at_floor, floors, share * n_rows)
        if not (wanted < floors).any():
            break
        at_floor |= wanted < floors
    quotas = wanted.astype(np.intp)
    largest = np.argsort(quotas - wanted, kind="stable")
    quotas[largest[: n_drawn - quotas.sum()]] += 1
    return quotas
