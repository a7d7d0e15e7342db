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
# A few hundred texts of one intent have dense cores all the same: 40 of banking77 two to five, 120
# eight. Their closeness to the centre in the projected space of the default encoder, .69 to .87,
# and the closeness of each part to the others, .73 to .93, tell them from three intents (.57 to
# .70, .60 to .78) and airline complaints (below .62). Two related intents pass as one.
_ONE_INTENT_ROWS = 200
_ONE_INTENT_CLOSENESS = 0.69
_ONE_INTENT_LIKENESS = 0.73


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
        if _is_one_intent(corpus, rows, labels, fixed):
            labels = np.zeros(len(rows), dtype=np.int32)
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


def _is_one_intent(
    corpus: Corpus, rows: NDArray[np.intp], labels: Ints, fixed: LanguageMeans
) -> bool:
    """Whether parts that were found differ less than intents do.

    Only where it is known how much these differ: in the projected space.
    """
    if fixed.projection is None or len(rows) > _ONE_INTENT_ROWS or labels.max() < 1:
        return False
    langs = [corpus.langs[row] for row in rows]
    shifted = centre_rows(corpus.vectors[rows], langs, fixed).astype(np.float64)
    if np.linalg.norm(shifted.mean(axis=0)) < _ONE_INTENT_CLOSENESS:
        return False
    masks = [labels == part for part in range(int(labels.max()) + 1)]
    likeness = [_compare_centres(shifted[own], shifted[~own]) for own in masks]
    return float(np.mean(likeness)) >= _ONE_INTENT_LIKENESS


def _compare_centres(left: NDArray[np.float64], right: NDArray[np.float64]) -> float:
    """Cosine of the centres of two clouds, without what few points are off by chance."""
    scale = _mean_cosine(left) * _mean_cosine(right)
    return float(left.mean(axis=0) @ right.mean(axis=0) / max(scale, 1e-6) ** 0.5)


def _mean_cosine(rows: NDArray[np.float64]) -> float:
    """Of different rows."""
    total = rows.sum(axis=0)
    return max(float(total @ total - len(rows)) / max(len(rows) * (len(rows) - 1), 1), 1e-3)


def _has_any(known: KnownLabels | None) -> bool:
    return known is not None and bool((known.labels >= 0).any())


def _is_one_theme(corpus: Corpus, rows: NDArray[np.intp], fixed: LanguageMeans) -> bool:
    langs = [corpus.langs[row] for row in rows]
    shifted = centre_rows(corpus.vectors[rows], langs, fixed.without_projection())
    mean = shifted.mean(axis=0, dtype=np.float64)
    return float(np.linalg.norm(mean)) >= _ONE_THEME_CLOSENESS
