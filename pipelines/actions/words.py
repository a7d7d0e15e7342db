"""Occasions of words: feedback in which somebody says what cannot wait, see `nlp.alerts`."""

import re
from collections import defaultdict
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from functools import cache
from typing import Any

import numpy as np
from numpy.typing import NDArray
from sqlalchemy import Connection, and_, case, func, select

from nlp.alerts import (
    DIM,
    TOPICS,
    compile_words,
    decide_alerts,
    find_words,
    needs_words,
    score_meanings,
)
from pipelines import tables
from pipelines.actions.occasions import Occasion
from pipelines.actions.rules import WordsRule
from pipelines.counted import counted_mentions, feedback, is_analysed, mention
from pipelines.encoder_pass import VECTOR_TYPE
from pipelines.journeys import ENCODER
from pipelines.resources import load_config
from pipelines.rights.gate import allows_account
from pipelines.vector_lake.reading import load_vectors

_BATCH = 5_000


@dataclass(frozen=True)
class Alert:
    """A mention with what it is an alert of.

    :param customer_id: None where nobody is known, or they do not want to be profiled.
    """

    mention_id: str
    feedback_id: str
    position: int
    theme_id: str | None
    is_muted: bool
    customer_id: str | None
    at: datetime
    lang: str
    is_noise: bool
    topics: frozenset[str]


def find_words_said(
    connection: Connection, rules: Sequence[WordsRule], since: Mapping[str, datetime]
) -> Iterator[Occasion]:
    """The feedback of each rule; its mentions that are alerts are the evidence.

    :param since: by name of rule, from when on feedback counts.
    """
    if not rules:
        return
    said: dict[str, list[Alert]] = defaultdict(list)
    for alert in _read_alerts(connection, min(since[rule.name] for rule in rules)):
        said[alert.feedback_id].append(alert)
    for feedback_id, alerts in said.items():
        for rule in rules:
            own = [each for each in alerts if each.topics.intersection(rule.topics)]
            if own and own[0].at >= since[rule.name]:
                yield _describe(rule, feedback_id, sorted(own, key=lambda each: each.position))


def _describe(rule: WordsRule, feedback_id: str, alerts: Sequence[Alert]) -> Occasion:
    first = alerts[0]
    held = {topic for alert in alerts for topic in alert.topics}
    topics = ", ".join(topic for topic in rule.topics if topic in held)
    hindrance = "noise" if first.is_noise else "muted" if first.is_muted else None
    n = len(alerts)
    return Occasion(
        rule,
        what=feedback_id,
        at=first.at,
        title=rule.title or f"{topics} spoken of",
        reason=f"{n} {'mention' if n == 1 else 'mentions'} of {topics}, in {first.lang}",
        facts={"topics": topics, "lang": first.lang, "n_mentions": n},
        mentions=tuple(each.mention_id for each in alerts),
        customer_id=first.customer_id,
        theme_id=first.theme_id,
        hindrance=hindrance,
    )


def _read_alerts(connection: Connection, oldest: datetime) -> Iterator[Alert]:
    found_rows = connection.execute(_select(connection, oldest)).mappings()
    for some in (list(map(dict, rows)) for rows in found_rows.partitions(_BATCH)):
        for row, data in zip(
            some, load_vectors(connection, [row["data"] for row in some]), strict=True
        ):
            row["data"] = data
        found = classify_rows(some)
        for place in np.flatnonzero(found.any(axis=1)).tolist():
            row = some[place]
            yield Alert(
                **{name: row[name] for name in ("mention_id", "feedback_id", "position")},
                theme_id=row["theme_id"],
                is_muted=row["status"] == "muted",
                customer_id=row["known_customer"],
                at=row["at"],
                lang=row["lang"] or "und",
                is_noise=row["noise_reason"] is not None,
                topics=frozenset(
                    topic for topic, held in zip(TOPICS, found[place], strict=True) if held
                ),
            )


def classify_rows(rows: Sequence[Mapping[str, Any]]) -> NDArray[np.bool_]:
    """The topics of mentions: from meaning and words, from words alone where there is no vector.

    :param rows: with text, lang and data, the vector of the default encoder or None.
    """
    found = np.zeros((len(rows), len(TOPICS)), np.bool_)
    with_vector = [place for place, row in enumerate(rows) if _has_vector(row["data"])]
    without = sorted({*range(len(rows))}.difference(with_vector))
    if with_vector:
        vectors = np.stack([np.frombuffer(rows[each]["data"], VECTOR_TYPE) for each in with_vector])
        scores = score_meanings(vectors, [rows[each]["lang"] or "und" for each in with_vector])
        words = np.zeros(scores.shape, np.bool_)
        asked = np.flatnonzero(needs_words(scores))
        words[asked] = _look([rows[with_vector[each]]["text"] for each in asked])
        found[with_vector] = decide_alerts(scores, words)
    found[without] = _look([rows[each]["text"] for each in without])
    return found


def _look(texts: Sequence[str]) -> NDArray[np.bool_]:
    return find_words(texts, read_patterns())


def _has_vector(data: bytes | None) -> bool:
    return data is not None and len(data) == DIM * np.dtype(VECTOR_TYPE).itemsize


@cache
def read_patterns() -> tuple[re.Pattern[str], ...]:
    """The shipped list of words, see :func:`nlp.alerts.compile_words`."""
    lists = load_config("alerts.toml")
    by_topic = {topic: [each for own in lists[topic].values() for each in own] for topic in TOPICS}
    return compile_words(by_topic)


def _select(connection: Connection, oldest: datetime) -> Any:
    vector = tables.vector.c
    # One vector a text, where several versions of the encoder read it.
    newest = (
        select(vector.text_hash, func.max(vector.model).label("model"))
        .where(vector.model.contains(ENCODER))
        .group_by(vector.text_hash)
        .subquery()
    )
    at = func.coalesce(feedback.occurred_at, feedback.ingested_at)
    known = case((allows_account(connection), feedback.customer_id))
    own = (mention.mention_id, mention.feedback_id, mention.position, mention.theme_id)
    joined = (
        counted_mentions.outerjoin(newest, newest.c.text_hash == mention.text_hash)
        .outerjoin(
            tables.vector,
            and_(vector.text_hash == newest.c.text_hash, vector.model == newest.c.model),
        )
        .outerjoin(tables.theme, tables.theme.c.theme_id == mention.theme_id)
    )
    return (
        select(*own, mention.text, mention.lang, vector.data, feedback.noise_reason)
        .add_columns(at.label("at"), known.label("known_customer"), tables.theme.c.status)
        .select_from(joined)
        .where(is_analysed, at >= oldest)
        .order_by(mention.mention_id)
        .execution_options(yield_per=_BATCH)
    )
