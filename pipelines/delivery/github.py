"""Issues of GitHub, by its REST API of 2022-11-28."""

import re
from datetime import UTC, timedelta
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

API_VERSION: Final = "2022-11-28"
_MAX_TITLE: Final = 250
_MAX_BODY: Final = 65_000
_PAGE: Final = 100
_MAX_PAGES: Final = 20
# Clocks differ; the list is asked for from a little earlier on.
_MARGIN: Final = timedelta(hours=1)
# What Markdown reads as something else than itself (CommonMark 0.31, "Backslash escapes").
_MARKS: Final = re.compile(r"([\\`*_{}\[\]()#+!|<>~-])")


class GithubConfig(HttpConfig):
    """A repository: owner/name."""

    kind: Literal["github"]
    url: str = "https://api.github.com"
    token: SecretName
    repository: Annotated[str, Field(pattern=r"^[A-Za-z0-9-]+/[A-Za-z0-9._-]+$")]
    labels: tuple[str, ...] = ()
    assignees: tuple[str, ...] = ()

    def connect(self, folder: Path, clock: Clock) -> "Github":
        """Make the destination."""
        return Github(self, folder, clock)


class Github:
    """There is no key by which a copy would be known: the id is a comment that nobody sees."""

    max_items = 20
    takes_all = False
    leaves_files = False
    when_unknown: WhenUnknown = "look"

    def __init__(self, config: GithubConfig, folder: Path, clock: Clock) -> None:
        self.secrets: frozenset[str] = frozenset()
        self._config, self._folder, self._clock = config, folder, clock
        self._path = f"/repos/{config.repository}/issues"

    def open(self) -> None:
        """Read the token."""
        config = self._config
        token = config.read_secret(config.token)
        headers = {
            "authorization": f"Bearer {token}",
            "accept": "application/vnd.github+json",
            "x-github-api-version": API_VERSION,
        }
        ca_file = config.find_ca_file(self._folder)
        address = config.read_address(config.url)
        self._wire = Wire(address, headers, config.timeout_s, ca_file, config.networks)
        self.secrets = frozenset([token])

    def render(self, message: Message) -> dict[str, Any]:
        """The issue."""
        body = "\n\n".join(_write_item(item) for item in message.items)
        return {
            "title": cut_text(message.title, _MAX_TITLE),
            "body": f"{_mark(message)}\n{cut_text(body, _MAX_BODY)}",
            "labels": list(self._config.labels),
            "assignees": list(self._config.assignees),
        }

    def send(self, message: Message) -> Receipt:
        """Create the issue; its address is the reference."""
        answer = self._wire.post(self._path, self.render(message))
        check_answer(answer, self._clock.now())
        return Receipt(check_made(answer, _read_address(answer.value), "issue"))

    def find(self, message: Message) -> Receipt | None:
        """Look for the mark in the issues since then.

        They are listed, not searched: the search shows new issues only after a while.
        """
        since = f"{(message.created_at - _MARGIN).astimezone(UTC):%Y-%m-%dT%H:%M:%SZ}"
        asked = {"state": "all", "since": since, "per_page": str(_PAGE)}
        asked |= {"sort": "created", "direction": "asc"}
        for page in range(1, _MAX_PAGES + 1):
            answer = self._wire.get(self._path, {**asked, "page": str(page)})
            check_answer(answer, self._clock.now())
            issues = answer.value
            if not isinstance(issues, list):
                raise DeliveryError("answered with no list of issues", "later")
            for issue in issues:
                if isinstance(issue, dict) and _mark(message) in (issue.get("body") or ""):
                    return Receipt(_read_address(issue))
            if len(issues) < _PAGE:
                return None
        raise DeliveryError(f"has more than {_PAGE * _MAX_PAGES:,} issues to look through", "later")


def escape(text: str) -> str:
    """A text that Markdown shows as it is, and that calls nobody (@name) and nothing (#1)."""
    return _MARKS.sub(r"\\\1", text).replace("@", "@\u200b").replace("\\#", "\\#\u200b")


def _write_item(item: Item) -> str:
    facts = "\n".join(f"* {escape(name)}: {escape(value)}" for name, value in list_facts(item))
    quotes = [_fence(said.text) for said in item.quotes]
    parts = [f"### {escape(one_line(item.title))}", escape(item.reason), facts, *quotes]
    return "\n\n".join(parts)


def _fence(text: str) -> str:
    """Words as they are: in a block of code nothing is markup, and nobody is called."""
    longest = max((len(run) for run in re.findall("`+", text)), default=0)
    fence = "`" * max(3, longest + 1)
    return f"{fence}text\n{text}\n{fence}"


def _mark(message: Message) -> str:
    return f"<!-- {message.message_id} -->"


def _read_address(issue: Any) -> str | None:
    address = issue.get("html_url") if isinstance(issue, dict) else None
    return address if isinstance(address, str) else None
