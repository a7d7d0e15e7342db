"""The data dictionary: every table, view and column, from the declarations themselves."""

from dataclasses import dataclass
from typing import Any

from sqlalchemy import Column, Table
from sqlalchemy.dialects import postgresql
from sqlalchemy.engine import Dialect

from pipelines.attention.defaults import DEFAULT_WEIGHTS
from pipelines.tables import metadata
from pipelines.views import VIEW_COMMENTS, view_queries


@dataclass(frozen=True)
class ColumnEntry:
    """A column; type as PostgreSQL names it, empty for columns of views."""

    name: str
    type: str
    meaning: str
    is_key: bool


@dataclass(frozen=True)
class TableEntry:
    """A table or view."""

    name: str
    kind: str
    meaning: str
    columns: tuple[ColumnEntry, ...]


def describe_schema() -> list[TableEntry]:
    """Every table and view with its columns, tables first, in the order of their declaration."""
    tables = [_describe_table(table) for table in metadata.tables.values()]
    return tables + [_describe_view(name) for name in VIEW_COMMENTS]


def format_markdown(entries: list[TableEntry]) -> str:
    """The dictionary as Markdown, as it stands in the README."""
    lines: list[str] = []
    for entry in entries:
        lines += [f"#### `{entry.name}`", f"{entry.meaning} ({entry.kind})", ""]
        lines += ["| column | type | meaning |", "|---|---|---|"]
        for column in entry.columns:
            name = f"**`{column.name}`**" if column.is_key else f"`{column.name}`"
            lines.append(f"| {name} | {column.type} | {column.meaning} |")
        lines.append("")
    return "\n".join(lines)


def _describe_table(table: Table) -> TableEntry:
    return TableEntry(
        table.name, "table", table.comment or "", tuple(map(_describe_column, table.columns))
    )


def _describe_column(column: Column[object]) -> ColumnEntry:
    type_name = _name_type(column)
    return ColumnEntry(column.name, type_name, column.comment or "", column.primary_key)


def _describe_view(name: str) -> TableEntry:
    columns = tuple(
        ColumnEntry(
            column.name,
            _name_type(column),
            _view_meaning(name, column.name, getattr(column, "comment", None)),
            is_key=False,
        )
        for column in view_queries()[name].selected_columns
    )
    return TableEntry(name, "view", VIEW_COMMENTS[name], columns)


def _name_type(column: Any) -> str:
    dialect: Dialect = postgresql.dialect()  # type: ignore[no-untyped-call]
    return str(column.type.compile(dialect=dialect)).lower()


def _view_meaning(view: str, column: str, comment: str | None) -> str:
    return comment or VIEW_COLUMN_COMMENTS.get(f"{view}.{column}", "")


VIEW_COLUMN_COMMENTS = {
    "v_theme.parent_name": "name of the theme that leads its group",
    "v_theme.n_feedback": "feedback that speaks of it",
    "v_theme.n_languages": "languages it is spoken of in",
    "v_theme.n_sources": "sources it is spoken of in",
    "v_theme.n_mentions_with_noise": "its mentions, copies and campaigns included",
    "v_theme.n_feedback_with_noise": "feedback that speaks of it, copies and campaigns included",
    "v_theme.share_negative": "share of its voices that are negative, 0..1; in part, who is both",
    "v_theme.share_neutral": "share that are neutral",
    "v_theme.share_positive": "share that are positive",
    **{
        f"v_theme.signal_{part}": f"points of signal_score for {part}; null where it is not known"
        for part in DEFAULT_WEIGHTS
    },
    "v_theme.priority_rank": "1 is what to fix first of all; null where it is not among the first",
    "v_theme.priority_outcome": "what would gain by fixing it",
    "v_theme.priority_gain": "what fixing it should bring; see priority",
    "v_theme.priority_gain_low": "lower end of its 95 % interval; above 0 where a gain is sure",
    "v_theme.priority_gain_high": "upper end of its 95 % interval",
    "v_theme.priority_unit": "of the gain: a currency, customers, or points x voices",
    "v_theme.quote": "its most representative quote",
    "v_theme_week.week_start": "Monday of the week, UTC",
    "v_feedback.text": "what was said, personal data masked; null where it may not be quoted",
    "v_feedback.attributes": "the remaining columns of the row; null where it may not be quoted",
    "v_feedback.customer_id": "who said it, when known and not refused",
    "v_feedback.n_mentions": "mentions it was split into",
    "v_feedback.sentiment_score": "mean of its mentions, -1..1",
    "v_feedback.sentiment_low": "its most negative mention",
    "v_feedback.sentiment_high": "its most positive mention",
    "v_feedback.themes": "names of its themes, separated by ' | '",
    "v_feedback.theme_ids": "their ids, separated by ' | '",
    "v_customer.top_theme": "name of the theme most spoken of",
    "v_customer.open_theme": "name of the open complaint's theme",
}
