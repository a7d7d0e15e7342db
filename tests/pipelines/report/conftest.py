"""Stores to report on: one as big as a demo, one whose numbers can be counted by hand."""

import json
from collections.abc import Callable, Iterator
from datetime import UTC, datetime, timedelta
from itertools import zip_longest
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from sqlalchemy import Connection, create_engine, insert

from pipelines import tables
from pipelines.database import sqlite_driver

Rows = dict[str, list[dict[str, Any]]]
Store = Callable[[Rows], Connection]
SCRIPT = "</script><script>alert(1)</script>"
TAG = "\"'><img src=x onerror=alert(1)>"
OVERRIDE = "safe \u202eexe.txt\u2069\u2067"
FEELINGS = {"negative": -0.8, "neutral": 0.0, "positive": 0.8}


@pytest.fixture
def fill_store() -> Iterator[Store]:
    """Make a store that holds these rows: a list for each table."""
    engine = create_engine("sqlite://", module=sqlite_driver())
    tables.metadata.create_all(engine)
    with engine.connect() as connection:

        def fill(rows: Rows) -> Connection:
            for name, found in rows.items():
                table = tables.metadata.tables[name]
                blank = {column.name: None for column in table.c}
                connection.execute(insert(table), [blank | row for row in found])
            return connection

        yield fill
    engine.dispose()


@pytest.fixture
def empty_store(fill_store: Store) -> Connection:
    return fill_store({})


@pytest.fixture
def bank_store(fill_store: Store) -> Connection:
    """A bank's feedback in four languages, as big as the demo."""
    return fill_store(bank_rows())


@pytest.fixture
def decided_store(fill_store: Store) -> Connection:
    """The same bank with segments, verdicts, impact, priorities, comparisons and coverage."""
    return fill_store(decided_rows())


@pytest.fixture
def hostile_store(fill_store: Store) -> Connection:
    """A store in which every text of a stranger attacks the page."""
    return fill_store(hostile_rows())


def hostile_rows() -> Rows:
    evil = SCRIPT + TAG + OVERRIDE
    return {
        "feedback": [
            {"feedback_id": "1", "source": evil, "text": evil, "lang": TAG, "customer_id": evil},
            {"feedback_id": "2", "source": evil, "text": evil, "noise_reason": evil},
        ],
        "mention": [
            {"mention_id": "1", "feedback_id": "1", "text": evil, "text_hash": "h", "theme_id": "t"}
            | {"sentiment": "negative"},
            {"mention_id": "2", "feedback_id": "1", "text": evil, "text_hash": "h"}
            | {"unassigned_reason": evil, "sentiment": evil},
        ],
        "theme": [
            {"theme_id": "t", "name": evil * 9, "description": evil, "keywords": [evil, 7]}
            | {"status": "active", "origin": "discovered", "lang": TAG, "verdict": evil}
            | {"n_mentions": 1, "n_customers": 1}
        ],
        "theme_quote": [{"theme_id": "t", "rank": 1, "mention_id": "1", "text": evil}],
        "customer_insight": [{"customer_id": evil, "open_theme_id": "t", "next_action": evil}],
        "rejected": [{"rejected_id": "1", "source": evil, "reason": evil}],
    }


def bank_rows() -> Rows:
    plan = json.loads(Path(__file__).with_name("store.json").read_text(encoding="utf-8"))
    rows: Rows = {name: [] for name in ("feedback", "mention", "theme", "theme_quote")}
    rows["theme_period"] = []
    first_day = datetime.fromisoformat(plan["first_day"]).replace(tzinfo=UTC)
    for theme in plan["themes"]:
        _add_theme(rows, theme, first_day, plan["n_days"])
    for reason, source, lang, n in plan["noise"]:
        for _ in range(n):
            _add_feedback(rows, source, lang, "…", first_day, noise_reason=reason)
    for reason, source, lang, n in plan["unassigned"]:
        for _ in range(n):
            item = _add_feedback(rows, source, lang, "Something else", first_day)
            _add_mention(rows, item, "neutral", None, reason)
    rows["rejected"] = [
        {"rejected_id": f"{file}-{i}", "source": source, "file": file, "row_number": i}
        | {"reason": reason, "raw": "{}", "run_id": "r1"}
        for reason, file, source, n in plan["rejected"]
        for i in range(n)
    ]
    return rows | _people(rows) | {"run": [_run(first_day + timedelta(days=plan["n_days"]))]}


def decided_rows() -> Rows:
    """What later steps make of the bank's feedback; one segment has too few customers to show."""
    rows = bank_rows()
    for number, person in enumerate(rows["customer"]):
        person["segment"] = "Tiny" if number < 3 else "Gold" if number % 3 else "Basic"
    themes = [theme["theme_id"] for theme in rows["theme"]]
    for row in rows["theme_period"]:
        low, high = row["n_customers"] * 0.5, row["n_customers"] * 0.9
        row |= {"expected": (low + high) / 2, "expected_low": low, "expected_high": high}
    for theme_id in themes:
        last = max(
            (row for row in rows["theme_period"] if row["theme_id"] == theme_id),
            key=lambda row: row["period_start"],
        )
        last |= {"verdict": "growing", "ratio": 2.5, "ratio_low": 1.6, "ratio_high": 3.9}
        last |= {"q_value": 0.0042, "p_value": 0.0001, "sentiment": -0.6}
        last |= {"sentiment_expected": -0.2, "sentiment_low": -0.7, "sentiment_high": -0.1}
        last |= {"sentiment_q": 0.03, "sentiment_verdict": "worse"}
    effect = {"theme_id": themes[0], "n": 400, "n_with_theme": 60, "q_value": 0.02}
    effect |= {"adjusted_for": ["segment", "tenure"], "method": "firth"}
    return rows | {
        "theme_centre": [
            {"theme_id": theme_id, "voice": "en", "model": "tiny@1", "n_texts": 3}
            | {"data": np.eye(len(themes), dtype="<f4")[place].tobytes()}
            for place, theme_id in enumerate(themes)
        ],
        "run": [row | {"encoder": "tiny@1"} for row in rows["run"]],
        "theme_impact": [
            effect
            | {"outcome": "churn_90", "unit": "share", "effect": 0.08, "low": 0.03, "high": 0.13}
            | {"plain_effect": 0.14, "at_stake": 9000.0, "at_stake_low": 3000.0}
            | {"at_stake_high": 15000.0, "currency": "EUR"},
            effect | {"outcome": "rating", "note": "outcome_constant"},
        ],
        "theme_signal": [
            {"theme_id": themes[0], "part": part, "value": 3.0, "unit": "voices"}
            | {"score": 0.5, "weight": 0.5, "points": 25.0}
            for part in ("growth", "reach")
        ],
        "theme_fix": [
            {"edit_id": "e1", "outcome": "voices", "theme_id": themes[0], "unit": "voices"}
            | {"fixed_at": rows["feedback"][0]["occurred_at"], "effect": -4.0, "low": -6.0}
            | {"high": -2.0, "compared_with": themes[1:3]}
        ],
        "priority": [
            {"rank": rank, "theme_id": themes[rank], "segment": segment, "outcome": "churn_90"}
            | {"gain": 9000.0 / rank, "gain_low": 1000.0, "gain_high": 12000.0, "unit": "EUR"}
            | {"n_customers": n, "reason": "adjusted_effect", "q_value": 0.03 * rank}
            for rank, segment, n in (
                (1, "all", 60),
                (2, "all", 50),
                (1, "Gold", 30),
                (1, "Tiny", 3),
            )
        ],
        "comparison": [
            {"dimension": "brand", "value": value, "theme_id": theme_id, "n_voices": n}
            | {"n_with_theme": n // 4, "share": 0.25, "share_low": 0.2, "share_high": 0.3}
            | {"sentiment": feeling, "sentiment_low": feeling - 0.1, "sentiment_high": feeling}
            for theme_id in ("", themes[0])
            for value, n, feeling in (("Ours", 200, -0.3), ("Theirs", 80, 0.2), ("Rare", 2, 0.9))
        ],
        "coverage": [
            {"dimension": dimension, "value": value, "n_customers": n, "n_heard": n // 10}
            | {"share": 0.1, "share_low": 0.05, "share_high": 0.2, "note": note}
            for dimension, value, n, note in (
                ("all", "all", 97, None),
                ("segment", "Gold", 60, "sliver"),
                ("segment", "Tiny", 3, None),
            )
        ],
    }


def _add_theme(rows: Rows, theme: dict[str, Any], first_day: datetime, n_days: int) -> None:
    start = n_days - 19 if theme.get("new") else 0
    made: list[dict[str, Any]] = []
    for source, lang, *counts in theme["volume"]:
        for sentiment, n in zip(FEELINGS, counts, strict=True):
            for i in range(n):
                texts = theme["texts"][lang]
                # A triangle over the days: few at first, most of them late.
                day = start + int((n_days - start) * ((i * 7 + 3) % n / n) ** 0.7)
                item = _add_feedback(
                    rows, source, lang, texts[i % len(texts)], first_day + timedelta(days=day)
                )
                made.append(_add_mention(rows, item, sentiment, theme["id"], None) | item)
    dates = [item["occurred_at"] for item in made]
    rows["theme"].append(
        {"theme_id": theme["id"], "name": theme["name"], "description": theme["description"]}
        | {"keywords": theme["keywords"], "status": "active", "origin": "discovered"}
        | {"lang": theme["lang"], "n_mentions": len(made), "verdict": theme["verdict"]}
        | {"n_customers": len({item["customer_id"] or item["feedback_id"] for item in made})}
        | {"sentiment": sum(item["sentiment_score"] for item in made) / len(made)}
        | {"first_seen_at": min(dates), "last_seen_at": max(dates)}
    )
    texts = theme["texts"].values()
    by_turns = [text for turn in zip_longest(*texts) for text in turn if text]
    first_said = {item["text"]: item["mention_id"] for item in reversed(made)}
    for rank, text in enumerate(by_turns, 1):
        quote = {"theme_id": theme["id"], "rank": rank, "mention_id": first_said[text]}
        rows["theme_quote"].append(quote | {"text": text})
    for start_at in {at - timedelta(days=at.weekday()) for at in dates}:
        week = [at for at in dates if timedelta(0) <= at - start_at < timedelta(days=7)]
        rows["theme_period"].append(
            {"theme_id": theme["id"], "period": "week", "segment": "all", "period_start": start_at}
            | {"n_mentions": len(week), "n_customers": len(week)}
        )


def _add_feedback(
    rows: Rows, source: str, lang: str, text: str, at: datetime, noise_reason: str | None = None
) -> dict[str, Any]:
    number = len(rows["feedback"])
    item = {
        "feedback_id": f"f{number:05d}",
        "source": source,
        "text": text,
        "lang": lang,
        "occurred_at": at,
        "customer_id": f"C-{number % 97:04d}" if number % 5 < 2 else None,
        "noise_reason": noise_reason,
    }
    rows["feedback"].append(item)
    return item


def _add_mention(
    rows: Rows, item: dict[str, Any], sentiment: str, theme_id: str | None, reason: str | None
) -> dict[str, Any]:
    said = {
        "mention_id": f"{item['feedback_id']}:0",
        "feedback_id": item["feedback_id"],
        "text": item["text"],
        "text_hash": "0",
        "lang": item["lang"],
        "sentiment": sentiment,
        "sentiment_score": FEELINGS[sentiment],
        "theme_id": theme_id,
        "unassigned_reason": reason,
    }
    rows["mention"].append(said)
    return said


# A team's own, and one that the page has words for.
ACTIONS = (
    {"next_action": "call: two complaints in 14 days, no answer since"},
    {"next_action": "thank, and ask for a review (rule: thank)", "next_rule": "thank"},
)


def _people(rows: Rows) -> Rows:
    known = sorted({row["customer_id"] for row in rows["feedback"] if row["customer_id"]})
    themes = [row["theme_id"] for row in rows["theme"]]
    insights = [
        {"customer_id": customer_id, "n_feedback": 3, "sentiment": -0.9 + place / 40}
        | {"open_theme_id": themes[place % len(themes)], "risk": 0.9 - place / 100}
        | ACTIONS[place % 2]
        | {"last_feedback_at": rows["feedback"][place]["occurred_at"]}
        for place, customer_id in enumerate(known[:30])
    ]
    return {
        "customer": [{"customer_id": customer_id} for customer_id in known],
        "customer_insight": insights,
    }


def _run(at: datetime) -> dict[str, Any]:
    return {
        "run_id": "01JQ-run",
        "command": "run",
        "status": "done",
        "started_at": at,
        "finished_at": at + timedelta(minutes=4),
        "encoder": "multilingual-e5-small-q4@0123456789ab",
        "sentiment_model": "sentiment-e5 1",
        "code_version": "0.1.0",
    }
