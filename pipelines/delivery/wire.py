"""HTTP to one destination. Whatever goes wrong leaves as a reason without addresses and headers."""

import json
import logging
from collections.abc import Mapping
from contextlib import closing
from functools import cached_property
from pathlib import Path
from time import monotonic
from typing import TYPE_CHECKING, Any, Final

from pipelines.delivery.answers import Answer
from pipelines.delivery.failures import DeliveryError, Fault
from pipelines.delivery.trust import NOT_TRUSTED, read_trusted

if TYPE_CHECKING:
    import httpx2

MAX_ANSWER_BYTES: Final = 8 * 2**20


class Wire:
    """Requests to one address with one set of headers.

    :param headers: with the secrets; redirects are never followed, so that they go nowhere else.
    """

    def __init__(
        self, base: str, headers: Mapping[str, str], timeout_s: float, ca_file: Path | None
    ) -> None:
        self._base = base
        self._headers = {"user-agent": "earful", **headers}
        self._timeout_s = timeout_s
        self._ca_file = ca_file

    def post(self, path: str, value: Any, headers: Mapping[str, str] | None = None) -> Answer:
        """Send a value as JSON, see :meth:`send`."""
        given = {"content-type": "application/json", **(headers or {})}
        return self.send("POST", path, encode_json(value), given)

    def get(self, path: str, params: Mapping[str, str]) -> Answer:
        """Ask for something, see :meth:`send`."""
        from urllib.parse import urlencode

        return self.send("GET", f"{path}?{urlencode(params)}", None, {})

    def send(
        self, method: str, path: str, content: bytes | None, headers: Mapping[str, str]
    ) -> Answer:
        """Send a request, and read its answer whatever its status.

        :param path: added to the address.
        :raises DeliveryError: where there is no whole answer in time.
        """
        import httpx2

        _silence_logs()
        try:
            return self._exchange(method, path, content, headers)
        except DeliveryError:
            raise
        except httpx2.HTTPError as error:
            reason, fault, unknown = _describe(error)
        except Exception as error:  # noqa: BLE001 -- they carry addresses and headers in their words
            reason, fault, unknown = f"could not be asked ({type(error).__name__})", "later", True
        # A question changes nothing: its outcome matters to nobody.
        raise DeliveryError(reason, fault, is_unknown=unknown and method != "GET")

    def _exchange(
        self, method: str, path: str, content: bytes | None, headers: Mapping[str, str]
    ) -> Answer:
        deadline = monotonic() + self._timeout_s
        given = {**self._headers, **headers}
        request = self._client.build_request(
            method, self._base + path, content=content, headers=given
        )
        body = bytearray()
        with closing(self._client.send(request, stream=True)) as answer:
            for part in answer.iter_bytes():
                body += part
                if monotonic() > deadline or len(body) > MAX_ANSWER_BYTES:
                    said = f"did not end its answer within {self._timeout_s:g} s and 8 MB"
                    raise DeliveryError(said, "passing", is_unknown=method != "GET")
        named = {name.lower(): text for name, text in answer.headers.items()}
        return Answer(answer.status_code, named, bytes(body))

    @cached_property
    def _client(self) -> "httpx2.Client":
        import httpx2

        # Each request has its own connection: one that was kept may be closed by the other side
        # just as we write, and nobody knows then whether the request was read.
        limits = httpx2.Limits(max_keepalive_connections=0)
        trusted = read_trusted(self._ca_file)
        return httpx2.Client(timeout=self._timeout_s, limits=limits, verify=trusted)


def encode_json(value: Any) -> bytes:
    """A value as JSON: the same bytes for the same value, letters of every script as they are."""
    return json.dumps(value, ensure_ascii=False, separators=(",", ":")).encode(
        "utf-8", errors="replace"
    )


def _describe(error: Exception) -> tuple[str, Fault, bool]:
    """A reason, whose fault it is, and whether the request may have been read."""
    import httpx2

    if isinstance(error, httpx2.ConnectTimeout | httpx2.PoolTimeout):
        return "did not take the connection in time", "passing", False
    if isinstance(error, httpx2.ConnectError):
        if "CERTIFICATE_VERIFY_FAILED" in str(error):
            return NOT_TRUSTED, "destination", False
        return "could not be reached", "passing", False
    if isinstance(error, httpx2.ProxyError | httpx2.UnsupportedProtocol):
        return f"could not be reached ({type(error).__name__})", "passing", False
    if isinstance(error, httpx2.LocalProtocolError):
        return "could not be asked: a header of ours is none", "destination", False
    if isinstance(error, httpx2.TimeoutException):
        return "did not answer in time", "passing", True
    return "closed the connection before its answer was whole", "passing", True


def _silence_logs() -> None:
    """Addresses and headers stand in what these libraries log: not even for debugging."""
    for name in ("httpx2", "httpcore2"):
        logging.getLogger(name).setLevel(logging.CRITICAL)
