"""Clauses beside a plain "but" whose opinions stand in no list: seen by how they begin.

"Der Akku hält zwei Stunden" blames with no word of blame. After "aber" it is an opinion still: what
begins with a subject of its own says something of its own. Words are in `clauses.toml`.
"""

import re
from collections.abc import Sequence
from typing import Final

from nlp.contrast import Rules
from nlp.opinions import Word

__all__ = [
    "begins_subject",
    "is_denied",
    "is_felt_apart",
    "is_repeated",
    "is_said_apart",
    "is_scene",
]

_MIN_CONTENT: Final = 2
_MIN_ARTICLED: Final = 4
_MIN_DENIED: Final = 2
_MAX_DENIED: Final = 6
_FELT_WITHIN: Final = 3
_STOP: Final = re.compile(r"[^\w\s'’\u200c-]")


def is_said_apart(text: str, left: Sequence[Word], right: Sequence[Word], rules: Rules) -> bool:
    """Say whether the two sides of a "but" each say something of their own."""
    near = _until_stop(text, right)
    if is_scene(left, rules):
        return False
    if min(len(_content(left, rules)), len(_content(near, rules))) < _MIN_CONTENT:
        return False
    if any(word.polarity for word in left):
        is_marked = _has_subject(left, rules) or _is_long(near, rules)
    else:
        is_marked = _has_subject(left, rules) and _is_long(near, rules)
    # Where articles are written on words, many subjects have none: "but two screws were missing".
    return _has_subject(near, rules) or (bool(rules.article) and is_marked)


def is_scene(words: Sequence[Word], rules: Rules) -> bool:
    """Say whether words only set the scene: "I ordered the fish (but it was cold)"."""
    is_praise = any(word.polarity > 0 for word in words)
    return not is_praise and any(word.form in rules.scene for word in words)


def is_repeated(left: Sequence[Word], right: Sequence[Word], rules: Rules) -> bool:
    """Say whether the right side only says the left again: "thanks, but really, thanks!"."""
    said = {word.form for word in left}
    content = _content(right, rules)
    return bool(content) and all(word.form in said for word in content)


def is_denied(left: Sequence[Word], right: Sequence[Word], rules: Rules) -> bool:
    """Say whether what is felt is denied of another thing: "(I like the X but) not the Y"."""
    if len(right) < _MIN_DENIED or len(right) > _MAX_DENIED or right[0].form not in rules.negations:
        return False
    is_opinion = any(word.polarity for word in right)
    return not is_opinion and _names_thing(right[1], rules) and _find_feeling(left, rules) > 0


def is_felt_apart(left: Sequence[Word], right: Sequence[Word], rules: Rules) -> bool:
    """Say whether each side begins with a feeling and its object: "loved the X, hated the Y"."""
    after = _find_feeling(right, rules)
    return (
        _find_feeling(left, rules) > 0
        and 0 < after < len(right)
        and _names_thing(right[after], rules)
    )


def begins_subject(word: Word, rules: Rules) -> bool:
    """Say whether a word can begin a subject: "the", or one that the article is written on."""
    is_said = word.form in rules.own and word.form not in rules.degree
    return is_said or _has_article(word, rules)


def _find_feeling(words: Sequence[Word], rules: Rules) -> int:
    """Give the place after a feeling that a side begins with ("I really like"), else 0."""
    places = (at for at, word in enumerate(words[:_FELT_WITHIN], 1) if word.form in rules.feeling)
    return next(places, 0)


def _names_thing(word: Word, rules: Rules) -> bool:
    return word.form in rules.things or _has_article(word, rules)


def _has_article(word: Word, rules: Rules) -> bool:
    is_long = len(word.form) >= _MIN_ARTICLED
    return bool(rules.article) and is_long and word.form.startswith(rules.article)


def _content(words: Sequence[Word], rules: Rules) -> list[Word]:
    hollow = rules.degree | rules.negations
    return [word for word in words if word.form not in hollow]


def _until_stop(text: str, words: Sequence[Word]) -> Sequence[Word]:
    for at in range(1, len(words)):
        if _STOP.search(text, words[at - 1].end, words[at].start):
            return words[:at]
    return words


def _is_long(words: Sequence[Word], rules: Rules) -> bool:
    return len(_content(words, rules)) > _MIN_CONTENT


def _has_subject(words: Sequence[Word], rules: Rules) -> bool:
    """Say whether words begin with a subject: "the", "my", "I", or an article written on a word."""
    if not rules.own:
        return True
    form = words[0].form
    head, mark, _ = form.partition("'")
    if form in rules.own or (mark and head + mark in rules.own):
        return True
    if rules.own_endings and form.endswith(rules.own_endings):
        return True
    return _has_article(words[0], rules)
