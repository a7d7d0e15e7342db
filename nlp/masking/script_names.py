"""Names of people in Hebrew, Arabic and Persian: after words that say so, and from lists."""

import re
from collections.abc import Iterator, Sequence
from typing import Final, NamedTuple

from nlp.masking.name_lists import Script, fold_name, load_script

__all__ = ["find_script_names"]

_WORD = re.compile(
    r"[א-ת\u0620-\u064a\u066e-\u06d3\u200c\u064b-\u0652]+(?:['\"׳״.:](?=[א-ת\s]|$)[א-ת]*)?"
)
_HEBREW = re.compile("[א-ת]")
_ARABIC = re.compile("[\u0620-\u064a]")
_PERSIAN = re.compile("[پچژگک\u06cc]")
_MAX_WORDS: Final = 3
_MAX_CUE_WORDS: Final = 4
_MIN_CHARS: Final = 4
# A gap that two words of one name may have between them.
_GAP: Final = " "


class _Word(NamedTuple):
    form: str
    start: int
    end: int


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
    words = [_Word(fold_name(match[0]), *match.span()) for match in _WORD.finditer(text)]
    at = 0
    while at < len(words):
        n_taken = _judge(text, words, at, script)
        if n_taken:
            last = words[at + n_taken - 1]
            yield words[at].start, last.end - (last.form[-1] in ".:'\"׳״")
        at += max(1, n_taken)


def _judge(text: str, words: Sequence[_Word], at: int, script: Script) -> int:
    """Say how many words from here are a name."""
    run = _run(text, words, at)
    n_names = _count_names(run, script)
    cue = _read_cue(text, words, at, script)
    if cue in ("whole", "strong") and not n_names:
        return _count_unlisted(run, script)
    if cue == "whole" and n_names == 1 and len(run) > 1:
        # A family name that no list has: more often than a verb after a title and a given name.
        # After a family name it is the verb.
        is_whole = run[0].form in script.family or run[1].form in script.stops
        return 1 if is_whole else 2
    if cue:
        return n_names
    is_full = n_names > 1 and run[0].form in script.given and run[n_names - 1].form in script.family
    return n_names if is_full else 0


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
    return (form in script.given or form in script.family) and form not in script.stops


def _read_cue(text: str, words: Sequence[_Word], at: int, script: Script) -> str:
    before = [word.form for word in words[max(0, at - _MAX_CUE_WORDS) : at]]
    if not before or len(text[words[at - 1].end : words[at].start].strip(" ,:،")):
        return ""
    if before[-1].rstrip(".") in script.titles or before[-1] in script.titles:
        return "whole"
    phrases = {" ".join(before[-n:]) for n in range(1, len(before) + 1)}
    phrases |= {f"{phrase}:" for phrase in phrases}
    for cue, known in (("whole", script.own), ("strong", script.strong), ("weak", script.weak)):
        if not phrases.isdisjoint(known):
            return cue
    return ""
