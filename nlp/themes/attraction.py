"""Draw mentions to themes that people pinned, by what these are about.

A pin has a few examples, a found theme many members, so that the members of a theme are always
nearer to each other than to an example of the same thing. The found theme that is nearest to the
pin is therefore taken to be about the same: its mentions need only be like the examples. All other
mentions must be nearer to the pin than to the centre of any found theme.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from nlp.themes.centring import LanguageMeans, centre_rows, name_voices
from nlp.themes.content import is_without_content
from nlp.themes.keywords import match_keywords
from nlp.themes.vectors import (
    Floats,
    Ints,
    VectorRows,
    exact_grid,
    grid_products,
    mean_rows,
    read_blocks,
    sum_rows,
    unit_rows,
)

# Cosines to the mean of the examples, among the mentions of the nearest theme and elsewhere. Ten
# pins of three examples each (scripts/bench_pins.py): precision .68, recall .67 on banking77 with
# these; .63/.69 with .3 and .4, .78/.50 with .5 and .6.
_LIKE_ENOUGH = (0.35, 0.5)
# In a language of none of the examples cosines are lower. English examples, Arabic mentions:
# precision .71, recall .30 with these, .84/.23 with those above. Limits relative to how alike the
# members of the nearest theme are would draw broad subjects (airline: recall .14 in place of .01),
# but most of what they draw is wrong there (precision .41).
_LIKE_ENOUGH_ACROSS = (0.25, 0.4)


@dataclass(frozen=True)
class Pins:
    """What people pinned; pins are numbered 0..n-1.

    :param texts: m normalised examples.
    :param vectors: (m, d) unit rows of these, not centred.
    :param langs: m language codes.
    :param labels: (m,) pin number of each.
    :param keywords: of each pin.
    :param themes: (n,) number of the found theme that was pinned, -1 for a theme of its own.
    """

    texts: Sequence[str]
    vectors: NDArray[np.floating]
    langs: Sequence[str]
    labels: Ints
    keywords: Sequence[Sequence[str]]
    themes: Ints


@dataclass(frozen=True)
class Found:
    """Mentions and what was found about them.

    :param texts: n normalised texts.
    :param vectors: (n, d) unit rows, not centred; read in blocks.
    :param registers: n registers, see ``discover_themes``.
    :param labels: (n,) number of the nearest found theme, -1 where there is none.
    :param is_member: (n,) whether it belongs to that theme.
    """

    texts: Sequence[str]
    vectors: VectorRows
    langs: Sequence[str]
    registers: Sequence[str]
    labels: Ints
    is_member: NDArray[np.bool_]


def draw_to_pins(found: Found, pins: Pins, space: LanguageMeans) -> Ints:
    """Say which pin draws each mention; each is judged by itself, whatever its company.

    Words go before meaning: a mention that says what an example says, or holds a keyword, belongs
    to that pin.

    :param space: the means to centre by, see :func:`nlp.themes.centring.centre_rows`.
    :returns: (n,) pin numbers, -1 where no pin draws.
    """
    drawn = np.full(len(found.texts), -1, dtype=np.int32)
    if len(pins.labels) and len(found.texts):
        magnets = _Magnets(found, pins, space)
        for rows, centred in _centre_blocks(found, space):
            drawn[rows] = magnets.choose(centred, found.labels[rows], found.langs[rows])
    by_word = match_keywords(found.texts, found.langs, pins.keywords)
    drawn = np.where(by_word >= 0, by_word, drawn).astype(np.int32)
    same = dict(zip(pins.texts, pins.labels.tolist(), strict=True))
    for row, text in enumerate(found.texts):
        if is_without_content(text):
            drawn[row] = -1
        elif text in same:
            drawn[row] = same[text]
    return drawn


class _Magnets:
    """The middle of each pin and of each found theme, and which of the latter a pin is nearest."""

    def __init__(self, found: Found, pins: Pins, space: LanguageMeans) -> None:
        rows = centre_rows(pins.vectors, list(pins.langs), space)
        n_pins = len(pins.themes)
        self._pins = exact_grid(mean_rows(rows, pins.labels, n_pins))
        self._themes = exact_grid(_find_centres(found, space, rows.shape[1]))
        self._own = pins.themes
        near = grid_products(self._pins, self._themes)
        has_centre = np.abs(self._themes).sum(axis=1) > 0
        near[:, ~has_centre] = -1
        self._nearest = near.argmax(axis=1) if near.shape[1] else np.full(n_pins, -1)
        self._nearest = np.where(self._own >= 0, self._own, self._nearest)
        self._voiced = set(zip(pins.labels.tolist(), pins.langs, strict=True))

    def choose(self, rows: Floats, labels: Ints, langs: Sequence[str]) -> Ints:
        """The pin that draws each row, -1 for none.

        :param labels: nearest found theme of each.
        """
        grid = exact_grid(rows)
        likeness = grid_products(grid, self._pins)
        best = likeness.argmax(axis=1).astype(np.int32)
        like = likeness.max(axis=1)
        nearest = self._nearest[best]
        rivals = grid_products(grid, self._themes)
        has_theme = np.flatnonzero(nearest >= 0)
        rivals[has_theme, nearest[has_theme]] = -1
        is_nearer = like >= rivals.max(axis=1, initial=-1)
        is_inside = (labels == nearest) & (labels >= 0)
        spoken = zip(best.tolist(), langs, strict=True)
        is_voiced = np.array([each in self._voiced for each in spoken], dtype=bool)
        inside, elsewhere = (
            np.where(is_voiced, own, across)
            for own, across in zip(_LIKE_ENOUGH, _LIKE_ENOUGH_ACROSS, strict=True)
        )
        is_drawn = (is_inside & (like >= inside)) | (is_nearer & (like >= elsewhere))
        return np.where(is_drawn, best, -1).astype(np.int32)


def _find_centres(found: Found, space: LanguageMeans, width: int) -> Floats:
    """The centre of each found theme; a theme without members has none (zeros)."""
    members = np.where(found.is_member, found.labels, -1)
    sums = np.zeros((int(found.labels.max(initial=-1)) + 1, width), dtype=np.float64)
    for rows, centred in _centre_blocks(found, space):
        sums += sum_rows(centred, members[rows], len(sums))
    return unit_rows(sums)


def _centre_blocks(found: Found, space: LanguageMeans) -> Iterator[tuple[slice, Floats]]:
    voices = name_voices(found.langs, found.registers)
    for rows, block in read_blocks(found.vectors):
        yield rows, centre_rows(block, voices[rows], space)
