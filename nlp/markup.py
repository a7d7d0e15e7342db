"""Tags of web pages inside what customers wrote: "Great food<br />bad service".

They say nothing, but where a line ends. Words in angle brackets that are no known tag stay:
placeholders (`<EMAIL>`), "<3", "5 < 6".
"""

import re
from typing import Final

__all__ = ["blank_markup", "drop_markup"]

# Without `address` and `code`, which masking may write.
_LINES: Final = "blockquote|br|div|h[1-6]|hr|li|ol|p|table|td|th|tr|ul"
_OTHERS: Final = (
    "a|abbr|b|big|body|center|del|em|font|head|html|i|img|ins|mark|s|small|span|strike|strong|sub|"
    "sup|tbody|thead|u"
)
# A tag inside what begins like one ("<b <br> >") is kept: dropping it would make another, and
# dropping twice would give another text than dropping once.
_MARKUP = re.compile(
    r"(?:<[a-z/!][^<>]*+(?=<))++<[^<>]*+>?"
    rf"|(?P<tag></?(?:(?P<line>{_LINES})|{_OTHERS})(?:\s[^<>]*+|/)?>|<!--[^<>]*+(?<=--)>)",
    re.IGNORECASE,
)


def drop_markup(text: str) -> str:
    """Put a space in the place of each tag and comment; a second time this changes nothing."""
    if "<" not in text:
        return text
    return _MARKUP.sub(lambda match: " " if match["tag"] else match[0], text)


def blank_markup(text: str) -> str:
    """Put spaces in the place of tags, as many as they have characters, so that offsets stay.

    A tag that begins or ends a line leaves a line end; spaces may be written `&nbsp;`.
    """
    text = text.replace("&nbsp;", " " * len("&nbsp;"))
    if "<" not in text:
        return text
    return _MARKUP.sub(_blank, text)


def _blank(match: re.Match[str]) -> str:
    if not match["tag"]:
        return match[0]
    return ("\n" if match["line"] else " ").ljust(len(match[0]))
