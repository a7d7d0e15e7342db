"""What people answer to pairs of themes that may be the same."""

from typing import Any

from sqlalchemy import Connection, select

from nlp.themes.edits import Decisions, Edit, pair_of
from pipelines import tables
from pipelines.edits.requests import Drafts, EditRequest
from pipelines.errors import ConfigError
from pipelines.themes.edit_log import read_log, replay_log

_SUGGESTION = tables.theme_suggestion.c


def list_suggestions(connection: Connection) -> list[dict[str, Any]]:
    """What is open: neither accepted nor refused, between themes that are there; the surest first.

    Themes that were merged since stand as those that they are in now.
    """
    decisions = replay_log(connection, read_log(connection))
    theme = tables.theme.c
    query = select(theme.theme_id, theme.name, theme.lang, theme.n_mentions)
    shown = {row.theme_id: row._asdict() for row in connection.execute(query)}
    return [
        {
            "suggestion_id": row.suggestion_id,
            "strength": row.strength,
            "themes": [shown[each] for each in _resolve(row, decisions)],
        }
        for row in connection.execute(_query())
        if _find_closure(row, decisions) is None
    ]


def prepare_answer(drafts: Drafts, request: EditRequest) -> Edit:
    """The edit that accepts or refuses a suggestion; an accepted one is a merge.

    :raises ConfigError: when there is no such suggestion, or it was decided.
    """
    query = _query().where(_SUGGESTION.suggestion_id == request.other_id)
    row = drafts.connection.execute(query).first()
    if row is None:
        raise ConfigError(
            f"there is no suggestion {request.other_id!r}; list them with: "
            "earful themes suggestions"
        )
    if closure := _find_closure(row, drafts.decisions):
        raise ConfigError(f"suggestion {row.suggestion_id} is not open: {closure}")
    if request.action == "refuse":
        return Edit("", "refuse", row.theme_id, other_id=row.other_id)
    into, gone = sorted(_resolve(row, drafts.decisions), key=lambda each: _rank(drafts, each))
    return Edit("", "merge", gone, other_id=into)


def _query() -> Any:
    return select(tables.theme_suggestion).order_by(
        _SUGGESTION.strength.desc(), _SUGGESTION.suggestion_id
    )


def _resolve(row: Any, decisions: Decisions) -> tuple[str, str]:
    return decisions.resolve(row.theme_id), decisions.resolve(row.other_id)


def _find_closure(row: Any, decisions: Decisions) -> str | None:
    """Why there is nothing to decide about a suggestion; None while there is."""
    if pair_of(row.theme_id, row.other_id) in decisions.refused:
        return "it was refused; see: earful themes history"
    if not {row.theme_id, row.other_id} <= decisions.theme_ids:
        return "one of its themes is not there any more"
    one, other = _resolve(row, decisions)
    return f"its themes are one already, {one}" if one == other else None


def _rank(drafts: Drafts, theme_id: str) -> tuple[bool, int, str]:
    """What stays: the theme that people pinned, else the one with more mentions."""
    decision = drafts.decisions.themes.get(theme_id)
    theme = tables.theme.c
    query = select(theme.n_mentions).where(theme.theme_id == theme_id)
    n_mentions = drafts.connection.execute(query).scalar() or 0
    return decision is None or decision.pin is None, -n_mentions, theme_id
