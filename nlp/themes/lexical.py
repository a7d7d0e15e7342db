"""How much two texts share in letters: evidence beside the embedding, in any language.

Runs of 3 to 5 letters inside words need no word list, no stemmer and no prefix rules, which makes
them fit for Hebrew, Arabic and Persian too.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from nlp.themes.vectors import Floats, Ints, map_in_threads

_BLOCK = 2048


def letter_rows(texts: Sequence[str]) -> Any:
    """Weigh each text's runs of letters by TF-IDF.

    :returns: (n, v) scipy CSR array of unit rows; a row of zeros for a text that shares no run.
    """
    from scipy.sparse import csr_array
    from sklearn.feature_extraction.text import TfidfVectorizer

    vectorizer = TfidfVectorizer(
        analyzer="char_wb", ngram_range=(3, 5), sublinear_tf=True, min_df=2, dtype=np.float32
    )
    try:
        return csr_array(vectorizer.fit_transform(texts))
    except ValueError:  # no run of letters occurs in two texts
        return csr_array((len(texts), 1), dtype=np.float32)


def pair_similarities(rows: Any, indices: Ints) -> Floats:
    """Compare each row with the rows that ``indices`` names.

    :param rows: (n, v) unit rows of :func:`letter_rows`.
    :param indices: (n, k) row numbers.
    :returns: (n, k) cosines.
    """
    found = np.zeros(indices.shape, dtype=np.float32)

    def fill(start: int) -> None:
        chosen = indices[start : start + _BLOCK]
        left = rows[np.repeat(np.arange(start, start + len(chosen)), chosen.shape[1])]
        products = left.multiply(rows[chosen.ravel()]).sum(axis=1)
        found[start : start + _BLOCK] = np.asarray(products).reshape(chosen.shape)

    map_in_threads(fill, range(0, len(indices), _BLOCK))
    return found
