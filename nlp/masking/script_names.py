"""Names of people in Hebrew, Arabic and Persian: after words that say so, and from lists."""

import re
from collections.abc import Iterator, Sequence
from functools import lru_cache
from typing import Final, NamedTuple

from nlp.masking.name_lists import Script, fold_name, load_script

__all__ = ["find_script_names"]

# "عبد الله" is one word of a name.
_WORD = re.compile(
    r"\bعبد ال[\u0620-\u064a]{2,9}\b|"
    r"[א-ת\u0620-\u064a\u066e-\u06d3\u200c\u064b-\u0652]+(?:['\"׳״.:](?=[א-ת\s]|$)[א-ת]*)?"
)
_HEBREW = re.compile("[א-ת]")
_ARABIC = re.compile("[\u0620-\u064a]")
_PERSIAN = re.compile("[پچژگک\u06cc]")
_MAX_WORDS: Final = 3
_MAX_CUE_WORDS: Final = 4
_MIN_CHARS: Final = 4
_TO_THE: Final = "لل"
# After a lone name: a sign, the end, or where somebody is from.
_ENDED = re.compile(r"\s*(?:[,،.!;:\n)]|$)|[ ](?:من|مِن)[ ]")
# A gap that two words of one name may have between them.
_GAP: Final = " "


class _Word(NamedTuple):
    form: str
    start: int
    end: int


class _Known(NamedTuple):
    """What the lists know of a word.

    :param leads: whether a name may follow.
    :param is_name: whether it is one, by itself or behind a glued letter.
    """

    form: str
    leads: bool
    is_name: bool


def find_script_names(text: str) -> list[tuple[int, int]]:
    """Find names of people written without capitals."""
    if text.isascii():
        return []
    found: list[tuple[int, int]] = []
    if _HEBREW.search(text):
        found += _find(text, load_script("he"))
    if _ARABIC.search(text):
        found += _find(text, load_script("fa" if _PERSIAN.search(text) else "ar"))
    return found


def _find(text: str, script: Script) -> Iterator[tuple[int, int]]:
    words, may_begin, leads = [], [], False
    for match in _WORD.finditer(text):
        known = _look_up(match[0], script)
        words.append(_Word(known.form, *match.span()))
        may_begin.append(leads or known.is_name)
        leads = known.leads
    at = 0
    while at < len(words):
        if not may_begin[at]:
            at += 1
            continue
        run = _run(text, words, at)
        n_taken, start = _judge(text, words, at, run, script), words[at].start
        if not n_taken and _is_glued_name(run[0].form, script):
            n_taken, start = _count_full([_unglue(run[0]), *run[1:]], script), start + 1
        if n_taken:
            last = words[at + n_taken - 1]
            yield start, last.end - (last.form[-1] in ".:'\"׳״")
        at += max(1, n_taken)


@lru_cache(maxsize=1 << 16)
def _look_up(word: str, script: Script) -> _Known:
    form = fold_name(word).replace(" ", "")
    leads = _is_title(form, script) or form in script.ends
    return _Known(form, leads, _is_name(form, script) or _is_glued_name(form, script))


def _judge(text: str, words: Sequence[_Word], at: int, run: Sequence[_Word], script: Script) -> int:
    """Say how many words from here are a name."""
    cue = _read_cue(text, words, at, script)
    if not cue:
        return _count_full(run, script)
    n_names = _count_names(run, script)
    if cue in ("whole", "strong") and not n_names:
        return _count_unlisted(run, script)
    if cue == "whole" and n_names == 1 and len(run) > 1:
        # A family name that no list has: more often than a verb after a title and a given name.
        # After a family name it is the verb, unless it has an article ("محمد الأحمد").
        is_family = run[0].form in script.family and not _has_article(run[1].form, script)
        return 1 if is_family or run[1].form in script.stops else 2
    if cue == "self" and n_names == 1:
        if run[0].form in script.given and len(run) > 1 and _has_article(run[1].form, script):
            return 2
        is_ended = run[0].form in script.given and _ENDED.match(text, run[0].end) is not None
        return int(is_ended)
    return n_names


def _count_full(run: Sequence[_Word], script: Script) -> int:
    """Count the words of a given and a family name that need nothing before them."""
    n_names = _count_names(run, script)
    is_full = n_names > 1 and all(
        run[place].form in known or _is_compound(run[place].form, script)
        for place, known in ((0, script.given), (n_names - 1, script.family))
    )
    return n_names if is_full else 0


def _is_glued_name(form: str, script: Script) -> bool:
    return form.startswith(script.clitics) and _is_name(form[1:], script)


def _unglue(word: _Word) -> _Word:
    """Give a word without the letter of a preposition before it."""
    return _Word(word.form[1:], word.start + 1, word.end)


def _count_unlisted(run: Sequence[_Word], script: Script) -> int:
    """Count the words of a name whose given name no list has, after a word that says so."""
    if len(run) < 2 or run[0].form in script.stops or _has_article(run[0].form, script):
        return 0
    if run[1].form in script.joiners and len(run) > 2:
        return 3
    return 2 if _has_article(run[1].form, script) or _is_name(run[1].form, script) else 0


def _has_article(form: str, script: Script) -> bool:
    """Say whether a word begins with the article, as Arabic family names do and given ones not."""
    return bool(script.article) and form.startswith(script.article) and len(form) > _MIN_CHARS


def _run(text: str, words: Sequence[_Word], at: int) -> Sequence[_Word]:
    last = at + 1
    while (
        last < min(len(words), at + _MAX_WORDS)
        and text[words[last - 1].end : words[last].start] == _GAP
    ):
        last += 1
    return words[at:last]


def _count_names(run: Sequence[_Word], script: Script) -> int:
    """Count the words from the first that the lists know; a joiner counts between two of them."""
    n = 0
    for place, word in enumerate(run):
        if _is_name(word.form, script):
            n = place + 1
        elif not (n and word.form in script.joiners):
            break
    return n


def _is_name(form: str, script: Script) -> bool:
    is_listed = form in script.given or form in script.family or _is_compound(form, script)
    return is_listed and form not in script.stops


def _is_compound(form: str, script: Script) -> bool:
    """Say whether a word is a name of two, as those that begin with "servant of the" are."""
    return bool(script.compound) and form.startswith(script.compound) and form != script.compound


def _read_cue(text: str, words: Sequence[_Word], at: int, script: Script) -> str:
    if not at or text[words[at - 1].end : words[at].start].strip(" ,:،"):
        return ""
    last = words[at - 1].form
    if _is_title(last, script):
        return "whole"
    if last not in script.ends:
        return ""
    before = [word.form for word in words[max(0, at - _MAX_CUE_WORDS) : at]]
    phrases = {" ".join(before[-n:]) for n in range(1, len(before) + 1)}
    phrases |= {f"{phrase}:" for phrase in phrases}
    cues = (script.own, script.strong, script.weak, script.introduces)
    for cue, known in zip(("whole", "strong", "weak", "self"), cues, strict=True):
        if not phrases.isdisjoint(known):
            return cue
    return ""


@lru_cache(maxsize=1 << 16)
def _is_title(word: str, script: Script) -> bool:
    return not _spell_title(word, script).isdisjoint(script.titles)


def _spell_title(word: str, script: Script) -> frozenset[str]:
    """Give the ways in which a title may be listed: "للأستاذ" is "الأستاذ" after "to"."""
    bare = word.rstrip(".")
    found = {word, bare}
    if word.startswith(script.clitics):
        found |= {bare[1:], script.article + bare[2:] if bare.startswith(_TO_THE) else bare[1:]}
    return frozenset(found)
