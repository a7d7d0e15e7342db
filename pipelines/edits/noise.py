"""Feedback that people call no noise: asked for, and laid over what was found."""

from collections.abc import Mapping, Sequence
from typing import Any

from sqlalchemy import Connection, Text, case, cast, exists, select

from nlp.themes.edits import Edit, Sound
from pipelines import tables
from pipelines.bulk import update_rows
from pipelines.counted import feedback
from pipelines.edits.requests import Drafts, EditRequest
from pipelines.errors import ConfigError
from pipelines.id_batches import batch_ids
from pipelines.runs import Run
from pipelines.themes.edit_log import read_log, replay_log


def prepare_not_noise(drafts: Drafts, request: EditRequest) -> Edit:
    """The edit that has feedback count whatever is found about it.

    :raises ConfigError: when one is not in the store, or none of them is noise.
    """
    wanted = sorted(set(request.mention_ids))
    found = _read_noise(drafts.connection, wanted)
    if missing := [key for key in wanted if key not in found]:
        raise ConfigError(
            f"{len(missing):,} of {len(wanted):,} feedback are not in the store (first: "
            f"{missing[0]!r}); see their ids: earful noise list"
        )
    noise = tuple((key, text_hash) for key, (text_hash, reason) in found.items() if reason)
    if not noise:
        raise ConfigError(
            f"none of {len(wanted):,} feedback is noise (first: {wanted[0]!r}); see what is: "
            "earful noise list"
        )
    return Edit("", "not_noise", mentions=noise)


def lay_sound(run: Run, sound: Mapping[str, Sound] | None = None) -> int:
    """Have feedback count that people called no noise, and what they took back be noise again.

    Feedback whose text has changed since is judged as it is found.

    :param sound: what the log amounts to; read where it is not known.
    :returns: number of feedback that changed.
    """
    if sound is None:
        sound = _read_sound(run.connection)
    held = {
        key: sound[key].edit_id
        for key, (text_hash, _) in _read_noise(run.connection, sorted(sound)).items()
        if text_hash == sound[key].text_hash
    }
    query = select(feedback.feedback_id, feedback.noise_edit_id)
    laid = dict(run.connection.execute(query.where(feedback.noise_edit_id.is_not(None))).all())
    changes = [
        {"feedback_id": key, "noise_edit_id": held.get(key)}
        for key in sorted(laid.keys() | held.keys())
        if laid.get(key) != held.get(key)
    ]
    if changes:
        update_rows(run.connection, tables.feedback, changes, _derive_reason)
        run.mark_changed()
    return len(changes)


def _derive_reason(given: Mapping[str, Any]) -> dict[str, Any]:
    is_open = cast(given["noise_edit_id"], Text).is_(None)
    return {"noise_reason": case((is_open, feedback.found_noise_reason))}


def _read_noise(connection: Connection, ids: Sequence[str]) -> dict[str, tuple[str, str | None]]:
    """Hash of the text, and the reason as people see it, by feedback_id."""
    found: dict[str, tuple[str, str | None]] = {}
    for batch in batch_ids(ids):
        query = select(feedback.feedback_id, feedback.text_hash, feedback.noise_reason)
        for key, *rest in connection.execute(query.where(feedback.feedback_id.in_(batch))):
            found[key] = (rest[0], rest[1])
    return {key: found[key] for key in sorted(found)}


def _read_sound(connection: Connection) -> Mapping[str, Sound]:
    edit = tables.theme_edit.c
    has_any = select(exists().where(edit.action == "not_noise"))
    if not connection.execute(has_any).scalar():
        return {}
    return replay_log(connection, read_log(connection)).sound
