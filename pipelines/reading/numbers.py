"""Ratings and amounts of money as people write them, and what they write for none."""

import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from functools import cache

from pipelines.reading.rating_words import asks_recommendation
from pipelines.resources import load_config

_DIGITS = str.maketrans("٠١٢٣٤٥٦٧٨٩۰۱۲۳۴۵۶۷۸۹٫٬−–", "01234567890123456789.'--")
_INVISIBLE = re.compile(r"[\u200e\u200f\u202a-\u202e\u2066-\u2069\ufeff]")
_PLAIN = re.compile(r"-?\d{1,12}(?:[.,]\d{1,6})?")
_OUT_OF = re.compile(
    r"(\d{1,3}(?:[.,]\d+)?)\s*(?:/|out of|von|sur|de|su|מתוך|من|از)\s*(\d{1,3})(?:\s*\w+)?"
)
_WITH_WORD = re.compile(
    r"(\d{1,3}(?:[.,]\d+)?)\s*(?:stars?|sterne?|étoiles?|estrellas?|stelle|כוכבים|نجوم|ستاره|points?|☆|★|⭐)",
    re.IGNORECASE,
)
# A step of a scale with what it stands for: "10 - Extremely likely", "Not at all likely - 0".
_SIGN = r"\s*[-–—:=(]\s*"
_STEP = re.compile(
    rf"(\d{{1,2}}){_SIGN}[^\W\d_][^\d]{{1,40}}|[^\W\d_][^\d]{{1,40}}?{_SIGN}(\d{{1,2}})\)?"
)


def is_placeholder(text: str) -> bool:
    """Tell whether a value stands for none: `N/A`, `null`, a dash ..."""
    return len(text) < 20 and text.strip().casefold() in _placeholders()


def parse_rating(text: str) -> tuple[float, float | None] | None:
    """Read a rating: `4`, `4.0`, `4,5`, `4/5`, `4 out of 5`, `★★★★☆`, `80%`, `٤`, `9 - Likely`.

    :returns: the value and the scale's maximum where the text itself names it; None for no rating.
    """
    plain = _INVISIBLE.sub("", text.translate(_DIGITS)).strip()
    if not plain or len(plain) > 60:
        return None
    if _PLAIN.fullmatch(plain):
        return float(plain.replace(",", ".")), None
    if set(plain) <= set("★☆⭐✩✭\ufe0f ✰"):
        n_full = sum(plain.count(star) for star in "★⭐✭")
        return float(n_full), 5.0
    if match := _OUT_OF.fullmatch(plain):
        return float(match[1].replace(",", ".")), float(match[2])
    if plain.endswith("%") and _PLAIN.fullmatch(number := plain[:-1].strip()):
        return float(number.replace(",", ".")), 100.0
    if match := _WITH_WORD.fullmatch(plain):
        return float(match[1].replace(",", ".")), None
    if match := _STEP.fullmatch(plain):
        return float(match[1] or match[2]), None
    return None


@cache
def _placeholders() -> frozenset[str]:
    return frozenset(load_config("values.toml")["placeholders"]["words"])


def infer_rating_max(values: Iterable[str], column: str = "") -> float | None:
    """Infer the top of a column's scale from its values (any order) and its name.

    The scale that values name counts first, then one in the name ("0-10"); then the smallest of
    5, 7, 10 and 100 that holds them, 10 for names that speak of NPS or recommending; whole
    numbers 6 and 7 alone do not make a scale of seven, which is rarer than one of ten with no
    high marks. One value in a hundred may be beyond, and any number of codes such as 99 ("don't
    know") where nothing else is above 10: a slip of the keys makes no scale.
    """
    ratings = [found for found in map(parse_rating, values) if found is not None]
    stated = [top for _, top in ratings if top]
    top = _find_top([value for value, _ in ratings])
    if stated and max(stated) >= top:
        return max(stated)
    named = read_scale(column)
    if named is not None and top <= named:
        return named
    is_nps = "nps" in column.casefold() or asks_recommendation(column)
    if top <= 0:
        return None
    scales = (10.0, 100.0) if is_nps or 5 < top <= 7 else (5.0, 10.0, 100.0)
    return next((scale for scale in scales if top <= scale), None)


def _find_top(values: Sequence[float]) -> float:
    plain = [value for value in values if value not in _codes()]
    if plain and max(plain) <= 10:
        values = plain
    return sorted(values)[-1 - len(values) // 100] if values else 0.0


@cache
def _codes() -> frozenset[float]:
    return frozenset(map(float, load_config("values.toml")["scales"]["codes"]))


def read_scale(name: str) -> float | None:
    """The top of the scale that a question names, as "0-10" or "from 1 to 5"; None without one."""
    found = _load_scale().search(name.translate(_DIGITS))
    top = float(found[1]) if found else 0.0
    return top if 3 <= top <= 100 else None


@cache
def _load_scale() -> re.Pattern[str]:
    joins = "|".join(map(re.escape, load_config("values.toml")["scales"]["joins"]))
    # "0 (never) to 10"; no place in a date (2024-01-10) or number (1.0-10) is one.
    ends = rf"[01]\s{{0,3}}(?:\([^()]{{0,60}}\)\s?)?(?:{joins})\s{{0,3}}(\d{{1,3}})"
    return re.compile(rf"(?<![\w.,])(?<!\d[-–]){ends}(?![\w.,]*\d|-\d)", re.IGNORECASE)


@dataclass(frozen=True, slots=True)
class Amount:
    """A sum of money; currency as ISO 4217 code where the text names one."""

    value: float
    currency: str | None = None


def parse_amount(text: str, decimal: str = ".") -> Amount | None:
    """Read an amount: `1.234,56`, `$1,299.00`, `(5.00)`, `۱۲۰٬۰۰۰ تومان`, `₪ 49.90`.

    :param decimal: the column's decimal sign, for texts such as `1.234` that do not tell.
    """
    plain = _INVISIBLE.sub("", text.translate(_DIGITS)).strip()
    if not plain or len(plain) > 64:
        return None
    match = re.search(r"[\d.,'\u00a0\u202f ]*\d[\d.,]*", plain)
    if match is None:
        return None
    around = (plain[: match.start()] + " " + plain[match.end() :]).strip()
    is_negative = "-" in around or (plain.startswith("(") and plain.endswith(")"))
    name = around.strip("-() +\u00a0")
    currency = _load_currencies().get(name) or _load_currencies().get(name.upper())
    if name and currency is None:
        return None
    number = _to_number(match.group(), decimal)
    return None if number is None else Amount(-number if is_negative else number, currency)


def detect_decimal(values: Iterable[str]) -> str:
    """Tell the decimal sign of a column of amounts: a point unless more values show a comma."""
    n_points = n_commas = 0
    for value in values:
        digits = re.sub(r"[^\d.,]", "", value.translate(_DIGITS)).strip(".,")
        point, comma = digits.rfind("."), digits.rfind(",")
        last = max(point, comma)
        if last < 0:
            continue
        is_both = point >= 0 and comma >= 0
        is_single = digits.count(digits[last]) == 1
        if is_both or (is_single and len(digits) - last - 1 != 3):
            n_commas += comma == last
            n_points += point == last
        elif not is_single:  # 1.234.567: the sign groups, so the other one is decimal
            n_commas += point == last
            n_points += comma == last
    return "," if n_commas > n_points else "."


def _to_number(text: str, decimal: str) -> float | None:
    digits = re.sub(r"[\s'\u00a0\u202f]", "", text).rstrip(".,")
    point, comma = digits.rfind("."), digits.rfind(",")
    if point >= 0 and comma >= 0:
        decimal = "." if point > comma else ","
    else:
        sign = "." if point >= 0 else ","
        if digits.count(sign) > 1:
            decimal = "," if sign == "." else "."
        elif max(point, comma) >= 0 and len(digits) - max(point, comma) - 1 != 3:
            decimal = sign
    grouping = "," if decimal == "." else "."
    whole, _, rest = digits.partition(decimal)
    if grouping in whole and not _GROUPED.fullmatch(whole.replace(grouping, ",")):
        return None
    try:
        return float(f"{whole.replace(grouping, '')}.{rest}")
    except ValueError:
        return None


# By thousands, or as in India by hundreds above the first thousand: 1,23,45,678.
_GROUPED = re.compile(r"\d{1,3}(?:,\d{2,3})*,\d{3}")


@cache
def _load_currencies() -> dict[str, str]:
    data = dict(load_config("values.toml")["currencies"])
    codes = data.pop("codes")
    return data | {code: {"NIS": "ILS"}.get(code, code) for code in codes}
