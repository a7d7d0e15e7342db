"""Words before what may be a name, and how much they say."""

import re
from typing import Final

from nlp.masking.name_lists import Latin, fold_name

__all__ = ["CUE_CHARS", "SAYING", "read_cue"]

# So far back a cue is looked for.
CUE_CHARS: Final = 40
SAYING: Final = frozenset({"strong", "role"})
"""Cues after which a name follows, of the lists or not."""
_MAX_CUE_WORDS: Final = 4
_QUOTED = re.compile(r"[\"”“] ?(?:says|said|explained|asked|replied|added) $")


def read_cue(before: str, names: Latin) -> str:
    """Say which cue stands at the end of a text: strong, role, self, weak, loose or ""."""
    if _QUOTED.search(before):
        return "role"
    words = fold_name(before).split()[-_MAX_CUE_WORDS:]
    phrases = {" ".join(words[-n:]) for n in range(1, len(words) + 1)}
    phrases |= {phrase.rstrip(",:") for phrase in phrases}
    for cue, known in (
        ("strong", names.strong),
        ("role", names.roles),
        ("self", names.introductions),
        ("weak", names.weak),
        ("loose", names.loose),
    ):
        if not phrases.isdisjoint(known):
            return cue
    return ""
