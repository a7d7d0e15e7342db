"""Edits of themes, made as one run: logged, laid over the store, judged and published."""

from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from tempfile import TemporaryDirectory
from typing import Any
from zoneinfo import ZoneInfo

from nlp.themes.edits import Edit
from pipelines.concluding import conclude
from pipelines.config import read_masking
from pipelines.edits.apply import Applied, apply_edits
from pipelines.edits.fixed import prepare_fixed
from pipelines.edits.noise import prepare_not_noise
from pipelines.edits.notes import note_oddities
from pipelines.edits.pins import prepare_pin
from pipelines.edits.requests import Drafts, EditRequest, prepare_edit, prepare_undos
from pipelines.edits.splits import prepare_split
from pipelines.edits.suggestions import prepare_answer
from pipelines.errors import MissingStoreError
from pipelines.id_batches import IDS_A_STATEMENT
from pipelines.job import Job, describe_unapplied
from pipelines.runs import Run
from pipelines.store import Store, open_store
from pipelines.themes.edit_log import append_edit, describe_payload


@dataclass(frozen=True)
class EditResult:
    """What an edit did.

    :param payload: what was decided, as it stands in the log.
    :param n_written: rows of theme and mention that changed with it.
    :param n_edits: of several undos at once how many they were; this is the last of them.
    :param notes: what may not have been meant.
    """

    run_id: str
    store: str
    edit_id: str
    action: str
    theme_id: str | None
    payload: dict[str, Any]
    n_written: int
    n_edits: int = 1
    notes: Sequence[str] = ()


@dataclass(frozen=True)
class EditsResult:
    """What several edits did together.

    :param run_id: None where there was nothing to do.
    """

    run_id: str | None
    store: str
    edits: Sequence[Edit]
    n_written: int


def make_edit(job: Job, request: EditRequest, author: str) -> EditResult:
    """Log an edit and bring the tables in line with it, as one visible change.

    An undo of several edits is several edits; the result tells of the last of them.

    :raises ConfigError: when it makes no sense for this store; nothing is written then.
    """
    made = make_edits(
        job,
        lambda drafts: drafts.add(_PREPARE.get(request.action, _prepare_one)(drafts, request)),
        f"themes {request.action}",
        author,
        create=request.action == "pin",
    )
    edit = made.edits[-1]
    with open_store(job.config.store.url).read() as connection:
        notes = [*note_oddities(connection, edit)]
    return EditResult(
        run_id=str(made.run_id),
        store=made.store,
        edit_id=edit.edit_id,
        action=edit.action,
        theme_id=edit.theme_id,
        payload=describe_payload(edit),
        n_written=made.n_written,
        n_edits=len(made.edits),
        notes=notes,
    )


def make_edits(
    job: Job,
    prepare: Callable[[Drafts], None],
    command: str,
    author: str,
    *,
    create: bool = False,
) -> EditsResult:
    """Log edits and bring the tables in line with them, as one visible change.

    :param prepare: adds the edits; asked once before the run begins, so that what makes no sense
        leaves no trace, and once with the store held.
    :param create: make the store where there is none.
    :raises ConfigError: when they make no sense for this store; nothing is written then.
    """
    masking, zone = read_masking(job.config), ZoneInfo(job.config.text.timezone)
    with _open_as_it_is(job.config.store.url, create=create) as found, found.read() as connection:
        drafts = Drafts.begin(connection, job.models, masking, zone)
        prepare(drafts)
    store = open_store(job.config.store.url, create=create)
    if not drafts.edits:
        return EditsResult(None, store.name, (), 0)
    with job.begin(store, command) as run:
        drafts = Drafts.begin(run.connection, job.models, masking, zone)
        prepare(drafts)
        for edit in drafts.edits:
            append_edit(run.connection, edit, author, run.started_at)
        applied = _lay_over(run, job)
    if warning := describe_unapplied(applied):
        job.progress.warn(warning)
    return EditsResult(run.run_id, store.name, drafts.edits, applied.n_written)


@contextmanager
def _open_as_it_is(url: str, *, create: bool) -> Iterator[Store]:
    """The store; an empty one elsewhere where it is still to be made, so that a refusal makes none.

    :raises MissingStoreError: when it does not exist and is not to be made.
    """
    try:
        store = open_store(url)
    except MissingStoreError:
        if not create:
            raise
        with TemporaryDirectory(prefix="earful-") as folder:
            empty = open_store(f"sqlite:///{folder}/empty.db", create=True)
            try:
                yield empty
            finally:
                empty.engine.dispose()
        return
    yield store


def _lay_over(run: Run, job: Job) -> Applied:
    """Lay the edits over the store; figures are made anew only of the themes that they changed."""
    is_current = run.is_current("judged") and run.is_current("published")
    applied = apply_edits(run, job.models)
    # Feedback that counts now, or no longer, may be of any theme and weighs on every expectation.
    is_narrow = is_current and not applied.n_sound and len(applied.themes) <= IDS_A_STATEMENT
    themes = sorted(applied.themes) if is_narrow else None
    conclude(run, job.config, themes)
    return applied


def _prepare_one(drafts: Drafts, request: EditRequest) -> Sequence[Edit]:
    return [prepare_edit(drafts, request)]


_PREPARE: dict[str, Callable[[Drafts, EditRequest], Sequence[Edit]]] = {
    "undo": lambda drafts, request: prepare_undos(drafts, request.other_id),
    "pin": lambda drafts, request: [prepare_pin(drafts, request)],
    "split": lambda drafts, request: [prepare_split(drafts, request)],
    "accept": lambda drafts, request: [prepare_answer(drafts, request)],
    "refuse": lambda drafts, request: [prepare_answer(drafts, request)],
    "fixed": lambda drafts, request: [prepare_fixed(drafts, request)],
    "not_noise": lambda drafts, request: [prepare_not_noise(drafts, request)],
}
