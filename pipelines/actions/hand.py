"""Actions that a person decides about: suppressed by hand, with what they say."""

from collections.abc import Sequence

from sqlalchemy import select

from pipelines import tables
from pipelines.actions.occasions import BY_HAND
from pipelines.actions.suppressed import suppress
from pipelines.errors import ConfigError
from pipelines.job import Job
from pipelines.store import open_store

MAX_CHARS = 200
_action = tables.action.c


def suppress_actions(job: Job, action_ids: Sequence[str], reason: str) -> int:
    """Keep actions that wait, or could not be delivered, from being delivered; they stay so.

    :returns: how many.
    :raises ConfigError: when one is not there, or was sent or suppressed before; nothing is
        written then.
    """
    said = " ".join(reason.split())
    if not said or len(said) > MAX_CHARS:
        raise ConfigError(f"--reason needs 1 to {MAX_CHARS} characters")
    store = open_store(job.config.store.url)
    with job.begin(store, "actions suppress") as run:
        asked = _action.action_id.in_(action_ids)
        query = select(_action.action_id, _action.status).where(asked)
        found = dict(run.connection.execute(query).all())
        for each in action_ids:
            if found.get(each) not in ("pending", "failed"):
                raise ConfigError(
                    f"the action {each!r} {_describe(found.get(each))}; those that wait: earful "
                    "actions list --status pending"
                )
        suppress(run.connection, dict.fromkeys(found, f"{BY_HAND}: {said}"))
    return len(found)


def _describe(status: str | None) -> str:
    return "is not there" if status is None else f"is {status} already"
