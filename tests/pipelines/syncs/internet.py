"""A small internet of this machine: every name leads to one server, over real HTTPS.

Certificates are checked as anywhere: the server's is of an authority made for the test, which the
clients are told of by the variables that users set for that.
"""

import re
import ssl
import threading
from collections import deque
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import flask
import pytest
import trustme
import urllib3.util.connection
from werkzeug.serving import make_server

Fault = Callable[[], Any]
NAMES = ("*.salesforce.com", "*.my.salesforce.com", "api.hubapi.com")
# How long a client waits that is in a hurry, and how long it takes who dawdles.
HURRY_S, LONG_S = 0.5, 0.8


class Service:
    """A flask application that misbehaves as it is told.

    :ivar seen: what was asked of it, as "METHOD path".
    :ivar bodies: and what was sent with that.
    """

    def __init__(self) -> None:
        self.app = flask.Flask(__name__)
        self.seen: list[str] = []
        self.bodies: list[bytes] = []
        self.faults: dict[str, deque[Fault]] = {}
        self.app.before_request(self._note)
        self.app.after_request(self._misbehave)

    def fail(self, pattern: str, *faults: Fault) -> None:
        """Have the next requests like this fail, each in one way.

        :param pattern: of "METHOD path".
        """
        self.faults.setdefault(pattern, deque()).extend(faults)

    def count(self, pattern: str) -> int:
        return sum(bool(re.search(pattern, each)) for each in self.seen)

    def start_anew(self) -> None:
        """Forget what was asked, and see that whatever was to fail did."""
        left, self.faults = [name for name, faults in self.faults.items() if faults], {}
        assert not left
        self.seen.clear()
        self.bodies.clear()

    def _note(self) -> Any:
        self.seen.append(f"{flask.request.method} {flask.request.full_path.rstrip('?')}")
        self.bodies.append(flask.request.get_data())
        for pattern, faults in self.faults.items():
            if faults and re.search(pattern, self.seen[-1]):
                flask.g.fault = faults.popleft()
        is_early = not hasattr(flask.g.get("fault"), "is_late")
        return flask.g.fault() if is_early and "fault" in flask.g else None

    def _misbehave(self, response: flask.Response) -> flask.Response:
        """What happens when a request has been done already, and its answer is lost."""
        if hasattr(flask.g.get("fault"), "is_late"):
            flask.g.fault()
        return response


def answer(status: int, body: Any = None, **headers: str) -> Fault:
    """Answer so instead of doing anything; a text is sent as it is."""

    def fault() -> flask.Response:
        named = {name.replace("_", "-"): value for name, value in headers.items()}
        content = body if isinstance(body, str) else flask.jsonify(body)
        return flask.make_response(content, status, named)

    return fault


def pass_on() -> None:
    """No fault: the one after it is for the next request."""


def cut() -> None:
    """Do it, and cut the connection before the answer."""
    socket = flask.request.environ["werkzeug.socket"]
    socket.shutdown(2)


def dawdle() -> None:
    """Do it, and let the client wait longer than it does."""
    threading.Event().wait(LONG_S)


cut.is_late = dawdle.is_late = True  # type: ignore[attr-defined]


@contextmanager
def serve(app: Callable[..., Any], folder: Path) -> Iterator[None]:
    """Serve an application under all names, until the block ends."""
    authority = trustme.CA(key_type=trustme.KeyType.ECDSA)
    certificate = authority.issue_cert(*NAMES, key_type=trustme.KeyType.ECDSA)
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    certificate.configure_cert(context)
    trusted = folder / "authority.pem"
    authority.cert_pem.write_to_path(trusted)
    server = make_server("127.0.0.1", 0, app, threaded=True, ssl_context=context)
    connect = urllib3.util.connection.create_connection
    with pytest.MonkeyPatch.context() as patched:
        patched.setattr(
            urllib3.util.connection,
            "create_connection",
            lambda address, *given, **more: connect(
                ("127.0.0.1", server.server_port), *given, **more
            ),
        )
        for name in ("REQUESTS_CA_BUNDLE", "SSL_CERT_FILE"):
            patched.setenv(name, str(trusted))
        for name in ("HTTPS_PROXY", "https_proxy", "ALL_PROXY", "all_proxy"):
            patched.delenv(name, raising=False)
        threading.Thread(target=server.serve_forever, args=(0.05,), daemon=True).start()
        yield
        server.shutdown()
        server.server_close()
