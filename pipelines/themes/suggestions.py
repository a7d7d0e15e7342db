"""Pairs of themes that may be the same, found by the machine and kept for people to decide."""

import hashlib
from collections.abc import Mapping, Sequence
from typing import Any

from nlp.themes.edits import pair_of
from nlp.themes.linking import Link
from pipelines import tables
from pipelines.runs import Run
from pipelines.upserts import upsert_rows


def store_suggestions(run: Run, ids: Mapping[int, str], links: Sequence[Link]) -> None:
    """Keep the weak links between themes for people to look at.

    :param ids: theme_id by the number that the links have; others became no theme.
    """
    rows = [
        _describe_pair(run, *pair_of(ids[link.left], ids[link.right]), link.strength)
        for link in links
        if link.left in ids and link.right in ids
    ]
    if rows:
        upsert_rows(run.connection, tables.theme_suggestion, rows)


def _describe_pair(run: Run, one: str, other: str, strength: float) -> dict[str, Any]:
    return {
        "suggestion_id": "s" + hashlib.sha256(f"{one}\0{other}".encode()).hexdigest()[:12],
        "theme_id": one,
        "other_id": other,
        "strength": round(strength, 4),
        "run_id": run.run_id,
    }
