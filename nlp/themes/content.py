"""What a text holds apart from placeholders, links and handles, and whether it is enough."""

from __future__ import annotations

import re
from functools import lru_cache
from itertools import islice

# Placeholders of the masking step (<EMAIL>), of public sets (@user, http) and of the CFPB (XXXX).
_MARKS = re.compile(r"<[A-Z_]+>|https?://\S*|\bhttp\b|www\.\S+|(?<!\w)@\w+|\b[xX]{2,}\b|\{\w+\}")
_WORD = re.compile(r"[^\W\d_]+(?:['’\u200c\u05f3\u05f4\"-][^\W\d_]+)*")
# Scripts written without spaces: two characters are about one word.
_UNSPACED_RANGES = r"\u0e00-\u0eff\u1000-\u109f\u1780-\u17ff\u3040-\u30ff\u3400-\u9fff"
_UNSPACED = re.compile(f"[{_UNSPACED_RANGES}]")
_SHORT_WORDS = 2
# A word between spaces that cannot be a part of a mark: what most texts begin with. To find a few
# of these takes a tenth of the time of counting all words.
_PLAIN_WORD = re.compile(rf"(?<!\S)(?!http(?!\S)|[xX]+(?!\S))[^\W\d_{_UNSPACED_RANGES}]+(?!\S)")


def strip_marks(text: str) -> str:
    """Replace placeholders, links and handles by spaces."""
    return _MARKS.sub(" ", text)


@lru_cache(maxsize=1 << 15)  # discovery asks up to four times about each text
def count_words(text: str) -> int:
    """Count the words that carry letters, placeholders, links and handles left out."""
    bare = strip_marks(text)
    n_unspaced = len(_UNSPACED.findall(bare))
    return len(_WORD.findall(_UNSPACED.sub(" ", bare))) + (n_unspaced + 1) // 2


def is_unspaced(text: str) -> bool:
    """Say whether a text holds a script that is written without spaces."""
    return _UNSPACED.search(text) is not None


def is_without_content(text: str) -> bool:
    """Say whether no word is left: emoji, digits, punctuation, placeholders or nothing."""
    return _PLAIN_WORD.search(text) is None and count_words(text) == 0


def is_short(text: str) -> bool:
    """Say whether a text has so few words that a doubtful theme is blamed on its length."""
    plain = islice(_PLAIN_WORD.finditer(text), _SHORT_WORDS + 1)
    return sum(1 for _ in plain) <= _SHORT_WORDS and count_words(text) <= _SHORT_WORDS
