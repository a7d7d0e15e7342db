"""People for `bench_link.py`: customers, and feedback of which it is known who wrote it.

Rates, of what a shop sees: 10 % of the customers share a phone with one other of their household
and 2 % a mailbox; 5 % have changed their e-mail since the CRM asked; 8 % have no e-mail in it and
20 % no phone; 3 % stand in a newsletter's list of addresses too, without their id; 1.5 % of what
is typed is mistyped; every seventh feedback is a stranger's, some with a customer's phone.
"""

import random
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field, replace
from typing import Any

from pipelines.customers import make_customer_id
from pipelines.keys import hash_keys
from pipelines.linking.traits import Traits, hash_traits

SECRET = b"a secret for people who do not exist"
SHOP = "hello@the-shop.example.com"
_PROVIDERS = ("gmail.com", "outlook.com", "yahoo.com", "mail.example.com", "post.example.org")
_GIVEN = [
    "Dana",
    "Noa",
    "Tamar",
    "Yael",
    "Omer",
    "Itai",
    "Avi",
    "Ronit",
    "Sara",
    "Mariam",
    "Fatima",
    "Layla",
    "Ahmad",
    "Omar",
    "Yusuf",
    "Karim",
    "Reza",
    "Maryam",
    "Zahra",
    "Ali",
    "Hassan",
    "Narges",
    "Anna",
    "Maria",
    "John",
    "Peter",
    "James",
    "Emma",
    "Olivia",
    "Liam",
    "Noah",
    "Lucas",
    "Sofia",
    "Elena",
    "Marco",
    "Giulia",
    "Pierre",
    "Claire",
    "Hans",
    "Greta",
    "Jonas",
    "Ingrid",
    "Pavel",
    "Irina",
    "Ivan",
]
_STARTS = [
    "Ber",
    "Gol",
    "Ros",
    "Har",
    "Mit",
    "Kar",
    "Sha",
    "Nav",
    "Bel",
    "Tor",
    "Mor",
    "Lan",
    "Win",
    "Fer",
    "Gar",
    "Per",
    "Sil",
    "Val",
    "Dor",
    "Hal",
]
_ENDS = [
    "man",
    "stein",
    "berg",
    "son",
    "ner",
    "ini",
    "ova",
    "ez",
    "ard",
    "well",
    "ford",
    "mann",
    "ati",
    "pour",
    "zadeh",
    "ian",
    "ley",
    "ton",
    "er",
    "as",
]
_CITIES = [
    "Haifa",
    "Tel-Aviv",
    "Jerusalem",
    "Cairo",
    "Amman",
    "Tehran",
    "Shiraz",
    "Berlin",
    "Paris",
    "London",
    "Madrid",
    "Rome",
]
_TYPO, _STRANGER = 0.015, 0.15


@dataclass(frozen=True)
class Person:
    """Somebody, as they are today."""

    customer_id: str
    name: str
    city: str
    birth: str
    email: str
    phone: str
    handle: str


@dataclass(frozen=True)
class Said:
    """A feedback, who wrote it, and what makes it hard to tell.

    :param customer: None of a stranger.
    """

    feedback_id: str
    customer: str | None
    trouble: str


@dataclass
class World:
    """Rows by table, and the truth."""

    said: list[Said] = field(default_factory=list)
    rows: dict[str, list[dict[str, Any]]] = field(default_factory=dict)


@dataclass
class _Town:
    """The customers, as the CRM knows them and as they are."""

    people: list[Person]
    crm: list[Person]
    troubles: list[str]


def make_world(seed: int, n_customers: int, n_feedback: int) -> World:
    """Make customers, their orders and their feedback."""
    rng = random.Random(seed)
    town = _make_town(rng, n_customers)
    world = World()
    world.rows = {name: [] for name in ("customer", "customer_key", "event", "event_key")}
    world.rows |= {"feedback": [], "feedback_key": []}
    for place, record in enumerate(town.crm):
        _add_customer(world, record)
        _add_order(world, town.people[place], place)
        if rng.random() < 0.03 and record.email:
            _add_subscriber(world, record.email)
    for number in range(n_feedback):
        _add_feedback(world, rng, town, number)
    _keep_once(world, "customer", ("customer_id",))
    _keep_once(world, "customer_key", ("key_type", "key_hash", "customer_id"))
    return world


def _keep_once(world: World, table: str, key: tuple[str, ...]) -> None:
    found = {tuple(row[name] for name in key): row for row in world.rows[table]}
    world.rows[table] = list(found.values())


def make_large_keys(n: int) -> Iterator[tuple[str, Iterable[dict[str, Any]]]]:
    """A million customers and feedback by e-mail, with ids for a third and other phones beside."""

    def email(number: int) -> str:
        return hash_keys(SECRET, {"email": f"person{number}@mail{number % 50}.example.com"})[
            "email"
        ]

    yield "customer", ({"customer_id": f"C{number:07}"} for number in range(n))
    yield (
        "customer_key",
        (
            {"key_type": kind, "key_hash": key, "customer_id": f"C{number:07}", "source": "crm"}
            for number in range(n)
            for kind, key in (
                ("customer_id", _scatter(number, "i")),
                ("email", email(number)),
                ("phone", _scatter(number - number % 20 if number % 10 == 0 else number, "p")),
            )
        ),
    )
    yield (
        "feedback",
        ({"feedback_id": f"f{number:07}", "source": "s", "text": "words"} for number in range(n)),
    )
    yield (
        "feedback_key",
        (
            {"feedback_id": f"f{number:07}", "key_type": kind, "key_hash": key}
            for number in range(n)
            for kind, key in (
                ("email", email(number * 7 % (n + n // 10))),
                *([("customer_id", _scatter(number * 7 % n, "i"))] if number % 3 == 0 else []),
                *([("phone", _scatter(number * 7 % n, "p"))] if number % 2 == 0 else []),
            )
        ),
    )


def _scatter(number: int, kind: str) -> str:
    """Something like a hash, at less cost: what is timed is the linking."""
    return f"{(number * 0x9E3779B97F4A7C15 + ord(kind)) % 2**64:016x}" * 2


def _make_town(rng: random.Random, n: int) -> _Town:
    people = [_make_person(rng, number) for number in range(n)]
    troubles = ["none"] * n
    for place in range(0, n - 1, 2):
        chance = rng.random()
        if chance < 0.10:
            shared = people[place].phone
            family = people[place].name.split()[-1]
            given = people[place + 1].name.split()[0]
            people[place + 1] = replace(
                people[place + 1], phone=shared, name=f"{given} {family}", city=people[place].city
            )
            troubles[place] = troubles[place + 1] = "shared phone"
            if chance < 0.02:
                people[place + 1] = replace(people[place + 1], email=people[place].email)
                troubles[place] = troubles[place + 1] = "shared mailbox"
    crm = list(people)
    for place in range(n):
        crm[place] = _forget_some(rng, crm[place])
        if rng.random() < 0.05 and troubles[place] == "none":
            people[place] = replace(
                people[place], email=_make_email(rng, people[place].name, place)
            )
            troubles[place] = "changed e-mail"
    return _Town(people, crm, troubles)


def _make_person(rng: random.Random, number: int) -> Person:
    given = rng.choice(_GIVEN)
    name = f"{given} {rng.choice(_STARTS)}{rng.choice(_STARTS).lower()}{rng.choice(_ENDS)}"
    return Person(
        customer_id=f"{number:07}",
        name=name,
        city=rng.choice(_CITIES),
        birth=str(rng.randint(1940, 2006)),
        email=_make_email(rng, name, number),
        phone=f"+9725{number:08}",
        handle=f"@{given.lower()}{number}",
    )


def _make_email(rng: random.Random, name: str, number: int) -> str:
    given, family = name.lower().split()
    local = rng.choice((f"{given}.{family}", f"{family}{given[0]}", f"{given}_{family[:4]}"))
    return f"{local}{number % 9973}{rng.choice('abcdefgh')}@{rng.choice(_PROVIDERS)}"


def _forget_some(rng: random.Random, person: Person) -> Person:
    if rng.random() < 0.08:
        person = replace(person, email="")
    if rng.random() < 0.20:
        person = replace(person, phone="")
    return person if rng.random() < 0.3 else replace(person, handle="")


def _add_customer(world: World, record: Person) -> None:
    world.rows["customer"].append({"customer_id": record.customer_id})
    keys = {
        **_hash_keys(record, ("customer_id", "email", "phone", "handle")),
        **_hash_traits(record),
    }
    _add_customer_keys(world, record.customer_id, keys)


def _add_subscriber(world: World, email: str) -> None:
    keys = hash_keys(SECRET, {"email": email})
    customer_id = make_customer_id(SECRET, "email", keys["email"])
    world.rows["customer"].append({"customer_id": customer_id})
    _add_customer_keys(world, customer_id, keys)


def _add_customer_keys(world: World, customer_id: str, keys: dict[str, str]) -> None:
    world.rows["customer_key"] += [
        {"key_type": kind, "key_hash": key, "customer_id": customer_id, "source": "crm"}
        for kind, key in keys.items()
    ]


def _add_order(world: World, person: Person, number: int) -> None:
    event_id, keys = f"e{number}", _hash_keys(person, ("customer_id",))
    keys |= hash_keys(SECRET, {"order": f"#{100_000 + number}"})
    world.rows["event"].append({"event_id": event_id, "kind": "order"})
    world.rows["event_key"] += [
        {"event_id": event_id, "key_type": kind, "key_hash": key} for kind, key in keys.items()
    ]


def _add_feedback(world: World, rng: random.Random, town: _Town, number: int) -> None:
    place = rng.randrange(len(town.people))
    person, crm = town.people[place], town.crm[place]
    trouble, customer = town.troubles[place], person.customer_id
    is_stranger = rng.random() < _STRANGER
    if is_stranger:
        other = _make_person(rng, 50_000_000 + number)
        # One in sixty lives with a customer and gives the phone of both.
        phone = person.phone if rng.random() < 1 / 60 else other.phone
        person, crm = replace(other, phone=phone), other
        trouble, customer = "a stranger", None
    given, order = _choose_keys(rng, person, crm, place, is_stranger)
    typed = _mistype(rng, given)
    if typed != given and trouble == "none":
        trouble = "a typo"
    feedback_id = f"f{number:06}"
    keys = _hash_keys(typed, ("customer_id", "email", "phone", "handle"))
    if order:
        keys |= hash_keys(SECRET, {"order": order})
    keys |= _hash_traits(typed)
    world.said.append(Said(feedback_id, customer, trouble))
    world.rows["feedback"].append({"feedback_id": feedback_id, "source": "s", "text": "words"})
    world.rows["feedback_key"] += [
        {"feedback_id": feedback_id, "key_type": kind, "key_hash": key}
        for kind, key in keys.items()
    ]


def _choose_keys(
    rng: random.Random, person: Person, crm: Person, place: int, is_stranger: bool
) -> tuple[Person, str | None]:
    """What somebody gives of themselves, by the channel they write in."""
    nobody = replace(person, customer_id="", email="", phone="", handle="", birth="")
    chance = rng.random()
    if chance < 0.40 and not is_stranger:  # a survey that was sent out
        known_id = person.customer_id
        spelling = rng.random()
        if spelling < 0.03:
            known_id = str(int(known_id)) + (".0" if spelling < 0.01 else "")
        email = SHOP if rng.random() < 0.05 else person.email if rng.random() < 0.3 else ""
        return replace(nobody, customer_id=known_id, email=email, name="", city=""), None
    if chance < 0.52 and not is_stranger:  # the review of an order
        return replace(nobody, email=person.email), f"{100_000 + place}"
    if chance < 0.64 and (crm.phone or is_stranger):  # a call
        email = person.email if rng.random() < 0.3 else ""
        local = person.phone.replace("+972", "0") if rng.random() < 0.5 else person.phone
        return replace(nobody, phone=local, email=email), None
    if chance < 0.70 and (crm.handle or is_stranger):
        return replace(nobody, handle=person.handle.upper()), None
    if crm.email or is_stranger:
        phone = person.phone if crm.phone and rng.random() < 0.5 else ""
        birth = person.birth if rng.random() < 0.3 else ""
        return replace(nobody, email=_restyle(rng, person.email), phone=phone, birth=birth), None
    return replace(nobody, customer_id=person.customer_id if not is_stranger else ""), None


def _restyle(rng: random.Random, email: str) -> str:
    """Another spelling of the same mailbox, where its provider has several."""
    local, _, domain = email.partition("@")
    if domain == "gmail.com" and rng.random() < 0.2:
        return f"{local.replace('.', '')}+reviews@googlemail.com"
    return email.upper() if rng.random() < 0.1 else email


def _mistype(rng: random.Random, given: Person) -> Person:
    if given.email and given.email != SHOP and rng.random() < _TYPO:
        given = replace(given, email=_swap(rng, given.email))
    if given.phone and rng.random() < _TYPO:
        given = replace(given, phone=_swap(rng, given.phone))
    return replace(given, name=_swap(rng, given.name)) if rng.random() < 0.03 else given


def _swap(rng: random.Random, text: str) -> str:
    """Two neighbours in each other's place, or one gone."""
    if len(text) < 5:
        return text
    at = rng.randrange(2, len(text) - 2)
    if rng.random() < 0.5:
        return text[:at] + text[at + 1] + text[at] + text[at + 2 :]
    return text[:at] + text[at + 1 :]


def _hash_keys(person: Person, kinds: tuple[str, ...]) -> dict[str, str]:
    given = {
        "customer_id": person.customer_id or None,
        "customer_number": person.customer_id or None,
        "email": person.email or None,
        "phone": person.phone or None,
        "handle": person.handle or None,
    }
    wanted = (*kinds, *(["customer_number"] if "customer_id" in kinds else []))
    return hash_keys(SECRET, {kind: given[kind] for kind in wanted}, "IL")


def _hash_traits(person: Person) -> dict[str, str]:
    traits = Traits(person.name, person.city, person.birth, person.email, person.phone)
    return hash_traits(SECRET, traits, "IL")
