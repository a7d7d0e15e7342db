"""Destinations of every kind, each with its receiver on this machine."""

from collections.abc import Callable, Iterator
from contextlib import ExitStack
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest

from pipelines.delivery.delivering import Delivered, deliver_actions
from pipelines.delivery.selecting import Wanted
from pipelines.store import Store
from tests.pipelines.delivery import services
from tests.pipelines.delivery.http_server import Server, serve
from tests.pipelines.delivery.outbox_store import FakeClock, make_job, open_outbox
from tests.pipelines.delivery.smtp_server import MailServer, make_certificate, serve_mail

SECRET = "whsec_Y2FuYXJ5LXNlY3JldC1vZi10aGUtd2ViaG9vay0x"
OLD_SECRET = "whsec_Y2FuYXJ5LXNlY3JldC1vZi10aGUtd2ViaG9vay0w"
VARIABLES = {
    "HOOK_SECRET": SECRET,
    "OLD_SECRET": OLD_SECRET,
    "TOKEN": services.TOKEN,
}
HTTP_KINDS = ("webhook", "slack", "jira", "zendesk", "github")
KINDS = (*HTTP_KINDS, "email", "csv")


@dataclass
class Place:
    """A destination: its entry in the configuration, and who is behind it."""

    entry: dict[str, Any]
    service: Any
    server: Server | None = None
    mail: MailServer | None = None
    settle: Callable[[], object] = field(default=lambda: None)

    @property
    def taken(self) -> list[str]:
        return list(self.service.taken)


class CsvFolder:
    """The files that lie in a folder."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder

    @property
    def taken(self) -> list[str]:
        return [services.ID.findall(path.name)[0] for path in sorted(self.folder.glob("*"))]


# Where the servers of the tests are.
HERE = ["127.0.0.0/8"]


@pytest.fixture(scope="session")
def certificate(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return make_certificate(tmp_path_factory.mktemp("certificate"))


@pytest.fixture(autouse=True)
def variables(monkeypatch: pytest.MonkeyPatch) -> None:
    for name, value in VARIABLES.items():
        monkeypatch.setenv(name, value)
    monkeypatch.setenv("NO_PROXY", "127.0.0.1")


@pytest.fixture
def open_place(
    tmp_path: Path, certificate: Path, monkeypatch: pytest.MonkeyPatch
) -> Iterator[Callable[..., Place]]:
    with ExitStack() as stack:

        def make(kind: str, **settings: Any) -> Place:
            place = _make_place(kind, tmp_path, certificate, stack)
            if kind == "slack":
                monkeypatch.setenv("SLACK_URL", place.entry["url"])
                place.entry["url"] = "${SLACK_URL}"
            place.entry |= {"name": kind, "kind": kind, "max_per_minute": 600} | settings
            return place

        yield make


def _make_place(kind: str, folder: Path, certificate: Path, stack: ExitStack) -> Place:
    if kind == "csv":
        return Place({"folder": "drop"}, CsvFolder(folder / "drop"))
    if kind == "email":
        mail, port = stack.enter_context(serve_mail(certificate))
        login = {"username": services.USER, "password": "${TOKEN}", "ca_file": str(certificate)}
        boxes = {"sender": "earful@acme.example", "to": ["care@acme.example"]}
        entry = {"host": "127.0.0.1", "networks": HERE, "port": port, **login, **boxes}
        return Place(entry, mail, mail=mail)
    makers: dict[str, Callable[[], Any]] = {
        "webhook": lambda: services.WebhookService(SECRET),
        "slack": services.SlackService,
        "jira": services.JiraService,
        "zendesk": services.ZendeskService,
        "github": services.GithubService,
    }
    entries: dict[str, dict[str, Any]] = {
        "webhook": {"secrets": ["${HOOK_SECRET}"]},
        "slack": {},
        "jira": {"user": services.USER, "token": "${TOKEN}", "project": "CX"},
        "zendesk": {"user": services.USER, "token": "${TOKEN}"},
        "github": {"token": "${TOKEN}", "repository": "acme/care"},
    }
    service = makers[kind]()
    server, address = stack.enter_context(serve(service))
    path = f"/services/T0/B0/{services.TOKEN}" if kind == "slack" else ""
    settle = getattr(service, "index", None) or getattr(service, "forget_keys", None)
    place = Place({"url": address + path, "networks": HERE, **entries[kind]}, service, server)
    place.settle = settle or place.settle
    return place


@pytest.fixture
def outbox(sqlite_url: str) -> Iterator[Store]:
    store = open_outbox(sqlite_url)
    yield store
    store.engine.dispose()


@pytest.fixture
def clock() -> FakeClock:
    return FakeClock()


@pytest.fixture
def deliver(outbox: Store, tmp_path: Path, clock: FakeClock) -> Callable[..., Delivered]:
    def run(*places: Place, wanted: Wanted | None = None) -> Delivered:
        job = make_job(outbox, tmp_path, *(place.entry for place in places))
        return deliver_actions(job, tmp_path, wanted or Wanted(), clock)

    return run
