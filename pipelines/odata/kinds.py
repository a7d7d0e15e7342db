"""The kinds of events that customers are described by, under the many names that sources use."""

from functools import cache

from pipelines.folding import fold_name
from pipelines.resources import load_config

OTHER = "other"


def name_kind(said: str) -> str:
    """What an event is: order, delivered, cancelled, refund, churn, renewal, ticket, ... or other.

    :param said: the kind as its source calls it; `order.created` and `Order created` are one.
    """
    return _names().get(fold_name(said), OTHER)


def is_of_order(said: str | None) -> bool:
    """Whether the id of an event of this kind is the number of an order; of no kind it is one."""
    return said is None or name_kind(said) in ("order", "delivered", "cancelled")


@cache
def _names() -> dict[str, str]:
    kinds = load_config("values.toml")["event_kinds"]
    return {fold_name(name): kind for kind, names in kinds.items() for name in (kind, *names)}
