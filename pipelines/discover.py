"""The step that finds themes, and their mentions or the reason why a mention has none.

Themes are permanent: the first run finds them, later runs assign new texts to them, and only what
is left over can become new themes. Now and then all texts are looked at anew, and what is found is
matched to what is known. What is found stands in ``nearest_theme_id`` and ``found_reason``;
:func:`pipelines.edits.apply.apply_edits` makes of it what people see.
"""

from typing import Any, Final

from sqlalchemy import and_, or_, select, update

from pipelines import tables
from pipelines.bulk import update_rows
from pipelines.counted import counted_mentions, feedback, is_counted, mention
from pipelines.engine import LOCAL, Engine
from pipelines.errors import ConfigError
from pipelines.models import Models
from pipelines.progress import Progress, count_units
from pipelines.runs import Run
from pipelines.themes.copies import share_fates
from pipelines.themes.encoder import carry_themes_over
from pipelines.themes.fit import (
    Fit,
    RefitPlan,
    count_unread,
    describe_fit,
    explain_refit,
    read_fit,
    write_fit,
)
from pipelines.themes.growth import extend_themes
from pipelines.themes.pool import Fate, Pool, load_pool
from pipelines.themes.refit import Refit, fit_themes
from pipelines.themes.silence import note_silence

NO_PLAN: Final = RefitPlan()
_ROWS_A_BATCH: Final = 20_000


def discover_store(
    run: Run,
    models: Models,
    progress: Progress,
    plan: RefitPlan = NO_PLAN,
    engine: Engine = LOCAL,
) -> None:
    """Decide about every mention that no run has decided about yet.

    :param plan: when to find themes anew in all texts.
    :raises ConfigError: when the encoder changed and the texts were not read with the new one.
    """
    _set_noise_aside(run)
    _decide_store(run, models, progress, plan, engine)
    share_fates(run)


def _decide_store(
    run: Run, models: Models, progress: Progress, plan: RefitPlan, engine: Engine
) -> None:
    last = read_fit(run)
    is_other_encoder = last is not None and last.encoder != models.encoder_name
    is_other_level = last is not None and last.granularity != plan.granularity
    if not (_has_undecided(run) or is_other_encoder or is_other_level or plan.is_requested):
        return
    if is_other_encoder:
        _check_vectors(run, models)
    pool = load_pool(run, models)
    progress.start("finding themes", unit="")
    if last and is_other_encoder:
        last = carry_themes_over(run, models, pool, last)
    summary = _decide(run, models, progress, pool, last, plan, engine)
    progress.finish(f"{summary} among {len(pool.keys):,} mentions")


def _decide(
    run: Run,
    models: Models,
    progress: Progress,
    pool: Pool,
    last: Fit | None,
    plan: RefitPlan,
    engine: Engine,
) -> str:
    """Fit or extend the themes; say in words what came of it."""
    now = describe_fit(run, models, pool, plan.granularity)
    cause = explain_refit(plan, last, now) if last and any(pool.themes) else "first"
    if cause:
        was = last.granularity if last else None
        done = fit_themes(run, models, pool, cause, plan.granularity, was)
        fates, summary = done.fates, _describe_refit(done, cause, plan, was)
        write_fit(run, now)
        if done.n_kept:
            progress.warn(_describe_kept(done.n_kept))
    elif _has_undecided(run):
        fates, n_born = extend_themes(run, models, pool, plan.granularity, engine)
        summary = count_units(n_born, "new themes")
    else:
        return "nothing new since themes were last found"
    note_silence(run, pool, fates)
    _write_fates(run, pool, fates)
    run.mark_changed(is_derived=True)
    return summary


def _describe_refit(done: Refit, cause: str, plan: RefitPlan, was: str | None) -> str:
    if cause == "first":
        return count_units(done.n_born, "new themes")
    if cause == "granularity":
        cause = f"{plan.granularity} now, {was} before"
    born = count_units(done.n_born, "new themes")
    return f"found anew ({cause}): {born}, {done.n_gone:,} retired,"


def _describe_kept(n_kept: int) -> str:
    return (
        f"{n_kept:,} themes that people edited were not found again; they keep their mentions. "
        "See what became of them with: earful themes history"
    )


def _check_vectors(run: Run, models: Models) -> None:
    """Without vectors of the new encoder every theme would seem to have lost its members.

    :raises ConfigError: when a mention has none.
    """
    if n_unread := count_unread(run, models):
        raise ConfigError(
            f"{n_unread:,} mentions were not read with {models.encoder_name} yet, the encoder of "
            "the configuration; read them with: earful enrich"
        )


def _set_noise_aside(run: Run) -> None:
    """Mentions of noise belong to no theme; copies share the fate of their original.

    What is noise no longer is undecided again.
    """
    noise = select(feedback.feedback_id).where(
        feedback.noise_reason.is_not(None), feedback.duplicate_of.is_(None)
    )
    sound = select(feedback.feedback_id).where(feedback.noise_reason.is_(None))
    run.connection.execute(
        update(tables.mention)
        .where(mention.found_reason == "noise", mention.feedback_id.in_(sound))
        .values(found_reason=None, found_run=None)
    )
    is_due = or_(
        mention.found_reason.is_distinct_from("noise"), mention.nearest_theme_id.is_not(None)
    )
    statement = (
        update(tables.mention)
        .where(mention.feedback_id.in_(noise), is_due)
        .values(
            nearest_theme_id=None,
            theme_strength=None,
            found_reason="noise",
            found_run=run.run_id,
        )
    )
    counted = statement.execution_options(preserve_rowcount=True)
    if run.connection.execute(counted).rowcount:
        run.mark_changed(is_derived=True)


def _has_undecided(run: Run) -> bool:
    is_undecided = and_(mention.nearest_theme_id.is_(None), mention.found_reason.is_(None))
    query = (
        select(mention.mention_id)
        .select_from(counted_mentions)
        .where(is_counted, is_undecided)
        .limit(1)
    )
    return run.connection.execute(query).first() is not None


def _write_fates(run: Run, pool: Pool, fates: dict[str, Fate]) -> None:
    due = [
        (mention_id, row)
        for row, key in enumerate(pool.keys)
        if (fate := fates.get(key)) is not None
        for mention_id in _due_mentions(pool, row, fate)
    ]
    # In the order of the table: in that of the keys each would be on a page of its own.
    due.sort()
    for start in range(0, len(due), _ROWS_A_BATCH):
        batch = due[start : start + _ROWS_A_BATCH]
        update_rows(
            run.connection, tables.mention, [_describe(run, pool, fates, *each) for each in batch]
        )


def _describe(
    run: Run, pool: Pool, fates: dict[str, Fate], mention_id: str, row: int
) -> dict[str, Any]:
    fate = fates[pool.keys[row]]
    return {
        "mention_id": mention_id,
        "nearest_theme_id": fate.nearest,
        "theme_strength": round(fate.strength, 6),
        "found_reason": fate.reason,
        "found_run": run.run_id,
    }


def _due_mentions(pool: Pool, row: int, fate: Fate) -> list[str]:
    """All that share the fate when it is new; only the waiting ones when it is not."""
    return pool.waiting[row] if fate == pool.fates[row] else pool.mentions[row]
