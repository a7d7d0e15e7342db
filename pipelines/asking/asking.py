"""Answers questions about what was said, with one index for as many as are asked."""

from collections.abc import Iterable, Mapping
from contextlib import suppress
from dataclasses import dataclass, replace
from datetime import UTC, date, datetime, time
from typing import BinaryIO
from zoneinfo import ZoneInfo

import numpy as np
from sqlalchemy import Connection, func, select

from nlp.cleaning import normalize_text
from nlp.languages import detect_language
from nlp.postings import find_names
from nlp.themes.centring import LanguageMeans, centre_rows
from nlp.themes.vectors import unit_rows
from pipelines import tables
from pipelines.asking.answers import Answer, read_answers, read_theme_names
from pipelines.asking.index import (
    Index,
    index_path,
    map_index,
    open_kept,
    open_nameless,
    stamp_of,
)
from pipelines.asking.indexing import write_index
from pipelines.asking.question import Question, read_literally, read_question
from pipelines.asking.searching import Filters, Hit, Wanted, find_hits
from pipelines.asking.shortlist import is_worth_it, make_shortlist
from pipelines.counted import counted_mentions, feedback, is_counted, mention
from pipelines.errors import ConfigError
from pipelines.job import Job
from pipelines.progress import SilentProgress
from pipelines.replacing import open_replacement
from pipelines.store import Store
from pipelines.themes.pool import find_centres, means_of
from pipelines.vector_lake.reading import find_width


@dataclass(frozen=True)
class Found:
    """What a question came to.

    :param understood: what of it was searched for, and what became filters.
    :param filters: in force, those of the question and those of options.
    :param n_texts: distinct texts in the index.
    """

    understood: Question
    filters: Filters
    answers: list[Answer]
    n_texts: int
    today: date | None = None


class Asker:
    """Keeps the index, the themes' names and the models between questions."""

    def __init__(self, store: Store, job: Job) -> None:
        self._store, self._job = store, job
        self._loaded: _Loaded | None = None

    def ask(
        self,
        text: str | None,
        filters: Filters,
        limit: int,
        *,
        like: str | None = None,
        is_literal: bool = False,
        today: date | None = None,
    ) -> Found:
        """Find what is nearest in meaning to a text, or to what was said.

        :param like: the id of a mention, a feedback or a theme; where no text is given.
        :param is_literal: take no word of the text for a filter.
        :param today: the day that "last month" is counted from; None for the newest feedback's.
        :raises ConfigError: when there is nothing to search for, or nothing of the encoder.
        """
        with self._store.read() as connection:
            question = Question("")
            if text is not None:
                today = today or self._find_today(connection)
                question = read_literally(text) if is_literal else read_question(text, today)
                filters = self._add_filters(filters, question)
            _check_names(connection, filters)
            asked = _Asked(question, filters, limit, like)
            answers, n_texts = self._ask_server(connection, asked) or self._ask_index(
                connection, asked
            )
        return Found(question, filters, answers, n_texts, today)

    def _ask_index(self, connection: Connection, asked: "_Asked") -> tuple[list[Answer], int]:
        """What the index of all texts answers, and their number."""
        loaded = self._load(connection)
        wanted = (
            self._want_like(connection, loaded, asked.like)
            if asked.like is not None
            else self._want_text(loaded.means, asked.question)
        )
        hits = find_hits(loaded.index, wanted, asked.filters)
        return asked.read(connection, loaded.index, hits, loaded.themes), loaded.index.n_texts

    def _ask_server(
        self, connection: Connection, asked: "_Asked"
    ) -> tuple[list[Answer], int] | None:
        """The same by way of a shortlist; None where the index of all texts is needed for it."""
        encoder = self._job.models.encoder_name
        if self._loaded or asked.like is not None or not is_worth_it(connection, encoder):
            return None
        means = _read_means(connection, encoder, self._job)
        wanted = self._want_text(means, asked.question)
        if wanted.names or wanted.exact:
            return None
        vector, limit = wanted.vector, asked.limit
        chosen = make_shortlist(connection, encoder, means, vector, asked.filters, limit)
        with open_nameless() as file:
            silent = SilentProgress()
            write_index(connection, encoder, means, file, "", silent, chosen.choose())
            index = map_index(file)
        hits = find_hits(index, wanted, asked.filters, chosen.sample)
        answers = asked.read(connection, index, hits, read_theme_names(connection))
        is_short = len(answers) < limit and chosen.is_cut
        return None if is_short else (answers, chosen.n_texts)

    def _load(self, connection: Connection) -> "_Loaded":
        """The index of the store as it is now: the one in memory, the kept one, or a new one."""
        encoder = self._job.models.encoder_name
        stamp = stamp_of(connection, encoder)
        if self._loaded is None or self._loaded.stamp != stamp:
            means = _read_means(connection, encoder, self._job)
            with open_kept(self._store, stamp) as file:
                index = map_index(file) if file else None
            if index is None:
                index = self._make_index(connection, encoder, means, stamp)
            if not index.n_texts:
                raise ConfigError(_nothing_read(connection, encoder))
            self._loaded = _Loaded(stamp, index, means, read_theme_names(connection))
        return self._loaded

    def _make_index(
        self, connection: Connection, encoder: str, means: LanguageMeans, stamp: str
    ) -> Index:
        """Make it, and keep it where an erasure can reach it."""

        def write(file: BinaryIO) -> Index:
            write_index(connection, encoder, means, file, stamp, self._job.progress)
            return map_index(file)

        path = index_path(self._store)
        if path is not None:
            with suppress(OSError):  # a folder that cannot be written, or somebody else's index
                with open_replacement(path, is_private=True) as file:
                    write_index(connection, encoder, means, file, stamp, self._job.progress)
                self._drop_if_old(stamp, encoder)
                with path.open("rb") as kept:
                    return map_index(kept)
        with open_nameless() as file:
            return write(file)

    def _drop_if_old(self, stamp: str, encoder: str) -> None:
        """What was erased while the index was made must not stay in it."""
        path = index_path(self._store)
        with self._store.read() as connection:
            if path is not None and stamp_of(connection, encoder) != stamp:
                path.unlink(missing_ok=True)

    def _find_today(self, connection: Connection) -> date:
        """The day of the newest feedback, as long as it is not of the future."""
        query = select(func.max(feedback.occurred_at)).where(
            feedback.occurred_at <= datetime.now(UTC)
        )
        newest = connection.execute(query).scalar() or datetime.now(UTC)
        return newest.astimezone(self._zone).date()

    @property
    def _zone(self) -> ZoneInfo:
        return ZoneInfo(self._job.config.text.timezone)

    def _add_filters(self, filters: Filters, question: Question) -> Filters:
        """What the question says where no option says it.

        :raises ConfigError: when no day is left.
        """
        days = question.days
        if days.is_empty:
            raise ConfigError(
                f"no day lies from {days.first} on and before {days.after}; name the years, as in "
                "--since 2025-10-01 --until 2026-01-31, or take every word as it is with --literal"
            )
        return replace(
            filters,
            langs=filters.langs or question.langs,
            since=filters.since or self._begin(days.first),
            until=filters.until or self._begin(days.after),
        )

    def _begin(self, day: date | None) -> datetime | None:
        return datetime.combine(day, time(), self._zone) if day else None

    def _want_text(self, means: LanguageMeans, question: Question) -> Wanted:
        if question == Question(""):
            raise ConfigError("the question is empty; say what about, in any language")
        if not question.text:
            raise ConfigError(
                "nothing is left to search for once the filters are taken out; say what about, or "
                "take every word as it is with --literal"
            )
        lang = detect_language(question.text).code
        text = normalize_text(question.text, lang)
        vector = centre_rows(self._job.models.embed([text]), [lang], means)[0]
        names = find_names(question.text, lang)
        return Wanted(vector, tuple(names), question.exact)

    def _want_like(self, connection: Connection, loaded: "_Loaded", like: str) -> Wanted:
        """The mean of what was said, and its texts, which are not to be found again."""
        hashes = np.unique(np.array(_read_hashes(connection, like), dtype="S32"))
        rows = np.searchsorted(loaded.index.text_hashes, hashes)
        rows = rows[rows < loaded.index.n_texts]
        rows = rows[np.isin(loaded.index.text_hashes[rows], hashes)]
        if not len(rows):
            raise ConfigError(
                f"there is no mention, feedback or theme {like} that counts; --json shows the ids "
                "of what a question finds, and earful themes list those of themes"
            )
        mean = loaded.index.texts.restore(rows).mean(axis=0)
        return Wanted(unit_rows(mean[None, :])[0], without=rows)


@dataclass(frozen=True)
class _Asked:
    """A question with all that options say of it."""

    question: Question
    filters: Filters
    limit: int
    like: str | None

    def read(
        self, connection: Connection, index: Index, hits: Iterable[Hit], themes: Mapping[str, str]
    ) -> list[Answer]:
        """The first of some texts that may be shown."""
        return read_answers(
            connection,
            index,
            hits,
            themes,
            self.question.exact,
            self.limit,
            only_known=bool(self.filters.segments),
        )


@dataclass(frozen=True)
class _Loaded:
    stamp: str
    index: Index
    means: LanguageMeans
    themes: Mapping[str, str]


def _read_means(connection: Connection, encoder: str, job: Job) -> LanguageMeans:
    centres = find_centres(connection, encoder)
    dim = find_width(connection, encoder)
    means = means_of(is_default_encoder=job.models.is_default_encoder, dim=dim)
    return means.with_centres(centres)


def _read_hashes(connection: Connection, like: str) -> list[str]:
    """The texts of a mention, a feedback or a theme."""
    owns = (mention.mention_id, mention.feedback_id, mention.theme_id)
    for column in owns:
        query = (
            select(mention.text_hash)
            .select_from(counted_mentions)
            .where(column == like, is_counted)
            .distinct()
        )
        if found := list(connection.execute(query).scalars()):
            return found
    return []


def _check_names(connection: Connection, filters: Filters) -> None:
    """Refuse what the store does not know, rather than find nothing.

    :raises ConfigError: for a theme, source or segment that there is not.
    """
    known = {
        "theme": (filters.themes, tables.theme.c.theme_id, "earful themes list"),
        "source": (filters.sources, feedback.source, "earful sources"),
        "segment": (filters.segments, tables.customer.c.segment, "earful status"),
    }
    for option, (values, column, command) in known.items():
        for value in values:
            query = select(column).where(column == value).limit(1)
            if connection.execute(query).first() is None:
                raise ConfigError(f"--{option} {value}: there is none; see: {command}")


def _nothing_read(connection: Connection, encoder: str) -> str:
    query = select(tables.vector.c.model).distinct()
    others = sorted(set(connection.execute(query).scalars()) - {encoder})
    if others:
        return (
            f"the store's texts were read with {', '.join(others)}, not with {encoder}; name that "
            "encoder in the configuration, or read them anew with: earful enrich"
        )
    return "the store holds no mention that counts; read feedback with: earful run PATH"
