"""An HTTP server on this machine, with the mishaps that a test wants."""

import json
import socket
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any
from urllib.parse import parse_qsl, urlsplit


@dataclass(frozen=True)
class Request:
    method: str
    path: str
    query: dict[str, str]
    headers: dict[str, str]
    body: bytes

    @property
    def value(self) -> Any:
        return json.loads(self.body)


@dataclass(frozen=True)
class Reply:
    status: int = 200
    value: Any = ""
    headers: dict[str, str] = field(default_factory=dict)

    @property
    def body(self) -> bytes:
        text = self.value if isinstance(self.value, str) else json.dumps(self.value)
        return text.encode()


Service = Callable[[Request], Reply]


@dataclass(frozen=True)
class Mishap:
    """What happens in the place of an answer.

    :param has_it: the service has done what was asked, though the answer does not say so.
    :param silence_s: how long nothing is said before the connection is closed.
    """

    reply: Reply | None = None
    has_it: bool = False
    silence_s: float = 0.0
    before: Callable[[], object] | None = None


class Server:
    """Requests go to the service; each mishap is for one of those that are not GET."""

    def __init__(self, service: Service) -> None:
        self.service = service
        self.mishaps: list[Mishap | None] = []
        self.requests: list[Request] = []
        self.waiting = threading.Event()
        self._lock = threading.Lock()

    def take(self, handler: BaseHTTPRequestHandler) -> None:
        length = int(handler.headers.get("content-length") or 0)
        parts = urlsplit(handler.path)
        headers = {name.lower(): text for name, text in handler.headers.items()}
        body = handler.rfile.read(length)
        request = Request(handler.command, parts.path, dict(parse_qsl(parts.query)), headers, body)
        with self._lock:
            self.requests.append(request)
            is_asked = request.method == "GET"
            mishap = self.mishaps.pop(0) if self.mishaps and not is_asked else None
            reply = self.service(request) if mishap is None or mishap.has_it else Reply()
        if mishap is None:
            _answer(handler, reply)
            return
        if mishap.before:
            mishap.before()
        if mishap.reply:
            _answer(handler, mishap.reply)
        else:
            self.waiting.wait(mishap.silence_s)
            _cut(handler, reply, is_begun=mishap.has_it)


def _answer(handler: BaseHTTPRequestHandler, reply: Reply) -> None:
    handler.send_response(reply.status)
    for name, text in reply.headers.items():
        handler.send_header(name, text)
    handler.send_header("content-length", str(len(reply.body)))
    handler.end_headers()
    handler.wfile.write(reply.body)


def _cut(handler: BaseHTTPRequestHandler, reply: Reply, *, is_begun: bool) -> None:
    if is_begun:  # in the middle of the answer
        handler.wfile.write(b"HTTP/1.1 201 Created\r\ncontent-length: 400\r\n\r\n" + reply.body[:5])
        handler.wfile.flush()
    handler.connection.shutdown(socket.SHUT_RDWR)


@contextmanager
def serve(service: Service, certificate: Path | None = None) -> Iterator[tuple[Server, str]]:
    """Serve, and give the address."""
    server = Server(service)

    class Handler(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            server.take(self)

        do_GET = do_POST  # noqa: N815 -- as the library calls it

        def log_message(self, *args: Any) -> None:
            return

    class Quiet(ThreadingHTTPServer):
        daemon_threads = True

        def handle_error(self, request: Any, client_address: Any) -> None:
            return

    listening = Quiet(("127.0.0.1", 0), Handler)
    scheme = "http"
    if certificate:
        import ssl

        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.load_cert_chain(certificate)
        listening.socket = context.wrap_socket(listening.socket, server_side=True)
        scheme = "https"
    # The wait for the end of the server is half a second unless it looks more often.
    thread = threading.Thread(target=lambda: listening.serve_forever(0.05), daemon=True)
    thread.start()
    try:
        yield server, f"{scheme}://127.0.0.1:{listening.server_address[1]}"
    finally:
        server.waiting.set()
        listening.shutdown()
        listening.server_close()
