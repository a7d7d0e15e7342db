"""Who says what when: the hand-written posts and reviews, and the survey, get people and dates."""

import difflib
import random
from collections import defaultdict
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from datetime import date, datetime, timedelta
from typing import Any

from demo_bundle.calendar import (
    AS_OF,
    FIRST_DAY,
    LAST_MOMENT,
    LATE_START,
    growing,
    moment_on,
    released_on,
    spread_moments,
    weekly,
)
from demo_bundle.people import Customer, Person

LATE_THEME = "app_login_after_update"
CHURN_THEME = "support_no_answer"
REPEATED_TEXT = (
    "@nilo_app 7 weeks and STILL no refund for the hotel you cancelled on me. £214. "
    "I will post this every day until a human reads it."
)
REPEATED_THEME = "refund_late"


@dataclass
class Voice:
    """A post or a review: the written row, and what is made up around it."""

    row: dict[str, Any]
    source: str  # social or app_reviews
    lang: str
    themes: tuple[str, ...]
    kind: str = "post"
    at: datetime = datetime.min
    voice_id: str = ""
    customer: Customer | None = None
    person: Person | None = None
    copy_of: "Voice | None" = None
    keys: dict[str, str] = field(default_factory=dict)

    @property
    def text(self) -> str:
        """What was written."""
        return str(self.row["text"])


def read_voices(rows: list[dict[str, Any]], source: str, lang: str | None) -> list[Voice]:
    """Voices without date and person from the rows of one hand-written file.

    :param lang: language of the file; None when each row names its own.
    """
    voices = [
        Voice(
            row,
            source,
            lang or row["lang"],
            tuple(row["theme"].split("+")),
            row.get("kind", "post"),
        )
        for row in rows
    ]
    originals = [voice for voice in voices if voice.kind == "post"]
    for voice in voices:
        if voice.kind == "copy":
            voice.copy_of = _find_original(voice, originals)
    return voices


def date_voices(voices: list[Voice], rng: random.Random) -> None:
    """Give every voice its moment: steady themes, a late one, copies soon after the original."""
    groups: dict[str, list[Voice]] = defaultdict(list)
    for voice in voices:
        if voice.copy_of is None:
            groups[LATE_THEME if LATE_THEME in voice.themes else voice.themes[0]].append(voice)
    for theme in sorted(groups):
        if theme == LATE_THEME:
            for voice in groups[theme]:
                start = max(LATE_START, released_on(str(voice.row.get("version", ""))))
                voice.at = spread_moments(1, rng, start=start, weight=growing)[0]
        else:
            weight = _less_after_update(theme, groups[LATE_THEME], len(groups[theme]))
            moments = spread_moments(len(groups[theme]), rng, weight=weight)
            for voice, moment in zip(groups[theme], moments, strict=True):
                voice.at = moment
    for voice in voices:
        if voice.copy_of is not None:
            later = voice.copy_of.at + timedelta(minutes=rng.randrange(40, 2600))
            voice.at = min(later, LAST_MOMENT)


def assign_posts(
    posts: list[Voice],
    customers: list[Customer],
    strangers: Iterator[Person],
    rng: random.Random,
    share: float,
) -> None:
    """Let about a share of the posts be written by customers of the post's language.

    Spam and copies come from strangers; the theme that precedes churn mostly from customers.
    """
    pools = {
        lang: _Pool([c for c in customers if c.handle and c.person.group.lang == lang], rng)
        for lang in sorted({c.person.group.lang for c in customers})
    }
    for post in posts:
        chance = 0.92 if CHURN_THEME in post.themes else share
        if post.kind == "post" and rng.random() < chance:
            post.customer = pools[post.lang].draw(fresh=CHURN_THEME in post.themes)
            post.person = post.customer.person
            post.keys = {"handle": post.customer.handle}
        else:
            post.person = next(p for p in strangers if p.group.lang == post.lang)


def assign_reviews(
    reviews: list[Voice],
    customers: list[Customer],
    strangers: Iterator[Person],
    rng: random.Random,
) -> None:
    """Let a few reviewers leave an e-mail, mostly one that the CRM knows."""
    pools: dict[str, _Pool] = {}
    for review in reviews:
        members = [c for c in customers if c.email and c.person.group.lang == review.lang]
        pool = pools.setdefault(review.lang, _Pool(members, rng))
        draw = rng.random()
        if members and draw < (0.75 if CHURN_THEME in review.themes else 0.32):
            review.customer = pool.draw(fresh=CHURN_THEME in review.themes)
            review.person = review.customer.person
            review.keys = {"email": review.customer.email}
        elif members and draw > 0.94:
            review.person = next(p for p in strangers if p.group.lang == review.lang)


def repeat_post(
    customers: list[Customer], voices: list[Voice], rng: random.Random
) -> tuple[Customer, list[Voice]]:
    """Ten posts of the same words by one customer, within five days of August."""
    used = {voice.customer.customer_id for voice in voices if voice.customer}
    customer = next(
        c
        for c in customers
        if c.handle and c.customer_id not in used and c.person.group.country == "GB"
    )
    row = {
        "text": REPEATED_TEXT,
        "theme": REPEATED_THEME,
        "sentiment": "negative",
        "kind": "post",
    }
    first = datetime.fromisoformat("2026-08-11T00:00:00+00:00").date()
    days = sorted(first + timedelta(i % 5) for i in range(10))
    return customer, [
        Voice(
            row,
            "social",
            "en",
            (REPEATED_THEME,),
            at=moment_on(day, rng),
            customer=customer,
            person=customer.person,
            keys={"handle": customer.handle},
        )
        for day in days
    ]


def number_voices(voices: list[Voice], prefix: str) -> list[Voice]:
    """The voices in the order of time, with ids in that order."""
    ordered = sorted(voices, key=lambda voice: (voice.at, voice.text))
    for number, voice in enumerate(ordered, 1):
        voice.voice_id = f"{prefix}{number:05d}"
    return ordered


def _less_after_update(theme: str, late: list[Voice], n: int) -> Callable[[date], float]:
    """Days weighted so that a theme stays level although late posts mention it too."""
    n_late = sum(theme in voice.themes for voice in late)
    usual = (n + n_late) * (AS_OF - LATE_START) / (AS_OF - FIRST_DAY)
    left = max(0.05, 1 - n_late / usual)
    return lambda day: weekly(day) * (left if day >= LATE_START else 1)


class _Pool:
    """Customers to write something: mostly new ones, now and then one who wrote before."""

    def __init__(self, members: list[Customer], rng: random.Random) -> None:
        self._fresh = rng.sample(members, len(members))
        self._used: list[Customer] = []
        self._rng = rng

    def draw(self, *, fresh: bool) -> Customer:
        if not fresh and len(self._used) > 5 and (not self._fresh or self._rng.random() < 0.18):
            return self._rng.choice(self._used)
        customer = self._fresh.pop()
        self._used.append(customer)
        return customer


def _find_original(copy: Voice, originals: list[Voice]) -> Voice:
    same = [voice for voice in originals if voice.themes == copy.themes]
    return max(same, key=lambda voice: _likeness(copy.text, voice.text))


def _likeness(a: str, b: str) -> float:
    return difflib.SequenceMatcher(None, a.casefold(), b.casefold(), autojunk=False).ratio()
