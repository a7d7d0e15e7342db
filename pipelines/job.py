"""A job: what the command line was asked to do, done as one run of the store."""

import time
from collections.abc import Iterator, Sequence
from contextlib import closing, contextmanager
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING

from nlp.collecting import collecting_seldom, return_memory
from pipelines.asking.index import remove_stale_index
from pipelines.config import Config, hash_config, read_masking, user_secret_path
from pipelines.distributed.folders import kept_folder, remove_lake
from pipelines.errors import ConfigError
from pipelines.inputs import Inputs
from pipelines.journal import Journal, journal_path, remove_old_journals
from pipelines.observing.steps import observe_step
from pipelines.progress import Progress, SilentProgress
from pipelines.runs import SETTLED_STEPS, Run, begin_run, code_version
from pipelines.secret import fingerprint_secret, load_secret
from pipelines.store import Store, open_store, read_info, write_info
from pipelines.vector_lake.keeping import settle_lake

if TYPE_CHECKING:
    from pipelines.distributed.opening import ClusterSteps
    from pipelines.edits.apply import Applied
    from pipelines.engine import Engine
    from pipelines.ingest import ReadAhead
    from pipelines.models import Models

STEPS = ("ingest", "link", "enrich", "discover", "judge", "rank", "publish")
READING_STEPS = ("customers", "events", "ingest")


@dataclass(frozen=True)
class Job:
    """Where to work and how.

    :param engine: local, processes or ray.
    :param cache_dir: for converted models and the vectors of an unfinished run.
    :param secret_path: the file with the secret, when the environment holds none.
    :param is_refit: find themes anew in all texts, whether or not it is time.
    :param folder: what paths in the configuration are relative to.
    """

    config: Config
    cache_dir: Path
    lock_timeout_s: float = 10.0
    engine: str = "local"
    secret_path: Path = field(default_factory=user_secret_path)
    progress: Progress = field(default_factory=SilentProgress)
    is_refit: bool = False
    folder: Path = Path()

    @cached_property
    def models(self) -> "Models":
        """The models of this job, each loaded when it is first needed."""
        from pipelines.models import Models

        return Models(self.config.models, self.cache_dir)

    @property
    def lake(self) -> Path:
        """The folder that this process shares with its workers, wherever they are."""
        return self.folder / self.config.engine.lake

    @contextmanager
    def begin(self, store: Store, command: str) -> Iterator[Run]:
        """Begin a run of this job, see :func:`~pipelines.runs.begin_run`.

        The index of what was said before goes: what was erased must not stay in it.
        """
        begun = begin_run(
            store,
            command,
            config_hash=hash_config(self.config),
            engine=self.engine,
            lock_timeout_s=self.lock_timeout_s,
        )
        with collecting_seldom(), begun as run:
            self._settle_lake(run)
            yield run
        remove_stale_index(store)

    def _settle_lake(self, run: Run) -> None:
        """Have the lake of the store ready, where it has one or is to have one."""
        store_id = str(read_info(run.connection, "store_id"))
        is_wanted = self.config.store.vectors == "lake"
        folder = kept_folder(self.lake, store_id)
        n_lost = settle_lake(run.connection, folder, self.progress, is_wanted=is_wanted)
        if n_lost:
            run.mark_changed()
            self.progress.warn(
                f"{n_lost:,} files of the lake are gone or damaged; their texts are read again"
            )


@dataclass(frozen=True)
class RunResult:
    """What a run did.

    :param counts: as in the run table.
    """

    run_id: str
    store: str
    counts: dict[str, int]


def run_steps(job: Job, command: str, steps: Sequence[str], inputs: Inputs) -> RunResult:
    """Run steps as one visible change of the store.

    :param steps: of STEPS and READING_STEPS, in the order in which they are to run.
    :raises EarfulError: with a message for the user.
    """
    from pipelines.rights.upkeep import configured_policy, respect_files, respect_refusals

    _check_limit(job, inputs)
    if "enrich" in steps:
        _check_models(job)
    secret = load_secret(job.secret_path)
    store = open_store(job.config.store.url, create=True)
    if "ingest" in steps:
        from pipelines.capacity import Places, check_room

        n_workers = job.config.engine.n_processes if job.engine == "processes" else 0
        places = Places(job.config.limits, job.cache_dir, n_workers, job.lake)
        check_room(store, inputs.feedback, places)
    with job.begin(store, command) as run:
        _check_secret(run, store, secret)
        store_id = read_info(run.connection, "store_id")
        path = journal_path(job.cache_dir, store_id)
        remove_old_journals(job.cache_dir, time.time(), keep=path)
        journal = Journal(path)
        policy = configured_policy(job.config)
        respect_refusals(run, job.models, policy)
        with journal, _open_engine(job, run, journal) as cluster:
            _do_steps(steps, _Work(run, job, inputs, secret, cluster), journal)
            for step in [each for each in SETTLED_STEPS if each in steps]:
                run.settle(step, _tell_settings(step, job))
        if "link" not in steps:  # what was read may be of somebody who refuses
            respect_files(run, job.models, policy, job.progress)
        result = RunResult(run.run_id, store.name, dict(run.counts))
    journal.discard()
    # Of a run with workers, be it this one or one that was killed.
    remove_lake(job.lake, str(store_id))
    return result


@contextmanager
def _open_engine(job: Job, run: Run, journal: Journal) -> Iterator["ClusterSteps | None"]:
    """What computes elsewhere, if anything does."""
    if job.engine == "local":
        yield None
        return
    from pipelines.distributed.opening import ClusterSetup, ClusterSteps

    store_id = str(read_info(run.connection, "store_id"))
    setup = ClusterSetup(
        job.engine, job.config, job.models, job.cache_dir, job.lake, store_id, job.progress
    )
    with ClusterSteps.open(setup, run, journal) as cluster:
        yield cluster


def _check_limit(job: Job, inputs: Inputs) -> None:
    """A limit needs all files to be read before any: workers read each once.

    :raises ConfigError: where there is one and workers are to read.
    """
    if job.engine != "local" and inputs.selection and inputs.selection.limit is not None:
        raise ConfigError(
            f"--limit cannot be used with --engine {job.engine}; choose by --since and --until, or "
            "add --engine local"
        )


def _check_models(job: Job) -> None:
    """Refuse models that cannot be used before a row is read, not an hour later.

    :raises ConfigError: when a model cannot be used.
    """
    job.models.check()


@dataclass(frozen=True)
class _Work:
    run: Run
    job: Job
    inputs: Inputs
    secret: bytes
    cluster: "ClusterSteps | None" = None

    @property
    def engine(self) -> "Engine":
        """What computes for the steps."""
        from pipelines.engine import LOCAL

        return self.cluster.engine if self.cluster else LOCAL


def _do_steps(steps: Sequence[str], work: _Work, journal: Journal) -> None:
    n_with_models = steps.index("enrich") + 1 if "enrich" in steps else 0
    if n_with_models:
        _do_with_models(steps[:n_with_models], work, journal)
        return_memory()
    for step in steps[n_with_models:]:
        _do_step(step, work)


def _do_with_models(steps: Sequence[str], work: _Work, journal: Journal) -> None:
    """The steps up to ``enrich``, which share the models: these are gone afterwards."""
    from pipelines.enrich import enrich_feedback
    from pipelines.models import Models
    from pipelines.readings import Readings

    models = Models(work.job.config.models, work.job.cache_dir)
    progress = work.job.progress
    with closing(Readings(work.run, models, journal, progress)) as readings:
        for step in steps[:-1]:
            _do_step(step, work, None if work.cluster else readings)
        with observe_step("enrich", work.run.counts):
            is_settled = work.run.is_settled("enrich", _tell_settings("enrich", work.job))
            enrich_feedback(
                work.run, models, readings, progress, work.engine, is_settled=is_settled
            )


def _tell_settings(step: str, job: Job) -> str:
    """What decides, beside the tables, what a step does."""
    from pipelines.readings import sentiment_key

    is_reading = step == "enrich"
    told = sentiment_key(job.models) if is_reading else job.config.linking.model_dump_json()
    return f"{code_version()} {told}"


def _do_step(step: str, work: _Work, readings: "ReadAhead | None" = None) -> None:
    with observe_step(step, work.run.counts):
        _do_observed(step, work, readings)


def _do_observed(step: str, work: _Work, readings: "ReadAhead | None") -> None:
    run, job = work.run, work.job
    if step in READING_STEPS:
        _read_files(step, work, readings)
    elif step == "link":
        from pipelines.link import link_feedback
        from pipelines.rights.upkeep import configured_policy, respect_files

        is_settled = run.is_settled(step, _tell_settings(step, job))
        if not is_settled:
            link_feedback(run, job.config.linking.max_key_customers)
        if job.config.linking.traits and not is_settled:
            from pipelines.linking.probable import find_probable_links

            find_probable_links(run.connection, run.run_id, job.config.linking.review_from)
        # Whose feedback it is may be known only now.
        respect_files(run, job.models, configured_policy(job.config), job.progress)
    elif step == "discover":
        from pipelines.discover import discover_store
        from pipelines.edits.apply import apply_edits
        from pipelines.rights.upkeep import forbid_quotes
        from pipelines.themes.fit import RefitPlan

        themes = job.config.themes
        plan = RefitPlan(
            job.is_refit, themes.refit_growth, themes.refit_every_days, themes.granularity
        )
        discover_store(run, job.models, job.progress, plan, work.engine)
        forbid_quotes(run)
        if warning := describe_unapplied(apply_edits(run, job.models)):
            job.progress.warn(warning)
    elif step == "judge":
        from pipelines.customer_rows import read_row_settings
        from pipelines.impact.step import compare_outcomes
        from pipelines.judging.periods import judge_periods

        k = job.config.anonymity.min_customers
        judge_periods(run, min_customers=k)
        compare_outcomes(run, read_row_settings(job.config), k)
    elif step == "rank":
        from pipelines.attention.settings import read_attention_settings
        from pipelines.attention.step import rank_themes

        rank_themes(run, read_attention_settings(job.config))
    else:
        from pipelines.customer_rows import read_row_settings
        from pipelines.drift.step import measure_run
        from pipelines.drift.words import describe_drift
        from pipelines.publish import publish_insights

        # Before actions are raised, which may be about it.
        if measure_run(run, job.config.monitor.drift_error_rate):
            job.progress.warn(describe_drift(run.connection, run.run_id))
        publish_insights(run, settings=read_row_settings(job.config), rules=job.config.rules)


def describe_unapplied(applied: "Applied") -> str | None:
    """What of the edits could not be laid over the store, in words."""
    said = []
    if n_edits := len(applied.unapplied):
        edit_id, reason = next(iter(applied.unapplied.items()))
        said.append(
            f"{n_edits:,} of people's edits cannot be applied (first: {edit_id}, {reason}); "
            f"take it back with: earful themes undo {edit_id}"
        )
    if applied.n_moves_lost:
        said.append(
            f"{applied.n_moves_lost:,} mentions that people moved are gone or were edited by "
            "their customers: those keep the theme that was found"
        )
    return "; ".join(said) or None


def _read_files(step: str, work: _Work, readings: "ReadAhead | None") -> None:
    from pipelines.customers import load_customers
    from pipelines.events import load_events
    from pipelines.ingest import ingest_feedback
    from pipelines.loading import ReadSettings
    from pipelines.own_accounts import fold_accounts

    run, inputs, progress = work.run, work.inputs, work.job.progress
    config = work.job.config
    text, masking = config.text, read_masking(config)
    settings = ReadSettings(
        work.secret,
        text.region,
        text.timezone,
        masking,
        selection=inputs.selection,
        has_traits=config.linking.traits,
        own_accounts=fold_accounts(config.noise.own_accounts),
    )
    if step == "customers" and inputs.customers:
        load_customers(run, inputs.customers, settings, progress)
    elif step == "events" and inputs.events:
        load_events(run, inputs.events, settings, progress)
    elif step == "ingest" and inputs.feedback:
        elsewhere = work.cluster.start(settings) if work.cluster else None
        ingest_feedback(run, inputs.feedback, settings, progress, readings, elsewhere)


def _check_secret(run: Run, store: Store, secret: bytes) -> None:
    """A store filled with one secret cannot be linked with another.

    :raises ConfigError: when the secret is not the one that the store was filled with.
    """
    fingerprint = fingerprint_secret(secret)
    stored = read_info(run.connection, "secret_fingerprint")
    if stored is None:
        write_info(run.connection, "secret_fingerprint", fingerprint)
    elif stored != fingerprint:
        raise ConfigError(
            f"the store {store.name} was filled with another secret, so that no key would match; "
            "set EARFUL_SECRET to that secret, or use another store"
        )
