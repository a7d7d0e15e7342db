"""Names of people in Latin letters: by titles, by the words around them, by lists of names.

A capital letter is half of the evidence. In English spaCy's recogniser is asked where the lists
know only a part of what may be a name.
"""

import re
from collections.abc import Iterator, Sequence
from typing import Final, NamedTuple

from nlp.masking.lower_names import find_lower_names
from nlp.masking.name_cues import CUE_CHARS, read_cue
from nlp.masking.name_lists import Latin, fold_name, load_latin
from nlp.masking.people import is_english, is_person
from nlp.masking.script_names import find_script_names

__all__ = ["find_names"]

Spans = list[tuple[int, int]]
_MAX_WORDS: Final = 4
_AFTER_CHARS: Final = 24
# Of one text; more are left alone.
_MAX_DOUBTFUL: Final = 3
# Capitalised words, initials, and particles between them; a run is at most a dozen words long.
_UPPER = "".join(char for char in map(chr, range(0x41, 0x530)) if char.isupper())
_LETTER = r"[^\W\d_]"
_CAPITAL = rf"[{_UPPER}](?:{_LETTER}|[\u0300-\u036f])*+(?:['’-]{_LETTER}++)*+\.?+"
_PARTICLE = (
    r"(?:van|von|der|den|de|del|della|di|da|dos|du|la|le|bin|ibn|bint|abu|al|el|ben|bar|y|zu|ten)"
)
_RUN = re.compile(
    rf"(?<![\w@#/.<&$'’-]){_CAPITAL}(?:[ ](?:{_PARTICLE}[ ]){{0,2}}{_CAPITAL}){{0,11}}+"
)
_PART = re.compile(rf"{_CAPITAL}|{_PARTICLE}")
_POSSESSIVE = re.compile(r"['’]s?$")
_ARTICLE = re.compile(r"(?<!\w)(?i:the|a|an|this|that|your|our) $")
_SENTENCE_END: Final = '.!?:;\n"“”(>*-'
_ENDED = re.compile(r"[,.!;:)\n]|$| (?:from|and|of|at|with)\b")
_LINKS: Final = frozenset({", ", " and ", " & ", ", and ", " or ", "/"})
_IN_NAME: Final = frozenset({"given", "ambiguous", "family", "word", "initial", "suffix", ""})
_NAMING: Final = frozenset({"weak", "self"})
_KNOWN: Final = frozenset({"given", "family"})
_LISTED: Final = frozenset({"given", "ambiguous", "family"})


class _Word(NamedTuple):
    form: str
    kind: str
    start: int
    end: int


class _Place(NamedTuple):
    """What stands around what may be a name.

    :param cue: strong, role, self, weak, loose or "", by the words before it.
    :param after: whether the words after it speak of a person.
    :param is_thing: whether an article is before it or a thing after it: "the Nilo", "Nilo app".
    :param is_label: whether it stands alone at the start of a line, before a colon.
    :param is_ended: whether no further word follows without a sign, but "from" and the like.
    """

    cue: str
    is_first: bool
    is_followed: bool
    is_label: bool
    is_thing: bool = False
    is_ended: bool = False


class _Found(NamedTuple):
    """What is or may be a name.

    :param sureness: 2 a name; 1 one if spaCy says so; 0 one beside another name only.
    :param kind: of its first word.
    """

    start: int
    end: int
    sureness: int
    kind: str


def find_names(text: str, keep: frozenset[str] = frozenset()) -> Spans:
    """Find the names of people, in order; what stands in `keep`, in lower case, is none."""
    names = load_latin()
    found: list[_Found] = []
    for run in _RUN.finditer(text):
        words = list(_read_run(text, run.start(), run.end(), names))
        found += _judge_run(text, words, names)
    spans = [*_settle(text, found), *find_lower_names(text, names), *find_script_names(text)]
    return [span for span in sorted(spans) if fold_name(text[slice(*span)]) not in keep]


def _settle(text: str, found: Sequence[_Found]) -> Iterator[tuple[int, int]]:
    """Decide what is left open: a part of a list of names, or a name by spaCy."""
    sure = [each.sureness == 2 for each in found]
    for place in range(1, len(found)):
        if _is_pair(text, found, place - 1):
            sure[place - 1] = sure[place] = True
    for order in (range(1, len(found)), range(len(found) - 2, -1, -1)):
        for place in order:
            other = place - 1 if order.step > 0 else place + 1
            sure[place] |= sure[other] and _is_listed(text, found, min(place, other))
    asked = [place for place, each in enumerate(found) if each.sureness == 1 and not sure[place]]
    if asked and is_english(text):
        for place in asked[:_MAX_DOUBTFUL]:
            sure[place] = is_person(text, found[place].start, found[place].end)
    for each, is_sure in zip(found, sure, strict=True):
        if is_sure:
            yield each.start, each.end


def _is_pair(text: str, found: Sequence[_Found], at: int) -> bool:
    """Two family names alone, "Marrero and Murphy", of which one is nothing else."""
    kinds = {found[at].kind, found[at + 1].kind}
    is_linked = text[found[at].end : found[at + 1].start] == " and "
    return is_linked and "family" in kinds and kinds <= {"family", "word"}


def _is_listed(text: str, found: Sequence[_Found], at: int) -> bool:
    return text[found[at].end : found[at + 1].start] in _LINKS


def _read_run(text: str, start: int, end: int, names: Latin) -> Iterator[_Word]:
    for match in _PART.finditer(text, start, end):
        written = match[0]
        if written.endswith(".") and not _is_abbreviated(written, names):
            written = written[:-1]
        bare = _POSSESSIVE.sub("", written)
        form = fold_name(bare.rstrip("."))
        kind = "initial" if len(form) == 1 else names.classify(form)
        if form in names.titles and written[0].isupper():
            kind = "title"
        yield _Word(form, kind, match.start(), match.start() + len(bare))


def _is_abbreviated(written: str, names: Latin) -> bool:
    return len(written) == 2 or fold_name(written[:-1]) in names.titles


def _judge_run(text: str, words: Sequence[_Word], names: Latin) -> Iterator[_Found]:
    at = 0
    while at < len(words):
        stretch = _stretch(text, words, at)
        skipped = _brand_size(text, words[at : at + 3], names)
        if skipped or not stretch:
            at += skipped or 1
            continue
        place = _look_around(text, words, at, stretch[-1].end, names)
        is_named_thing = _is_thing(words, at + len(stretch)) or _is_thing(words, at - 1)
        n_taken, sureness = _weigh(text, stretch, place, is_named_thing)
        if n_taken:
            yield _Found(stretch[0].start, stretch[n_taken - 1].end, sureness, stretch[0].kind)
        at += max(1, n_taken)


def _stretch(text: str, words: Sequence[_Word], at: int) -> Sequence[_Word]:
    """Give the words that may make one name together; no sentence ends between them."""
    if words[at].kind not in _IN_NAME or words[at].kind == "initial":
        return ()
    last = at + 1
    while (
        last < min(len(words), at + _MAX_WORDS)
        and words[last].kind in _IN_NAME
        and _is_joined(text, words[last - 1], words[last])
    ):
        last += 1
    while last > at + 1 and words[last - 1].kind == "initial":
        last -= 1
    return words[at:last]


def _is_joined(text: str, left: _Word, right: _Word) -> bool:
    between = text[left.end : right.start]
    # After "Reports's" another name begins.
    is_particle = between.replace(" ", "").isalpha() and between.islower()
    return between == " " or (left.kind == "initial" and between == ". ") or is_particle


def _is_thing(words: Sequence[_Word], at: int) -> bool:
    return 0 <= at < len(words) and words[at].kind == "thing"


def _weigh(
    text: str, stretch: Sequence[_Word], place: _Place, is_named_thing: bool
) -> tuple[int, int]:
    """Say how many words may be a name, and how sure that is."""
    kinds = [word.kind for word in stretch if word.kind != "initial"]
    is_shouted = any(
        text[word.start : word.end].isupper() for word in stretch if word.kind != "initial"
    )
    is_listed = not _LISTED.isdisjoint(kinds)
    if place.cue == "strong" or (place.cue == "role" and not place.is_first):
        return (len(stretch), 2) if is_listed or not is_shouted else (0, 0)
    if is_shouted or is_named_thing:
        return 0, 0
    if len(kinds) > 1:
        # "I'm Bojka Zilih, from ...": of the lists or not.
        is_introduced = place.cue == "self" and place.is_ended
        return (len(stretch), 2) if is_introduced else _weigh_several(stretch, kinds)
    return _weigh_one(kinds[0], place)


def _weigh_several(stretch: Sequence[_Word], kinds: Sequence[str]) -> tuple[int, int]:
    first, second = kinds[:2]
    if first == "given" or second == "suffix":
        return len(stretch), 2
    if "suffix" in kinds:
        # "Thanks Zerrin Hanım": a name begins further on.
        return 0, 0
    if (first == "ambiguous" and second in _KNOWN) or (first == "family" and second == "given"):
        return len(stretch), 2
    has_initial = any(word.kind == "initial" for word in stretch)
    if set(kinds) & _KNOWN or has_initial:
        return len(stretch), 2 if has_initial else 1
    return 0, 0


def _weigh_one(kind: str, place: _Place) -> tuple[int, int]:
    if place.is_thing:
        return 0, 0
    if kind == "given":
        return 1, 2
    if kind in _LISTED and (place.cue in _NAMING or place.is_label):
        return 1, 2
    if kind == "family" and place.is_followed:
        return 1, 2
    is_open = kind == "family" and (not place.is_first or place.cue == "loose")
    is_likely = kind in ("ambiguous", "") and (place.is_followed or place.cue in _NAMING)
    return 1, int(is_open or is_likely)


def _brand_size(text: str, words: Sequence[_Word], names: Latin) -> int:
    """Count the words of a brand or place that starts here, its second word in any case."""
    forms = [word.form for word in words]
    if len(forms) == 1:
        following = fold_name(text[words[0].end : words[0].end + _AFTER_CHARS]).split()
        forms += following[:1]
    return next((min(n, len(words)) for n in (3, 2) if " ".join(forms[:n]) in names.brands), 0)


def _look_around(text: str, words: Sequence[_Word], at: int, end: int, names: Latin) -> _Place:
    start = words[at].start
    after = text[end : end + _AFTER_CHARS]
    following = re.findall(r"['’]?\w+", fold_name(after))
    phrases = {" ".join(following[:n]) for n in (1, 2, 3, 4)}
    is_followed = not phrases.isdisjoint(names.after)
    is_human = not phrases.isdisjoint(names.human)
    if is_human or (at and words[at - 1].kind == "title"):
        return _Place("strong", False, is_followed, False)
    before = text[max(0, start - CUE_CHARS) : start]
    stripped = before.rstrip(" ")
    is_first = not stripped or stripped[-1] in _SENTENCE_END
    is_label = after.startswith(": ") and (not stripped or stripped[-1] == "\n")
    is_thing = bool(_ARTICLE.search(before)) or (
        after.startswith(" ") and bool(following) and following[0] in names.things
    )
    is_ended = _ENDED.match(after) is not None
    return _Place(read_cue(before, names), is_first, is_followed, is_label, is_thing, is_ended)
