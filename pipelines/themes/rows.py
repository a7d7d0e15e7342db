"""The columns of themes that people have a say in, and the themes that people made."""

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from sqlalchemy import insert, select, update

from nlp.themes.edits import Decisions, Said, ThemeDecision, pick_text
from nlp.themes.leaders import place_themes
from pipelines import tables
from pipelines.runs import Run


@dataclass(frozen=True)
class WrittenThemes:
    """How many rows differed, in how many of them it was the status, and the new themes."""

    n_themes: int
    n_statuses: int
    made: Collection[str]


def write_themes(run: Run, decisions: Decisions) -> WrittenThemes:
    """Bring the rows of themes in line with what people decided.

    A theme that people made stays as a row when their edit is undone: retired, so that nothing
    that names it is left without one.
    """
    made = _insert_made(run, decisions)
    n_themes = n_statuses = len(made)
    rows = run.connection.execute(select(tables.theme)).mappings().all()
    decided_rows = {row["theme_id"]: _decide_theme(row, decisions) for row in rows}
    parents = _place(rows, decided_rows, decisions)
    for row in rows:
        decided = decided_rows[row["theme_id"]] | {"parent_id": parents.get(row["theme_id"])}
        differing = {name: value for name, value in decided.items() if row[name] != value}
        if differing:
            run.connection.execute(
                update(tables.theme)
                .where(tables.theme.c.theme_id == row["theme_id"])
                .values(**differing, updated_run=run.run_id)
            )
            n_themes += row["theme_id"] not in made
            n_statuses += "status" in differing
    return WrittenThemes(n_themes, n_statuses, made)


def _insert_made(run: Run, decisions: Decisions) -> set[str]:
    known = set(run.connection.execute(select(tables.theme.c.theme_id)).scalars())
    rows = [
        {
            "theme_id": theme_id,
            "name": made.name,
            "found_name": made.name,
            "keywords": list(made.keywords),
            "made_by": made.edit_id,
            "status": "active",
            "origin": "discovered",
            "lang": made.lang,
            "created_run": run.run_id,
            "updated_run": run.run_id,
        }
        for theme_id, made in sorted(decisions.made.items())
        if theme_id not in known
    ]
    if rows:
        run.connection.execute(insert(tables.theme), rows)
    return decisions.made.keys() - known


def _decide_theme(row: Mapping[Any, Any], decisions: Decisions) -> dict[str, Any]:
    """The columns of a theme that people have a say in."""
    decision = decisions.themes.get(row["theme_id"], ThemeDecision())
    made = decisions.made.get(row["theme_id"])
    is_gone = row["made_by"] is not None and made is None
    name = pick_text(decision.names, row["lang"])
    description = pick_text(decision.descriptions, row["lang"])
    pinned = decision.pin.keywords if decision.pin else None
    keywords = pinned or made.keywords if made else row["keywords"]
    found_name = made.name if made else row["found_name"]
    status = "active" if made else row["found_status"]
    return {
        "name": name or found_name or row["name"],
        "found_name": found_name,
        "description": description or row["found_description"],
        "names": _by_language(decision.names),
        "descriptions": _by_language(decision.descriptions),
        "status": "retired" if is_gone else _decide_status(status, decision),
        "merged_into": decision.merged_into,
        "merge_id": decision.merge_id,
        "origin": "pinned" if decision.pin else "discovered",
        "keywords": keywords and list(keywords),
        "made_by": made.edit_id if made else row["made_by"],
    }


def _place(
    rows: Sequence[Mapping[Any, Any]],
    decided: Mapping[str, Mapping[str, Any]],
    decisions: Decisions,
) -> dict[str, str]:
    """See :func:`nlp.themes.leaders.place_themes`."""
    groups = {row["theme_id"]: row["found_group_id"] for row in rows if row["found_group_id"]}
    status = {theme_id: each["status"] for theme_id, each in decided.items()}
    shown = {key for key, each in status.items() if each in ("active", "muted")}
    able = {key for key, each in status.items() if each == "active"}
    return place_themes(groups, shown, able, decisions)


def _by_language(said: Mapping[str | None, Said]) -> dict[str, str] | None:
    return {lang: each.text for lang, each in said.items() if lang is not None} or None


def _decide_status(found: str | None, decision: ThemeDecision) -> str:
    if decision.merged_into:
        return "merged"
    if decision.is_muted:
        return "muted"
    return "retired" if found == "retired" else "active"
