"""How a table writes dates, ratings and amounts, decided for whole columns from a sample."""

from collections.abc import Mapping
from dataclasses import dataclass, field

from pipelines.reading.consents import Consent, find_consents, find_unanswered
from pipelines.reading.dates import DateOrder, detect_date_order
from pipelines.reading.event_dates import name_dated_event
from pipelines.reading.items import Origin
from pipelines.reading.layouts import Layout
from pipelines.reading.mapping import ColumnMap
from pipelines.reading.numbers import detect_decimal, infer_rating_max
from pipelines.reading.roles import is_order_number
from pipelines.reading.sampling import Sample

_NPS_MAX = 10


@dataclass(frozen=True, slots=True)
class Formats:
    """How a table writes dates, ratings and amounts, decided for whole columns.

    :param labels: what was asked in a column, where its name does not say it.
    :param zone: of dates that name none, where the file says so.
    :param consents: columns in which people allow or refuse something.
    :param unanswered: columns that are named so, and hold something else.
    :param keeps_ratings: a rating without words is a feedback too.
    :param numbers_orders: the id of an event is the number of its order, whatever happened.
    :param event_kind: of events in a table without a column of kinds, where their date tells it.
    """

    dates: DateOrder = field(default_factory=DateOrder)
    rating_max: float | None = None
    decimal: str = "."
    labels: Mapping[str, str] = field(default_factory=dict)
    zone: str | None = None
    keeps_ratings: bool = False
    numbers_orders: bool = False
    event_kind: str | None = None
    origin: Origin | None = None
    consents: Mapping[str, Consent] = field(default_factory=dict)
    unanswered: tuple[str, ...] = ()


def learn_formats(mapping: ColumnMap, sample: Sample, layout: Layout | None = None) -> Formats:
    """Decide the formats of columns from a sample that does not depend on the order of rows.

    :param layout: what it says of formats goes before what the sample shows.
    """

    def values(role: str) -> list[str]:
        column = mapping.columns.get(role)
        return [row[column] for row in sample.rows if column in row] if column else []

    rest = [column for column in sample.columns if column not in mapping.used]
    rating = mapping.columns.get("rating", "")
    asked = f"{rating} {sample.labels.get(rating, '')}"
    rating_max = (layout and layout.rating_max) or infer_rating_max(values("rating"), asked)
    numbers_orders = is_order_number(mapping.columns.get("id", ""))
    # A score of 0 to 10 beside a comment is an NPS export, whatever its columns are called.
    is_nps = rating_max == _NPS_MAX and len(mapping.texts) == 1
    return Formats(
        dates=detect_date_order(values("at") + values("created") + values("edited")),
        rating_max=rating_max,
        decimal=detect_decimal(values("amount")),
        labels=sample.labels,
        zone=sample.zone,
        keeps_ratings=layout.keeps_ratings if layout else is_nps,
        numbers_orders=numbers_orders,
        event_kind=None
        if "kind" in mapping.columns
        else name_dated_event(
            mapping.columns.get("at", ""),
            is_of_orders=numbers_orders or "order" in mapping.columns,
        ),
        origin=_describe_origin(layout),
        consents=find_consents(rest, sample.rows, sample.labels),
        unanswered=tuple(find_unanswered(rest, sample.rows, sample.labels)),
    )


def _describe_origin(layout: Layout | None) -> Origin | None:
    if layout is None:
        return None
    return Origin(layout.id, layout.channel, layout.party, layout.stated)
