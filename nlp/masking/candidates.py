"""What a pattern found, with what stands around it, before a check has judged it."""

from typing import Final, NamedTuple

CONTEXT_CHARS: Final = 60
"""Checks see so many characters before and after a candidate."""
GLUED: Final = "(?:[והבלמשכ]{1,2}|و|ال|وال|بال|لل|ب|ل)?"
"""Pattern of prepositions and articles that Hebrew and Arabic glue to a word."""


class Candidate(NamedTuple):
    """A part of a text that may be personal data; digits, spaces and dashes are in ASCII.

    :param before: the text before it, personal data of this kind masked.
    :param region: two-letter country, where it is known.
    :param keep: names that are none of a person, in lower case.
    """

    text: str
    before: str = ""
    after: str = ""
    region: str | None = None
    keep: frozenset[str] = frozenset()
