"""Names that a service shows for people it does not name: an author so called is nobody."""

from functools import cache

from pipelines.own_accounts import fold_account
from pipelines.resources import load_config


def is_nobody(name: str) -> bool:
    """Tell whether many people share a name because it names none, as "A Google user" does.

    Whoever took it for one author would hear one voice where there are thousands. Masks such
    as "***" name nobody either.
    """
    folded = fold_account(name)
    return folded in _names() or not folded.strip("*.-–—_?· ")


@cache
def _names() -> frozenset[str]:
    values = load_config("values.toml")
    return frozenset(map(fold_account, values["nobody"]["names"] + values["placeholders"]["words"]))
