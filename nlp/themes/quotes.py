"""Choose the texts that show what a theme is about: near its centre, readable, not alike."""

from __future__ import annotations

from collections.abc import Collection, Sequence

import numpy as np
from numpy.typing import NDArray

from nlp.themes.content import count_words, strip_marks
from nlp.themes.vectors import Floats, mean_rows, unit_rows
from nlp.themes.wording import fold, split_words

_SHORTEST, _LONGEST = 5, 40
_PENALTY_SHORT = 0.03
_PENALTY_LONG = 0.01
_MAX_PENALTY = 0.3
_PENALTY_MARK = 0.03
# Texts nearer to each other than this, after the theme's centre is taken off, say the same thing.
_NEAR_COPY = 0.9
_SAME_MEANING = 0.985
_SAME_WORDS = 0.75
_VARIETY = 0.3


def choose_quotes(texts: Sequence[str], vectors: NDArray[np.floating], n: int = 3) -> list[int]:
    """Choose up to ``n`` texts of one theme, the most typical first.

    The first is nearest to the theme's centre, length considered; each further one trades that
    against being unlike those chosen (maximal marginal relevance), so that they cover the theme's
    sides. Near copies of a chosen one, by meaning or by words, are no further quote.

    :param vectors: (len(texts), d) unit rows.
    :returns: row numbers; fewer than ``n`` when there are fewer texts that differ.
    """
    firsts = {text.strip().casefold(): row for row, text in reversed(list(enumerate(texts)))}
    rows = [firsts[text] for text in sorted(firsts) if text]
    if not rows or n < 1:
        return []
    own = unit_rows(vectors[rows])
    centre = mean_rows(own, np.zeros(len(rows), dtype=np.int32), 1)[0]
    sides = unit_rows(own - centre)
    worth = np.round(own @ centre - [_reading_penalty(texts[row]) for row in rows], 4)
    return [rows[place] for place in _pick([texts[row] for row in rows], own, worth, sides, n)]


def _pick(
    texts: Sequence[str], own: Floats, worth: NDArray[np.floating], sides: Floats, n: int
) -> list[int]:
    chosen = [int(worth.argmax())]
    is_out = np.zeros(len(worth), dtype=bool)
    is_out[chosen] = True
    said = [_words_of(texts[chosen[0]])]
    while len(chosen) < n:
        is_out |= np.round(sides @ sides[chosen[-1]], 4) > _NEAR_COPY
        is_out |= np.round(own @ own[chosen[-1]], 4) > _SAME_MEANING
        likeness = np.round((sides @ sides[chosen].T).max(axis=1), 4)
        scores = worth - _VARIETY * np.maximum(likeness, 0)
        # The words of all members would take longer than everything else here.
        while not is_out.all():
            best = int(np.where(is_out, -np.inf, scores).argmax())
            words = _words_of(texts[best])
            is_out[best] = True
            if all(_share_of_words(words, other) < _SAME_WORDS for other in said):
                break
        else:
            break
        chosen.append(best)
        said.append(words)
    return chosen


def _words_of(text: str) -> frozenset[str]:
    return frozenset(fold(word) for run in split_words(text) for word in run)


def _share_of_words(left: frozenset[str], right: frozenset[str]) -> float:
    """Words in both, of all words in either."""
    return len(left & right) / max(len(left | right), 1)


def _reading_penalty(text: str) -> float:
    n_words = count_words(text)
    too_short = max(_SHORTEST - n_words, 0) * _PENALTY_SHORT
    too_long = max(n_words - _LONGEST, 0) * _PENALTY_LONG
    has_marks = _PENALTY_MARK * (strip_marks(text) != text)
    return min(too_short + too_long, _MAX_PENALTY) + has_marks


def cover_sides(
    feelings: Sequence[str | None], n_chosen: int, sides: Collection[str], n: int = 3
) -> list[int]:
    """Choose ``n`` quotes in which each side speaks.

    :param feelings: of the chosen quotes, the best first, then of those that could stand in.
    :param n_chosen: how many of them were chosen.
    :param sides: feelings that must be among them; one that nobody speaks for is left out.
    :returns: places in ``feelings``: the chosen quotes, the last of them given up for a side that
        they lack, where they speak for no such side alone.
    """
    kept = list(range(min(n_chosen, n)))
    for side in sides:
        told = [feelings[place] for place in kept]
        if side in told:
            continue
        stand_in = next((p for p in range(len(feelings)) if feelings[p] == side), None)
        if stand_in is None:
            continue
        if len(kept) >= n:
            spare = [p for p in kept if feelings[p] not in sides or told.count(feelings[p]) > 1]
            if not spare:
                continue
            kept.remove(spare[-1])
        kept.append(stand_in)
    return kept
