"""The name of the person who wrote a text, as their own record has it, found in the text."""

import re
from collections.abc import Iterator
from functools import lru_cache
from typing import Final

from nlp.masking.name_lists import fold_name, load_latin, load_script

__all__ = ["find_known_names"]

_MIN_CHARS: Final = 3
_MAX_WORDS: Final = 5
_GLUED: Final = "(?:[והבלמשכ]{1,2}-?|و|ل|ب)?"
_WORD = re.compile(r"[^\W\d_]+(?:['’\u05f3-][^\W\d_]+)*")


def find_known_names(
    text: str, known: tuple[str, ...], keep: frozenset[str]
) -> list[tuple[int, int]]:
    """Find the whole of a known name, in any case; its parts where they are names by the lists.

    A part that is an ordinary word ("Good" of "Good Service") stays.
    """
    pattern = _compile(known)
    if pattern is None:
        return []
    spans = (match.span("mask") for match in pattern.finditer(text))
    return [span for span in spans if fold_name(text[slice(*span)]) not in keep]


@lru_cache(maxsize=4096)
def _compile(known: tuple[str, ...]) -> re.Pattern[str] | None:
    forms = sorted(
        {form for name in known for form in _list_forms(name)}, key=lambda f: (-len(f), f)
    )
    if not forms:
        return None
    names = "|".join(r"\s{1,3}".join(map(re.escape, form.split())) for form in forms)
    return re.compile(rf"(?<![\w<@]){_GLUED}(?P<mask>(?i:{names}))(?![\w>])")


def _list_forms(name: str) -> Iterator[str]:
    words = _WORD.findall(name)[:_MAX_WORDS]
    if len(words) > 1:
        yield " ".join(words)
    for word in words:
        if len(word) >= _MIN_CHARS and _is_name(fold_name(word)):
            yield word


def _is_name(form: str) -> bool:
    names = load_latin()
    if form in names.never:
        return False
    if form in names.given or form in names.family:
        return True
    scripts = map(load_script, ("he", "ar", "fa"))
    return any(
        form in script.given | script.family and form not in script.stops for script in scripts
    )
