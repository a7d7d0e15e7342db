"""What a mention is about where spaces do not part words: the run that something is said of.

Chinese, Thai and Vietnamese (spaces part its syllables) put it before "very", "not" or the opinion;
Japanese marks it with a particle.
Words are data: `data/mentions/targets.toml`. No dictionary, so a run may hold a word too many.
"""

import re
from collections.abc import Collection, Sequence
from functools import cache
from typing import Final, NamedTuple

from nlp.opinions import load_opinions, read_rules

__all__ = ["find_unspaced_target", "unspaced_target_langs"]

_THAI_MARKS: Final = r"\u0e31\u0e34-\u0e3a\u0e47-\u0e4e"
_STOP: Final = re.compile(rf"[^\w{_THAI_MARKS}]+|\d+")
_SYLLABLE_STOP: Final = re.compile(r"\S*[^\w\s]\S*|\d+")
_JAPANESE: Final = "ja"
_MAX_SYLLABLES: Final = 4
_KANJI: Final = "一-龯々ァ-ヶーA-Za-zＡ-Ｚａ-ｚ"
_NAME: Final = rf"[おご]?[{_KANJI}]+(?:さん|ち(?=が|は|も)|え(?=が|は|も)|け(?=が|は|も))?"


class _Marks(NamedTuple):
    """How a language says what is spoken of.

    :param cue: what begins what is said of it.
    :param openers: what may stand before it: "I think", "this", "very good".
    :param inside: what no name holds: pronouns, aspect particles.
    """

    cue: re.Pattern[str]
    openers: re.Pattern[str]
    inside: re.Pattern[str] | None
    liking: re.Pattern[str] | None
    max_chars: int
    min_chars: int


def unspaced_target_langs() -> frozenset[str]:
    """Name the languages that this module reads."""
    rules = read_rules("targets")
    return frozenset(lang for lang, entry in rules.items() if "max_chars" in entry)


def find_unspaced_target(text: str, lang: str) -> str | None:
    """Name what a mention is about, in its own letters; None where nothing is named."""
    stop = _SYLLABLE_STOP if read_rules("targets")[lang].get("spaced") else _STOP
    runs = [run.strip() for run in stop.split(text) if run.strip()]
    find = _find_japanese if lang == _JAPANESE else _find_before_cue
    return next((found for run in runs if (found := find(run, lang))), None)


def _find_before_cue(run: str, lang: str) -> str | None:
    marks = _marks(lang)
    if marks.liking and (liked := marks.liking.search(run)):
        named = _name_in(run[liked.end() :], marks)
        if named:
            return named
    for cue in marks.cue.finditer(run):
        if named := _name_in(run[: cue.start()], marks):
            return named
        if cue.start() and not marks.openers.fullmatch(run[: cue.start()].strip()):
            break
    # "a very good service": what follows the last 的
    tail = run.rpartition("的")[2]
    return None if tail == run or marks.cue.search(tail) else _name_in(tail, marks)


def _name_in(run: str, marks: _Marks) -> str | None:
    """Take off what opens a run and what it belongs to ("the battery of this phone")."""
    name = run.strip()
    while opened := marks.openers.match(name):
        name = name[opened.end() :].strip()
    if end := marks.cue.search(name):
        name = name[: end.start()].strip()
    name = name.rpartition("的")[2]
    if not marks.min_chars <= len(name) <= marks.max_chars:
        return None
    if len(name.split()) > _MAX_SYLLABLES or (marks.inside and marks.inside.search(name)):
        return None
    return name.lower()


def _find_japanese(run: str, lang: str) -> str | None:
    """Take the noun before は, が or も, else before を or に, else the last after an adjective."""
    never = frozenset(read_rules("targets")[lang]["never"].split())
    for pattern in _japanese_patterns():
        for match in pattern.finditer(run):
            name = match[1]
            if name not in never and len(name) <= read_rules("targets")[lang]["max_chars"]:
                return name.lower()
    return None


@cache
def _japanese_patterns() -> Sequence[re.Pattern[str]]:
    named = rf"({_NAME})"
    return (
        re.compile(rf"{named}(?=は|が|も)"),
        re.compile(rf"{named}(?=を|に(?!は))"),
        re.compile(rf"(?<=[いなたの]){named}$"),
    )


@cache
def _marks(lang: str) -> _Marks:
    entry = read_rules("targets")[lang]
    opinions = load_opinions(lang)
    assert opinions is not None
    cues = {*entry["cues"].split(), *opinions.exact, *opinions.negations}
    cues -= set(entry.get("no_cues", "").split())
    is_spaced = entry.get("spaced", False)
    return _Marks(
        cue=_any_of(cues, is_spaced),
        openers=_any_of(entry["openers"].split(), is_spaced),
        inside=_any_of(entry["inside"].split(), is_spaced) if "inside" in entry else None,
        liking=_any_of(entry["liking"].split(), is_spaced) if "liking" in entry else None,
        max_chars=entry["max_chars"],
        min_chars=entry["min_chars"],
    )


def _any_of(words: Collection[str], is_spaced: bool) -> re.Pattern[str]:
    written = sorted({word.replace("_", " ") for word in words}, key=lambda w: (-len(w), w))
    either = "|".join(map(re.escape, written))
    return re.compile(rf"(?<!\w)(?:{either})(?!\w)" if is_spaced else either, re.IGNORECASE)
