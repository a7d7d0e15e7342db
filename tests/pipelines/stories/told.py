"""A store whose stories can be told by heart: two themes, three segments, rows of every step."""

from datetime import UTC, datetime, timedelta
from typing import Any

from sqlalchemy import insert, update

from pipelines import tables
from pipelines.judging.periods import judge_periods
from pipelines.publish import publish_insights
from pipelines.runs import Run, begin_run
from pipelines.store import Store
from tests.pipelines.store_copies import open_copy

MONDAY = datetime(2026, 3, 2, tzinfo=UTC)
LATE, VISA = "t00000000late", "t00000000visa"
SECOND_RUN_FROM = 20
# Customers by segment; of the last nobody but one is heard.
SEGMENTS = {"gold": 8, "silver": 6, "tiny": 3, "mute": 9}
LATE_WORDS = {
    "negative": "The card came three weeks late and nobody told me why.",
    "neutral": "It took a while until the card was here.",
    "positive": "Card came a day early, could not be happier with that.",
}
VISA_WORDS = "ה-Visa שלי לא עובד בחו״ל ואין עם מי לדבר"


def open_told(url: str) -> Store:
    """The store; a copy of one that was filled once."""
    return open_copy(url, "stories", _fill)


def _fill(store: Store) -> None:
    rows = [_make_row(number) for number in range(30)]
    with begin_run(store, "run", config_hash="", lock_timeout_s=5) as run:
        _add_customers(run)
        _add_themes(run)
        _add_feedback(run, rows[:SECOND_RUN_FROM])
        _derive(run, rows[:SECOND_RUN_FROM])
    with begin_run(store, "run", config_hash="", lock_timeout_s=5) as run:
        _add_feedback(run, rows[SECOND_RUN_FROM:])
        _derive(run, rows[SECOND_RUN_FROM:])
        _add_steps(run)


def _derive(run: Run, rows: list[dict[str, Any]]) -> None:
    run.counts["n_new"] = len(rows)
    run.mark_changed()
    judge_periods(run)
    publish_insights(run)


def _make_row(number: int) -> dict[str, Any]:
    """Twenty-four voices on late cards, six on Visa; the latest week has nine of late cards."""
    is_visa = number % 5 == 4
    feeling = "negative" if number % 4 < 2 else ("neutral", "positive")[number % 4 - 2]
    text = VISA_WORDS if is_visa else LATE_WORDS[feeling]
    customers = [f"{name}-{n}" for name, size in SEGMENTS.items() for n in range(size)]
    week = 0 if number < 9 else 1 if number < 18 else 2
    return {
        "number": number,
        "text": f"{text} ({'אבגדהוזחטיכלמנסעפצקרשת'[number % 22]})",
        "lang": "he" if is_visa else "en",
        "theme_id": VISA if is_visa else LATE,
        "feeling": feeling,
        "customer_id": customers[number] if number < 18 else None,
        "at": MONDAY + timedelta(weeks=week, days=number % 6, hours=9),
    }


def _add_customers(run: Run) -> None:
    rows = [
        {"customer_id": f"{name}-{n}", "segment": name}
        for name, size in SEGMENTS.items()
        for n in range(size)
    ]
    run.connection.execute(insert(tables.customer), rows)
    order = {"event_id": "o1", "kind": "order", "amount": 1250.5, "currency": "EUR", "at": MONDAY}
    run.connection.execute(insert(tables.event).values(customer_id="gold-0", **order))


def _add_themes(run: Run) -> None:
    rows = [
        {"theme_id": LATE, "name": "Late cards", "lang": "en", "names": {"he": "כרטיסים באיחור"}},
        {"theme_id": VISA, "name": "כרטיס Visa לא עובד", "lang": "he", "names": None},
    ]
    for row in rows:
        run.connection.execute(
            insert(tables.theme).values(
                status="active",
                origin="discovered",
                keywords=[],
                created_run=run.run_id,
                **row,
            )
        )


def _add_feedback(run: Run, rows: list[dict[str, Any]]) -> None:
    for row in rows:
        key = f"f{row['number']:02d}"
        said = {name: row[name] for name in ("text", "lang")}
        run.connection.execute(
            insert(tables.feedback).values(
                feedback_id=key,
                source="shop" if row["number"] % 2 else "web",
                customer_id=row["customer_id"],
                occurred_at=row["at"],
                run_id=run.run_id,
                **said,
            )
        )
        score = {"negative": -0.75, "neutral": 0.0, "positive": 0.5}[row["feeling"]]
        run.connection.execute(
            insert(tables.mention).values(
                mention_id=f"{key}-0",
                feedback_id=key,
                position=0,
                text_hash=key,
                sentiment=row["feeling"],
                sentiment_score=score,
                theme_id=row["theme_id"],
                nearest_theme_id=row["theme_id"],
                theme_strength=0.9 - row["number"] / 100,
                **said,
            )
        )
    first = {LATE: ["f00", "f01", "f05"], VISA: ["f04", "f09", "f14"]}
    if rows[0]["number"] == 0:
        texts = {f"f{row['number']:02d}": row["text"] for row in rows}
        quotes = [
            {"theme_id": theme_id, "rank": rank, "mention_id": f"{key}-0", "text": texts[key]}
            for theme_id, keys in first.items()
            for rank, key in enumerate(keys, 1)
        ]
        run.connection.execute(insert(tables.theme_quote), quotes)


def _add_steps(run: Run) -> None:
    """What the other steps would write: one sure effect, one unsure; a rise; a sliver."""
    connection = run.connection
    week = MONDAY + timedelta(weeks=2)
    period = tables.theme_period.c
    verdict = {
        "expected": 3.6,
        "expected_low": 1.0,
        "expected_high": 8.0,
        "ratio": 9 / 3.6,
        "ratio_low": 1.3,
        "ratio_high": 4.4,
        "q_value": 0.012,
        "verdict": "growing",
        "sentiment_expected": 0.1,
        "sentiment_low": -0.6,
        "sentiment_high": -0.2,
        "sentiment_q": 0.02,
        "sentiment_verdict": "worse",
    }
    own = (period.theme_id == LATE) & (period.period == "week") & (period.segment == "all")
    connection.execute(
        update(tables.theme_period).where(own, period.period_start == week).values(**verdict)
    )
    connection.execute(
        update(tables.theme)
        .where(tables.theme.c.theme_id == LATE)
        .values(verdict="growing", signal_score=72.5)
    )
    for name, rows in _step_rows(run.run_id).items():
        connection.execute(insert(tables.metadata.tables[name]), rows)


def _step_rows(run_id: str) -> dict[str, list[dict[str, Any]]]:
    effect = {"theme_id": LATE, "method": "logistic", "n": 200, "n_with_theme": 24}
    return {
        "theme_impact": [
            effect
            | {"outcome": "churn_90", "effect": 0.042, "low": 0.01, "high": 0.07, "unit": "share"}
            | {"q_value": 0.003, "adjusted_for": ["segment"], "currency": "EUR", "note": None}
            | {"at_stake": 12500.0, "at_stake_low": 4000.0, "at_stake_high": 21000.0},
            effect
            | {"outcome": "rating", "effect": -0.1, "low": -0.4, "high": 0.2, "unit": "points"}
            | {"q_value": 0.6, "adjusted_for": ["segment"], "currency": None, "note": None}
            | dict.fromkeys(("at_stake", "at_stake_low", "at_stake_high")),
            effect
            | {"outcome": "nps", "note": "too few", "adjusted_for": None, "unit": None}
            | dict.fromkeys(("effect", "low", "high", "q_value", "currency"))
            | dict.fromkeys(("at_stake", "at_stake_low", "at_stake_high")),
        ],
        "theme_fix": [
            {"edit_id": "e1", "outcome": "voices", "theme_id": VISA, "fixed_at": MONDAY}
            | {"effect": -0.4, "low": -0.6, "high": -0.1, "p_value": 0.01, "unit": "relative"}
        ],
        "theme_signal": [
            {"theme_id": LATE, "part": "growth", "points": 30.0},
            {"theme_id": LATE, "part": "reach", "points": 42.5},
        ],
        "priority": [
            {"rank": 1, "theme_id": LATE, "segment": "all", "gain": 9000.0, "gain_low": 3000.0}
            | {"gain_high": 15000.0, "q_value": 0.004, "unit": "EUR", "n_customers": 24},
            {"rank": 1, "theme_id": VISA, "segment": "tiny", "gain": 12.0, "gain_low": 3.0}
            | {"gain_high": 15.0, "q_value": 0.2, "unit": "points x voices", "n_customers": 3},
        ],
        "comparison": [
            {"dimension": "brand", "value": value, "theme_id": LATE, "n_voices": 100}
            | {"n_with_theme": n, "share": n / 100, "share_low": n / 100 - 0.08}
            | {"share_high": n / 100 + 0.08, "share_q": 0.004}
            for value, n in (("Acme", 40), ("Bolt", 10))
        ],
        "coverage": [
            {"dimension": "all", "value": "all", "n_customers": 26, "n_heard": 18}
            | {"share": 18 / 26, "share_low": 0.5, "share_high": 0.84, "note": None},
            {"dimension": "segment", "value": "gold", "n_customers": 8, "n_heard": 8}
            | {"share": 1.0, "share_low": 0.68, "share_high": 1.0, "note": None},
            {"dimension": "segment", "value": "mute", "n_customers": 9, "n_heard": 1}
            | {"share": 1 / 9, "share_low": 0.02, "share_high": 0.44, "note": "under_heard"},
        ],
        "theme_event": [
            {"event_id": f"{LATE}-1", "theme_id": LATE, "run_id": run_id, "event": "renamed"}
        ],
        "action": [
            {"action_id": "a1", "theme_id": LATE, "status": "pending", "destination": "crm"}
        ],
    }
