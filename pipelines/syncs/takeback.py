"""Taking back what destinations hold of somebody who is to be forgotten, before that is done here.

Once their id is erased nobody could say any more which record it was: so the destinations first.
"""

from collections.abc import Sequence

from sqlalchemy import Connection, select

from pipelines import tables
from pipelines.clock import tell_stopped
from pipelines.errors import EarfulError, StoppedError
from pipelines.id_batches import batch_ids
from pipelines.job import Job
from pipelines.patience import Patience
from pipelines.store import Store
from pipelines.syncs.sending import Sending
from pipelines.syncs.settings import SyncSettings
from pipelines.syncs.syncing import open_checked
from pipelines.syncs.target import Surroundings, SyncError

_sync = tables.sync_row.c


def take_back(
    job: Job, store: Store, customers: Sequence[str], patience: Patience | None = None
) -> list[str]:
    """Take back what was sent about some customers, wherever it was sent.

    :returns: which destinations still hold something and why, in words; empty when none does.
    """
    configured = {each.name: each for each in job.config.syncs}
    around = Surroundings(job.folder, patience or Patience())
    problems = []
    with store.read() as connection:
        held = _find_syncs(connection, customers, is_held=False)
    for name in held:
        try:
            if name not in configured:
                raise SyncError("the configuration has no such sync any more; write it back there")
            with tell_stopped(_STOPPED.format(", ".join(held))):
                _take_back(job, store, configured[name], around, customers)
        except StoppedError:
            raise
        except EarfulError as error:
            problems.append(f"{name}: {error}")
    return problems


_STOPPED = (
    "nobody was erased. What was sent about them may be gone already from: {}. Run the same "
    "command again; or, if they are to stay, earful sync, which sends it again"
)


def list_holders(connection: Connection, customers: Sequence[str]) -> list[str]:
    """The syncs whose destinations may hold something of some customers."""
    return _find_syncs(connection, customers, is_held=True)


def _take_back(
    job: Job,
    store: Store,
    settings: SyncSettings,
    around: Surroundings,
    customers: Sequence[str],
) -> None:
    with open_checked(settings, around) as target:
        sending = Sending(job, store, settings, target)
        sending.take_back(customers)
        sending.finish()
    if n := sending.counts["failed"]:
        raise SyncError(f"{n:,} of its rows could not be taken back")


def _find_syncs(connection: Connection, customers: Sequence[str], *, is_held: bool) -> list[str]:
    found: set[str] = set()
    for batch in batch_ids(customers):
        query = select(_sync.sync).where(_sync.customer_id.in_(batch))
        if is_held:
            query = query.where(_sync.status != "removed")
        found |= set(connection.execute(query).scalars())
    return sorted(found)
