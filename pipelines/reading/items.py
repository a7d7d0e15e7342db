"""Typed records, as files hold them: feedback, customers and events."""

from dataclasses import dataclass, field
from datetime import datetime

from nlp.noise import Reason


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
    """One customer of a CRM export; `name` is for masking and never to be stored plainly.

    :param created: aware, UTC; since when there is a record.
    :param edited: aware, UTC; when this version of the record was written.
    """

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
    edited: datetime | None = None
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
