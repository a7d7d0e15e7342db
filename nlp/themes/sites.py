"""Which texts share a neighbour graph: those of one large language, and all small voices."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from nlp.themes.centring import language_of

# A few hundred messy texts of one voice have no dense cores. Voices with fewer texts than this
# share a graph: on the demo's posts AMI .01 to .18 alone, .25 together; on subsamples of
# banking77 and arbanking77 nothing is lost, not even where the languages share no theme.
_POOL_ROWS = 500
_POOLED = "+"


def place_voices(voices: Sequence[str], fit: NDArray[np.intp]) -> list[str]:
    """Name the site of each row: its language, marked where it shares a graph with others.

    English posts beside large English surveys are pooled with the posts of other languages, and
    meet the surveys again when themes are linked, as another language would.

    :param voices: n voices.
    :param fit: rows that graphs are made of.
    """
    sizes = Counter(voices[row] for row in fit)
    return [language_of(voice) + (_POOLED if sizes[voice] < _POOL_ROWS else "") for voice in voices]


def site_language(site: str) -> str:
    """Give the language code of a site."""
    return site.removesuffix(_POOLED)


def group_sites(sites: Sequence[str]) -> list[NDArray[np.intp]]:
    """Give the row numbers of each graph."""
    graphs = np.asarray(["" if site.endswith(_POOLED) else site for site in sites], dtype=object)
    names = sorted(set(graphs.tolist()), key=lambda name: (not name, name))
    return [np.flatnonzero(graphs == name) for name in names]
