"""Runs of characters of a text as places in a table: the words of adverts, in any language.

Each run of three to six characters is hashed to one of 131,072 places ("feature hashing",
Weinberger et al. 2009). The characters of all texts are hashed at once, as arrays.
"""

import re
from collections.abc import Sequence
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

__all__ = ["N_PLACES", "find_grams", "weigh_grams"]

_BITS: Final = 17
N_PLACES: Final = 1 << _BITS
_LEAST, _MOST = 3, 6
_MAX_CHARS: Final = 700
# Bounds the memory; 27 microseconds a text, as with 2,000 at once (31).
_BLOCK: Final = 200
# 2**64 over the golden ratio: multiplying by it spreads what differs little (Knuth, 6.4).
_SPREAD: Final = np.uint64(0x9E3779B97F4A7C15)
_HALF: Final = np.uint64(32)
_DIGIT: Final = re.compile(r"\d")


def find_grams(texts: Sequence[str]) -> tuple[NDArray[Any], NDArray[Any]]:
    """Runs of the first 700 characters of texts: the text of each, and its place.

    Case, digits and blanks are folded. No text has a place twice; ordered by text and place.
    """
    folded = [_fold(text) for text in texts]
    lengths = np.array([len(text) for text in folded], dtype=np.int64)
    joined = "".join(folded).encode("utf-32-le", "surrogatepass")
    codes = np.frombuffer(joined, dtype="<u4").astype(np.uint64)
    # Half as wide is sorted twice as fast; `np.unique` of numpy 2.4 takes six times as long.
    kind: Any = np.int32 if len(texts) < 1 << 31 - _BITS else np.int64
    owners = np.repeat(np.arange(len(folded), dtype=kind), lengths)
    left = np.repeat(np.cumsum(lengths), lengths) - np.arange(len(codes))
    found: list[Any] = []
    hashes = codes * _SPREAD
    for n in range(2, _MOST + 1):
        hashes = hashes[:-1] ^ (hashes[:-1] >> _HALF)
        hashes = (hashes + codes[n - 1 :]) * _SPREAD
        if n >= _LEAST:
            is_within = left[: len(hashes)] >= n
            places = hashes[is_within] >> np.uint64(64 - _BITS)
            found.append(owners[: len(hashes)][is_within] << _BITS | places.astype(kind))
    both = np.sort(np.concatenate(found))
    both = both[np.diff(both, prepend=-1) != 0]
    return both >> _BITS, both & (N_PLACES - 1)


def weigh_grams(texts: Sequence[str], weights: NDArray[np.float64]) -> NDArray[np.float64]:
    """For each text the sum of the weights of its runs, over the root of how many they are.

    :param weights: `(N_PLACES,)`, one of each place.
    """
    blocks = [texts[at : at + _BLOCK] for at in range(0, len(texts), _BLOCK)]
    return np.concatenate([np.zeros(0), *(_weigh_block(block, weights) for block in blocks)])


def _weigh_block(texts: Sequence[str], weights: NDArray[np.float64]) -> NDArray[np.float64]:
    owners, places = find_grams(texts)
    totals = np.bincount(owners, weights[places], len(texts))
    return totals / np.sqrt(np.maximum(np.bincount(owners, minlength=len(texts)), 1))


def _fold(text: str) -> str:
    # A text of blanks alone has two characters still, fewer than the shortest run.
    return _DIGIT.sub("0", f" {' '.join(text[:_MAX_CHARS].lower().split())} ")
