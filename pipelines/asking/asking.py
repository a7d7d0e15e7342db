"""Answers questions about what was said, with one index for as many as are asked."""

from collections.abc import Iterable, Mapping
from contextlib import suppress
from dataclasses import dataclass, replace
from datetime import UTC, date, datetime, time, timedelta
from typing import Any, BinaryIO
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
from pipelines.asking.searching import Filters, Wanted, find_hits
from pipelines.asking.times import Days
from pipelines.counted import counted_mentions, feedback, is_counted, mention
from pipelines.errors import ConfigError
from pipelines.job import Job
from pipelines.replacing import open_replacement
from pipelines.store import Store
from pipelines.themes.pool import find_centres, means_of


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
            loaded = self._load(connection)
            question = Question("")
            if text is not None:
                today = today or self._find_today(connection)
                question = read_literally(text) if is_literal else read_question(text, today)
                filters = self._add_filters(filters, question)
            _check_names(connection, filters)
            wanted = (
                self._want_like(connection, loaded, like)
                if like is not None
                else self._want_text(loaded, question)
            )
            answers = read_answers(
                connection,
                loaded.index,
                find_hits(loaded.index, wanted, filters),
                loaded.themes,
                question.exact,
                limit,
                only_known=bool(filters.segments),
            )
        return Found(question, filters, answers, loaded.index.n_texts, today)

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

    def _want_text(self, loaded: "_Loaded", question: Question) -> Wanted:
        if question == Question(""):
            raise ConfigError("the question is empty; say what about, in any language")
        if not question.text:
            raise ConfigError(
                "nothing is left to search for once the filters are taken out; say what about, or "
                "take every word as it is with --literal"
            )
        lang = detect_language(question.text).code
        text = normalize_text(question.text, lang)
        vector = centre_rows(self._job.models.embed([text]), [lang], loaded.means)[0]
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
class _Loaded:
    stamp: str
    index: Index
    means: LanguageMeans
    themes: Mapping[str, str]


def _read_means(connection: Connection, encoder: str, job: Job) -> LanguageMeans:
    centres = find_centres(connection, encoder)
    vector = tables.vector.c
    query = select(func.length(vector.data)).where(vector.model == encoder).limit(1)
    dim = (connection.execute(query).scalar() or 0) // 2
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


def parse_langs(given: Iterable[str]) -> tuple[str, ...]:
    """The codes of languages, by code or English name.

    :raises ConfigError: for what is no language.
    """
    from nlp.label_names import read_language

    codes = {name: read_language(name) for name in given}
    if unknown := [name for name, code in codes.items() if code is None]:
        raise ConfigError(
            f"--lang {unknown[0]}: no language is called so; write it as he or Hebrew"
        )
    return tuple(dict.fromkeys(code for code in codes.values() if code))


def describe_days(days: Days) -> str:
    """Days as they are understood, the last one included."""
    last = days.after - timedelta(days=1) if days.after else None
    if days.first and last:
        return f"{days.first} to {last}" if days.first != last else f"{days.first}"
    return f"since {days.first}" if days.first else f"until {last}"


def describe(found: Found) -> dict[str, Any]:
    """What a question came to, for programs."""
    from dataclasses import asdict

    filters = {name: value for name, value in asdict(found.filters).items() if value}
    return {
        "searching_for": found.understood.text or None,
        "exact": found.understood.exact,
        "counted_from": found.today.isoformat() if found.today else None,
        "filters": filters,
        "texts_searched": found.n_texts,
        "answers": [asdict(answer) for answer in found.answers],
    }
