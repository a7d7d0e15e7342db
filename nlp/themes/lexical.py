"""How much two texts share in letters: evidence beside the embedding, in any language.

Runs of 3 to 5 letters inside words need no word list, no stemmer and no prefix rules, which makes
them fit for Hebrew, Arabic and Persian too.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from nlp.themes.vectors import Floats, Ints, map_in_threads

# Rows are compared in blocks whose pairs hold so many entries, some 60 MB: 512 short texts, or ten
# long complaints. Blocks of 512 took 1.4 GB on 1,532 of them.
_BLOCK_ENTRIES = 2_000_000
_MAX_BLOCK = 512
_SIZES = (3, 4, 5)
# Of a polynomial hash modulo 2**64: two of a million runs meet with a probability of 3e-8.
_FACTOR = np.uint64(0x9E3779B97F4A7C15)


def letter_rows(texts: Sequence[str]) -> Any:
    """Weigh each text's runs of letters by TF-IDF.

    What scikit-learn's ``TfidfVectorizer(analyzer="char_wb", ngram_range=(3, 5), min_df=2,
    sublinear_tf=True)`` gives, in a quarter of its time: a fifth of discovery's was spent there.

    :returns: (n, v) scipy CSR array of unit rows; a row of zeros for a text that shares no run.
    """
    from scipy.sparse import hstack

    letters, owners = _join_words(texts)
    counts = hstack([_count_runs(letters, owners, size, len(texts)) for size in _SIZES], "csr")
    n_texts_with = np.bincount(counts.indices, minlength=counts.shape[1])
    rarity = np.log((1 + len(texts)) / (1 + n_texts_with)) + 1
    weights = np.log(counts.data, out=counts.data)
    weights += 1
    weights *= rarity[counts.indices]
    rows = np.repeat(np.arange(len(texts), dtype=np.int32), np.diff(counts.indptr))
    norms = np.sqrt(np.bincount(rows, weights=weights**2, minlength=len(texts)))
    counts.data = (weights / norms[rows]).astype(np.float32)
    return counts


def _join_words(texts: Sequence[str]) -> tuple[NDArray[np.uint64], NDArray[np.int32]]:
    """Write all texts one after the other, with spaces around each word and text.

    :returns: code points, and the number of the text of each.
    """
    spaced = [f" {' '.join(text.lower().split())} " for text in texts]
    written = "".join(spaced).encode("utf-32-le", "surrogatepass")
    sizes = [len(text) for text in spaced]
    owners = np.repeat(np.arange(len(texts), dtype=np.int32), sizes)
    return np.frombuffer(written, dtype="<u4").astype(np.uint64), owners


def _count_runs(
    letters: NDArray[np.uint64], owners: NDArray[np.int32], size: int, n_texts: int
) -> Any:
    """Count, in each text, the runs of so many letters that two texts share: (n, v) CSR array."""
    from scipy.sparse import coo_array

    n_starts = max(len(letters) - size + 1, 0)
    keys = np.zeros(n_starts, dtype=np.uint64)
    is_inside = np.ones(n_starts, dtype=bool)
    for place in range(size):
        here = letters[place : place + n_starts]
        keys = keys * _FACTOR + here
        if 0 < place < size - 1:
            is_inside &= here != ord(" ")
    keys, owners = keys[is_inside], owners[:n_starts][is_inside]
    known, columns = np.unique(keys, return_inverse=True)
    shape = (n_texts, len(known))
    places = (owners, columns.astype(np.int32))
    counts = coo_array((np.ones(len(keys)), places), shape=shape).tocsr()
    is_shared = np.bincount(counts.indices, minlength=len(known)) > 1
    return counts[:, np.flatnonzero(is_shared)]


def pair_similarities(rows: Any, indices: Ints) -> Floats:
    """Compare each row with the rows that ``indices`` names.

    :param rows: (n, v) unit rows of :func:`letter_rows`.
    :param indices: (n, k) row numbers.
    :returns: (n, k) cosines.
    """
    found = np.zeros(indices.shape, dtype=np.float32)
    n_entries = indices.shape[1] * rows.nnz // max(len(indices), 1)
    block = min(max(_BLOCK_ENTRIES // max(n_entries, 1), 1), _MAX_BLOCK)

    def fill(start: int) -> None:
        chosen = indices[start : start + block]
        left = rows[np.repeat(np.arange(start, start + len(chosen)), chosen.shape[1])]
        products = left.multiply(rows[chosen.ravel()]).sum(axis=1)
        found[start : start + block] = np.asarray(products).reshape(chosen.shape)

    map_in_threads(fill, range(0, len(indices), block))
    return found
