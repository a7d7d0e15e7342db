"""Telling a story of a theme, a segment, a customer or the whole store."""

from collections.abc import Collection, Sequence
from contextlib import suppress
from dataclasses import dataclass
from typing import Final

from sqlalchemy import Connection

from nlp.stories.languages import choose_language, read_language
from pipelines.anonymity import MIN_CUSTOMERS
from pipelines.errors import ConfigError
from pipelines.judging.counts import find_told_segments
from pipelines.report.display import disarm_text
from pipelines.stories.customer_stories import draft_customer
from pipelines.stories.evidence import read_themes
from pipelines.stories.facts import Fact
from pipelines.stories.segment_stories import draft_segment
from pipelines.stories.sentences import Draft, Kind, Story, word_drafts
from pipelines.stories.store_stories import draft_store
from pipelines.stories.theme_stories import draft_theme, read_theme_evidence

_GONE: Final = ("merged", "retired")
_MAX_TITLE: Final = 160


@dataclass(frozen=True)
class Drafted:
    """A story before it is worded, for readers of any language.

    :param title: the fact that names the subject; None for the store.
    """

    kind: Kind
    subject: str
    title: Fact | None
    drafts: Sequence[Draft]

    def word(self, lang: str) -> Story:
        """The story for a reader of a language; one without templates gets English."""
        language = read_language(choose_language(lang))
        title = self.title.for_reader(language.code).value if self.title else ""
        return Story(
            kind=self.kind,
            subject=self.subject,
            lang=language.code,
            direction=language.direction,
            title=disarm_text(str(title), _MAX_TITLE),
            sentences=word_drafts(self.drafts, language),
        )


def draft_report(
    connection: Connection,
    theme_ids: Sequence[str],
    k: int = MIN_CUSTOMERS,
    segments: Sequence[str] = (),
) -> list[Drafted]:
    """The stories of a report: of the store first, then of segments and themes as they are given.

    :param k: of fewer customers nothing is told.
    :param segments: those that may be shown; none is told of one with too few who are heard.
    """
    shown = find_told_segments(connection, k)
    told = [draft_store_story(connection, k)]
    for segment in segments:
        with suppress(ConfigError):
            told.append(draft_segment_story(connection, segment, k, shown))
    return told + draft_theme_stories(connection, theme_ids, k)


def draft_theme_stories(
    connection: Connection, theme_ids: Sequence[str], k: int = MIN_CUSTOMERS
) -> list[Drafted]:
    """The stories of themes, in the order given; those that are not there are left out."""
    found = read_theme_evidence(connection, theme_ids, k)
    return [
        Drafted("theme", key, found.name(key), draft_theme(found, key, k))
        for key in theme_ids
        if key in found.themes
    ]


def draft_theme_story(connection: Connection, theme_id: str, k: int = MIN_CUSTOMERS) -> Drafted:
    """The story of a theme.

    :raises ConfigError: where there is none, or it is one no more.
    """
    row = read_themes(connection, [theme_id]).get(theme_id)
    if row is None:
        raise ConfigError(
            f"there is no theme {theme_id!r}; list them with: earful themes list --all"
        )
    if row["status"] in _GONE:
        into = row["merged_into"]
        where = f" into {into}; tell that: earful story theme {into}" if into else ""
        raise ConfigError(
            f"theme {theme_id} is {row['status']}{where or ', and has no mentions of its own'}"
        )
    return draft_theme_stories(connection, [theme_id], k)[0]


def draft_segment_story(
    connection: Connection,
    segment: str,
    k: int = MIN_CUSTOMERS,
    shown: Collection[str] | None = None,
) -> Drafted:
    """The story of a segment.

    :param shown: segments that may be; None to find them.
    :raises ConfigError: where there is none, or too few of its customers are heard.
    """
    title = Fact("customer", (("segment", segment),), "segment", segment)
    told_of = find_told_segments(connection, k) if shown is None else shown
    return Drafted("segment", segment, title, draft_segment(connection, segment, k, told_of))


def draft_customer_story(connection: Connection, customer_id: str) -> Drafted:
    """The story of a customer.

    :raises NoProfileError: where there is none, or they allow no profile.
    """
    drafts = draft_customer(connection, customer_id)
    return Drafted("customer", customer_id, drafts[0].slots["customer"], drafts)


def draft_store_story(connection: Connection, k: int = MIN_CUSTOMERS) -> Drafted:
    """The story of the whole store; without a sentence where nothing counts."""
    return Drafted("store", "", None, draft_store(connection, k))
