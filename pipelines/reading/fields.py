"""What a row says of one role: a date, a rating, an amount, or the text as it stands."""

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from datetime import datetime, tzinfo
from typing import Literal

from pipelines.reading.consents import name_consents
from pipelines.reading.dates import parse_date
from pipelines.reading.formats import Formats
from pipelines.reading.mapping import ColumnMap
from pipelines.reading.numbers import is_placeholder, parse_amount, parse_rating
from pipelines.reading.tables import HIDDEN, Row

Value = Literal["date", "rating", "amount"]


@dataclass(slots=True)
class Unread:
    """Values of a column that cannot be read as what they should be."""

    what: Value
    role: str
    first_row: int
    n: int = 0


@dataclass(slots=True)
class Tally:
    """What was met while reading: rows are kept, but a person may want to know.

    :param unread: by column.
    """

    n_rows: int = 0
    n_items: int = 0
    n_unclear_consents: int = 0
    n_lost_bytes: int = 0
    n_control_chars: int = 0
    unread: dict[str, Unread] = field(default_factory=dict)

    def note_unread(self, what: Value, role: str, column: str, row: int) -> None:
        """Count a value that cannot be read."""
        self.unread.setdefault(column, Unread(what, role, row)).n += 1

    def add(self, other: "Tally") -> None:
        """Add what was met in the rows that follow."""
        for name in ("n_rows", "n_items", "n_unclear_consents", "n_lost_bytes", "n_control_chars"):
            setattr(self, name, getattr(self, name) + getattr(other, name))
        for column, own in other.unread.items():
            first = self.unread.setdefault(column, replace(own, n=0))
            first.n += own.n

    def count_unread(self, what: Value) -> int:
        """How many values that should be one of these cannot be read."""
        return sum(each.n for each in self.unread.values() if each.what == what)


def get_field(values: Mapping[str, str], mapping: ColumnMap, role: str) -> str | None:
    """The text of a role, without blanks around it; None where the row has none."""
    column = mapping.columns.get(role)
    return values.get(column, "").strip() or None if column else None


def get_filled(values: Mapping[str, str], mapping: ColumnMap, role: str) -> str | None:
    """The text of a role; None also where it stands for nothing, as `N/A` does."""
    text = get_field(values, mapping, role)
    return None if text is None or is_placeholder(text) else text


def list_rest(
    values: Mapping[str, str], mapping: ColumnMap, formats: Formats, counts: Tally
) -> dict[str, str]:
    """The filled columns that no role uses, by name; those of consent as `consent.<purpose>`."""
    used = mapping.used
    rest = {column: value for column, value in values.items() if value and column not in used}
    counts.n_unclear_consents += name_consents(rest, formats.consents)
    return rest


def show_row(values: Mapping[str, str], mapping: ColumnMap) -> str:
    """A row as it may be kept: what names a person is hidden; the rest is masked later."""
    hidden = mapping.personal
    return "; ".join(
        f"{column}={HIDDEN if column in hidden else value[:200]}"
        for column, value in values.items()
        if value
    )


def read_date(
    row: Row,
    mapping: ColumnMap,
    role: str,
    formats: Formats,
    zone: tzinfo,
    counts: Tally,
    attributes: dict[str, str],
) -> datetime | None:
    """The moment of a role; one that cannot be read stays under its column in `attributes`."""
    text = get_filled(row.values, mapping, role)
    if text is None:
        return None
    at = parse_date(text, formats.dates.order, zone)
    if at is None:
        _keep_unread("date", role, text, row, mapping, counts, attributes)
    return at


def read_rating(
    row: Row,
    mapping: ColumnMap,
    formats: Formats,
    counts: Tally,
    attributes: dict[str, str],
) -> tuple[float | None, float | None]:
    """The rating and the top of its scale; what is none stays under its column."""
    text = get_filled(row.values, mapping, "rating")
    if text is None:
        return None, None
    found = parse_rating(text)
    if found is None:
        _keep_unread("rating", "rating", text, row, mapping, counts, attributes)
        return None, None
    value, top = found
    stated = parse_rating(get_field(row.values, mapping, "rating_max") or "")
    top = top or (stated[0] if stated else formats.rating_max)
    if top is not None and not 0 <= value <= top:
        _keep_unread("rating", "rating", text, row, mapping, counts, attributes)
        return None, None
    return value, top


def read_amount(
    row: Row,
    mapping: ColumnMap,
    formats: Formats,
    counts: Tally,
    attributes: dict[str, str],
) -> tuple[float | None, str | None]:
    """The amount and its currency; what is none stays under its column."""
    text = get_filled(row.values, mapping, "amount")
    if text is None:
        return None, None
    amount = parse_amount(text, formats.decimal)
    if amount is None:
        _keep_unread("amount", "amount", text, row, mapping, counts, attributes)
        return None, None
    return amount.value, amount.currency


def _keep_unread(
    what: Value,
    role: str,
    text: str,
    row: Row,
    mapping: ColumnMap,
    counts: Tally,
    attributes: dict[str, str],
) -> None:
    column = mapping.columns[role]
    attributes[column] = text
    counts.note_unread(what, role, column, row.number)
