"""The step that lays people's edits over what was found: themes, mentions, quotes, events.

What was found stays beside what people see, so that undoing an edit is computing this anew.
"""

from collections import Counter, defaultdict
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from sqlalchemy import and_, case, func, or_, select, update
from sqlalchemy.sql.elements import ColumnElement

from nlp.themes.edits import Move
from pipelines import tables
from pipelines.bulk import update_rows
from pipelines.edits.events import describe_news
from pipelines.edits.noise import lay_sound
from pipelines.id_batches import batch_ids
from pipelines.models import Models
from pipelines.rights.gate import allows
from pipelines.runs import Run
from pipelines.store import read_info, write_info
from pipelines.themes.births import write_quotes
from pipelines.themes.draws import draw_mentions, note_draws, run_encoder
from pipelines.themes.edit_log import read_log, replay_log
from pipelines.themes.events import record_events
from pipelines.themes.mention_texts import read_text_hashes
from pipelines.themes.pool import load_members
from pipelines.themes.rows import write_themes

# Of so many themes the members are in memory together while their quotes are chosen.
THEMES_A_BATCH = 50
# Of a larger theme so many members stand for all when its quotes are chosen.
MAX_QUOTED_MEMBERS = 2_000
_APPLIED_TO = "edits_applied_to"

_mention, _theme = tables.mention.c, tables.theme.c


@dataclass
class Applied:
    """What laying the edits over the store did.

    :param n_written: rows of theme, mention and feedback that differed.
    :param n_sound: feedback that counts now, or no longer.
    :param themes: those that are new, and those that lost or got mentions.
    :param unapplied: edit and reason, for edits that do not apply.
    :param n_moves_lost: moved mentions that are gone, or no longer say what they said.
    """

    n_written: int = 0
    n_sound: int = 0
    themes: Collection[str] = ()
    unapplied: dict[str, str] = field(default_factory=dict)
    n_moves_lost: int = 0


@dataclass
class _Changes:
    """What differed: themes that lost or got mentions, and from where each edit moved some."""

    n_mentions: int = 0
    themes: set[str] = field(default_factory=set)
    moved_from: dict[str, Counter[str]] = field(default_factory=lambda: defaultdict(Counter))


def apply_edits(run: Run, models: Models) -> Applied:
    """Bring themes, mentions, quotes and events in line with what was found and with the log.

    Writes only what differs; nothing at all when neither has changed since.

    :param models: loaded only where people pinned themes by texts that were never read.
    """
    applied = Applied()
    if read_info(run.connection, _APPLIED_TO) == _describe_state(run):
        return applied
    log = read_log(run.connection)
    decisions = replay_log(run.connection, log)
    names = dict(run.connection.execute(select(_theme.theme_id, _theme.name)).all())
    changes = _Changes()
    applied.n_sound = lay_sound(run, decisions.sound)
    written = write_themes(run, decisions)
    draw_mentions(run, models, decisions)
    applied.n_moves_lost = _write_moves(run, decisions.moves, changes)
    _write_unmoved(run, changes)
    _write_quotes(run, sorted(changes.themes | _find_stale_quotes(run)))
    record_events(run, list(describe_news(run, log, decisions, names, changes.moved_from)))
    applied.n_written = written.n_themes + changes.n_mentions + applied.n_sound
    applied.unapplied = {each.edit_id: each.reason for each in decisions.conflicts}
    applied.themes = changes.themes.union(written.made)
    if changes.n_mentions or written.n_statuses:
        run.mark_changed(is_derived=True)
    note_draws(run, models, decisions)
    write_info(run.connection, _APPLIED_TO, _describe_state(run))
    return applied


def _describe_state(run: Run) -> str:
    """What edits are laid over, and the last of them: while neither changes nothing is to do."""
    last = run.connection.execute(select(func.max(tables.theme_edit.c.edit_id))).scalar()
    return f"{read_info(run.connection, 'data_version') or 0} {last or '-'}"


def _write_moves(run: Run, moves: Mapping[str, Move], changes: _Changes) -> int:
    """Put mentions where people moved them, and release those that no move holds any more.

    :returns: moves of mentions that are gone or were edited.
    """
    held = _hold_moves(run, moves)
    is_moved = _mention.edit_id.in_(_move_edits())
    for batch in batch_ids(held):
        _move_mentions(run, batch, moves, changes)
    query = select(_mention.mention_id, _mention.edit_id).where(is_moved)
    kept = {(mention_id, moves[mention_id].edit_id) for mention_id in held}
    released = sorted(set(map(tuple, run.connection.execute(query))) - kept)
    for batch in batch_ids([mention_id for mention_id, _ in released]):
        run.connection.execute(
            update(tables.mention).where(_mention.mention_id.in_(batch)).values(edit_id=None)
        )
    changes.n_mentions += len(released)
    return len(moves) - len(held)


def _hold_moves(run: Run, moves: Mapping[str, Move]) -> list[str]:
    """The moved mentions that still say what they said when they were moved."""
    found = read_text_hashes(run.connection, sorted(moves))
    return [key for key in sorted(found) if moves[key].text_hash == found[key]]


def _move_mentions(
    run: Run, ids: Sequence[str], moves: Mapping[str, Move], changes: _Changes
) -> None:
    columns = (_mention.theme_id, _mention.unassigned_reason, _mention.edit_id)
    query = select(_mention.mention_id, *columns).where(_mention.mention_id.in_(ids))
    rows = []
    for mention_id, theme_id, reason, edit_id in run.connection.execute(query):
        move = moves[mention_id]
        if (theme_id, reason, edit_id) == (move.theme_id, None, move.edit_id):
            continue
        rows.append(
            {
                "mention_id": mention_id,
                "theme_id": move.theme_id,
                "unassigned_reason": None,
                "edit_id": move.edit_id,
            }
        )
        if theme_id != move.theme_id:
            changes.themes |= {move.theme_id, *([theme_id] if theme_id else [])}
            changes.moved_from[move.edit_id][theme_id or ""] += 1
    update_rows(run.connection, tables.mention, rows)
    changes.n_mentions += len(rows)


def _move_edits() -> Any:
    edit = tables.theme_edit.c
    return select(edit.edit_id).where(edit.action == "move")


def _write_unmoved(run: Run, changes: _Changes) -> None:
    """All mentions that nobody moved: where they are drawn to, else as found.

    What was merged stands for the theme that it was merged into.
    """
    is_free = or_(_mention.edit_id.is_(None), _mention.edit_id.not_in(_move_edits()))
    found = case((_mention.found_reason.is_(None), _mention.nearest_theme_id))
    own = func.coalesce(_mention.drawn_to, found)
    target: ColumnElement[Any] = func.coalesce(_theme.merged_into, _theme.theme_id)
    decided_by = func.coalesce(_theme.merge_id, _mention.drawn_by)
    _write_differing(
        run,
        changes,
        and_(is_free, own.is_not(None), _theme.theme_id == own),
        {"theme_id": target, "unassigned_reason": None, "edit_id": decided_by},
    )
    _write_differing(
        run,
        changes,
        and_(is_free, own.is_(None)),
        {"theme_id": None, "unassigned_reason": _mention.found_reason, "edit_id": None},
    )


def _write_differing(
    run: Run, changes: _Changes, chosen: ColumnElement[bool], values: Mapping[str, Any]
) -> None:
    """Give mentions these values where they differ; note the themes that lose or get some.

    :param values: may be columns of theme, where ``chosen`` joins it.
    """
    differs = or_(*(_mention[name].is_distinct_from(value) for name, value in values.items()))
    target = values["theme_id"]
    # Mentions in their own order, see `has_theme`.
    theme_id = _mention.theme_id.concat("")
    pair = (theme_id, target) if target is not None else (theme_id,)
    moving = select(*pair).where(chosen, theme_id.is_distinct_from(target)).distinct()
    for row in run.connection.execute(moving):
        changes.themes |= {theme_id for theme_id in row if theme_id}
    statement = update(tables.mention).where(chosen, differs).values(**values)
    counted = statement.execution_options(preserve_rowcount=True)
    changes.n_mentions += run.connection.execute(counted).rowcount


def _find_stale_quotes(run: Run) -> set[str]:
    """Themes that are quoted with a mention that is gone, was edited or may not be quoted.

    A theme that lacks quotes gets those that somebody allows when it next changes.
    """
    quote, feedback = tables.theme_quote.c, tables.feedback.c
    same = and_(*(_mention[name] == quote[name] for name in ("mention_id", "theme_id", "text")))
    of_allowed = and_(
        feedback.feedback_id == _mention.feedback_id, allows(run.connection, "quoting")
    )
    joined = tables.theme_quote.outerjoin(tables.mention, same)
    joined = joined.outerjoin(tables.feedback, of_allowed)
    query = select(quote.theme_id).select_from(joined).where(feedback.feedback_id.is_(None))
    return set(run.connection.execute(query).scalars())


def _write_quotes(run: Run, theme_ids: Sequence[str]) -> None:
    """Choose quotes anew for every theme that got or lost mentions."""
    encoder_name = run_encoder(run)
    for start in range(0, len(theme_ids), THEMES_A_BATCH):
        batch = theme_ids[start : start + THEMES_A_BATCH]
        found = load_members(run.connection, encoder_name, batch, MAX_QUOTED_MEMBERS)
        for theme_id, members in found.items():
            write_quotes(run, theme_id, members)
