"""Personal data in a text, found kind by kind and replaced by placeholders such as <EMAIL>.

Candidates come from linear-time patterns in `data/masking/recognisers.toml`; checks (check digits,
`phonenumbers`, the words around) decide. Dates, amounts and ids stay as they are.
"""

import re
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Final

from nlp.masking.candidates import CONTEXT_CHARS, Candidate
from nlp.masking.draft import Draft, MaskedSpan
from nlp.masking.kinds import (
    HANDLE,
    PERSON,
    Recogniser,
    choose_recognisers,
    compile_template,
    load_recognisers,
    to_ascii,
)
from nlp.masking.known_names import find_known_names
from nlp.masking.names import find_names

__all__ = ["STANDARD", "Masked", "MaskedSpan", "Masking", "mask_text"]

# What one pass masks may show another that more is to be masked: "Mr Levi" beside "Dana Levi".
_MAX_PASSES: Final = 4
# These come first: nothing that was judged before them can change.
_LONE: Final = frozenset({"EMAIL", HANDLE})
_DIGIT = re.compile("[0-9]")
# Signs that show nothing, wherever they stand in a number; joiners belong to letters.
_UNSEEN = re.compile(
    "[\u00ad\u034f\u061c\u180e\u200b\u200e\u200f\u202a-\u202e\u2060-\u206f\ufeff\ufff9-\ufffb]"
)


@dataclass(frozen=True, slots=True)
class Masked:
    """A text without personal data.

    :param text: the text with placeholders such as ``<EMAIL>``.
    :param counts: how many items were replaced, by kind; kinds without any are absent.
    :param spans: where they stood in the text that was given, in order.
    """

    text: str
    counts: dict[str, int] = field(default_factory=dict)
    spans: tuple[MaskedSpan, ...] = ()


@dataclass(frozen=True, slots=True)
class Masking:
    """What to mask.

    :param region: country (ISO 3166, two letters) whose national phone numbers are known; with it,
        a number without separators counts as a phone if it is valid there.
    :param names: whether people's names are masked.
    :param handles: whether @handles are masked.
    :param keep: names and handles that are none of a person, compared without case.
    :param templates: own forms of order or account numbers, as pairs of kind and form; see
        `nlp.masking.kinds.compile_template`.
    """

    region: str | None = None
    names: bool = True
    handles: bool = True
    keep: frozenset[str] = frozenset()
    templates: tuple[tuple[str, str], ...] = ()

    @property
    def kinds(self) -> tuple[str, ...]:
        """All kinds of personal data that it may find: what its placeholders are called."""
        own = {kind for kind, _ in self.templates}
        return tuple(sorted(own | {PERSON} | {each.kind for each in load_recognisers()}))


STANDARD: Final = Masking()
"""What is masked unless told otherwise."""


def mask_text(text: str, masking: Masking = STANDARD, known: tuple[str, ...] = ()) -> Masked:
    """Replace personal data by placeholders; masking the result again changes nothing.

    :param known: names of the person who wrote the text, as their own record has them.
    """
    seen = text if text.isascii() else _UNSEEN.sub("", text)
    draft = Draft(seen)
    for _ in range(_MAX_PASSES):
        if not _mask_once(draft, masking, known):
            break
    if not draft.spans:
        return Masked(text)
    spans, masked = draft.spans, draft.text
    if len(seen) < len(text):
        spans = _place_back(text, spans)
        masked = _put_placeholders(text, spans)
    return Masked(masked, dict(Counter(span.kind for span in spans)), spans)


def _place_back(text: str, spans: tuple[MaskedSpan, ...]) -> tuple[MaskedSpan, ...]:
    """Give spans of a text's seen characters in the text itself."""
    places = [place for place, char in enumerate(text) if not _UNSEEN.match(char)]
    return tuple(
        MaskedSpan(span.kind, places[span.start], places[span.end - 1] + 1) for span in spans
    )


def _put_placeholders(text: str, spans: tuple[MaskedSpan, ...]) -> str:
    pieces, at = [], 0
    for span in spans:
        pieces += [text[at : span.start], f"<{span.kind}>"]
        at = span.end
    return "".join([*pieces, text[at:]])


def _mask_once(draft: Draft, masking: Masking, known: tuple[str, ...]) -> bool:
    """Mask all kinds once; say whether what was masked may show another pass something new."""
    n_before, n_lone = len(draft.spans), 0
    plain = to_ascii(draft.text)
    for recogniser in _choose_recognisers(plain, masking):
        found = list(_find(draft.text, plain, recogniser, masking))
        if found:
            draft.replace(recogniser.kind, found)
            plain = to_ascii(draft.text)
            n_lone += len(found) * (recogniser.kind in _LONE)
    if known:
        draft.replace(PERSON, find_known_names(draft.text, known, masking.keep))
    if masking.names:
        draft.replace(PERSON, find_names(draft.text, masking.keep))
    return len(draft.spans) > n_before + n_lone


def _choose_recognisers(plain: str, masking: Masking) -> Iterator[Recogniser]:
    lowered = plain.lower()
    n_digits = len(_DIGIT.findall(plain))
    if n_digits:
        yield from (compile_template(*each) for each in masking.templates)
    for recogniser in choose_recognisers(lowered, n_digits):
        if masking.handles or recogniser.kind != HANDLE:
            yield recogniser


def _find(
    text: str, plain: str, recogniser: Recogniser, masking: Masking
) -> Iterator[tuple[int, int]]:
    """Yield the spans of one kind, each judged with what comes before it masked already."""
    group = "mask" if "mask" in recogniser.pattern.groupindex else 0
    tail, at = "", 0
    for match in recogniser.pattern.finditer(plain):
        begin, stop = match.span(group)
        before = tail + plain[max(at, begin - CONTEXT_CHARS) : begin]
        candidate = Candidate(
            match[group],
            before[-CONTEXT_CHARS:],
            plain[stop : stop + CONTEXT_CHARS],
            masking.region,
            masking.keep,
        )
        for start, end in recogniser.check(candidate):
            start, end = start + begin, end + begin
            tail += text[max(at, start - CONTEXT_CHARS) : start]
            tail = tail[-CONTEXT_CHARS:] + f"<{recogniser.kind}>"
            at = end
            yield start, end
