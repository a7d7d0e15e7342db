"""Three quotes that show the sides of what is told: verbatim, masked, and allowed now."""

from collections import defaultdict
from collections.abc import Collection, Mapping, Sequence
from typing import Any, Final

from sqlalchemy import Connection, func, select
from sqlalchemy.sql.elements import ColumnElement

from nlp.themes.quotes import cover_sides
from pipelines import tables
from pipelines.counted import counted_mentions, feedback, is_counted, mention
from pipelines.id_batches import batch_ids
from pipelines.rights.gate import allows, allows_account
from pipelines.stories.facts import fact_of
from pipelines.stories.sentences import Draft

Row = Mapping[Any, Any]
N_QUOTES: Final = 3
# A side that fewer speak for is an exception.
_MIN_SIDE: Final = 0.25
_SIDES: Final = ("negative", "positive")
# Where no quote was chosen for a side: what can be read, and says something.
_SHORTEST, _LONGEST = 25, 280
_quote = tables.theme_quote.c
_SHOWN = tuple(mention[name] for name in ("mention_id", "text", "lang", "sentiment", "theme_id"))
_OF_FEEDBACK = (feedback.feedback_id, feedback.occurred_at, feedback.lang.label("written_in"))


def read_theme_quotes(
    connection: Connection, theme_ids: Collection[str], shares: Mapping[str, Mapping[str, float]]
) -> dict[str, list[Row]]:
    """The quotes of themes, one for each side that enough speak for.

    :param shares: of the mentions of each theme that are negative and positive.
    """
    chosen: dict[str, list[Row]] = defaultdict(list)
    for batch in batch_ids(sorted(theme_ids)):
        query = (
            select(*_SHOWN, *_OF_FEEDBACK)
            .select_from(counted_mentions)
            .join(tables.theme_quote, _quote.mention_id == mention.mention_id)
            .where(_quote.theme_id.in_(batch), _quote.theme_id == mention.theme_id)
            .where(is_counted, allows(connection, "quoting"))
            .order_by(_quote.theme_id, _quote.rank)
        )
        for row in connection.execute(query).mappings():
            chosen[row["theme_id"]].append(row)
    lacking = {
        theme_id: missing
        for theme_id in theme_ids
        if (missing := find_missing(chosen[theme_id], shares.get(theme_id, {})))
    }
    further = _read_strongest(connection, mention.theme_id.in_(sorted(lacking))) if lacking else []
    for theme_id, sides in lacking.items():
        others = [row for row in further if row["theme_id"] == theme_id]
        chosen[theme_id] = add_sides(chosen[theme_id], others, sides)
    return {theme_id: rows[:N_QUOTES] for theme_id, rows in chosen.items()}


def read_segment_quotes(
    connection: Connection, segment: str, theme_ids: Sequence[str]
) -> list[Row]:
    """What customers of a segment say of its largest themes."""
    customer = tables.customer.c
    own = select(customer.customer_id).where(customer.segment == segment)
    found = _read_strongest(
        connection,
        mention.theme_id.in_(theme_ids)
        & feedback.customer_id.in_(own)
        & allows_account(connection),
    )
    ranks = {theme_id: place for place, theme_id in enumerate(theme_ids)}
    ordered = sorted(found, key=lambda row: (ranks[row["theme_id"]], row["sentiment"]))
    firsts = {row["theme_id"]: row for row in reversed(ordered)}
    first = [firsts[theme_id] for theme_id in theme_ids if theme_id in firsts]
    return add_sides(first, ordered, _SIDES)


def find_missing(chosen: Sequence[Row], shares: Mapping[str, float]) -> list[str]:
    """Sides that enough speak for, and none of the quotes does."""
    told = {row["sentiment"] for row in chosen[:N_QUOTES]}
    return [side for side in _SIDES if (shares.get(side) or 0) >= _MIN_SIDE and side not in told]


def add_sides(chosen: Sequence[Row], others: Sequence[Row], sides: Collection[str]) -> list[Row]:
    """The chosen quotes, with others in the place of the last for the sides that they lack.

    :returns: N_QUOTES, as far as there are as many.
    """
    both = [*chosen, *others]
    places = cover_sides([row["sentiment"] for row in both], len(chosen), sides, N_QUOTES)
    # Where there are too few, others fill them up.
    unique = {both[place]["mention_id"]: both[place] for place in (*places, *range(len(both)))}
    return list(unique.values())[:N_QUOTES]


def draft_quotes(rows: Sequence[Row]) -> list[Draft]:
    """The sentences that quote."""
    return [_draft_quote(row) for row in rows]


def _draft_quote(row: Row) -> Draft:
    own = fact_of(tables.mention, row, "lang")
    whole = fact_of(tables.feedback, {**row, "lang": row["written_in"]}, "lang")
    slots = {"text": fact_of(tables.mention, row, "text"), "lang": own if own.is_known else whole}
    if row["occurred_at"] is None:
        return Draft("quote_undated", slots)
    return Draft("quote", {**slots, "day": fact_of(tables.feedback, row, "occurred_at")})


def _read_strongest(connection: Connection, condition: ColumnElement[bool]) -> list[Row]:
    """Of each theme and side the mention that belongs to it most surely, and may be quoted."""
    strength = mention.theme_strength.desc().nulls_last()
    place = func.row_number().over(
        partition_by=(mention.theme_id, mention.sentiment), order_by=(strength, mention.mention_id)
    )
    length = func.length(mention.text)
    ranked = (
        select(*_SHOWN, *_OF_FEEDBACK, place.label("place"))
        .select_from(counted_mentions)
        .where(condition, is_counted, allows(connection, "quoting"))
        .where(mention.sentiment.is_not(None), length.between(_SHORTEST, _LONGEST))
        .subquery()
    )
    query = select(ranked).where(ranked.c.place == 1)
    query = query.order_by(ranked.c.theme_id, ranked.c.sentiment)
    return list(connection.execute(query).mappings())
