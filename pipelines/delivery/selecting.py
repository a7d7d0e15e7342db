"""Which destinations of the configuration are meant, and what would go to them."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from sqlalchemy import Connection

from pipelines.actions.suppressed import find_refused
from pipelines.clock import Clock
from pipelines.delivery.failures import DeliveryError, redact
from pipelines.delivery.kinds import AnyDestination
from pipelines.delivery.messages import Destination, Receipt, make_test_message
from pipelines.delivery.outbox import count_waiting, plan_messages
from pipelines.delivery.telling import read_message
from pipelines.errors import ConfigError, EarfulError


@dataclass(frozen=True)
class Wanted:
    """What is to be delivered.

    :param names: of destinations; empty for all.
    :param limit: messages at most.
    """

    names: tuple[str, ...] = ()
    limit: int | None = None

    def choose(
        self, entries: Sequence[AnyDestination], waiting: Mapping[str, int]
    ) -> list[AnyDestination]:
        """The destinations that are meant and have something waiting, as they are configured.

        :raises ConfigError: for a name that is none.
        """
        known = [entry.name for entry in entries]
        for name in self.names:
            check_name(name, known)
        chosen = [entry for entry in entries if not self.names or entry.name in self.names]
        return [entry for entry in chosen if waiting.get(entry.name)]

    def find_lost(
        self, entries: Sequence[AnyDestination], waiting: Mapping[str, int]
    ) -> dict[str, int]:
        """Actions that are due for destinations that the configuration does not have."""
        known = {entry.name for entry in entries}
        if self.names:
            return {}
        return {name: n for name, n in waiting.items() if name not in known}


def check_name(name: str, known: Sequence[str]) -> None:
    """Refuse a name that no destination has.

    :raises ConfigError: naming those that there are.
    """
    if name not in known:
        there = ", ".join(known) or "none; see [[destinations]] in configs/default.toml"
        raise ConfigError(f"the configuration has no destination {name} (it has: {there})")


@dataclass
class Rehearsal:
    """What would be sent, and how many actions would not be."""

    messages: list[dict[str, Any]] = field(default_factory=list)
    n_suppressed: int = 0
    lost: dict[str, int] = field(default_factory=dict)


def rehearse(
    connection: Connection,
    entries: Sequence[AnyDestination],
    folder: Path,
    wanted: Wanted,
) -> Rehearsal:
    """Say what would be sent now; nothing is asked, and no secret is read."""
    now = datetime.now(UTC)
    waiting = count_waiting(connection, now)
    found = Rehearsal(lost=wanted.find_lost(entries, waiting))
    for entry in wanted.choose(entries, waiting):
        destination: Destination = entry.connect(folder, Clock())
        for plan in plan_messages(connection, entry.name, destination, now):
            if wanted.limit is not None and len(found.messages) >= wanted.limit:
                break
            refused = find_refused(connection, plan.action_ids, now)
            found.n_suppressed += len(refused)
            ids = [action_id for action_id in plan.action_ids if action_id not in refused]
            if ids:
                message = read_message(connection, plan.message_id, ids, entry.max_quotes)
                head = {"destination": entry.name, "kind": entry.kind}
                sent = {"actions": ids, "content": destination.render(message)}
                found.messages.append({**head, "message_id": plan.message_id, **sent})
    return found


def send_test(
    entries: Sequence[AnyDestination], name: str, folder: Path, clock: Clock | None = None
) -> Receipt:
    """Send a message that says that it is a test: one try.

    :raises ConfigError: for a name that is none, and a secret that is not set.
    :raises EarfulError: when it was not taken.
    """
    check_name(name, [entry.name for entry in entries])
    clock = clock or Clock()
    entry = next(entry for entry in entries if entry.name == name)
    destination: Destination = entry.connect(folder, clock)
    destination.open()
    try:
        receipt = destination.send(make_test_message(clock.now()))
        return receipt.cleaned(destination.secrets)
    except DeliveryError as error:
        said = redact(error.reason, destination.secrets)
    raise EarfulError(f"{entry.what} {said}; nothing else was sent")
