"""What a theme costs, what fixing it brought, and what fixing it should bring.

Nothing is said where a value is missing, and no claim without its interval and its corrected
p-value.
"""

import re
from collections.abc import Mapping, Sequence
from itertools import groupby
from typing import Final

from sqlalchemy import Table

from pipelines import tables
from pipelines.stories.evidence import ALL, Row
from pipelines.stories.facts import Fact, fact_of
from pipelines.stories.sentences import Draft, make_drafts

# An effect of a larger corrected p-value may be chance.
MAX_Q: Final = 0.05
_MAX_OUTCOMES, _MAX_UNCLEAR = 3, 2
_CURRENCY = re.compile("[A-Z]{3}")


def tell_impact(rows: Sequence[Row]) -> list[Draft]:
    """What it costs: effects that are more than chance, then outcomes of which nothing is known."""
    told = [
        row for row in _best_methods(rows) if row["note"] is None and row["q_value"] is not None
    ]
    told.sort(key=lambda row: (row["q_value"], row["outcome"]))
    sure = [row for row in told if row["q_value"] <= MAX_Q and _effect_template(row)]
    unclear = [row for row in told if row["q_value"] > MAX_Q]
    drafts = [each for row in sure[:_MAX_OUTCOMES] for each in _tell_effect(row)]
    if drafts:
        drafts.append(Draft("impact_caveat"))
    return drafts + [_tell_unclear(row) for row in unclear[: _MAX_UNCLEAR if not sure else 0]]


def _best_methods(rows: Sequence[Row]) -> list[Row]:
    """One row an outcome: the one that holds most equal."""
    ordered = sorted(rows, key=lambda row: (row["outcome"], -_n_adjusted(row), row["method"]))
    return [next(group) for _, group in groupby(ordered, key=lambda row: row["outcome"])]


def _n_adjusted(row: Row) -> int:
    return len(row["adjusted_for"] or ())


def _effect_template(row: Row) -> str | None:
    effect, unit = row["effect"], str(row["unit"] or "")
    if effect is None:
        return None
    kind = "money" if _CURRENCY.fullmatch(unit) else unit
    if kind not in ("points", "share", "money"):
        return None
    return f"impact_{kind}_{'higher' if effect >= 0 else 'lower'}"


def _tell_effect(row: Row) -> list[Draft]:
    def fact(column: str) -> Fact:
        return fact_of(tables.theme_impact, row, column)

    slots = {
        "outcome": fact("outcome"),
        "effect": fact("effect"),
        "low": fact("low"),
        "high": fact("high"),
        "q": fact("q_value"),
        "n": fact("n"),
        "n_with": fact("n_with_theme"),
        "unit": fact("unit"),
    }
    template = str(_effect_template(row))
    if "money" in template:
        slots["currency"] = slots["unit"]
    said = Draft(template, slots)
    stake = {
        "at_stake": fact("at_stake"),
        "low": fact("at_stake_low"),
        "high": fact("at_stake_high"),
    }
    if row["currency"] is None:
        return [said, Draft("at_stake_customers", stake)]
    return [said, Draft("at_stake_money", {**stake, "currency": fact("currency")})]


def _tell_unclear(row: Row) -> Draft:
    columns = {"outcome": "outcome", "q": "q_value", "n": "n"}
    return Draft("impact_unclear", _take(row, tables.theme_impact, columns))


def tell_fixes(rows: Sequence[Row]) -> list[Draft]:
    """What changed after people fixed it."""
    return [_tell_fix(row) for row in rows if row["note"] is None]


def _tell_fix(row: Row) -> Draft:
    columns = {"day": "fixed_at", "outcome": "outcome", "p": "p_value", "unit": "unit"}
    unit = str(row["unit"] or "")
    kind = "money" if _CURRENCY.fullmatch(unit) else unit
    is_sure = None not in (row["low"], row["high"]) and not row["low"] <= 0 <= row["high"]
    if not is_sure or kind not in ("points", "share", "relative", "money"):
        return Draft("fix_unclear", _take(row, tables.theme_fix, columns))
    columns |= {"effect": "effect", "low": "low", "high": "high"}
    columns |= {"currency": "unit"} if kind == "money" else {}
    return Draft(f"fix_{kind}", _take(row, tables.theme_fix, columns))


def _take(row: Row, table: Table, columns: Mapping[str, str]) -> dict[str, Fact]:
    return {slot: fact_of(table, row, column) for slot, column in columns.items()}


def tell_priorities(rows: Sequence[Row], names: Mapping[str, Fact], k: int) -> list[Draft]:
    """What to fix first, in all or in a segment of enough people, and whether that may be luck.

    :param names: of themes, by their id.
    """
    found = [(row, _tell_priority(row, names[row["theme_id"]], k)) for row in rows]
    told = [(row, draft) for row, draft in found if draft and _is_whole(draft)]
    is_unsure = any(row["q_value"] > MAX_Q for row, _ in told)
    return make_drafts([draft for _, draft in told], Draft("gains_unsure") if is_unsure else None)


def _is_whole(draft: Draft) -> bool:
    return all(fact.is_known for fact in draft.slots.values())


def _tell_priority(row: Row, name: Fact, k: int) -> Draft | None:
    is_money = bool(_CURRENCY.fullmatch(str(row["unit"] or "")))
    is_all = row["segment"] == ALL
    if not is_all and (row["n_customers"] or 0) < k:
        return None
    columns = {"rank": "rank", "gain": "gain", "low": "gain_low", "high": "gain_high"}
    columns |= {"q": "q_value"}
    columns |= {"currency" if is_money else "unit": "unit"} | (
        {} if is_all else {"segment": "segment"}
    )
    slots = _take(row, tables.priority, columns)
    template = f"priority{'' if is_all else '_segment'}_{'money' if is_money else 'other'}"
    return Draft(
        template, {**slots, "name": name, "theme": fact_of(tables.priority, row, "theme_id")}
    )
