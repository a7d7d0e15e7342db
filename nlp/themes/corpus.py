"""A corpus in canonical form: distinct texts in an order that no input order can change."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property
from hashlib import sha256
from itertools import chain

import numpy as np
from numpy.typing import NDArray

from nlp.themes.centring import language_of
from nlp.themes.content import is_short, is_without_content
from nlp.themes.sampling import draw_sample
from nlp.themes.vectors import READ_ROWS, Floats, VectorRows, check_finite, rows_by_language

UNKNOWN_LANGUAGE = "und"
MIN_LANGUAGE_ROWS = 30
_LONGER_SHARE = 0.6


@dataclass(frozen=True)
class TextVectors:
    """The vector of each distinct text, read when it is asked for.

    Equal texts should have equal vectors; where they do not, as they were read among others, the
    least by its bytes stands for all, so that the choice is not by the order of rows.

    :param source: (n, d) vectors of the input's rows.
    :param rows: (n,) numbers of the input's rows, those of one text together.
    :param starts: (m + 1,) where the rows of each text begin.
    """

    source: VectorRows
    rows: NDArray[np.intp]
    starts: NDArray[np.intp]

    def __getitem__(self, numbers: NDArray[np.intp]) -> Floats:
        """Read the vectors of some texts: (len(numbers), d).

        :raises ValueError: when a value is not finite.
        """
        sizes = self.starts[numbers + 1] - self.starts[numbers]
        places = np.repeat(np.arange(len(numbers)), sizes)
        within = np.arange(len(places)) - np.repeat(np.cumsum(sizes) - sizes, sizes)
        rows = self.rows[self.starts[numbers][places] + within]
        found = np.zeros((len(numbers), self.source.shape[1]), dtype=np.float32)
        least: dict[int, bytes] = {}
        for start in range(0, len(rows), READ_ROWS):
            part = slice(start, start + READ_ROWS)
            block = np.asarray(self.source[rows[part]])
            check_finite(block)
            is_least = _find_least(block, places[part], sizes, least)
            found[places[part][is_least]] = block[is_least]
        return found


def _find_least(
    block: NDArray[np.floating],
    places: NDArray[np.intp],
    sizes: NDArray[np.intp],
    least: dict[int, bytes],
) -> NDArray[np.bool_]:
    """Say which rows are the least of their text so far.

    :param places: (n,) number of the text of each row.
    :param sizes: rows of each text.
    :param least: by text of several rows; kept up to date.
    """
    is_least: NDArray[np.bool_] = sizes[places] == 1
    for row in np.flatnonzero(~is_least).tolist():
        text, data = int(places[row]), block[row].tobytes()
        if text not in least or data < least[text]:
            least[text] = data
            is_least[row] = True
    return is_least


@dataclass(frozen=True)
class Corpus:
    """Distinct texts ordered by sha256, with what is known of each.

    :param texts: m distinct texts.
    :param vectors: of each.
    :param voices: m voices, see ``centring.voice_of``; the most frequent where equal texts
        disagree.
    :param documents: (m,) number of what the text is a part of; the first where it is in several.
    :param periods: m names of the time that the text is from, the first of several; None where
        nothing is known.
    :param counts: (m,) how many said the text.
    :param sources: (n,) for each input row the number of its text.
    """

    texts: list[str]
    vectors: TextVectors
    voices: list[str]
    documents: NDArray[np.int32]
    periods: list[str] | None
    counts: NDArray[np.int64]
    sources: NDArray[np.intp]

    @cached_property
    def langs(self) -> list[str]:
        """Language code of each text."""
        return [language_of(voice) for voice in self.voices]

    def voices_of(self, numbers: NDArray[np.intp]) -> list[str]:
        """The voices of some texts."""
        return [self.voices[number] for number in numbers.tolist()]


def collapse_texts(
    texts: Sequence[str],
    vectors: VectorRows,
    voices: Sequence[str],
    documents: Sequence[str] | None = None,
    periods: Sequence[str] | None = None,
    counts: Sequence[int] | None = None,
) -> Corpus:
    """Put equal texts together and sort by sha256 of the text.

    :param counts: how many said what each row says; one each if None.
    """
    rows: dict[str, list[int]] = {}
    for row, text in enumerate(texts):
        rows.setdefault(text, []).append(row)
    ordered = sorted(rows, key=lambda text: sha256(text.encode("utf-8", "surrogatepass")).digest())
    grouped = [rows[text] for text in ordered]
    sizes = np.array([len(own) for own in grouped], dtype=np.int64)
    joined = np.fromiter(chain.from_iterable(grouped), dtype=np.intp, count=len(texts))
    sources = np.zeros(len(texts), dtype=np.intp)
    sources[joined] = np.repeat(np.arange(len(ordered)), sizes)
    return Corpus(
        ordered,
        TextVectors(vectors, joined, np.concatenate([[0], np.cumsum(sizes)]).astype(np.intp)),
        [_most_frequent([voices[row] for row in own]) for own in grouped],
        _number([min(documents[row] for row in own) for own in grouped])
        if documents
        else np.arange(len(ordered), dtype=np.int32),
        [min(periods[row] for row in own) for own in grouped] if periods else None,
        sizes if counts is None else np.bincount(sources, weights=counts).astype(np.int64),
        sources,
    )


def _number(keys: Sequence[str]) -> NDArray[np.int32]:
    return np.unique(np.asarray(keys), return_inverse=True)[1].astype(np.int32)


def _most_frequent(values: Sequence[str]) -> str:
    if len(values) == 1:
        return values[0]
    counts = Counter(values)
    return min(counts, key=lambda value: (-counts[value], value))


def choose_fit_rows(corpus: Corpus, max_rows: int) -> NDArray[np.intp]:
    """Choose the rows that themes are discovered in: sound ones of languages with enough of them.

    Beyond ``max_rows`` every language and period gives its share, see ``sampling``.

    :returns: row numbers in canonical order.
    """
    sound = [not is_without_content(text) for text in corpus.texts]
    codes = [lang if ok else "" for lang, ok in zip(corpus.langs, sound, strict=True)]
    groups = {
        lang: _without_short(corpus, rows)
        for lang, rows in rows_by_language(codes).items()
        if lang and len(rows) >= MIN_LANGUAGE_ROWS
    }
    if len(groups) > 1:
        groups.pop(UNKNOWN_LANGUAGE, None)
    return draw_sample(groups, corpus.periods, max_rows)


def _without_short(corpus: Corpus, rows: NDArray[np.intp]) -> NDArray[np.intp]:
    """Leave out texts of a word or two where they are the exception; they are assigned later.

    Their neighbours share their theme least: .22 of ten against .34 from eight words on (demo).
    """
    longer = rows[[not is_short(corpus.texts[row]) for row in rows]]
    enough = max(MIN_LANGUAGE_ROWS, _LONGER_SHARE * len(rows))
    return longer if len(longer) >= enough else rows
