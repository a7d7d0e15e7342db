"""The step that writes insights back: figures of themes, rows of customers."""

from collections.abc import Iterable, Iterator
from dataclasses import asdict
from itertools import groupby
from typing import Any

from sqlalchemy import Connection, Integer, Table, cast, delete, func, select, tuple_, update

from pipelines import tables
from pipelines.counted import counted_mentions, feedback, is_counted, mention, voice
from pipelines.id_batches import batch_ids
from pipelines.insights import CustomerMention, describe_customer
from pipelines.runs import Run
from pipelines.upserts import round_floats, upsert_rows


def publish_insights(run: Run) -> int:
    """Bring themes, customer_theme and customer_insight up to date.

    :returns: number of rows that were written; 0 when nothing had changed.
    """
    if run.is_current("published"):
        return 0
    written = _publish_themes(run) + _publish_customer_themes(run) + _publish_customers(run)
    run.mark_current("published")
    return written


def replace_rows(connection: Connection, table: Table, rows: Iterable[dict[str, Any]]) -> int:
    """Make a table hold just these rows, writing only what differs.

    :returns: number of rows written or deleted.
    """
    keys = list(table.primary_key)
    present = {tuple(row) for row in connection.execute(select(*keys))}
    kept: set[tuple[Any, ...]] = set()

    def watch() -> Iterator[dict[str, Any]]:
        for row in rows:
            kept.add(tuple(row[key.name] for key in keys))
            yield row

    written = upsert_rows(connection, table, watch())
    gone = sorted(present - kept)
    for batch in batch_ids(gone):
        connection.execute(delete(table).where(tuple_(*keys).in_(batch)))
    return written + len(gone)


def _publish_themes(run: Run) -> int:
    by_voice = (
        select(
            mention.theme_id,
            func.count().label("n_mentions"),
            func.avg(mention.sentiment_score).label("sentiment"),
            func.min(feedback.occurred_at).label("first_seen_at"),
            func.max(feedback.occurred_at).label("last_seen_at"),
        )
        .select_from(counted_mentions)
        .where(is_counted, mention.theme_id.is_not(None))
        .group_by(mention.theme_id, voice)
        .subquery()
    )
    said = by_voice.c
    # One voice is one, however often it speaks.
    figures = {
        "n_mentions": cast(func.sum(said.n_mentions), Integer),
        "n_customers": func.count(),
        "sentiment": func.avg(said.sentiment),
        "first_seen_at": func.min(said.first_seen_at),
        "last_seen_at": func.max(said.last_seen_at),
    }
    query = select(
        said.theme_id, *(figure.label(name) for name, figure in figures.items())
    ).group_by(said.theme_id)
    found = {row["theme_id"]: dict(row) for row in run.connection.execute(query).mappings()}
    empty = {**dict.fromkeys(figures), "n_mentions": 0, "n_customers": 0}
    columns = [tables.theme.c.theme_id, *(tables.theme.c[name] for name in figures)]
    written = 0
    for row in run.connection.execute(select(*columns)).mappings().all():
        figures_now = round_floats({**row, **found.get(row["theme_id"], empty)})
        if figures_now == dict(row):
            continue
        run.connection.execute(
            update(tables.theme)
            .where(tables.theme.c.theme_id == row["theme_id"])
            .values(**figures_now, updated_run=run.run_id)
        )
        written += 1
    return written


def _publish_customer_themes(run: Run) -> int:
    query = (
        select(
            feedback.customer_id,
            mention.theme_id,
            func.count().label("n_mentions"),
            func.avg(mention.sentiment_score).label("sentiment"),
            func.min(feedback.occurred_at).label("first_at"),
            func.max(feedback.occurred_at).label("last_at"),
        )
        .select_from(counted_mentions)
        .where(is_counted, mention.theme_id.is_not(None), feedback.customer_id.is_not(None))
        .group_by(feedback.customer_id, mention.theme_id)
    )
    rows = [dict(row) for row in run.connection.execute(query).mappings()]
    return replace_rows(run.connection, tables.customer_theme, rows)


def _publish_customers(run: Run) -> int:
    return replace_rows(run.connection, tables.customer_insight, list(_describe_customers(run)))


def _describe_customers(run: Run) -> Iterator[dict[str, Any]]:
    mean = run.connection.execute(
        select(func.avg(mention.sentiment_score)).select_from(counted_mentions).where(is_counted)
    ).scalar()
    for customer_id, rows in groupby(_customer_mentions(run.connection), lambda row: row[0]):
        insight = describe_customer([each for _, each in rows], float(mean or 0.0))
        yield {
            "customer_id": customer_id,
            **asdict(insight),
            "risk": None,
            "run_id": run.run_id,
            "updated_at": run.started_at,
        }


def _customer_mentions(connection: Connection) -> Iterator[tuple[str, CustomerMention]]:
    query = (
        select(
            feedback.customer_id,
            mention.mention_id,
            mention.feedback_id,
            feedback.occurred_at.label("at"),
            mention.theme_id,
            mention.sentiment,
            func.coalesce(mention.sentiment_score, 0.0).label("score"),
            (feedback.rating / feedback.rating_max).label("rating"),
        )
        .select_from(counted_mentions)
        .where(is_counted, feedback.customer_id.is_not(None))
        .order_by(feedback.customer_id, mention.mention_id)
        .execution_options(yield_per=5_000)
    )
    for row in connection.execute(query):
        yield row.customer_id, CustomerMention(*row[1:])
