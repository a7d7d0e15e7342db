"""Assign new mentions to themes that are known and stay as they are."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from hashlib import sha256

import numpy as np
from numpy.typing import NDArray

from nlp.themes.centring import LanguageMeans, align_languages, centre_rows, load_language_means
from nlp.themes.confidence import explain_all, fit_cut, strengths_of
from nlp.themes.corpus import MIN_LANGUAGE_ROWS
from nlp.themes.nearest import Nearest, cut_across, nearest_themes
from nlp.themes.vectors import Floats, Ints, check_vectors, rows_by_language

# Members beyond this say little new of a theme and cost time: a million rows are compared with
# each (300 themes: 2.3e9 comparisons of 384 numbers per 1,000 rows a theme keeps).
MAX_THEME_MEMBERS = 50


@dataclass(frozen=True)
class KnownThemes:
    """Members of known themes, as discovery or an earlier run left them.

    :param vectors: (m, d) unit rows of the encoder, not centred.
    :param langs: m language codes.
    :param labels: (m,) theme numbers 0.., no -1. Best: assigned members only.
    :param centres: what discovery subtracted from each language (``Discovery.centres``).
    """

    vectors: NDArray[np.floating]
    langs: Sequence[str]
    labels: Ints
    centres: Mapping[str, Floats]


@dataclass(frozen=True)
class Assignment:
    """Best known theme of each new text; see ``Discovery`` for the fields."""

    labels: Ints
    strengths: Floats
    reasons: tuple[str | None, ...]


def assign_themes(
    texts: Sequence[str],
    vectors: NDArray[np.floating],
    langs: Sequence[str],
    known: KnownThemes,
    *,
    means: LanguageMeans | None = None,
    max_members: int = MAX_THEME_MEMBERS,
) -> Assignment:
    """Give each text the theme that most of its ten nearest known members have.

    Each row is judged by itself: neither order nor company of the new texts changes its result.

    :param texts: n normalised texts.
    :param vectors: (n, d) unit rows of the encoder that the known themes were found with.
    :param langs: n language codes.
    :param means: fixed language means of this encoder; those of the default encoder if None.
    :param max_members: members of each theme and language to compare with.
    :raises ValueError: when lengths differ or vectors hold NaN or infinity.
    """
    if len(langs) != len(texts):
        raise ValueError(f"{len(texts)} texts need as many languages, got {len(langs)}")
    check_vectors(vectors, len(texts))
    check_vectors(known.vectors, len(known.labels))
    labels = np.full(len(texts), -1, dtype=np.int32)
    strengths = np.zeros(len(texts), dtype=np.float32)
    shares = np.zeros(len(texts), dtype=np.float32)
    if len(known.labels):
        fixed = load_language_means() if means is None else means
        kept = _choose_members(known, max_members)
        judge = _Judge(kept, fixed)
        for lang, rows in rows_by_language(langs).items():
            found, cut, scale = judge.compare(vectors[rows], lang)
            labels[rows], shares[rows] = found.labels, found.shares
            strengths[rows] = strengths_of(found.confidences, cut, scale)
    reasons = explain_all(texts, langs, strengths, shares)
    return Assignment(labels, strengths, tuple(reasons))


class _Judge:
    """Compares rows with members of their own language, or across where there are too few."""

    def __init__(self, known: KnownThemes, fixed: LanguageMeans) -> None:
        self._known = known
        self._fixed = fixed
        self._centres = LanguageMeans({**fixed.means, **known.centres}, fixed.fallback)
        self._members = rows_by_language(known.langs)

    def compare(self, vectors: NDArray[np.floating], lang: str) -> tuple[Nearest, float, float]:
        members = self._members.get(lang, np.zeros(0, dtype=np.intp))
        if len(members) < MIN_LANGUAGE_ROWS:
            return self._compare_across(vectors, lang)
        langs = [lang] * len(members)
        own = centre_rows(self._known.vectors[members], langs, self._centres)
        rows = centre_rows(vectors, [lang] * len(vectors), self._centres)
        labels = self._known.labels[members]
        cut, scale = fit_cut(nearest_themes(own, own, labels, is_same=True).confidences)
        return nearest_themes(rows, own, labels), cut, scale

    def _compare_across(
        self, vectors: NDArray[np.floating], lang: str
    ) -> tuple[Nearest, float, float]:
        n_known = len(self._known.labels)
        both = np.concatenate([self._known.vectors, vectors])
        langs = [*self._known.langs, *[lang] * len(vectors)]
        aligned = align_languages(both, langs, self._fixed, np.arange(n_known))
        cut, scale = cut_across(aligned[:n_known], self._known.langs, self._known.labels)
        return nearest_themes(aligned[n_known:], aligned[:n_known], self._known.labels), cut, scale


def _choose_members(known: KnownThemes, max_members: int) -> KnownThemes:
    """Keep the first members of each theme and language by the hash of their vector."""
    keys = [sha256(row.tobytes()).digest() for row in np.asarray(known.vectors, dtype=np.float16)]
    order = sorted(range(len(keys)), key=lambda row: (known.langs[row], keys[row]))
    counts: dict[tuple[str, int], int] = {}
    kept = []
    for row in order:
        cell = known.langs[row], int(known.labels[row])
        counts[cell] = counts.get(cell, 0) + 1
        if counts[cell] <= max_members:
            kept.append(row)
    return KnownThemes(
        np.asarray(known.vectors)[kept],
        [known.langs[row] for row in kept],
        np.asarray(known.labels, dtype=np.int32)[kept],
        known.centres,
    )
