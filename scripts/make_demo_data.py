"""Build the demo bundle in tests/data/demo: real and written text, invented people, known truth.

Run it again and every file comes out byte for byte the same::

    python scripts/make_demo_data.py --data ../shared/data
"""

import argparse
import gzip
import itertools
import json
import random
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from demo_bundle import files, truth
from demo_bundle.complaints import make_complaints
from demo_bundle.history import make_events, plan_churn
from demo_bundle.people import Customer, Person, make_people
from demo_bundle.survey import Answer, make_survey
from demo_bundle.voices import (
    CHURN_THEME,
    Voice,
    assign_posts,
    assign_reviews,
    date_voices,
    number_voices,
    read_voices,
    repeat_post,
)

SEED = 20261101
HERE = Path(__file__).parent
PARTS = HERE / "demo_parts"
BUNDLE = HERE.parent / "tests" / "data" / "demo"
LANGUAGES = ("ar", "en", "fa", "he")
LINKED_SHARE = 0.62  # of ordinary posts; with spam and copies about 55 % of all


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--data", type=Path, default=HERE.parents[1] / "shared" / "data")
    parser.add_argument("--out", type=Path, default=BUNDLE)
    options = parser.parse_args()
    for name, n in build_bundle(options.data, options.out).items():
        print(f"{name}: {n:,} bytes")


def build_bundle(data: Path, out: Path) -> dict[str, int]:
    """Write the bundle's data files.

    :returns: size in bytes of each file.
    """
    customers, strangers = make_people(_read_json("people"), _dice("people"))
    voices, repeater = _make_voices(customers, strangers)
    answers = _make_answers(data, customers, voices, strangers)
    polyglot = _plant_three_sources(voices, answers, repeater)
    keep = {repeater.customer_id, polyglot.customer_id}
    churn = plan_churn(customers, voices, answers, keep, _dice("churn"))
    events = make_events(customers, voices, churn, _dice("events"))
    complaints, silent = make_complaints(_read_gzip(data, "cfpb.en"), _dice("complaints"))
    posts = number_voices([v for v in voices if v.source == "social"], "S-")
    reviews = number_voices([v for v in voices if v.source == "app_reviews"], "AR-")
    ordered = [*posts, *reviews]

    files.write_complaints(out / "complaints_cfpb.csv", complaints)
    files.write_survey(out / "survey_2026.csv", answers)
    files.write_posts(out / "social_posts.jsonl", posts, _dice("posts"))
    files.write_reviews(out / "app_reviews.xlsx", reviews, _read_json("replies"), _dice("reviews"))
    files.write_customers(out / "customers.csv", customers, _dice("crm"))
    files.write_events(out / "events.csv", events)
    repeated = [v for v in posts if v.customer is repeater]
    planted = [
        truth.describe_churn(churn, customers, ordered),
        truth.describe_late_theme(ordered),
        truth.describe_repeater(repeater, repeated),
        truth.describe_three_sources(polyglot, ordered, answers),
        truth.describe_heard(customers, ordered, answers),
    ]
    rows = truth.describe_rows(complaints, silent, answers, ordered, len(customers), len(events))
    truth.write_truth(
        out / "truth.json",
        truth.head()
        | {
            "planted": planted,
            "languages": _count_languages(ordered),
            "rows": rows,
            "same_as": _read_json("banking77")["same_as"],
            "links": truth.describe_links(ordered, answers),
            "labels": truth.describe_labels(ordered, answers),
        },
    )
    return {name: (out / name).stat().st_size for name in [*rows, "truth.json"]}


def _make_voices(
    customers: list[Customer], strangers: Iterator[Person]
) -> tuple[list[Voice], Customer]:
    posts = [
        voice
        for lang in LANGUAGES
        for voice in read_voices(_read_lines(f"social_{lang}"), "social", lang)
    ]
    posts += read_voices(_picture_posts(), "social", "en")
    reviews = read_voices(_read_lines("app_reviews"), "app_reviews", None)
    reviews += read_voices(_star_reviews(), "app_reviews", None)
    date_voices([*posts, *reviews], _dice("dates"))
    assign_posts(posts, customers, strangers, _dice("writers"), LINKED_SHARE)
    assign_reviews(reviews, customers, strangers, _dice("reviewers"))
    repeater, repeated = repeat_post(customers, [*posts, *reviews], _dice("repeater"))
    return [*posts, *reviews, *repeated], repeater


def _make_answers(
    data: Path, customers: list[Customer], voices: list[Voice], strangers: Iterator[Person]
) -> list[Answer]:
    by = [(v.customer.customer_id, v.row["sentiment"]) for v in voices if v.customer]
    return make_survey(
        _read_gzip(data, "banking77_test.en"),
        _read_json("banking77"),
        customers,
        complainers={key for key, sentiment in by if sentiment == "negative"},
        talkers={key for key, _ in by},
        strangers=strangers,
        rng=_dice("survey"),
    )


def _plant_three_sources(
    voices: list[Voice], answers: list[Answer], repeater: Customer
) -> Customer:
    """Give a Hebrew writer also an Arabic post, an English review and a survey form."""
    customer = next(
        v.customer
        for v in voices
        if v.lang == "he"
        and v.customer
        and v.customer is not repeater
        and v.customer.email
        and CHURN_THEME not in v.themes
        and v.customer not in [a.customer for a in answers]
    )
    for lang, source in (("ar", "social"), ("en", "app_reviews")):
        voice = next(
            v
            for v in voices
            if (v.lang, v.source, v.kind) == (lang, source, "post")
            and v.customer is None
            and v.text
            and CHURN_THEME not in v.themes
        )
        voice.customer, voice.person = customer, customer.person
        voice.keys = (
            {"handle": customer.handle} if source == "social" else {"email": customer.email}
        )
    form = next(
        a for a in answers if a.help and a.help["label"] and not a.number + a.email + a.phone
    )
    form.customer, form.number = customer, customer.customer_id
    form.keys = {"customer_id": customer.customer_id}
    return customer


def _picture_posts() -> list[dict[str, Any]]:
    """Posts of a picture without words: rows that cannot be used."""
    return [{"text": "", "theme": "other", "sentiment": "neutral", "kind": "picture"}] * 3


def _star_reviews() -> list[dict[str, Any]]:
    """Reviews of stars without words: rows that cannot be used."""
    row = {"title": "", "text": "", "theme": "other", "sentiment": "neutral", "kind": "stars"}
    stars = ((5, "en"), (4, "de"), (1, "es"), (5, "es"), (3, "en"))
    return [row | {"stars": n, "lang": lang, "version": ""} for n, lang in stars]


def _count_languages(voices: list[Voice]) -> dict[str, dict[str, int]]:
    pairs = sorted((v.source, v.lang) for v in voices if v.text)
    return {
        source: {lang: len(list(same)) for lang, same in itertools.groupby(p[1] for p in group)}
        for source, group in itertools.groupby(pairs, key=lambda pair: pair[0])
    }


def _dice(purpose: str) -> random.Random:
    """A generator of its own for each purpose, so that one file can change without the others."""
    return random.Random(f"{SEED}:{purpose}")


def _read_json(name: str) -> Any:
    return json.loads((PARTS / f"{name}.json").read_text(encoding="utf-8"))


def _read_lines(name: str) -> list[dict[str, Any]]:
    text = (PARTS / f"{name}.jsonl").read_text(encoding="utf-8")
    return [json.loads(line) for line in text.split("\n") if line.strip()]


def _read_gzip(data: Path, name: str) -> list[dict[str, Any]]:
    with gzip.open(data / "themes" / f"{name}.jsonl.gz", "rt", encoding="utf-8") as lines:
        return [json.loads(line) for line in lines]


if __name__ == "__main__":
    main()
