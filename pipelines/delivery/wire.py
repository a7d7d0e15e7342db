"""HTTP to one destination. Whatever goes wrong leaves as a reason without addresses and headers."""

import json
import logging
import socket
from collections.abc import Mapping, Sequence
from contextlib import closing
from functools import cached_property
from pathlib import Path
from time import monotonic
from typing import TYPE_CHECKING, Any, Final
from urllib.parse import urlencode, urlsplit

from pipelines.delivery.answers import Answer
from pipelines.delivery.failures import DeliveryError, Fault
from pipelines.delivery.trust import NOT_TRUSTED, read_trusted
from pipelines.network import (
    DeniedAddressError,
    check_literal,
    is_behind_proxy,
    resolve_host,
)

if TYPE_CHECKING:
    import httpx2

MAX_ANSWER_BYTES: Final = 8 * 2**20


class Wire:
    """Requests to one address with one set of headers.

    :param headers: with the secrets; redirects are never followed, so that they go nowhere else.
    :param networks: that are not public, and may be called all the same.
    """

    def __init__(
        self,
        base: str,
        headers: Mapping[str, str],
        timeout_s: float,
        ca_file: Path | None,
        networks: Sequence[str] = (),
    ) -> None:
        self._base = base
        self._headers = {"user-agent": "earful", **headers}
        self._timeout_s = timeout_s
        self._ca_file = ca_file
        self._networks = networks

    def post(self, path: str, value: Any, headers: Mapping[str, str] | None = None) -> Answer:
        """Send a value as JSON, see :meth:`send`."""
        given = {"content-type": "application/json", **(headers or {})}
        return self.send("POST", path, encode_json(value), given)

    def get(self, path: str, params: Mapping[str, str]) -> Answer:
        """Ask for something, see :meth:`send`."""
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
        fault: Fault
        try:
            return self._exchange(method, path, content, headers)
        except DeliveryError:
            raise
        except DeniedAddressError as error:
            reason, fault, unknown = str(error), "destination", False
        except socket.gaierror:  # its name has no address
            reason, fault, unknown = "could not be reached", "passing", False
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
        request = self._build(method, path, content, {**self._headers, **headers})
        body = bytearray()
        with closing(self._client.send(request, stream=True)) as answer:
            for part in answer.iter_bytes():
                body += part
                if monotonic() > deadline or len(body) > MAX_ANSWER_BYTES:
                    said = f"did not end its answer within {self._timeout_s:g} s and 8 MB"
                    raise DeliveryError(said, "passing", is_unknown=method != "GET")
        named = {name.lower(): text for name, text in answer.headers.items()}
        return Answer(answer.status_code, named, bytes(body))

    def _build(
        self, method: str, path: str, content: bytes | None, headers: Mapping[str, str]
    ) -> "httpx2.Request":
        """A request to an address that may be called, under the name of its host."""
        import httpx2

        url = httpx2.URL(self._base + path)
        if self._is_proxied:
            check_literal(url.host, self._networks)
            return self._client.build_request(method, url, content=content, headers=headers)
        port = url.port or (443 if url.scheme == "https" else 80)
        address = resolve_host(url.host, port, self._networks)[0]
        return self._client.build_request(
            method,
            url.copy_with(host=address),
            content=content,
            headers={"host": url.netloc.decode("ascii"), **headers},
            # The certificate must be that of the name.
            extensions={"sni_hostname": url.raw_host.decode("ascii")},
        )

    @cached_property
    def _is_proxied(self) -> bool:
        parts = urlsplit(self._base)
        return is_behind_proxy(parts.scheme, parts.hostname or "")

    @cached_property
    def _client(self) -> "httpx2.Client":
        import httpx2

        # Each request has its own connection: one that was kept may be closed by the other side
        # just as we write, and nobody knows then whether the request was read.
        limits = httpx2.Limits(max_keepalive_connections=0)
        trusted = read_trusted(self._ca_file)
        return httpx2.Client(
            timeout=self._timeout_s,
            limits=limits,
            verify=trusted,
            # What says whether there is a proxy knows the name, not the address.
            trust_env=self._is_proxied,
        )


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
