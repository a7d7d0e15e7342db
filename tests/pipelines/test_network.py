"""No configuration and no name server leads a request into the machine's own network."""

import smtplib
import socket
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pipelines.config import check_config
from pipelines.delivery.failures import DeliveryError
from pipelines.delivery.wire import Wire
from pipelines.errors import ConfigError
from pipelines.network import DeniedAddressError, check_literal, resolve_host
from tests.pipelines.delivery.http_server import Reply, serve

HERE = ("127.0.0.0/8",)
PRIVATE = [
    *("127.0.0.1", "127.1", "2130706433", "0x7f000001", "0.0.0.0", "localhost", "::1", "::"),
    *("10.0.0.1", "172.16.0.1", "192.168.1.1", "100.64.0.1", "198.18.0.1", "240.0.0.1"),
    # Where clouds answer their machines.
    *("169.254.169.254", "169.254.170.2", "100.100.100.200", "168.63.129.16", "fd00:ec2::254"),
    *("fe80::1", "fc00::1", "224.0.0.1", "ff02::1", "255.255.255.255"),
    # IPv4 inside of IPv6: mapped, 6to4, NAT64, Teredo.
    *("::ffff:127.0.0.1", "::ffff:169.254.169.254", "2002:7f00:1::", "64:ff9b::a9fe:a9fe"),
    "2001:0:4136:e378:8000:63bf:80ff:fffe",
]


@pytest.mark.parametrize("host", PRIVATE)
def test_what_is_not_of_the_public_internet_is_denied(host: str) -> None:
    with pytest.raises((DeniedAddressError, socket.gaierror)):
        resolve_host(host, 80, ())


@pytest.mark.parametrize("host", ["93.184.216.34", "2606:2800:220:1:248:1893:25c8:1946"])
def test_the_public_internet_is_not(host: str) -> None:
    assert resolve_host(host, 443, ()) == [host]


@given(st.ip_addresses(network="10.0.0.0/8") | st.ip_addresses(network="fc00::/7"))
def test_a_network_that_was_opted_into_is_the_only_exception(address: Any) -> None:
    with pytest.raises(DeniedAddressError):
        check_literal(str(address), ("192.168.0.0/16",))
    check_literal(str(address), ("10.0.0.0/8", "fc00::/7"))


def answer_with(monkeypatch: pytest.MonkeyPatch, *answers: str) -> list[str]:
    """A name server of an attacker's, who gives another answer each time."""
    asked: list[str] = []
    found = socket.getaddrinfo

    def look_up(host: Any, port: Any, *more: Any, **named: Any) -> Any:
        if str(host).endswith(".example"):
            asked.append(host)
            host = answers[min(len(asked), len(answers)) - 1]
        return found(host, port, *more, **named)

    monkeypatch.setattr(socket, "getaddrinfo", look_up)
    for name in ("http_proxy", "https_proxy", "all_proxy"):
        monkeypatch.delenv(name, raising=False)
        monkeypatch.delenv(name.upper(), raising=False)
    return asked


def test_a_public_name_of_a_private_address_is_denied(monkeypatch: pytest.MonkeyPatch) -> None:
    with serve(lambda _: Reply()) as (server, url):
        port = url.rpartition(":")[2]
        answer_with(monkeypatch, "127.0.0.1")
        wire = Wire(f"http://hook.example:{port}", {}, 5, None)
        with pytest.raises(DeliveryError) as caught:
            wire.post("/in", {})
    assert server.requests == []
    assert "networks = [" in caught.value.reason
    assert "127.0.0.1" not in caught.value.reason
    assert (caught.value.fault, caught.value.is_unknown) == ("destination", False)


def test_a_name_is_looked_up_once_and_what_was_checked_is_called(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    with serve(lambda _: Reply()) as (server, url):
        port = url.rpartition(":")[2]
        # Allowed when it is checked; where it is looked up again, another machine.
        asked = answer_with(monkeypatch, "127.0.0.1", "127.0.0.9")
        wire = Wire(f"http://hook.example:{port}", {}, 5, None, ("127.0.0.1/32",))
        assert wire.post("/in", {}).status == 200
    assert asked == ["hook.example"]
    assert server.requests[0].headers["host"] == f"hook.example:{port}"


def test_the_certificate_is_that_of_the_name_not_of_the_address(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    import ssl

    import trustme

    authority = trustme.CA()
    authority.cert_pem.write_to_path(tmp_path / "ca.pem")
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    authority.issue_cert("hook.example").configure_cert(context)
    answer_with(monkeypatch, "127.0.0.1")
    listening = socket.create_server(("127.0.0.1", 0))
    import threading

    names: list[str | None] = []
    context.sni_callback = lambda _socket, name, _context: names.append(name)

    def take() -> None:
        for _ in range(2):
            plain, _where = listening.accept()
            try:
                with context.wrap_socket(plain, server_side=True) as taken:
                    while not taken.recv(10_000).endswith(b"{}"):
                        pass
                    taken.sendall(b"HTTP/1.1 200 OK\r\ncontent-length: 2\r\n\r\n{}")
            except ssl.SSLError:
                plain.close()

    thread = threading.Thread(target=take, daemon=True)
    thread.start()
    port = listening.getsockname()[1]
    good = Wire(f"https://hook.example:{port}", {}, 5, tmp_path / "ca.pem", HERE)
    assert good.post("/in", {}).status == 200
    other = Wire(f"https://other.example:{port}", {}, 5, tmp_path / "ca.pem", HERE)
    with pytest.raises(DeliveryError, match="not trusted"):
        other.post("/in", {})
    thread.join(5)
    listening.close()
    assert names == ["hook.example", "other.example"]


def test_behind_a_proxy_an_address_that_is_written_out_is_still_denied(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setenv("http_proxy", "http://127.0.0.1:1")
    monkeypatch.delenv("NO_PROXY", raising=False)
    with pytest.raises(DeliveryError, match="public internet"):
        Wire("http://169.254.169.254", {}, 5, None).get("/latest/meta-data", {})


def test_a_mail_server_in_the_own_network_has_to_be_opted_into() -> None:
    from pipelines.delivery.email import EmailConfig, _Mail

    given = {"name": "m", "kind": "email", "host": "127.0.0.1", "sender": "a@b.example"}
    config = EmailConfig.model_validate({**given, "security": "none", "to": ["c@d.example"]})
    with pytest.raises(DeniedAddressError):
        _Mail(config, 1, "b.example")
    opted = config.model_copy(update={"networks": HERE})
    with pytest.raises((OSError, smtplib.SMTPException)):
        _Mail(opted, 1, "b.example")


def test_networks_are_checked_when_the_configuration_is_read() -> None:
    hook = {"name": "w", "kind": "webhook", "url": "https://a.example", "secrets": ["${S}"]}
    with pytest.raises(ConfigError, match=r"'10.0.0.1/8' is no network"):
        check_config({"destinations": [{**hook, "networks": ["10.0.0.1/8"]}]}, "earful.toml")


def test_every_module_that_opens_connections_is_known() -> None:
    """Another that does has to ask pipelines.network too, or to say here why not."""
    openers = {
        "pipelines/network.py": "asks",
        "pipelines/delivery/wire.py": "asks",
        "pipelines/delivery/email.py": "asks",
        "pipelines/delivery/trust.py": "makes certificates' contexts",
        "pipelines/distributed/workers.py": "limits the waits of pipes within this machine",
        "pipelines/syncs/http.py": "Salesforce: the host is below .salesforce.com, over TLS",
        "pipelines/syncs/hubspot.py": "HubSpot: the host is fixed, over TLS",
    }
    root = Path(__file__).parents[2]
    words = ("import httpx2", "import requests", "import socket", "import smtplib", "urllib3")
    found = {
        str(path.relative_to(root))
        for path in (root / "pipelines").rglob("*.py")
        if any(word in path.read_text() for word in (*words, "urllib.request"))
    }
    assert found == set(openers)
