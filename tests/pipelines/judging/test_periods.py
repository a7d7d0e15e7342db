"""The step that judges, on rows of a store: counts, bands, verdicts, and reasons for silence."""

import random
from collections.abc import Iterator, Sequence
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from sqlalchemy import Connection, insert, select, update

from pipelines import tables
from pipelines.anonymity import MIN_CUSTOMERS
from pipelines.judging.periods import judge_periods
from pipelines.judging.silence import explain_silence
from pipelines.runs import Run, begin_run
from pipelines.store import Store, write_info
from tests.pipelines.conftest import add_rows, read_rows
from tests.pipelines.store_copies import open_copy

MONDAY = datetime(2026, 3, 2, tzinfo=UTC)
N_DAYS = 17 * 7 + 3  # up to a Wednesday
THEMES = ("rising", "steady", "silent", "late", "evening", "muted")
Said = tuple[str, str, datetime | None, str | None]


def fill(store: Store, seed: int = 0) -> None:
    """Write it all, rows in an order that the seed shuffles."""
    said = list(make_said())
    random.Random(seed).shuffle(said)
    with begin_run(store, "fill", config_hash="", lock_timeout_s=1) as run:
        add_rows(run.connection, "theme", *(make_theme(name) for name in THEMES))
        names = {f"c{n}": "gold" if n < MIN_CUSTOMERS - 1 else "plain" for n in range(20)}
        for customer_id, segment in names.items():
            add_rows(run.connection, "customer", {"customer_id": customer_id, "segment": segment})
        say(run, said)


def make_theme(name: str) -> dict[str, Any]:
    status = "muted" if name == "muted" else "active"
    return {"theme_id": name, "name": name, "status": status, "origin": "discovered"}


def make_said() -> Iterator[Said]:
    """A day: about four voices on what is steady, one on each other theme; then what is planted."""
    rng = random.Random(1)
    for day in range(N_DAYS):
        at = MONDAY + timedelta(days=day, hours=9)
        is_last = day >= N_DAYS - 10
        for n in range(rng.choice((3, 4, 5))):
            yield f"s{day}-{n}", "steady", at, f"c{rng.randrange(20)}"
        for n in range(5 if is_last else rng.choice((0, 1, 2))):
            yield f"r{day}-{n}", "rising", at, None
        if day < N_DAYS - 20:
            yield f"q{day}", "silent", at, None
        if is_last:
            yield f"l{day}", "late", at, None
        yield f"m{day}", "muted", at, None
    for n in range(3):
        yield f"e{n}", "evening", MONDAY + timedelta(days=N_DAYS - 1, hours=20), None


def say(run: Run, said: Sequence[Said]) -> None:
    for key, theme_id, at, customer_id in said:
        words = {"feedback_id": key, "text": "x", "text_hash": "h"}
        who = {"source": "s", "occurred_at": at, "author_key": key, "customer_id": customer_id}
        feeling = {"position": 0, "sentiment": "neutral", "sentiment_score": 0.1}
        add_rows(run.connection, "feedback", {**words, **who})
        add_rows(
            run.connection, "mention", {**words, **feeling, "mention_id": key, "theme_id": theme_id}
        )
    run.mark_changed()


def judge(store: Store, themes: Sequence[str] | None = None, k: int | None = None) -> int:
    with begin_run(store, "judge", config_hash="", lock_timeout_s=1) as run:
        run.mark_changed()
        return judge_periods(run, themes, k)


@pytest.fixture
def filled(store_url: str) -> Iterator[Store]:
    """On both databases."""
    opened = open_copy(store_url, "judged", fill)
    yield opened
    opened.engine.dispose()


@pytest.fixture
def small(sqlite_url: str) -> Iterator[Store]:
    opened = open_copy(sqlite_url, "judged", fill)
    yield opened
    opened.engine.dispose()


def verdicts(connection: Connection) -> dict[str, str | None]:
    return dict(read_rows(connection, "theme", "theme_id", "verdict"))


def weeks(connection: Connection, theme_id: str, segment: str = "all") -> list[Any]:
    period = tables.theme_period.c
    query = (
        select(tables.theme_period)
        .where(period.theme_id == theme_id, period.period == "week", period.segment == segment)
        .order_by(period.period_start)
    )
    return list(connection.execute(query).mappings())


def test_verdicts_are_those_of_what_was_planted(filled: Store) -> None:
    judge(filled)
    with filled.read() as connection:
        assert verdicts(connection) == {
            "rising": "growing", "steady": "steady", "silent": "fading", "late": "emerging",
            "evening": "one_off", "muted": None,
        }  # fmt: skip
        assert explain_silence(connection, THEMES) == {"muted": "muted"}
        rising = weeks(connection, "rising")
    assert [week["verdict"] for week in rising[:4]] == [None] * 4
    week = rising[-1]
    assert week["verdict"] == "growing"
    assert week["expected_low"] <= week["expected"] <= week["expected_high"] < week["n_customers"]
    assert (
        1
        < week["ratio_low"]
        < week["ratio"]
        == pytest.approx(week["n_customers"] / week["expected"])
    )
    assert week["p_value"] <= week["q_value"] <= 0.05
    assert week["n_customers"] <= week["n_exposed"]


def test_a_second_time_and_another_order_change_nothing(filled: Store, sqlite_url: str) -> None:
    assert judge(filled) > 0
    assert judge(filled) == 0
    other = open_copy(sqlite_url + "2", "judged shuffled", lambda store: fill(store, seed=3))
    judge(other)
    with filled.read() as one, other.read() as two:
        assert read_rows(one, "theme_period") == read_rows(two, "theme_period")
    other.engine.dispose()


def test_a_few_themes_counted_anew_are_as_all_of_them(small: Store) -> None:
    judge(small)
    mention = tables.mention.c
    is_moved = mention.mention_id.like("s%-0")
    with small.write() as connection:
        connection.execute(update(tables.mention).where(is_moved).values(theme_id="late"))
    assert judge(small, ["late", "steady"]) > 0
    assert judge(small) == 0


def test_a_silent_week_is_told_where_voices_were_expected(small: Store) -> None:
    judge(small)
    with small.read() as connection:
        silent = weeks(connection, "silent")
        evening = weeks(connection, "evening")
    assert [week["n_customers"] for week in silent[-5:]] == [7, 4, 0, 0, 0]
    assert silent[-2]["expected"] > 1
    assert silent[-2]["sentiment"] is None
    assert [week["verdict"] for week in silent[-2:]] == ["fading", "fading"]
    assert len(evening) == 1


def test_a_theme_of_a_voice_a_fortnight_has_an_expectation_in_every_week(small: Store) -> None:
    with begin_run(small, "more", config_hash="", lock_timeout_s=1) as run:
        days = range(0, N_DAYS, 14)
        say(
            run,
            [
                (f"x{day}", "evening", MONDAY + timedelta(days=day), f"c{4 + day // 14}")
                for day in days
            ],
        )
    judge(small)
    with small.read() as connection:
        evening = weeks(connection, "evening")
        plain = weeks(connection, "evening", "plain")
    starts = [week["period_start"] for week in evening if week["expected"] is not None]
    assert starts == [starts[0] + timedelta(weeks=n) for n in range(len(starts))]
    assert {0, 1} < {week["n_customers"] for week in evening}
    assert all(week["n_customers"] for week in plain)


def test_a_voice_that_goes_on_is_fresh_once_in_four_weeks(small: Store) -> None:
    with begin_run(small, "more", config_hash="", lock_timeout_s=1) as run:
        days = [*range(14), 60]
        loud = [(f"x{day}", "evening", MONDAY + timedelta(days=day), None) for day in days]
        say(run, loud)
        is_loud = tables.feedback.c.feedback_id.like("x%")
        run.connection.execute(update(tables.feedback).where(is_loud).values(author_key="loud"))
    judge(small)
    period = tables.theme_period.c
    query = select(period.n_fresh, period.n_customers).where(
        period.theme_id == "evening", period.period == "day", period.segment == "all"
    )
    with small.read() as connection:
        found = connection.execute(query.order_by(period.period_start)).all()
        assert [tuple(row) for row in found] == [(1, 1), *[(0, 1)] * 13, (1, 1), (3, 3)]
        assert [week["n_customers"] for week in weeks(connection, "evening")][:2] == [1, 1]


def test_copies_and_other_noise_count_nowhere(small: Store) -> None:
    is_copied = tables.feedback.c.feedback_id.like("l%")
    with small.write() as connection:
        connection.execute(update(tables.feedback).where(is_copied).values(noise_reason="campaign"))
    judge(small)
    with small.read() as connection:
        assert weeks(connection, "late") == []
        assert verdicts(connection)["late"] is None
        assert explain_silence(connection, ["late"]) == {"late": "undated"}


def test_segments_of_few_customers_are_counted_nowhere(small: Store) -> None:
    judge(small)
    with small.read() as connection:
        assert weeks(connection, "steady", "gold") == []
        plain = weeks(connection, "steady", "plain")
    assert plain[-1]["verdict"] == "steady"
    assert plain[-1]["n_exposed"] <= 16


def test_how_few_customers_are_too_few_is_configured_and_kept(small: Store) -> None:
    judge(small, k=MIN_CUSTOMERS - 1)
    with begin_run(small, "again", config_hash="", lock_timeout_s=1) as run:
        assert judge_periods(run, min_customers=MIN_CUSTOMERS - 1) == 0
        assert judge_periods(run) == 0
        assert weeks(run.connection, "steady", "gold")
        assert judge_periods(run, min_customers=MIN_CUSTOMERS)
        assert not weeks(run.connection, "steady", "gold")


def test_no_segment_is_counted_by_which_few_customers_could_be_reckoned(small: Store) -> None:
    with begin_run(small, "nobody", config_hash="", lock_timeout_s=1) as run:
        run.connection.execute(
            update(tables.feedback)
            .where(tables.feedback.c.customer_id.is_(None))
            .values(noise_reason="spam")
        )
    judge(small)
    with small.read() as connection:
        segments = connection.execute(select(tables.theme_period.c.segment).distinct()).scalars()
        # All less the plain ones would be the four golden ones.
        assert set(segments) == {"all"}


def test_wrong_dates_open_no_empty_decades(small: Store) -> None:
    judge(small)
    with small.read() as connection:
        before = verdicts(connection)
    with begin_run(small, "more", config_hash="", lock_timeout_s=1) as run:
        say(run, [("w", "steady", datetime(1970, 1, 1, tzinfo=UTC), None)])
        # More than stray voices: they are later than they were read.
        ahead = datetime(2099, 12, 31, tzinfo=UTC)
        say(run, [(f"w{place}", "steady", ahead, None) for place in range(30)])
        read_on = MONDAY + timedelta(days=N_DAYS)
        run.connection.execute(update(tables.feedback).values(ingested_at=read_on))
    judge(small)
    with small.read() as connection:
        assert verdicts(connection) == before
        steady = weeks(connection, "steady")
    assert (steady[0]["verdict"], steady[-1]["verdict"]) == (None, None)
    assert len(steady) == 20


@pytest.mark.parametrize(
    ("dates", "reason"),
    [
        ([None] * 40, "undated"),
        ([MONDAY] * 40, "short_past"),
        ([MONDAY + timedelta(days=day) for day in range(7)], "short_past"),
        ([MONDAY] + [MONDAY + timedelta(days=2 * day) for day in range(300, 360)], None),
    ],
)
def test_what_cannot_be_said_has_a_reason(
    run: Run, dates: list[datetime | None], reason: str | None
) -> None:
    connection = run.connection
    add_rows(connection, "theme", make_theme("only"))
    say(run, [(f"f{place}", "only", at, None) for place, at in enumerate(dates)])
    judge_periods(run)
    verdict = verdicts(connection)["only"]
    assert explain_silence(connection, ["only"]).get("only") == reason
    assert (verdict is None) == (reason is not None)


def test_a_theme_not_heard_of_for_a_year_says_so(run: Run) -> None:
    connection = run.connection
    add_rows(connection, "theme", make_theme("old"), make_theme("new"))
    days = [MONDAY + timedelta(days=3 * day) for day in range(150)]
    say(run, [(f"f{place}", "new", at, None) for place, at in enumerate(days)])
    say(run, [("o", "old", MONDAY, None)])
    judge_periods(run)
    assert explain_silence(connection, ["old", "new"]) == {"old": "not_heard"}
    add_rows(connection, "theme", make_theme("later"))
    connection.execute(insert(tables.theme_period), [_day_of("later", days[-1])])
    assert explain_silence(connection, ["later"]) == {"later": "not_judged"}


def _day_of(theme_id: str, at: datetime) -> dict[str, Any]:
    row = {"theme_id": theme_id, "period": "day", "segment": "all"}
    return {**row, "period_start": at, "n_customers": 1, "n_fresh": 1}


def test_an_empty_store_is_judged_in_silence(run: Run) -> None:
    write_info(run.connection, "judged_version", "never")
    assert judge_periods(run) == 0
