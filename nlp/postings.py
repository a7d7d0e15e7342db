"""Which texts hold which words: numbers of words, and the rows of the texts that have them.

Meaning finds what is said in other words and other languages; it does not find an order number.
"""

import re
import unicodedata
import zlib
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from nlp.themes.vectors import Floats

_WORD = re.compile(r"\w+")
# Two words of a million that share a number do no harm: what is found is read again.
_BITS = np.uint64(32)


@dataclass(frozen=True)
class Postings:
    """For each word, by its number, the rows that have it.

    :param words: (w,) uint32, ascending.
    :param starts: (w + 1,) int64, where the rows of each begin.
    :param rows: uint32, ascending for each word.
    :param n_texts: of all.
    """

    words: NDArray[np.uint32]
    starts: NDArray[np.int64]
    rows: NDArray[np.uint32]
    n_texts: int

    def find(self, word: str) -> NDArray[np.uint32]:
        """Give the rows of the texts with a word."""
        number = np.uint32(_number_word(word))
        place = int(np.searchsorted(self.words, number))
        if place == len(self.words) or self.words[place] != number:
            return np.zeros(0, dtype=np.uint32)
        return np.asarray(self.rows[self.starts[place] : self.starts[place + 1]])

    def find_all(self, words: Sequence[str]) -> NDArray[np.uint32]:
        """Give the rows of the texts with every one of some words."""
        found = self.find(words[0])
        for word in words[1:]:
            found = np.intersect1d(found, self.find(word), assume_unique=True)
        return found

    def share(self, words: Iterable[str]) -> Floats:
        """Give the share that each text has of some words, rare ones counting more: 0..1.

        Words weigh as in BM25 (Robertson and Zaragoza 2009), ln(1 + (n - df + .5) / (df + .5)).
        """
        found = np.zeros(self.n_texts, dtype=np.float32)
        total = 0.0
        for word in sorted(set(words)):
            rows = self.find(word)
            weight = float(np.log1p((self.n_texts - len(rows) + 0.5) / (len(rows) + 0.5)))
            found[rows] += np.float32(weight)
            total += weight
        return found / np.float32(total) if total else found


def read_words(text: str) -> list[str]:
    """Give the words of a text, without case and width."""
    folded = unicodedata.normalize("NFKC", text).casefold()
    return _WORD.findall(folded)


def find_names(text: str, lang: str) -> list[str]:
    """Give the words that stand for themselves in every language: numbers, codes and names.

    Those with a digit, with a capital behind their first letter (iPhone, SMS), in Latin letters
    where the text is in others, and with a capital within a sentence, but for German nouns and
    where most words have one.
    """
    words = list(_WORD.finditer(text))
    has_capitals = lang != "de" and 2 * sum(match[0][0].isupper() for match in words) <= len(words)
    has_own_letters = any(_is_foreign(match[0]) for match in words)
    found = []
    for match in words:
        word = match[0]
        is_within = match.start() > 0 and text[: match.start()].rstrip()[-1:] not in ".?!:"
        is_name = len(word) > 1 and (
            any(char.isdigit() for char in word)
            or any(char.isupper() for char in word[1:])
            or (has_own_letters and word.isascii() and word.isalpha())
            or (word[0].isupper() and is_within and has_capitals)
        )
        if is_name:
            found += read_words(word)
    return found


def _is_foreign(word: str) -> bool:
    return any(char.isalpha() and "LATIN" not in unicodedata.name(char, "LATIN") for char in word)


def number_words(texts: Sequence[str], first_row: int) -> NDArray[np.uint64]:
    """Give one number for each distinct word of each text: the word's above, the row's below."""
    pairs = [
        (number << 32) | row
        for row, text in enumerate(texts, first_row)
        for number in set(map(_number_word, read_words(text)))
    ]
    return np.array(pairs, dtype=np.uint64)


def make_postings(pairs: NDArray[np.uint64], n_texts: int) -> Postings:
    """Put what :func:`number_words` gave in order.

    :param pairs: sorted in place.
    """
    pairs.sort()
    rows = pairs.astype(np.uint32)  # keeps the lower half
    words, starts = np.unique((pairs >> _BITS).astype(np.uint32), return_index=True)
    return Postings(words, np.append(starts, len(rows)).astype(np.int64), rows, n_texts)


def _number_word(word: str) -> int:
    return zlib.crc32(word.encode("utf-8", "replace"))
