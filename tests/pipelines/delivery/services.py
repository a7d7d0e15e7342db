"""What the services do, as far as their published APIs say it and a delivery uses it.

Each knows who asks, refuses what it would refuse, and keeps what it took in ``taken``: the id that
a message has there, for each time it was taken.
"""

import base64
import hashlib
import re
from datetime import datetime
from typing import Any

from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives import hashes, hmac

from tests.pipelines.delivery.http_server import Reply, Request

ID = re.compile(r"earful-\d{8}T\d{6}-[0-9a-f]{20}")
TOKEN = "canary-token-5f1d"
USER = "robot@acme.example"


class WebhookService:
    """A receiver that verifies as Standard Webhooks 1.0.0 says, and drops copies by the id."""

    def __init__(self, secret: str) -> None:
        self.secret = secret
        self.taken: dict[str, dict[str, Any]] = {}

    def __call__(self, request: Request) -> Reply:
        try:
            self.verify(request)
        except AssertionError:
            return Reply(401, "")
        event = request.value
        assert request.headers["content-type"].startswith("application/cloudevents+json")
        # CloudEvents 1.0.2, "REQUIRED attributes", and JSON format, "Handling of data".
        assert {"id", "source", "type", "data"} <= set(event)
        assert event["specversion"] == "1.0"
        assert datetime.fromisoformat(event["time"]).utcoffset() is not None
        assert event["id"] == request.headers["webhook-id"]
        self.taken.setdefault(event["id"], event)
        return Reply(202, "")

    def verify(self, request: Request) -> None:
        key = base64.b64decode(self.secret.removeprefix("whsec_"))
        given = [part.split(",", 1) for part in request.headers["webhook-signature"].split(" ")]
        stamp = f"{request.headers['webhook-id']}.{request.headers['webhook-timestamp']}."
        for version, signature in given:
            check = hmac.HMAC(key, hashes.SHA256())
            check.update(stamp.encode() + request.body)
            try:
                check.verify(base64.b64decode(signature))
            except InvalidSignature:
                continue
            assert version == "v1"
            return
        raise AssertionError("no signature is ours")


class SlackService:
    """An incoming webhook: no key, no way to ask; limits as Block Kit says them."""

    def __init__(self) -> None:
        self.taken: list[str] = []
        self.payloads: list[dict[str, Any]] = []

    def __call__(self, request: Request) -> Reply:
        if request.path != f"/services/T0/B0/{TOKEN}":
            return Reply(404, "no_service")
        payload = request.value
        blocks = payload["blocks"]
        texts = [b["text"] for b in blocks if "text" in b]
        is_valid = len(blocks) <= 50 and payload["text"] and all(t["text"] for t in texts)
        is_valid &= all(len(t["text"]) <= 3000 for t in texts)
        is_valid &= all(len(b["text"]["text"]) <= 150 for b in blocks if b["type"] == "header")
        if not is_valid:
            return Reply(400, "invalid_blocks")
        self.payloads.append(payload)
        self.taken.append(_find_id(payload))
        return Reply(200, "ok")


class JiraService:
    """Jira Cloud: POST issue, GET search/jql; what is new is found once ``index`` was called."""

    def __init__(self) -> None:
        self.issues: list[dict[str, Any]] = []
        self.n_indexed = 0

    @property
    def taken(self) -> list[str]:
        return [_find_id(issue["labels"]) for issue in self.issues]

    def index(self) -> None:
        self.n_indexed = len(self.issues)

    def __call__(self, request: Request) -> Reply:
        login = base64.b64encode(f"{USER}:{TOKEN}".encode()).decode()
        if request.headers.get("authorization") != f"Basic {login}":
            return Reply(401, "Client must be authenticated to access this resource.")
        if (request.method, request.path) == ("GET", "/rest/api/3/search/jql"):
            label = re.fullmatch(r'labels = "(\S+)" ORDER BY created ASC', request.query["jql"])
            assert label
            found = [
                {"id": str(10_000 + n), "key": f"CX-{n + 1}"}
                for n, issue in enumerate(self.issues[: self.n_indexed])
                if label[1] in issue["labels"]
            ]
            return Reply(200, {"issues": found, "isLast": True})
        assert (request.method, request.path) == ("POST", "/rest/api/3/issue")
        fields = request.value["fields"]
        errors = {} if fields["project"]["key"] == "CX" else {"project": "is required"}
        if len(fields["summary"]) > 255 or "\n" in fields["summary"]:
            errors["summary"] = "is not a summary"
        _check_document(fields["description"])
        if errors:
            return Reply(400, {"errorMessages": [], "errors": errors})
        self.issues.append(fields)
        return Reply(201, {"id": str(10_000 + len(self.issues)), "key": f"CX-{len(self.issues)}"})


class ZendeskService:
    """Tickets: a key is good for the same body until ``forget_keys``; external_id is for ever."""

    def __init__(self) -> None:
        self.tickets: list[dict[str, Any]] = []
        self.keys: dict[str, tuple[str, Reply]] = {}

    @property
    def taken(self) -> list[str]:
        return [ticket["external_id"] for ticket in self.tickets]

    def forget_keys(self) -> None:
        self.keys.clear()

    def __call__(self, request: Request) -> Reply:
        login = base64.b64encode(f"{USER}/token:{TOKEN}".encode()).decode()
        if request.headers.get("authorization") != f"Basic {login}":
            return Reply(401, {"error": "Couldn't authenticate you"})
        if request.method == "GET":
            wanted = request.query["external_id"]
            found = [
                {"id": 35436 + n, "external_id": each["external_id"]}
                for n, each in enumerate(self.tickets)
                if each["external_id"] == wanted
            ]
            return Reply(200, {"tickets": found, "count": len(found)})
        assert (request.method, request.path) == ("POST", "/api/v2/tickets.json")
        key = request.headers["idempotency-key"]
        digest = hashlib.sha256(request.body).hexdigest()
        if key in self.keys:
            if self.keys[key][0] != digest:
                return Reply(400, {"error": "IdempotentRequestError"})
            return self.keys[key][1]
        ticket = request.value["ticket"]
        assert ticket["comment"]["body"]
        assert ticket["comment"]["public"] is False
        self.tickets.append(ticket)
        reply = Reply(201, {"ticket": {"id": 35435 + len(self.tickets)}})
        self.keys[key] = (digest, reply)
        return reply


class GithubService:
    """Issues of a repository: POST, and GET by pages."""

    def __init__(self) -> None:
        self.issues: list[dict[str, Any]] = []

    @property
    def taken(self) -> list[str]:
        return [_find_id(issue["body"]) for issue in self.issues if "earful" in issue["body"]]

    def __call__(self, request: Request) -> Reply:
        assert request.headers["x-github-api-version"] == "2022-11-28"
        if request.headers.get("authorization") != f"Bearer {TOKEN}":
            return Reply(401, {"message": "Bad credentials", "status": "401"})
        assert request.path == "/repos/acme/care/issues"
        if request.method == "GET":
            assert request.query["state"] == "all"
            datetime.fromisoformat(request.query["since"])
            size, page = int(request.query["per_page"]), int(request.query["page"])
            return Reply(200, self.issues[(page - 1) * size : page * size])
        issue = request.value
        number = len(self.issues) + 1
        made = {**issue, "html_url": f"https://github.com/acme/care/issues/{number}"}
        self.issues.append(made)
        return Reply(201, made)


def _find_id(value: Any) -> str:
    (found,) = set(ID.findall(repr(value)))
    return str(found)


def _check_document(node: dict[str, Any]) -> None:
    """The parts of the Atlassian Document Format (schema 1) that are used."""
    assert (node["type"], node["version"]) == ("doc", 1)
    allowed = {
        "doc": {"heading", "paragraph", "bulletList", "blockquote"},
        "bulletList": {"listItem"},
        "listItem": {"paragraph"},
        "blockquote": {"paragraph"},
        "heading": {"text"},
        "paragraph": {"text"},
    }

    def check(each: dict[str, Any]) -> None:
        if each["type"] == "text":
            assert each["text"]  # an empty text is refused
            return
        assert each["type"] not in ("bulletList", "listItem", "blockquote") or each["content"]
        for child in each.get("content", []):
            assert child["type"] in allowed[each["type"]]
            check(child)

    check(node)
