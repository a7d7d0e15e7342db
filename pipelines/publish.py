"""The step that writes insights back: figures of themes, rows of customers."""

from collections.abc import Collection

from sqlalchemy import Connection, Integer, cast, func, select, update

from pipelines import tables
from pipelines.actions.raising import raise_actions
from pipelines.actions.rules import Rules
from pipelines.counted import (
    counted_mentions,
    feedback,
    has_theme,
    is_counted,
    is_one_of,
    mention,
    voice,
)
from pipelines.customer_rows import RowSettings, keep_settings, publish_customers
from pipelines.rights.gate import allows_account
from pipelines.runs import Run
from pipelines.themes.group_titles import write_group_names
from pipelines.upserts import replace_rows, round_floats


def publish_insights(
    run: Run,
    themes: Collection[str] | None = None,
    settings: RowSettings | None = None,
    rules: Rules | None = None,
) -> int:
    """Bring themes, customer_theme and customer_insight up to date.

    :param themes: those whose mentions may have changed since insights were last published; None
        for all.
    :param settings: outcomes and rules, as configured; None for those of the last time.
    :param rules: that raise actions of what is published, as configured; None to raise none.
    :returns: number of rows that were written; 0 when nothing had changed.
    """
    settings = keep_settings(run.connection, settings)
    written = _publish(run, themes, settings)
    return written if rules is None else written + raise_actions(run, rules)


def _publish(run: Run, themes: Collection[str] | None, settings: RowSettings) -> int:
    if run.is_current("published"):
        return write_group_names(run)  # people may have put themes into groups all the same
    # Who spoke of these themes before; who does now is known once that is written.
    customers = None if themes is None else _list_customers(run.connection, themes)
    written = _publish_themes(run, themes) + _publish_customer_themes(run, themes)
    if customers is not None and themes is not None:
        customers |= _list_customers(run.connection, themes)
    written += publish_customers(run, settings, customers) + write_group_names(run)
    run.mark_current("published")
    return written


def _list_customers(connection: Connection, themes: Collection[str]) -> set[str]:
    """Customers who spoke of some of these themes, as published."""
    column = tables.customer_theme.c
    query = select(column.customer_id).where(column.theme_id.in_(themes)).distinct()
    return set(connection.execute(query).scalars())


def _publish_themes(run: Run, themes: Collection[str] | None) -> int:
    by_voice = (
        select(
            mention.theme_id,
            func.count().label("n_mentions"),
            func.avg(mention.sentiment_score).label("sentiment"),
            func.min(feedback.occurred_at).label("first_seen_at"),
            func.max(feedback.occurred_at).label("last_seen_at"),
        )
        .select_from(counted_mentions)
        .where(is_counted, has_theme, is_one_of(mention.theme_id, themes))
        .group_by(voice, mention.theme_id)
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
    present = select(*columns).where(is_one_of(tables.theme.c.theme_id, themes))
    for row in run.connection.execute(present).mappings().all():
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


def _publish_customer_themes(run: Run, themes: Collection[str] | None) -> int:
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
        .where(is_counted, has_theme, feedback.customer_id.is_not(None))
        .where(is_one_of(mention.theme_id, themes), allows_account(run.connection))
        .group_by(feedback.customer_id, mention.theme_id)
    )
    rows = [dict(row) for row in run.connection.execute(query).mappings()]
    among = is_one_of(tables.customer_theme.c.theme_id, themes)
    return replace_rows(run.connection, tables.customer_theme, rows, among)
