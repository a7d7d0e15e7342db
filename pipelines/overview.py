"""What a store holds, as plain values: behind status, runs and themes list."""

import re
from collections import Counter
from collections.abc import Sequence
from typing import Any

from sqlalchemy import Connection, func, not_, select

from pipelines import tables
from pipelines.attention.shown import list_parts
from pipelines.counted import counted_mentions, is_counted, is_main_language, mention
from pipelines.id_batches import batch_ids
from pipelines.impact.listing import list_effects, list_fixes, list_stakes
from pipelines.judging.counts import EVERYBODY
from pipelines.judging.silence import explain_silence
from pipelines.reading.tables import HIDDEN
from pipelines.reading.tables import REASONS as READING_REASONS
from pipelines.rejections import REASONS as STEP_REASONS
from pipelines.rights.descriptions import add_names, hide_descriptions, read_names
from pipelines.rights.gate import allows
from pipelines.themes.group_titles import read_groups, show_title
from pipelines.themes.history import read_history

MAX_WEEKS = 8
_TABLES = ("feedback", "rejected", "mention", "theme", "customer", "event", "customer_insight")


def count_tables(connection: Connection) -> dict[str, int]:
    """Rows by table."""
    return {
        name: connection.execute(
            select(func.count()).select_from(tables.metadata.tables[name])
        ).scalar_one()
        for name in _TABLES
    }


def list_sources(connection: Connection) -> list[dict[str, Any]]:
    """Each source with its rows, languages, dates, linked and noise rows, the largest first."""
    column = tables.feedback.c
    query = (
        select(
            column.source,
            func.count().label("n_feedback"),
            func.count(column.customer_id).label("n_linked"),
            func.count(column.noise_reason).label("n_noise"),
            func.min(column.occurred_at).label("first_at"),
            func.max(column.occurred_at).label("last_at"),
        )
        .group_by(column.source)
        .order_by(func.count().desc(), column.source)
    )
    rows = connection.execute(query).mappings().all()
    languages = _count_main_languages(connection)
    return [{**row, "n_languages": languages.get(row["source"], 0)} for row in rows]


def _count_main_languages(connection: Connection) -> dict[str, int]:
    column = tables.feedback.c
    query = select(column.source, column.lang, func.count()).group_by(column.source, column.lang)
    rows = connection.execute(query).all()
    totals: Counter[str] = Counter()
    for source, _, n in rows:
        totals[source] += n
    return Counter(source for source, lang, n in rows if is_main_language(lang, n, totals[source]))


def count_languages(connection: Connection) -> dict[str, int]:
    """Mentions by language, the most frequent first."""
    column = tables.mention.c.lang
    query = select(column, func.count()).group_by(column).order_by(func.count().desc(), column)
    return {lang or "und": n for lang, n in connection.execute(query)}


def count_reasons(connection: Connection, table: str, column: str) -> dict[str, int]:
    """Rows of a table by reason, the most frequent first; rows without a reason are left out."""
    reason = tables.metadata.tables[table].c[column]
    query = (
        select(reason, func.count())
        .where(reason.is_not(None))
        .group_by(reason)
        .order_by(func.count().desc(), reason)
    )
    return dict(connection.execute(query).all())


def count_unassigned(connection: Connection) -> dict[str, int]:
    """Mentions without a theme by reason, the most frequent first; as in the report, no noise."""
    reason = mention.unassigned_reason
    query = (
        select(reason, func.count())
        .select_from(counted_mentions)
        .where(is_counted, mention.theme_id.is_(None), reason.is_not(None))
        .group_by(reason)
        .order_by(func.count().desc(), reason)
    )
    return dict(connection.execute(query).all())


def list_rejected(connection: Connection, limit: int) -> list[dict[str, Any]]:
    """Rejected rows with their reasons in words."""
    column = tables.rejected.c
    query = (
        select(column.source, column.file, column.row_number, column.reason, column.raw)
        .order_by(column.file, column.row_number)
        .limit(limit)
    )
    rows = [dict(row) for row in connection.execute(query).mappings()]
    hidden = _find_unquotable(connection, [row["raw"] for row in rows])
    for row in rows:
        if _feedback_of(row["raw"]) in hidden:
            row["raw"] = HIDDEN
    return [{**row, "meaning": describe_reason(row["reason"])} for row in rows]


def _find_unquotable(connection: Connection, raws: Sequence[str | None]) -> set[str]:
    """Feedback that rejected versions are of, and that may not be quoted."""
    ids = sorted(filter(None, map(_feedback_of, raws)))
    feedback_id = tables.feedback.c.feedback_id
    found: set[str] = set()
    for batch in batch_ids(ids):
        query = select(feedback_id).where(
            feedback_id.in_(batch), not_(allows(connection, "quoting"))
        )
        found.update(connection.execute(query).scalars())
    return found


def _feedback_of(raw: str | None) -> str:
    """The feedback that a rejected version is of; empty for a row as its file had it."""
    found = _FEEDBACK_ID.search(raw or "")
    return found[1] if found else ""


_FEEDBACK_ID = re.compile(r'"feedback_id": "(f[0-9a-f]{24})"')


def describe_reason(reason: str) -> str:
    """A reason for rejecting a row, in words."""
    return READING_REASONS.get(reason) or STEP_REASONS.get(reason) or reason


def list_runs(connection: Connection, limit: int) -> list[dict[str, Any]]:
    """The latest runs, the newest first."""
    query = select(tables.run).order_by(tables.run.c.run_id.desc()).limit(limit)
    return [dict(row) for row in connection.execute(query).mappings()]


def list_themes(connection: Connection, *, is_all: bool = False) -> list[dict[str, Any]]:
    """Themes with their languages and why they have no verdict, what deserves attention first.

    :param is_all: those too that are not active: muted, merged, retired.
    """
    theme = tables.theme
    query = select(theme).order_by(
        theme.c.signal_score.desc().nulls_last(), theme.c.n_customers.desc(), theme.c.theme_id
    )
    if not is_all:
        query = query.where(theme.c.status == "active")
    rows = hide_descriptions(connection, connection.execute(query).mappings())
    languages = _languages_of_themes(connection)
    names = read_names(connection, (row["parent_id"] for row in rows))
    groups = {key: show_title(group.title) for key, group in read_groups(connection).items()}
    silence = explain_silence(connection, [row["theme_id"] for row in rows if not row["verdict"]])
    return [
        {
            **row,
            "no_verdict": silence.get(row["theme_id"]),
            "languages": languages.get(row["theme_id"], []),
            "parent_name": names.get(row["parent_id"]),
            "group_name": groups.get(row["parent_id"] or row["theme_id"])
            or names.get(row["parent_id"]),
        }
        for row in rows
    ]


def show_theme(connection: Connection, theme_id: str, n_mentions: int = 0) -> dict[str, Any] | None:
    """All about one theme; None when there is none with this id.

    :param n_mentions: how many of its mentions to show, the least sure first.
    """
    row = (
        connection.execute(select(tables.theme).where(tables.theme.c.theme_id == theme_id))
        .mappings()
        .one_or_none()
    )
    if row is None:
        return None
    (shown,) = hide_descriptions(connection, [row])
    group = read_groups(connection).get(row["parent_id"] or theme_id)
    return {
        **shown,
        "languages": _languages_of_themes(connection).get(theme_id, []),
        "members": _list_members(connection, theme_id),
        "group_name": group and show_title(group.title),
        "quotes": _list_quotes(connection, theme_id),
        "history": read_history(connection, theme_id),
        "mentions": _weakest_mentions(connection, theme_id, n_mentions),
        "months": _months(connection, theme_id),
        "signal": list_parts(connection, theme_id),
        "impact": list_effects(connection, theme_id),
        "stakes": list_stakes(connection, theme_id),
        "fixes": list_fixes(connection, theme_id),
        "weeks": _weeks(connection, theme_id),
        "no_verdict": explain_silence(connection, [theme_id]).get(theme_id),
    }


def _list_members(connection: Connection, theme_id: str) -> list[dict[str, Any]]:
    """The themes of the group that a theme leads, those with the most voices first."""
    theme = tables.theme.c
    query = (
        select(theme.theme_id)
        .where(theme.parent_id == theme_id)
        .order_by(theme.n_customers.desc(), theme.theme_id)
    )
    return add_names(connection, [dict(row) for row in connection.execute(query).mappings()])


def _languages_of_themes(connection: Connection) -> dict[str, list[str]]:
    column = tables.mention.c
    query = (
        select(column.theme_id, column.lang)
        .where(column.theme_id.is_not(None))
        .group_by(column.theme_id, column.lang)
        .order_by(column.theme_id, func.count().desc(), column.lang)
    )
    found: dict[str, list[str]] = {}
    for theme_id, lang in connection.execute(query):
        found.setdefault(str(theme_id), []).append(lang or "und")
    return found


def _list_quotes(connection: Connection, theme_id: str) -> list[dict[str, Any]]:
    quote = tables.theme_quote.c
    query = (
        select(tables.theme_quote)
        .join(tables.mention, mention.mention_id == quote.mention_id)
        .join(tables.feedback, tables.feedback.c.feedback_id == mention.feedback_id)
        .where(quote.theme_id == theme_id, allows(connection, "quoting"))
        .order_by(quote.rank)
    )
    return [dict(row) for row in connection.execute(query).mappings()]


def _weakest_mentions(connection: Connection, theme_id: str, limit: int) -> list[dict[str, Any]]:
    query = (
        select(mention.mention_id, mention.text, mention.theme_strength, mention.edit_id)
        .join(tables.feedback, tables.feedback.c.feedback_id == mention.feedback_id)
        .where(mention.theme_id == theme_id, allows(connection, "quoting"))
        .order_by(mention.theme_strength.nulls_first(), mention.mention_id)
        .limit(limit)
    )
    return [dict(row) for row in connection.execute(query).mappings()]


def _weeks(connection: Connection, theme_id: str) -> list[dict[str, Any]]:
    """The latest weeks, as they were judged; the oldest of them first."""
    period = tables.theme_period.c
    query = (
        select(tables.theme_period)
        .where(period.theme_id == theme_id, period.period == "week", period.segment == EVERYBODY)
        .order_by(period.period_start.desc())
        .limit(MAX_WEEKS)
    )
    return [dict(row) for row in connection.execute(query).mappings()][::-1]


def _months(connection: Connection, theme_id: str) -> list[dict[str, Any]]:
    period = tables.theme_period.c
    query = (
        select(period.period_start, period.n_mentions, period.n_customers, period.sentiment)
        .where(period.theme_id == theme_id, period.period == "month", period.segment == "all")
        .order_by(period.period_start)
    )
    return [dict(row) for row in connection.execute(query).mappings()]
