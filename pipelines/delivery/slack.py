"""Incoming webhooks of Slack, and of those that understand the same (Mattermost, Rocket.Chat)."""

from pathlib import Path
from typing import Any, Final, Literal

from pipelines.clock import Clock
from pipelines.delivery.answers import Answer, check_answer, tell_codes
from pipelines.delivery.failures import DeliveryError
from pipelines.delivery.messages import Item, Message, Receipt, cut_text, list_facts, one_line
from pipelines.delivery.settings import HttpConfig, WhenUnknown, split_address
from pipelines.delivery.wire import Wire
from pipelines.environment import SecretName

# Block Kit, "Blocks": characters of a header and of a section, and blocks of a message.
_MAX_HEADER: Final = 150
_MAX_SECTION: Final = 3_000
_MAX_BLOCKS: Final = 50
# What is wrong with the message, whatever the status is that comes with it.
_OF_MESSAGE: Final = ("invalid_payload", "invalid_blocks", "no_text", "missing_text")


class SlackConfig(HttpConfig):
    """A channel.

    :param url: all of it is the secret.
    :param when_unknown: where nobody knows whether a message arrived: send it again, and perhaps
        twice, or stop and leave it to people.
    """

    kind: Literal["slack"]
    url: SecretName
    when_unknown: Literal["again", "stop"] = "again"

    def connect(self, folder: Path, clock: Clock) -> "Slack":
        """Make the destination."""
        return Slack(self, folder, clock)


class Slack:
    """There is no key by which a copy would be known; its id stands below each message."""

    max_items = 10
    takes_all = False
    leaves_files = False

    def __init__(self, config: SlackConfig, folder: Path, clock: Clock) -> None:
        self.secrets: frozenset[str] = frozenset()
        self.when_unknown: WhenUnknown = config.when_unknown
        self._config, self._folder, self._clock = config, folder, clock

    def open(self) -> None:
        """Read the address."""
        config = self._config
        address = config.read_address(config.url)
        ca_file = config.find_ca_file(self._folder)
        self._wire = Wire(address, {}, config.timeout_s, ca_file, config.networks)
        self.secrets = split_address(address)

    def render(self, message: Message) -> dict[str, Any]:
        """Blocks, and the text of the notification."""
        blocks = [block for item in message.items for block in _make_blocks(item)]
        # What is too much goes; the id stays.
        blocks = blocks[: _MAX_BLOCKS - 1]
        blocks.append(
            {"type": "context", "elements": [{"type": "plain_text", "text": message.message_id}]}
        )
        return {"text": escape(cut_text(message.title, _MAX_HEADER)), "blocks": blocks}

    def send(self, message: Message) -> Receipt:
        """Send it; Slack answers "ok"."""
        answer = self._wire.post("", self.render(message))
        _check_body(answer)
        check_answer(answer, self._clock.now())
        return Receipt()

    def find(self, message: Message) -> Receipt | None:
        """Nobody can be asked."""
        return None


def escape(text: str) -> str:
    """A text that means nothing to Slack: no link, no @channel ("Formatting text", escaping)."""
    return text.replace("&", "&amp;").replace("<", "&lt;").replace(">", "&gt;")


def _make_blocks(item: Item) -> list[dict[str, Any]]:
    title = cut_text(one_line(item.title), _MAX_HEADER)
    header = {"type": "header", "text": {"type": "plain_text", "text": title, "emoji": False}}
    quotes = [
        # Plain text: words of people are neither set in bold nor made links.
        _section("plain_text", cut_text(said.text, _MAX_SECTION))
        for said in item.quotes
    ]
    return [header, _section("mrkdwn", _make_lines(item)), *quotes]


def _make_lines(item: Item) -> str:
    """The reason and what is known, whole lines only: nothing is cut within an escape."""
    # Escaped, a character is up to five.
    text = escape(cut_text(item.reason, _MAX_SECTION // 6))
    for name, value in list_facts(item):
        line = f"\n*{escape(name)}:* {escape(cut_text(value, _MAX_SECTION // 6))}"
        text += line if len(text) + len(line) <= _MAX_SECTION else ""
    return text


def _section(kind: str, text: str) -> dict[str, Any]:
    return {"type": "section", "text": {"type": kind, "text": text}}


def _check_body(answer: Answer) -> None:
    """Some answer 200 with a code, or with the page of a proxy, in the place of "ok"."""
    codes = tell_codes(answer)
    if any(code in codes for code in _OF_MESSAGE):
        raise DeliveryError(f"answered {answer.status}{codes}", "message")
    is_good = answer.value is not None or answer.text.lower() in ("ok", "")
    if 200 <= answer.status < 300 and not is_good:
        raise DeliveryError(f"answered {answer.status}{codes} in the place of ok", "destination")
