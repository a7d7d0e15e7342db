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
    Alignment,
    LanguageMeans,
    centre_rows,
    fit_alignment,
    language_of,
    load_language_means,
    name_voices,
)
from nlp.themes.confidence import explain_all, fit_cut, strengths_of
from nlp.themes.corpus import MIN_LANGUAGE_ROWS
from nlp.themes.nearest import Nearest, Voters, cut_across, nearest_themes
from nlp.themes.vectors import (
    BLOCK_ROWS,
    Floats,
    Ints,
    VectorRows,
    check_shape,
    check_vectors,
    map_in_threads,
    read_blocks,
    rows_by_language,
)

# Comparing with more members costs time in proportion and gains little: half of airline assigned by
# the other half, AMI .18 with 850 members, .22 with 6,200; banking77 .64 with 1,000, .65 with all.
MAX_MEMBERS = 5_000
_MIN_THEME_MEMBERS = 20


@dataclass(frozen=True)
class KnownThemes:
    """Members of known themes, as discovery or an earlier run left them.

    :param vectors: (m, d) unit rows of the encoder, not centred.
    :param langs: m language codes.
    :param labels: (m,) theme numbers 0.., no -1. Best: assigned members only.
    :param centres: what discovery subtracted from each language (``Discovery.centres``).
    :param registers: m registers, see ``discover_themes``.
    :param keys: m hashes to choose members by, where there are too many; those of the vectors if
        None.
    """

    vectors: NDArray[np.floating]
    langs: Sequence[str]
    labels: Ints
    centres: Mapping[str, Floats]
    registers: Sequence[str] | None = None
    keys: Sequence[str] | None = None

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
            keys=self.keys and [self.keys[row] for row in rows],
        )


@dataclass(frozen=True)
class Assignment:
    """Best known theme of each new text; see ``Discovery`` for the fields."""

    labels: Ints
    strengths: Floats
    reasons: tuple[str | None, ...]


def assign_themes(
    texts: Sequence[str],
    vectors: VectorRows,
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
    :param vectors: (n, d) unit rows of the encoder that the known themes were found with; read in
        blocks.
    :param langs: n language codes.
    :param registers: n registers, see ``discover_themes``.
    :param means: fixed language means of this encoder; those of the default encoder if None.
    :param max_members: about how many members to compare with, shared among the themes by size.
    :raises ValueError: when lengths differ or vectors hold NaN or infinity.
    """
    if len(langs) != len(texts):
        raise ValueError(f"{len(texts)} texts need as many languages, got {len(langs)}")
    check_shape(vectors, len(texts))
    check_vectors(known.vectors, len(known.labels))
    labels = np.full(len(texts), -1, dtype=np.int32)
    strengths = np.zeros(len(texts), dtype=np.float32)
    shares = np.ones(len(texts), dtype=np.float32)
    voices = name_voices(langs, registers)
    if len(known.labels):
        fixed = load_language_means() if means is None else means
        judge = Judge(known.take(choose_members(known, max_members)), fixed)
        for rows, block in read_blocks(vectors):
            found, cuts = judge.compare_all(block, voices[rows])
            labels[rows], shares[rows] = found.labels, found.shares
            strengths[rows] = strengths_of(found.confidences, *cuts)
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
    """Compares rows with members of their own language, or across where there are too few.

    What is asked of the members is computed once, when it is first needed.
    """

    def __init__(self, known: KnownThemes, fixed: LanguageMeans) -> None:
        self._known = known
        self._centres = fixed.with_centres(known.centres)
        self._across = fixed.to_compare_languages(known.centres)
        self._by_lang = rows_by_language(known.langs)
        self._cuts: dict[str, tuple[float, float]] = {}
        self._voters: dict[str, Voters] = {}

    def compare_all(
        self, vectors: NDArray[np.floating], voices: Sequence[str]
    ) -> tuple[Nearest, tuple[Floats, Floats]]:
        """Let the nearest members vote on rows of any voices, block by block on all cores.

        :returns: the best themes, and (n,) the cut of each row and its scale.
        """
        found = Nearest.of_nobody(len(vectors))
        cuts, scales = found.shares.copy(), found.shares.copy()
        blocks = []
        for voice, rows in rows_by_language(voices).items():
            cuts[rows], scales[rows] = self.cut_of(language_of(voice))
            # Made here, once, so that no two threads make it.
            voters = self._voters_of(language_of(voice))
            starts = range(0, len(rows), BLOCK_ROWS)
            blocks += [(voice, voters, rows[start : start + BLOCK_ROWS]) for start in starts]

        def judge(block: tuple[str, Voters, NDArray[np.intp]]) -> None:
            voice, voters, rows = block
            found.put(rows, voters.judge(self._place_rows(vectors[rows], voice)))

        map_in_threads(judge, blocks)
        return found, (cuts, scales)

    def place(self, vectors: NDArray[np.floating], voice: str) -> Compared:
        """Put rows of one voice beside the members that can be compared with them."""
        lang = language_of(voice)
        members = self._members_of(lang)
        return Compared(self._place_rows(vectors, voice), self._place_members(lang), members)

    def cut_of(self, lang: str) -> tuple[float, float]:
        """Place the cut of a language on how sure the members are of each other."""
        key = lang if self._has_own(lang) else ""
        if key not in self._cuts:
            self._cuts[key] = self._fit_cut(lang)
        return self._cuts[key]

    def _fit_cut(self, lang: str) -> tuple[float, float]:
        members, labels = self._place_members(lang), self._known.labels
        if not self._has_own(lang):
            return cut_across(members, self._known.langs, labels)
        own = labels[self._members_of(lang)]
        return fit_cut(nearest_themes(members, members, own, is_same=True).confidences)

    def _voters_of(self, lang: str) -> Voters:
        key = lang if self._has_own(lang) else ""
        if key not in self._voters:
            labels = self._known.labels[self._members_of(lang)]
            self._voters[key] = Voters(self._place_members(lang), labels)
        return self._voters[key]

    def _has_own(self, lang: str) -> bool:
        return len(self._by_lang.get(lang, ())) >= MIN_LANGUAGE_ROWS

    def _members_of(self, lang: str) -> NDArray[np.intp]:
        """The members that rows of a language are compared with: all, where it has too few."""
        return self._by_lang[lang] if self._has_own(lang) else np.arange(len(self._known.labels))

    def _place_members(self, lang: str) -> Floats:
        if not self._has_own(lang):
            return self._alignment.place(self._known.vectors, self._known.voices)
        members = self._members_of(lang)
        voices = [self._known.voices[row] for row in members]
        return centre_rows(self._known.vectors[members], voices, self._centres)

    def _place_rows(self, vectors: NDArray[np.floating], voice: str) -> Floats:
        voices = [voice] * len(vectors)
        if self._has_own(language_of(voice)):
            return centre_rows(vectors, voices, self._centres)
        return self._alignment.place(vectors, voices)

    @cached_property
    def _alignment(self) -> Alignment:
        return fit_alignment(self._known.vectors, self._known.voices, self._across)


def choose_members(known: KnownThemes, max_members: int) -> list[int]:
    """Choose the first members of each theme and language by their hash.

    :param max_members: about how many, shared among the themes by size.
    """
    keys = known.keys or [
        sha256(row.tobytes()).hexdigest() for row in np.asarray(known.vectors, dtype=np.float16)
    ]
    return choose_by_key(keys, known.langs, known.labels, max_members)


def choose_by_key(
    keys: Sequence[str], langs: Sequence[str], labels: Ints, max_members: int
) -> list[int]:
    """Choose the first members of each theme and language by their key.

    :param max_members: about how many, shared among the themes by size; at least 20 of each.
    :returns: their numbers, in the order of their keys.
    """
    cells = list(zip(langs, labels.tolist(), strict=True))
    sizes = Counter(cells)
    share = min(1.0, max_members / max(len(cells), 1))
    seen: Counter[tuple[str, int]] = Counter()
    kept = []
    for row in sorted(range(len(keys)), key=keys.__getitem__):
        seen[cells[row]] += 1
        if seen[cells[row]] <= max(share * sizes[cells[row]], _MIN_THEME_MEMBERS):
            kept.append(row)
    return kept
