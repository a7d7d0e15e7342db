"""The facts of the report equal what can be counted by hand."""

from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from typing import Any

from sqlalchemy import Connection, update

from pipelines import tables
from pipelines.overview import count_unassigned, list_sources
from pipelines.report.facts import gather_facts
from pipelines.report.page import render_report
from pipelines.report.tallies import EVERYTHING, FeedbackTally, MentionTally, Slice

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


def test_feedback_is_counted_by_source_and_language_without_noise_in_links_and_dates(
    fill_store: Store,
) -> None:
    facts = gather_facts(small_store(fill_store))
    day = timedelta(days=1)
    assert facts.totals == FeedbackTally(6, 1, 2, MONDAY + day, MONDAY + 5 * day)
    assert facts.totals.n_counted == 5
    assert facts.feedback[Slice("web", None)] == FeedbackTally(
        3, 1, 0, MONDAY + 4 * day, MONDAY + 5 * day
    )
    assert facts.feedback[Slice(None, "en")].n_feedback == 4
    assert facts.feedback[Slice("web", "und")].n_feedback == 1
    assert Slice("web", "he") not in facts.feedback


def test_mentions_of_noise_do_not_count(fill_store: Store) -> None:
    facts = gather_facts(small_store(fill_store))
    assert facts.mentions[EVERYTHING] == MentionTally(2, 2, 1, 1)
    assert facts.assigned[EVERYTHING] == MentionTally(2, 1, 1, 1)
    assert facts.noise == {"spam": dict.fromkeys(facts.noise["spam"], 1)}
    assert facts.unassigned["too_short"][Slice("web", "und")] == 1


def test_status_counts_mentions_without_a_theme_as_the_report_does(fill_store: Store) -> None:
    connection = small_store(fill_store)
    copy = item(8, "web", "en", noise_reason="copy")
    lost = said(8, None, None, unassigned_reason="too_short")
    fill_store({"feedback": [copy], "mention": [lost]})
    shown = gather_facts(connection).unassigned
    assert count_unassigned(connection) == {key: cube[EVERYTHING] for key, cube in shown.items()}
    assert count_unassigned(connection)["too_short"] == 1


def test_a_mention_without_a_language_has_that_of_its_feedback(fill_store: Store) -> None:
    theme = gather_facts(small_store(fill_store)).themes[0]
    assert theme.mentions[Slice(None, "en")] == MentionTally(1, 1, 0, 1)
    assert theme.mentions[Slice("shop", "he")] == MentionTally(n_negative=1)


def test_voices_are_counted_anew_in_each_slice(fill_store: Store) -> None:
    theme = gather_facts(small_store(fill_store)).themes[0]
    # ann spoke in two languages, the author k2 in two sources: two voices in all.
    assert theme.voices[Slice("shop", None)] == 2
    assert theme.voices[Slice("web", None)] == 1
    assert theme.voices[Slice(None, "en")] == 2
    assert theme.voices[Slice("shop", "he")] == 1
    assert theme.voices[EVERYTHING] == theme.n_voices == 2


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
    assert (group.group_id, group.places, group.n_themes) == ("a", (0, 1), 2)
    assert group.tally == MentionTally(2, 1, 1, 1)
    assert [theme.n_voices for theme in facts.themes] == [2, 1]
    assert group.n_voices == 2  # ann spoke of both themes
    assert group.voices[Slice("shop", "en")] == 2
    assert group.mentions[Slice("shop", "he")] == MentionTally(n_negative=1)
    assert [(block.group, len(block.themes)) for block in facts.blocks] == [(0, 2)]
    page = render_report(facts)
    assert page.index('id="group-0"') < page.index('id="theme-0"') < page.index('id="theme-1"')


def test_a_theme_whose_group_has_no_other_active_theme_stands_alone(fill_store: Store) -> None:
    store = small_store(fill_store)
    store.execute(update(tables.theme).where(tables.theme.c.theme_id == "b").values(parent_id="c"))
    facts = gather_facts(store)
    assert facts.groups == ()
    assert [(block.group, len(block.themes)) for block in facts.blocks] == [(None, 1), (None, 1)]


def test_rejected_rows_are_counted_by_reason_also_without_a_source(fill_store: Store) -> None:
    facts = gather_facts(small_store(fill_store))
    assert {reason: cube[EVERYTHING] for reason, cube in facts.rejected.items()} == {
        "no text": 2,
        "bad date": 1,
    }
    assert facts.n_rejected == 3


def test_sources_and_languages_come_by_size(fill_store: Store) -> None:
    facts = gather_facts(small_store(fill_store))
    assert facts.sources == ("shop", "web")
    assert facts.langs == ("en", "he", "und")


def test_weeks_are_the_same_for_all_themes_and_have_no_gaps(fill_store: Store) -> None:
    week = timedelta(weeks=1)
    period = {"period": "week", "segment": "all"}
    store = fill_store(
        {
            "theme": [topic("a", 2), topic("b", 1), topic("c", 1)],
            "theme_period": [
                period | {"theme_id": "a", "period_start": MONDAY, "n_customers": 3},
                period | {"theme_id": "b", "period_start": MONDAY + 3 * week, "n_customers": 5},
                period
                | {"theme_id": "c", "segment": "gold", "period_start": MONDAY, "n_customers": 9},
            ],
        }
    )
    facts = gather_facts(store)
    assert facts.week_starts == tuple(MONDAY + i * week for i in range(4))
    assert [theme.weeks for theme in facts.themes] == [(3, 0, 0, 0), (0, 0, 0, 5), ()]


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
            ],
        }
    )
    facts = gather_facts(store)
    assert [person.customer_id for person in facts.customers] == ["risky", "sad", "calm"]
    assert facts.n_customers_open == 3
    assert facts.customers[2].places == (("shop", "he"),)
    assert (facts.customers[2].open_theme, facts.customers[2].open_theme_lang) == ("A", "he")


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
    n_all = facts.mentions[EVERYTHING].n_mentions
    assert n_all == sum(facts.mentions[Slice(source)].n_mentions for source in facts.sources)
    spoken = [facts.mentions.get(Slice(None, lang), MentionTally()) for lang in facts.langs]
    assert n_all == sum(tally.n_mentions for tally in spoken)
    n_unassigned = sum(cube[EVERYTHING] for cube in facts.unassigned.values())
    assert n_all == facts.assigned[EVERYTHING].n_mentions + n_unassigned
    for theme in facts.themes:
        assert theme.tally.n_mentions == theme.n_mentions


def test_an_empty_store_has_facts_too(empty_store: Connection) -> None:
    facts = gather_facts(empty_store)
    assert facts.totals == FeedbackTally()
    assert facts.themes == facts.customers == facts.sources == ()
    assert facts.last_run is None


def test_the_headline_counts_languages_and_not_slips_or_what_could_not_be_told(
    fill_store: Store,
) -> None:
    langs = ["en"] * 590 + ["he"] * 6 + ["cy"] * 4 + ["nl"] + [None] * 9 + ["und"] * 9
    store = fill_store({"feedback": [item(i, "s", lang) for i, lang in enumerate(langs)]})
    facts = gather_facts(store)
    assert facts.main_langs == ("en", "he")
    assert facts.n_other_langs == 2
    assert set(facts.langs) == {"en", "he", "cy", "nl", "und"}
    (source,) = list_sources(store)
    assert source["n_languages"] == 2
    page = render_report(facts)
    assert "English, Hebrew; now and then 2 others" in page


def test_a_single_post_of_a_small_store_is_a_language(fill_store: Store) -> None:
    store = fill_store({"feedback": [item(0, "s", "en"), item(1, "s", "fa")]})
    assert set(gather_facts(store).main_langs) == {"en", "fa"}


def test_trends_begin_with_the_first_week_with_data_of_the_last_half_year(
    fill_store: Store,
) -> None:
    period = {"period": "week", "segment": "all", "theme_id": "a", "n_customers": 2}
    weeks = [-300, 10, 12, 20]
    store = fill_store(
        {
            "theme": [topic("a", 2)],
            "theme_period": [
                period | {"period_start": MONDAY + timedelta(weeks=week)} for week in weeks
            ],
        }
    )
    facts = gather_facts(store)
    assert facts.week_starts == tuple(MONDAY + timedelta(weeks=week) for week in range(10, 21))
    assert facts.themes[0].weeks == (2, 0, 2, 0, 0, 0, 0, 0, 0, 0, 2)


def heard(theme_id: str, *weeks: int) -> list[dict[str, Any]]:
    period = {"period": "day", "segment": "all", "theme_id": theme_id, "n_customers": 1}
    return [period | {"period_start": MONDAY + timedelta(weeks=week)} for week in weeks]


def test_a_theme_without_a_verdict_says_why(fill_store: Store) -> None:
    store = fill_store(
        {
            "feedback": [item(7 * week, "s", "en") for week in (0, *range(40, 60))],
            "theme": [topic("a", 3, verdict="steady"), topic("b", 2), topic("c", 2), topic("d", 1)],
            "theme_period": heard("a", 50, 59) + heard("b", 0) + heard("c", 59),
        }
    )
    facts = gather_facts(store)
    assert {theme.theme_id: theme.no_verdict for theme in facts.themes} == {
        "a": None, "b": "not_heard", "c": "not_judged", "d": "undated",
    }  # fmt: skip
    page = render_report(facts)
    for said_why in ("not heard of lately", "not judged yet", "no dates"):
        assert page.count(f"No verdict: {said_why}") == 1


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
    assert render_report(facts).count("No verdict: too short a past") == 2
