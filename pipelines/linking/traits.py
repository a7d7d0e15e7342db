"""What else two records of one person have in common: hashed names, towns, years, parts of keys.

Traits link nobody by themselves; they are what :mod:`pipelines.linking.probable` weighs. They are
kept as keyed hashes beside the keys, and only where ``linking.traits`` asks for them: a hash of a
name is still personal data.
"""

import re
import unicodedata
from dataclasses import dataclass

from pipelines.keys import normalize_key
from pipelines.secret import hash_key

TRAIT_TYPES = (
    *("name", "name_first", "name_last", "name_sound", "city", "birth_year"),
    *("email_local", "phone_end"),
)
# National numbers without their trunk and area: a mistyped or missing prefix does not matter.
_PHONE_END = 7
_YEAR = re.compile(r"(?<!\d)([1١۱][89٨٩۸۹]\d\d|[2٢۲][0٠۰]\d\d)(?!\d)")
_VOWELS = re.compile("[aeiouyאוי]")
_REPEATED = re.compile(r"(.)\1+")
_FOLD = str.maketrans({"ي": "ی", "ى": "ی", "ك": "ک", "أ": "ا", "إ": "ا", "آ": "ا", "ة": "ه"})


@dataclass(frozen=True)
class Traits:
    """What a record says of a person beside the keys, as it was read."""

    name: str | None = None
    city: str | None = None
    birth: str | None = None
    email: str | None = None
    phone: str | None = None


def hash_traits(secret: bytes, traits: Traits, region: str | None = None) -> dict[str, str]:
    """Keyed hash of each trait that the record has, by trait type.

    :param region: two-letter country of phone numbers without a country code.
    """
    found = {
        **_read_name(traits.name),
        "city": fold_words(traits.city),
        "birth_year": _read_year(traits.birth),
        "email_local": _read_local(traits.email),
        "phone_end": _read_phone_end(traits.phone, region),
    }
    return {kind: hash_key(secret, kind, value) for kind, value in found.items() if value}


def fold_words(text: str | None) -> str:
    """Words in lower case, without marks and punctuation, in alphabetical order."""
    plain = unicodedata.normalize("NFKD", text or "").casefold()
    plain = "".join(char for char in plain if not unicodedata.combining(char))
    return " ".join(sorted(re.findall(r"[^\W_\d]+", plain.translate(_FOLD))))


def _read_name(name: str | None) -> dict[str, str]:
    """The first and the last word in alphabetical order: exports differ in which comes first."""
    words = fold_words(name).split()
    if not words:
        return {}
    sounds = sorted(_REPEATED.sub(r"\1", _VOWELS.sub("", word)) or word for word in words)
    found = {"name": " ".join(words), "name_sound": " ".join(sounds)}
    return found | ({"name_first": words[0], "name_last": words[-1]} if len(words) > 1 else {})


def _read_year(birth: str | None) -> str:
    """In whatever digits it is written."""
    match = _YEAR.search(unicodedata.normalize("NFKC", birth or ""))
    return str(int(match[1])) if match else ""


def _read_local(email: str | None) -> str:
    """Letters and digits before the @: a mistyped domain leaves it as it is."""
    local = (email or "").rpartition("@")[0].partition("+")[0].casefold()
    return re.sub(r"[\W_]", "", local)


def _read_phone_end(phone: str | None, region: str | None) -> str:
    number = normalize_key("phone", phone, region) if phone else None
    digits = re.sub(r"\D", "", number or phone or "")
    return digits[-_PHONE_END:] if len(digits) >= _PHONE_END else ""
