"""The texts that may answer a question, chosen on the server where it compares vectors itself.

To make the index of a store for one question, every vector travels; this reads some hundreds. The
server ranks the texts of each language by what the index ranks them by but for their own length,
which differs little; the index then is made of the first of each, and ranks them as ever. A sample
of all texts, the same each time, goes with them: it says how near texts of a language are at all.
"""

from dataclasses import dataclass
from typing import Any, Final

import numpy as np
from sqlalchemy import (
    Connection,
    Double,
    Text,
    and_,
    any_,
    bindparam,
    cast,
    column,
    func,
    literal,
    select,
    values,
)
from sqlalchemy.dialects.postgresql import ARRAY
from sqlalchemy.sql.elements import ColumnElement
from sqlalchemy.types import UserDefinedType

from nlp.themes.centring import LanguageMeans
from nlp.themes.vectors import Floats
from pipelines import tables
from pipelines.asking.searching import Filters
from pipelines.counted import counted_mentions, feedback, is_counted, is_one_of, mention
from pipelines.half_vectors import HALF, find_schema, has_half_vectors

# With fewer the index of all texts, which is exact, costs little more than that of the sample.
LEAST_VECTORS: Final = 100_000
# Of each language so many are compared at least, and so many for each answer.
_A_LANGUAGE, _AN_ANSWER = 300, 10
# With 4,000 of 12,000 texts .89 of the first ten were those of the whole index, with 8,000 .96;
# what differs is where languages meet.
_SAMPLE_TEXTS: Final = 20_000


@dataclass(frozen=True)
class Shortlist:
    """Texts to make an index of.

    :param hashes: of the texts.
    :param sample: those that stand for all texts.
    :param n_texts: how many there are in all.
    :param is_cut: whether a language has more of them than were taken.
    """

    hashes: list[str]
    sample: list[str]
    n_texts: int
    is_cut: bool

    def choose(self) -> ColumnElement[bool]:
        """SQL for the mentions of these texts."""
        hashes = sorted({*self.hashes, *self.sample})
        return mention.text_hash == any_(literal(hashes, ARRAY(Text)))


def is_worth_it(connection: Connection, encoder_name: str) -> bool:
    """Whether the server compares vectors, and there are enough of them."""
    if not has_half_vectors(connection):
        return False
    of_model = select(literal(1)).where(tables.vector.c.model == encoder_name)
    first = of_model.limit(LEAST_VECTORS).subquery()
    return connection.execute(select(func.count()).select_from(first)).scalar() == LEAST_VECTORS


def make_shortlist(
    connection: Connection,
    encoder_name: str,
    means: LanguageMeans,
    vector: Floats,
    filters: Filters,
    limit: int,
) -> Shortlist:
    """Choose the texts that are nearest in each language, of those that pass the filters.

    :param vector: of the question, centred as the texts will be.
    :param limit: answers wanted.
    """
    n_each = max(_A_LANGUAGE, _AN_ANSWER * limit)
    schema = find_schema(connection) or ""
    ranked = _rank(schema, encoder_name, means, vector, filters)
    query = select(ranked.c.text_hash, ranked.c.place).where(ranked.c.place <= n_each)
    rows = connection.execute(query).all()
    distinct = select(mention.text_hash).select_from(counted_mentions).where(is_counted).distinct()
    total = connection.execute(select(func.count()).select_from(distinct.subquery())).scalar_one()
    # Hashes are spread evenly, so that those up to a bound are a sample of all.
    bound = f"{min(int(_SAMPLE_TEXTS / max(total, 1) * 2**32), 2**32 - 1):08x}"
    sample = connection.execute(distinct.where(mention.text_hash < bound)).scalars()
    is_cut = any(row.place == n_each for row in rows)
    return Shortlist([row.text_hash for row in rows], list(sample), total, is_cut)


def _rank(
    schema: str, encoder_name: str, means: LanguageMeans, vector: Floats, filters: Filters
) -> Any:
    """Each text with its place in its language."""
    looked = vector if means.projection is None else means.projection @ vector
    looked = looked / max(float(np.linalg.norm(looked)), 1e-9)
    of_voice, of_lang = _shifts(means, looked, "of_voice"), _shifts(means, looked, "of_lang")
    fallback = float(means.fallback @ looked)
    compare: Any = HALF.c.data.op(f"OPERATOR({schema}.<#>)", return_type=Double())
    dot: ColumnElement[float] = compare(cast(_write(looked), _HalfVector(schema)))
    score = -dot - func.coalesce(of_voice.c.shift, of_lang.c.shift, fallback)
    lang = func.coalesce(mention.lang, "und")
    nearest = func.max(score).label("score")
    best = (
        select(mention.text_hash, lang.label("lang"), nearest)
        .select_from(
            counted_mentions.join(
                HALF, and_(HALF.c.text_hash == mention.text_hash, HALF.c.model == encoder_name)
            )
            .outerjoin(tables.customer, tables.customer.c.customer_id == feedback.customer_id)
            .outerjoin(of_voice, of_voice.c.voice == lang + "/" + feedback.channel)
            .outerjoin(of_lang, of_lang.c.voice == lang)
        )
        .where(is_counted, *_pass(filters))
        .group_by(mention.text_hash, lang)
        .subquery()
    )
    place = func.row_number().over(
        partition_by=best.c.lang, order_by=(best.c.score.desc(), best.c.text_hash)
    )
    return select(best.c.text_hash, place.label("place")).subquery()


def _shifts(means: LanguageMeans, looked: Floats, name: str) -> Any:
    """What each language and voice has in common with the question."""
    rows = [(voice, float(mean @ looked)) for voice, mean in sorted(means.means.items())]
    columns = (column("voice", Text), column("shift", Double))
    return values(*columns, name=name).data(rows or [("", 0.0)])


def _pass(filters: Filters) -> list[ColumnElement[bool]]:
    chosen = (
        (mention.theme_id, filters.themes),
        (feedback.source, filters.sources),
        (mention.lang, filters.langs),
        (tables.customer.c.segment, filters.segments),
        (mention.sentiment, filters.sentiments),
    )
    passing = [is_one_of(column, wanted) for column, wanted in chosen if wanted]
    if filters.since is not None:
        passing.append(feedback.occurred_at >= filters.since)
    if filters.until is not None:
        passing.append(feedback.occurred_at < filters.until)
    return passing


class _HalfVector(UserDefinedType[str]):
    cache_ok = True

    def __init__(self, schema: str) -> None:
        self.schema = schema

    def get_col_spec(self, **_: Any) -> str:
        return f"{self.schema}.halfvec"


def _write(vector: Floats) -> Any:
    told = "[" + ",".join(f"{number:.6g}" for number in vector) + "]"
    return bindparam("looked_for", told, Text)
