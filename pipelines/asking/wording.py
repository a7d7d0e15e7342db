"""What a question came to, in words and for programs, and languages as people write them."""

from collections.abc import Iterable
from datetime import timedelta
from typing import TYPE_CHECKING, Any

from pipelines.asking.times import Days
from pipelines.errors import ConfigError

if TYPE_CHECKING:
    from pipelines.asking.asking import Found


def parse_langs(given: Iterable[str]) -> tuple[str, ...]:
    """The codes of languages, by code or English name.

    :raises ConfigError: for what is no language.
    """
    from nlp.label_names import read_language

    codes = {name: read_language(name) for name in given}
    if unknown := [name for name, code in codes.items() if code is None]:
        raise ConfigError(
            f"--lang {unknown[0]}: no language is called so; write it as he or Hebrew"
        )
    return tuple(dict.fromkeys(code for code in codes.values() if code))


def describe_days(days: Days) -> str:
    """Days as they are understood, the last one included."""
    last = days.after - timedelta(days=1) if days.after else None
    if days.first and last:
        return f"{days.first} to {last}" if days.first != last else f"{days.first}"
    return f"since {days.first}" if days.first else f"until {last}"


def describe(found: "Found") -> dict[str, Any]:
    """What a question came to, for programs."""
    from dataclasses import asdict

    filters = {name: value for name, value in asdict(found.filters).items() if value}
    return {
        "searching_for": found.understood.text or None,
        "exact": found.understood.exact,
        "counted_from": found.today.isoformat() if found.today else None,
        "filters": filters,
        "texts_searched": found.n_texts,
        "answers": [asdict(answer) for answer in found.answers],
    }
