"""Groups of few people are not shown, nor are those by which a hidden one could be reckoned."""

from collections.abc import Mapping

from sqlalchemy import Connection

from pipelines.kept_settings import keep_values

# Unless it is configured: ``[anonymity] min_customers``.
MIN_CUSTOMERS = 5


def keep_min_customers(connection: Connection, k: int | None) -> int:
    """Of how many people a group must be, kept for edits and erasures, which are not told it.

    :param k: as configured; None for that of the last time. Another than then has everything
        judged and compared anew.
    """
    given = None if k is None else {"k": k}
    kept = keep_values(connection, "anonymity_settings", given, "judged", "compared")
    return int(kept["k"]) if kept else MIN_CUSTOMERS


def choose_shown(counts: Mapping[str, int], k: int, rest: int = 0) -> frozenset[str]:
    """Which groups may be shown beside their sum: those of k people or more.

    All less what is shown are the hidden groups together: where these are fewer than k people, the
    smallest shown group is hidden as well.

    :param counts: people by group.
    :param rest: people of the sum who are in no group.
    """
    ordered = sorted(counts, key=lambda name: (counts[name], name))
    shown = [name for name in ordered if counts[name] >= k]
    hidden = rest + sum(counts[name] for name in ordered if counts[name] < k)
    if shown and 0 < hidden < k:
        shown = shown[1:]
    return frozenset(shown)
