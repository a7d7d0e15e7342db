"""Words of a language as naming needs them: tokens, stop words, particles taken off."""

from __future__ import annotations

import re
import tomllib
from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import cache, cached_property, lru_cache
from importlib.resources import files
from importlib.util import find_spec, module_from_spec, spec_from_file_location
from pathlib import Path

from nlp.themes.content import strip_marks

_TOKEN = re.compile(r"[^\W\d_]+(?:['’\u200c\u05f3\u05f4\"-][^\W\d_]+)*['\u05f3]?")
_NOT_BETWEEN_WORDS = re.compile(r"[^\w\s'’\u200c\u05f3\u05f4\"-]+|\s-+\s|\n")
_MIN_STEM = 3
_MIN_WORD = 2
_FALLBACK = "en"
_MIXED_IN = ("en", "fr")
# Naming 100 themes asks half a million times about some ten thousand words.
_MAX_ANSWERS = 50_000


@dataclass(frozen=True)
class Wording:
    """What naming knows of a language; see ``data/naming/languages.toml``.

    :param suffixes: endings, each with what the word has without it ("ات" -> "ة").
    """

    lang: str
    stop_words: frozenset[str]
    prefixes: tuple[str, ...]
    suffixes: tuple[tuple[str, str], ...]
    closers: frozenset[str]
    articles: tuple[str, ...]
    negations: frozenset[str]
    comma: str
    description: str

    def is_stop(self, word: str) -> bool:
        """Say whether a word names nothing: a stop word, with particles or not, or one letter."""
        answers = self._stop_answers
        if word not in answers:
            if len(answers) >= _MAX_ANSWERS:
                answers.clear()
            answers[word] = self._is_stop(word)
        return answers[word]

    @cached_property
    def _stop_answers(self) -> dict[str, bool]:
        return {}

    def _is_stop(self, word: str) -> bool:
        folded = fold(word)
        bare = (folded[len(part) :] for part in self.prefixes if folded.startswith(part))
        return (
            folded in self.stop_words
            or len(folded) < _MIN_WORD
            or any(rest in self.stop_words for rest in bare)
        )


@cache
def load_wording(lang: str) -> Wording:
    """Read a language's words; a language without data is described in English."""
    entries = tomllib.loads((files("nlp") / "data/naming/languages.toml").read_text("utf-8"))
    own = entries.get(lang, {})
    fallback = {name: entries[_FALLBACK][name] for name in ("comma", "description")}
    entry = {**fallback, "negations": [], **own}
    own_words = _own_stop_words(lang)
    wanted = {word[1:] for word in own_words if word.startswith("-")}
    stop_words = _spacy_stop_words(lang) | own_words
    if sum(map(str.isascii, stop_words)) < len(stop_words) / 2:
        # Who writes another script mixes in "la carte" and "the app": these name nothing either.
        stop_words = stop_words.union(*map(_spacy_stop_words, _MIXED_IN))
    stop_words -= wanted
    return Wording(
        lang=lang,
        stop_words=frozenset(map(fold, stop_words)),
        prefixes=tuple(sorted(entry.get("prefixes", ()), key=lambda part: (-len(part), part))),
        suffixes=_read_suffixes(entry.get("suffixes", ())),
        closers=frozenset(map(fold, entry.get("closers", ()))),
        articles=tuple(entry.get("articles", ())),
        negations=frozenset(map(fold, entry["negations"])),
        comma=entry["comma"],
        description=entry["description"],
    )


def _read_suffixes(entries: Sequence[str]) -> tuple[tuple[str, str], ...]:
    """Read "ending" or "ending>what stands for it", longest first."""
    pairs = [
        (fold(end), fold(rest)) for end, _, rest in (entry.partition(">") for entry in entries)
    ]
    return tuple(sorted(pairs, key=lambda pair: (-len(pair[0]), pair)))


def _spacy_stop_words(lang: str) -> set[str]:
    """Read spaCy's list without its language: importing the French one takes 4.5 s."""
    package = find_spec("spacy")
    folder = Path(package.origin).parent if package and package.origin else Path()
    path = folder / "lang" / lang / "stop_words.py"
    if not path.is_file():
        return set()
    spec = spec_from_file_location(f"_stop_words_{lang}", path)
    if spec is None or spec.loader is None:
        return set()
    module = module_from_spec(spec)
    spec.loader.exec_module(module)
    return set(module.STOP_WORDS)


def _own_stop_words(lang: str) -> set[str]:
    path = files("nlp") / "data" / "stopwords" / f"{lang}.txt"
    if not path.is_file():
        return set()
    lines = path.read_text(encoding="utf-8").splitlines()
    return {word for line in lines if not line.startswith("#") for word in line.split()}


# Arabic writers mix these forms of alef, yeh and teh marbuta freely.
_LETTERS = str.maketrans("أإآىة’", "اااىه'")


@lru_cache(maxsize=_MAX_ANSWERS)
def fold(word: str) -> str:
    """Give the form under which spellings of one word meet."""
    return word.lower().translate(_LETTERS).replace("ى", "ي")


def split_words(text: str) -> list[list[str]]:
    """Split a text into runs of words that no punctuation parts."""
    runs = _NOT_BETWEEN_WORDS.split(strip_marks(text))
    return [words for run in runs if (words := _TOKEN.findall(run))]


def count_stems(texts: Sequence[str], wording: Wording) -> dict[str, str]:
    """Map each folded word of a corpus to its stem: particles off where the rest is a word too.

    A rest is also a word where one word of the corpus has it behind a particle, and another before
    an ending: "هاتف" in "الهاتف" and "هاتفي".

    :returns: folded word to stem, for all words of ``texts``.
    """
    known = {fold(word) for text in texts for run in split_words(text) for word in run}
    fronts = {front for word in known for front in strip_prefixes(word, wording)}
    met = fronts & {rest for word in known for rest in strip_suffixes(word, wording)}
    words = known | met
    return {word: _stem(word, words, wording) for word in known}


def _stem(word: str, known: Collection[str], wording: Wording) -> str:
    if word in wording.stop_words:
        return word
    for rest in _shorter_forms(word, wording):
        if len(rest) >= _MIN_STEM and rest in known and rest not in wording.stop_words:
            return rest
    return word


def _shorter_forms(word: str, wording: Wording) -> Iterator[str]:
    for front in [*strip_prefixes(word, wording), word]:
        yield from strip_suffixes(front, wording)
        if front != word:
            yield front


def strip_prefixes(word: str, wording: Wording) -> Iterator[str]:
    """Give what is left of a folded word behind each particle that it may begin with."""
    return (word[len(part) :] for part in wording.prefixes if word.startswith(part))


def strip_suffixes(word: str, wording: Wording) -> Iterator[str]:
    """Give what a folded word is without each ending that it may have."""
    return (
        word[: -len(part)] + rest for part, rest in wording.suffixes if part and word.endswith(part)
    )


def stem_of(word: str, stems: Mapping[str, str]) -> str:
    """Give a word's stem, itself where it was never counted."""
    folded = fold(word)
    return stems.get(folded, folded)
