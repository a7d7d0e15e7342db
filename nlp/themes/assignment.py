"""Assign new mentions to themes that are known and stay as they are."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from functools import cached_property
from hashlib import sha256

import numpy as np
from numpy.typing import NDArray

from nlp.themes.centring import (
    LanguageMeans,
    align_languages,
    centre_rows,
    language_of,
    load_language_means,
    name_voices,
)
from nlp.themes.confidence import explain_all, fit_cut, strengths_of
from nlp.themes.corpus import MIN_LANGUAGE_ROWS
from nlp.themes.nearest import Nearest, cut_across, nearest_themes
from nlp.themes.vectors import Floats, Ints, check_vectors, rows_by_language

# Comparing with more members costs time in proportion and gains little: half of airline assigned by
# the other half, AMI .18 with 850 members, .22 with 6,200; banking77 .64 with 1,000, .65 with all.
MAX_MEMBERS = 5_000
_MIN_THEME_MEMBERS = 20
_BLOCK = 20_000


@dataclass(frozen=True)
class KnownThemes:
    """Members of known themes, as discovery or an earlier run left them.

    :param vectors: (m, d) unit rows of the encoder, not centred.
    :param langs: m language codes.
    :param labels: (m,) theme numbers 0.., no -1. Best: assigned members only.
    :param centres: what discovery subtracted from each language (``Discovery.centres``).
    :param registers: m registers, see ``discover_themes``.
    """

    vectors: NDArray[np.floating]
    langs: Sequence[str]
    labels: Ints
    centres: Mapping[str, Floats]
    registers: Sequence[str] | None = None

    @cached_property
    def voices(self) -> list[str]:
        """Voice of each member."""
        return name_voices(self.langs, self.registers)

    def take(self, rows: Sequence[int]) -> KnownThemes:
        """Only these members."""
        return replace(
            self,
            vectors=np.asarray(self.vectors)[rows],
            langs=[self.langs[row] for row in rows],
            labels=np.asarray(self.labels, dtype=np.int32)[rows],
            registers=self.registers and [self.registers[row] for row in rows],
        )


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
    registers: Sequence[str] | None = None,
    means: LanguageMeans | None = None,
    max_members: int = MAX_MEMBERS,
) -> Assignment:
    """Give each text the theme that most of its ten nearest known members have.

    Each row is judged by itself: neither order nor company of the new texts changes its result.

    :param texts: n normalised texts.
    :param vectors: (n, d) unit rows of the encoder that the known themes were found with.
    :param langs: n language codes.
    :param registers: n registers, see ``discover_themes``.
    :param means: fixed language means of this encoder; those of the default encoder if None.
    :param max_members: about how many members to compare with, shared among the themes by size.
    :raises ValueError: when lengths differ or vectors hold NaN or infinity.
    """
    if len(langs) != len(texts):
        raise ValueError(f"{len(texts)} texts need as many languages, got {len(langs)}")
    check_vectors(vectors, len(texts))
    check_vectors(known.vectors, len(known.labels))
    labels = np.full(len(texts), -1, dtype=np.int32)
    strengths = np.zeros(len(texts), dtype=np.float32)
    shares = np.ones(len(texts), dtype=np.float32)
    if len(known.labels):
        fixed = load_language_means() if means is None else means
        judge = Judge(known.take(choose_members(known, max_members)), fixed)
        for voice, own in rows_by_language(name_voices(langs, registers)).items():
            for start in range(0, len(own), _BLOCK):
                rows = own[start : start + _BLOCK]
                found = judge.compare(vectors[rows], voice)
                labels[rows], shares[rows] = found.labels, found.shares
                strengths[rows] = strengths_of(found.confidences, *judge.cut_of(language_of(voice)))
    reasons = explain_all(texts, langs, strengths, shares)
    return Assignment(labels, strengths, tuple(reasons))


def recall_members(known: KnownThemes, means: LanguageMeans | None = None) -> Ints:
    """Let the members of each theme be judged by all others: (m,) theme numbers.

    How many come back to their theme says how well these vectors tell the themes apart.

    :param means: see :func:`assign_themes`.
    """
    recalled = np.full(len(known.labels), -1, dtype=np.int32)
    fixed = load_language_means() if means is None else means
    space = fixed.with_centres(known.centres)
    for rows in rows_by_language(known.langs).values():
        voices = [known.voices[row] for row in rows]
        own = centre_rows(known.vectors[rows], voices, space)
        recalled[rows] = nearest_themes(own, own, known.labels[rows], is_same=True).labels
    return recalled


@dataclass(frozen=True)
class Compared:
    """New rows and the members that they are compared with, in one space.

    :param rows: (n, k) unit rows.
    :param known: (m, k) unit rows.
    :param members: (m,) numbers of these members among all.
    """

    rows: Floats
    known: Floats
    members: NDArray[np.intp]


class Judge:
    """Compares rows with members of their own language, or across where there are too few."""

    def __init__(self, known: KnownThemes, fixed: LanguageMeans) -> None:
        self._known = known
        self._centres = fixed.with_centres(known.centres)
        self._across = fixed.to_compare_languages(known.centres)
        self._members = rows_by_language(known.langs)
        self._cuts: dict[str, tuple[float, float]] = {}

    def compare(self, vectors: NDArray[np.floating], voice: str) -> Nearest:
        """Let the nearest members vote on rows of one voice."""
        placed = self.place(vectors, voice)
        return nearest_themes(placed.rows, placed.known, self._known.labels[placed.members])

    def place(self, vectors: NDArray[np.floating], voice: str) -> Compared:
        """Put rows of one voice beside the members that can be compared with them."""
        voices, lang = [voice] * len(vectors), language_of(voice)
        members = self._own_members(lang)
        if len(members):
            rows = centre_rows(vectors, voices, self._centres)
            return Compared(rows, self._centre_members(lang), members)
        every = np.arange(len(self._known.labels))
        aligned = align_languages(
            np.concatenate([self._known.vectors, vectors]),
            [*self._known.voices, *voices],
            self._across,
            every,
        )
        return Compared(aligned[len(every) :], aligned[: len(every)], every)

    def cut_of(self, lang: str) -> tuple[float, float]:
        """Place the cut of a language on how sure the members are of each other."""
        if lang not in self._cuts:
            self._cuts[lang] = self._fit_cut(lang)
        return self._cuts[lang]

    def _fit_cut(self, lang: str) -> tuple[float, float]:
        known, members = self._known, self._own_members(lang)
        if len(members):
            own, labels = self._centre_members(lang), known.labels[members]
            return fit_cut(nearest_themes(own, own, labels, is_same=True).confidences)
        every = np.arange(len(known.labels))
        aligned = align_languages(known.vectors, known.voices, self._across, every)
        return cut_across(aligned, known.langs, known.labels)

    def _own_members(self, lang: str) -> NDArray[np.intp]:
        nobody = np.zeros(0, dtype=np.intp)
        members = self._members.get(lang, nobody)
        return members if len(members) >= MIN_LANGUAGE_ROWS else nobody

    def _centre_members(self, lang: str) -> Floats:
        members = self._own_members(lang)
        voices = [self._known.voices[row] for row in members]
        return centre_rows(self._known.vectors[members], voices, self._centres)


def choose_members(known: KnownThemes, max_members: int) -> list[int]:
    """Choose the first members of each theme and language by the hash of their vector.

    :param max_members: about how many, shared among the themes by size.
    """
    keys = [sha256(row.tobytes()).digest() for row in np.asarray(known.vectors, dtype=np.float16)]
    cells = list(zip(known.langs, known.labels.tolist(), strict=True))
    sizes = Counter(cells)
    share = min(1.0, max_members / len(cells))
    seen: Counter[tuple[str, int]] = Counter()
    kept = []
    for row in sorted(range(len(keys)), key=keys.__getitem__):
        seen[cells[row]] += 1
        if seen[cells[row]] <= max(share * sizes[cells[row]], _MIN_THEME_MEMBERS):
            kept.append(row)
    return kept
