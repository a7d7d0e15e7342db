"""Clauses beside a plain "but" whose opinions stand in no list: seen by how they begin.

"Der Akku hält zwei Stunden" blames with no word of blame. After "aber" it is an opinion still: what
begins with a subject of its own says something of its own. Words are in `clauses.toml`.
"""

import re
from collections.abc import Sequence
from typing import Final

from nlp.contrast import Rules
from nlp.opinions import Word

__all__ = ["is_repeated", "is_said_apart", "is_scene"]

_MIN_CONTENT: Final = 2
_MIN_ARTICLED: Final = 4
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
    article = rules.article
    return bool(article) and len(form) >= _MIN_ARTICLED and form.startswith(article)
