"""How much of the personal data that people marked is masked, and how much else."""

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, field

from nlp.masking.draft import MaskedSpan

__all__ = ["KindScores", "MaskingScores"]

_ALL = "all"


@dataclass(frozen=True)
class KindScores:
    """Scores of one kind, or of all.

    :param n: marked by people.
    :param n_whole: of these without a letter or digit left; `n_most`: with at most half left.
    :param n_masked: masked under this kind; `n_right`: of these where one of the kind is marked.
    :param recall: n_whole / n, `recall_most` n_most / n; None where nothing is marked.
    :param precision: n_right / n_masked; None where nothing is masked.
    """

    kind: str
    n: int
    n_whole: int
    n_most: int
    n_masked: int
    n_right: int
    recall: float | None
    recall_most: float | None
    precision: float | None


@dataclass
class MaskingScores:
    """Counts that grow text by text."""

    n: Counter[str] = field(default_factory=Counter)
    n_whole: Counter[str] = field(default_factory=Counter)
    n_most: Counter[str] = field(default_factory=Counter)
    n_masked: Counter[str] = field(default_factory=Counter)
    n_right: Counter[str] = field(default_factory=Counter)

    def add(self, text: str, marked: Sequence[MaskedSpan], masked: Sequence[MaskedSpan]) -> int:
        """Count one text.

        :param marked: personal data by people, in the text as it was.
        :returns: how many of the marked are not wholly masked.
        """
        covered = {place for span in masked for place in range(span.start, span.end)}
        n_missed = 0
        for span in marked:
            places = [at for at in range(span.start, span.end) if text[at].isalnum()]
            n_covered = sum(place in covered for place in places)
            self._count("n", span.kind)
            self._count("n_whole", span.kind, n_covered == len(places))
            self._count("n_most", span.kind, 2 * n_covered >= len(places))
            n_missed += n_covered < len(places)
        for span in masked:
            self._count("n_masked", span.kind)
            self._count("n_right", span.kind, any(_is_same(span, other) for other in marked))
        return n_missed

    def list_kinds(self) -> list[KindScores]:
        """The scores of all together, then of each kind by its name."""
        kinds = sorted((self.n.keys() | self.n_masked.keys()) - {_ALL})
        return [self._score(kind) for kind in (_ALL, *kinds)]

    def _count(self, name: str, kind: str, by: int = 1) -> None:
        counts: Counter[str] = getattr(self, name)
        counts[kind] += by
        counts[_ALL] += by

    def _score(self, kind: str) -> KindScores:
        n, n_masked, n_right = self.n[kind], self.n_masked[kind], self.n_right[kind]
        n_whole, n_most = self.n_whole[kind], self.n_most[kind]
        return KindScores(
            kind,
            n,
            n_whole,
            n_most,
            n_masked,
            n_right,
            recall=n_whole / n if n else None,
            recall_most=n_most / n if n else None,
            precision=n_right / n_masked if n_masked else None,
        )


def _is_same(found: MaskedSpan, marked: MaskedSpan) -> bool:
    is_near = found.start < marked.end and marked.start < found.end
    return is_near and found.kind == marked.kind
