"""``earful run`` and the steps alone."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from pipelines.cli.asked import Asked, find_asked
from pipelines.cli.options import (
    ConfigOption,
    DbOption,
    FormatOption,
    FromOption,
    JsonOption,
    LayoutOption,
    LimitOption,
    LockOption,
    MapOption,
    SinceOption,
    SourceOption,
    SqlOption,
    UntilOption,
    load_settings,
    rejected_code,
    show_examples,
)
from pipelines.errors import ConfigError, LockedError, MissingStoreError

if TYPE_CHECKING:
    from pipelines.config import Config
    from pipelines.inlets.spool import Spool
    from pipelines.inputs import Inputs
    from pipelines.job import Job, RunResult
    from pipelines.progress import Progress

PathsArgument = Annotated[
    list[str] | None,
    typer.Argument(
        metavar="PATH",
        help="Files, folders, globs, s3://bucket/... or - for standard input; else what the "
        "config lists.",
    ),
]
EngineOption = Annotated[
    str | None,
    typer.Option(
        "--engine",
        metavar="local|processes|ray",
        help="Who reads the texts, else as configured: this process, one process a core of this "
        "machine, or a cluster (pip install 'earful[distributed]').",
    ),
]
AddressOption = Annotated[
    str | None,
    typer.Option(
        "--address",
        metavar="HOST:PORT",
        help="The Ray cluster of --engine ray, else as configured, else this machine alone.",
    ),
]

RefitOption = Annotated[
    bool,
    typer.Option("--refit", help="Find themes anew in all texts; known ones keep their ids."),
]
GranularityOption = Annotated[
    str | None,
    typer.Option(
        "--granularity",
        metavar="coarse|normal|fine",
        help="How fine themes are, else as configured; a change finds them anew, under their ids.",
    ),
]


@dataclass(frozen=True)
class _Look:
    """How a run goes about it, where the command line says so.

    :param is_refit: find themes anew in all texts.
    :param granularity: how fine themes are; None is as configured.
    :param engine: of `run`; None is as configured.
    :param address: of a cluster; None is as configured.
    """

    is_refit: bool = False
    granularity: str | None = None
    engine: str | None = None
    address: str | None = None


ENGINES = ("local", "processes", "ray")
_READING = ("customers", "events", "ingest")
_STEPS = {
    "link": "Link feedback to customers. By id, e-mail, phone or handle.",
    "enrich": "Split new feedback into mentions. Read their meaning and feeling.",
    "discover": "Find themes, and give each mention one. Or the reason for none.",
    "judge": "Count themes, judge what is a trend, compare outcomes. All by theme and period.",
    "rank": "Say what deserves attention. Priorities, comparisons and coverage.",
    "publish": "Write the figures of themes and the rows of customers.",
}


def add_commands(app: typer.Typer) -> None:
    """Add run, ingest and the other steps."""
    app.command(
        "run",
        epilog=show_examples(
            "earful run reviews.csv",
            "earful run exports/ --db team.db",
            "earful run survey.xlsx --map text=Comment --map id=Nr",
            "earful run 's3://exports/2026/*.csv.gz' --since 2026-01-01",
            "earful run --sql 'SELECT id, said FROM reviews' --from sqlite:///shop.db",
            "zcat dump.gz | earful run - --format jsonl --source shop",
        ),
    )(run)
    app.command(
        "ingest",
        epilog=show_examples("earful ingest reviews.csv --map text=Comment --source shop"),
    )(ingest)
    for name, help_text in _STEPS.items():
        step = discover if name == "discover" else _make_step(name)
        example = show_examples(f"earful {name} --db team.db")
        app.command(name, help=help_text, epilog=example)(step)


def run(
    paths: PathsArgument = None,
    config: ConfigOption = None,
    db: DbOption = None,
    engine: EngineOption = None,
    address: AddressOption = None,
    mapping: MapOption = None,
    source: SourceOption = None,
    sql: SqlOption = None,
    from_url: FromOption = None,
    ending: FormatOption = None,
    since: SinceOption = None,
    until: UntilOption = None,
    limit: LimitOption = None,
    layout: LayoutOption = None,
    refit: RefitOption = False,
    granularity: GranularityOption = None,
    as_json: JsonOption = False,
    lock_timeout: LockOption = 10.0,
) -> None:
    """Do it all. Read, link, enrich, discover, judge, rank, publish.

    Running it again on the same input changes nothing; after a crash it goes on.
    """
    _check_engine(engine)
    steps = (*_READING, *_STEPS)
    asked = Asked(paths, mapping, source, sql, from_url, ending, since, until, limit, layout)
    how = _Look(refit, granularity, engine, address)
    result = run_asked("run", steps, asked, config, db, lock_timeout, how)
    show_result(result, as_json=as_json)


def _check_engine(engine: str | None) -> None:
    if engine is not None and engine not in ENGINES:
        raise ConfigError(
            f"--engine {engine!r} is not there; choose {', '.join(ENGINES[:-1])} or {ENGINES[-1]}"
        )


def ingest(
    paths: PathsArgument = None,
    config: ConfigOption = None,
    db: DbOption = None,
    mapping: MapOption = None,
    source: SourceOption = None,
    sql: SqlOption = None,
    from_url: FromOption = None,
    ending: FormatOption = None,
    since: SinceOption = None,
    until: UntilOption = None,
    limit: LimitOption = None,
    layout: LayoutOption = None,
    as_json: JsonOption = False,
    lock_timeout: LockOption = 10.0,
) -> None:
    """Read feedback, customers and events into the store. Nothing else."""
    asked = Asked(paths, mapping, source, sql, from_url, ending, since, until, limit, layout)
    result = run_asked("ingest", _READING, asked, config, db, lock_timeout)
    show_result(result, as_json=as_json)


def discover(
    config: ConfigOption = None,
    db: DbOption = None,
    refit: RefitOption = False,
    granularity: GranularityOption = None,
    as_json: JsonOption = False,
    lock_timeout: LockOption = 10.0,
) -> None:
    """Find themes; with --refit in all texts, as if for the first time."""
    from pipelines.inputs import Inputs

    settings, folder = load_settings(config, db)
    steps = ["discover"]
    look = _Look(refit, granularity)
    result = run_job(settings, folder, "discover", steps, lambda *_: Inputs(), lock_timeout, look)
    show_result(result, as_json=as_json)


def _make_step(name: str) -> Callable[..., None]:
    def step(
        config: ConfigOption = None,
        db: DbOption = None,
        as_json: JsonOption = False,
        lock_timeout: LockOption = 10.0,
    ) -> None:
        from pipelines.inputs import Inputs

        settings, folder = load_settings(config, db)
        result = run_job(settings, folder, name, [name], lambda *_: Inputs(), lock_timeout)
        show_result(result, as_json=as_json)

    return step


def run_asked(
    command: str,
    steps: Sequence[str],
    asked: Asked,
    config: Path | None,
    db: str | None,
    lock_timeout: float,
    look: "_Look | None" = None,
) -> "RunResult":
    """Run steps on what the command line says is to be read."""
    settings, folder = load_settings(config, db)

    def find(progress: "Progress", spool: "Spool") -> "Inputs":
        return find_asked(asked, command, settings, folder, progress, spool)

    return run_job(settings, folder, command, steps, find, lock_timeout, look)


def run_job(
    settings: Any,
    folder: Path,
    command: str,
    steps: Sequence[str],
    find_inputs: "Callable[[Progress, Spool], Inputs]",
    lock_timeout: float,
    look: "_Look | None" = None,
) -> "RunResult":
    """Run steps with progress on standard error.

    :param folder: what paths in the configuration are relative to.
    :param look: how themes are looked for, where that was said.
    """
    from pipelines.cli.logged import open_progress
    from pipelines.config import user_cache_dir
    from pipelines.inlets.spool import Spool
    from pipelines.job import Job, run_steps
    from pipelines.rights.outputs import follow_run

    look = look or _Look()
    settings, warning = set_granularity(settings, look.granularity)
    engine = _find_engine(settings, command, look)
    lake = folder / settings.engine.lake if engine != "local" else None
    with open_progress() as progress, Spool(lake) as spool:
        if warning:
            progress.warn(warning)
        if look.address is not None:
            addressed = settings.engine.model_copy(update={"address": look.address})
            settings = settings.model_copy(update={"engine": addressed})
        job = Job(
            settings,
            user_cache_dir(),
            lock_timeout,
            engine=engine,
            progress=progress,
            is_refit=look.is_refit,
            folder=folder,
        )
        _finish_erasures(job)
        done = run_steps(job, command, steps, find_inputs(progress, spool))
        follow_run(job)
        return done


def _find_engine(settings: "Config", command: str, look: _Look) -> str:
    """Who reads the texts; the steps alone are done by this process.

    :raises ConfigError: where a cluster is named, and none is to be used.
    """
    engine = look.engine or (settings.engine.name if command == "run" else "local")
    if look.address is not None and engine != "ray":
        raise ConfigError("--address names a cluster of Ray; it needs --engine ray")
    return engine


def _finish_erasures(job: "Job") -> None:
    """Finish what an earlier erasure left to do; what cannot be finished is told, and run on."""
    from pipelines.rights.forgetting import resume_erasures

    try:
        receipts = resume_erasures(job)
    except MissingStoreError:
        return
    except LockedError as error:  # of the syncs: to read and write needs none
        job.progress.warn(f"erasures are not finished: {error}")
        return
    for receipt in receipts:
        for problem in receipt.problems:
            job.progress.warn(f"erasure {receipt.request_id} is not finished: {problem}")


def set_granularity(settings: "Config", wanted: str | None) -> "tuple[Config, str | None]":
    """The settings with the granularity laid over them, and what to say where it differs.

    :raises ConfigError: when there is no such granularity.
    """
    from nlp.themes.granularity import GRANULARITIES

    configured = settings.themes.granularity
    if wanted is None or wanted == configured:
        return settings, None
    if wanted not in GRANULARITIES:
        raise ConfigError(
            f"--granularity {wanted!r} is not there; choose {', '.join(GRANULARITIES[:-1])} or "
            f"{GRANULARITIES[-1]}"
        )
    themes = settings.themes.model_copy(update={"granularity": wanted})
    return settings.model_copy(update={"themes": themes}), (
        f"themes are {wanted} in this run; the next one without --granularity finds them anew as "
        f'configured, {configured}. To keep them so, write granularity = "{wanted}" under '
        "[themes] in earful.toml"
    )


def show_result(result: "RunResult", *, as_json: bool, hint: str = "") -> None:
    """Print what a run did, and end with exit code 3 when rows were rejected.

    :param hint: what to do next, for people.
    """
    from pipelines.cli.show import count_rejected, open_console, print_json, print_run

    if as_json:
        print_json({"run_id": result.run_id, "store": result.store, **result.counts})
    else:
        print_run(result)
        if hint:
            open_console().print(hint, style="dim")
    rejected_code(count_rejected(result))
