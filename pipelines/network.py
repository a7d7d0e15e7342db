"""Which addresses may be called: of the public internet, and of networks that were opted into.

Whoever can write an address into a configuration, or answers for its name, must not reach what only
this machine can: other services on it, the network around it, the cloud's metadata.
"""

import ipaddress
import socket
from collections.abc import Sequence
from typing import Annotated, Final
from urllib.request import getproxies, proxy_bypass

from pydantic import AfterValidator

_Address = ipaddress.IPv4Address | ipaddress.IPv6Address
# Public addresses that answer a cloud's machines alone: Azure's.
_METADATA: Final = frozenset({ipaddress.ip_address("168.63.129.16")})
# An IPv4 address inside of IPv6, for networks that have nothing else (RFC 6052).
_NAT64: Final = ipaddress.ip_network("64:ff9b::/96")
DENIED: Final = (
    "has an address that is not of the public internet; where that is meant, opt in with networks "
    '= ["10.0.0.0/8"], the network that it is in; of this machine ["127.0.0.0/8", "::1/128"]'
)


class DeniedAddressError(Exception):
    """An address is not to be called."""


def _check_network(text: str) -> str:
    try:
        return str(ipaddress.ip_network(text))
    except ValueError:
        raise ValueError(
            f"{text!r} is no network; write it as 10.1.2.0/24, or 127.0.0.1/32 for one address"
        ) from None


Network = Annotated[str, AfterValidator(_check_network)]


def resolve_host(host: str, port: int, networks: Sequence[str]) -> list[str]:
    """The addresses of a host that may be called; call one of these, and do not ask again.

    A name server that gives one answer to us and another to whoever connects gains nothing.

    :param networks: that were opted into.
    :raises DeniedAddressError: when none of its addresses may be called.
    :raises OSError: when it has none.
    """
    opted = [ipaddress.ip_network(each) for each in networks]
    found = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)
    addresses = list(dict.fromkeys(str(info[4][0]) for info in found))
    allowed = [each for each in addresses if _is_allowed(ipaddress.ip_address(each), opted)]
    if not allowed:
        raise DeniedAddressError(DENIED)
    return allowed


def connect_to(
    host: str, port: int, timeout_s: float | None, networks: Sequence[str]
) -> socket.socket:
    """Open a connection, see :func:`resolve_host`.

    :raises OSError: when none of its addresses takes it.
    """
    last: OSError | None = None
    for address in resolve_host(host, port, networks):
        try:
            return socket.create_connection((address, port), timeout_s)
        except OSError as error:
            last = error
    raise last or OSError("no address")


def is_behind_proxy(scheme: str, host: str) -> bool:
    """Whether the environment has a proxy for a host: it then is the proxy that looks it up."""
    proxies = getproxies()
    return bool(proxies.get(scheme) or proxies.get("all")) and not proxy_bypass(host)


def check_literal(host: str, networks: Sequence[str]) -> None:
    """Refuse an address that is written out, where the name would be looked up elsewhere.

    :raises DeniedAddressError: when it may not be called.
    """
    try:
        address = ipaddress.ip_address(host)
    except ValueError:
        return
    if not _is_allowed(address, [ipaddress.ip_network(each) for each in networks]):
        raise DeniedAddressError(DENIED)


def _is_allowed(
    address: _Address, opted: Sequence[ipaddress.IPv4Network | ipaddress.IPv6Network]
) -> bool:
    real = _unwrap(address)
    if any(each in network for network in opted for each in (address, real)):
        return True
    return real.is_global and not real.is_multicast and real not in _METADATA


def _unwrap(address: _Address) -> _Address:
    """The IPv4 address that an IPv6 address stands for."""
    if isinstance(address, ipaddress.IPv4Address):
        return address
    if address in _NAT64:
        return ipaddress.IPv4Address(int(address) & 0xFFFF_FFFF)
    teredo = address.teredo
    return address.ipv4_mapped or address.sixtofour or (teredo[1] if teredo else address)
