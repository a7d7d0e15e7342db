"""What goes to a destination at once: one action, or those of one group."""

import hashlib
import unicodedata
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any, Protocol

from pipelines.delivery.failures import redact
from pipelines.delivery.settings import WhenUnknown

_MAX_REFERENCE = 1_000
Fact = int | float | str


@dataclass(frozen=True)
class Quote:
    """Words of a customer: masked, verbatim, and allowed to be shown."""

    text: str
    lang: str | None
    at: datetime | None


@dataclass(frozen=True)
class Item:
    """One action as it is told."""

    action_id: str
    kind: str
    rule: str
    title: str
    reason: str
    created_at: datetime
    facts: Mapping[str, Fact]
    customer_id: str | None = None
    segment: str | None = None
    theme_id: str | None = None
    theme: str | None = None
    quotes: tuple[Quote, ...] = ()


@dataclass(frozen=True)
class Message:
    """Actions that are told together.

    :param message_id: the same in every attempt: by it a receiver knows a message again.
    """

    message_id: str
    items: tuple[Item, ...]

    @property
    def title(self) -> str:
        """One line."""
        first = one_line(self.items[0].title)
        n_more = len(self.items) - 1
        return f"{first} (and {n_more} more)" if n_more else first

    @property
    def created_at(self) -> datetime:
        """When the first of them was raised."""
        return min(item.created_at for item in self.items)


@dataclass(frozen=True)
class Receipt:
    """What came of a message that was taken.

    :param reference: what the destination calls it.
    :param note: what was not as it should be.
    """

    reference: str | None = None
    note: str | None = None

    def cleaned(self, secrets: frozenset[str]) -> "Receipt":
        """The same without what must not be kept or shown: answers are of others."""
        reference = cut_text(one_line(redact(self.reference or "", secrets)), _MAX_REFERENCE)
        return Receipt(reference or None, self.note)


class Destination(Protocol):
    """Where messages go. One kind is one class with its model of the configuration.

    :ivar max_items: actions that fit into one message.
    :ivar takes_all: whether actions of all groups go together.
    :ivar leaves_files: whether a receipt names a file, which an erasure has to reach.
    :ivar secrets: what must never be shown, once it is open.
    """

    max_items: int
    takes_all: bool
    leaves_files: bool
    when_unknown: WhenUnknown
    secrets: frozenset[str]

    def open(self) -> None:
        """Read the secrets.

        :raises ConfigError: for a variable that is not set.
        """

    def render(self, message: Message) -> Any:
        """What would be sent, as JSON knows it; needs no secret."""

    def send(self, message: Message) -> Receipt:
        """Send it.

        :raises DeliveryError: when it was not taken.
        """

    def find(self, message: Message) -> Receipt | None:
        """What the receiver has of an earlier attempt; None where it has nothing or cannot tell.

        :raises DeliveryError: when it does not answer.
        """


def make_message_id(destination: str, keys: Sequence[str], created_at: datetime) -> str:
    """An id that the same actions to the same destination always get.

    :param keys: idempotency keys of the actions, in any order.
    """
    digest = hashlib.sha256("\0".join([destination, *sorted(keys)]).encode()).hexdigest()
    return f"earful-{created_at:%Y%m%dT%H%M%S}-{digest[:20]}"


def make_test_message(now: datetime) -> Message:
    """A message that says that it is a test; of nobody, and each time another one."""
    item = Item(
        action_id="test",
        kind="test",
        rule="test",
        title="Test message of earful",
        reason="Somebody asked whether this destination takes messages: earful actions test",
        created_at=now,
        facts={"letters": "שלום, مرحبا, سلام", "number": 1},
    )
    return Message(make_message_id("test", [now.isoformat()], now), (item,))


def list_facts(item: Item) -> list[tuple[str, str]]:
    """What is known of an action, as labels and values."""
    customer = item.customer_id
    if customer and item.segment:
        customer = f"{customer} ({item.segment})"
    told = [("Customer", customer), ("Theme", item.theme)]
    told += [(name.replace("_", " "), show_fact(value)) for name, value in item.facts.items()]
    told += [("Raised", f"{item.created_at.astimezone(UTC):%Y-%m-%d %H:%M} UTC by {item.rule}")]
    return [(one_line(name), one_line(value)) for name, value in told if value]


def show_fact(value: Fact) -> str:
    """A figure with at most four decimals, and with separators; a text as it is."""
    if isinstance(value, bool) or not isinstance(value, int | float):
        return str(value)
    return f"{value:,}" if isinstance(value, int) else f"{value:,.4f}".rstrip("0").rstrip(".")


def one_line(text: str) -> str:
    """A text for a line of its own: white space made single, no controls, no bidi overrides."""
    return "".join(sign for sign in " ".join(text.split()) if not _is_unsafe(sign))


def cut_text(text: str, limit: int) -> str:
    """At most so many characters, with an ellipsis where something was cut off."""
    return text if len(text) <= limit else f"{text[: limit - 1]}…"


def _is_unsafe(sign: str) -> bool:
    """A control, or what rearranges the signs around it (Unicode Standard Annex 9)."""
    rearranges = "\u202a" <= sign <= "\u202e" or "\u2066" <= sign <= "\u2069"
    return rearranges or unicodedata.category(sign) == "Cc"
