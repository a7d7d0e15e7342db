"""Themes of a corpus of few distinct texts that many people said: "Price", "Service", "Quality".

Where no language has texts enough for a neighbour graph, what is said in the same words again and
again is a theme all the same.
"""

import numpy as np
from numpy.typing import NDArray

from nlp.themes.centring import centre_rows
from nlp.themes.content import is_without_content
from nlp.themes.corpus import MIN_LANGUAGE_ROWS, Corpus
from nlp.themes.nearest import Voters
from nlp.themes.partition import min_theme_size
from nlp.themes.placing import Fitted, Placed
from nlp.themes.vectors import Floats, Ints

# Mean cosine of two texts of one intent: single intents of banking77 and arbanking77 have .41 to
# .75, half of them above .55, two of one domain .2 to .45.
_ALIKE = 0.5
# Of others those are assigned that are so near to one text and to its theme, and its scale.
_CUT = (2 * _ALIKE + 0.5, 0.2)
# A text that so many said is the theme's own, however few others are near.
_REPEATED_STRENGTH = 0.75


def choose_repeated(corpus: Corpus) -> NDArray[np.intp]:
    """Choose the texts that are said as often as it takes distinct texts to make a theme.

    :returns: row numbers in canonical order, none where fewer than 30 said anything.
    """
    n_said = int(corpus.counts.sum())
    if n_said < MIN_LANGUAGE_ROWS:
        return np.zeros(0, dtype=np.intp)
    often = np.flatnonzero(corpus.counts >= min_theme_size(n_said))
    is_sound = [not is_without_content(corpus.texts[row]) for row in often.tolist()]
    return often[is_sound]


def group_alike(rows: Floats) -> Ints:
    """Put texts together that say the same, by average linkage.

    :param rows: (n, d) unit rows in canonical order, at least one.
    :returns: (n,) labels 0..k-1.
    """
    from scipy.cluster.hierarchy import fcluster, linkage

    if len(rows) < 2:
        return np.zeros(len(rows), dtype=np.int32)
    likeness = np.round(rows.astype(np.float64) @ rows.T.astype(np.float64), 6)
    distances = 1 - likeness[np.triu_indices(len(rows), k=1)]
    tree = linkage(np.maximum(distances, 0), method="average")
    return (fcluster(tree, 1 - _ALIKE, criterion="distance") - 1).astype(np.int32)


def place_by_repeated(corpus: Corpus, fitted: Fitted, labels: Ints) -> Placed:
    """Give every text the nearest of the themes of what is repeated.

    There are too few texts to tell from them how near is near.
    """
    placed = Placed.of_nothing(len(corpus.texts))
    voters = Voters(fitted.centred, labels)
    rows = np.arange(len(corpus.texts))
    found = voters.judge(centre_rows(corpus.vectors[rows], corpus.voices, fitted.means))
    placed.put(rows, found, _CUT)
    sure = np.maximum(placed.strengths[fitted.rows], np.float32(_REPEATED_STRENGTH))
    placed.labels[fitted.rows], placed.strengths[fitted.rows] = labels, sure
    return placed
