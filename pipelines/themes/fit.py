"""When themes were last found in all texts, with what, and whether it is time to find them anew."""

import hashlib
import json
from dataclasses import asdict, dataclass
from datetime import datetime

from sqlalchemy import func, select

from nlp.themes.granularity import Granularity
from pipelines import tables
from pipelines.counted import feedback
from pipelines.models import Models
from pipelines.runs import Run
from pipelines.store import read_info, write_info
from pipelines.themes.pool import Pool

_LAST_FIT = "themes_fit"


@dataclass(frozen=True)
class RefitPlan:
    """When to find themes anew.

    :param is_requested: now, unless nothing changed since the last time.
    :param growth: when there are so many times the distinct texts of the last time; 0 is never.
    :param every_days: when the newest feedback is so many days newer than it was; 0 is never.
    :param granularity: how fine themes are; when it is another than the last time, now.
    """

    is_requested: bool = False
    growth: float = 2.0
    every_days: int = 90
    granularity: Granularity = "normal"


@dataclass(frozen=True)
class Fit:
    """What themes were found in.

    :param newest: the newest feedback, ISO 8601; None where none has a date. The dates of feedback
        are the clock of refits: the same feedback gives the same tables, whenever it is read.
    :param content: hash of all texts.
    """

    encoder: str
    n_texts: int
    newest: str | None
    content: str
    granularity: Granularity = "normal"


def describe_fit(run: Run, models: Models, pool: Pool, granularity: Granularity) -> Fit:
    """What a fit of these texts would be made of."""
    newest = run.connection.execute(
        select(func.max(feedback.occurred_at)).where(feedback.occurred_at <= run.started_at)
    ).scalar()
    return Fit(
        models.encoder_name,
        len(pool.keys),
        newest.isoformat() if newest else None,
        hashlib.sha256("\0".join(pool.keys).encode()).hexdigest()[:16],
        granularity,
    )


def read_fit(run: Run) -> Fit | None:
    """The last fit; None before the first."""
    stored = read_info(run.connection, _LAST_FIT)
    return Fit(**json.loads(stored)) if stored else None


def write_fit(run: Run, fit: Fit) -> None:
    """Remember a fit."""
    write_info(run.connection, _LAST_FIT, json.dumps(asdict(fit)))


def explain_refit(plan: RefitPlan, last: Fit, now: Fit) -> str | None:
    """Why themes are to be found anew; None when they are not.

    :returns: granularity, requested, growth or age.
    """
    if last.granularity != now.granularity:
        return "granularity"
    if last.content == now.content and last.encoder == now.encoder:
        return None
    if plan.is_requested:
        return "requested"
    if plan.growth and now.n_texts >= plan.growth * last.n_texts:
        return "growth"
    if plan.every_days and last.newest and now.newest:
        age = datetime.fromisoformat(now.newest) - datetime.fromisoformat(last.newest)
        return "age" if age.days >= plan.every_days else None
    return None


def count_unread(run: Run, models: Models) -> int:
    """Mentions whose text has no vector of this encoder."""
    vector, mention = tables.vector.c, tables.mention.c
    has_vector = select(vector.text_hash).where(vector.model == models.encoder_name)
    query = select(func.count()).where(mention.text_hash.not_in(has_vector))
    return run.connection.execute(query).scalar_one()
