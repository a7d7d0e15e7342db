"""Where the pure functions of a run are computed: in this process, or in a cluster before."""

from collections.abc import Callable, Iterator, Sequence
from typing import Any, Final, Protocol

from nlp.near_copies import Sketches, find_likes
from nlp.themes.assignment import Assignment, KnownThemes, assign_themes
from nlp.themes.centring import LanguageMeans
from pipelines.sketches import sketch_feedback
from pipelines.splitting import FeedbackText, SaidPart, describe_parts


class Engine(Protocol):
    """What steps ask for; every engine answers the same."""

    def describe_parts(self, batch: Sequence[FeedbackText]) -> list[list[SaidPart]]:
        """See :func:`~pipelines.splitting.describe_parts`."""

    def sketch_feedback(self, batch: Sequence[FeedbackText]) -> list[bytes]:
        """See :func:`~pipelines.sketches.sketch_feedback`."""

    def find_likes(
        self, sketches: Sketches, is_new: Any, read: Callable[[Sequence[int]], list[list[int]]]
    ) -> Iterator[tuple[int, int]]:
        """Pairs that connect the same groups as those of :func:`~nlp.near_copies.find_likes`."""

    def assign_themes(
        self,
        texts: Sequence[str],
        vectors: Any,
        langs: Sequence[str],
        known: KnownThemes,
        *,
        registers: Sequence[str],
        means: LanguageMeans,
    ) -> Assignment:
        """See :func:`~nlp.themes.assignment.assign_themes`."""


class LocalEngine:
    """Computes when it is asked."""

    def describe_parts(self, batch: Sequence[FeedbackText]) -> list[list[SaidPart]]:
        """See :class:`Engine`."""
        return describe_parts(batch)

    def sketch_feedback(self, batch: Sequence[FeedbackText]) -> list[bytes]:
        """See :class:`Engine`."""
        return sketch_feedback(batch)

    def find_likes(
        self, sketches: Sketches, is_new: Any, read: Callable[[Sequence[int]], list[list[int]]]
    ) -> Iterator[tuple[int, int]]:
        """See :class:`Engine`."""
        return find_likes(sketches, is_new, read)

    def assign_themes(
        self,
        texts: Sequence[str],
        vectors: Any,
        langs: Sequence[str],
        known: KnownThemes,
        *,
        registers: Sequence[str],
        means: LanguageMeans,
    ) -> Assignment:
        """See :class:`Engine`."""
        return assign_themes(texts, vectors, langs, known, registers=registers, means=means)


LOCAL: Final = LocalEngine()
