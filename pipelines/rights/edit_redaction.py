"""People's edits without the words and ids of somebody: what they decided stays."""

from collections import defaultdict
from collections.abc import Collection, Mapping
from typing import Any

from sqlalchemy import Connection, select, update

from pipelines import tables
from pipelines.edits.traces import Trace, find_traces

_edit = tables.theme_edit.c


def redact_edits(connection: Connection, ids: Collection[str], mention_ids: Collection[str]) -> int:
    """Take feedback and mentions out of the log of edits; their rows must still be there.

    Only while an erasure is open does the log let itself be changed; see :mod:`pipelines.guards`.

    :param ids: of feedback and mentions.
    :param mention_ids: those of them whose words are looked for.
    :returns: edits that were changed.
    """
    traces: dict[str, list[Trace]] = defaultdict(list)
    for trace in find_traces(connection, {*ids, *mention_ids}):
        traces[trace.edit_id].append(trace)
    for edit_id, found in traces.items():
        payload = connection.execute(
            select(_edit.payload).where(_edit.edit_id == edit_id)
        ).scalar_one()
        connection.execute(
            update(tables.theme_edit)
            .where(_edit.edit_id == edit_id)
            .values(payload=_redact(payload or {}, set(ids), found))
        )
    return len(traces)


def _redact(payload: Mapping[str, Any], ids: set[str], traces: list[Trace]) -> dict[str, Any]:
    kept = dict(payload)
    for name in ("mentions", "feedback"):
        if isinstance(kept.get(name), dict):
            kept[name] = _without(kept[name], ids)
    if kept.get("parts"):
        kept["parts"] = [
            {**part, "mentions": _without(part.get("mentions") or {}, ids)}
            for part in kept["parts"]
        ]
    said = {trace.text for trace in traces if trace.text}
    if kept.get("examples"):
        kept["examples"] = [text for text in kept["examples"] if text not in said]
    for name in ("about", "sentence"):
        if kept.get(name) in said:
            kept[name] = ""
    return kept


def _without(mentions: Mapping[str, str], ids: set[str]) -> dict[str, str]:
    return {key: text_hash for key, text_hash in mentions.items() if key not in ids}
