"""The lists of names, and what a word may be by them: `data/masking/names/` and `names.toml`."""

import tomllib
import unicodedata
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from functools import cache, lru_cache
from importlib.resources import files
from itertools import chain
from typing import Any, Final

__all__ = ["Latin", "Script", "fold_name", "load_ambiguous", "load_latin", "load_script"]

_FOLDER: Final = files("nlp") / "data" / "masking"
# A word with the ending of a family name has so many letters.
_MIN_ENDED: Final = 7
_LETTERS: Final = str.maketrans("øłđæœßðþıĸŋ", "oldaosdtikn")
_ARABIC: Final = str.maketrans("يكأإآىة", "یکااایه", "\u200c\u0640")


@lru_cache(maxsize=1 << 16)
def fold_name(word: str) -> str:
    """Write a word as the lists have it: lower case, without accents and vowel points."""
    if word.isascii():
        return word.lower()
    parts = unicodedata.normalize("NFKD", word.casefold().translate(_LETTERS))
    plain = "".join(char for char in parts if not unicodedata.combining(char))
    return plain.translate(_ARABIC)


@dataclass(frozen=True, eq=False)
class Latin:
    """Names in Latin letters, and the words around them.

    :param given: names that are little else; `ambiguous` are words, places or brands too.
    :param suffixes: words that follow a name; `patronyms` are endings of such ones.
    :param strong: words after which a name stands, of the lists or not; after `weak` ones it is
        one of the lists. Each is a phrase of up to four words.
    :param introductions: words with which somebody names himself; two capitalised words are one.
    :param roles: words after which a capital makes a name; after `loose` ones one is likely.
    :param after: phrases that follow a name; `human`: those that follow no other thing.
    :param never: words that are no part of a name; `things`, too, and what stands beside them.
    :param brands: two or three words that look like a name.
    :param endings: of family names.
    """

    given: frozenset[str]
    ambiguous: frozenset[str]
    family: frozenset[str]
    family_ambiguous: frozenset[str]
    titles: frozenset[str]
    suffixes: frozenset[str]
    patronyms: tuple[str, ...]
    strong: frozenset[str]
    roles: frozenset[str]
    introductions: frozenset[str]
    weak: frozenset[str]
    loose: frozenset[str]
    after: frozenset[str]
    human: frozenset[str]
    never: frozenset[str]
    things: frozenset[str]
    brands: frozenset[str]
    endings: tuple[str, ...]

    def classify(self, word: str) -> str:
        """Say what a folded word may be.

        :returns: never, thing, suffix, given, ambiguous (given), family, word (a family name and
            a word) or "".
        """
        if word in self.never or set(word) == {"x"}:
            return "never"
        if word in self.things:
            return "thing"
        if word in self.suffixes or (len(word) >= _MIN_ENDED and word.endswith(self.patronyms)):
            return "suffix"
        for kind in ("given", "ambiguous", "family"):
            if word in getattr(self, kind):
                return kind
        if word in self.family_ambiguous:
            return "word"
        return "family" if len(word) >= _MIN_ENDED and word.endswith(self.endings) else ""


@dataclass(frozen=True, eq=False)
class Script:
    """Names of a language without capitals, and the words before them.

    :param own: phrases before a whole name; after `strong` ones there may be a given name alone.
    :param sure: titles after which a family name stands that no list has, or phrases ending so;
        `endings` are of such names, `roles` what else stands there.
    :param introduces: words with which somebody names or describes himself.
    :param ends: last words of all these phrases, without a colon.
    :param joiners: parts of a name that stand between others, such as "bin".
    :param article: with which family names begin; empty in other languages.
    :param clitics: letters that are glued before a word.
    :param compound: what begins a name of two words, of which only the second one differs.
    """

    given: frozenset[str]
    family: frozenset[str]
    titles: frozenset[str]
    sure: frozenset[str]
    endings: tuple[str, ...]
    roles: frozenset[str]
    own: frozenset[str]
    strong: frozenset[str]
    weak: frozenset[str]
    introduces: frozenset[str]
    ends: frozenset[str]
    joiners: frozenset[str]
    article: str
    clitics: tuple[str, ...]
    compound: str
    stops: frozenset[str]


@cache
def load_latin() -> Latin:
    """Read the names in Latin letters (about .05 s)."""
    entry = _rules()["latin"]
    return Latin(
        **{
            field: _read_list(f"latin_{name}")
            for field, name in (
                ("given", "given"),
                ("ambiguous", "ambiguous"),
                ("family", "family"),
                ("family_ambiguous", "family_ambiguous"),
            )
        },
        titles=_words(entry["titles"]),
        suffixes=_words(entry["suffixes"]),
        patronyms=tuple(sorted(_words(entry["patronyms"]))),
        **{
            name: _phrases(entry[name])
            for name in ("strong", "roles", "introductions", "weak", "loose")
        },
        after=_phrases(entry["after"]),
        human=_phrases(entry["human"]),
        never=_words(entry["never"]),
        things=_words(entry["things"]),
        brands=_phrases(entry["brands"]),
        endings=tuple(sorted(_words(entry["endings"]))),
    )


def load_ambiguous() -> frozenset[str]:
    """Read the given names that are told to be words, brands or places rather."""
    return _words(_rules()["latin"]["ambiguous"])


@cache
def load_script(lang: str) -> Script:
    """Read the names of one of ``he``, ``ar`` and ``fa``."""
    from nlp.themes.wording import load_wording

    entry = _rules()[lang]
    given = _read_list(f"{lang}_given") | _words(entry.get("given", ""))
    family = _words(entry["family"])
    if lang != "he":
        family |= _read_list(f"{lang}_family")
    cues = {cue: _phrases(entry[cue]) for cue in ("own", "strong", "weak", "self")}
    return Script(
        given=given,
        family=family,
        titles=_words(entry["titles"]),
        sure=_phrases(entry["sure"]),
        endings=tuple(sorted(_words(entry["endings"]))),
        roles=_words(entry["roles"]),
        own=cues["own"],
        strong=cues["strong"],
        weak=cues["weak"],
        introduces=cues["self"],
        ends=frozenset(
            phrase.rpartition(" ")[2].removesuffix(":") for phrase in chain(*cues.values())
        ),
        joiners=_words(entry["joiners"]),
        article=entry.get("article", ""),
        clitics=tuple(map(fold_name, entry.get("clitics", "").split())),
        compound=fold_name(entry.get("compound", "")),
        stops=frozenset(map(fold_name, load_wording(lang).stop_words)),
    )


@cache
def _rules() -> Mapping[str, Any]:
    return tomllib.loads((_FOLDER / "names.toml").read_text(encoding="utf-8"))


def _read_list(name: str) -> frozenset[str]:
    return frozenset((_FOLDER / "names" / f"{name}.txt").read_text(encoding="utf-8").split())


def _words(written: str) -> frozenset[str]:
    return frozenset(map(fold_name, written.split()))


def _phrases(written: Iterable[str]) -> frozenset[str]:
    return frozenset(map(fold_name, written))
