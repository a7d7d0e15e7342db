"""Delivering what is due: one message after the other, each recorded before the next is sent.

Nothing is sent while the store's lock or a transaction is held: before and after each message are
two short ones of their own. What makes two deliverers impossible is a lock of its own.
"""

from collections import deque
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from itertools import count
from pathlib import Path
from typing import Any, Final, Literal

from sqlalchemy import Connection

from pipelines.clock import Clock, defer_interrupts
from pipelines.delivery.failures import DeliveryError, redact
from pipelines.delivery.kinds import AnyDestination
from pipelines.delivery.messages import Destination, Message, Receipt
from pipelines.delivery.outbox import (
    Plan,
    begin_attempt,
    count_waiting,
    plan_messages,
    read_last_sent,
    record_failure,
    record_sent,
)
from pipelines.delivery.retrying import MAX_WAIT_S, choose_pause
from pipelines.delivery.selecting import Wanted
from pipelines.errors import EarfulError
from pipelines.job import Job
from pipelines.patience import Patience
from pipelines.rights.outputs import follow_run, note_output
from pipelines.rights.upkeep import configured_policy, respect_refusals
from pipelines.store import RECORD_WAIT_S, Store, open_store

# An index that is searched by the receiver shows by then what was made.
SETTLE_S: Final = 120.0
# So many messages in a row that nobody took: the rest would fare no better.
MAX_IN_VAIN: Final = 3

State = Literal["sent", "later", "failed"]


@dataclass(frozen=True)
class Outcome:
    """What became of a message.

    :param state: sent; later, which is tried again; or failed, which is not.
    """

    destination: str
    message_id: str
    n_actions: int
    state: State
    reason: str | None = None
    reference: str | None = None
    next_attempt_at: datetime | None = None


@dataclass
class Delivered:
    """What became of everything that was due; counts are of actions.

    :param n_gone: erased, or suppressed by a person, since they were found due.
    :param n_left: due, but not tried in this command, or cut off in the middle.
    :param is_cut_off: somebody wanted to stop at once: the message under way may have arrived.
    :param error: what ended it before its end, in words, if anything did.
    :param exit_code: that of the error.
    :param closed: why a destination was not asked any further, by its name.
    :param lost: due for destinations that the configuration does not have, by name.
    """

    store: str
    n_suppressed: int = 0
    n_gone: int = 0
    n_left: int = 0
    is_stopped: bool = False
    is_cut_off: bool = False
    error: str | None = None
    exit_code: int = 0
    outcomes: list[Outcome] = field(default_factory=list)
    closed: dict[str, str] = field(default_factory=dict)
    lost: dict[str, int] = field(default_factory=dict)

    def count(self, state: State) -> int:
        """Actions in messages of which this became."""
        return sum(each.n_actions for each in self.outcomes if each.state == state)


def deliver_actions(
    job: Job, folder: Path, wanted: Wanted, clock: Clock | None = None
) -> Delivered:
    """Deliver what is due. What ends it once messages go is told with what became of them.

    :param folder: what paths of the configuration are relative to.
    :raises ConfigError: before anything is sent, for a secret that is not set.
    :raises LockedError: before anything is sent, while another one delivers, or a run holds the
        store.
    """
    clock = clock or Clock()
    store = open_store(job.config.store.url)
    done = Delivered(store.name)
    with store.lock(job.lock_timeout_s, "delivery"):
        with store.read() as connection:
            waiting = count_waiting(connection, clock.now())
        done.lost = wanted.find_lost(job.config.destinations, waiting)
        entries = wanted.choose(job.config.destinations, waiting)
        doors = [_open_door(entry, folder, clock) for entry in entries]
        if not doors:
            return done
        with job.begin(store, "actions deliver") as run:
            n_due = sum(count_waiting(run.connection, clock.now()).values())
            respect_refusals(run, job.models, configured_policy(job.config))
            done.n_suppressed = n_due - sum(count_waiting(run.connection, clock.now()).values())
            queues = [
                plan_messages(run.connection, door.entry.name, door.destination, clock.now())
                for door in doors
            ]
        follow_run(job)
        with defer_interrupts(clock):
            _deliver_all(_Work(store, job, clock, done), doors, queues, wanted.limit)
    return done


@dataclass(frozen=True)
class _Door:
    """A destination with its settings."""

    entry: AnyDestination
    destination: Destination


@dataclass(frozen=True)
class _Work:
    store: Store
    job: Job
    clock: Clock
    done: Delivered

    @contextmanager
    def write(self, wait_s: float) -> Iterator[Connection]:
        """A short change of its own, visible at once."""
        timeout_s = max(wait_s, self.job.lock_timeout_s)
        with self.store.lock(timeout_s), self.store.write() as connection:
            yield connection


def _open_door(entry: AnyDestination, folder: Path, clock: Clock) -> _Door:
    destination: Destination = entry.connect(folder, clock)
    destination.open()
    return _Door(entry, destination)


def _deliver_all(
    work: _Work, doors: Sequence[_Door], queues: Sequence[list[Plan]], limit: int | None
) -> None:
    done, left = work.done, limit if limit is not None else sum(map(len, queues))
    n_due = sum(len(plan.action_ids) for queue in queues for plan in queue)
    n_suppressed = done.n_suppressed
    try:
        for door, queue in zip(doors, queues, strict=True):
            left -= _deliver_queue(work, door, queue[:left])
    except KeyboardInterrupt:  # for the second time
        done.is_cut_off = True
    except EarfulError as error:
        done.error, done.exit_code = str(error), error.exit_code
    n_ended = sum(each.n_actions for each in done.outcomes) + done.n_gone
    done.n_left = n_due - n_ended - (done.n_suppressed - n_suppressed)
    done.is_stopped = work.clock.is_stopping


def _deliver_queue(work: _Work, door: _Door, queue: Sequence[Plan]) -> int:
    """Deliver until the queue is empty, somebody wants to stop, or the destination is closed.

    :returns: how many messages were tried.
    """
    name, n_in_vain = door.entry.name, 0
    pace = _Pace(door.entry.max_per_minute, work.clock)
    with work.store.read() as connection:
        pace.sent.extend(read_last_sent(connection, name, work.clock.now()))
    for n_tried, plan in enumerate(queue):
        pace.wait()
        if work.clock.is_stopping:
            return n_tried
        error = _deliver_one(work, door, plan)
        pace.sent.append(work.clock.now())
        n_in_vain = n_in_vain + 1 if error and error.fault == "passing" else 0
        asks_to_wait = error is not None and error.retry_after_s
        if error and (error.fault == "destination" or asks_to_wait or n_in_vain == MAX_IN_VAIN):
            work.done.closed[name] = redact(error.reason, door.destination.secrets)
            return n_tried + 1
    return len(queue)


def _deliver_one(work: _Work, door: _Door, plan: Plan) -> DeliveryError | None:
    """Send a message, and record at once what became of it."""
    destination, clock = door.destination, work.clock
    now = clock.now()
    if destination.when_unknown == "look" and plan.is_fresh(now, SETTLE_S):
        return None
    with work.write(0) as connection:
        cut_off = _find_cut_off(door, plan)
        if cut_off:
            _record_failure(work, connection, door, plan, cut_off)
            return None
        message, n_suppressed = begin_attempt(connection, plan, door.entry.max_quotes, now)
        work.done.n_suppressed += n_suppressed
        n_items = len(message.items) if message else 0
        work.done.n_gone += len(plan.action_ids) - n_suppressed - n_items
    if message is None:
        return None
    # Some may have been suppressed just now, or erased.
    plan = replace(plan, action_ids=tuple(item.action_id for item in message.items))
    receipt, error = _send(door, plan, message, clock)
    with work.write(RECORD_WAIT_S) as connection:
        if receipt:
            record_sent(connection, plan.action_ids, receipt, clock.now())
            if destination.leaves_files and receipt.reference:
                with suppress(OSError):  # fetched already
                    note_output(connection, Path(receipt.reference), "actions")
            told = {"reason": receipt.note, "reference": receipt.reference}
            _note(work, door, plan, "sent", **told)
        elif error:
            _record_failure(work, connection, door, plan, error)
    return error


def _send(
    door: _Door, plan: Plan, message: Message, clock: Clock
) -> tuple[Receipt | None, DeliveryError | None]:
    destination, tries = door.destination, count(1)

    def attempt() -> Receipt:
        is_first = next(tries) == 1
        found = None if plan.is_new and is_first else destination.find(message)
        return found or destination.send(message)

    def may_help(error: DeliveryError) -> bool:
        is_blind = error.is_unknown and destination.when_unknown != "again"
        return error.fault == "passing" and not is_blind

    try:
        receipt = Patience(door.entry.tries, MAX_WAIT_S, clock).call(attempt, may_help)
        return receipt.cleaned(destination.secrets), None
    except DeliveryError as error:
        return None, error


def _find_cut_off(door: _Door, plan: Plan) -> DeliveryError | None:
    """Why a message whose last attempt was cut off is not tried again."""
    if plan.begun_at is None:
        return None
    if door.destination.when_unknown == "stop":
        said = f"an attempt of {plan.begun_at:%Y-%m-%d %H:%M} UTC was cut off"
        return DeliveryError(said, "message", is_unknown=True)
    if plan.n_attempts >= door.entry.max_attempts:
        return DeliveryError(f"{plan.n_attempts} attempts were cut off", "message", is_unknown=True)
    return None


def _record_failure(
    work: _Work, connection: Connection, door: _Door, plan: Plan, error: DeliveryError
) -> None:
    n_attempts = plan.n_attempts + 1
    is_blind = error.is_unknown and door.destination.when_unknown == "stop"
    is_dead = error.fault == "message" or is_blind or n_attempts >= door.entry.max_attempts
    pause_s = choose_pause(n_attempts, error.retry_after_s, work.clock)
    next_at = None if is_dead else work.clock.now() + timedelta(seconds=pause_s)
    reason = redact(error.reason, door.destination.secrets)
    if is_blind:
        reason += "; it may have arrived: look, and put it back with earful actions retry if not"
    record_failure(
        connection, plan.action_ids, reason, next_at=next_at, is_unknown=error.is_unknown
    )
    state: State = "failed" if is_dead else "later"
    _note(work, door, plan, state, reason=reason, next_attempt_at=next_at)


def _note(work: _Work, door: _Door, plan: Plan, state: State, **told: Any) -> None:
    n_actions = len(plan.action_ids)
    outcome = Outcome(door.entry.name, plan.message_id, n_actions, state, **told)
    work.done.outcomes.append(outcome)


class _Pace:
    """So many messages in any minute."""

    def __init__(self, max_per_minute: int, clock: Clock) -> None:
        self.sent: deque[datetime] = deque()
        self._n, self._clock = max_per_minute, clock

    def wait(self) -> None:
        """Wait until the next one may go."""
        if len(self.sent) < self._n:
            return
        free_at = self.sent[-self._n] + timedelta(minutes=1)
        wait_s = (free_at - self._clock.now()).total_seconds()
        if wait_s > 0:
            self._clock.sleep(wait_s)
