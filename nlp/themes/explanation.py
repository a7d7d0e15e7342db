"""Why a text has its theme: the members that speak for it, and how near the next theme came."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from nlp.themes.assignment import MAX_MEMBERS, Compared, Judge, KnownThemes, choose_members
from nlp.themes.centring import LanguageMeans, language_of, load_language_means
from nlp.themes.confidence import explain, score_confidence_to, strengths_of
from nlp.themes.nearest import N_VOTES, weigh_votes
from nlp.themes.vectors import Floats, Ints, best_similarities, check_vectors, mean_rows
from nlp.themes.wording import Wording, count_stems, load_wording, split_words, stem_of

N_NEAREST = 5
N_CANDIDATES = 3
N_WORDS = 6
# Words that a theme's texts share are counted in so many of them.
_MAX_WORD_TEXTS = 500
_MIN_WORD_TEXTS = 2


@dataclass(frozen=True)
class Member:
    """A member of a known theme that is near to the text.

    :param row: its number among the known members.
    :param likeness: cosine.
    :param words: words in common, as the text has them.
    """

    row: int
    label: int
    likeness: float
    words: tuple[str, ...]


@dataclass(frozen=True)
class SharedWord:
    """A word of the text, and in how many of the theme's texts it occurs.

    :param n_of: texts that were looked at.
    """

    word: str
    n_texts: int
    n_of: int


@dataclass(frozen=True)
class Candidate:
    """A theme that the text could have.

    :param n_votes: of the ten nearest members.
    :param share: of their votes by weight.
    :param closeness: cosine to the theme's centre.
    :param strength: how well the text would fit it, 0..1.
    :param words: that the text and the theme have in common, the most frequent first.
    """

    label: int
    n_votes: int
    share: float
    closeness: float
    strength: float
    words: tuple[SharedWord, ...]


@dataclass(frozen=True)
class Explanation:
    """What speaks for which theme.

    :param candidates: best first; the second is the runner-up.
    :param nearest: members of any theme, nearest first.
    :param n_asked: members that voted, ten unless there are fewer.
    :param likeness: mean cosine to these.
    :param lacking: confidence that lacks for a strength of one half with the best theme; 0 when
        nothing does. Confidence is likeness + closeness + half of the share of votes.
    :param reason: why it would be left unassigned now, None when it would be assigned.
    :param is_across: whether only members in other languages could be asked.
    """

    candidates: tuple[Candidate, ...]
    nearest: tuple[Member, ...]
    n_asked: int
    likeness: float
    lacking: float
    reason: str | None
    is_across: bool


def explain_assignment(
    text: str,
    vector: NDArray[np.floating],
    voice: str,
    known: KnownThemes,
    known_texts: Sequence[str],
    *,
    means: LanguageMeans | None = None,
    max_members: int = MAX_MEMBERS,
) -> Explanation | None:
    """Say what :func:`nlp.themes.assignment.assign_themes` would do with one text, and why.

    :param text: normalised.
    :param vector: (d,) unit row.
    :param voice: language, or language and register (``centring.voice_of``).
    :param known: members of the known themes, without the text itself.
    :param known_texts: their normalised texts.
    :returns: None when there is no theme to compare with.
    :raises ValueError: when lengths differ or vectors hold NaN or infinity.
    """
    check_vectors(known.vectors, len(known_texts))
    check_vectors(vector[None], 1)
    if not len(known_texts):
        return None
    kept = choose_members(known, max_members)
    chosen = known.take(kept)
    judge = Judge(chosen, load_language_means() if means is None else means)
    lang = language_of(voice)
    asked = _Asked(judge.place(vector[None], voice), chosen.labels)
    own_texts = [known_texts[kept[row]] for row in asked.members]
    words = _Words(text, load_wording(lang), own_texts, asked.labels)
    confidences = asked.score_confidences()
    cut, scale = judge.cut_of(lang)
    strengths = strengths_of(confidences, cut, scale)
    candidates = [
        Candidate(
            label,
            int(asked.n_votes[label]),
            round(float(asked.shares[label]), 4),
            round(float(asked.closeness[label]), 4),
            round(float(strength), 4),
            words.share_with(label),
        )
        for label, strength in zip(asked.ranked, strengths, strict=True)
    ]
    return Explanation(
        candidates=tuple(candidates),
        nearest=tuple(
            Member(kept[asked.members[at]], int(asked.labels[at]), likeness, words.share(at))
            for at, likeness in asked.nearest
        ),
        n_asked=int(asked.n_votes.sum()),
        likeness=round(asked.likeness, 4),
        lacking=round(max(cut - float(confidences[0]), 0), 4),
        reason=explain(text, lang, candidates[0].strength, candidates[0].share),
        is_across=all(chosen.langs[row] != lang for row in asked.members),
    )


class _Asked:
    """One text among the members that it is compared with, and how these vote."""

    def __init__(self, placed: Compared, labels: Ints) -> None:
        self.members = placed.members.tolist()
        self.labels = labels[placed.members]
        n_themes = int(self.labels.max()) + 1
        indices, cosines = best_similarities(placed.rows, placed.known, N_VOTES)
        voted = self.labels[indices[0]]
        votes = np.bincount(voted, weights=weigh_votes(cosines[0]), minlength=n_themes)
        self.likeness = float(cosines.mean())
        self.nearest = [
            (int(at), round(float(cosine), 4))
            for at, cosine in zip(indices[0][:N_NEAREST], cosines[0], strict=False)
        ]
        self.n_votes = np.bincount(voted, minlength=n_themes)
        self.shares = (votes / votes.sum()).astype(np.float32)
        self._row = placed.rows[0]
        self._centres = mean_rows(placed.known, self.labels, n_themes)
        self.closeness = self._centres @ self._row
        self.ranked = self._rank_themes()

    def score_confidences(self) -> Floats:
        """How sure each of the ranked themes would be."""
        n = len(self.ranked)
        return score_confidence_to(
            np.repeat(self._row[None], n, axis=0),
            self._centres[self.ranked],
            np.full(n, self.likeness, dtype=np.float32),
            self.shares[self.ranked],
        )

    def _rank_themes(self) -> list[int]:
        """By votes, then by how near their centres are."""
        themes = np.unique(self.labels)
        near = -np.round(self.closeness[themes], 4)
        order = np.lexsort((themes, near, -self.shares[themes]))
        return [int(label) for label in themes[order][:N_CANDIDATES]]


class _Words:
    """Finds the words that a text shares with others: no stop words, endings and particles off."""

    def __init__(self, text: str, wording: Wording, texts: Sequence[str], labels: Ints) -> None:
        self._wording = wording
        self._texts = texts
        self._labels = labels
        self._stems = count_stems([text, *texts], wording)
        self._own = dict(self._read(text))

    def share(self, row: int) -> tuple[str, ...]:
        """Words in common with one text, in the order of the asked one."""
        other = dict(self._read(self._texts[row]))
        return tuple(word for stem, word in self._own.items() if stem in other)

    def share_with(self, label: int) -> tuple[SharedWord, ...]:
        """Words in common with the texts of a theme, the most frequent first."""
        texts = [self._texts[row] for row in np.flatnonzero(self._labels == label).tolist()]
        texts = sorted(set(texts))[:_MAX_WORD_TEXTS]
        n_texts = dict.fromkeys(self._own, 0)
        for text in texts:
            for stem in self._own.keys() & dict(self._read(text)).keys():
                n_texts[stem] += 1
        fewest = min(_MIN_WORD_TEXTS, len(texts))
        shared = [stem for stem, n in n_texts.items() if n >= fewest]
        ranked = sorted(shared, key=lambda stem: (-n_texts[stem], stem))[:N_WORDS]
        return tuple(SharedWord(self._own[stem], n_texts[stem], len(texts)) for stem in ranked)

    def _read(self, text: str) -> Iterator[tuple[str, str]]:
        """Stem and word of each word that says something."""
        for words in split_words(text):
            for word in words:
                if not self._wording.is_stop(word):
                    yield stem_of(word, self._stems), word.lower()
