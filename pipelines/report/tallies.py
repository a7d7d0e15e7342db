"""Counts by source and language, in every combination that the page's filters can ask for."""

from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from itertools import product
from typing import Any, NamedTuple

from sqlalchemy import ColumnElement, Connection, case, func, literal, literal_column, null, select

from pipelines.counted import is_analysed, is_counted
from pipelines.tables import feedback, mention, rejected, theme

UNKNOWN_LANG = "und"
# Written into the SQL, not bound: PostgreSQL takes two parameters of equal value for two
# different expressions, and refuses to group by the one what is selected by the other.
UNKNOWN_LANG_SQL: ColumnElement[str] = literal_column("'und'")
NO_SOURCE_SQL: ColumnElement[str] = literal_column("''")
NO_REASON_SQL: ColumnElement[str] = literal_column("'waiting'")
# The theme that leads the group of a theme: itself, where it is alone or leads it.
GROUP_ID: ColumnElement[str] = func.coalesce(theme.c.parent_id, theme.c.theme_id)


class Slice(NamedTuple):
    """What a count covers; None stands for all."""

    source: str | None = None
    lang: str | None = None


EVERYTHING = Slice()


@dataclass(frozen=True)
class FeedbackTally:
    """How much feedback there is, and how much of it counts."""

    n_feedback: int = 0
    n_noise: int = 0
    n_linked: int = 0
    first_at: datetime | None = None
    last_at: datetime | None = None

    @property
    def n_counted(self) -> int:
        """Feedback that is not noise; `n_linked` is a part of it."""
        return self.n_feedback - self.n_noise

    def __add__(self, other: "FeedbackTally") -> "FeedbackTally":
        """Count two disjoint sets of feedback together."""
        first = [at for at in (self.first_at, other.first_at) if at]
        last = [at for at in (self.last_at, other.last_at) if at]
        return FeedbackTally(
            self.n_feedback + other.n_feedback,
            self.n_noise + other.n_noise,
            self.n_linked + other.n_linked,
            min(first, default=None),
            max(last, default=None),
        )


@dataclass(frozen=True)
class MentionTally:
    """Mentions that count, by sentiment; `n_unrated` have none yet."""

    n_negative: int = 0
    n_neutral: int = 0
    n_positive: int = 0
    n_unrated: int = 0

    @property
    def n_mentions(self) -> int:
        """All of them."""
        return self.n_rated + self.n_unrated

    @property
    def n_rated(self) -> int:
        """Those with a sentiment: what shares are shares of."""
        return self.n_negative + self.n_neutral + self.n_positive

    def __add__(self, other: "MentionTally") -> "MentionTally":
        """Count two disjoint sets of mentions together."""
        return MentionTally(
            self.n_negative + other.n_negative,
            self.n_neutral + other.n_neutral,
            self.n_positive + other.n_positive,
            self.n_unrated + other.n_unrated,
        )


FeedbackCube = Mapping[Slice, FeedbackTally]
MentionCube = Mapping[Slice, MentionTally]
CountCube = Mapping[Slice, int]


def slices_of(source: str, lang: str) -> Iterator[Slice]:
    """The four slices that a row of this source and language belongs to."""
    for a_source, a_lang in product((None, source), (None, lang)):
        yield Slice(a_source, a_lang)


def count_feedback(connection: Connection) -> FeedbackCube:
    """Count all feedback, noise included; dates and links are of the feedback that counts."""
    counts = is_counted
    query = select(
        feedback.c.source,
        _known(feedback.c.lang),
        func.count(),
        func.sum(case((counts, 0), else_=1)),
        func.sum(case((counts & feedback.c.customer_id.is_not(None), 1), else_=0)),
        func.min(case((counts, feedback.c.occurred_at))),
        func.max(case((counts, feedback.c.occurred_at))),
    )
    query = query.where(is_analysed).group_by(feedback.c.source, _known(feedback.c.lang))
    cube: dict[Slice, FeedbackTally] = defaultdict(FeedbackTally)
    for source, lang, *counted in connection.execute(query):
        for a_slice in slices_of(source, lang):
            cube[a_slice] += FeedbackTally(*counted)
    return dict(cube)


def count_noise(connection: Connection) -> dict[str, CountCube]:
    """Count the feedback that was set aside, by its reason."""
    query = (
        select(feedback.c.noise_reason, feedback.c.source, _known(feedback.c.lang), func.count())
        .where(feedback.c.noise_reason.is_not(None), is_analysed)
        .group_by(feedback.c.noise_reason, feedback.c.source, _known(feedback.c.lang))
    )
    return _by_reason(connection.execute(query))


def count_rejected(connection: Connection) -> dict[str, CountCube]:
    """Count rejected rows by reason; they have a source, but no language."""
    source = func.coalesce(rejected.c.source, NO_SOURCE_SQL)
    query = select(rejected.c.reason, source, UNKNOWN_LANG_SQL, func.count())
    return _by_reason(connection.execute(query.group_by(rejected.c.reason, source)))


def count_unassigned(connection: Connection) -> dict[str, CountCube]:
    """Count the mentions that belong to no theme, by the reason."""
    reason = func.coalesce(mention.c.unassigned_reason, NO_REASON_SQL)
    source, lang = feedback.c.source, _mention_lang()
    query = _counted(reason, source, lang, func.count()).where(mention.c.theme_id.is_(None))
    return _by_reason(connection.execute(query.group_by(reason, source, lang)))


def count_mentions(connection: Connection) -> dict[str | None, MentionCube]:
    """Count the mentions that count, by theme; None holds the unassigned ones."""
    source, lang = feedback.c.source, _mention_lang()
    keys = (mention.c.theme_id, source, lang, mention.c.sentiment)
    cubes: dict[str | None, dict[Slice, MentionTally]] = defaultdict(
        lambda: defaultdict(MentionTally)
    )
    for theme_id, a_source, a_lang, sentiment, n in connection.execute(
        _counted(*keys, func.count()).group_by(*keys)
    ):
        for a_slice in slices_of(a_source, a_lang):
            cubes[theme_id][a_slice] += _tally(sentiment, n)
    return {theme_id: dict(cube) for theme_id, cube in cubes.items()}


def sum_cubes(cubes: Iterable[MentionCube]) -> MentionCube:
    """Sum up mentions of disjoint sets of themes."""
    total: dict[Slice, MentionTally] = defaultdict(MentionTally)
    for cube in cubes:
        for a_slice, tally in cube.items():
            total[a_slice] += tally
    return dict(total)


def count_voices(connection: Connection, theme_ids: Sequence[str]) -> dict[str, CountCube]:
    """Count the distinct voices of these themes: customers, else authors, else feedback.

    A voice can speak in two sources or languages, so each slice is counted for itself.
    """
    return _count_voices(connection, mention.c.theme_id, theme_ids)


def count_group_voices(connection: Connection, leader_ids: Sequence[str]) -> dict[str, CountCube]:
    """Count the distinct voices of the groups that these themes lead, over their active themes.

    A voice can speak of two themes, so these are not the sums of the themes'.
    """
    return _count_voices(connection, GROUP_ID, leader_ids)


def _count_voices(
    connection: Connection, owner: ColumnElement[Any], owner_ids: Sequence[str]
) -> dict[str, CountCube]:
    voice = func.coalesce(
        literal("c:").concat(feedback.c.customer_id),
        literal("a:").concat(feedback.c.author_key),
        literal("f:").concat(feedback.c.feedback_id),
    )
    cubes: dict[str, dict[Slice, int]] = defaultdict(dict)
    for by_source, by_lang in product((False, True), repeat=2):
        axes = [feedback.c.source if by_source else null(), _mention_lang() if by_lang else null()]
        groups = [axis for axis, wanted in zip(axes, (by_source, by_lang), strict=True) if wanted]
        query = _counted(owner, *axes, func.count(voice.distinct()))
        query = query.join(theme, theme.c.theme_id == mention.c.theme_id)
        query = query.where(owner.in_(owner_ids), theme.c.status == "active")
        for owner_id, source, lang, n in connection.execute(query.group_by(owner, *groups)):
            cubes[owner_id][Slice(source, lang)] = n
    return dict(cubes)


def _known(lang: ColumnElement[Any]) -> ColumnElement[str]:
    return func.coalesce(lang, UNKNOWN_LANG_SQL)


def _mention_lang() -> ColumnElement[str]:
    return func.coalesce(mention.c.lang, feedback.c.lang, UNKNOWN_LANG_SQL)


def _counted(*columns: ColumnElement[Any]) -> Any:
    """Select from the mentions of feedback that is not noise."""
    joined = mention.join(feedback, feedback.c.feedback_id == mention.c.feedback_id)
    return select(*columns).select_from(joined).where(is_counted)


def _tally(sentiment: str | None, n: int) -> MentionTally:
    if sentiment == "negative":
        return MentionTally(n_negative=n)
    if sentiment == "neutral":
        return MentionTally(n_neutral=n)
    if sentiment == "positive":
        return MentionTally(n_positive=n)
    return MentionTally(n_unrated=n)


def _by_reason(rows: Any) -> dict[str, CountCube]:
    """Sum up (reason, source, lang, n) rows; the most frequent reason comes first."""
    cubes: dict[str, dict[Slice, int]] = defaultdict(lambda: defaultdict(int))
    for reason, source, lang, n in rows:
        for a_slice in slices_of(source, lang):
            cubes[reason][a_slice] += n
    ordered = sorted(cubes.items(), key=lambda item: (-item[1][EVERYTHING], item[0]))
    return {reason: dict(cube) for reason, cube in ordered}
