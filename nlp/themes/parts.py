"""The themes of each neighbour graph of a corpus, before they are linked across graphs."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from nlp.themes.centring import LanguageMeans, centre_rows
from nlp.themes.corpus import Corpus
from nlp.themes.granularity import Granularity
from nlp.themes.graph import Graph, build_graph
from nlp.themes.levels import LEVELS, divide_themes
from nlp.themes.partition import partition_rows
from nlp.themes.sites import group_sites
from nlp.themes.steadying import KnownLabels, steady_labels
from nlp.themes.vectors import Floats, Ints

# Fewer than two cores: one theme when the texts are alike, none otherwise. Single intents of
# banking77 and arbanking77 have a mean cosine to their centre of .62 to .87, mixed sets .01 to .60.
_ONE_THEME_CLOSENESS = 0.62


@dataclass
class Parts:
    """Themes of the fitted rows while they are being built, not yet linked across graphs.

    :param labels: (n,) theme of each fitted row, -1 in graphs without themes.
    :param graphs: the rows of each graph that has themes.
    """

    labels: Ints
    n_themes: int
    graphs: list[tuple[NDArray[np.intp], Graph]]


def partition_sites(
    corpus: Corpus,
    centred: Floats,
    fit: NDArray[np.intp],
    sites: Sequence[str],
    fixed: LanguageMeans,
    known: KnownLabels | None = None,
    granularity: Granularity = "normal",
) -> Parts:
    """Cut the graph of each group of sites into themes.

    :param centred: (n, d) unit rows of these.
    :param fit: (n,) rows of the corpus to cluster.
    :param sites: of each fitted row, see ``sites``.
    :param known: themes that the fitted rows had before; None for a first fit.
    :param granularity: coarse themes are made of the normal ones, later; see ``groups``.
    """
    limits = LEVELS[granularity].steady
    parts = Parts(np.full(len(fit), -1, dtype=np.int32), 0, [])
    for places in group_sites(sites):
        rows = fit[places]
        graph = build_graph(
            centred[places], [corpus.texts[row] for row in rows], corpus.documents[rows]
        )
        labels = partition_rows(centred[places], graph, corpus.documents[rows])
        own = known.take(places) if known else None
        if labels.max() < 0 and (_has_any(own) or _is_one_theme(corpus, rows, fixed)):
            labels = np.zeros(len(rows), dtype=np.int32)
        if labels.max() < 0:
            continue
        if granularity == "fine":
            labels = divide_themes(centred[places], graph, labels, corpus.documents[rows])
        if own:
            labels = steady_labels(centred[places], graph, labels, own, limits)
        parts.graphs.append((places, graph))
        parts.labels[places] = labels + parts.n_themes
        parts.n_themes += int(labels.max()) + 1
    return parts


def _has_any(known: KnownLabels | None) -> bool:
    return known is not None and bool((known.labels >= 0).any())


def _is_one_theme(corpus: Corpus, rows: NDArray[np.intp], fixed: LanguageMeans) -> bool:
    langs = [corpus.langs[row] for row in rows]
    shifted = centre_rows(corpus.vectors[rows], langs, fixed.without_projection())
    mean = shifted.mean(axis=0, dtype=np.float64)
    return float(np.linalg.norm(mean)) >= _ONE_THEME_CLOSENESS
