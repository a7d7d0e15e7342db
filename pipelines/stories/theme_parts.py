"""What is said of a theme, part by part: each from rows to the sentences that they allow.

Nothing is said where a value is missing, and no claim without its interval and its corrected
p-value.
"""

from collections.abc import Mapping, Sequence
from itertools import groupby
from typing import Any, Final

from pipelines import tables
from pipelines.stories.cost_parts import MAX_Q
from pipelines.stories.evidence import Counted, LastRun, Row, Week
from pipelines.stories.facts import Fact, fact_of
from pipelines.stories.sentences import Draft, make_drafts

# Shares of fewer mentions would say more than is known.
_MIN_RATED: Final = 20
_EVENTS: Final = ("born", "revived", "merged", "split", "faded", "renamed")


def tell_reach(row: Row, name: Fact) -> list[Draft]:
    """How many speak of it, and since when."""
    n_voices = fact_of(tables.theme, row, "n_customers")
    if not n_voices.value:
        return [Draft("theme_silent", {"name": name, "n_voices": n_voices})]
    n_mentions = fact_of(tables.theme, row, "n_mentions")
    reach = Draft("theme_reach", {"n_voices": n_voices, "n_mentions": n_mentions, "name": name})
    first = fact_of(tables.theme, row, "first_seen_at")
    last = fact_of(tables.theme, row, "last_seen_at")
    return [reach, tell_dates(first, last)]


def tell_dates(first: Fact, last: Fact) -> Draft:
    """From when to when; left out where there are no dates."""
    is_one_day = str(first.value)[:10] == str(last.value)[:10]
    slots = {"first": first, "last": last}
    return Draft("heard_once" if is_one_day else "heard_between", slots)


def tell_languages(whole: Counted, by_lang: Counted, *key: str, k: int = 1) -> Draft | None:
    """In which language most of it is said.

    :param whole: counts of the scope, by ``key``.
    :param by_lang: the same by language too.
    :param k: nothing is said where one language, or the others together, have fewer mentions.
    """
    known = _list_languages(by_lang, key)
    if not known:
        return None
    most, place = known[0], by_lang.names.index("lang")
    n_languages, n_mentions = whole.fact("n_languages", *key), whole.fact("n_mentions", *key)
    n_lang = by_lang.fact("n_mentions", *most)
    n_others = int(n_mentions.value or 0) - int(n_lang.value or 0)
    if int(n_lang.value or 0) < k or 0 < n_others < k:
        return None
    # The language is a part of the count's key: its name cannot be another.
    lang = Fact(n_lang.table, n_lang.key, "lang", most[place])
    if len(known) == 1:
        return Draft("one_language", {"lang": lang, "n_lang": n_lang}) if not n_others else None
    slots = {"n_lang": n_lang, "n_mentions": n_mentions, "lang": lang, "n_languages": n_languages}
    return Draft("many_languages", slots)


def tell_main_language(whole: Counted, by_lang: Counted) -> Draft | None:
    """In which language most is said, of how many it may be: single slips are languages too."""
    said = tell_languages(whole, by_lang)
    if said is None or said.template != "many_languages":
        return said
    slots = {name: said.slots[name] for name in ("n_lang", "n_mentions", "lang")}
    return Draft("main_language", slots)


def _list_languages(by_lang: Counted, key: tuple[str, ...]) -> list[tuple[str, ...]]:
    """Scopes of one language each within a key, the most used first."""
    place = by_lang.names.index("lang")
    known = [each for each in by_lang.rows if _without(each, place) == key and each[place] != "und"]
    return sorted(known, key=lambda each: (-by_lang.rows[each]["n_mentions"], each))


def _without(key: tuple[str, ...], place: int) -> tuple[str, ...]:
    return (*key[:place], *key[place + 1 :])


def tell_feeling(counted: Counted, *key: str, k: int = 1) -> Draft | None:
    """Negative, neutral and positive mentions of a scope.

    :param k: nothing is said where there are some, but fewer, of a kind.
    """
    n_rated = counted.value("n_rated", *key) or 0
    feelings = ("negative", "neutral", "positive")
    if not n_rated or any(0 < counted.value(f"n_{each}", *key) < k for each in feelings):
        return None
    kind = "share" if n_rated >= _MIN_RATED else "n"
    names = [f"{kind}_{each}" for each in feelings]
    template = "feeling_shares" if kind == "share" else "feeling_counts"
    return Draft(template, {name: counted.fact(name, *key) for name in names})


def tell_segment(by_segment: Counted, whole: Counted, theme_id: str, k: int) -> Draft | None:
    """To whom it happens: the largest segment, where neither it nor the rest are few people."""
    n_all = whole.fact("n_customers", theme_id)
    keys = by_segment.within(theme_id)
    if not keys:
        return None
    most = min(keys, key=lambda each: (-by_segment.rows[each]["n_customers"], each))
    n_segment = by_segment.fact("n_customers", *most)
    n_rest = int(n_all.value or 0) - int(n_segment.value or 0)
    if int(n_segment.value or 0) < k or 0 < n_rest < k:
        return None
    segment = Fact(n_segment.table, n_segment.key, "segment", most[1])
    slots = {"n_segment": n_segment, "n_customers": n_all, "segment": segment}
    return Draft("segment_share", slots)


def tell_week(week: Week | None, name: Fact, k: int = 0) -> list[Draft]:
    """The verdict on the latest week, how it was the week before, and whether the feeling turned.

    :param name: of the theme, which stands in the sentence.
    :param k: nothing is said of a week of fewer voices, nor of fewer in the week before.
    """
    if week is None or (week.row["n_customers"] or 0) < k:
        return []
    verdict = str(week.row["verdict"])
    slots = {
        "week": week.fact("period_start"),
        "n": week.fact("n_customers"),
        "name": name,
        "verdict": week.fact("verdict"),
    }
    template = f"week_{verdict}"
    if verdict in ("growing", "fading"):
        columns = ("expected", "ratio", "ratio_low", "ratio_high")
        slots |= {each: week.fact(each) for each in columns} | {"q": week.fact("q_value")}
    elif verdict == "emerging":
        usual = week.fact("expected_high")
        template += "" if usual.is_known else "_unheard"
        slots |= {"q": week.fact("q_value")} | ({"usual": usual} if usual.is_known else {})
    elif verdict == "steady":
        slots |= {"low": week.fact("expected_low"), "high": week.fact("expected_high")}
        if _is_beyond(week.row):
            template += "_beyond"
            slots |= {"q": week.fact("q_value")}
    elif verdict != "one_off":
        return []
    said = Draft(template, slots)
    if not all(fact.is_known for fact in slots.values()) or _is_nothing(said):
        return make_drafts(_tell_shift(week))
    before = Draft("week_before", {"n": week.before}) if int(week.before.value or 0) >= k else None
    return make_drafts(said, before, _tell_shift(week))


def _is_beyond(row: Row) -> bool:
    """Whether a steady week has more or fewer voices than usual: of many themes some do."""
    low, n, high = (row[each] for each in ("expected_low", "n_customers", "expected_high"))
    return None not in (low, n, high) and not low <= n <= high


def _is_nothing(draft: Draft) -> bool:
    is_told = draft.template.startswith(("week_fading", "week_steady"))
    return draft.slots["n"].value == 0 and not is_told


def _tell_shift(week: Week) -> Draft | None:
    verdict = week.row["sentiment_verdict"]
    if verdict not in ("worse", "better"):
        return None
    columns = {
        "week": "period_start",
        "sentiment": "sentiment",
        "expected": "sentiment_expected",
        "low": "sentiment_low",
        "high": "sentiment_high",
        "q": "sentiment_q",
        "verdict": "sentiment_verdict",
    }
    return Draft(f"feeling_{verdict}", {slot: week.fact(each) for slot, each in columns.items()})


def tell_signal(theme_row: Row, rows: Sequence[Row]) -> Draft | None:
    """Its score, and the part that most of it is for."""
    known = [row for row in rows if row["points"] is not None]
    if not known:
        return None
    most = max(known, key=lambda row: (row["points"], row["part"]))
    slots = {
        "score": fact_of(tables.theme, theme_row, "signal_score"),
        "points": fact_of(tables.theme_signal, most, "points"),
        "part": fact_of(tables.theme_signal, most, "part"),
    }
    return Draft("signal", slots)


def tell_comparison(rows: Sequence[Row], k: int) -> list[Draft]:
    """Where most and where fewest speak of it, of each dimension: only if that is more than chance.

    The intervals of the two must part, and the corrected p-value of the first be small.
    """
    drafts = []
    for _, found in groupby(sorted(rows, key=_take_dimension), key=_take_dimension):
        known = [row for row in found if row["share"] is not None and (row["n_voices"] or 0) >= k]
        if len(known) < 2:
            continue
        most = max(known, key=lambda row: (row["share"], row["value"]))
        least = min(known, key=lambda row: (row["share"], row["value"]))
        if most["share_low"] is None or least["share_high"] is None:
            continue
        is_sure = most["share_q"] is not None and most["share_q"] <= MAX_Q
        if is_sure and most["share_low"] > least["share_high"]:
            drafts.append(Draft("compared", _compare(most, least)))
    return drafts


def _take_dimension(row: Row) -> Any:
    return row["dimension"]


def _compare(most: Row, least: Row) -> Mapping[str, Fact]:
    columns = {"value": "value", "share": "share", "low": "share_low", "high": "share_high"}
    others = {"other": "value", "other_share": "share"}
    others |= {"other_low": "share_low", "other_high": "share_high"}
    return {
        "dimension": fact_of(tables.comparison, most, "dimension"),
        "q": fact_of(tables.comparison, most, "share_q"),
        **{slot: fact_of(tables.comparison, most, each) for slot, each in columns.items()},
        **{slot: fact_of(tables.comparison, least, each) for slot, each in others.items()},
    }


def tell_last_run(
    run: LastRun | None, added: Counted, theme_id: str, events: Sequence[Row]
) -> list[Draft]:
    """What the last run brought to it, and what became of it in that run."""
    if run is None or run.is_first:
        return []
    day = run.started
    drafts = []
    for row in events:
        if row["event"] in _EVENTS:
            event = fact_of(tables.theme_event, row, "event")
            drafts.append(Draft(f"event_{row['event']}", {"day": day, "event": event}))
    n = added.fact("n_mentions", run.run_id, theme_id)
    if n.value:
        drafts.append(Draft("run_added", {"day": day, "n": n}))
    return drafts


def tell_actions(counted: Counted, key: str) -> list[Draft]:
    """What is to be done, and what was."""
    slots = {name: counted.fact(name, key) for name in ("n_waiting", "n_sent")}
    return [
        Draft(template, {"n": slots[name]})
        for template, name in (("actions_waiting", "n_waiting"), ("actions_sent", "n_sent"))
        if slots[name].value
    ]
