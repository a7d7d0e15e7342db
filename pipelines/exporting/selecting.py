"""Which rows and columns of each table may leave the store, asked of the gate in the moment."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from functools import cached_property
from typing import Any, Final

from sqlalchemy import Connection, Select, and_, case, null, or_, select
from sqlalchemy.sql.elements import ColumnElement

from pipelines import tables
from pipelines.anonymity import choose_shown
from pipelines.rights.descriptions import hide_descriptions
from pipelines.rights.gate import allows, allows_account, allows_customer

EXPORTED: Final = frozenset(
    (
        *(
            "run",
            "run_measure",
            "feedback",
            "rejected",
            "mention",
            "theme",
            "theme_quote",
            "theme_edit",
        ),
        *("theme_event", "theme_period", "theme_impact", "theme_stake", "theme_fix"),
        *("theme_share", "theme_signal", "priority", "comparison", "coverage", "customer"),
        *("event", "customer_fact", "feedback_outcome", "customer_insight", "customer_theme"),
        "action",
    )
)
# What stays in the store, and why.
LEFT_OUT: Final = {
    **dict.fromkeys(
        ("feedback_key", "customer_key", "event_key", "shared_key", "blocked_key"),
        "keyed hashes of contacts and ids, of use to this store alone",
    ),
    **dict.fromkeys(
        ("vector", "language_centre", "theme_centre", "likeness", "text_sentiment"),
        "what models and sketches made of texts, of use to earful alone",
    ),
    **dict.fromkeys(("feedback_version", "customer_version"), "what holds no more"),
    **dict.fromkeys(
        ("consent", "erasure", "audit"), "who refuses what, and who was erased, stays in the store"
    ),
    **dict.fromkeys(
        ("link_review", "link_answer", "theme_suggestion"), "questions to people of this store"
    ),
    **dict.fromkeys(
        ("input_file", "output_file", "lake_file", "sync_row", "store_info"), "earful's own notes"
    ),
    "wording": "unchecked answers of a language model",
}
# Columns that stay in the store, and why.
_OWN = "hashes and marks of earful's own"
_WORDS = "it may hold words of customers"
LEFT_OUT_COLUMNS: Final[Mapping[str, Mapping[str, str]]] = {
    "feedback": dict.fromkeys(("text_hash", "content_hash", "enriched_run", "refused"), _OWN),
    "mention": {"text_hash": _OWN},
    "run_measure": {"mean": "what models made of texts"},
    "rejected": {"raw": _WORDS},
    "theme": dict.fromkeys(
        ("found_name", "found_description"), "what people put others in place of"
    ),
    "theme_edit": {"payload": _WORDS},
    "theme_event": {"detail": _WORDS},
    "customer": dict.fromkeys(("content_hash", "refused"), _OWN),
    "event": {"named_customer": "an id of somebody who may not be known", "content_hash": _OWN},
    "action": {
        "payload": "it may hold contacts",
        **dict.fromkeys(("idempotency_key", "message_id", "attempt_at"), _OWN),
    },
}


def list_exported() -> list[str]:
    """The tables that are exported, in the order of their declaration."""
    return [name for name in tables.metadata.tables if name in EXPORTED]


def list_columns(name: str) -> list[Any]:
    """The columns of a table that are exported."""
    hidden = LEFT_OUT_COLUMNS.get(name, {})
    return [column for column in tables.metadata.tables[name].c if column.name not in hidden]


@dataclass(frozen=True)
class Exportable:
    """What may leave a store now.

    :param k: a segment of fewer customers is not shown.
    """

    connection: Connection
    k: int

    def read(self, name: str) -> Iterator[tuple[Any, ...]]:
        """The rows of a table in the order of its key, as many at a time as need little memory."""
        query = self._select(name).order_by(*tables.metadata.tables[name].primary_key)
        found = self.connection.execute(query.execution_options(yield_per=5_000))
        if name == "theme":
            shown = hide_descriptions(self.connection, found.mappings())
            names = [column.name for column in list_columns(name)]
            return (tuple(row[column] for column in names) for row in shown)
        return (tuple(row) for row in found)

    def _select(self, name: str) -> Select[Any]:
        table = tables.metadata.tables[name]
        hidden = self._hide(name)
        columns = [
            case((hidden[column.name], column), else_=null()).label(column.name)
            if column.name in hidden
            else column
            for column in list_columns(name)
        ]
        source = table
        if name in ("mention", "theme_quote"):
            source = self._join_feedback(name)
        return select(*columns).select_from(source).where(*self._limit(name))

    def _join_feedback(self, name: str) -> Any:
        mention, feedback = tables.mention, tables.feedback
        joined = mention.join(feedback, feedback.c.feedback_id == mention.c.feedback_id)
        if name == "mention":
            return joined
        return tables.theme_quote.join(
            joined, mention.c.mention_id == tables.theme_quote.c.mention_id
        )

    def _hide(self, name: str) -> Mapping[str, ColumnElement[bool]]:
        """When the value of a column is shown."""
        if name == "feedback":
            words = dict.fromkeys(("text", "attributes"), self._quotable)
            links = ("customer_id", "link_method", "link_confidence", "link_via")
            return {**words, **dict.fromkeys(links, allows_account(self.connection))}
        return dict.fromkeys(("text", "target"), self._quotable) if name == "mention" else {}

    def _limit(self, name: str) -> Iterator[ColumnElement[bool]]:
        """Which rows are shown."""
        columns = tables.metadata.tables[name].c
        if name in ("feedback", "mention"):
            yield allows(self.connection, "analysis")
        elif name == "theme_quote":
            yield self._quotable
        elif "customer_id" in columns:
            allowed = allows_customer(self.connection, "profiling", columns.customer_id)
            is_theme_only = columns.customer_id.is_(None)
            yield (
                or_(allowed, is_theme_only)
                if name == "action"
                else and_(columns.customer_id.is_not(None), allowed)
            )
        if "segment" in columns and name != "customer":
            yield or_(columns.segment == "all", columns.segment.in_(self._segments))
        if name in ("comparison", "coverage"):
            yield from self._limit_groups(name)

    def _limit_groups(self, name: str) -> Iterator[ColumnElement[bool]]:
        """Those of the segments that are shown; what else they compare is no group of customers."""
        columns = tables.metadata.tables[name].c
        yield or_(columns.dimension != "segment", columns.value.in_(self._segments))

    @cached_property
    def _quotable(self) -> ColumnElement[bool]:
        return allows(self.connection, "quoting")

    @cached_property
    def _segments(self) -> list[str]:
        """Segments of enough customers."""
        from sqlalchemy import func

        column = tables.customer.c
        query = select(column.segment, func.count()).where(column.merged_into.is_(None))
        counts = {
            name or "": n for name, n in self.connection.execute(query.group_by(column.segment))
        }
        rest = counts.pop("", 0)
        return sorted(choose_shown(counts, self.k, rest))
