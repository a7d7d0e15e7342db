"""Issues of Jira Cloud, by its REST API 3."""

import base64
from pathlib import Path
from typing import Annotated, Any, Final, Literal

from pydantic import Field

from pipelines.clock import Clock
from pipelines.delivery.answers import check_answer, check_made
from pipelines.delivery.failures import DeliveryError
from pipelines.delivery.messages import Item, Message, Receipt, cut_text, list_facts, one_line
from pipelines.delivery.settings import HttpConfig, WhenUnknown
from pipelines.delivery.wire import Wire
from pipelines.environment import SecretName

_MAX_SUMMARY: Final = 255
# A description holds 32,767 characters; what is left out first are quotes.
_MAX_QUOTED: Final = 20_000
_LABEL: Final = "earful"


class JiraConfig(HttpConfig):
    """A project.

    :param url: of the site: https://acme.atlassian.net.
    :param fields: further fields of each issue, as the API takes them.
    """

    kind: Literal["jira"]
    url: str
    user: Annotated[str, Field(min_length=1)]
    token: SecretName
    project: Annotated[str, Field(pattern="^[A-Z][A-Z0-9_]{1,20}$")]
    issue_type: Annotated[str, Field(min_length=1)] = "Task"
    labels: tuple[Annotated[str, Field(pattern=r"^\S{1,100}$")], ...] = ()
    fields: Annotated[dict[str, Any], Field(default_factory=dict)]

    def connect(self, folder: Path, clock: Clock) -> "Jira":
        """Make the destination."""
        return Jira(self, folder, clock)


class Jira:
    """There is no key by which a copy would be known: the id is a label, which is searched."""

    max_items = 20
    takes_all = False
    leaves_files = False
    # What was just made is not found at once ("Recent updates might not be immediately visible").
    when_unknown: WhenUnknown = "look"

    def __init__(self, config: JiraConfig, folder: Path, clock: Clock) -> None:
        self.secrets: frozenset[str] = frozenset()
        self._config, self._folder, self._clock = config, folder, clock

    def open(self) -> None:
        """Read the token."""
        config = self._config
        token = config.read_secret(config.token)
        login = base64.b64encode(f"{config.user}:{token}".encode()).decode()
        headers = {"authorization": f"Basic {login}", "accept": "application/json"}
        ca_file = config.find_ca_file(self._folder)
        address = config.read_address(config.url)
        self._wire = Wire(address, headers, config.timeout_s, ca_file, config.networks)
        self.secrets = frozenset([token, login])

    def render(self, message: Message) -> dict[str, Any]:
        """The issue."""
        config = self._config
        fields = {
            **config.fields,
            "project": {"key": config.project},
            "issuetype": {"name": config.issue_type},
            "summary": cut_text(message.title, _MAX_SUMMARY),
            "description": write_document(message),
            "labels": [_LABEL, message.message_id, *config.labels],
        }
        return {"fields": fields}

    def send(self, message: Message) -> Receipt:
        """Create the issue; its key is the reference."""
        answer = self._wire.post("/rest/api/3/issue", self.render(message))
        check_answer(answer, self._clock.now())
        return Receipt(check_made(answer, _read_key(answer.value), "issue"))

    def find(self, message: Message) -> Receipt | None:
        """Search for the issue with the message's label."""
        jql = f'labels = "{message.message_id}" ORDER BY created ASC'
        asked = {"jql": jql, "fields": "key", "maxResults": "1"}
        answer = self._wire.get("/rest/api/3/search/jql", asked)
        check_answer(answer, self._clock.now())
        value = answer.value
        if not isinstance(value, dict) or not isinstance(value.get("issues"), list):
            raise DeliveryError("answered a search with no list of issues", "later")
        return Receipt(_read_key(value["issues"][0])) if value["issues"] else None


def write_document(message: Message) -> dict[str, Any]:
    """The description in the Atlassian Document Format, where a text is never markup."""
    nodes, n_quoted = [], 0
    for item in message.items:
        nodes += _write_item(item)
        for said in item.quotes:
            n_quoted += len(said.text)
            if n_quoted <= _MAX_QUOTED:
                nodes.append({"type": "blockquote", "content": [_paragraph(said.text)]})
    nodes.append(_paragraph(message.message_id))
    return {"type": "doc", "version": 1, "content": nodes}


def _write_item(item: Item) -> list[dict[str, Any]]:
    facts = [
        {"type": "listItem", "content": [_paragraph(f"{name}: {value}")]}
        for name, value in list_facts(item)
    ]
    return [
        {
            "type": "heading",
            "attrs": {"level": 3},
            "content": [_text(one_line(item.title) or item.rule)],
        },
        *([_paragraph(item.reason)] if item.reason else []),
        {"type": "bulletList", "content": facts},
    ]


def _paragraph(text: str) -> dict[str, Any]:
    return {"type": "paragraph", "content": [_text(text)] if text else []}


def _text(text: str) -> dict[str, Any]:
    return {"type": "text", "text": text}


def _read_key(value: Any) -> str | None:
    key = value.get("key") if isinstance(value, dict) else None
    return key if isinstance(key, str) else None
