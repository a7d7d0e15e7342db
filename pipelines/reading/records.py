"""Typed records from rows: feedback, customers and events."""

import re
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import replace
from datetime import UTC, tzinfo
from zoneinfo import ZoneInfo

from nlp.quoted_mail import split_quoted
from pipelines.odata.kinds import is_of_order
from pipelines.reading.consents import is_consent
from pipelines.reading.fields import (
    Tally,
    get_field,
    get_filled,
    list_rest,
    read_amount,
    read_date,
    read_rating,
    show_row,
)
from pipelines.reading.formats import Formats
from pipelines.reading.items import CustomerRecord, EventRecord, FeedbackItem
from pipelines.reading.mapping import ColumnMap
from pipelines.reading.numbers import parse_rating
from pipelines.reading.tables import BadRow, Row, Table, make_bad_row
from pipelines.reading.vocabulary import load_vocabulary

QUOTED_MAIL = "quoted mail"
"""Attribute with the older mail that stands in what was written."""
# NULs, escapes and the like, which the repair of texts drops; it keeps tabs and line ends.
_CONTROLS = re.compile("[\x00-\x08\x0e-\x1f\x7f]")


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
            yield _reject_silent(row, mapping, formats, zone, counts)
            continue
        counts.n_items += len(texts)
        counts.n_control_chars += any(_CONTROLS.search(text) for _, text in texts)
        shared = _share_fields(row, table.file, mapping, formats, zone, counts)
        for column, text in texts:
            question = get_field(row.values, mapping, "question") or questions[column]
            yield _leave_quoted_out(
                FeedbackItem(text=text, question=question, **shared)  # type: ignore[arg-type]
            )


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
        fields = {role: get_field(row.values, mapping, role) for role in _CUSTOMER_FIELDS}
        if not any(fields[key] for key in _KEYS):
            yield make_bad_row(row.number, "no_customer", show_row(row.values, mapping))
            continue
        attributes = list_rest(row.values, mapping, formats, counts)
        created, edited = (
            read_date(row, mapping, role, formats, zone, counts, attributes)
            for role in ("created", "edited")
        )
        counts.n_items += 1
        yield CustomerRecord(
            table.file,
            row.number,
            **fields,
            created=created,
            edited=edited,
            attributes=attributes,
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
        keys = {key: get_field(row.values, mapping, key) for key in _KEYS}
        attributes = list_rest(row.values, mapping, formats, counts)
        at = read_date(row, mapping, "at", formats, zone, counts, attributes)
        if at is None or not any(keys.values()):
            reason = "no_date" if at is None else "no_customer"
            yield _reject(row, reason, mapping)
            continue
        amount, currency = read_amount(row, mapping, formats, counts, attributes)
        kind = get_field(row.values, mapping, "kind") or formats.event_kind
        counts.n_items += 1
        yield EventRecord(
            table.file,
            row.number,
            at,
            source_id=get_field(row.values, mapping, "id"),
            **keys,
            order=_find_order(row.values, mapping, formats, kind),
            kind=kind,
            amount=amount,
            currency=get_field(row.values, mapping, "currency") or currency,
            attributes=attributes,
        )


def _find_order(
    values: Mapping[str, str], mapping: ColumnMap, formats: Formats, kind: str | None
) -> str | None:
    """The number of an event's order; without a column of its own, perhaps the event's id."""
    if "order" in mapping.columns:
        return get_field(values, mapping, "order")
    is_number = formats.numbers_orders or is_of_order(kind)
    return get_field(values, mapping, "id") if is_number else None


_KEYS = ("customer", "email", "phone", "handle")

_CUSTOMER_FIELDS = (*_KEYS, "name", "city", "birth", "segment", "country", "lang")

_FEEDBACK_FIELDS = (
    *_KEYS,
    *("author", "city", "birth", "lang", "channel", "product", "reply", "source", "thread"),
    *("version", "order"),
)


def _good_rows(rows: Iterable[Row | BadRow], counts: Tally) -> Iterator[Row | BadRow]:
    for row in rows:
        counts.n_rows += 1
        counts.n_lost_bytes += isinstance(row, Row) and row.has_lost_bytes
        yield row


def _reject(row: Row, reason: str, mapping: ColumnMap) -> BadRow:
    """A bad row, with whom it names, by which those who were erased are told."""
    found = {key: get_field(row.values, mapping, key) for key in _KEYS}
    named = tuple((kind, value) for kind, value in found.items() if value)
    return replace(make_bad_row(row.number, reason, show_row(row.values, mapping)), keys=named)


def _reject_silent(
    row: Row, mapping: ColumnMap, formats: Formats, zone: tzinfo, counts: Tally
) -> BadRow:
    """A row without feedback: what it says of consent is still its person's word."""
    bad = _reject(row, "no_text", mapping)
    if not (bad.keys and formats.consents):
        return bad
    rest = list_rest(row.values, mapping, formats, counts)
    said = {name: told for name, told in rest.items() if is_consent(name)}
    at = read_date(row, mapping, "at", formats, zone, Tally(), {})
    return replace(bad, said=said, said_at=at)


def _take_texts(values: Mapping[str, str], mapping: ColumnMap) -> list[tuple[str, str]]:
    texts = [(column, values.get(column, "")) for column in mapping.texts]
    texts = [(column, text) for column, text in texts if text and not text.isspace()]
    title = get_field(values, mapping, "title")
    if title is None or mapping.titled is None:
        return texts
    found = dict(texts)
    text = found.pop(mapping.titled, "")
    # Some sources repeat the beginning of the text as its title, cut with an ellipsis.
    is_repeated = text.lstrip().startswith(title.rstrip(".… "))
    titled = text if is_repeated else "\n\n".join(filter(None, (title, text)))
    return [(mapping.titled, titled), *found.items()]


def _leave_quoted_out(item: FeedbackItem) -> FeedbackItem:
    """Without the mail that it answers, which is kept beside it."""
    own, quoted = split_quoted(item.text)
    if not quoted:
        return item
    return replace(item, text=own, attributes={**item.attributes, QUOTED_MAIL: quoted})


def _is_rated(values: Mapping[str, str], mapping: ColumnMap) -> bool:
    text = get_filled(values, mapping, "rating")
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
    attributes = list_rest(values, mapping, formats, counts)
    if mapping.titled is None and (title := get_field(values, mapping, "title")):
        attributes[mapping.columns["title"]] = title
    rating, top = read_rating(row, mapping, formats, counts, attributes)
    return {
        "file": file,
        "row_number": row.number,
        "source_id": get_field(values, mapping, "id"),
        "at": read_date(row, mapping, "at", formats, zone, counts, attributes),
        "edited": read_date(row, mapping, "edited", formats, zone, counts, attributes),
        "rating": rating,
        "rating_max": top,
        "noise": row.noise,
        "origin": formats.origin,
        **{role: get_field(values, mapping, role) for role in _FEEDBACK_FIELDS},
        "attributes": attributes,
    }
