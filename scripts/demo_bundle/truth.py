"""truth.json: what is planted in the bundle, with the ids that prove it, and what each row is."""

import json
from collections import Counter
from datetime import datetime
from pathlib import Path
from typing import Any

from demo_bundle.calendar import AS_OF, LATE_START
from demo_bundle.history import Churn
from demo_bundle.people import Customer
from demo_bundle.survey import HELP, MORE, Answer
from demo_bundle.voices import CHURN_THEME, LATE_THEME, REPEATED_TEXT, REPEATED_THEME, Voice

KEY_ORDER = ("customer_id", "email", "phone", "handle")


def describe_churn(churn: Churn, customers: list[Customer], voices: list[Voice]) -> dict[str, Any]:
    """The theme after which half of the customers leave."""
    posts: dict[str, list[str]] = {key: [] for key in churn.voiced}
    for voice in voices:
        if voice.customer and CHURN_THEME in voice.themes:
            posts[voice.customer.customer_id].append(f"{voice.source}:{voice.voice_id}")
    left = [key for key in churn.voiced if key in churn.left]
    n_others = len(customers) - len(churn.voiced)
    return {
        "id": "churn_theme",
        "theme": CHURN_THEME,
        "says": "customers who voiced it left more often than the others, always afterwards",
        "customers": {
            key: {
                "first_voiced_at": _write_moment(churn.voiced[key]),
                "feedback": posts[key],
                "churned_at": _write_moment(churn.left[key]) if key in churn.left else None,
            }
            for key in sorted(churn.voiced)
        },
        "n_customers": len(churn.voiced),
        "n_churned": len(left),
        "churn_rate": round(len(left) / len(churn.voiced), 4),
        "n_others": n_others,
        "n_others_churned": len(churn.left) - len(left),
        "churn_rate_others": round((len(churn.left) - len(left)) / n_others, 4),
    }


def describe_late_theme(voices: list[Voice]) -> dict[str, Any]:
    """The theme that starts in the last three weeks."""
    late = [voice for voice in voices if LATE_THEME in voice.themes]
    return {
        "id": "late_theme",
        "theme": LATE_THEME,
        "says": "nobody wrote about it before this day; every other theme is steady",
        "starts_at": f"{LATE_START.isoformat()}T00:00:00+00:00",
        "first_at": _write_moment(min(voice.at for voice in late)),
        "n": len(late),
        "n_by_language": dict(sorted(Counter(voice.lang for voice in late).items())),
        "feedback": [f"{voice.source}:{voice.voice_id}" for voice in late],
    }


def describe_repeater(customer: Customer, posts: list[Voice]) -> dict[str, Any]:
    """The customer who writes the same thing ten times."""
    return {
        "id": "repeater",
        "theme": REPEATED_THEME,
        "says": "ten posts of the same words by one customer: one voice, not a trend",
        "customer_id": customer.customer_id,
        "source": "social",
        "source_ids": sorted(post.voice_id for post in posts),
        "text": REPEATED_TEXT,
    }


def describe_three_sources(
    customer: Customer, voices: list[Voice], answers: list[Answer]
) -> dict[str, Any]:
    """The customer who is heard in three sources and three languages."""
    own = [v for v in voices if v.customer is customer]
    forms = [a for a in answers if a.customer is customer]
    return {
        "id": "three_sources",
        "says": "one customer heard in three sources and three languages",
        "customer_id": customer.customer_id,
        "feedback": [f"{v.source}:{v.voice_id}" for v in own]
        + [f"survey:{a.respondent_id}" for a in forms],
        "languages": sorted({v.lang for v in own} | {"en"}),
    }


def describe_heard(
    customers: list[Customer], voices: list[Voice], answers: list[Answer]
) -> dict[str, Any]:
    """Who is heard: English speakers answer the survey, which is in English, far more often."""
    spoke = {v.customer.customer_id for v in voices if v.customer and v.text and v.kind == "post"}
    spoke |= {a.customer.customer_id for a in answers if a.customer and (a.help or a.more)}
    known = Counter(customer.person.group.lang for customer in customers)
    heard = Counter(c.person.group.lang for c in customers if c.customer_id in spoke)
    return {
        "id": "heard",
        "says": "English speakers are heard more than the others",
        "by_language": {
            lang: {"n_customers": n, "n_heard": heard[lang]} for lang, n in sorted(known.items())
        },
    }


def describe_rows(
    complaints: list[dict[str, str]],
    silent: list[str],
    answers: list[Answer],
    voices: list[Voice],
    n_customers: int,
    n_events: int,
) -> dict[str, Any]:
    """Rows of each file, how many feedback rows they give, and which cannot be used."""
    blank = [a.respondent_id for a in answers if not a.help and not a.more]
    n_answers = sum(bool(a.help) + bool(a.more) for a in answers)
    social = [v for v in voices if v.source == "social"]
    reviews = [v for v in voices if v.source == "app_reviews"]
    mute = [v.voice_id for v in social if not v.text]
    starred = [v.voice_id for v in reviews if not v.text]
    return {
        "complaints_cfpb.csv": _count_rows("complaints", len(complaints), silent, "no narrative"),
        "survey_2026.csv": _count_rows("survey", len(answers), blank, "no answer", n_answers),
        "social_posts.jsonl": _count_rows("social", len(social), mute, "no text: picture only"),
        "app_reviews.xlsx": _count_rows(
            "app_reviews", len(reviews), starred, "no text: stars only"
        ),
        "customers.csv": {"rows": n_customers},
        "events.csv": {"rows": n_events},
    }


def describe_links(voices: list[Voice], answers: list[Answer]) -> dict[str, Any]:
    """Per source: which item belongs to which customer, and the strongest key that shows it."""
    links: dict[str, dict[str, Any]] = {"survey": {}, "social": {}, "app_reviews": {}}
    for voice in voices:
        if voice.customer and voice.text:
            links[voice.source][voice.voice_id] = _link(voice.customer, voice.keys)
    for answer in answers:
        if answer.customer and (answer.help or answer.more):
            links["survey"][answer.respondent_id] = _link(answer.customer, answer.keys)
    return links


def describe_labels(voices: list[Voice], answers: list[Answer]) -> dict[str, Any]:
    """Per source: themes, sentiment, kind and language as written; the intent of each answer."""
    labels: dict[str, dict[str, Any]] = {"survey": {}, "social": {}, "app_reviews": {}}
    for voice in voices:
        if voice.text:
            labels[voice.source][voice.voice_id] = {
                "lang": voice.lang,
                "themes": [theme for theme in voice.themes if theme != "other"],
                "sentiment": voice.row["sentiment"],
                "kind": voice.kind,
            } | ({"copy_of": voice.copy_of.voice_id} if voice.copy_of else {})
    for answer in answers:
        given = {HELP: answer.help, MORE: answer.more}
        if answer.help or answer.more:
            labels["survey"][answer.respondent_id] = {
                question: row["label"] or "low_effort" for question, row in given.items() if row
            }
    return labels


def write_truth(path: Path, truth: dict[str, Any]) -> None:
    """Indented two levels deep, then one line an entry: small, and good to diff."""
    parts = []
    for key, value in truth.items():
        parts.append(f" {_dump(key)}: {_layout(value, 2 if key in {'labels', 'links'} else 1)}")
    path.write_text("{\n" + ",\n".join(parts) + "\n}\n", encoding="utf-8", newline="\n")


def head() -> dict[str, Any]:
    """What the numbers refer to."""
    return {"as_of": AS_OF.isoformat(), "late_days": (AS_OF - LATE_START).days}


def _layout(value: Any, depth: int, indent: int = 2) -> str:
    if depth == 0 or not isinstance(value, (dict, list)) or not value:
        return _dump(value)
    pad = " " * indent
    if isinstance(value, list):
        inner = [pad + _layout(item, depth - 1, indent + 1) for item in value]
        return "[\n" + ",\n".join(inner) + "\n" + pad[:-1] + "]"
    inner = [f"{pad}{_dump(k)}: {_layout(v, depth - 1, indent + 1)}" for k, v in value.items()]
    return "{\n" + ",\n".join(inner) + "\n" + pad[:-1] + "}"


def _dump(value: Any) -> str:
    return json.dumps(value, ensure_ascii=False)


def _count_rows(
    source: str, n: int, rejected: list[str], reason: str, n_feedback: int | None = None
) -> dict[str, Any]:
    return {
        "source": source,
        "rows": n,
        "feedback": n - len(rejected) if n_feedback is None else n_feedback,
        "rejected": len(rejected),
        "rejected_ids": rejected,
        "reason": reason,
    }


def _link(customer: Customer, keys: dict[str, str]) -> dict[str, str]:
    by = next(key for key in KEY_ORDER if key in keys)
    return {"customer_id": customer.customer_id, "by": by}


def _write_moment(moment: datetime) -> str:
    return moment.isoformat()
