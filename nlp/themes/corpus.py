"""A corpus in canonical form: distinct texts in an order that no input order can change."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property
from hashlib import sha256

import numpy as np
from numpy.typing import NDArray

from nlp.themes.centring import language_of
from nlp.themes.content import is_short, is_without_content
from nlp.themes.vectors import rows_by_language

UNKNOWN_LANGUAGE = "und"
MIN_LANGUAGE_ROWS = 30
# Fewest sampled texts of a language that has them: a small language is not sampled away.
_MIN_SAMPLE_ROWS = 1_000
_LONGER_SHARE = 0.6


@dataclass(frozen=True)
class Corpus:
    """Distinct texts ordered by sha256, with what is known of each.

    :param texts: m distinct texts.
    :param vectors: (m, d) float32 rows.
    :param voices: m voices, see ``centring.voice_of``; the most frequent where equal texts
        disagree.
    :param documents: (m,) number of what the text is a part of; the first where it is in several.
    :param counts: (m,) how many input rows have the text.
    :param sources: (n,) for each input row the number of its text.
    """

    texts: list[str]
    vectors: NDArray[np.float32]
    voices: list[str]
    documents: NDArray[np.int32]
    counts: NDArray[np.int64]
    sources: NDArray[np.intp]

    @cached_property
    def langs(self) -> list[str]:
        """Language code of each text."""
        return [language_of(voice) for voice in self.voices]


def collapse_texts(
    texts: Sequence[str],
    vectors: NDArray[np.floating],
    voices: Sequence[str],
    documents: Sequence[str] | None = None,
) -> Corpus:
    """Put equal texts together and sort by sha256 of the text."""
    rows: dict[str, list[int]] = {}
    for row, text in enumerate(texts):
        rows.setdefault(text, []).append(row)
    ordered = sorted(rows, key=lambda text: sha256(text.encode("utf-8", "surrogatepass")).digest())
    sources = np.zeros(len(texts), dtype=np.intp)
    chosen = []
    for number, text in enumerate(ordered):
        sources[rows[text]] = number
        # Equal texts should have equal vectors; where they do not, the choice must not be by order.
        chosen.append(min(rows[text], key=lambda row: vectors[row].tobytes()))
    return Corpus(
        ordered,
        vectors[chosen].astype(np.float32).reshape(len(ordered), vectors.shape[1]),
        [_most_frequent(voices[row] for row in rows[text]) for text in ordered],
        _number([min(documents[row] for row in rows[text]) for text in ordered])
        if documents
        else np.arange(len(ordered), dtype=np.int32),
        np.array([len(rows[text]) for text in ordered], dtype=np.int64),
        sources,
    )


def _number(keys: Sequence[str]) -> NDArray[np.int32]:
    return np.unique(np.asarray(keys), return_inverse=True)[1].astype(np.int32)


def _most_frequent(values: object) -> str:
    counts = Counter(values)  # type: ignore[call-overload]
    return str(min(counts, key=lambda value: (-counts[value], value)))


def choose_fit_rows(corpus: Corpus, max_rows: int) -> NDArray[np.intp]:
    """Choose the rows that themes are discovered in: sound ones of languages with enough of them.

    Beyond ``max_rows`` every language gives its share, lowest sha256 first, so that the sample
    changes little when data is added.

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
    n_rows = sum(map(len, groups.values()))
    share = min(1.0, max_rows / max(n_rows, 1))
    parts = [
        rows[: len(rows) if share == 1 else max(int(share * len(rows)), _MIN_SAMPLE_ROWS)]
        for rows in groups.values()
    ]
    return np.sort(np.concatenate(parts)) if parts else np.zeros(0, dtype=np.intp)


def _without_short(corpus: Corpus, rows: NDArray[np.intp]) -> NDArray[np.intp]:
    """Leave out texts of a word or two where they are the exception; they are assigned later.

    Their neighbours share their theme least: .22 of ten against .34 from eight words on (demo).
    """
    longer = rows[[not is_short(corpus.texts[row]) for row in rows]]
    enough = max(MIN_LANGUAGE_ROWS, _LONGER_SHARE * len(rows))
    return longer if len(longer) >= enough else rows
