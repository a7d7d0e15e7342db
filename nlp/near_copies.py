"""Texts that say the same in nearly the same words, whatever else is in the store.

Texts whose words are equal (case, punctuation, emoji and spaces aside) are alike. So are long ones
of which one word in ten, at least two, was changed, added or left out, unless that turns what they
say (:mod:`nlp.turned_words`). Pairs are found by MinHash
over pairs of neighbouring words (Broder 1997) and bands of it, and each is then verified; groups
are what such pairs connect, so that they depend neither on the order nor on what came first.
"""

import re
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from functools import cache
from hashlib import blake2b
from itertools import chain
from typing import Any, Final, NamedTuple

import numpy as np
from numpy.typing import NDArray
from rapidfuzz.distance import Levenshtein

from nlp.turned_words import N_CODES, code_word, is_turned

__all__ = [
    "MIN_WORDS",
    "N_BANDS",
    "Collisions",
    "Sketches",
    "find_collisions",
    "find_likes",
    "forget_words",
    "sketch_texts",
]

# Of shorter texts two words are too much: "the food was cold" is no copy of "the food was good".
MIN_WORDS: Final = 10
# Three rows a band, as two changes leave 7 of 15 pairs of a text of ten words: 32 bands find 97 %
# of these, and more than 99.9 % from fifteen words on.
N_BANDS: Final = 32
_ROWS: Final = 3
_ALLOWED_SHARE: Final = 0.1
_ALLOWED_WORDS: Final = 2
_LEAST_WORDS: Final = MIN_WORDS - _ALLOWED_WORDS
# Later words do not decide whether a text is a copy.
_MAX_WORDS: Final = 400
# Of more texts that share a value of a band the pairs are not listed beforehand.
_CROWD: Final = 50
# Scripts without spaces: each character is taken as a word, and so is what says "not".
# Stand-ins count as one word each.
_WORD = re.compile(
    r"ません|なかっ|ない|なく|ไม่|[\u3040-\u30ff\u3400-\u9fff\u0e00-\u0e7f]|<[a-z]+>|[^\W_\u3040-\u30ff\u3400-\u9fff\u0e00-\u0e7f]+"
)
# "isn't" and "carry-on" are one word each: a change of one word is one change.
_JOINERS = re.compile(r"(?<=\w)['’‘´`\u200c\u2010-\u2012-](?=\w)|[\u200c\u0640]")
_Words = list[int]
_Bands = NDArray[np.uint32]


class Collisions(NamedTuple):
    """Places that share a value of one band.

    :param pairs: (m, 2), the smaller place first; one of each is new.
    :param crowds: where more than a few share a value, one of them new.
    """

    pairs: NDArray[np.int64]
    crowds: list[list[int]]


# From the bands of all texts, which of them count and which are new.
Collide = Callable[[_Bands, NDArray[np.bool_], NDArray[np.bool_]], Iterable[Collisions]]


@dataclass(frozen=True)
class Sketches:
    """What is kept of texts to find their likes.

    :param folds: (n,) uint64 hash of the words; 0 where there are none.
    :param bands: (n, N_BANDS) uint32; rows of short texts mean nothing.
    :param n_words: (n,) uint16, of those that are compared.
    :param word_bits: (n,) uint64, a bit for each of these words; other words may share it.
    """

    folds: NDArray[np.uint64]
    bands: NDArray[np.uint32]
    n_words: NDArray[np.uint16]
    word_bits: NDArray[np.uint64]

    @property
    def is_long(self) -> NDArray[np.bool_]:
        """(n,) whether the bands count."""
        return self.n_words >= _LEAST_WORDS


def sketch_texts(texts: Sequence[str]) -> Sketches:
    """Sketch normalised texts; equal in every process and on every machine."""
    words = [fold_words(text) for text in texts]
    compared = [each[:_MAX_WORDS] for each in words]
    sketches = Sketches(
        np.array([_hash_all(each) for each in words], np.uint64),
        np.zeros((len(texts), N_BANDS), dtype=np.uint32),
        np.array([len(each) for each in compared], np.uint16),
        np.array([_mark_words(each) for each in compared], np.uint64),
    )
    if sketches.is_long.any():
        long = [each for each in compared if len(each) >= _LEAST_WORDS]
        sketches.bands[sketches.is_long] = _hash_bands(long)
    return sketches


def fold_words(text: str) -> _Words:
    """The words of a normalised text as numbers, without case, punctuation and emoji."""
    return [_hashes[word] for word in _WORD.findall(_JOINERS.sub("", text.casefold()))]


def find_collisions(
    bands: _Bands, counts: NDArray[np.bool_], is_new: NDArray[np.bool_]
) -> Iterator[Collisions]:
    """What collides in each band; many pairs do in several.

    :param bands: (n, k) any of the bands of some texts.
    :param counts: (n,) whether a text is looked at.
    """
    places = np.flatnonzero(counts)
    for band in bands.T:
        order = places[np.argsort(band[places], kind="stable")]
        yield _collide_in_order(order, band[order], is_new)


def _collide_in_order(
    order: NDArray[np.int64], values: NDArray[np.uint32], is_new: NDArray[np.bool_]
) -> Collisions:
    """What collides among places in the order of their values."""
    starts = _find_starts(values)
    sizes = np.diff(np.r_[starts, len(order)])
    crowds = [
        order[start : start + size]
        for start, size in zip(starts[sizes > _CROWD], sizes[sizes > _CROWD], strict=True)
    ]
    is_few = np.repeat((sizes > 1) & (sizes <= _CROWD), sizes)
    few, values = order[is_few], values[is_few]
    pairs = [np.zeros((0, 2), dtype=np.int64)]
    for step in range(1, min(_CROWD, len(few))):
        at = np.flatnonzero(values[:-step] == values[step:])
        if not len(at):
            break
        one, other = few[at], few[at + step]
        is_open = is_new[one] | is_new[other]
        pairs.append(np.stack([one[is_open], other[is_open]], axis=1))
    return Collisions(
        np.concatenate(pairs), [crowd.tolist() for crowd in crowds if is_new[crowd].any()]
    )


def find_likes(
    sketches: Sketches,
    is_new: NDArray[np.bool_],
    read: Callable[[Sequence[int]], list[_Words]],
    collide: Collide = find_collisions,
) -> Iterator[tuple[int, int]]:
    """Find enough pairs of alike texts to connect each group; of old ones only with new ones.

    :param is_new: (n,) whether a text's likes are to be found; the others' are known.
    :param read: the words of texts by their places, see :func:`fold_words`.
    :param collide: what finds collisions; in any order.
    """
    forest = _Forest(len(is_new))
    for bucket in _find_buckets(sketches.folds, sketches.folds != 0, is_new):
        for place in bucket[1:]:
            if forest.join(bucket[0], place):
                yield bucket[0], place
    # Of texts in the same words one stands for all; an old one, if there is one.
    stands = _choose_first(sketches.folds, is_new) & sketches.is_long
    pairs, crowds = _gather_close(sketches, collide(sketches.bands, stands, is_new))
    needed = sorted({*np.unique(pairs).tolist(), *(place for crowd in crowds for place in crowd)})
    words = dict(zip(needed, read(needed), strict=True))
    in_crowds = (pair for crowd in crowds for pair in _pair_crowd(sketches, crowd, is_new))
    for one, other in chain(pairs.tolist(), in_crowds):
        is_open = forest.find(one) != forest.find(other)
        if is_open and are_alike(words[one], words[other]) and forest.join(one, other):
            yield one, other


def _gather_close(
    sketches: Sketches, collisions: Iterable[Collisions]
) -> tuple[NDArray[np.int64], list[tuple[int, ...]]]:
    """What collides and may be alike, each once: pairs, and crowds, which mostly are."""
    n = len(sketches.folds)
    codes: list[NDArray[np.int64]] = []
    crowds: set[tuple[int, ...]] = set()
    for found in collisions:
        one, other = found.pairs.T
        is_close = _may_be_alike(sketches, one, other)
        codes.append(one[is_close] * n + other[is_close])
        crowds.update(map(tuple, found.crowds))
    distinct = np.unique(np.concatenate([np.zeros(0, dtype=np.int64), *codes]))
    return np.stack([distinct // max(n, 1), distinct % max(n, 1)], axis=1), sorted(crowds)


def _may_be_alike(sketches: Sketches, one: Any, other: Any) -> Any:
    """False where :func:`are_alike` would be: a changed word changes two bits at most.

    :param one: one place, or (m,) places.
    """
    n, m = (sketches.n_words[places].astype(np.int64) for places in (one, other))
    allowed = np.maximum(_ALLOWED_WORDS, (_ALLOWED_SHARE * np.minimum(n, m)).astype(np.int64))
    differing = np.bitwise_count(sketches.word_bits[one] ^ sketches.word_bits[other])
    return (np.abs(n - m) <= allowed) & (differing <= 2 * allowed)


def are_alike(one: _Words, other: _Words) -> bool:
    """Whether a few words at most tell two long texts apart."""
    one, other = one[:_MAX_WORDS], other[:_MAX_WORDS]
    if max(len(one), len(other)) < MIN_WORDS:
        return False
    allowed = _count_allowed(len(one), len(other))
    if abs(len(one) - len(other)) > allowed:
        return False
    if Levenshtein.distance(one, other, score_cutoff=allowed) > allowed:
        return False
    return not is_turned(one, other)


def _count_allowed(one: int, other: int) -> int:
    """How many words may tell two texts of so many words apart."""
    return max(_ALLOWED_WORDS, int(_ALLOWED_SHARE * min(one, other)))


def _pair_crowd(
    sketches: Sketches, crowd: Sequence[int], is_new: NDArray[np.bool_]
) -> Iterator[tuple[int, int]]:
    """Pairs of a crowd that may be alike, and of which one is new."""
    places = np.array(crowd)
    for at, one in enumerate(crowd):
        others = places[at + 1 :]
        is_open = (is_new[one] | is_new[others]) & _may_be_alike(sketches, one, others)
        yield from ((one, other) for other in others[is_open].tolist())


def _choose_first(folds: NDArray[np.uint64], is_new: NDArray[np.bool_]) -> NDArray[np.bool_]:
    """The first of each fold, old ones before new ones."""
    order = np.lexsort((np.arange(len(folds)), is_new, folds))
    chosen = np.zeros(len(folds), dtype=bool)
    if len(folds):
        chosen[order[np.r_[True, folds[order][1:] != folds[order][:-1]]]] = True
    return chosen


def _find_buckets(
    keys: NDArray[Any], counts: NDArray[np.bool_], is_new: NDArray[np.bool_]
) -> Iterator[list[int]]:
    """Places that share a key, at least one of them new."""
    places = np.flatnonzero(counts)
    order = places[np.argsort(keys[places], kind="stable")]
    starts = _find_starts(keys[order])
    if not len(starts):
        return
    sizes = np.diff(np.r_[starts, len(order)])
    n_new = np.add.reduceat(is_new[order].astype(np.int64), starts)
    for at in np.flatnonzero((sizes > 1) & (n_new > 0)):
        yield order[starts[at] : starts[at] + sizes[at]].tolist()


def _find_starts(values: NDArray[Any]) -> NDArray[np.intp]:
    """Where each value begins, of values in order."""
    is_first = np.ones(len(values), dtype=bool)
    is_first[1:] = values[1:] != values[:-1]
    return np.flatnonzero(is_first)


class _Forest:
    """Disjoint sets; a set is known by its smallest member."""

    def __init__(self, n: int) -> None:
        self._parents = list(range(n))

    def find(self, place: int) -> int:
        parents = self._parents
        while parents[place] != place:
            parents[place] = place = parents[parents[place]]
        return place

    def join(self, one: int, other: int) -> bool:
        """Join two sets; false where they are one already."""
        one, other = self.find(one), self.find(other)
        self._parents[max(one, other)] = min(one, other)
        return one != other


class _WordHashes(dict[str, int]):
    """A number for each word, kept: a corpus has far more words than different ones."""

    def __missing__(self, word: str) -> int:
        if len(self) > _MAX_KEPT:
            self.clear()
        digest = blake2b(word.encode("utf-8", "replace"), digest_size=8).digest()
        number = int.from_bytes(digest, "little")
        # The lowest byte says what the word does to a text.
        found = self[word] = number - number % N_CODES + code_word(word)
        return found


_MAX_KEPT: Final = 500_000
_hashes: Final = _WordHashes()


def forget_words() -> None:
    """Give up what is kept of words from one text to the next."""
    _hashes.clear()


def _mark_words(words: _Words) -> int:
    bits = 0
    for word in words:
        bits |= 1 << (word // N_CODES) % 64
    return bits


def _hash_all(words: _Words) -> int:
    if not words:
        return 0
    return int.from_bytes(
        blake2b(np.array(words, "<u8").tobytes(), digest_size=8).digest(), "little"
    )


def _hash_bands(words: Sequence[_Words]) -> NDArray[np.uint32]:
    lengths = np.array([len(each) for each in words])
    # A mark before the first and after the last word: each text has one pair more than words.
    flat = np.concatenate([np.array([1, *each, 1], np.uint64) for each in words])
    ends = np.cumsum(lengths + 2)
    pairs = _mix(flat[:-1] * _ODD + flat[1:])
    # The pair of one text's end with the next one's beginning belongs to none.
    starts = np.r_[0, ends[:-1]]
    pairs = np.delete(pairs, ends[:-1] - 1)
    starts = starts - np.arange(len(starts))
    bands = np.zeros((len(words), N_BANDS), dtype=np.uint32)
    multipliers, offsets = _permutations()
    for band in range(N_BANDS):
        key = np.zeros(len(words), dtype=np.uint64)
        for row in range(band * _ROWS, (band + 1) * _ROWS):
            least = np.minimum.reduceat(pairs * multipliers[row] + offsets[row], starts)
            key = _mix(key * _ODD + least)
        bands[:, band] = (key >> np.uint64(32)).astype(np.uint32)
    return bands


_ODD: Final = np.uint64(0x9E3779B97F4A7C15)


def _mix(values: NDArray[np.uint64]) -> NDArray[np.uint64]:
    """The finaliser of SplitMix64 (Steele et al. 2014)."""
    values = (values ^ (values >> np.uint64(30))) * np.uint64(0xBF58476D1CE4E5B9)
    values = (values ^ (values >> np.uint64(27))) * np.uint64(0x94D049BB133111EB)
    return values ^ (values >> np.uint64(31))


@cache
def _permutations() -> tuple[NDArray[np.uint64], NDArray[np.uint64]]:
    drawn = _mix(np.arange(1, 2 * N_BANDS * _ROWS + 1, dtype=np.uint64) * _ODD)
    return drawn[::2] | np.uint64(1), drawn[1::2]
