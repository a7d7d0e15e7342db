"""Addresses of profiles in social networks, and the handles in them."""

import re
from functools import cache
from typing import Any

from pipelines.resources import load_config

_ADDRESS = re.compile(
    r"(?:https?://)?(?:www\.|m\.|mobile\.)?([a-z0-9.-]+\.[a-z]+)/(.*)", re.I | re.S
)
_HANDLE = re.compile(r"[\w.-]{1,64}")


def is_network(value: str) -> bool:
    """Tell whether a value is an address in a known social network, of a profile or not."""
    match = _ADDRESS.fullmatch(value.strip())
    return match is not None and match[1].lower() in _networks()["hosts"]


def take_handle(value: str) -> str | None:
    """The handle in the address of a profile; None for other addresses and other values.

    Posts, searches and the like are no profiles: `x.com/NAME/status/1`, `instagram.com/p/CODE`.
    """
    match = _ADDRESS.fullmatch(value.strip())
    if match is None or match[1].lower() not in _networks()["hosts"]:
        return None
    path = re.split(r"[?#]", match[2], maxsplit=1)[0].strip("/")
    prefix = _networks()["hosts"][match[1].lower()]
    if prefix and not path.startswith(prefix):
        return None
    handle = path.removeprefix(prefix).removeprefix("@")
    is_page = handle.lower() in _networks()["pages"]
    return handle if _HANDLE.fullmatch(handle) and not is_page else None


@cache
def _networks() -> dict[str, Any]:
    found: dict[str, Any] = load_config("values.toml")["networks"]
    return found
