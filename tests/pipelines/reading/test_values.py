"""Dates, ratings and amounts as people write them."""

from datetime import UTC, datetime, timedelta
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pipelines.reading.dates import detect_date_order, parse_date
from pipelines.reading.numbers import (
    detect_decimal,
    infer_rating_max,
    parse_amount,
    parse_rating,
)


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("2024-03-01", "2024-03-01T00:00:00"),
        ("2024-03-01T12:30:00Z", "2024-03-01T12:30:00"),
        ("2015-02-24 11:35:52 -0800", "2015-02-24T19:35:52"),
        ("2026-09-14T04:24:23-07:00", "2026-09-14T11:24:23"),
        ("Tue Feb 24 11:15:36 2015", "2015-02-24T11:15:36"),
        ("Tue Feb 24 11:15:36 +0000 2015", "2015-02-24T11:15:36"),
        ("Tue, 24 Feb 2015 11:15:36 +0200", "2015-02-24T09:15:36"),
        ("1441324800", "2015-09-04T00:00:00"),
        ("1441324800.0", "2015-09-04T00:00:00"),
        ("1441324800123", "2015-09-04T00:00:00.123"),
        ("42059.4832407407", "2015-02-24T11:35:52"),
        ("20240301", "2024-03-01T00:00:00"),
        ("3/15/2024 2:30 PM", "2024-03-15T14:30:00"),
        ("12/31/2023 12:05 am", "2023-12-31T00:05:00"),
        ("24-02-2015 11.35", "2015-02-24T11:35:00"),
        ("20.03.2024 14:30", "2024-03-20T14:30:00"),
        ("March 12, 2024 3:04:05 pm", "2024-03-12T15:04:05"),
        ("12. März 2024", "2024-03-12T00:00:00"),
        ("5 de mayo de 2024", "2024-05-05T00:00:00"),
        ("12 במרץ 2024", "2024-03-12T00:00:00"),
        ("١٢ مارس ٢٠٢٤", "2024-03-12T00:00:00"),
        ("۱۴۰۲/۰۵/۱۲", "2023-08-03T00:00:00"),
        ("۱۲ مرداد ۱۴۰۲", "2023-08-03T00:00:00"),
        ("1403/12/30", "2025-03-20T00:00:00"),
        ("1404/01/01", "2025-03-21T00:00:00"),
        ("2024-03-01 12:30:00 PST", "2024-03-01T20:30:00"),
        ("24/2/15", "2015-02-24T00:00:00"),
    ],
)
def test_dates_in_many_forms(text, expected):
    assert parse_date(text) == datetime.fromisoformat(expected).replace(tzinfo=UTC)


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("2026/10/01 9:12:33 AM GMT+3", "2026-10-01T06:12:33"),
        ("2026/10/01 9:12:33 PM GMT+5:30", "2026-10-01T15:42:33"),
        ("2026/10/01 9:12:33 PM GMT-3", "2026-10-02T00:12:33"),
        ("2026/10/01 12:06:16 PM OESZ", "2026-10-01T09:06:16"),
        ("2026/10/01 4:06:16 nachm. MEZ", "2026-10-01T15:06:16"),
        ("2026/10/01 4:06:16 p. m. GMT-5", "2026-10-01T21:06:16"),
        ("2026/10/01 9:12:33 אחה״צ GMT+3", "2026-10-01T18:12:33"),
        ('2026/10/01 12:12:33 לפנה"צ GMT+3', "2026-09-30T21:12:33"),
        ("2026/10/01 4:06:16 م غرينتش+2", "2026-10-01T14:06:16"),
        ("2026/10/01 4:06:16 ص غرينتش+2", "2026-10-01T02:06:16"),
        ("2026/10/01 4:06:16 بعدازظهر گرینویچ\u200e+3:30", "2026-10-01T12:36:16"),
        ("2026/10/01 4:06:16 بعد\u200cازظهر GMT+3:30", "2026-10-01T12:36:16"),
        ("2026/10/01 4:06:16 μ.μ. EEST", "2026-10-01T13:06:16"),
        ("2026/10/01 午後4:06:16", "2026-10-01T16:06:16"),
        ("2026. 10. 1. 오후 4:06:16", "2026-10-01T16:06:16"),
        ("2026年10月1日(木) 9:12", "2026-10-01T09:12:00"),
        ("Thu Oct 01 2026 09:12:33 GMT+0300 (Israel Daylight Time)", "2026-10-01T06:12:33"),
        ("1 Oct 2026 09:12 UTC−4", "2026-10-01T13:12:00"),
    ],
)
def test_the_moments_of_forms_in_many_languages(text, expected):
    assert parse_date(text) == datetime.fromisoformat(expected).replace(tzinfo=UTC)


@pytest.mark.parametrize(
    "text",
    ["", "soon", "99/99/9999", "2024-13-45", "31/02/2024", "12:30", "5", "Mar 2024", "x" * 999],
)
def test_what_is_no_date_is_none(text):
    assert parse_date(text) is None


def test_dates_without_a_zone_take_the_one_given():
    zone = ZoneInfo("Asia/Jerusalem")
    assert parse_date("2024-07-01 12:00", zone=zone) == datetime(2024, 7, 1, 9, tzinfo=UTC)
    assert parse_date("2024-07-01 12:00 +00:00", zone=zone) == datetime(2024, 7, 1, 12, tzinfo=UTC)


def test_the_order_of_day_and_month_is_decided_for_the_column():
    assert detect_date_order(["1/2/2024", "13/2/2024"]).order == "dmy"
    assert detect_date_order(["1/2/2024", "2/24/2024"]).order == "mdy"
    assert detect_date_order(["09 4, 2015", "08 18, 2014"]).order == "mdy"
    unsettled = detect_date_order(["1/2/2024", "3/4/2024"])
    assert (unsettled.order, unsettled.is_ambiguous) == ("dmy", True)
    assert detect_date_order(["1/2/2024 2:30 PM"]).order == "mdy"
    assert parse_date("3/4/2024", "mdy") == datetime(2024, 3, 4, tzinfo=UTC)
    assert parse_date("3/4/2024", "dmy") == datetime(2024, 4, 3, tzinfo=UTC)


@given(
    st.datetimes(datetime(1970, 1, 2), datetime(2099, 12, 30)),
    st.integers(-12 * 60, 14 * 60).map(lambda minutes: timedelta(minutes=minutes)),
)
def test_every_iso_date_is_read_back(moment, offset):
    from datetime import timezone

    aware = moment.replace(tzinfo=timezone(offset))
    assert parse_date(aware.isoformat()) == aware
    assert parse_date(aware.isoformat(sep=" ")) == aware


@given(st.text(max_size=64) | st.text("0123456789/:-. apmTZ+", max_size=30))
def test_any_text_is_a_utc_date_or_none(text):
    found = parse_date(text)
    assert found is None or (found.tzinfo is UTC and 1969 <= found.year <= 2101)
    parse_rating(text)
    parse_amount(text)


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("4", (4, None)),
        ("4.0", (4, None)),
        ("4,5", (4.5, None)),
        ("٥", (5, None)),
        ("4/5", (4, 5)),
        ("4 out of 5 stars", (4, 5)),
        ("10 - Extremely likely", (10, None)),
        ("Not at all likely - 0", (0, None)),
        ("4 (satisfied)", (4, None)),
        ("9 – סביר מאוד", (9, None)),
        ("3 - see ticket 12", None),
        ("5 - 6", None),
        ("★★★★☆", (4, 5)),
        ("⭐⭐⭐", (3, 5)),
        ("80%", (80, 100)),
        ("5 stars", (5, None)),
        ("good", None),
        ("", None),
    ],
)
def test_ratings_in_many_forms(text, expected):
    assert parse_rating(text) == expected


def test_the_scale_is_inferred_for_the_column():
    assert infer_rating_max(["1", "5", "3"]) == 5
    assert infer_rating_max(["1", "5"], "NPS score") == 10
    assert infer_rating_max(["0", "9", "10"]) == 10
    assert infer_rating_max(["80", "95"]) == 100
    assert infer_rating_max(["3/7", "2/7"]) == 7
    assert infer_rating_max(["x"]) is None


@pytest.mark.parametrize(
    ("values", "expected"),
    [
        ([*map(str, range(11))] * 20 + ["11"], 10),
        (["1", "2", "3", "4", "5"] * 40 + ["55", "6"], 5),
        ([*map(str, range(11))] * 3 + ["99", "98", "77"] * 4, 10),
        (["1", "4", "5", "999", "999"], 5),
        (["0", "9", "11"], 100),  # one of three is no slip
        (["80", "99", "77", "12"] * 50, 100),
        (["-1", "3", "4"] * 50, 5),
    ],
)
def test_slips_and_codes_for_none_make_no_scale(values, expected):
    assert infer_rating_max(values) == expected


@pytest.mark.parametrize(
    ("text", "decimal", "expected"),
    [
        ("1.234,56", ".", (1234.56, None)),
        ("$1,299.00", ".", (1299.0, "USD")),
        ("۱۲۰٬۰۰۰ تومان", ",", (120000.0, "IRT")),
        ("۱۲٫۵", ".", (12.5, None)),
        ("₪ 49.90", ".", (49.9, "ILS")),
        ("1 234,50 €", ".", (1234.5, "EUR")),
        ("(5.00)", ".", (-5.0, None)),
        ("−5.5", ".", (-5.5, None)),
        ("1.234", ".", (1.234, None)),
        ("1.234", ",", (1234.0, None)),
        ("1.234.567", ".", (1234567.0, None)),
        ("12,34,567.50", ".", (1234567.5, None)),
    ],
)
def test_amounts_in_many_forms(text, decimal, expected):
    amount = parse_amount(text, decimal)
    assert (amount.value, amount.currency) == expected


def test_what_is_no_amount_is_none():
    texts = ("", "free", "12 apples", "12,34,56", "1.234.56", "1234,567,890")
    assert [parse_amount(text) for text in texts] == [None] * len(texts)


def test_the_decimal_sign_is_decided_for_the_column():
    assert detect_decimal(["1.234", "12,50"]) == ","
    assert detect_decimal(["1,234", "12.50"]) == "."
    assert detect_decimal(["1.234"]) == "."
