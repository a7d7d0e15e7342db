"""Taking a person out of every table, as a part of one transaction."""

from collections import Counter
from collections.abc import Collection, Sequence
from dataclasses import dataclass, field
from typing import Any
from uuid import uuid4

from sqlalchemy import Table, bindparam, delete, select, update
from sqlalchemy.sql.elements import ColumnElement

from pipelines import tables
from pipelines.actions.traces import drop_evidence, find_tellers
from pipelines.copies import note_stale_copies
from pipelines.id_batches import batch_ids
from pipelines.models import Models
from pipelines.rights.descriptions import read_theme_texts
from pipelines.rights.edit_redaction import redact_edits
from pipelines.rights.gate import FORGOTTEN, allows
from pipelines.rights.leftovers import drop_unused_texts
from pipelines.rights.people import Person
from pipelines.rights.rejected_rows import find_rejected
from pipelines.rights.remaining import renew_centres, renew_words
from pipelines.rights.synced_words import forgetting_old_names
from pipelines.rights.upkeep import publish_anew
from pipelines.runs import Run
from pipelines.stories.traces import drop_wordings

_feedback, _mention = tables.feedback.c, tables.mention.c
# Rows about a customer, by the column that names them.
_ABOUT_CUSTOMERS = (
    tables.customer,
    tables.customer_version,
    tables.customer_key,
    tables.customer_fact,
    tables.feedback_outcome,
    tables.link_review,
    tables.link_answer,
    tables.event,
    tables.customer_insight,
    tables.customer_theme,
    tables.action,
    tables.sync_row,
    tables.consent,
)
_ABOUT_FEEDBACK = (
    tables.feedback_version,
    tables.feedback_key,
    tables.feedback_outcome,
    tables.link_review,
    tables.link_answer,
)


@dataclass
class Erased:
    """What was taken out.

    :param counts: rows by table; ``feedback_kept`` are those that stay without the person.
    :param texts: what they said, to look for afterwards; never stored.
    :param ids: of them and their rows.
    """

    counts: Counter[str] = field(default_factory=Counter)
    texts: set[str] = field(default_factory=set)
    ids: set[str] = field(default_factory=set)


def erase_person(
    run: Run, models: Models, person: Person, secret: bytes, *, keeps_words: bool
) -> Erased:
    """Erase a person everywhere, and make anew what was derived from them.

    :param keeps_words: keep the masked words as those of nobody, but for those that may not be
        analysed: once nobody's, nobody could tell that they were withdrawn.
    """
    erased = Erased(ids={*person.customer_ids, *(key for _, key in person.keys)})
    with forgetting_old_names(run.connection):
        _erase(run, models, person, secret, erased, keeps_words=keeps_words)
    return erased


def _erase(
    run: Run, models: Models, person: Person, secret: bytes, erased: Erased, *, keeps_words: bool
) -> None:
    kept = _list_analysable(run, person.feedback_ids) if keeps_words else []
    if kept:
        erase_feedback(run, models, kept, erased, keeps_words=True)
    others = sorted(set(person.feedback_ids) - set(kept))
    erase_feedback(run, models, others, erased)
    _delete_event_keys(run, erased, person.customer_ids)
    for table in _ABOUT_CUSTOMERS:
        _delete(run, erased, table, table.c.customer_id, person.customer_ids)
    keys = [key for _, key in person.keys]
    _delete(run, erased, tables.consent, tables.consent.c.key_hash, keys)
    _delete(run, erased, tables.consent, tables.consent.c.feedback_id, person.feedback_ids)
    rejected = find_rejected(run.connection, person, erased.texts, erased.ids, secret)
    _delete(run, erased, tables.rejected, tables.rejected.c.rejected_id, rejected)
    if person.is_known:
        run.mark_changed()
        publish_anew(run, models)


def _list_analysable(run: Run, feedback_ids: Sequence[str]) -> list[str]:
    is_allowed = allows(run.connection, "analysis", run.started_at)
    found: list[str] = []
    for batch in batch_ids(feedback_ids):
        query = select(_feedback.feedback_id).where(_feedback.feedback_id.in_(batch), is_allowed)
        found += run.connection.execute(query).scalars()
    return sorted(found)


def erase_feedback(
    run: Run,
    models: Models,
    feedback_ids: Sequence[str],
    erased: Erased,
    *,
    keeps_words: bool = False,
) -> None:
    """Erase feedback with everything that was read out of it; figures are made anew afterwards.

    :param erased: gets the counts.
    """
    said = read_theme_texts(run.connection, feedback_ids)
    erased.counts["wording"] += drop_wordings(run.connection, feedback_ids)
    hashes = _read_traces(run, feedback_ids, erased)
    mention_ids = {each for each in erased.ids if "-" in each}
    erased.counts["theme_edit"] += redact_edits(
        run.connection, mention_ids | set(feedback_ids), mention_ids
    )
    for table in _ABOUT_FEEDBACK:
        _delete(run, erased, table, table.c.feedback_id, feedback_ids)
    _delete(run, erased, tables.theme_quote, tables.theme_quote.c.mention_id, sorted(mention_ids))
    _delete_actions(run, erased, set(feedback_ids))
    if keeps_words:
        erased.counts["feedback_kept"] += _cut_loose(run, feedback_ids)
        erased.texts.clear()
    else:
        _delete(run, erased, tables.mention, _mention.feedback_id, feedback_ids)
        _delete(run, erased, tables.feedback, _feedback.feedback_id, feedback_ids)
        erased.counts.update(drop_unused_texts(run.connection, sorted(hashes)))
    note_stale_copies(run.connection)
    if not keeps_words:
        renew_words(run, said)
        renew_centres(run, models, sorted(said))


def _read_traces(run: Run, feedback_ids: Sequence[str], erased: Erased) -> set[str]:
    """Note what will have to be gone; the hashes of what was said."""
    hashes: set[str] = set()
    version = tables.feedback_version.c
    for batch in batch_ids(feedback_ids):
        query = select(_feedback.text, _feedback.source_id, _feedback.author_key)
        for text, *ids in run.connection.execute(query.where(_feedback.feedback_id.in_(batch))):
            erased.texts.add(text)
            erased.ids.update(each for each in ids if each)
        older = select(version.text).where(version.feedback_id.in_(batch))
        erased.texts.update(text for text in run.connection.execute(older).scalars() if text)
        own = select(_mention.mention_id, _mention.text, _mention.text_hash)
        for mention_id, text, key in run.connection.execute(
            own.where(_mention.feedback_id.in_(batch))
        ):
            erased.ids.add(mention_id)
            erased.texts.add(text)
            hashes.add(key)
    erased.ids.update(feedback_ids)
    return hashes


def _delete(
    run: Run, erased: Erased, table: Table, column: ColumnElement[Any], ids: Sequence[str]
) -> None:
    for batch in batch_ids(ids):
        statement = delete(table).where(column.in_(batch))
        counted = statement.execution_options(preserve_rowcount=True)
        erased.counts[table.name] += run.connection.execute(counted).rowcount


def _delete_event_keys(run: Run, erased: Erased, customers: Sequence[str]) -> None:
    event = tables.event.c
    for batch in batch_ids(customers):
        query = select(event.event_id).where(event.customer_id.in_(batch))
        ids = list(run.connection.execute(query).scalars())
        _delete(run, erased, tables.event_key, tables.event_key.c.event_id, ids)


def _delete_actions(run: Run, erased: Erased, feedback_ids: Collection[str]) -> None:
    """Actions that this feedback raised; others go on without it as evidence.

    Were those deleted, what raised them would raise them again, to be delivered twice.
    """
    told = find_tellers(run.connection, feedback_ids)
    own = sorted(each for each, is_own in told.items() if is_own)
    _delete(run, erased, tables.action, tables.action.c.action_id, own)
    others = sorted(each for each, is_own in told.items() if not is_own)
    drop_evidence(run.connection, others, feedback_ids)


def _cut_loose(run: Run, feedback_ids: Sequence[str]) -> int:
    """Keep the masked words as those of nobody: under other ids, without day, columns and keys."""
    names = {each: f"f{uuid4().hex[:24]}" for each in feedback_ids}
    for batch in batch_ids(feedback_ids):
        query = select(_feedback.feedback_id, _feedback.occurred_at)
        found = run.connection.execute(query.where(_feedback.feedback_id.in_(batch))).all()
        rows = [
            {
                "was": key,
                "now": names[key],
                "at": at.replace(day=1, hour=0, minute=0, second=0, microsecond=0) if at else None,
                "content": uuid4().hex,
            }
            for key, at in found
        ]
        run.connection.execute(_CUT_FEEDBACK, rows)
        own = select(_mention.mention_id, _mention.feedback_id, _mention.position)
        mentions = run.connection.execute(own.where(_mention.feedback_id.in_(batch))).all()
        renamed = [
            {
                "was": row.mention_id,
                "now": f"{names[row.feedback_id]}-{row.position}",
                "of": names[row.feedback_id],
            }
            for row in mentions
        ]
        if renamed:
            run.connection.execute(_CUT_MENTION, renamed)
    return len(names)


_CUT_FEEDBACK = (
    update(tables.feedback)
    .where(_feedback.feedback_id == bindparam("was"))
    .values(
        feedback_id=bindparam("now"),
        occurred_at=bindparam("at"),
        content_hash=bindparam("content"),
        refused=FORGOTTEN,
        **dict.fromkeys(
            (
                *("source_id", "edited_at", "author_key", "attributes", "ingested_at"),
                *("customer_id", "link_method", "link_confidence", "link_via", "duplicate_of"),
            )
        ),
    )
)
_CUT_MENTION = (
    update(tables.mention)
    .where(_mention.mention_id == bindparam("was"))
    .values(mention_id=bindparam("now"), feedback_id=bindparam("of"), edit_id=None)
)
