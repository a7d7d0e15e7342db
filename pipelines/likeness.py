"""Which texts of feedback say nearly the same: kept by text, and extended by the new ones only."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from sqlalchemy import Connection, Select, delete, func, select

from nlp.cleaning import normalize_text
from nlp.near_copies import Sketches, fold_words, forget_words
from pipelines import tables
from pipelines.bulk import insert_rows, update_rows
from pipelines.engine import Engine
from pipelines.id_batches import batch_ids
from pipelines.sketches import UNKNOWN_LANG, unpack_sketches
from pipelines.splitting import FeedbackText

TEXTS_A_BATCH = 5_000
_feedback, _likeness = tables.feedback.c, tables.likeness.c


def extend_groups(connection: Connection, engine: Engine, *, is_thinned: bool) -> set[str]:
    """Give every text of feedback its group.

    The sketches of all texts are in memory meanwhile: 140 MB for a million texts.

    :param is_thinned: whether feedback may have gone or changed since: groups that lost a text are
        then made anew.
    :returns: the groups that got a text, under their present names.
    """
    lost = _drop_unused(connection) if is_thinned else set()
    new = _sketch_new(connection, engine)
    if not new and not lost:
        return set()
    known = _read_known(connection)
    named = zip(known.hashes, known.groups, strict=True)
    is_new = np.array([own in new or group in lost for own, group in named], dtype=bool)
    groups = _connect(connection, engine, known, is_new)
    forget_words()
    changed = [place for place, group in enumerate(groups) if group != known.groups[place]]
    rows = [{"text_hash": known.hashes[place], "group_hash": groups[place]} for place in changed]
    update_rows(connection, tables.likeness, rows)
    touched = {groups[place] for place in np.flatnonzero(is_new)}
    return touched | {groups[place] for place in changed}


@dataclass(frozen=True)
class _Known:
    hashes: list[str]
    groups: list[str]
    sketches: Sketches


def _drop_unused(connection: Connection) -> set[str]:
    """Forget texts that no feedback has any more; name the groups that lost one."""
    used = select(_feedback.text_hash).where(_feedback.text_hash == _likeness.text_hash).exists()
    query = select(_likeness.text_hash, _likeness.group_hash).where(~used)
    unused = connection.execute(query).all()
    for batch in batch_ids([text_hash for text_hash, _ in unused]):
        connection.execute(delete(tables.likeness).where(_likeness.text_hash.in_(batch)))
    return {group for _, group in unused}


def _sketch_new(connection: Connection, engine: Engine) -> set[str]:
    """Sketch the texts of new feedback, each a group of its own; those that were not known."""
    ids = list(connection.execute(_select_new()).scalars())
    new: set[str] = set()
    for start in range(0, len(ids), TEXTS_A_BATCH):
        texts = _read_texts(connection, ids[start : start + TEXTS_A_BATCH])
        hashes = [text.text_hash for text in texts]
        rows = [
            {"text_hash": own, "group_hash": own, "sketch": sketch}
            for own, sketch in zip(hashes, engine.sketch_feedback(texts), strict=True)
        ]
        insert_rows(connection, tables.likeness, rows)
        new.update(hashes)
    return new


def _select_new() -> Select[Any]:
    """One feedback of each text that waits to be enriched; equal hashes mean equal texts."""
    return (
        select(func.min(_feedback.feedback_id))
        .select_from(
            tables.feedback.outerjoin(tables.likeness, _likeness.text_hash == _feedback.text_hash)
        )
        .where(
            _feedback.enriched_run.is_(None),
            _feedback.text_hash.is_not(None),
            _likeness.text_hash.is_(None),
        )
        .group_by(_feedback.text_hash)
        .order_by(_feedback.text_hash)
    )


def _read_texts(connection: Connection, feedback_ids: Sequence[str]) -> list[FeedbackText]:
    query = select(_feedback.text_hash, _feedback.text, _feedback.lang)
    return [
        FeedbackText(*row)
        for batch in batch_ids(feedback_ids)
        for row in connection.execute(query.where(_feedback.feedback_id.in_(batch)))
    ]


def _read_known(connection: Connection) -> _Known:
    query = select(_likeness.text_hash, _likeness.group_hash, _likeness.sketch)
    rows = query.order_by(_likeness.text_hash).execution_options(yield_per=TEXTS_A_BATCH)
    hashes: list[str] = []
    groups: list[str] = []
    sketches: list[bytes] = []
    for text_hash, group_hash, sketch in connection.execute(rows):
        hashes.append(text_hash)
        groups.append(text_hash if group_hash == text_hash else group_hash)
        sketches.append(sketch)
    return _Known(hashes, groups, unpack_sketches(sketches))


def _connect(connection: Connection, engine: Engine, known: _Known, is_new: Any) -> list[str]:
    """The group of each text: that of its likes, named by the smallest hash among them."""
    parents = _GroupForest(known, is_new)

    def read(places: Sequence[int]) -> list[list[int]]:
        return _read_words(connection, [known.hashes[place] for place in places])

    for one, other in engine.find_likes(known.sketches, is_new, read):
        parents.join(one, other)
    return [known.hashes[parents.find(place)] for place in range(len(known.hashes))]


class _GroupForest:
    """Places in the order of their hashes; a set is known by its smallest place."""

    def __init__(self, known: _Known, is_new: Any) -> None:
        place_of = {text_hash: place for place, text_hash in enumerate(known.hashes)}
        self._parents = [
            place if is_new[place] else place_of[group] for place, group in enumerate(known.groups)
        ]

    def find(self, place: int) -> int:
        parents = self._parents
        while parents[place] != place:
            parents[place] = place = parents[parents[place]]
        return place

    def join(self, one: int, other: int) -> None:
        one, other = self.find(one), self.find(other)
        self._parents[max(one, other)] = min(one, other)


def _read_words(connection: Connection, hashes: Sequence[str]) -> list[list[int]]:
    found: dict[str, list[int]] = {}
    for batch in batch_ids(hashes):
        query = (
            select(_feedback.text_hash, func.min(_feedback.text), func.min(_feedback.lang))
            .where(_feedback.text_hash.in_(batch))
            .group_by(_feedback.text_hash)
        )
        for text_hash, text, lang in connection.execute(query):
            found[text_hash] = fold_words(normalize_text(text, lang or UNKNOWN_LANG))
    return [found[text_hash] for text_hash in hashes]
