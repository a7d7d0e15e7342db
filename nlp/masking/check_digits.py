"""Check digits of numbers that states and banks give out; each function takes digits as text."""

from collections.abc import Callable, Sequence
from typing import Final

__all__ = ["CHECK_DIGITS", "is_luhn", "is_mod_97"]


def is_luhn(digits: str) -> bool:
    """ISO/IEC 7812: cards, and the numbers of Israel, Saudi Arabia, the Emirates, Canada."""
    doubled = (sum(divmod(2 * int(digit), 10)) for digit in digits[-2::-2])
    return (sum(map(int, digits[-1::-2])) + sum(doubled)) % 10 == 0


def is_mod_97(code: str) -> bool:
    """ISO 7064, as in IBANs: letters count from 10."""
    return int("".join(str(int(char, 36)) for char in code[4:] + code[:4])) % 97 == 1


def _weigh(digits: str, weights: Sequence[int]) -> int:
    return sum(int(digit) * weight for digit, weight in zip(digits, weights, strict=False))


def _is_iranian(digits: str) -> bool:
    rest = _weigh(digits, range(10, 1, -1)) % 11
    return len(set(digits)) > 1 and int(digits[9]) == (rest if rest < 2 else 11 - rest)


def _is_turkish(digits: str) -> bool:
    first = (7 * _weigh(digits[0:9:2], [1] * 5) - _weigh(digits[1:8:2], [1] * 4)) % 10
    last = sum(map(int, digits[:10])) % 10
    return digits[0] != "0" and [first, last] == [int(digits[9]), int(digits[10])]


def _is_brazilian(digits: str) -> bool:
    first = _weigh(digits, range(10, 1, -1)) * 10 % 11 % 10
    second = _weigh(digits, range(11, 1, -1)) * 10 % 11 % 10
    return len(set(digits)) > 1 and digits[9:] == f"{first}{second}"


def _is_spanish(code: str) -> bool:
    number = code[:-1].upper().translate(str.maketrans("XYZ", "012"))
    return "TRWAGMYFPDXBNJZSQVHLCKE"[int(number) % 23] == code[-1].upper()


def _is_chinese(code: str) -> bool:
    weights = [pow(2, 17 - place, 11) for place in range(17)]
    return "10X98765432"[_weigh(code[:17], weights) % 11] == code[17].upper()


def _is_french(digits: str) -> bool:
    return (int(digits[:13]) + int(digits[13:15])) % 97 == 0


def _is_polish(digits: str) -> bool:
    return _weigh(digits, (1, 3, 7, 9, 1, 3, 7, 9, 1, 3, 1)) % 10 == 0


def _is_dutch(digits: str) -> bool:
    return _weigh(digits, (9, 8, 7, 6, 5, 4, 3, 2, -1)) % 11 == 0


def _is_british(digits: str) -> bool:
    """NHS number."""
    return _weigh(digits, (10, 9, 8, 7, 6, 5, 4, 3, 2, 1)) % 11 == 0


def _is_german(digits: str) -> bool:
    """Tax number, ISO 7064 mod 11, 10."""
    product = 10
    for digit in digits[:10]:
        product = ((int(digit) + product) % 10 or 10) * 2 % 11
    return digits[0] != "0" and (11 - product) % 10 == int(digits[10])


_D5: Final = tuple(
    tuple(
        (row + column) % 5 + (0 if column < 5 else 5)
        if row < 5
        else (row - column) % 5 + (5 if column < 5 else 0)
        for column in range(10)
    )
    for row in range(10)
)
_TURN: Final = (1, 5, 7, 6, 2, 8, 3, 0, 9, 4)


def _is_indian(digits: str) -> bool:
    """Verhoeff's scheme (1969), by the dihedral group of ten elements."""
    check = 0
    for place, digit in enumerate(reversed(digits)):
        number = int(digit)
        for _ in range(place % 8):
            number = _TURN[number]
        check = _D5[check][number]
    return digits[0] not in "01" and check == 0


def _is_american(digits: str) -> bool:
    """Social security number: no check digit, but areas and groups that are never given."""
    area, group, serial = digits[:3], digits[3:5], digits[5:]
    return area not in ("000", "666") and area < "900" and group != "00" and serial != "0000"


def _is_egyptian(digits: str) -> bool:
    """Century, date of birth, governorate."""
    month, day, place = int(digits[3:5]), int(digits[5:7]), int(digits[7:9])
    return 1 <= month <= 12 and 1 <= day <= 31 and (1 <= place <= 35 or place == 88)


CHECK_DIGITS: Final[dict[str, Callable[[str], bool]]] = {
    "luhn": is_luhn,
    "iranian": _is_iranian,
    "turkish": _is_turkish,
    "brazilian": _is_brazilian,
    "spanish": _is_spanish,
    "chinese": _is_chinese,
    "french": _is_french,
    "polish": _is_polish,
    "dutch": _is_dutch,
    "british": _is_british,
    "german": _is_german,
    "indian": _is_indian,
    "american": _is_american,
    "egyptian": _is_egyptian,
}
"""By the name that a recogniser's ``check`` has; the code comes without spaces and dashes."""
