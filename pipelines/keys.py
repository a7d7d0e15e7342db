"""Keys by which a person is recognised: one spelling for each id, order, e-mail, phone, handle."""

import re
import unicodedata
from collections.abc import Callable
from functools import cache, lru_cache
from typing import Any, Protocol

from pipelines.reading.profiles import is_network, take_handle
from pipelines.resources import load_config
from pipelines.secret import hash_key

KEY_TYPES = ("customer_id", "order", "email", "customer_number", "phone", "handle")
"""From the surest to the least sure. A customer_number is an id of digits without what Excel adds
or takes away: 007 and 7.0 are 7."""
# How sure a link by each key is; an own id is exact, a phone is shared, a handle changes hands.
# scripts/bench_link.py prints the share that is right, by key.
LINK_CONFIDENCE = {
    "customer_id": 1.0,
    "order": 0.99,
    "email": 0.99,
    "customer_number": 0.97,
    "phone": 0.95,
    "handle": 0.9,
}


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


def hash_person(
    secret: bytes, person: Person, region: str | None = None, order: str | None = None
) -> dict[str, str]:
    """Keyed hash of each usable key of a record; see :func:`hash_keys`.

    :param order: number of an order that the record names.
    """
    values = {
        "customer_id": person.customer,
        "order": order,
        "email": person.email,
        "customer_number": person.customer,
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
    return _to_ascii_digits(value).casefold()


def _normalize_number(value: str) -> str | None:
    """The number behind an id that a spreadsheet may have read as one."""
    match = _NUMBER.fullmatch(_to_ascii_digits(value))
    return match[1] if match else None


_NUMBER = re.compile(r"0*([0-9]{1,18})(?:\.0+)?")


def _normalize_order(value: str) -> str | None:
    """`#1001` and `1001` are one order; whatever holds no digit is no number of an order."""
    bare = _to_ascii_digits(value).removeprefix("#").strip().casefold()
    return bare if any(char.isdigit() for char in bare) else None


def _to_ascii_digits(value: str) -> str:
    if value.isascii():
        return value
    return "".join(str(unicodedata.decimal(char, char)) for char in value)


def _normalize_email(value: str) -> str | None:
    folded = value.casefold()
    # The validator takes 65 us, and most addresses are of this plain form.
    match = _PLAIN_EMAIL.fullmatch(folded)
    if match is None or ".." in folded or match[2] in _SPECIAL_ENDINGS or len(folded) > 200:
        checked = _check_email(value)
        if checked is None:
            return None
        folded = checked
    local, _, domain = folded.rpartition("@")
    return f"{_drop_ignored(local, domain)}@{_mail_rules()['same'].get(domain, domain)}"


_PLAIN_EMAIL = re.compile(
    r"([a-z0-9](?:[a-z0-9._+-]{0,62}[a-z0-9])?)@(?:[a-z0-9]+(?:-[a-z0-9]+)*\.)+([a-z]{2,24})"
)
# The validator refuses some of these.
_SPECIAL_ENDINGS = frozenset(("local", "localhost", "invalid", "onion", "arpa", "test"))


def _drop_ignored(local: str, domain: str) -> str:
    """A mailbox without what its provider ignores; as it is where nothing is known of that."""
    rules = _mail_rules()
    if domain in rules["plus"]:
        local = local.partition("+")[0] or local
    if domain in rules["dots"]:
        local = local.replace(".", "") or local
    return local


@cache
def _mail_rules() -> dict[str, Any]:
    found: dict[str, Any] = load_config("values.toml")["mail"]
    return found


@lru_cache(maxsize=65_536)
def _check_email(value: str) -> str | None:
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

    value = _to_ascii_digits(value)
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
    "customer_number": _normalize_number,
    "order": _normalize_order,
    "email": _normalize_email,
    "handle": _normalize_handle,
}
