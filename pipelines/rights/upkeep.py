"""Keeping the tables to what customers allow: laid down, unmade, and published anew."""

from pipelines.actions.respect import suppress_unwanted
from pipelines.concluding import conclude
from pipelines.config import Config
from pipelines.copies import mark_copies
from pipelines.edits.apply import apply_edits
from pipelines.models import Models
from pipelines.progress import Progress, count_units
from pipelines.rights.behind import note_behind
from pipelines.rights.descriptions import drop_hidden_words, list_unquotable
from pipelines.rights.purposes import PURPOSES, Policy
from pipelines.rights.refusals import lay_down_refusals
from pipelines.rights.stated import Stated, record_stated
from pipelines.runs import Run


def configured_policy(config: Config) -> Policy:
    """What a configuration allows without a row."""
    allowed = config.consent
    return {purpose: getattr(allowed, purpose) for purpose in PURPOSES}


def respect_files(run: Run, models: Models, policy: Policy, progress: Progress) -> None:
    """Record the consent that the files of a run state, and bring all tables in line with it."""
    stated = record_stated(run) if run.counts["n_read"] or run.counts["n_customers"] else Stated()
    if n := run.counts["n_consents"]:
        note_behind(run)
        progress.start("recording consent", unit="")
        progress.finish(f"{count_units(n, 'answers')} of files")
    if n := stated.n_contradicted:
        progress.warn(
            f"{count_units(n, 'permissions')} of customers' files {'has' if n == 1 else 'have'} no "
            "date, and the customer withdrew in another way: that stays. If a column says when a "
            "record was last changed, name it with --map edited=COLUMN; if a permission holds, "
            "record it with: earful consent grant --customer ID --purpose NAME"
        )
    respect_refusals(run, models, policy)


def respect_refusals(run: Run, models: Models, policy: Policy) -> int:
    """Bring all tables in line with what customers allow now, as one visible change.

    :returns: feedback and customers whose refusal changed; 0 when nothing was written.
    """
    n_changed = lay_down_refusals(run, policy)
    if n_changed:
        note_behind(run)
        publish_anew(run, models)
    suppress_unwanted(run.connection, run.started_at)
    return n_changed


def publish_anew(run: Run, models: Models) -> None:
    """Make everything that is derived from mentions anew, from those that are there.

    No action is raised: the next run does, when all of its steps are done.
    """
    mark_copies(run)
    forbid_quotes(run)
    apply_edits(run, models)
    conclude(run)


def forbid_quotes(run: Run) -> None:
    """Take words that may not be quoted out of the descriptions of themes."""
    drop_hidden_words(run, list_unquotable(run.connection))
