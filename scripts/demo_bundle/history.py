"""What customers do: the planted churn, and the everyday events around what they wrote."""

import math
import random
from collections import defaultdict
from dataclasses import dataclass
from datetime import datetime, timedelta

from demo_bundle.calendar import AS_OF, FIRST_DAY, LAST_MOMENT, moment_on, weekly
from demo_bundle.people import Customer
from demo_bundle.survey import Answer
from demo_bundle.voices import CHURN_THEME, Voice

CHURN_OF_VOICED = 0.8
CHURN_OF_OTHERS = {"Basic": 0.09, "Plus": 0.07, "Business": 0.05}
_PRICE = {"Plus": 6.9, "Business": 19.0}
_MEAN_CARD = {"Basic": 2.2, "Plus": 3.4, "Business": 5.0}
_DAYS = (AS_OF - FIRST_DAY).days


@dataclass(frozen=True)
class Event:
    """One row of the event export; amount in the customer's currency."""

    customer: Customer
    at: datetime
    kind: str
    amount: float | None = None


@dataclass(frozen=True)
class Churn:
    """Who voiced the churn theme and when first; who left and when."""

    voiced: dict[str, datetime]
    left: dict[str, datetime]


def plan_churn(
    customers: list[Customer],
    voices: list[Voice],
    answers: list[Answer],
    keep: set[str],
    rng: random.Random,
) -> Churn:
    """Let four of five who voiced the theme leave after it, and about 8 % of the others.

    Nobody writes anything after leaving.

    :param keep: ids of customers who must stay (other planted facts).
    """
    last: dict[str, datetime] = {}
    voiced: dict[str, datetime] = {}
    spoken: list[Voice | Answer] = [*voices, *answers]
    for item in spoken:
        if item.customer:
            key = item.customer.customer_id
            last[key] = max(item.at, last.get(key, item.at))
            if isinstance(item, Voice) and CHURN_THEME in item.themes:
                voiced[key] = min(item.at, voiced.get(key, item.at))
    can_leave = [key for key in sorted(voiced) if (LAST_MOMENT - last[key]).days >= 6]
    leavers = set(rng.sample(can_leave, round(CHURN_OF_VOICED * len(voiced))))
    for customer in customers:
        key = customer.customer_id
        if key not in voiced and key not in keep:
            too_late = key in last and (LAST_MOMENT - last[key]).days < 6
            if rng.random() < CHURN_OF_OTHERS[customer.segment] and not too_late:
                leavers.add(key)
    return Churn(
        voiced, {key: _leave(last.get(key), key in voiced, rng) for key in sorted(leavers)}
    )


def make_events(
    customers: list[Customer],
    voices: list[Voice],
    churn: Churn,
    rng: random.Random,
) -> list[Event]:
    """A sample of each customer's events in the order of time; none after leaving."""
    by_customer: dict[str, list[Voice]] = defaultdict(list)
    for voice in voices:
        if voice.customer:
            by_customer[voice.customer.customer_id].append(voice)
    events = []
    for customer in customers:
        left = churn.left.get(customer.customer_id)
        own = _everyday(customer, rng) + _around(customer, by_customer[customer.customer_id], rng)
        events += [event for event in own if event.at < (left or LAST_MOMENT)]
        if left:
            events.append(Event(customer, left, "churn"))
    return sorted(events, key=lambda event: (event.at, event.customer.customer_id, event.kind))


def _leave(last: datetime | None, has_voiced: bool, rng: random.Random) -> datetime:
    if last is None:
        return moment_on(FIRST_DAY + timedelta(rng.randrange(14, _DAYS)), rng)
    days = rng.randrange(3, 41 if has_voiced else 120)
    return min(moment_on((last + timedelta(days)).date(), rng), LAST_MOMENT - timedelta(hours=2))


def _everyday(customer: Customer, rng: random.Random) -> list[Event]:
    events = [
        Event(customer, _any_moment(rng), "card_payment", _amount(customer, 22, 0.9, rng))
        for _ in range(_poisson(_MEAN_CARD[customer.segment], rng))
    ]
    events += [Event(customer, _any_moment(rng), "login") for _ in range(_poisson(1.7, rng))]
    events += [
        Event(customer, _any_moment(rng), "fee", _amount(customer, 3, 0.5, rng))
        for _ in range(_poisson(0.45, rng))
    ]
    if rng.random() < 0.12:
        events.append(Event(customer, _any_moment(rng), "ticket"))
    if rng.random() < 0.08:
        events.append(Event(customer, _any_moment(rng), "refund", _amount(customer, 30, 0.8, rng)))
    if price := _PRICE.get(customer.segment):
        start = FIRST_DAY + timedelta(rng.randrange(60))
        price = round(price * customer.person.group.per_dollar, 2)
        days = [start + timedelta(60 * i) for i in range(3)]
        events += [Event(customer, moment_on(d, rng), "renewal", price) for d in days if d < AS_OF]
    return events


def _around(customer: Customer, voices: list[Voice], rng: random.Random) -> list[Event]:
    """What the words are about: a fee before the complaint, a ticket and a refund after it."""
    events = []
    for voice in voices:
        after = voice.at + timedelta(hours=rng.randrange(1, 60))
        if "fees_unexpected" in voice.themes:
            before = voice.at - timedelta(hours=rng.randrange(2, 90))
            events.append(Event(customer, before, "fee", _amount(customer, 4, 0.4, rng)))
        if voice.row["sentiment"] == "negative" and rng.random() < 0.35:
            events.append(Event(customer, after, "ticket"))
        if "refund_late" in voice.themes and rng.random() < 0.6:
            late = after + timedelta(days=rng.randrange(4, 30))
            events.append(Event(customer, late, "refund", _amount(customer, 60, 0.8, rng)))
    first = datetime(FIRST_DAY.year, FIRST_DAY.month, FIRST_DAY.day, tzinfo=LAST_MOMENT.tzinfo)
    return [event for event in events if event.at >= first]


def _any_moment(rng: random.Random) -> datetime:
    while True:
        day = FIRST_DAY + timedelta(rng.randrange(_DAYS))
        if rng.random() * 1.2 < weekly(day):
            return moment_on(day, rng)


def _amount(customer: Customer, median_dollars: float, spread: float, rng: random.Random) -> float:
    dollars = median_dollars * math.exp(spread * rng.gauss(0, 1))
    return round(dollars * customer.person.group.per_dollar, 2)


def _poisson(mean: float, rng: random.Random) -> int:
    """Knuth's method; fine for small means."""
    limit, n, product = math.exp(-mean), 0, rng.random()
    while product > limit:
        n += 1
        product *= rng.random()
    return n
