"""Typed records from rows: feedback, customers and events."""

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, tzinfo
from zoneinfo import ZoneInfo

from nlp.noise import Reason
from pipelines.reading.dates import DateOrder, detect_date_order, parse_date
from pipelines.reading.layouts import Layout
from pipelines.reading.mapping import ColumnMap
from pipelines.reading.numbers import (
    detect_decimal,
    infer_rating_max,
    is_placeholder,
    parse_amount,
    parse_rating,
)
from pipelines.reading.sampling import Sample
from pipelines.reading.tables import HIDDEN, BadRow, Row, Table, make_bad_row
from pipelines.reading.vocabulary import load_vocabulary


@dataclass(frozen=True, slots=True)
class Origin:
    """What holds for all feedback of a known layout, where the configuration says nothing else.

    :param layout: its name.
    :param stated: declared by the person, or inferred from what they did.
    """

    layout: str
    channel: str | None
    party: str
    stated: str


@dataclass(frozen=True, slots=True)
class FeedbackItem:
    """One answer, review or comment, raw: not repaired and not masked.

    :param source_id: the row's own id, shared by all items of one row; None where there is none.
    :param question: of a survey: the value of a question column, or the name of the text column.
    :param at: aware, UTC; None where there is no date or none that can be read.
    :param rating_max: top of the rating's scale, stated or inferred for the column.
    :param thread: the conversation that it belongs to.
    :param version: of the product.
    :param edited: aware, UTC; when this version of the item was written.
    :param noise: why it should not count, where its layout says so.
    :param attributes: all other filled columns but the private ones; values that could not be
        read as a date or rating stay here under their column.
    """

    file: str
    row_number: int
    text: str
    source: str | None = None
    source_id: str | None = None
    question: str | None = None
    lang: str | None = None
    at: datetime | None = None
    rating: float | None = None
    rating_max: float | None = None
    author: str | None = None
    customer: str | None = None
    email: str | None = None
    phone: str | None = None
    handle: str | None = None
    order: str | None = None
    city: str | None = None
    birth: str | None = None
    channel: str | None = None
    product: str | None = None
    reply: str | None = None
    thread: str | None = None
    version: str | None = None
    edited: datetime | None = None
    noise: Reason | None = None
    origin: Origin | None = None
    attributes: dict[str, str] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class CustomerRecord:
    """One customer of a CRM export; `name` is for masking and never to be stored plainly."""

    file: str
    row_number: int
    customer: str | None = None
    email: str | None = None
    phone: str | None = None
    handle: str | None = None
    name: str | None = None
    city: str | None = None
    birth: str | None = None
    segment: str | None = None
    country: str | None = None
    lang: str | None = None
    created: datetime | None = None
    attributes: dict[str, str] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class EventRecord:
    """One order, refund, churn, renewal ...; currency as ISO 4217 code where known."""

    file: str
    row_number: int
    at: datetime
    source_id: str | None = None
    customer: str | None = None
    email: str | None = None
    phone: str | None = None
    handle: str | None = None
    order: str | None = None
    kind: str | None = None
    amount: float | None = None
    currency: str | None = None
    attributes: dict[str, str] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Formats:
    """How a table writes dates, ratings and amounts, decided for whole columns.

    :param labels: what was asked in a column, where its name does not say it.
    :param zone: of dates that name none, where the file says so.
    :param keeps_ratings: a rating without words is a feedback too.
    """

    dates: DateOrder = field(default_factory=DateOrder)
    rating_max: float | None = None
    decimal: str = "."
    labels: Mapping[str, str] = field(default_factory=dict)
    zone: str | None = None
    keeps_ratings: bool = False
    origin: Origin | None = None


@dataclass(slots=True)
class Tally:
    """What was met while reading: rows are kept, but a person may want to know."""

    n_rows: int = 0
    n_items: int = 0
    n_unread_dates: int = 0
    n_unread_ratings: int = 0
    n_unread_amounts: int = 0
    n_lost_bytes: int = 0


def learn_formats(mapping: ColumnMap, sample: Sample, layout: Layout | None = None) -> Formats:
    """Decide the formats of columns from a sample that does not depend on the order of rows.

    :param layout: what it says of formats goes before what the sample shows.
    """

    def values(role: str) -> list[str]:
        column = mapping.columns.get(role)
        return [row[column] for row in sample.rows if column in row] if column else []

    rating = mapping.columns.get("rating", "")
    return Formats(
        dates=detect_date_order(values("at") + values("created")),
        rating_max=(layout and layout.rating_max) or infer_rating_max(values("rating"), rating),
        decimal=detect_decimal(values("amount")),
        labels=sample.labels,
        zone=sample.zone,
        keeps_ratings=layout is not None and layout.keeps_ratings,
        origin=_describe_origin(layout),
    )


def _describe_origin(layout: Layout | None) -> Origin | None:
    if layout is None:
        return None
    return Origin(layout.id, layout.channel, layout.party, layout.stated)


def feedback_items(
    table: Table,
    mapping: ColumnMap,
    formats: Formats,
    zone: tzinfo = UTC,
    tally: Tally | None = None,
) -> Iterator[FeedbackItem | BadRow]:
    """Yield one item for each filled text of each row, or the row as bad.

    A title becomes the first paragraph of the row's text where there is one text column, unless
    the text begins with it. A row with a title only has the title as its text; one without
    either is bad (`no_text`). A date that cannot be read does not lose the row.

    :param formats: from :func:`learn_formats`.
    :param zone: of dates that name none.
    """
    counts = tally or Tally()
    questions = _name_questions(mapping, formats.labels)
    zone = _choose_zone(formats.zone, zone)
    for row in _good_rows(table.rows, counts):
        if isinstance(row, BadRow):
            yield row
            continue
        texts = _take_texts(row.values, mapping)
        if not texts and formats.keeps_ratings and _is_rated(row.values, mapping):
            texts = [(mapping.texts[0], "")]
        if not texts:
            yield _reject(row, "no_text", mapping)
            continue
        counts.n_items += len(texts)
        shared = _share_fields(row, table.file, mapping, formats, zone, counts)
        for column, text in texts:
            question = _get(row.values, mapping, "question") or questions[column]
            yield FeedbackItem(text=text, question=question, **shared)  # type: ignore[arg-type]


def customer_records(
    table: Table,
    mapping: ColumnMap,
    formats: Formats,
    zone: tzinfo = UTC,
    tally: Tally | None = None,
) -> Iterator[CustomerRecord | BadRow]:
    """Yield one record for each row that has a customer's key, or the row as `no_customer`."""
    counts = tally or Tally()
    zone = _choose_zone(formats.zone, zone)
    for row in _good_rows(table.rows, counts):
        if isinstance(row, BadRow):
            yield row
            continue
        fields = {role: _get(row.values, mapping, role) for role in _CUSTOMER_FIELDS}
        if not any(fields[key] for key in _KEYS):
            yield make_bad_row(row.number, "no_customer", _show(row.values, mapping))
            continue
        attributes = _rest(row.values, mapping)
        created = _read_date(row.values, mapping, "created", formats, zone, counts, attributes)
        counts.n_items += 1
        yield CustomerRecord(
            table.file, row.number, **fields, created=created, attributes=attributes
        )


def event_records(
    table: Table,
    mapping: ColumnMap,
    formats: Formats,
    zone: tzinfo = UTC,
    tally: Tally | None = None,
) -> Iterator[EventRecord | BadRow]:
    """Yield one event for each row with a customer's key and a date, or the row as bad."""
    counts = tally or Tally()
    zone = _choose_zone(formats.zone, zone)
    for row in _good_rows(table.rows, counts):
        if isinstance(row, BadRow):
            yield row
            continue
        keys = {key: _get(row.values, mapping, key) for key in _KEYS}
        attributes = _rest(row.values, mapping)
        at = _read_date(row.values, mapping, "at", formats, zone, counts, attributes)
        if at is None or not any(keys.values()):
            reason = "no_date" if at is None else "no_customer"
            yield _reject(row, reason, mapping)
            continue
        amount, currency = _read_amount(row.values, mapping, formats, counts, attributes)
        counts.n_items += 1
        yield EventRecord(
            table.file,
            row.number,
            at,
            source_id=_get(row.values, mapping, "id"),
            **keys,
            order=_get(row.values, mapping, "order"),
            kind=_get(row.values, mapping, "kind"),
            amount=amount,
            currency=_get(row.values, mapping, "currency") or currency,
            attributes=attributes,
        )


_KEYS = ("customer", "email", "phone", "handle")
_CUSTOMER_FIELDS = (*_KEYS, "name", "city", "birth", "segment", "country", "lang")
_FEEDBACK_FIELDS = (
    *(
        *_KEYS,
        "author",
        "lang",
        "channel",
        "product",
        "reply",
        "source",
        "thread",
        "version",
        "order",
    ),
)


def _good_rows(rows: Iterable[Row | BadRow], counts: Tally) -> Iterator[Row | BadRow]:
    for row in rows:
        counts.n_rows += 1
        counts.n_lost_bytes += isinstance(row, Row) and row.has_lost_bytes
        yield row


def _get(values: Mapping[str, str], mapping: ColumnMap, role: str) -> str | None:
    column = mapping.columns.get(role)
    return values.get(column, "").strip() or None if column else None


def _get_value(values: Mapping[str, str], mapping: ColumnMap, role: str) -> str | None:
    text = _get(values, mapping, role)
    return None if text is None or is_placeholder(text) else text


def _take_texts(values: Mapping[str, str], mapping: ColumnMap) -> list[tuple[str, str]]:
    texts = [(column, values.get(column, "")) for column in mapping.texts]
    texts = [(column, text) for column, text in texts if text and not text.isspace()]
    title = _get(values, mapping, "title")
    if title is None or mapping.titled is None:
        return texts
    found = dict(texts)
    text = found.pop(mapping.titled, "")
    # Some sources repeat the beginning of the text as its title, cut with an ellipsis.
    is_repeated = text.lstrip().startswith(title.rstrip(".… "))
    titled = text if is_repeated else "\n\n".join(filter(None, (title, text)))
    return [(mapping.titled, titled), *found.items()]


def _is_rated(values: Mapping[str, str], mapping: ColumnMap) -> bool:
    text = _get_value(values, mapping, "rating")
    return bool(mapping.texts) and text is not None and parse_rating(text) is not None


def _choose_zone(name: str | None, zone: tzinfo) -> tzinfo:
    if name is None:
        return zone
    try:
        return ZoneInfo(name)
    except (ValueError, OSError, KeyError):  # an unknown one is a KeyError
        return zone


def _name_questions(mapping: ColumnMap, labels: Mapping[str, str]) -> dict[str, str | None]:
    known = load_vocabulary()
    is_several = len(mapping.texts) > 1
    return {
        column: None
        if column == mapping.main
        else labels.get(column) or (column if is_several or known.is_question(column) else None)
        for column in mapping.texts
    }


def _share_fields(
    row: Row,
    file: str,
    mapping: ColumnMap,
    formats: Formats,
    zone: tzinfo,
    counts: Tally,
) -> dict[str, object]:
    values = row.values
    attributes = _rest(values, mapping)
    if mapping.titled is None and (title := _get(values, mapping, "title")):
        attributes[mapping.columns["title"]] = title
    rating, top = _read_rating(values, mapping, formats, counts, attributes)
    return {
        "file": file,
        "row_number": row.number,
        "source_id": _get(values, mapping, "id"),
        "at": _read_date(values, mapping, "at", formats, zone, counts, attributes),
        "edited": _read_date(values, mapping, "edited", formats, zone, counts, attributes),
        "rating": rating,
        "rating_max": top,
        "noise": row.noise,
        "origin": formats.origin,
        **{role: _get(values, mapping, role) for role in _FEEDBACK_FIELDS},
        "attributes": attributes,
    }


def _rest(values: Mapping[str, str], mapping: ColumnMap) -> dict[str, str]:
    used = mapping.used
    return {column: value for column, value in values.items() if value and column not in used}


def _reject(row: Row, reason: str, mapping: ColumnMap) -> BadRow:
    """A bad row, with whom it names, by which those who were erased are told."""
    found = {key: _get(row.values, mapping, key) for key in _KEYS}
    named = tuple((kind, value) for kind, value in found.items() if value)
    return replace(make_bad_row(row.number, reason, _show(row.values, mapping)), keys=named)


def _show(values: Mapping[str, str], mapping: ColumnMap) -> str:
    """A row as it may be kept: what names a person is hidden; the rest is masked later."""
    hidden = mapping.personal
    return "; ".join(
        f"{column}={HIDDEN if column in hidden else value[:200]}"
        for column, value in values.items()
        if value
    )


def _read_date(
    values: Mapping[str, str],
    mapping: ColumnMap,
    role: str,
    formats: Formats,
    zone: tzinfo,
    counts: Tally,
    attributes: dict[str, str],
) -> datetime | None:
    text = _get_value(values, mapping, role)
    if text is None:
        return None
    at = parse_date(text, formats.dates.order, zone)
    if at is None:
        counts.n_unread_dates += 1
        attributes[mapping.columns[role]] = text
    return at


def _read_rating(
    values: Mapping[str, str],
    mapping: ColumnMap,
    formats: Formats,
    counts: Tally,
    attributes: dict[str, str],
) -> tuple[float | None, float | None]:
    text = _get_value(values, mapping, "rating")
    if text is None:
        return None, None
    found = parse_rating(text)
    if found is None:
        counts.n_unread_ratings += 1
        attributes[mapping.columns["rating"]] = text
        return None, None
    value, top = found
    stated = parse_rating(_get(values, mapping, "rating_max") or "")
    top = top or (stated[0] if stated else formats.rating_max)
    return value, top if top is None or value <= top else None


def _read_amount(
    values: Mapping[str, str],
    mapping: ColumnMap,
    formats: Formats,
    counts: Tally,
    attributes: dict[str, str],
) -> tuple[float | None, str | None]:
    text = _get_value(values, mapping, "amount")
    if text is None:
        return None, None
    amount = parse_amount(text, formats.decimal)
    if amount is None:
        counts.n_unread_amounts += 1
        attributes[mapping.columns["amount"]] = text
        return None, None
    return amount.value, amount.currency
