"""The facts of the report equal what can be counted by hand."""

from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from typing import Any

from sqlalchemy import Connection, update

from pipelines import tables
from pipelines.overview import count_unassigned, list_sources
from pipelines.report.cells import N_COUNTS
from pipelines.report.facts import ReportFacts, gather_facts
from pipelines.report.spoken import week_start
from tests.pipelines.report.test_cells import ASSIGNED, FEEDBACK, MENTIONS, THEMES, count

Store = Callable[[dict[str, list[dict[str, Any]]]], Connection]
MONDAY = datetime(2026, 3, 2, tzinfo=UTC)


def item(number: int, source: str, lang: str | None, **more: Any) -> dict[str, Any]:
    return {
        "feedback_id": f"f{number}",
        "source": source,
        "lang": lang,
        "text": "x",
        "occurred_at": MONDAY + timedelta(days=number),
    } | more


def said(number: int, sentiment: str | None, theme_id: str | None, **more: Any) -> dict[str, Any]:
    return {
        "mention_id": f"m{number}{theme_id}{sentiment}",
        "feedback_id": f"f{number}",
        "text": "x",
        "text_hash": "h",
        "sentiment": sentiment,
        "theme_id": theme_id,
    } | more


def topic(theme_id: str, n_mentions: int, **more: Any) -> dict[str, Any]:
    named = {"theme_id": theme_id, "name": theme_id.upper(), "status": "active"}
    return named | {"origin": "discovered", "n_mentions": n_mentions} | more


def small_store(fill_store: Store) -> Connection:
    return fill_store(
        {
            "feedback": [
                item(1, "shop", "en", customer_id="ann", author_key="k1"),
                item(2, "shop", "he", customer_id="ann"),
                item(3, "shop", "en", author_key="k2"),
                item(4, "web", "en", author_key="k2"),
                item(5, "web", None),
                item(9, "web", "en", noise_reason="spam", customer_id="bob"),
            ],
            "mention": [
                said(1, "negative", "a"),
                said(1, "positive", "b"),
                said(2, "negative", "a", lang="he"),
                said(3, "neutral", "a", lang="en"),
                said(4, None, "a"),
                said(5, "neutral", None, unassigned_reason="too_short"),
                said(9, "positive", "a"),
            ],
            "theme": [
                topic("a", 4, n_customers=2, sentiment=-0.5, keywords=["one", "two"]),
                topic("b", 1, n_customers=1),
                topic("c", 9, status="muted"),
                topic("d", 0, status="merged"),
            ],
            "rejected": [
                {"rejected_id": "1", "source": "shop", "reason": "no text"},
                {"rejected_id": "2", "source": None, "reason": "no text"},
                {"rejected_id": "3", "source": "web", "reason": "bad date"},
            ],
        }
    )


def place(facts: ReportFacts, kind: str, name: str) -> int:
    return facts.names[kind].index(name) + 1


def test_feedback_is_counted_by_source_and_language_without_noise_in_links(
    fill_store: Store,
) -> None:
    facts = gather_facts(small_store(fill_store))
    day = timedelta(days=1)
    assert (facts.first_at, facts.last_at) == (MONDAY + day, MONDAY + 5 * day)
    assert count(facts.cells, FEEDBACK)[0] == [6, 1, 2, 0]
    web, en, und = place(facts, "source", "web"), place(facts, "lang", "en"), 3
    assert count(facts.cells, FEEDBACK, web)[0] == [3, 1, 0, 0]
    assert count(facts.cells, FEEDBACK, 0, en)[0] == [4, 1, 1, 0]
    assert count(facts.cells, FEEDBACK, web, und)[0] == [1, 0, 0, 0]
    assert facts.names["lang"] == ("en", "he", "und")


def test_mentions_of_noise_do_not_count(fill_store: Store) -> None:
    facts = gather_facts(small_store(fill_store))
    assert count(facts.cells, MENTIONS)[0] == [2, 2, 1, 1]
    assert count(facts.cells, ASSIGNED)[0] == [2, 1, 1, 1]
    n_groups = len(facts.groups)
    assert facts.names["noise"] == ("spam",)
    assert count(facts.cells, THEMES + 2 + n_groups)[0] == [1, 0, 0, 0]
    assert facts.names["unassigned"] == ("too_short",)
    assert count(facts.cells, THEMES + 3 + n_groups)[0] == [1, 0, 0, 0]


def test_status_counts_mentions_without_a_theme_as_the_report_does(fill_store: Store) -> None:
    connection = small_store(fill_store)
    copy = item(8, "web", "en", noise_reason="copy")
    lost = said(8, None, None, unassigned_reason="too_short")
    fill_store({"feedback": [copy], "mention": [lost]})
    facts = gather_facts(connection)
    first = THEMES + len(facts.themes) + len(facts.groups) + len(facts.names["noise"])
    shown = {
        reason: count(facts.cells, first + at)[0][0]
        for at, reason in enumerate(facts.names["unassigned"])
    }
    assert count_unassigned(connection) == shown == {"too_short": 1}


def test_a_mention_without_a_language_has_that_of_its_feedback(fill_store: Store) -> None:
    facts = gather_facts(small_store(fill_store))
    shop, en, he = (
        place(facts, *each) for each in (("source", "shop"), ("lang", "en"), ("lang", "he"))
    )
    assert count(facts.cells, THEMES, 0, en)[0] == [1, 1, 0, 1]
    assert count(facts.cells, THEMES, shop, he)[0] == [1, 0, 0, 0]


def test_voices_are_counted_anew_in_each_slice(fill_store: Store) -> None:
    facts = gather_facts(small_store(fill_store))
    shop, web, en, he = (
        place(facts, *each)
        for each in (("source", "shop"), ("source", "web"), ("lang", "en"), ("lang", "he"))
    )
    # ann spoke in two languages, the author k2 in two sources: two voices in all.
    slices = ((shop, 0), (web, 0), (0, en), (shop, he), (0, 0))
    assert [count(facts.cells, THEMES, *each)[1] for each in slices] == [2, 1, 2, 1, 2]


def test_only_active_themes_are_shown_the_largest_first(fill_store: Store) -> None:
    facts = gather_facts(small_store(fill_store))
    assert [theme.theme_id for theme in facts.themes] == ["a", "b"]
    assert (facts.n_themes, facts.n_themes_hidden) == (2, 1)
    assert facts.themes[0].keywords == ("one", "two")


def test_a_group_sums_up_its_themes_and_counts_a_voice_once(fill_store: Store) -> None:
    store = small_store(fill_store)
    store.execute(update(tables.theme).where(tables.theme.c.theme_id == "b").values(parent_id="a"))
    facts = gather_facts(store)
    (group,) = facts.groups
    assert (group.group_id, group.places) == ("a", (0, 1))
    assert [count(facts.cells, THEMES + at)[1] for at in (0, 1)] == [2, 1]
    assert count(facts.cells, THEMES + 2) == ([2, 1, 1, 1], 2)  # ann spoke of both themes


def test_a_theme_whose_group_has_no_other_active_theme_stands_alone(fill_store: Store) -> None:
    store = small_store(fill_store)
    store.execute(update(tables.theme).where(tables.theme.c.theme_id == "b").values(parent_id="c"))
    assert gather_facts(store).groups == ()


def test_rejected_rows_are_counted_by_reason_also_without_a_source(fill_store: Store) -> None:
    facts = gather_facts(small_store(fill_store))
    assert facts.rejected == {"no text": {"": 1, "shop": 1}, "bad date": {"web": 1}}
    assert facts.n_rejected == 3


def test_sources_and_languages_come_by_size(fill_store: Store) -> None:
    facts = gather_facts(small_store(fill_store))
    assert facts.names["source"] == ("shop", "web")
    assert facts.names["lang"] == ("en", "he", "und")


def test_weeks_with_an_expectation_and_the_last_judged_one_are_read(fill_store: Store) -> None:
    week = {"theme_id": "a", "period": "week", "expected": 2.0, "n_customers": 9}
    rows = [
        week | {"segment": "all", "period_start": MONDAY},
        week
        | {"segment": "all", "period_start": MONDAY + timedelta(weeks=1), "verdict": "growing"},
        week | {"segment": "all", "period_start": MONDAY + timedelta(weeks=2), "expected": None},
        *(
            week | {"segment": segment, "period_start": start, "verdict": verdict, "n_customers": n}
            for segment, start, verdict, n in (
                ("gold", MONDAY + timedelta(weeks=1), "fading", 5),
                ("tiny", MONDAY + timedelta(weeks=1), "fading", 4),
                # Its last week of enough customers: chosen for being high, and long gone.
                ("past", MONDAY, "growing", 9),
                ("past", MONDAY + timedelta(weeks=1), "steady", 2),
            )
        ),
    ]
    (theme,) = gather_facts(fill_store({"theme": [topic("a", 2)], "theme_period": rows})).themes
    assert [row["period_start"] for row in theme.weeks] == [MONDAY, MONDAY + timedelta(weeks=1)]
    judged = {row["segment"]: row["verdict"] for row in theme.judged}
    assert judged == {"all": "growing", "gold": "fading"}


def test_segments_of_few_customers_are_in_nothing_that_is_read(decided_store: Connection) -> None:
    facts = gather_facts(decided_store)
    assert set(facts.names["segment"]) == {"Gold", "Basic", ""}
    assert {row["segment"] for row in facts.priorities} == {"all", "Gold"}
    assert {row["value"] for row in facts.comparison} == {"Ours", "Theirs"}
    assert {row["value"] for row in facts.coverage} == {"all", "Gold"}
    assert facts.cells.segments["voices"].min() >= 5
    everybody = gather_facts(decided_store, min_customers=2)
    assert "Tiny" in everybody.names["segment"]


def test_a_segment_by_which_a_smaller_one_could_be_reckoned_cannot_be_chosen(
    fill_store: Store,
) -> None:
    sizes = {"big": 8, "mid": 6, "solo": 1}
    names = [f"{segment}-{n}" for segment, size in sizes.items() for n in range(size)]
    numbered = list(enumerate(names))
    store = fill_store(
        {
            "theme": [topic("a", 14)],
            "customer": [{"customer_id": name, "segment": name[:-2]} for name in names],
            "feedback": [item(n, "s", "en", customer_id=name) for n, name in numbered],
            # Solo said nothing of the theme: beside its voices mid alone could be shown.
            "mention": [said(n, "neutral", "a") for n, name in numbered if name != "solo-0"],
        }
    )
    facts = gather_facts(store)
    assert [name for name in facts.names["segment"] if name] == ["big"]
    assert facts.cells.segments["voices"].max() == 8


def test_charts_of_an_even_store_begin_with_it(fill_store: Store) -> None:
    weeks = gather_facts(fill_store({"feedback": [item(n, "s", "en") for n in range(100)]})).weeks
    assert weeks.drawn == weeks.first < weeks.last == weeks.end


def test_a_theme_is_new_only_in_a_store_that_reaches_back(fill_store: Store) -> None:
    late = {"first_seen_at": MONDAY + timedelta(days=59)}
    early = {"first_seen_at": MONDAY + timedelta(days=2)}
    store = fill_store(
        {
            "feedback": [item(0, "s", "en"), item(60, "s", "en")],
            "theme": [topic("a", 2, **late), topic("b", 1, **early)],
        }
    )
    assert [theme.is_new for theme in gather_facts(store).themes] == [True, False]


def test_in_a_store_of_one_week_no_theme_is_new(fill_store: Store) -> None:
    store = fill_store(
        {
            "feedback": [item(0, "s", "en"), item(6, "s", "en")],
            "theme": [topic("a", 2, first_seen_at=MONDAY + timedelta(days=5))],
        }
    )
    assert not gather_facts(store).themes[0].is_new


def test_customers_with_an_open_theme_come_by_risk_then_by_feeling(fill_store: Store) -> None:
    store = fill_store(
        {
            "theme": [topic("a", 1, lang="he")],
            "feedback": [item(1, "shop", "he", customer_id="calm")],
            "customer_insight": [
                {"customer_id": "calm", "open_theme_id": "a", "sentiment": -0.1},
                {"customer_id": "sad", "open_theme_id": "a", "sentiment": -0.9},
                {"customer_id": "risky", "open_theme_id": "a", "sentiment": 0.5, "risk": 0.9},
                {"customer_id": "content", "open_theme_id": None, "sentiment": -1.0},
                {"customer_id": "gone", "open_theme_id": "a", "risk": 1.0, "risk_method": "left"},
            ],
        }
    )
    facts = gather_facts(store)
    assert [person.customer_id for person in facts.customers] == ["risky", "sad", "calm", "gone"]
    assert facts.n_customers_open == 4
    assert facts.customers[2].places == (("shop", "he"),)
    assert facts.customers[2].open_theme == "A"


def test_the_last_run_is_the_last_that_ended(fill_store: Store) -> None:
    started = {"command": "run", "started_at": MONDAY}
    store = fill_store(
        {
            "run": [
                started | {"run_id": "1", "status": "done"},
                started | {"run_id": "2", "status": "failed"},
                started | {"run_id": "3", "status": "running"},
            ]
        }
    )
    last_run = gather_facts(store).last_run
    assert last_run is not None
    assert (last_run.run_id, last_run.status) == ("2", "failed")


def test_counts_of_sources_and_of_languages_add_up_to_all(bank_store: Connection) -> None:
    facts = gather_facts(bank_store)

    def n_mentions(cube: int, source: int = 0, lang: int = 0) -> int:
        return sum(count(facts.cells, cube, source, lang)[0])

    n_all = n_mentions(MENTIONS)
    sources, langs = (range(1, len(facts.names[kind]) + 1) for kind in ("source", "lang"))
    assert n_all == sum(n_mentions(MENTIONS, source) for source in sources)
    assert n_all == sum(n_mentions(MENTIONS, 0, lang) for lang in langs)
    first = THEMES + len(facts.themes) + len(facts.groups) + len(facts.names["noise"])
    n_unassigned = sum(n_mentions(first + at) for at in range(len(facts.names["unassigned"])))
    assert n_all == n_mentions(ASSIGNED) + n_unassigned
    for at, theme in enumerate(facts.themes):
        assert n_mentions(THEMES + at) == theme.n_mentions


def test_an_empty_store_has_facts_too(empty_store: Connection) -> None:
    facts = gather_facts(empty_store)
    assert facts.n_feedback == facts.weeks.last == 0
    assert facts.themes == facts.customers == facts.names["source"] == ()
    assert facts.last_run is None
    assert count(facts.cells, FEEDBACK) == ([0] * N_COUNTS, 0)


def test_the_headline_counts_languages_and_not_slips_or_what_could_not_be_told(
    fill_store: Store,
) -> None:
    langs = ["en"] * 590 + ["he"] * 6 + ["cy"] * 4 + ["nl"] + [None] * 9 + ["und"] * 9
    store = fill_store({"feedback": [item(i, "s", lang) for i, lang in enumerate(langs)]})
    facts = gather_facts(store)
    assert facts.main_langs == ("en", "he")
    assert set(facts.names["lang"]) == {"en", "he", "cy", "nl", "und"}
    (source,) = list_sources(store)
    assert source["n_languages"] == 2


def test_a_single_post_of_a_small_store_is_a_language(fill_store: Store) -> None:
    store = fill_store({"feedback": [item(0, "s", "en"), item(1, "s", "fa")]})
    assert set(gather_facts(store).main_langs) == {"en", "fa"}


def test_charts_leave_out_few_posts_of_long_ago_and_periods_end_with_the_last_run(
    fill_store: Store,
) -> None:
    early = [item(n, "s", "en", occurred_at=datetime(1970, 1, 5, tzinfo=UTC)) for n in range(3)]
    late = [item(3, "s", "en", occurred_at=datetime(2099, 1, 1, tzinfo=UTC))]
    usual = [
        item(10 + n, "s", "en", occurred_at=MONDAY + timedelta(weeks=n % 40)) for n in range(80)
    ]
    run = {"run_id": "1", "command": "run", "status": "done"}
    run |= {"started_at": MONDAY + timedelta(weeks=41)}
    weeks = gather_facts(fill_store({"feedback": early + late + usual, "run": [run]})).weeks
    assert week_start(weeks.first).year == 1970
    assert week_start(weeks.end).year == 2098
    assert week_start(weeks.last) == (MONDAY + timedelta(weeks=39)).date()
    assert week_start(weeks.drawn) > MONDAY.date()


def heard(theme_id: str, *weeks: int) -> list[dict[str, Any]]:
    period = {"period": "day", "segment": "all", "theme_id": theme_id, "n_customers": 1}
    return [period | {"period_start": MONDAY + timedelta(weeks=week)} for week in weeks]


def test_a_theme_without_a_verdict_says_why(fill_store: Store) -> None:
    store = fill_store(
        {
            "feedback": [item(7 * week, "s", "en") for week in (0, *range(40, 60))],
            "theme": [topic("a", 3, verdict="steady"), topic("b", 2), topic("c", 2), topic("d", 1)],
            "theme_period": heard("a", 50, 59) + heard("b", 0) + heard("c", 59),
            "store_info": [{"name": "judged_version", "value": "1"}],
        }
    )
    facts = gather_facts(store)
    assert {theme.theme_id: theme.no_verdict for theme in facts.themes} == {
        "a": None, "b": "not_heard", "c": "not_judged", "d": "undated",
    }  # fmt: skip


def test_in_a_short_store_every_theme_says_that_its_past_is_too_short(fill_store: Store) -> None:
    store = fill_store(
        {
            "feedback": [item(7 * week, "s", "en") for week in range(5)],
            "theme": [topic("a", 3), topic("b", 2)],
            "theme_period": heard("a", 1, 4) + heard("b", 3),
        }
    )
    facts = gather_facts(store)
    assert [theme.no_verdict for theme in facts.themes] == ["short_past", "short_past"]
