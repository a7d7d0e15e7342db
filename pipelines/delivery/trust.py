"""Whose TLS certificates are trusted; they are always checked."""

import ssl
from functools import cache
from pathlib import Path
from typing import Final

NOT_TRUSTED: Final = (
    "its TLS certificate is not trusted; name your own authority's certificates with ca_file"
)


@cache
def read_trusted(ca_file: Path | None) -> ssl.SSLContext:
    """The authorities of this machine, or those of a file; reading them takes a tenth of a second.

    :param ca_file: certificates in PEM, trusted in the place of all others.
    """
    if ca_file is not None:
        return ssl.create_default_context(cafile=ca_file)
    import httpx2

    return httpx2.create_ssl_context()
