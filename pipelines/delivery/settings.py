"""What every kind of ``[[destinations]]`` can be told, and whatever is reached over HTTP."""

import ipaddress
from collections.abc import Iterator
from pathlib import Path
from typing import Annotated, Any, Literal
from urllib.parse import urlsplit

from pydantic import Field, ValidationInfo, field_validator

from pipelines.config_sections import EntryName, Section
from pipelines.environment import VARIABLE, fill_header_secret
from pipelines.errors import ConfigError
from pipelines.network import Network

# What to do after an attempt of which nobody knows whether it arrived: send again at once; look
# first whether it is there, and not before the receiver's index has settled; or leave it to people.
WhenUnknown = Literal["again", "look", "stop"]
_SECRET_LENGTH = 8


class DestinationConfig(Section):
    """Where actions go; each kind adds its own."""

    name: EntryName
    timeout_s: Annotated[float, Field(gt=0, le=300)] = 20.0
    tries: Annotated[int, Field(ge=1, le=10)] = 3
    max_attempts: Annotated[int, Field(ge=1, le=50)] = 8
    max_per_minute: Annotated[int, Field(ge=1)] = 30
    max_quotes: Annotated[int, Field(ge=0, le=20)] = 3

    @property
    def what(self) -> str:
        """What it is called in messages."""
        return f"the destination {self.name}"

    def list_variables(self) -> list[str]:
        """The environment variables that it names."""
        texts = _walk(self.model_dump())
        return sorted({name for text in texts for name in VARIABLE.findall(text)})

    def read_secret(self, text: str) -> str:
        """A setting with the environment's values in the place of ``${NAME}``.

        :raises ConfigError: for a variable that is not set, or holds what no header can carry.
        """
        return fill_header_secret(text, self.what)


class ReachedConfig(Section):
    """What is reached over HTTP, at its ``url``.

    :param plain_http: take ``http://`` too; for loopback addresses it always is.
    :param ca_file: certificates of an authority of one's own, in PEM.
    :param networks: that are not public, and may be called all the same.
    """

    plain_http: bool = False
    ca_file: str | None = None
    networks: tuple[Network, ...] = ()

    @property
    def what(self) -> str:
        """What it is called in messages."""
        raise NotImplementedError

    @field_validator("url", check_fields=False)
    @classmethod
    def _is_address(cls, url: str, info: ValidationInfo) -> str:
        if not VARIABLE.search(url):
            check_address(url, plain_http=bool(info.data.get("plain_http")))
        elif "@" in url:
            raise ValueError("user and password do not belong into a URL")
        return url

    def read_address(self, text: str) -> str:
        """An address with its variables filled in, without the slash at its end.

        :raises ConfigError: for a variable that is not set, and for no address of ours.
        """
        url = fill_header_secret(text, self.what)
        try:
            check_address(url, plain_http=self.plain_http)
        except ValueError as error:
            raise ConfigError(f"{self.what}: {error} @ url") from None
        return url.rstrip("/")

    def find_ca_file(self, folder: Path) -> Path | None:
        """The file of the own authority.

        :raises ConfigError: where there is none.
        """
        return find_ca_file(self.ca_file, folder, self.what)


class HttpConfig(DestinationConfig, ReachedConfig):
    """A destination that is reached over HTTP."""


def find_ca_file(name: str | None, folder: Path, what: str) -> Path | None:
    """A file with certificates; None where none is named.

    :raises ConfigError: where there is no such file.
    """
    if name is None:
        return None
    path = folder / Path(name).expanduser()
    if not path.is_file():
        raise ConfigError(f"{what} names the certificates {path}, which are not there @ ca_file")
    return path


def check_address(url: str, *, plain_http: bool) -> None:
    """Refuse what is no address that secrets and words may be sent to.

    :raises ValueError: without showing the address: a part of it may be secret.
    """
    try:
        parts = urlsplit(url)
        host, _ = parts.hostname, parts.port
    except ValueError:
        host = None
    if not host or parts.scheme not in ("https", "http"):
        raise ValueError("is no address; write it as https://host/path")
    if parts.username is not None or parts.password is not None:
        raise ValueError("user and password do not belong into a URL")
    if parts.scheme == "http" and not plain_http and not is_loopback(host):
        raise ValueError("is not encrypted; write https://, or allow it with plain_http = true")


def split_address(url: str) -> frozenset[str]:
    """What of an address may be secret: all of it, and each part that is long enough to be."""
    parts = urlsplit(url)
    pieces = [*parts.path.split("/"), *parts.query.replace("&", "=").split("=")]
    return frozenset([url, *(piece for piece in pieces if len(piece) >= _SECRET_LENGTH)])


def is_loopback(host: str) -> bool:
    """Whether a host is this machine, as far as its name tells."""
    if host == "localhost":
        return True
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return False


def _walk(value: Any) -> Iterator[str]:
    if isinstance(value, str):
        yield value
    elif isinstance(value, dict):
        for each in value.values():
            yield from _walk(each)
    elif isinstance(value, list | tuple):
        for each in value:
            yield from _walk(each)
