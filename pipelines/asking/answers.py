"""Texts that were found, as they may be shown: asked of the gate in the moment of the answer."""

from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from itertools import islice
from typing import Any

from sqlalchemy import Connection, and_, case, null, select

from nlp.postings import read_words
from pipelines import tables
from pipelines.asking.index import Index
from pipelines.asking.searching import Hit
from pipelines.counted import counted_mentions, feedback, mention
from pipelines.rights.descriptions import hide_descriptions
from pipelines.rights.gate import allows, allows_account

# Of what many said in the same words so many of the newest are asked for, then the next.
_MENTIONS_A_TEXT = 20
_TEXTS_A_QUERY = 16
_MAX_CUSTOMERS = 5


@dataclass(frozen=True)
class Answer:
    """One text that was found, as its newest mention that may be shown says it.

    :param similarity: cosine of its meaning with the question's, -1..1.
    :param customers: who said it, the latest five that may be named.
    :param n_voices: who said it in these words, named or not: customers, else authors.
    """

    mention_id: str
    feedback_id: str
    text: str
    lang: str | None
    source: str | None
    occurred_at: datetime | None
    sentiment: str | None
    sentiment_score: float | None
    theme_id: str | None
    theme: str | None
    customers: tuple[str, ...]
    n_voices: int
    n_mentions: int
    similarity: float


def read_theme_names(connection: Connection) -> dict[str, str]:
    """The themes' names, as they may be shown."""
    column = tables.theme.c
    query = select(column.theme_id, column.name, column.keywords, column.description)
    rows = hide_descriptions(connection, connection.execute(query).mappings())
    return {row["theme_id"]: row["name"] for row in rows}


def read_answers(
    connection: Connection,
    index: Index,
    hits: Iterable[Hit],
    themes: Mapping[str, str],
    exact: Sequence[str],
    limit: int,
    *,
    only_known: bool,
) -> list[Answer]:
    """The first texts that may be shown.

    :param themes: names of themes.
    :param exact: phrases that must stand in the text.
    :param only_known: whether it was asked for what is known of the customers: then only mentions
        of customers whose account may be looked at.
    """
    phrases = [" ".join(read_words(phrase)) for phrase in exact]
    found: list[Answer] = []
    remaining = iter(hits)
    while some := list(islice(remaining, _TEXTS_A_QUERY)):
        for hit, rows in _read_shown(connection, index, some, only_known=only_known):
            said = f" {' '.join(read_words(rows[0].text))} "
            if all(f" {phrase} " in said for phrase in phrases):
                found.append(_answer(hit, rows, themes))
        if len(found) >= limit:
            break
    return found[:limit]


def _read_shown(
    connection: Connection, index: Index, hits: Sequence[Hit], *, only_known: bool
) -> Iterator[tuple[Hit, list[Any]]]:
    """Each text with its newest mentions that may be shown; without those that have none."""
    shown: dict[int, list[Any]] = {number: [] for number in range(len(hits))}
    left = {number: list(hit.places) for number, hit in enumerate(hits)}
    while any(left.values()):
        wanted = {
            index.mention_ids[place].decode(): number
            for number, places in left.items()
            for place in places[:_MENTIONS_A_TEXT]
        }
        rows = _read_rows(connection, wanted, only_known=only_known)
        for mention_id, number in wanted.items():
            if mention_id in rows:
                shown[number].append(rows[mention_id])
        left = {
            number: [] if shown[number] else places[_MENTIONS_A_TEXT:]
            for number, places in left.items()
        }
    yield from ((hit, shown[number]) for number, hit in enumerate(hits) if shown[number])


def _read_rows(
    connection: Connection, mention_ids: Collection[str], *, only_known: bool
) -> dict[str, Any]:
    is_known = and_(feedback.customer_id.is_not(None), allows_account(connection))
    query = (
        select(
            mention.mention_id,
            mention.feedback_id,
            mention.text,
            mention.lang,
            mention.sentiment,
            mention.sentiment_score,
            mention.theme_id,
            feedback.source,
            feedback.occurred_at,
            case((is_known, feedback.customer_id), else_=null()).label("customer_id"),
        )
        .select_from(counted_mentions)
        .where(mention.mention_id.in_(mention_ids), allows(connection, "quoting"))
    )
    if only_known:
        query = query.where(is_known)
    return {row.mention_id: row for row in connection.execute(query)}


def _answer(hit: Hit, rows: Sequence[Any], themes: Mapping[str, str]) -> Answer:
    newest = rows[0]
    customers = dict.fromkeys(row.customer_id for row in rows if row.customer_id)
    return Answer(
        newest.mention_id,
        newest.feedback_id,
        newest.text,
        newest.lang,
        newest.source,
        newest.occurred_at,
        newest.sentiment,
        newest.sentiment_score,
        newest.theme_id,
        themes.get(newest.theme_id),
        tuple(customers)[:_MAX_CUSTOMERS],
        hit.n_voices,
        len(hit.places),
        round(hit.similarity, 3),
    )
