"""Actions that nobody tries to deliver any more, put back by a person."""

from collections.abc import Sequence

from pipelines.delivery.outbox import revive_failed
from pipelines.errors import ConfigError
from pipelines.job import Job
from pipelines.store import open_store


def retry_actions(job: Job, action_ids: Sequence[str] | None) -> list[str]:
    """Let failed actions be delivered again, with all that went in one message with them.

    :param action_ids: None for all that failed.
    :returns: those that wait again.
    :raises ConfigError: for an id of no failed action; nothing is changed then.
    """
    store = open_store(job.config.store.url)
    with job.begin(store, "actions retry") as run:
        found = revive_failed(run.connection, action_ids)
        unknown = [each for each in action_ids or () if each not in found]
        if unknown:
            raise ConfigError(
                f"{len(unknown)} of {len(action_ids or ())} ids are of no failed action (first: "
                f"{unknown[0]}); nothing was put back. Put all back with: earful actions retry "
                "--all"
            )
    return found
