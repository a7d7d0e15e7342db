"""The views that dashboards read, written once for both databases."""

from typing import Any

from sqlalchemy import (
    Connection,
    Double,
    Select,
    and_,
    case,
    distinct,
    func,
    inspect,
    not_,
    or_,
    select,
    text,
)

from pipelines.attention.defaults import DEFAULT_WEIGHTS
from pipelines.tables import (
    customer,
    customer_fact,
    customer_insight,
    feedback,
    mention,
    priority,
    theme,
    theme_period,
    theme_quote,
    theme_signal,
)

# A separator that no theme name holds: names are one line.
SEPARATOR = " | "

VIEW_COMMENTS = {
    "v_theme": "one row a theme, ready to show; merged and retired ones are left out",
    "v_theme_week": "one row a theme and week",
    "v_feedback": "one row a feedback, with the themes and the sentiment of its mentions",
    "v_customer": "one row a customer, with what they said",
}


def drop_views(connection: Connection) -> None:
    """Remove our views; nothing is lost, they hold no data."""
    for name in VIEW_COMMENTS:
        connection.execute(text(f'DROP VIEW IF EXISTS "{name}"'))


def create_views(connection: Connection) -> None:
    """Create every view from its current definition."""
    for name, query in view_queries().items():
        sql = query.compile(dialect=connection.dialect, compile_kwargs={"literal_binds": True})
        connection.exec_driver_sql(f'CREATE VIEW "{name}" AS {sql}'.replace("%", "%%"))


def view_columns(connection: Connection) -> dict[str, list[str]]:
    """Columns of each view, as the database has them."""
    inspector = inspect(connection)
    return {name: [c["name"] for c in inspector.get_columns(name)] for name in VIEW_COMMENTS}


def view_queries() -> dict[str, Select[Any]]:
    """The query behind each view."""
    return {
        "v_theme": _theme_query(),
        "v_theme_week": _theme_week_query(),
        "v_feedback": _feedback_query(),
        "v_customer": _customer_query(),
    }


def _share(label: str) -> Any:
    return func.avg(case((mention.c.sentiment == label, 1.0), else_=0.0), type_=Double())


def _shares_query() -> Any:
    """Shares of voices by sentiment: who says both counts for both in part, and for one in all."""
    labels = ("negative", "neutral", "positive")
    voice = func.coalesce(feedback.c.customer_id, feedback.c.author_key, feedback.c.feedback_id)
    by_voice = (
        select(mention.c.theme_id, *(_share(label).label(label) for label in labels))
        .join(feedback, feedback.c.feedback_id == mention.c.feedback_id)
        .where(mention.c.theme_id.is_not(None), feedback.c.noise_reason.is_(None))
        .group_by(mention.c.theme_id, voice)
        .subquery()
    )
    shares: list[Any] = [
        func.avg(by_voice.c[label], type_=Double()).label(f"share_{label}") for label in labels
    ]
    return select(by_voice.c.theme_id, *shares).group_by(by_voice.c.theme_id).subquery()


def _points_query() -> Any:
    """The points of each part of the signal score; null where the part is not known."""
    points: list[Any] = [
        func.max(
            case(
                (
                    and_(theme_signal.c.part == part, theme_signal.c.score.is_not(None)),
                    theme_signal.c.points,
                )
            ),
            type_=Double(),
        ).label(f"signal_{part}")
        for part in DEFAULT_WEIGHTS
    ]
    query = select(theme_signal.c.theme_id, *points).group_by(theme_signal.c.theme_id)
    return query.subquery()


def _theme_query() -> Select[Any]:
    is_counted = feedback.c.noise_reason.is_(None)
    counted = (
        select(
            mention.c.theme_id,
            func.count(distinct(case((is_counted, mention.c.feedback_id)))).label("n_feedback"),
            func.count(distinct(case((is_counted, mention.c.lang)))).label("n_languages"),
            func.count(distinct(case((is_counted, feedback.c.source)))).label("n_sources"),
            func.count().label("n_mentions_with_noise"),
            func.count(distinct(mention.c.feedback_id)).label("n_feedback_with_noise"),
        )
        .join(feedback, feedback.c.feedback_id == mention.c.feedback_id)
        .where(mention.c.theme_id.is_not(None))
        .group_by(mention.c.theme_id)
        .subquery()
    )
    shares: Any = _shares_query()
    points: Any = _points_query()
    parent = theme.alias("parent")
    return (
        select(
            theme.c.theme_id,
            theme.c.name,
            theme.c.description,
            theme.c.keywords,
            theme.c.parent_id,
            parent.c.name.label("parent_name"),
            theme.c.group_name,
            theme.c.status,
            theme.c.origin,
            theme.c.lang,
            theme.c.n_mentions,
            theme.c.n_customers,
            counted.c.n_feedback,
            counted.c.n_languages,
            counted.c.n_sources,
            theme.c.sentiment,
            counted.c.n_mentions_with_noise,
            counted.c.n_feedback_with_noise,
            shares.c.share_negative,
            shares.c.share_neutral,
            shares.c.share_positive,
            theme.c.verdict,
            theme.c.signal_score,
            *(points.c[f"signal_{part}"] for part in DEFAULT_WEIGHTS),
            priority.c.rank.label("priority_rank"),
            priority.c.outcome.label("priority_outcome"),
            priority.c.gain.label("priority_gain"),
            priority.c.gain_low.label("priority_gain_low"),
            priority.c.gain_high.label("priority_gain_high"),
            priority.c.unit.label("priority_unit"),
            theme.c.first_seen_at,
            theme.c.last_seen_at,
            theme_quote.c.text.label("quote"),
        )
        .select_from(theme)
        .outerjoin(parent, parent.c.theme_id == theme.c.parent_id)
        .outerjoin(counted, counted.c.theme_id == theme.c.theme_id)
        .outerjoin(shares, shares.c.theme_id == theme.c.theme_id)
        .outerjoin(points, points.c.theme_id == theme.c.theme_id)
        .outerjoin(
            priority, (priority.c.theme_id == theme.c.theme_id) & (priority.c.segment == "all")
        )
        .outerjoin(
            theme_quote,
            (theme_quote.c.theme_id == theme.c.theme_id) & (theme_quote.c.rank == 1),
        )
        .where(theme.c.status.not_in(("merged", "retired")))
    )


def _theme_week_query() -> Select[Any]:
    measures = [
        column
        for column in theme_period.c
        if column.name not in {"theme_id", "period", "segment", "period_start"}
    ]
    return (
        select(
            theme_period.c.theme_id,
            theme.c.name,
            theme_period.c.period_start.label("week_start"),
            *measures,
        )
        .join(theme, theme.c.theme_id == theme_period.c.theme_id)
        .where(theme_period.c.period == "week", theme_period.c.segment == "all")
    )


def _feedback_query() -> Select[Any]:
    pairs = (
        select(mention.c.feedback_id, theme.c.theme_id, theme.c.name)
        .join(theme, theme.c.theme_id == mention.c.theme_id)
        .distinct()
        # Strings are put together in this order. Inside the aggregate it needs SQLite 3.44, and
        # a dashboard's own SQLite may be older.
        .order_by(mention.c.feedback_id, theme.c.theme_id)
        .subquery()
    )
    named = (
        select(
            pairs.c.feedback_id,
            func.aggregate_strings(pairs.c.name, SEPARATOR).label("themes"),
            func.aggregate_strings(pairs.c.theme_id, SEPARATOR).label("theme_ids"),
        )
        .group_by(pairs.c.feedback_id)
        .subquery()
    )
    felt = (
        select(
            mention.c.feedback_id,
            func.count().label("n_mentions"),
            func.avg(mention.c.sentiment_score, type_=Double()).label("sentiment_score"),
            func.min(mention.c.sentiment_score).label("sentiment_low"),
            func.max(mention.c.sentiment_score).label("sentiment_high"),
        )
        .group_by(mention.c.feedback_id)
        .subquery()
    )
    hidden = {"text_hash", "content_hash", "enriched_run", "run_id", "refused"}
    columns = [column for column in feedback.c if column.name not in hidden]
    # Words that may not be quoted are not shown; what may not be analysed is not there at all.
    shown = {"text": case((_refuses(feedback, "quoting"), None), else_=feedback.c.text)}
    shown["attributes"] = case((_refuses(feedback, "quoting"), None), else_=feedback.c.attributes)
    shown["customer_id"] = case(
        (_refuses(feedback, "profiling"), None), else_=feedback.c.customer_id
    )
    return (
        select(
            *(
                shown[column.name].label(column.name) if column.name in shown else column
                for column in columns
            ),
            felt.c.n_mentions,
            felt.c.sentiment_score,
            felt.c.sentiment_low,
            felt.c.sentiment_high,
            named.c.themes,
            named.c.theme_ids,
        )
        .select_from(feedback)
        .outerjoin(felt, felt.c.feedback_id == feedback.c.feedback_id)
        .outerjoin(named, named.c.feedback_id == feedback.c.feedback_id)
        .where(not_(_refuses(feedback, "analysis")))
    )


def _refuses(table: Any, *purposes: str) -> Any:
    """What is laid down in ``refused``; see :mod:`pipelines.rights.refusals`."""
    if "quoting" in purposes:
        purposes = (*purposes, "forgotten")
    said = or_(*(table.c.refused.like(f"%{purpose}%") for purpose in purposes))
    return and_(table.c.refused.is_not(None), said)


def _customer_query() -> Select[Any]:
    top, open_theme = theme.alias("top_theme"), theme.alias("open_theme")
    insights = [
        column
        for column in customer_insight.c
        if column.name not in {"customer_id", "run_id", "top_theme_id", "open_theme_id"}
    ]
    facts = [
        column
        for column in customer_fact.c
        if column.name not in {"customer_id", "run_id", "as_of"}
    ]
    return (
        select(
            customer.c.customer_id,
            customer.c.segment,
            customer.c.country,
            customer.c.lang,
            customer.c.valid_from,
            customer_insight.c.top_theme_id,
            top.c.name.label("top_theme"),
            customer_insight.c.open_theme_id,
            open_theme.c.name.label("open_theme"),
            *insights,
            *facts,
        )
        .select_from(customer)
        .outerjoin(customer_insight, customer_insight.c.customer_id == customer.c.customer_id)
        .outerjoin(customer_fact, customer_fact.c.customer_id == customer.c.customer_id)
        .outerjoin(top, top.c.theme_id == customer_insight.c.top_theme_id)
        .outerjoin(open_theme, open_theme.c.theme_id == customer_insight.c.open_theme_id)
        .where(customer.c.merged_into.is_(None), not_(_refuses(customer, "analysis", "profiling")))
    )
