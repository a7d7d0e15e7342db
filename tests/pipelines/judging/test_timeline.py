"""Which days are judged, and when "now" is."""

from datetime import date, timedelta

from pipelines.judging.timeline import MAX_DAYS, Timeline, find_timeline

NOW = date(2026, 6, 3)  # a Wednesday
DAYS = {NOW - timedelta(days=back): 10 for back in range(100)}


def test_now_is_the_latest_day_with_feedback() -> None:
    timeline = find_timeline({**DAYS, NOW + timedelta(days=9): 0})
    assert timeline == Timeline((NOW - timedelta(days=99)).toordinal(), NOW.toordinal())


def test_wrong_dates_are_neither_now_nor_the_beginning() -> None:
    assert find_timeline({**DAYS, date(1970, 1, 1): 2, date(2099, 12, 31): 1}) == find_timeline(
        DAYS
    )
    assert find_timeline({date(1970, 1, 1): 3, date(2099, 12, 31): 4}) is not None


def test_what_is_dated_later_than_it_was_read_is_not_now_unless_much_is() -> None:
    slips = {NOW + timedelta(days=60): 30, date(2099, 12, 31): 30}
    assert find_timeline({**DAYS, **slips}, NOW) == find_timeline(DAYS)
    # What is local time may be of the day after; and a clock may be wrong.
    tomorrow = {**DAYS, NOW + timedelta(days=1): 10}
    assert find_timeline(tomorrow, NOW) == find_timeline(tomorrow)
    assert find_timeline(DAYS, NOW - timedelta(days=20)) == find_timeline(DAYS)


def test_a_store_that_slept_for_a_year_goes_on() -> None:
    later = {NOW + timedelta(days=400 + day): 10 for day in range(20)}
    timeline = find_timeline({**DAYS, **later})
    assert timeline is not None
    assert timeline.last == max(later).toordinal()
    assert timeline.first == min(DAYS).toordinal()


def test_decades_are_cut() -> None:
    years = {NOW - timedelta(days=100 * back): 1 for back in range(200)}
    timeline = find_timeline(years)
    assert timeline is not None
    assert MAX_DAYS - 100 < timeline.n_days <= MAX_DAYS
    assert date.fromordinal(timeline.first) in years


def test_one_looks_on_sundays_and_on_the_last_day() -> None:
    timeline = find_timeline(DAYS)
    assert timeline is not None
    days = [date.fromordinal(timeline.first + place) for place in timeline.list_looks()]
    assert days[-1] == NOW
    assert {day.weekday() for day in days[:-1]} == {6}
    assert len(days) == 15


def test_without_days_there_is_nothing() -> None:
    assert find_timeline({}) is None
    assert find_timeline({NOW: 0}) is None
