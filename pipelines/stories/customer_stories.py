"""The story of one customer, for whoever is about to talk to them; asked for by name only."""

from collections.abc import Mapping
from typing import Any

from sqlalchemy import Connection, select

from pipelines import tables
from pipelines.profiles import Profile, read_profile
from pipelines.stories.evidence import Row, count, name_theme, read_themes
from pipelines.stories.facts import Fact, fact_of
from pipelines.stories.quotes import N_QUOTES, add_sides, draft_quotes
from pipelines.stories.sentences import Draft, make_drafts
from pipelines.stories.theme_parts import tell_actions

_MAX_THEMES, _MAX_FEEDBACK = 3, 50
_UNKNOWN_CURRENCY = "?"
_insight, _spoken = tables.customer_insight, tables.customer_theme


def draft_customer(connection: Connection, customer_id: str) -> list[Draft]:
    """The sentences of a customer's story.

    :raises NoProfileError: when there is no such customer, or they allow no profile.
    """
    profile = read_profile(connection, customer_id, limit=_MAX_FEEDBACK)
    own_id = profile.record["customer_id"]
    insight = {"customer_id": own_id, **profile.insight} if profile.insight else None
    facts = {"customer_id": own_id, **profile.facts} if profile.facts else None
    spoken = _read_spoken(connection, own_id)
    named = [row["theme_id"] for row in spoken]
    if insight and insight["open_theme_id"]:
        named.append(insight["open_theme_id"])
    themes = read_themes(connection, set(named))
    names = {key: name_theme(row) for key, row in themes.items()}
    return make_drafts(
        _tell_record(profile.record, facts),
        _tell_said(insight) if insight else None,
        _tell_feeling(insight) if insight else None,
        [_tell_theme(row, names[row["theme_id"]]) for row in spoken if row["theme_id"] in names],
        _tell_state(insight, facts, names) if insight else None,
        tell_actions(
            count(connection, "action", ["customer_id"], {"customer_id": [own_id]}), own_id
        ),
        _tell_next(insight) if insight else None,
        draft_quotes(_choose_quotes(profile)),
    )


def _read_spoken(connection: Connection, customer_id: str) -> list[Row]:
    """What they spoke of most; their profile was allowed."""
    column = _spoken.c
    query = (
        select(_spoken)
        .where(column.customer_id == customer_id)
        .order_by(column.n_mentions.desc(), column.last_at.desc(), column.theme_id)
        .limit(_MAX_THEMES)
    )
    return list(connection.execute(query).mappings())


def _tell_record(record: Row, facts: Row | None) -> list[Draft]:
    slots = {"customer": fact_of(tables.customer, record, "customer_id")}
    segment = fact_of(tables.customer, record, "segment")
    known = (
        Draft("customer_segment", {**slots, "segment": segment})
        if segment.is_known
        else Draft("customer_known", slots)
    )
    if facts is None:
        return [known]
    return [
        known,
        Draft("customer_since", {"first": fact_of(tables.customer_fact, facts, "first_at")}),
    ]


def _facts(row: Row, columns: Mapping[str, str]) -> dict[str, Fact]:
    return {slot: fact_of(_insight, row, column) for slot, column in columns.items()}


def _tell_said(row: Row) -> Draft:
    slots = _facts(row, {"n_feedback": "n_feedback", "n_mentions": "n_mentions"})
    last = fact_of(_insight, row, "last_feedback_at")
    if last.is_known:
        return Draft("customer_said", {**slots, "last": last})
    return Draft("customer_said_undated", slots)


def _tell_feeling(row: Row) -> list[Draft]:
    """How they feel, and whether it turned for sure."""
    ends = {"sentiment": "sentiment", "low": "sentiment_low", "high": "sentiment_high"}
    feeling = Draft("customer_feeling", _facts(row, ends))
    low, high = row["trend_low"], row["trend_high"]
    if low is None or high is None or low <= 0 <= high:
        return [feeling]
    turn = _facts(row, {"trend": "sentiment_trend", "low": "trend_low", "high": "trend_high"})
    return [feeling, Draft("customer_worse" if high < 0 else "customer_better", turn)]


def _tell_theme(row: Row, name: Fact) -> Draft:
    return Draft("customer_theme", {"n": fact_of(_spoken, row, "n_mentions"), "name": name})


def _tell_state(row: Row, facts: Row | None, names: Mapping[str, Fact]) -> list[Draft]:
    """What is open, what they are worth, and whether they may leave."""
    drafts = []
    if row["open_theme_id"] in names:
        slots = _facts(row, {"since": "open_since", "theme": "open_theme_id"})
        drafts.append(Draft("customer_open", {"name": names[row["open_theme_id"]], **slots}))
    if row["value_currency"] not in (None, _UNKNOWN_CURRENCY):
        slots = _facts(row, {"value": "value", "currency": "value_currency"})
        drafts.append(Draft("customer_value", slots))
    if facts is not None and facts["churned_at"]:
        day = fact_of(tables.customer_fact, facts, "churned_at")
        return [*drafts, Draft("customer_left", {"day": day})]
    if row["risk_method"] in ("model", "points"):
        slots = _facts(row, {"risk": "risk", "method": "risk_method"})
        drafts.append(Draft(f"customer_risk_{row['risk_method']}", slots))
    return drafts


def _tell_next(row: Row) -> Draft:
    return Draft("customer_next", _facts(row, {"action": "next_action", "rule": "next_rule"}))


def _choose_quotes(profile: Profile) -> list[Any]:
    """Their latest words that may be quoted: the newest, and of each feeling the newest."""
    said = [
        {
            **part,
            "feedback_id": each["feedback_id"],
            "occurred_at": each["occurred_at"],
            "written_in": each["lang"],
        }
        for each in profile.feedback
        for part in each["mentions"]
        if part["text"]
    ]
    return add_sides(said[:N_QUOTES], said[N_QUOTES:], ("negative", "positive"))
