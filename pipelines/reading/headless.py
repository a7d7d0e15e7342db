"""Tables without a row of column names: their first row would be taken for it, and be lost."""

import re
from collections.abc import Callable, Iterable
from typing import Final

from pipelines.errors import InputError
from pipelines.reading.dates import parse_date
from pipelines.reading.sampling import Sample

# As many of a column's values must be of its name's kind.
_SHARE: Final = 0.8
_DATE: Final = re.compile(r"\s*\d{1,4}[-/.]\d{1,2}[-/.]\d{1,4}\b")
_EMAIL: Final = re.compile(r"\s*[^\s@]+@[^\s@]+\.[^\s@]+\s*")


def check_headers(samples: Iterable[Sample]) -> None:
    """Refuse tables of which the first row of one is a row like the others.

    :raises InputError: for it would be lost as the names of columns.
    """
    for sample in samples:
        if found := find_missing_header(sample):
            raise InputError(
                f"{sample.place} has no row of column names: its first row holds {found}; put "
                "names above it, such as id,date,comment ; if these are names, say so with "
                "--map text=COLUMN"
            )


def find_missing_header(sample: Sample) -> str | None:
    """Name the kind of value that stands where a column's name should: above others of its kind.

    :returns: "a date above dates" or "an e-mail address above such"; None for a sound header.
    """
    if sample.recognised is not None or sample.format not in _WITH_HEADER or not sample.rows:
        return None
    for is_one, what in (
        (_is_date, "a date above dates"),
        (_is_email, "an e-mail address above such"),
    ):
        for column in filter(is_one, sample.columns):
            if _is_mostly(is_one, (row.get(column, "") for row in sample.rows)):
                return what
    return None


# Formats whose names of columns are a row like the others.
_WITH_HEADER: Final = frozenset({"csv", "tsv", "text", "xlsx", "xls", "xlsb", "ods"})


def _is_mostly(is_one: Callable[[str], bool], values: Iterable[str]) -> bool:
    filled = [value for value in values if value.strip()]
    return bool(filled) and sum(map(is_one, filled)) >= _SHARE * len(filled)


def _is_date(value: str) -> bool:
    return bool(_DATE.match(value)) and parse_date(value) is not None


def _is_email(value: str) -> bool:
    return _EMAIL.fullmatch(value) is not None
