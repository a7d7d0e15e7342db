"""Tickets of Zendesk, by its Ticketing API 2."""

import base64
from pathlib import Path
from typing import Annotated, Any, Final, Literal

from pydantic import Field

from pipelines.clock import Clock
from pipelines.delivery.answers import check_answer, check_made, tell_codes
from pipelines.delivery.failures import DeliveryError
from pipelines.delivery.messages import Message, Receipt, cut_text
from pipelines.delivery.plain import write_text
from pipelines.delivery.settings import HttpConfig, WhenUnknown
from pipelines.delivery.wire import Wire
from pipelines.environment import SecretName

_MAX_SUBJECT: Final = 150
# A key that came back with another text: the first one was taken.
_USED_KEY: Final = "IdempotentRequestError"


class ZendeskConfig(HttpConfig):
    """A help desk.

    :param url: https://acme.zendesk.com.
    :param user: the e-mail of an agent, whose API token it is.
    :param fields: further properties of each ticket, as the API takes them.
    """

    kind: Literal["zendesk"]
    url: str
    user: Annotated[str, Field(min_length=1)]
    token: SecretName
    tags: tuple[Annotated[str, Field(pattern=r"^\S{1,80}$")], ...] = ("earful",)
    fields: Annotated[dict[str, Any], Field(default_factory=dict)]

    def connect(self, folder: Path, clock: Clock) -> "Zendesk":
        """Make the destination."""
        return Zendesk(self, folder, clock)


class Zendesk:
    """The idempotency key holds for two hours, ``external_id`` for ever: both are the id."""

    max_items = 20
    takes_all = False
    leaves_files = False
    when_unknown: WhenUnknown = "again"

    def __init__(self, config: ZendeskConfig, folder: Path, clock: Clock) -> None:
        self.secrets: frozenset[str] = frozenset()
        self._config, self._folder, self._clock = config, folder, clock

    def open(self) -> None:
        """Read the token."""
        config = self._config
        token = config.read_secret(config.token)
        login = base64.b64encode(f"{config.user}/token:{token}".encode()).decode()
        headers = {"authorization": f"Basic {login}", "accept": "application/json"}
        ca_file = config.find_ca_file(self._folder)
        address = config.read_address(config.url)
        self._wire = Wire(address, headers, config.timeout_s, ca_file, config.networks)
        self.secrets = frozenset([token, login])

    def render(self, message: Message) -> dict[str, Any]:
        """The ticket; its first comment is for agents only."""
        ticket = {
            **self._config.fields,
            "subject": cut_text(message.title, _MAX_SUBJECT),
            "comment": {"body": write_text(message), "public": False},
            "external_id": message.message_id,
            "tags": list(self._config.tags),
        }
        return {"ticket": ticket}

    def send(self, message: Message) -> Receipt:
        """Create the ticket; its number is the reference."""
        headers = {"idempotency-key": message.message_id}
        answer = self._wire.post("/api/v2/tickets.json", self.render(message), headers)
        if answer.status == 400 and _USED_KEY in tell_codes(answer):
            found = self.find(message)
            if found:
                return found
        check_answer(answer, self._clock.now())
        value = answer.value
        number = _read_number(value.get("ticket") if isinstance(value, dict) else None)
        return Receipt(check_made(answer, number, "ticket"))

    def find(self, message: Message) -> Receipt | None:
        """Ask for the ticket with the message's id."""
        answer = self._wire.get("/api/v2/tickets.json", {"external_id": message.message_id})
        check_answer(answer, self._clock.now())
        value = answer.value
        tickets = value.get("tickets") if isinstance(value, dict) else None
        if not isinstance(tickets, list):
            raise DeliveryError("answered a search with no list of tickets", "later")
        return Receipt(_read_number(tickets[0])) if tickets else None


def _read_number(ticket: Any) -> str | None:
    number = ticket.get("id") if isinstance(ticket, dict) else None
    return None if number is None else str(number)
