"""The survey: banking77 test questions as answers of made-up respondents."""

import random
from collections import defaultdict
from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from demo_bundle.calendar import spread_moments
from demo_bundle.people import Customer, Person, write_email, write_phone

N_RESPONDENTS = 650
HELP = "What did you need help with?"
MORE = "Is there anything else you would like to tell us?"
_N_EMPTY_WORDS, _N_BLANK = 12, 6


@dataclass
class Answer:
    """One respondent's form; an answer is a banking77 row, a word that says nothing, or None."""

    respondent_id: str = ""
    at: datetime = datetime.min
    help: dict[str, Any] | None = None
    more: dict[str, Any] | None = None
    score: int | None = None
    customer: Customer | None = None
    number: str = ""
    email: str = ""
    phone: str = ""
    keys: dict[str, str] = field(default_factory=dict)


def make_survey(
    questions: list[dict[str, Any]],
    spec: dict[str, Any],
    customers: list[Customer],
    complainers: set[str],
    talkers: set[str],
    strangers: Iterator[Person],
    rng: random.Random,
) -> list[Answer]:
    """The forms in the order of time.

    :param questions: banking77 test rows.
    :param spec: the parsed banking77.json.
    :param complainers: ids of customers who complained elsewhere; they score lower.
    :param talkers: ids of customers who wrote elsewhere; they answer surveys more often.
    """
    texts = _pick_questions(questions, spec, rng)
    answers = [Answer(help=next(texts)) for _ in range(N_RESPONDENTS)]
    for answer in rng.sample(answers, N_RESPONDENTS // 2):
        answer.more = next(texts)
    _say_nothing(answers, spec["empty_words"], rng)
    _date(answers, rng)
    _identify(answers, customers, talkers, strangers, rng)
    for answer in answers:
        answer.score = _score(answer, set(spec["problems"]), complainers, rng)
    answers.sort(key=lambda answer: (answer.at, answer.help["id"] if answer.help else ""))
    for number, answer in enumerate(answers, 1):
        answer.respondent_id = f"R-{number:04d}"
    return answers


def _pick_questions(
    questions: list[dict[str, Any]], spec: dict[str, Any], rng: random.Random
) -> Iterator[dict[str, Any]]:
    head, skip = spec["head"], {*spec["head"], *spec["left_out"]}
    picked = [
        row
        for label, n in head.items()
        for row in rng.sample([row for row in questions if row["label"] == label], n)
    ]
    rare = [row for row in questions if row["label"] not in skip]
    picked += rng.sample(rare, N_RESPONDENTS + N_RESPONDENTS // 2 - len(picked))
    rng.shuffle(picked)
    return iter(picked)


def _say_nothing(answers: list[Answer], words: list[str], rng: random.Random) -> None:
    chosen = rng.sample(answers, _N_EMPTY_WORDS + _N_BLANK)
    for answer, word in zip(chosen[:_N_EMPTY_WORDS], words, strict=True):
        answer.help = {"id": "", "text": word, "label": None}
    for answer in chosen[_N_EMPTY_WORDS:]:
        answer.help = answer.more = None


def _date(answers: list[Answer], rng: random.Random) -> None:
    groups: dict[str, list[Answer]] = defaultdict(list)
    for answer in answers:
        groups[str(answer.help["label"]) if answer.help else ""].append(answer)
    for label in sorted(groups):
        moments = spread_moments(len(groups[label]), rng)
        for answer, moment in zip(groups[label], moments, strict=True):
            answer.at = moment


def _identify(
    answers: list[Answer],
    customers: list[Customer],
    talkers: set[str],
    strangers: Iterator[Person],
    rng: random.Random,
) -> None:
    """Give 425 respondents a key; the others stay anonymous."""
    free = iter(_rank_customers(customers, talkers, rng))
    kinds = ["both"] * 100 + ["number"] * 130 + ["email"] * 140 + ["phone"] * 36
    kinds += ["unknown_email"] * 12 + ["unknown_phone"] * 3 + ["unknown_number"] * 4
    for i, (answer, kind) in enumerate(zip(rng.sample(answers, len(kinds)), kinds, strict=True)):
        if kind == "unknown_email":
            answer.email = next(strangers).email
        elif kind == "unknown_phone":
            answer.phone = f"+44 1632 960{i:03d}"  # reserved for fiction, and in no CRM row
        elif kind == "unknown_number":
            answer.number = f"C-9{i:05d}"
        else:
            _sign(answer, kind, free, rng)


def _sign(answer: Answer, kind: str, free: Iterator[Customer], rng: random.Random) -> None:
    customer = next(
        c for c in free if (c.email or kind in {"number", "phone"}) and (c.phone or kind != "phone")
    )
    answer.customer = customer
    if kind in {"both", "number"}:
        answer.number = customer.customer_id
        answer.keys = {"customer_id": customer.customer_id}
    if kind in {"both", "email"}:
        answer.email = write_email(customer.email, rng)
        answer.keys["email"] = customer.email
    if kind == "phone":
        answer.phone = write_phone(customer.phone, rng)
        answer.keys = {"phone": customer.phone}


def _rank_customers(
    customers: list[Customer], talkers: set[str], rng: random.Random
) -> list[Customer]:
    """Customers in the order in which they answer: English speakers and talkers first."""

    def reluctance(customer: Customer) -> float:
        english = customer.person.group.lang == "en"
        keen = (5 if english else 1) * (4 if customer.customer_id in talkers else 1)
        return float(rng.random() ** (1 / keen))

    return sorted(customers, key=reluctance, reverse=True)


def _score(
    answer: Answer, problems: set[str], complainers: set[str], rng: random.Random
) -> int | None:
    if rng.random() < 0.03:
        return None
    mean = 8.4
    if answer.help and answer.help["label"] in problems:
        mean -= 1.8
    if answer.customer and answer.customer.customer_id in complainers:
        mean -= 3.6
    return max(0, min(10, round(rng.gauss(mean, 1.9))))
