"""Rank the phrases that could name a theme: said by many of its texts, by few of the others'."""

import math
from collections import Counter, defaultdict
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, field

from nlp.themes.phrases import Phrases
from nlp.themes.wording import Wording, fold

_MIN_SHARE = 0.08
_MIN_SHARE_WIDE = 0.03
_MIN_TEXTS = 2
# A theme of more texts is named by what three of them say.
_MANY_TEXTS = 15
# A word that every third theme has as often, such as the brand, tells little.
_MIN_LIFT = 1.7
# By number of words: two or three read best, one is often too wide, four are rarely said again.
_LENGTH_WEIGHTS = {1: 0.7, 2: 1.25, 3: 1.15, 4: 0.9}
# A phrase is said in more ways than a word, so that each way is rarer.
_PHRASE_SHARE = 0.5
# A word with less lift, or one of most themes, such as the brand, lends little to a name.
_WEAK_LIFT = 1.2
_WIDESPREAD = 0.5
_ENOUGH_THEMES = 6
_WEAK_WORD = 0.4
# A phrase of the theme's best words is worth this part of them if it is said but once, and more the
# nearer it comes to being said whenever they are.
_N_BEST = 4
_JOINED_SHARE = 0.4
_JOINED_WEIGHT = 1.8


@dataclass
class PhraseCounts:
    """In how many texts of a theme, or of a language, each phrase occurs.

    :param themes_with: of a language, in how many of its themes.
    """

    n_texts: int = 0
    texts_with: Counter[str] = field(default_factory=Counter)
    n_themes: int = 0
    themes_with: Counter[str] = field(default_factory=Counter)
    shown: defaultdict[str, Counter[str]] = field(default_factory=lambda: defaultdict(Counter))

    def add(self, phrases: Phrases) -> None:
        """Count the phrases of one text."""
        self.n_texts += 1
        self.texts_with.update(phrases.keys())
        for key, words in phrases.items():
            self.shown[key][words] += 1

    def join(self, other: "PhraseCounts") -> "PhraseCounts":
        """Both as one; what themes hold is that of the first."""
        joined = PhraseCounts(n_themes=self.n_themes, themes_with=self.themes_with)
        joined.n_texts = self.n_texts + other.n_texts
        joined.texts_with = self.texts_with + other.texts_with
        return joined

    def show(self, key: str) -> str:
        """The form of a phrase that a reader sees."""
        words = self.shown[key]
        # "not working" reads better than "not work", and is said nearly as often.
        weights = {form: n * (2 if form.endswith("ing") else 1) for form, n in words.items()}
        # A capital is more often the beginning of a sentence than a name.
        return min(weights, key=lambda form: (-weights[form], len(form.split()), form.swapcase()))


@dataclass(frozen=True)
class Scored:
    """A phrase, its words as they are shown, and how well it would name the theme."""

    key: str
    words: str
    score: float
    n_texts: int


def rank_phrases(
    theme: PhraseCounts,
    everything: PhraseCounts,
    wording: Wording,
    *,
    is_wide: bool = False,
) -> list[Scored]:
    """Score the phrases of a theme, best first.

    :param is_wide: those that few of its texts hold, too.
    """
    fewest = _MIN_TEXTS if theme.n_texts > _MIN_TEXTS else 1
    if theme.n_texts >= _MANY_TEXTS and not is_wide:
        fewest += 1
    least = max(fewest, (_MIN_SHARE_WIDE if is_wide else _MIN_SHARE) * theme.n_texts)
    least_phrase = min(least, max(_MIN_TEXTS, _PHRASE_SHARE * least))
    lifts = {key: _find_lift(key, theme, everything) for key in theme.texts_with}
    widespread = _find_widespread(everything)
    words = _score_all(
        theme,
        lifts,
        [key for key, n in theme.texts_with.items() if " " not in key and n >= least],
        widespread,
    )
    best = {item.key: item for item in words[:_N_BEST]}
    phrases = []
    for key, n_texts in theme.texts_with.items():
        if " " not in key:
            continue
        parts = set(key.split()) - wording.negations
        is_negated = len(parts) < len(key.split())
        shown = [word for word in theme.show(key).split() if fold(word) not in wording.closers]
        # Three of the best words may have one more between them: "delay in sending orders".
        is_run = is_negated or len(shown) <= len(parts) + (len(parts) > 2)
        is_of_best = len(parts) > 1 and parts <= best.keys()
        if is_of_best and (is_run or n_texts >= _MIN_TEXTS):
            # Said once is enough where its words are what the theme is about.
            phrases.append(_join_words(key, theme, [best[part] for part in parts]))
        elif n_texts >= least_phrase:
            phrases += _score_all(theme, lifts, [key], widespread)
    return sorted([*words, *phrases], key=lambda item: (-item.score, item.key))


def _score_all(
    theme: PhraseCounts,
    lifts: Mapping[str, float],
    keys: Collection[str],
    widespread: Collection[str],
) -> list[Scored]:
    scored = []
    for key in keys:
        if lifts[key] < _MIN_LIFT:
            continue
        words = key.split()
        weight = _LENGTH_WEIGHTS.get(len(words), 0.5)
        is_weak = any(lifts.get(word, _WEAK_LIFT) < _WEAK_LIFT for word in words)
        if is_weak or key in widespread:
            weight *= _WEAK_WORD
        n_texts = theme.texts_with[key]
        score = n_texts / theme.n_texts * math.log(lifts[key]) * weight
        scored.append(Scored(key, theme.show(key), round(score, 6), n_texts))
    return sorted(scored, key=lambda item: (-item.score, item.key))


def _find_widespread(everything: PhraseCounts) -> set[str]:
    """Words that occur in most themes of a language: the brand, and what all of it is about."""
    if everything.n_themes < _ENOUGH_THEMES:
        return set()
    most = _WIDESPREAD * everything.n_themes
    return {key for key, n in everything.themes_with.items() if n > most and " " not in key}


def _join_words(key: str, theme: PhraseCounts, words: Sequence[Scored]) -> Scored:
    """Score a phrase of the best words: by how often it is said, and by half of what they score."""
    n_texts = theme.texts_with[key]
    share = max(n_texts / min(word.n_texts for word in words), _JOINED_SHARE)
    score = share * sum(word.score for word in words) / len(words) * _JOINED_WEIGHT
    return Scored(key, theme.show(key), round(score, 6), n_texts)


def _find_lift(key: str, theme: PhraseCounts, everything: PhraseCounts) -> float:
    """How many times as often a theme has a phrase as the others of its language."""
    n_others = everything.n_texts - theme.n_texts
    if not n_others:
        return math.e
    n_texts = theme.texts_with[key]
    elsewhere = (everything.texts_with[key] - n_texts + 0.5) / (n_others + 1)
    return n_texts / theme.n_texts / elsewhere
