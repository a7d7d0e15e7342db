"""What people allow and refuse in columns of exports, kept under names that do not vary.

The attribute `consent.<purpose>`, or `consent.<purpose>.<channel>`, is "granted", "withdrawn" or,
where a column in which people refuse says no, "not_refused"; names and answers are data
(`configs/consents.toml`).
"""

import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from functools import cache
from typing import Any, Final

from pipelines.folding import fold_name
from pipelines.reading.numbers import is_placeholder
from pipelines.resources import load_config

GRANTED, WITHDRAWN, NOT_REFUSED = "granted", "withdrawn", "not_refused"
# Of answers to one thing at one moment the last of these counts.
STATUSES: Final = (NOT_REFUSED, GRANTED, WITHDRAWN)
PREFIX = "consent."
_LONGEST_NAME = 300
# Shorter names mean something else within a longer one: "informed consent form version".
_MIN_WORDS_WITHIN = 3
# Where fewer of the answers are a yes or a no, a column asks for something else: a name, a day.
_MIN_ANSWERED = 0.5
_FIRST_WORD = re.compile(r"[^\W\d_]+")


@dataclass(frozen=True, slots=True)
class Consent:
    """What a column says.

    :param key: the attribute that it is kept as.
    :param refuses: a yes is a refusal.
    :param unclear_is_no: what is neither yes nor no is a refusal.
    """

    key: str
    refuses: bool
    unclear_is_no: bool


def name_key(purpose: str, channel: str | None) -> str:
    """The attribute for a purpose; see :func:`read_key`."""
    return f"{PREFIX}{purpose}" + (f".{channel}" if channel else "")


def is_consent(name: str) -> bool:
    """Whether an attribute is an answer about consent."""
    return name.startswith(PREFIX)


def read_key(name: str) -> tuple[str, str | None]:
    """Purpose and channel of an attribute; the channel is None for all."""
    purpose, _, channel = name.removeprefix(PREFIX).partition(".")
    return purpose, channel or None


def list_channels() -> set[str]:
    """The channels that columns may be of."""
    return {each["channel"] for each in _read()["column"] if "channel" in each}


def find_consents(
    columns: Iterable[str],
    rows: Sequence[Mapping[str, str]] = (),
    labels: Mapping[str, str] | None = None,
) -> dict[str, Consent]:
    """The columns in which something is allowed or refused.

    :param rows: a sample: most of the answers that it holds are a yes or a no.
    :param labels: what was asked in a column, where its name does not say it.
    """
    named = _find_named(columns, labels or {})
    return {column: found for column, found in named.items() if _is_answered(column, rows)}


def leave_consents_out(
    columns: Sequence[str],
    rows: Sequence[Mapping[str, str]],
    labels: Mapping[str, str] | None = None,
) -> list[str]:
    """The other columns: those that may have a role."""
    consents = find_consents(columns, rows, labels)
    return [column for column in columns if column not in consents]


def find_unanswered(
    columns: Iterable[str], rows: Sequence[Mapping[str, str]], labels: Mapping[str, str]
) -> list[str]:
    """Columns that are named as if something was allowed there, but hold other things."""
    return [column for column in _find_named(columns, labels) if not _is_answered(column, rows)]


def name_consents(attributes: dict[str, str], consents: Mapping[str, Consent]) -> int:
    """Put answers under the names of :func:`find_consents`; what is no answer stays as it is.

    Of two answers to one thing the refusal counts. Who has not refused has not allowed either.

    :returns: number of answers that are neither a yes nor a no.
    """
    n_unclear = 0
    for column, consent in consents.items():
        told = attributes.get(column, "")
        if not told or is_placeholder(told):
            continue
        is_yes = read_answer(told)
        if is_yes is None:
            n_unclear += 1
            if consent.unclear_is_no:
                attributes[consent.key] = WITHDRAWN
        else:
            del attributes[column]
            no, yes = (NOT_REFUSED, WITHDRAWN) if consent.refuses else (WITHDRAWN, GRANTED)
            said = attributes.get(consent.key, NOT_REFUSED), yes if is_yes else no
            attributes[consent.key] = max(said, key=STATUSES.index)
    return n_unclear


def read_answer(told: str) -> bool | None:
    """Whether an answer is a yes; None where it is neither yes nor no.

    `No, thanks` is a no and `Yes, you may` a yes; `Yes, but not by name` is neither.
    """
    plain = " ".join(told.casefold().replace("-", " ").replace("_", " ").split()).strip(" .!,")
    if plain in (known := _answers()):
        return known[plain]
    words = _FIRST_WORD.findall(plain)
    if not words or words[0] not in (begins := _beginnings()):
        return None
    is_yes = begins[words[0]]
    return None if is_yes and _conditions() & {*words[1:]} else is_yes


def _is_answered(column: str, rows: Sequence[Mapping[str, str]]) -> bool:
    told = [value for row in rows if (value := row.get(column)) and not is_placeholder(value)]
    n_answers = sum(read_answer(value) is not None for value in told)
    return n_answers >= _MIN_ANSWERED * len(told)


def _find_named(columns: Iterable[str], labels: Mapping[str, str]) -> dict[str, Consent]:
    found = (
        (column, _find_consent(column) or _find_consent(labels.get(column, "")))
        for column in columns
    )
    return {column: consent for column, consent in found if consent is not None}


def _find_consent(column: str) -> Consent | None:
    folded = fold_name(column[:_LONGEST_NAME])
    if folded in _names():
        return _names()[folded]
    padded = f" {folded} "
    within = [name for name in _long_names() if f" {name} " in padded]
    if within:
        return _names()[max(within, key=lambda name: (len(name), name))]
    return next((consent for part, consent in _parts().items() if f" {part}" in padded), None)


@cache
def _names() -> dict[str, Consent]:
    found: dict[str, Consent] = {}
    for each in _read()["column"]:
        found |= dict.fromkeys(map(fold_name, each["names"]), _read_consent(each))
    return found


@cache
def _parts() -> dict[str, Consent]:
    found: dict[str, Consent] = {}
    for each in _read()["column"]:
        found |= dict.fromkeys(map(fold_name, each.get("parts", ())), _read_consent(each))
    return found


def _read_consent(column: Mapping[str, Any]) -> Consent:
    key = name_key(column["purpose"], column.get("channel"))
    return Consent(key, column.get("refuses", False), column.get("unclear_is_no", False))


@cache
def _long_names() -> tuple[str, ...]:
    return tuple(name for name in _names() if name.count(" ") + 1 >= _MIN_WORDS_WITHIN)


@cache
def _answers() -> dict[str, bool]:
    """Whether an answer is a yes."""
    return dict.fromkeys(_read()["yes"], True) | dict.fromkeys(_read()["no"], False)


@cache
def _beginnings() -> dict[str, bool]:
    """Whether an answer that begins with a word is a yes."""
    begins = _read()["begins"]
    return dict.fromkeys(begins["yes"], True) | dict.fromkeys(begins["no"], False)


@cache
def _conditions() -> frozenset[str]:
    """Words behind a yes that take it back in part."""
    return frozenset(_read()["begins"]["unless"])


@cache
def _read() -> dict[str, Any]:
    return load_config("consents.toml")
