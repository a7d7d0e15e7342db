"""Stories say what the tables say, each sentence with its evidence, and nothing without it."""

import json
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import Connection, delete, func, insert, select, update

from pipelines import tables
from pipelines.errors import ConfigError
from pipelines.profiles import NoProfileError
from pipelines.store import Store
from pipelines.stories.facts import Fact, read_fact
from pipelines.stories.sentences import Sentence, Story, describe_story
from pipelines.stories.telling import (
    Drafted,
    draft_customer_story,
    draft_report,
    draft_segment_story,
    draft_store_story,
    draft_theme_story,
)
from tests.command_line import make_call
from tests.pipelines.stories.told import LATE, LATE_WORDS, MONDAY, VISA

WEEK = "2026-03-16T00:00:00+00:00"


def tell(
    connection: Connection, draft: Callable[..., Drafted], *asked: Any, lang: str = "en"
) -> Story:
    return draft(connection, *asked).word(lang)


def find(story: Story, template: str) -> Sentence:
    (sentence,) = (each for each in story.sentences if each.template == template)
    return sentence


def change(told: Connection, table: Any, values: Mapping[str, Any], *where: Any) -> None:
    told.execute(update(table).where(*where).values(**values))


def test_the_story_of_a_theme_says_what_happens_to_whom_since_when_and_at_what_cost(
    told: Connection,
) -> None:
    story = tell(told, draft_theme_story, LATE)
    assert [each.template for each in story.told] == [
        *("theme_reach", "heard_between", "one_language", "segment_share", "feeling_shares"),
        "compared",
        *("week_growing", "week_before", "feeling_worse", "event_renamed", "run_added"),
        *("impact_share_higher", "at_stake_money", "impact_caveat"),
        *("priority_money", "signal", "actions_waiting"),
    ]
    assert [len(paragraph) for paragraph in story.paragraphs] == [6, 5, 6]
    assert find(story, "week_growing").text == (
        "In the week from 16 March 2026, 9 voices spoke of “Late cards”, where 3.6 were expected: "
        "it is growing, at 2.5 times what was expected (95% interval 1.3 to 4.4; q = 0.012)."
    )
    assert find(story, "impact_share_higher").text.startswith(
        "Where it is voiced, churn is 4.2 percentage points higher (95% interval 1.0 to 7.0; "
    )
    assert [quote.slots["text"].value for quote in story.quotes] == [
        f"{LATE_WORDS['negative']} (א)",
        f"{LATE_WORDS['negative']} (ב)",
        f"{LATE_WORDS['positive']} (ד)",
    ]


def test_a_theme_is_called_as_people_named_it_for_the_reader(told: Connection) -> None:
    story = tell(told, draft_theme_story, LATE, lang="he-IL")
    assert story.title == "כרטיסים באיחור"
    assert story.direction == "rtl"
    name = find(story, "theme_reach").slots["name"]
    assert (name.id, name.value) == (f"theme/theme_id={LATE}/names.he", "כרטיסים באיחור")
    assert "Late cards" not in " ".join(each.text for each in story.told)
    assert tell(told, draft_theme_story, LATE, lang="de").lang == "en"


def test_each_sentence_names_the_rows_that_it_rests_on(told: Connection) -> None:
    story = tell(told, draft_theme_story, LATE)
    growing = find(story, "week_growing").slots
    key = f"theme_period/theme_id={LATE};period_start={WEEK};period=week;segment=all"
    assert {slot: fact.id for slot, fact in growing.items()} == {
        "week": f"{key}/period_start",
        "n": f"{key}/n_customers",
        "name": f"theme/theme_id={LATE}/name",
        "verdict": f"{key}/verdict",
        "q": f"{key}/q_value",
        **{name: f"{key}/{name}" for name in ("expected", "ratio", "ratio_low", "ratio_high")},
    }
    assert growing["ratio"].value == 2.5
    before = find(story, "week_before").slots["n"]
    assert before.id == f"mention/theme_id={LATE};week=2026-03-09/n_voices"
    for sentence in story.sentences:
        if sentence.template != "impact_caveat":
            assert sentence.slots
        for fact in sentence.slots.values():
            assert read_fact(fact.id, fact.value) == fact


def test_an_id_survives_any_sign_in_a_key() -> None:
    fact = Fact("mention", (("segment", "a/b;c=d%& é\u202e"), ("lang", "en")), "n_voices", 3)
    assert read_fact(fact.id, 3) == fact


@pytest.mark.parametrize(
    ("table", "column", "lost"),
    [
        ("theme_period", "ratio_low", {"week_growing", "week_before"}),
        ("theme_period", "q_value", {"week_growing", "week_before"}),
        ("theme_period", "sentiment_q", {"feeling_worse"}),
        ("theme_impact", "low", {"impact_share_higher"}),
        ("theme_impact", "at_stake_high", {"at_stake_money"}),
        ("priority", "gain_low", {"priority_money"}),
        ("priority", "q_value", {"priority_money"}),
        ("comparison", "share_low", {"compared"}),
        ("comparison", "share_q", {"compared"}),
        ("theme_signal", "points", {"signal"}),
    ],
)
def test_a_claim_that_lacks_its_interval_or_q_value_is_not_made(
    told: Connection, table: str, column: str, lost: set[str]
) -> None:
    before = {each.template for each in tell(told, draft_theme_story, LATE).told}
    change(told, tables.metadata.tables[table], {column: None})
    after = {each.template for each in tell(told, draft_theme_story, LATE).told}
    assert before - after == lost
    assert lost <= before


def test_an_effect_that_may_be_chance_is_not_told_as_one(told: Connection) -> None:
    change(told, tables.theme_impact, {"q_value": 0.051})
    story = tell(told, draft_theme_story, LATE)
    impacts = [each.template for each in story.told if each.template.startswith("impact")]
    assert impacts == ["impact_unclear", "impact_unclear"]
    assert find(story, "signal")
    change(told, tables.theme_impact, {"note": "too few events"})
    story = tell(told, draft_theme_story, LATE)
    assert not [each for each in story.told if each.template.startswith(("impact", "at_stake"))]


@pytest.mark.parametrize(
    ("unit", "effect", "template"),
    [
        ("points", -0.4, "impact_points_lower"),
        ("share", 0.1, "impact_share_higher"),
        ("ILS", -120.0, "impact_money_lower"),
        ("furlongs", 1.0, None),
    ],
)
def test_an_effect_is_told_in_its_unit(
    told: Connection, unit: str, effect: float, template: str | None
) -> None:
    change(
        told,
        tables.theme_impact,
        {"unit": unit, "effect": effect},
        tables.theme_impact.c.outcome == "churn_90",
    )
    story = tell(told, draft_theme_story, LATE)
    found = [each.template for each in story.told if each.template.startswith("impact_")]
    assert found[:1] == ([template] if template else ["impact_unclear"])


@pytest.mark.parametrize(
    ("unit", "low", "template"),
    [
        ("relative", -0.6, "fix_relative"),
        ("points", -0.6, "fix_points"),
        ("share", -0.6, "fix_share"),
        ("EUR", -0.6, "fix_money"),
        ("relative", 0.1, "fix_unclear"),
        ("furlongs", -0.6, "fix_unclear"),
    ],
)
def test_a_fix_is_told_in_its_unit_or_said_to_be_unclear(
    told: Connection, unit: str, low: float, template: str
) -> None:
    high = -0.1 if low < 0 else 0.3
    change(told, tables.theme_fix, {"unit": unit, "low": min(low, -0.6), "high": high})
    assert find(tell(told, draft_theme_story, VISA), template)


@pytest.mark.parametrize(
    ("verdict", "template"),
    [("emerging", "week_emerging"), ("fading", "week_fading"), ("steady", "week_steady")],
)
def test_every_verdict_has_its_sentence(told: Connection, verdict: str, template: str) -> None:
    period = tables.theme_period
    usual = {"verdict": verdict, "expected_high": 9.0}
    change(told, period, usual, period.c.verdict == "growing")
    assert find(tell(told, draft_theme_story, LATE), template)
    change(told, period, {"verdict": "one_off"}, period.c.verdict == verdict)
    assert find(tell(told, draft_theme_story, LATE), "week_one_off")
    change(told, period, {"verdict": "strange"}, period.c.verdict == "one_off")
    told_of = tell(told, draft_theme_story, LATE).told
    assert not [each for each in told_of if each.template.startswith("week_")]


@pytest.mark.parametrize(("low", "high"), [(1.0, 8.0), (10.0, 14.0)])
def test_a_steady_week_beyond_what_is_usual_is_not_told_as_usual(
    told: Connection, low: float, high: float
) -> None:
    period = tables.theme_period
    values = {"verdict": "steady", "expected_low": low, "expected_high": high}
    change(told, period, values, period.c.verdict == "growing")
    story = tell(told, draft_theme_story, LATE)
    assert find(story, "week_steady_beyond").slots["q"].value == 0.012
    change(told, period, {"q_value": None}, period.c.verdict == "steady")
    told_of = tell(told, draft_theme_story, LATE).told
    assert not [each for each in told_of if each.template.startswith("week_")]


def test_a_gain_that_may_be_luck_is_said_to_be(told: Connection) -> None:
    def list_costs() -> list[str]:
        found = [each.template for each in tell(told, draft_store_story).told]
        return [name for name in found if name.startswith(("priority_", "gains_"))]

    assert list_costs() == ["priority_money"]
    change(told, tables.priority, {"q_value": 0.051})
    assert list_costs() == ["priority_money", "gains_unsure"]


def test_weeks_of_few_people_of_a_segment_are_not_told(told: Connection) -> None:
    period = tables.theme_period
    row = {"theme_id": LATE, "segment": "gold", "period": "week", "verdict": "steady"}
    bounds = {"n_customers": 4, "expected_low": 0.0, "expected_high": 9.0}
    latest = select(func.max(period.c.period_start)).where(period.c.verdict == "growing")
    start = told.execute(latest).scalar_one()
    told.execute(delete(period).where(period.c.segment == "gold"))
    told.execute(insert(period).values(period_start=start, **row, **bounds))

    def list_weeks() -> list[str]:
        found = [each.template for each in tell(told, draft_segment_story, "gold").told]
        return [name for name in found if name.startswith("week_")]

    assert list_weeks() == []
    change(told, period, {"n_customers": 5}, period.c.segment == "gold")
    # The week before had fewer.
    assert list_weeks() == ["week_steady"]


def test_news_comes_first_and_days_that_cannot_be_are_said(told: Connection) -> None:
    assert [each.template for each in tell(told, draft_store_story).told][:2] == [
        "store_themes",
        "store_rising",
    ]
    late = tables.feedback.c.feedback_id.in_(["f00", "f01"])
    change(told, tables.feedback, {"ingested_at": MONDAY}, late)
    story = tell(told, draft_store_story)
    assert find(story, "store_ahead").text == "2 of them are dated later than they were read."


def test_a_store_of_which_no_trend_can_be_told_says_why(told: Connection) -> None:
    def list_templates() -> list[str]:
        return [each.template for each in tell(told, draft_store_story).told]

    change(told, tables.theme, {"verdict": None})
    assert list_templates()[:2] == ["store_themes", "store_trend_short_past"]
    told.execute(delete(tables.theme_period))
    change(told, tables.feedback, {"occurred_at": None})
    assert list_templates()[:2] == ["store_themes", "store_trend_undated"]


def test_what_was_said_on_one_day_of_one_theme_is_told_once(told: Connection) -> None:
    change(told, tables.feedback, {"occurred_at": MONDAY})
    change(told, tables.theme, {"status": "muted"}, tables.theme.c.theme_id == VISA)
    templates = [each.template for each in tell(told, draft_store_story).told]
    assert {"store_size_undated", "heard_once", "theme_reach"} <= set(templates)
    assert not {"store_size", "store_largest"} & set(templates)


def test_a_report_tells_of_segments_that_enough_are_heard_of(told: Connection) -> None:
    stories = draft_report(told, [], segments=["gold", "mute"])
    assert [(each.kind, each.subject) for each in stories] == [("store", ""), ("segment", "gold")]


def test_a_verdict_on_an_older_week_is_not_told(told: Connection) -> None:
    period = tables.theme_period.c
    is_visa = (period.theme_id == VISA) & (period.period == "week") & (period.segment == "all")
    first = told.execute(select(func.min(period.period_start)).where(is_visa)).scalar()
    steady = {"verdict": "steady", "expected_low": 0.0, "expected_high": 4.0}
    told.execute(
        update(tables.theme_period).where(is_visa, period.period_start == first).values(**steady)
    )
    assert "week_steady" not in [each.template for each in tell(told, draft_theme_story, VISA).told]


def test_what_changed_since_last_time_is_of_the_last_run_that_brought_something(
    told: Connection,
) -> None:
    story = tell(told, draft_theme_story, LATE)
    assert find(story, "run_added").slots["n"].value == 8
    store = tell(told, draft_store_story)
    assert find(store, "run_new").slots["n"].value == 10
    told.execute(
        update(tables.run).where(tables.run.c.n_new == 20).values(n_new=0)  # the first
    )
    assert not [
        each
        for each in tell(told, draft_theme_story, LATE).told
        if each.template.startswith(("run_", "event_"))
    ]


def test_a_segment_of_few_is_not_told_and_it_is_said_why(told: Connection) -> None:
    story = tell(told, draft_segment_story, "gold")
    templates = [each.template for each in story.told]
    assert templates == ["segment_size", "segment_coverage", "segment_theme"]
    assert len(story.quotes) == 3
    for small in ("tiny", "mute"):
        with pytest.raises(
            ConfigError, match="fewer than 5 customers are heard, nor of one by which"
        ):
            tell(told, draft_segment_story, small)
    with pytest.raises(ConfigError, match="fewer than 9 customers"):
        tell(told, draft_segment_story, "gold", 9)
    with pytest.raises(ConfigError, match="there is no segment 'none'"):
        tell(told, draft_segment_story, "none")


def test_no_story_is_told_of_a_segment_by_which_a_smaller_one_could_be_reckoned(
    told: Connection,
) -> None:
    # All who are heard, less those of gold and silver, are four.
    with pytest.raises(ConfigError, match="by which these could be reckoned"):
        tell(told, draft_segment_story, "silver")
    told_of = draft_report(told, [LATE, VISA], segments=["gold", "silver", "tiny"])
    assert [each.subject for each in told_of if each.kind == "segment"] == ["gold"]
    texts = [each.text for story in told_of for each in story.word("en").sentences]
    assert not [text for text in texts if "silver" in text or "tiny" in text]
    change(told, tables.customer, {"segment": "tiny"}, tables.customer.c.customer_id == "gold-0")
    tell(told, draft_segment_story, "silver")


def test_no_story_names_a_segment_of_few(told: Connection) -> None:
    told_of = [each.word("en") for each in draft_report(told, [LATE, VISA])]
    texts = " ".join(sentence.text for story in told_of for sentence in story.sentences)
    assert "“gold”" in texts
    assert "“tiny”" not in texts
    strict = draft_theme_story(told, LATE, k=8).word("en")
    assert "segment_share" not in [each.template for each in strict.told]


def test_quotes_are_allowed_now_and_others_stand_in(told: Connection) -> None:
    before = tell(told, draft_theme_story, LATE)
    refused = before.quotes[0].slots["text"]
    told.execute(
        insert(tables.consent).values(
            consent_id="c1",
            customer_id="gold-0",
            purpose="quoting",
            status="withdrawn",
            at=MONDAY,
        )
    )
    after = tell(told, draft_theme_story, LATE)
    assert refused not in [quote.slots["text"] for quote in after.quotes]
    words = [quote.slots["text"].value for quote in tell(told, draft_store_story).quotes]
    assert refused.value not in words


def test_quotes_show_the_sides_that_enough_speak_for(told: Connection) -> None:
    quote = tables.theme_quote.c
    told.execute(delete(tables.theme_quote).where(quote.rank == 3))
    rows = [
        {"theme_id": LATE, "rank": 3, "mention_id": "f08-0", "text": "as it was"},
        {"theme_id": LATE, "rank": 4, "mention_id": "f12-0", "text": "as it was"},
    ]
    told.execute(insert(tables.theme_quote), rows)
    words = [each.slots["text"].value for each in tell(told, draft_theme_story, LATE).quotes]
    assert len(words) == 3
    assert sum(str(each).startswith(LATE_WORDS["positive"]) for each in words) == 1


def test_a_customer_is_told_only_if_they_allow_a_profile(told: Connection) -> None:
    story = tell(told, draft_customer_story, "gold-0")
    assert [each.template for each in story.told] == [
        *("customer_segment", "customer_since", "customer_said", "customer_feeling"),
        *("customer_theme", "customer_open", "customer_value", "customer_risk_points"),
        "customer_next",
    ]
    said = {"consent_id": "c1", "customer_id": "gold-0", "status": "withdrawn", "at": MONDAY}
    told.execute(insert(tables.consent).values(purpose="profiling", **said))
    with pytest.raises(NoProfileError, match="does not allow profiling"):
        tell(told, draft_customer_story, "gold-0")
    with pytest.raises(NoProfileError, match="there is no customer nobody"):
        tell(told, draft_customer_story, "nobody")


def test_themes_that_are_none_are_refused_and_silent_ones_said_to_be(told: Connection) -> None:
    theme = tables.theme
    with pytest.raises(ConfigError, match="there is no theme 't0'"):
        tell(told, draft_theme_story, "t0")
    change(told, theme, {"status": "merged", "merged_into": LATE}, theme.c.theme_id == VISA)
    with pytest.raises(ConfigError, match=f"earful story theme {LATE}"):
        tell(told, draft_theme_story, VISA)
    change(told, theme, {"n_customers": 0, "n_mentions": 0}, theme.c.theme_id == LATE)
    assert find(tell(told, draft_theme_story, LATE), "theme_silent")


def test_an_empty_store_has_a_story_without_a_sentence(told: Connection) -> None:
    for name in ("mention", "feedback"):
        told.execute(delete(tables.metadata.tables[name]))
    assert tell(told, draft_store_story).sentences == ()
    assert len(draft_report(told, ["t1"])) == 1


def test_counts_are_the_same_on_both_databases(told_anywhere: Store) -> None:
    with told_anywhere.read() as connection:
        stories = [each.word("en") for each in draft_report(connection, [LATE, VISA])]
        gold = draft_segment_story(connection, "gold").word("en")
    assert find(stories[0], "store_size").text == (
        "30 feedback items count, from 30 voices, said between 2 March 2026 and 21 March 2026."
    )
    assert find(stories[1], "feeling_shares").text == (
        "50% of the mentions are negative, 25% neutral and 25% positive."
    )
    assert find(stories[1], "week_before").slots["n"].value == 7
    assert find(gold, "segment_theme").slots["n"].value == 7


def test_strangers_text_cannot_turn_or_break_a_sentence(told: Connection) -> None:
    evil = "a\u202eb\u2067 {name}\n<script>"
    change(told, tables.theme, {"name": evil, "names": None}, tables.theme.c.theme_id == LATE)
    for lang in ("en", "he"):
        text = find(tell(told, draft_theme_story, LATE, lang=lang), "theme_reach").text
        assert "\u202e" not in text
        assert "\n" not in text
        assert "{name} <script>" in text
        assert text.count("\u2069") == sum(text.count(each) for each in "\u2066\u2067\u2068")


def test_the_command_tells_all_four_kinds(
    told_store: Store, capsys: pytest.CaptureFixture[str], tmp_path: Path
) -> None:
    call = make_call(capsys)
    db = ("--db", told_store.url.render_as_string(hide_password=False))
    assert "Late cards" in call("story", "store", *db).out
    ended = call("story", "theme", LATE, "--lang", "fa", "--json", *db)
    value = json.loads(ended.out)
    assert (value["lang"], value["dir"]) == ("fa", "rtl")
    facts = [fact for each in value["sentences"] for fact in each["facts"]]
    assert {"slot", "id", "table", "key", "column", "value", "shown_as"} == set(facts[0])
    assert call("story", "segment", "gold", *db).code == 0
    assert "gold-0" in call("story", "customer", "gold-0", *db).out
    ended = call("story", "theme", LATE, "--lang", "de", *db)
    assert (ended.code, "in English" in ended.err) == (0, True)
    ended = call("story", "segment", "tiny", *db)
    assert (ended.code, "could be recognised" in ended.err) == (2, True)
    assert call("story", "theme", *db).code == 2
    assert call("story", "store", LATE, *db).code == 2
    config = tmp_path / "earful.toml"
    config.write_text("[anonymity]\nmin_customers = 9\n", encoding="utf-8")
    assert call("story", "segment", "gold", "--config", config, *db).code == 2


def test_a_story_as_json_holds_what_was_told(told: Connection) -> None:
    story = tell(told, draft_theme_story, VISA)
    value = describe_story(story)
    assert [each["text"] for each in value["sentences"]] == [each.text for each in story.sentences]
    json.dumps(value)
