"""The company's own accounts: what they post is no feedback."""

import re
from collections.abc import Iterable

from pipelines.reading.profiles import take_handle

_PREFIX = re.compile(r"^/?u/|^@")


def fold_accounts(names: Iterable[str]) -> frozenset[str]:
    """Names and handles as they are compared."""
    return frozenset(map(fold_account, names))


def fold_account(name: str) -> str:
    """A name without case, spaces around it, `@` or `u/`; of a profile's address its handle."""
    plain = (take_handle(name) or name).strip().casefold()
    return " ".join(_PREFIX.sub("", plain).split())


def is_own_account(names: Iterable[str | None], own: frozenset[str]) -> bool:
    """Tell whether one of an author's names is the company's."""
    return bool(own) and any(fold_account(name) in own for name in names if name)
