"""The invented customers of Nilo, and strangers who write without being customers."""

import random
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import date, timedelta
from typing import Any

SEGMENTS = {"Basic": 0.62, "Plus": 0.28, "Business": 0.10}


@dataclass(frozen=True)
class Group:
    """Customers of one language in one country."""

    lang: str
    country: str
    currency: str
    per_dollar: float
    offsets: tuple[str, str, str]
    phones: tuple[str, ...]
    cities: tuple[str, ...]


@dataclass(frozen=True)
class Person:
    """Somebody with a name in the own script, and names for mail and networks."""

    first: str
    last: str
    email: str
    handle: str
    group: Group


@dataclass(frozen=True)
class Customer:
    """A record of the CRM; a key that the CRM does not know is empty."""

    customer_id: str
    person: Person
    email: str
    phone: str
    handle: str
    segment: str
    city: str
    since: date


def make_people(
    spec: dict[str, Any], rng: random.Random
) -> tuple[list[Customer], Iterator[Person]]:
    """Customers in the order of their ids, and an endless supply of strangers.

    :param spec: the parsed people.json.
    """
    draw = _person_maker(spec, rng)
    groups = [_read_group(row) for row in spec["groups"]]
    members = [g for g, row in zip(groups, spec["groups"], strict=True) for _ in range(row["n"])]
    rng.shuffle(members)
    phones: set[str] = set()
    customers = [_make_customer(i, draw(g), phones, rng) for i, g in enumerate(members, 1)]

    def strangers() -> Iterator[Person]:
        while True:
            yield draw(rng.choice(members))

    return customers, strangers()


def write_phone(phone: str, rng: random.Random) -> str:
    """A number as somebody might type it into a form: always the same digits."""
    digits = "".join(c for c in phone if c.isdigit())
    return rng.choice((phone, f"+{digits}", phone.replace(" ", "-"), phone.replace("-", " ")))


def write_email(email: str, rng: random.Random) -> str:
    """An address as somebody might type it: other capitals, the same address."""
    name, _, domain = email.partition("@")
    return rng.choice((email, email.title(), email.upper(), f"{name}@{domain.capitalize()}"))


def _read_group(row: dict[str, Any]) -> Group:
    change, before, after = row["offsets"]
    return Group(
        row["lang"],
        row["country"],
        row["currency"],
        row["per_dollar"],
        (change, before, after),
        tuple(row["phones"]),
        tuple(row["cities"]),
    )


def _person_maker(spec: dict[str, Any], rng: random.Random) -> Callable[[Group], Person]:
    by_lang = {row["lang"]: spec["names"][row["names"]] for row in spec["groups"]}
    taken: set[str] = set()

    def draw(group: Group) -> Person:
        names = by_lang[group.lang]
        (first, a), (last, b) = rng.choice(names["first"]), rng.choice(names["last"])
        handle = _unique(lambda: _draw_handle(a, b, rng), taken)
        domain = rng.choice(("example.com", "example.org", "example.net"))
        form = rng.choice((f"{a}.{b}", f"{a[0]}.{b}", f"{a}_{b}", f"{b}{a}"))
        email = _unique(lambda: f"{form}{rng.choice(('', rng.randrange(10, 99)))}@{domain}", taken)
        return Person(first, last, email, handle, group)

    return draw


def _draw_handle(a: str, b: str, rng: random.Random) -> str:
    n = rng.randrange(100, 9999)
    return rng.choice((f"{a}_{b}{n}", f"{a}{b}_{n}", f"{a.title()}{b.title()}{n}", f"{b}_{a}_{n}"))


def _unique(draw: Callable[[], str], taken: set[str]) -> str:
    while (value := draw()).casefold() in taken:
        pass
    taken.add(value.casefold())
    return value


def _make_customer(number: int, person: Person, phones: set[str], rng: random.Random) -> Customer:
    group = person.group
    phone = _unique(lambda: _fill(rng.choice(group.phones), rng), phones)
    return Customer(
        customer_id=f"C-{number:06d}",
        person=person,
        email=person.email if rng.random() < 0.95 else "",
        phone=phone if rng.random() < 0.85 else "",
        handle=person.handle if rng.random() < 0.75 else "",
        segment=rng.choices(list(SEGMENTS), list(SEGMENTS.values()))[0],
        city=rng.choice(group.cities),
        since=date(2021, 3, 1) + timedelta(rng.randrange(1885)),
    )


def _fill(pattern: str, rng: random.Random) -> str:
    return "".join(str(rng.randrange(10)) if c == "#" else c for c in pattern)
