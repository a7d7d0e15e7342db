"""Dates whose column says what happened then, in tables that have no column of kinds."""

from functools import cache

from pipelines.folding import fold_name
from pipelines.resources import load_config


def name_dated_event(column: str, *, is_of_orders: bool = False) -> str | None:
    """The kind of event that a column of dates tells of: churn for `cancel_date`; None for none.

    :param is_of_orders: whether the table is one of orders, which customers cancel and stay.
    """
    kind = _kinds().get(fold_name(column))
    return "cancelled" if kind == "churn" and is_of_orders else kind


@cache
def _kinds() -> dict[str, str]:
    kinds = load_config("roles.toml")["event_dates"]
    return {fold_name(name): kind for kind, names in kinds.items() for name in names}
