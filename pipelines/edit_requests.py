"""What a person asks to change about themes: checked against the store, then done as one run."""

import re
import unicodedata
from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any

from sqlalchemy import Connection, select

from nlp.themes import edits
from nlp.themes.edits import Decisions, Edit
from pipelines import tables
from pipelines.config import hash_config
from pipelines.edit_log import append_edit, describe_payload, next_edit_id, read_log, replay_log
from pipelines.errors import ConfigError
from pipelines.job import Job, describe_unapplied
from pipelines.judge import judge_periods
from pipelines.publish import publish_insights
from pipelines.runs import begin_run
from pipelines.store import open_store
from pipelines.theme_edits import apply_edits, read_text_hashes
from pipelines.views import SEPARATOR

MAX_NAME_CHARS = 200
MAX_TEXT_CHARS = 2_000


@dataclass(frozen=True)
class EditRequest:
    """What is asked for; the fields that count are those of :class:`nlp.themes.edits.Edit`.

    :param other_id: of an undo None for the last edit that counts.
    """

    action: str
    theme_id: str | None = None
    text: str = ""
    lang: str | None = None
    other_id: str | None = None
    mention_ids: Sequence[str] = ()


@dataclass(frozen=True)
class EditResult:
    """What an edit did.

    :param payload: what was decided, as it stands in the log.
    :param n_written: rows of theme and mention that changed with it.
    """

    run_id: str
    store: str
    edit_id: str
    action: str
    theme_id: str | None
    payload: dict[str, Any]
    n_written: int


def make_edit(job: Job, request: EditRequest, author: str) -> EditResult:
    """Log an edit and bring the tables in line with it, as one visible change.

    :raises ConfigError: when it makes no sense for this store; nothing is written then.
    """
    store = open_store(job.config.store.url)
    with store.read() as connection:
        check_request(connection, request)
    begun = begin_run(
        store,
        f"themes {request.action}",
        config_hash=hash_config(job.config),
        lock_timeout_s=job.lock_timeout_s,
    )
    with begun as run:
        edit = check_request(run.connection, request)
        append_edit(run.connection, edit, author, run.started_at)
        applied = apply_edits(run)
        judge_periods(run)
        publish_insights(run)
    if warning := describe_unapplied(applied):
        job.progress.warn(warning)
    return EditResult(
        run_id=run.run_id,
        store=store.name,
        edit_id=edit.edit_id,
        action=edit.action,
        theme_id=edit.theme_id,
        payload=describe_payload(edit),
        n_written=applied.n_written,
    )


def check_request(connection: Connection, request: EditRequest) -> Edit:
    """The edit that a request amounts to; merged themes stand for those that they are in now.

    :raises ConfigError: saying what is wrong, with which theme, and what to do.
    """
    log = read_log(connection)
    decisions = replay_log(connection, log)
    edit_id = next_edit_id(connection)
    if request.action == "undo":
        edit = _prepare_undo(edit_id, request, log, decisions)
    else:
        edit = _prepare_edit(connection, edit_id, request, decisions)
    before = {conflict.edit_id for conflict in decisions.conflicts}
    for conflict in replay_log(connection, [*log, edit]).conflicts:
        if conflict.edit_id not in before:
            raise ConfigError(_describe_conflict(edit, conflict))
    return edit


def _prepare_edit(
    connection: Connection, edit_id: str, request: EditRequest, decisions: Decisions
) -> Edit:
    theme_id = str(request.theme_id)
    _require_theme(connection, theme_id)
    edit = Edit(edit_id, request.action, theme_id, lang=_check_lang(request.lang))
    if request.action == "move":
        mentions = _find_mentions(connection, request.mention_ids)
        return replace(edit, theme_id=decisions.resolve(theme_id), mentions=mentions)
    _refuse_merged(theme_id, decisions)
    if request.action == "rename":
        return replace(edit, text=_check_text("name", request.text, MAX_NAME_CHARS))
    if request.action == "describe":
        return replace(edit, text=_check_text("description", request.text, MAX_TEXT_CHARS))
    if request.action in ("mute", "unmute"):
        _refuse_repetition(theme_id, request.action, decisions)
    elif request.other_id is not None:
        _require_theme(connection, request.other_id)
        return replace(edit, other_id=decisions.resolve(request.other_id))
    return edit


def _prepare_undo(
    edit_id: str, request: EditRequest, log: Sequence[Edit], decisions: Decisions
) -> Edit:
    by_id = {edit.edit_id: edit for edit in log}
    undone_id = request.other_id or _find_last(log, decisions)
    undone = by_id.get(undone_id)
    if undone is None:
        raise ConfigError(
            f"there is no edit {undone_id!r} among {len(log):,}; list them with: "
            "earful themes history"
        )
    if in_undo := decisions.undone_by.get(undone_id):
        raise ConfigError(
            f"{undone_id} was undone by {in_undo}; bring it back with: earful themes undo {in_undo}"
        )
    original = edits.find_original(undone, by_id)
    return Edit(edit_id, "undo", original.theme_id, other_id=undone_id)


def _find_last(log: Sequence[Edit], decisions: Decisions) -> str:
    """The last edit that counts and is no undo, so that undoing twice takes two edits back."""
    for edit in reversed(log):
        if edit.action != "undo" and edit.edit_id in decisions.effective:
            return edit.edit_id
    raise ConfigError("there is no edit to undo; see what was done with: earful themes history")


def _require_theme(connection: Connection, theme_id: str) -> None:
    query = select(tables.theme.c.theme_id).where(tables.theme.c.theme_id == theme_id)
    if connection.execute(query).first() is None:
        raise ConfigError(
            f"there is no theme {theme_id!r}; list them with: earful themes list --all"
        )


def _refuse_merged(theme_id: str, decisions: Decisions) -> None:
    target = decisions.resolve(theme_id)
    if target != theme_id:
        merge_id = decisions.themes[theme_id].merge_id
        raise ConfigError(
            f"theme {theme_id} was merged into {target} by {merge_id}; edit {target} instead, or "
            f"take it out again with: earful themes undo {merge_id}"
        )


def _refuse_repetition(theme_id: str, action: str, decisions: Decisions) -> None:
    decision = decisions.themes.get(theme_id)
    is_muted = decision is not None and decision.is_muted
    if is_muted == (action == "mute"):
        raise ConfigError(
            f"theme {theme_id} is {'muted already' if is_muted else 'not muted'}; nothing was done"
        )


def _find_mentions(connection: Connection, ids: Sequence[str]) -> tuple[tuple[str, str], ...]:
    """The mentions with the hashes of what they say.

    :raises ConfigError: when there are none, or some are not in the store.
    """
    wanted = sorted(set(ids))
    if not wanted:
        raise ConfigError(
            "no mention was named; see their ids: earful themes show THEME_ID --mentions 20"
        )
    found = read_text_hashes(connection, wanted)
    if missing := [mention_id for mention_id in wanted if mention_id not in found]:
        raise ConfigError(
            f"{len(missing):,} of {len(wanted):,} mentions are not in the store (first: "
            f"{missing[0]!r}); see their ids: earful themes show THEME_ID --mentions 20"
        )
    return tuple(sorted(found.items()))


def _check_lang(lang: str | None) -> str | None:
    if lang is not None and not re.fullmatch("[a-z]{2,3}", lang):
        raise ConfigError(f"--lang {lang!r} is no language code; give one such as en, he or ar")
    return lang


def _check_text(what: str, text: str, max_chars: int) -> str:
    """The text on one line, in composed form.

    :raises ConfigError: when it is empty, too long, or holds what no table should.
    """
    clean = unicodedata.normalize("NFC", " ".join(text.split()))
    if not clean:
        raise ConfigError(
            f"the {what} is empty; give one, or take yours back with: earful themes undo"
        )
    if len(clean) > max_chars:
        raise ConfigError(
            f"the {what} has {len(clean):,} characters; at most {max_chars:,} can be shown"
        )
    if any(unicodedata.category(each) in ("Cc", "Cs") for each in clean):
        raise ConfigError(f"the {what} holds control characters or broken text; type it again")
    if what == "name" and SEPARATOR.strip() in clean:
        raise ConfigError(
            f"a name cannot hold {SEPARATOR.strip()!r}, which separates names in v_feedback; "
            "leave it out"
        )
    return clean


def _describe_conflict(edit: Edit, conflict: edits.Conflict) -> str:
    theme_id, other_id = edit.theme_id, edit.other_id
    if conflict.edit_id != edit.edit_id:
        return (
            f"undoing {other_id} would leave edit {conflict.edit_id} without sense "
            f"({conflict.reason}); look at both with: earful themes history"
        )
    if conflict.reason == edits.INTO_ITSELF:
        verb = "merged into itself" if edit.action == "merge" else "put under itself"
        return f"theme {theme_id} cannot be {verb}; name another theme"
    if conflict.reason == edits.IS_GROUPED:
        return (
            f"theme {other_id} is in a group itself, and there are two levels only; take it out "
            f"with: earful themes group {other_id} --alone"
        )
    if conflict.reason == edits.IS_GROUP:
        return (
            f"theme {theme_id} has themes under it, and there are two levels only; put those "
            f"under {other_id} first"
        )
    return f"{edit.action} of theme {theme_id} cannot be done: {conflict.reason}"
