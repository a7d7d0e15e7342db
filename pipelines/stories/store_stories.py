"""The story of a whole store: what rises, what to fix first, how much there is, who is heard."""

from collections.abc import Mapping, Sequence

from sqlalchemy import Connection, func, select

from pipelines import tables
from pipelines.judging.silence import explain_silence
from pipelines.stories.cost_parts import tell_priorities
from pipelines.stories.evidence import (
    Counted,
    Row,
    count,
    name_theme,
    read_coverage,
    read_last_run,
    read_priorities,
    read_themes,
    read_weeks,
)
from pipelines.stories.facts import Fact, fact_of
from pipelines.stories.quotes import (
    N_QUOTES,
    add_sides,
    draft_quotes,
    find_missing,
    read_theme_quotes,
)
from pipelines.stories.sentences import Draft, make_drafts
from pipelines.stories.theme_parts import (
    tell_feeling,
    tell_main_language,
    tell_reach,
    tell_week,
)

_MAX_RISING, _MAX_PRIORITIES, _MAX_UNHEARD = 3, 3, 3
_NOTES = ("sliver", "under_heard", "over_heard")
_theme = tables.theme.c


def draft_store(connection: Connection, k: int) -> list[Draft]:
    """The sentences of the store's story; none where nothing counts."""
    said = count(connection, "feedback", [])
    if not said.value("n_feedback"):
        return []
    mentions = count(connection, "mention", [])
    largest = _list_largest(connection)
    themes = read_themes(connection, largest)
    names = {key: name_theme(row) for key, row in themes.items()}
    priorities = read_priorities(connection, [*names])[:_MAX_PRIORITIES]
    return make_drafts(
        _tell_themes(connection, largest),
        *_tell_rising(connection, largest, names),
        _tell_last_run(connection),
        tell_priorities(priorities, names, k),
        _tell_largest(largest, themes, names),
        tell_feeling(mentions),
        _tell_size(said),
        tell_main_language(mentions, count(connection, "mention", ["lang"])),
        _tell_coverage(connection, k),
        draft_quotes(_choose_quotes(connection, largest)),
    )


def _list_largest(connection: Connection) -> list[str]:
    """The active themes, those with the most voices first."""
    query = select(_theme.theme_id).where(_theme.status == "active")
    order = (func.coalesce(_theme.n_customers, 0).desc(), _theme.theme_id)
    return list(connection.execute(query.order_by(*order)).scalars())


def _tell_size(said: Counted) -> list[Draft]:
    slots = {name: said.fact(name) for name in ("n_feedback", "n_voices")}
    dates = {"first": said.fact("first_at"), "last": said.fact("last_at")}
    days = [str(each.value)[:10] for each in dates.values() if each.is_known]
    n_sources, n_noise, n_ahead = (said.fact(f"n_{each}") for each in ("sources", "noise", "ahead"))
    return make_drafts(
        Draft("store_size", {**slots, **dates})
        if len(set(days)) > 1
        else Draft("store_size_undated", slots),
        Draft("heard_once", {"first": dates["first"]}) if len(set(days)) == 1 else None,
        Draft("store_ahead", {"n": n_ahead}) if n_ahead.value else None,
        Draft("store_sources", {"n": n_sources}) if int(n_sources.value or 0) > 1 else None,
        Draft("store_noise", {"n": n_noise}) if n_noise.value else None,
    )


def _tell_themes(connection: Connection, largest: Sequence[str]) -> list[Draft]:
    if not largest:
        return []
    counted = count(connection, "theme", [])
    judged = select(_theme.theme_id).where(_theme.verdict.is_not(None)).limit(1)
    is_judged = connection.execute(judged).first() is not None
    rising = Draft("store_rising", {"n": counted.fact("n_rising")})
    return make_drafts(
        Draft("store_themes", {"n": counted.fact("n_themes")}),
        rising if is_judged else _tell_silence(connection, largest),
    )


def _tell_silence(connection: Connection, theme_ids: Sequence[str]) -> Draft | None:
    """Why nothing can be said of trends, where that is so of the whole store."""
    reasons = set(explain_silence(connection, theme_ids).values())
    if reasons == {"undated"}:
        return Draft("store_trend_undated")
    return Draft("store_trend_short_past") if "short_past" in reasons else None


def _tell_largest(
    largest: Sequence[str], themes: Mapping[str, Row], names: Mapping[str, Fact]
) -> list[Draft]:
    """The theme with the most voices; where it is the only one, all that is known of its reach."""
    if not largest:
        return []
    row, name = themes[largest[0]], names[largest[0]]
    if len(largest) == 1:
        return tell_reach(row, name)[:1]
    n_voices = fact_of(tables.theme, row, "n_customers")
    return make_drafts(
        Draft("store_largest", {"name": name, "n": n_voices}) if n_voices.value else None
    )


def _tell_rising(
    connection: Connection, largest: Sequence[str], names: Mapping[str, Fact]
) -> list[list[Draft]]:
    """Themes that emerge or grow, the surest first."""
    weeks = read_weeks(connection, largest)
    rising = [key for key, week in weeks.items() if week.row["verdict"] in ("emerging", "growing")]
    sure = [key for key in rising if weeks[key].row["q_value"] is not None]
    sure.sort(key=lambda key: (weeks[key].row["q_value"], key))
    return [tell_week(weeks[key], names[key])[:1] for key in sure[:_MAX_RISING]]


def _tell_coverage(connection: Connection, k: int) -> list[Draft]:
    """Who is heard of all, and of which groups too little or too much."""
    overall = [_cover("coverage_all", row) for row in read_coverage(connection, "all")]
    notable = [
        row
        for dimension in ("segment", "country", "lang")
        for row in read_coverage(connection, dimension)
        if row["note"] in _NOTES and (row["n_customers"] or 0) >= k
    ]
    return overall + [
        _cover(f"coverage_{row['note']}", row, "value", "note") for row in notable[:_MAX_UNHEARD]
    ]


def _cover(template: str, row: Row, *more: str) -> Draft:
    columns = {"n_heard": "n_heard", "n_customers": "n_customers", "share": "share"}
    columns |= {"low": "share_low", "high": "share_high"} | dict(zip(more, more, strict=True))
    facts = {slot: fact_of(tables.coverage, row, each) for slot, each in columns.items()}
    return Draft(template, facts)


def _tell_last_run(connection: Connection) -> list[Draft]:
    run = read_last_run(connection)
    if run is None or run.is_first:
        return []
    of_run = count(connection, "feedback", ["run_id"], {"run_id": [run.run_id]})
    born = count(connection, "theme", ["created_run"], {"created_run": [run.run_id]})
    n_new, n_born = of_run.fact("n_feedback", run.run_id), born.fact("n_themes", run.run_id)
    return make_drafts(
        Draft("run_new", {"day": run.started, "n": n_new}) if n_new.value else None,
        Draft("run_born", {"n": n_born}) if n_new.value and n_born.value else None,
    )


def _choose_quotes(connection: Connection, largest: Sequence[str]) -> list[Row]:
    """The first quote of each of the largest themes; others of theirs for sides that they lack."""
    shares = count(connection, "mention", ["theme_id"], {"theme_id": largest[:N_QUOTES]})
    sides = {
        key: {side: row[f"share_{side}"] for side in ("negative", "positive")}
        for (key,), row in shares.rows.items()
    }
    found = read_theme_quotes(connection, largest[:N_QUOTES], sides)
    first = [rows[0] for key in largest[:N_QUOTES] if (rows := found.get(key))]
    others = [row for rows in found.values() for row in rows[1:]]
    whole = count(connection, "mention", []).rows.get((), {})
    wanted = {side: whole.get(f"share_{side}") or 0.0 for side in ("negative", "positive")}
    return add_sides(first, others, find_missing(first, wanted))
