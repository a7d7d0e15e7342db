"""What the page's script reads: the facts as JSON, every text made safe to show."""

import json
import math
from collections.abc import Mapping
from datetime import date, datetime
from typing import Any

from sqlalchemy import RowMapping

from pipelines.next_actions import DEFAULT_RULES, describe_action
from pipelines.report.cells import PERIODS, pack_cells
from pipelines.report.decisions import CustomerFacts
from pipelines.report.display import direction_of, disarm_text, language_tag, show_code
from pipelines.report.facts import ReportFacts
from pipelines.report.spoken import week_number, week_start
from pipelines.report.theme_facts import NEW_THEME_AGE, Quote, ThemeFacts
from pipelines.risk import LEFT

MAX_NAME_LENGTH = 160
MAX_QUOTE_LENGTH = 420
MAX_BRIEF_LENGTH = 160
_MAX_KEYWORDS = 8
_MAX_LABEL_LENGTH = 120

_DEFAULT_ACTIONS = {describe_action(rule): rule.name for rule in DEFAULT_RULES}

Json = dict[str, Any]


def write_payload(facts: ReportFacts) -> str:
    """Write the facts as JSON that can stand inside a script element."""
    return write_json(_drop_nothing(_collect(facts)))


def write_json(value: Any) -> str:
    """JSON in which no character can end the element that it stands in."""
    text = json.dumps(value, ensure_ascii=False, separators=(",", ":"), allow_nan=False)
    return text.replace("&", "\\u0026").replace("<", "\\u003c").replace(">", "\\u003e")


def _collect(facts: ReportFacts) -> Json:
    places = {theme.theme_id: place for place, theme in enumerate(facts.themes)}
    weeks = facts.weeks
    groups = {place: number for number, g in enumerate(facts.groups) for place in g.places}
    return {
        "run": _describe_run(facts),
        "first": facts.first_at,
        "last": facts.last_at,
        "start": week_start(weeks.first) if weeks.first else None,
        "weeks": {
            "last": weeks.last - weeks.first + 1,
            "drawn": weeks.drawn - weeks.first + 1,
            "end": weeks.end - weeks.first + 1,
        }
        if weeks.first
        else None,
        "periods": PERIODS,
        "minCustomers": facts.min_customers,
        "sources": [_label(name) for name in facts.names["source"]],
        "langs": [language_tag(lang) or _label(lang) for lang in facts.names["lang"]],
        "mainLangs": facts.main_langs,
        "segments": [_label(name) for name in facts.names["segment"]],
        "noise": [_code(code) for code in facts.names["noise"]],
        "unassigned": [_code(code) for code in facts.names["unassigned"]],
        "rejected": [
            {"reason": _label(reason), "sources": [[_label(name), n] for name, n in found.items()]}
            for reason, found in facts.rejected.items()
        ],
        "themes": [
            _describe_theme(theme, groups.get(place), facts)
            for place, theme in enumerate(facts.themes)
        ],
        "groups": [
            {"name": _said(group.title.name, group.title.lang), "more": group.title.n_more}
            for group in facts.groups
        ],
        "nThemes": facts.n_themes,
        "nMuted": facts.n_themes_hidden,
        "newDays": NEW_THEME_AGE.days,
        "priorities": [_link(row, places) for row in facts.priorities],
        "comparison": [_link(row, places) for row in facts.comparison],
        "coverage": [_row(row) for row in facts.coverage],
        "customers": [_describe_customer(each, facts, places) for each in facts.customers],
        "nCustomersOpen": facts.n_customers_open,
        "nCustomers": facts.n_customers,
        "cells": pack_cells(facts.cells),
    }


def _describe_run(facts: ReportFacts) -> Json | None:
    run = facts.last_run
    if run is None:
        return None
    return {
        "id": _label(run.run_id),
        "status": _label(run.status),
        "at": (run.finished_at or run.started_at).strftime("%Y-%m-%dT%H:%MZ"),
        "version": run.code_version,
        "encoder": run.encoder and _label(run.encoder),
        "sentiment": run.sentiment_model and _label(run.sentiment_model),
    }


def _describe_theme(theme: ThemeFacts, group: int | None, facts: ReportFacts) -> Json:
    return {
        "id": _label(theme.theme_id),
        "name": _said(theme.name, theme.lang, MAX_NAME_LENGTH),
        "about": _said(theme.description, theme.lang, MAX_QUOTE_LENGTH)
        if theme.description and theme.is_detailed
        else None,
        "words": [_said(word, theme.lang, 60) for word in theme.keywords[:_MAX_KEYWORDS]]
        if theme.is_detailed
        else None,
        "verdict": theme.verdict and _code(theme.verdict),
        "silent": theme.no_verdict,
        "voices": theme.n_voices,
        "feeling": _round(theme.sentiment),
        "score": _round(theme.signal_score),
        "first": theme.first_seen_at,
        "last": theme.last_seen_at,
        "isNew": theme.is_new or None,
        "group": group,
        "at": theme.place and [round(1000 * each) for each in theme.place],
        "full": theme.is_detailed or None,
        "quotes": [_describe_quote(quote, theme, facts) for quote in theme.quotes],
        "weeks": [
            [
                _week(row["period_start"], facts),
                *(_round(row[name]) for name in ("expected", "expected_low", "expected_high")),
            ]
            for row in theme.weeks
            if row["expected"] is not None
        ],
        "judged": [_row(row) for row in theme.judged],
        "impacts": [_row(row) for row in theme.impacts],
        "stakes": [_row(row) for row in theme.stakes],
        "fixes": [_row(row) for row in theme.fixes],
        "signals": [_row(row) for row in theme.signals],
        "shares": [_row(row) for row in theme.shares],
    }


def _describe_quote(said: Quote, theme: ThemeFacts, facts: ReportFacts) -> list[Any]:
    """Text, language, direction, source, day and week of what was said."""
    sources = facts.names["source"]
    at = said.occurred_at
    return [
        *_said(said.text, said.lang, MAX_QUOTE_LENGTH if theme.is_detailed else MAX_BRIEF_LENGTH),
        sources.index(said.source) if said.source in sources else -1,
        at.date().isoformat() if at else None,
        _week(at, facts),
    ]


def _describe_customer(
    person: CustomerFacts, facts: ReportFacts, places: Mapping[str, int]
) -> Json:
    sources, langs = facts.names["source"], facts.names["lang"]
    at = person.last_feedback_at
    return {
        "id": _label(person.customer_id),
        "segment": person.segment and _label(person.segment),
        "theme": places.get(person.open_theme_id),
        "themeName": _label(person.open_theme or person.open_theme_id),
        "feeling": _round(person.sentiment),
        "risk": _round(person.risk),
        "hasLeft": person.risk_method == LEFT or None,
        "next": person.next_action and _name_action(person.next_action, person.next_rule),
        "last": at,
        "week": _week(at, facts),
        "places": [
            [sources.index(source), langs.index(lang)]
            for source, lang in person.places
            if source in sources and lang in langs
        ],
    }


def _week(at: datetime | None, facts: ReportFacts) -> int:
    """The week of a moment, counted from the store's first; 0 without a date."""
    if at is None or not facts.weeks.first:
        return 0
    return week_number(at.date()) - facts.weeks.first + 1


def _link(row: RowMapping, places: Mapping[str, int]) -> Json:
    """A row about a theme, with the theme's place on the page."""
    found = _row(row)
    found["theme"] = places.get(row["theme_id"])
    found["themeId"] = None if found["theme"] is not None else _label(row["theme_id"])
    return found


def _row(row: RowMapping) -> Json:
    return {name: _plain(value) for name, value in row.items() if name != "theme_id"}


def _plain(value: Any) -> Any:
    if isinstance(value, float):
        return _round(value)
    if isinstance(value, str):
        return disarm_text(value, MAX_QUOTE_LENGTH)
    if isinstance(value, list):
        return [_plain(each) for each in value]
    return value


def _said(text: str | None, lang: str | None, limit: int = MAX_NAME_LENGTH) -> list[Any]:
    """A text with its language and whether it is written from the right."""
    shown = disarm_text(text or "", limit)
    return [shown, language_tag(lang), int(direction_of(shown, lang) == "rtl")]


def _label(text: str) -> str:
    return disarm_text(text, _MAX_LABEL_LENGTH)


def _name_action(action: str, rule: str | None) -> list[str]:
    """The name of a default rule, for which the page has words, or none; and what is to be done."""
    is_default = action in _DEFAULT_ACTIONS
    said = action.removesuffix(f" (rule: {rule})")
    return [_DEFAULT_ACTIONS[action] if is_default else "", disarm_text(said, MAX_QUOTE_LENGTH)]


def _code(code: str) -> list[str]:
    """A code of the tables, and how it is written where the page has no words for it."""
    return [_label(code), show_code(code)]


def _round(value: float | None) -> float | None:
    """A number as exact as anybody reads it; nothing for what is none."""
    if value is None or not math.isfinite(value):
        return None
    return float(f"{value:.6g}")


def _drop_nothing(value: Any) -> Any:
    """Without keys that hold nothing; moments as days."""
    if isinstance(value, dict):
        kept = {name: _drop_nothing(each) for name, each in value.items()}
        return {name: each for name, each in kept.items() if each is not None and each != []}
    if isinstance(value, (list, tuple)):
        return [_drop_nothing(each) for each in value]
    if isinstance(value, datetime):
        return value.date().isoformat()
    return value.isoformat() if isinstance(value, date) else value
