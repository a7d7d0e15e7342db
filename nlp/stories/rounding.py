"""How numbers are rounded before they are told: each kind of number by one rule.

What comes out is ASCII: digits, a point, a minus; ``%``, ``<`` and ``>`` where they belong to it.
"""

import math
from collections.abc import Callable
from typing import Final

# Probabilities below are told as smaller than this.
_SMALLEST_P: Final = 0.001


def round_value(rule: str, value: float) -> str:
    """Round a number by a rule.

    :raises KeyError: for an unknown rule.
    :raises ValueError: for a number that is none, or not finite.
    """
    if not math.isfinite(value):
        raise ValueError(f"{value} cannot be told")
    return _without_minus_zero(RULES[rule](value))


def _without_minus_zero(text: str) -> str:
    is_zero = text.startswith("-") and not text.strip("-0.%")
    return text[1:] if is_zero else text


def _count(value: float) -> str:
    if value != int(value) or value < 0:
        raise ValueError(f"{value} is no count")
    return str(int(value))


def _decimal(value: float) -> str:
    return f"{value:.1f}".removesuffix(".0")


def _ratio(value: float) -> str:
    return f"{value:.2f}" if value < 1 else f"{value:.1f}" if value < 10 else f"{value:.0f}"


def _share(value: float) -> str:
    """Never 0% of something, nor 100% of less than all."""
    if 0 < value < 0.01:
        return "<1%"
    return ">99%" if 0.99 < value < 1 else _percent(value)


def _percent(value: float) -> str:
    return f"{math.floor(value * 100 + 0.5)}%"


def _probability(value: float) -> str:
    return f"<{_SMALLEST_P}" if value < _SMALLEST_P else f"{value:.3f}"


def _money(value: float) -> str:
    return f"{value:.0f}" if abs(value) >= 100 else f"{value:.2f}"


# count: as it is; decimal, about, size, signed: to 1, 0, 2 and 2 decimals, of size without its
# sign; *_points: of a share, in percentage points, to 1 decimal; ratio: to 2, 1 or 0 decimals, from
# 1 and from 10 on; share, percent: to a whole per cent; probability: to 3 decimals; money: to 2
# decimals, from 100 on to none.
RULES: Final[dict[str, Callable[[float], str]]] = {
    "count": _count,
    "decimal": _decimal,
    "about": lambda value: f"{value:.0f}",
    "size": lambda value: f"{abs(value):.2f}",
    "signed": lambda value: f"{value:.2f}",
    "size_points": lambda value: f"{abs(value) * 100:.1f}",
    "signed_points": lambda value: f"{value * 100:.1f}",
    "ratio": _ratio,
    "share": _share,
    "percent": _percent,
    "q": _probability,
    "p": _probability,
    "money": _money,
    "money_size": lambda value: _money(abs(value)),
}
