"""Webhooks: CloudEvents 1.0 in JSON, signed as Standard Webhooks says."""

import base64
import binascii
import hashlib
import hmac
from collections.abc import Sequence
from pathlib import Path
from typing import Annotated, Any, Final, Literal

from pydantic import Field

from pipelines.clock import Clock
from pipelines.delivery.answers import check_answer
from pipelines.delivery.failures import DeliveryError
from pipelines.delivery.messages import Item, Message, Receipt
from pipelines.delivery.settings import HttpConfig, WhenUnknown, split_address
from pipelines.delivery.wire import Wire, encode_json
from pipelines.environment import SecretName
from pipelines.errors import ConfigError

EVENT_TYPE: Final = "earful.action.raised"
_MIN_KEY_BYTES: Final = 24
_MAX_KEY_BYTES: Final = 64


class WebhookConfig(HttpConfig):
    """A receiver of webhooks.

    :param secrets: the one in use, and while it is changed the one before.
    """

    kind: Literal["webhook"]
    url: str
    secrets: Annotated[tuple[SecretName, ...], Field(min_length=1, max_length=4)]
    authorization: SecretName | None = None
    source: Annotated[str, Field(min_length=1, max_length=200)] = "urn:earful"

    def connect(self, folder: Path, clock: Clock) -> "Webhook":
        """Make the destination."""
        return Webhook(self, folder, clock)


class Webhook:
    """The receiver tells copies by ``webhook-id``, which is the event's id too."""

    max_items = 20
    takes_all = False
    leaves_files = False
    when_unknown: WhenUnknown = "again"

    def __init__(self, config: WebhookConfig, folder: Path, clock: Clock) -> None:
        self.secrets: frozenset[str] = frozenset()
        self._config, self._folder, self._clock = config, folder, clock

    def open(self) -> None:
        """Read the keys."""
        config = self._config
        given = [config.read_secret(name) for name in config.secrets]
        self._keys = [_decode_key(text, config.what) for text in given]
        headers = {}
        if config.authorization:
            headers["authorization"] = config.read_secret(config.authorization)
        ca_file = config.find_ca_file(self._folder)
        address = config.read_address(config.url)
        self._wire = Wire(address, headers, config.timeout_s, ca_file, config.networks)
        self.secrets = frozenset([*given, *headers.values()]) | split_address(address)

    def render(self, message: Message) -> dict[str, Any]:
        """The event, in the structured mode."""
        return {
            "specversion": "1.0",
            "id": message.message_id,
            "source": self._config.source,
            "type": EVENT_TYPE,
            "time": message.created_at.isoformat().replace("+00:00", "Z"),
            "datacontenttype": "application/json",
            "data": {"actions": [_describe_item(item) for item in message.items]},
        }

    def send(self, message: Message) -> Receipt:
        """Send the event, signed anew."""
        body = encode_json(self.render(message))
        now = self._clock.now()
        at = int(now.timestamp())
        headers = {
            "content-type": "application/cloudevents+json; charset=utf-8",
            "webhook-id": message.message_id,
            "webhook-timestamp": str(at),
            "webhook-signature": sign(self._keys, message.message_id, at, body),
        }
        answer = self._wire.send("POST", "", body, headers)
        check_answer(answer, now)
        if answer.is_page:
            said = f"answered {answer.status} with a page of HTML, as a proxy or a login does"
            raise DeliveryError(said, "destination", is_unknown=True)
        return Receipt()

    def find(self, message: Message) -> Receipt | None:
        """Nobody can be asked."""
        return None


def sign(keys: Sequence[bytes], message_id: str, at: int, body: bytes) -> str:
    """The signatures of a body, one by each key (Standard Webhooks 1.0.0, "Signature scheme").

    :param at: seconds since 1970.
    """
    content = b".".join([message_id.encode(), str(at).encode(), body])
    digests = [hmac.digest(key, content, hashlib.sha256) for key in keys]
    return " ".join(f"v1,{base64.b64encode(digest).decode()}" for digest in digests)


def _decode_key(text: str, what: str) -> bytes:
    try:
        key = base64.b64decode(text.removeprefix("whsec_"), validate=True)
    except binascii.Error:
        key = b""
    if not _MIN_KEY_BYTES <= len(key) <= _MAX_KEY_BYTES:
        raise ConfigError(
            f"{what}: a variable of its secrets does not hold whsec_ and {_MIN_KEY_BYTES} to "
            f"{_MAX_KEY_BYTES} bytes in base64; make one with: "
            "echo whsec_$(openssl rand -base64 32)"
        )
    return key


def _describe_item(item: Item) -> dict[str, Any]:
    return {
        "action_id": item.action_id,
        "kind": item.kind,
        "rule": item.rule,
        "title": item.title,
        "reason": item.reason,
        "created_at": item.created_at.isoformat(),
        "customer": item.customer_id and {"id": item.customer_id, "segment": item.segment},
        "theme": item.theme_id and {"id": item.theme_id, "name": item.theme},
        "facts": dict(item.facts),
        "quotes": [
            {"text": said.text, "lang": said.lang, "at": said.at and said.at.isoformat()}
            for said in item.quotes
        ],
    }
