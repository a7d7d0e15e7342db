"""Which form of a word goes with a number, by the plural rules of CLDR, which are data.

The rules are written as CLDR does (UTS 35, part 3, "Language Plural Rules"): ``i = 1 and v = 0``.
"""

import re
from collections.abc import Mapping
from functools import cache

OTHER = "other"
_RELATION = re.compile(r"([nivwft])(?: % (\d+))? (!?=) ([\d.,]+)")
_Range = tuple[int, int]


def choose_category(shown: str, rules: Mapping[str, str]) -> str:
    """The plural category of a number as it is shown: 1 and 1.0 may differ.

    :param shown: ASCII digits, with a point where it has decimals; a sign counts nothing.
    :param rules: by category, in the order in which they are tried.
    """
    operands = _read_operands(shown)
    for category, rule in rules.items():
        if any(
            all(_holds(relation, operands) for relation in conjunction)
            for conjunction in _parse_rule(rule)
        ):
            return category
    return OTHER


_Relation = tuple[str, int | None, bool, tuple[_Range, ...]]


@cache
def _parse_rule(rule: str) -> tuple[tuple[_Relation, ...], ...]:
    """Conjunctions, one of which must hold.

    :raises ValueError: for what is no rule.
    """
    return tuple(
        tuple(_parse_relation(relation) for relation in conjunction.split(" and "))
        for conjunction in rule.split(" or ")
    )


def _parse_relation(text: str) -> _Relation:
    found = _RELATION.fullmatch(text.strip())
    if found is None:
        raise ValueError(f"{text!r} is no relation of a plural rule")
    operand, modulus, sign, ranges = found.groups()
    ends = [part.partition("..") for part in ranges.split(",")]
    spans = tuple((int(low), int(high or low)) for low, _, high in ends)
    return operand, int(modulus) if modulus else None, sign == "=", spans


def _holds(relation: _Relation, operands: Mapping[str, float]) -> bool:
    operand, modulus, is_equal, spans = relation
    value = operands[operand] if modulus is None else operands[operand] % modulus
    is_within = value == int(value) and any(low <= value <= high for low, high in spans)
    return is_within == is_equal


def _read_operands(shown: str) -> dict[str, float]:
    whole, _, decimals = shown.lstrip("+-").partition(".")
    stripped = decimals.rstrip("0")
    return {
        "n": float(shown.lstrip("+-")),
        "i": int(whole),
        "v": len(decimals),
        "w": len(stripped),
        "f": int(decimals or 0),
        "t": int(stripped or 0),
    }
