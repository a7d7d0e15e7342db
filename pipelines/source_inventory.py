"""The inventory of sources: what each brought, when, from whom, and how far it may be used."""

from collections.abc import Iterator, Sequence
from datetime import datetime
from typing import Any, Final

from sqlalchemy import Connection, Integer, cast, func, select

from nlp.masking import Masking
from pipelines import tables
from pipelines.counted import is_main_language
from pipelines.rights.consent_counts import count_by_source

CONSENT_PURPOSE: Final = "analysis"
_feedback, _file = tables.feedback.c, tables.input_file.c


def list_inventory(connection: Connection, now: datetime, masking: Masking) -> list[dict[str, Any]]:
    """Each source of feedback, then those of customers and events, the largest first.

    Of customers and events the rows are those of the files; of feedback those of the store.

    :param now: when consent is asked for: what has expired by then is none.
    :param masking: whose placeholders are counted; what a customer wrote so by hand counts too.
    """
    imports = _read_imports(connection)
    languages, masked = _count_languages(connection), _count_masked(connection, masking.kinds)
    consent = count_by_source(connection, CONSENT_PURPOSE, now)
    rejected = _count_rejected(connection)
    found = []
    for row in _read_feedback(connection):
        source = row["source"]
        n_known, n_granted = consent.get(source, (0, 0))
        found.append(
            {
                **row,
                **_span(row, imports.pop(("feedback", source), {})),
                "n_rejected": rejected.get(source, 0),
                "languages": languages.get(source, {}),
                "share_linked": round(row["n_linked"] / row["n_rows"], 4),
                "n_consent_known": n_known,
                "share_consent": round(n_granted / n_known, 4) if n_known else None,
                "masked": masked.get(source, {}),
            }
        )
    return [*found, *_list_others(imports, rejected)]


def _read_feedback(connection: Connection) -> Iterator[dict[str, Any]]:
    rows = connection.execute(
        select(
            _feedback.source,
            func.count().label("n_rows"),
            func.count(_feedback.noise_reason).label("n_noise"),
            func.count(_feedback.customer_id).label("n_linked"),
            func.min(_feedback.occurred_at).label("first_at"),
            func.max(_feedback.occurred_at).label("last_at"),
            func.min(_feedback.ingested_at).label("first_import"),
            func.max(_feedback.ingested_at).label("last_import"),
        )
        .group_by(_feedback.source)
        .order_by(func.count().desc(), _feedback.source)
    )
    parties = _list_values(connection, _feedback.party)
    channels = _list_values(connection, _feedback.channel)
    for row in rows.mappings():
        source = row["source"]
        told = {"parties": parties.get(source, []), "channels": channels.get(source, [])}
        yield {"source": source, "kind": "feedback", **told, **row}


def _list_values(connection: Connection, column: Any) -> dict[str, list[str]]:
    """The values of a column by source, the most frequent first."""
    query = (
        select(_feedback.source, column)
        .where(column.is_not(None))
        .group_by(_feedback.source, column)
        .order_by(_feedback.source, func.count().desc(), column)
    )
    found: dict[str, list[str]] = {}
    for source, value in connection.execute(query):
        found.setdefault(source, []).append(value)
    return found


def _count_languages(connection: Connection) -> dict[str, dict[str, int]]:
    """Feedback by source and main language, the most frequent first."""
    query = (
        select(_feedback.source, _feedback.lang, func.count())
        .group_by(_feedback.source, _feedback.lang)
        .order_by(_feedback.source, func.count().desc(), _feedback.lang)
    )
    rows = connection.execute(query).all()
    totals: dict[str, int] = {}
    for source, _, n in rows:
        totals[source] = totals.get(source, 0) + n
    found: dict[str, dict[str, int]] = {}
    for source, lang, n in rows:
        if is_main_language(lang, n, totals[source]):
            found.setdefault(source, {})[lang] = n
    return found


def _count_masked(connection: Connection, kinds: Sequence[str]) -> dict[str, dict[str, int]]:
    """Placeholders in the texts by source and kind; kinds without any are absent."""
    columns = []
    for kind in kinds:
        gone = func.length(_feedback.text) - func.length(
            func.replace(_feedback.text, f"<{kind}>", "")
        )
        columns.append(cast(func.sum(gone) / len(f"<{kind}>"), Integer).label(kind))
    query = (
        select(_feedback.source, *columns)
        .where(_feedback.text.contains("<"))
        .group_by(_feedback.source)
    )
    return {
        row["source"]: {kind: row[kind] for kind in kinds if row[kind]}
        for row in connection.execute(query).mappings()
    }


def _count_rejected(connection: Connection) -> dict[str | None, int]:
    source = tables.rejected.c.source
    return dict(connection.execute(select(source, func.count()).group_by(source)).all())


def _read_imports(connection: Connection) -> dict[tuple[str, str], dict[str, Any]]:
    """When files were read, and how many rows they gave, by kind and source."""
    started = tables.run.c.started_at
    query = (
        select(
            _file.kind,
            _file.source,
            func.min(started).label("first_import"),
            func.max(started).label("last_import"),
            func.sum(_file.n_read - _file.n_rejected).label("n_rows"),
        )
        .join(tables.run, tables.run.c.run_id == _file.run_id)
        .group_by(_file.kind, _file.source)
        .order_by(_file.kind, _file.source)
    )
    rows = connection.execute(query).mappings()
    return {(row["kind"], row["source"]): dict(row) for row in rows}


def _span(row: dict[str, Any], imports: dict[str, Any]) -> dict[str, datetime | None]:
    """The first and the last import; one that found nothing new left no row but its file's."""
    moments = {name: [row[name], imports.get(name)] for name in ("first_import", "last_import")}
    known = {name: [each for each in values if each] for name, values in moments.items()}
    return {
        "first_import": min(known["first_import"], default=None),
        "last_import": max(known["last_import"], default=None),
    }


def _list_others(
    imports: dict[tuple[str, str], dict[str, Any]], rejected: dict[str | None, int]
) -> Iterator[dict[str, Any]]:
    rows = [row for (kind, _), row in imports.items() if kind != "feedback"]
    for row in sorted(rows, key=lambda row: (-int(row["n_rows"]), row["source"])):
        n_rows, n_rejected = int(row["n_rows"]), rejected.get(row["source"], 0)
        yield {**row, "n_rows": n_rows, "n_rejected": n_rejected}
