"""Text of one direction inside text of another, kept apart by isolates (UAX 9)."""

import unicodedata
from typing import Final

LEFT_TO_RIGHT, RIGHT_TO_LEFT, END = "\u2066", "\u2067", "\u2069"
ISOLATES: Final = frozenset("\u2066\u2067\u2068\u2069")
_RIGHT = frozenset({"R", "AL"})
# A Hebrew sentence with two Latin brands in it is one all the same.
_MIN_SHARE = 0.3


def is_right_to_left(text: str) -> bool:
    """Whether a text is to be read from right to left: three in ten of its letters say so.

    Its first letter alone would get a Hebrew sentence wrong that begins with a Latin brand.
    """
    kinds = [unicodedata.bidirectional(letter) for letter in text]
    n_right = sum(kind in _RIGHT for kind in kinds)
    return n_right > 0 and n_right >= _MIN_SHARE * (n_right + kinds.count("L"))


def has_right_to_left(text: str) -> bool:
    """Whether something in a text would turn its neighbours around."""
    return any(unicodedata.bidirectional(letter) in {"R", "AL", "AN"} for letter in text)


def isolate(text: str, *, is_right: bool) -> str:
    """A text that turns nothing around it, and that nothing turns."""
    return f"{RIGHT_TO_LEFT if is_right else LEFT_TO_RIGHT}{text}{END}"
