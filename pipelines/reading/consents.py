"""What people allow and refuse in columns of exports, kept under names that do not vary.

The attribute `consent.<purpose>`, or `consent.<purpose>.<channel>`, is "granted" or "withdrawn";
names and answers are data (`configs/consents.toml`).
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from functools import cache

from pipelines.reading.vocabulary import fold_name
from pipelines.resources import load_config

GRANTED, WITHDRAWN = "granted", "withdrawn"
_LONGEST_NAME = 300
# Shorter names mean something else within a longer one: "informed consent form version".
_MIN_WORDS_WITHIN = 3


@dataclass(frozen=True, slots=True)
class Consent:
    """What a column says.

    :param key: the attribute that it is kept as.
    :param refuses: a yes is a refusal.
    """

    key: str
    refuses: bool


def find_consents(columns: Iterable[str]) -> dict[str, Consent]:
    """The columns in which something is allowed or refused."""
    found = ((column, _find_consent(column)) for column in columns)
    return {column: consent for column, consent in found if consent is not None}


def name_consents(attributes: dict[str, str], consents: Mapping[str, Consent]) -> None:
    """Put answers under the names of :func:`find_consents`; what is no answer stays as it is.

    Of two answers to one thing the refusal counts. Who has not refused has not allowed either: a
    "no" to "Do not call" stays under its column.
    """
    for column, consent in consents.items():
        is_yes = _answers().get(" ".join(attributes.get(column, "").casefold().split()))
        if is_yes is None or (consent.refuses and not is_yes):
            continue
        del attributes[column]
        is_granted = not consent.refuses and is_yes and attributes.get(consent.key) != WITHDRAWN
        attributes[consent.key] = GRANTED if is_granted else WITHDRAWN


def _find_consent(column: str) -> Consent | None:
    folded = fold_name(column[:_LONGEST_NAME])
    if folded in _names():
        return _names()[folded]
    padded = f" {folded} "
    within = [name for name in _long_names() if f" {name} " in padded]
    return _names()[max(within, key=lambda name: (len(name), name))] if within else None


@cache
def _names() -> dict[str, Consent]:
    found: dict[str, Consent] = {}
    for each in load_config("consents.toml")["column"]:
        channel = f".{each['channel']}" if "channel" in each else ""
        consent = Consent(f"consent.{each['purpose']}{channel}", each.get("refuses", False))
        found |= dict.fromkeys(map(fold_name, each["names"]), consent)
    return found


@cache
def _long_names() -> tuple[str, ...]:
    return tuple(name for name in _names() if name.count(" ") + 1 >= _MIN_WORDS_WITHIN)


@cache
def _answers() -> dict[str, bool]:
    """Whether an answer is a yes."""
    data = load_config("consents.toml")
    return dict.fromkeys(data["yes"], True) | dict.fromkeys(data["no"], False)
