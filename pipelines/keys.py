"""Keys by which a person is recognised: one spelling for each e-mail, phone, handle and id."""

import re
import unicodedata
from collections.abc import Callable
from functools import lru_cache
from typing import Protocol

from pipelines.reading.profiles import is_network, take_handle
from pipelines.secret import hash_key

KEY_TYPES = ("customer_id", "email", "phone", "handle")
# How sure a link by each key is; an own id is exact, a handle can change hands.
LINK_CONFIDENCE = {"customer_id": 1.0, "email": 0.99, "phone": 0.95, "handle": 0.9}


def normalize_key(kind: str, value: str, region: str | None = None) -> str | None:
    """The one spelling of a key; None when the value is not such a key.

    :param kind: one of KEY_TYPES.
    :param region: two-letter country for phone numbers written without a country code.
    :raises KeyError: for another kind.
    """
    value = unicodedata.normalize("NFKC", value).strip()
    if kind == "phone":
        return _normalize_phone(value, region) if value else None
    return _NORMALIZERS[kind](value) if value else None


class Person(Protocol):
    """A record that may name a person by any of the keys, as it was read."""

    @property
    def customer(self) -> str | None:
        """The customer's own id."""

    @property
    def email(self) -> str | None:
        """An e-mail address."""

    @property
    def phone(self) -> str | None:
        """A phone number."""

    @property
    def handle(self) -> str | None:
        """A name in a social network."""


def hash_person(secret: bytes, person: Person, region: str | None = None) -> dict[str, str]:
    """Keyed hash of each usable key of a record; see :func:`hash_keys`."""
    values = {
        "customer_id": person.customer,
        "email": person.email,
        "phone": person.phone,
        "handle": person.handle,
    }
    return hash_keys(secret, values, region)


def hash_keys(
    secret: bytes, values: dict[str, str | None], region: str | None = None
) -> dict[str, str]:
    """Keyed hash of each usable key.

    :param values: raw value by key type; None and unusable values are left out.
    :returns: hash by key type, in the order of KEY_TYPES.
    """
    hashes = {}
    for kind in KEY_TYPES:
        value = values.get(kind)
        normal = normalize_key(kind, value, region) if value else None
        if normal:
            hashes[kind] = hash_key(secret, kind, normal)
    return hashes


def _normalize_id(value: str) -> str | None:
    return value.casefold()


@lru_cache(maxsize=65_536)
def _normalize_email(value: str) -> str | None:
    from email_validator import EmailNotValidError, validate_email

    try:
        checked = validate_email(value, check_deliverability=False, test_environment=True)
    except EmailNotValidError:
        return None
    return checked.normalized.casefold()


@lru_cache(maxsize=65_536)
def _normalize_phone(value: str, region: str | None) -> str | None:
    from phonenumbers import (
        NumberParseException,
        PhoneNumberFormat,
        format_number,
        is_possible_number,
        parse,
    )

    value = "".join(str(unicodedata.decimal(char, char)) for char in value)
    # The international prefix of most countries; phonenumbers knows it only with a region.
    value = re.sub(r"^\W*0\W*0(?=\W*[1-9])", "+", value)
    try:
        number = parse(value, region)
    except NumberParseException:
        return None
    # "Possible" and not "valid": numbering plans grow, and a key only has to be one spelling.
    return format_number(number, PhoneNumberFormat.E164) if is_possible_number(number) else None


def _normalize_handle(value: str) -> str | None:
    """`@Name` and the address of the profile are one handle; a post's address is none."""
    if is_network(value):
        value = take_handle(value) or ""
    return value.removeprefix("@").casefold() or None


_NORMALIZERS: dict[str, Callable[[str], str | None]] = {
    "customer_id": _normalize_id,
    "email": _normalize_email,
    "handle": _normalize_handle,
}
