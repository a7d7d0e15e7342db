"""Tables of what customers did: told from their heads, and what happened from dates and words."""

from collections.abc import Callable

import pytest

from pipelines.odata.kinds import name_kind
from pipelines.reading import Table, recognise_kind
from pipelines.reading.event_dates import name_dated_event
from pipelines.reading.items import EventRecord
from pipelines.reading.plans import plan_table
from pipelines.reading.records import event_records
from pipelines.reading.sampling import sample_table

DATES = {
    "churn": ("cancel_date", "churned_at", "Date of cancellation", "תאריך ביטול", "תאריך עזיבה"),
    "renewal": ("renewed_at", "verlängert am"),
    "refund": ("Refund date", "تاريخ الاسترداد", "تاریخ بازپرداخت"),
    None: ("created_at", "renewal date", "contract end date", "date", "תאריך"),
}
KINDS = {
    "order": ("נשלח", "في الطريق", "در حال پردازش", "Bezahlt"),
    "delivered": ("נמסרה", "تم التوصيل", "تحویل شده", "Livrée"),
    "cancelled": ("בוטלה", "تم الالغاء", "تم الإلغاء", "لغو شده", "ORDER_CANCELED"),
    "refund": ("זוכה", "مسترد", "مرجوعی", "remboursé"),
    "churn": ("סגירת חשבון", "إغلاق الحساب", "لغو حساب", "gekündigt", "subscription.cancelled"),
    "renewal": ("חידוש מנוי", "تم التجديد", "تمدید شد"),
    "ticket": ("פנייה", "קריאת שירות", "شكوى", "شکایت"),
    "other": ("whatever", "שונות", "اخرى"),
}
ORDERS = [
    ("מספר הזמנה", "מספר לקוח", "תאריך", "סכום"),
    ("رقم الطلب", "رقم العميل", "تاريخ الطلب", "المبلغ"),
    ("شماره سفارش", "کد مشتری", "تاریخ", "مبلغ"),
    ("Order No.", "Customer ID", "Date", "Total"),
]


@pytest.mark.parametrize(("kind", "columns"), DATES.items())
def test_the_name_of_a_date_tells_what_happened(kind: str | None, columns: tuple[str, ...]) -> None:
    assert {column: name_dated_event(column) for column in columns} == dict.fromkeys(columns, kind)


def test_a_cancelled_order_is_no_lost_customer() -> None:
    assert name_dated_event("cancelled_at", is_of_orders=True) == "cancelled"
    assert name_dated_event("refunded_at", is_of_orders=True) == "refund"


@pytest.mark.parametrize(("kind", "said"), KINDS.items())
def test_kinds_are_known_in_many_languages(kind: str, said: tuple[str, ...]) -> None:
    assert {each: name_kind(each) for each in said} == dict.fromkeys(said, kind)


@pytest.mark.parametrize("columns", ORDERS, ids=lambda columns: str(columns[0]))
def test_orders_are_events_in_every_language(columns: tuple[str, ...]) -> None:
    rows = [
        dict(zip(columns, (f"O{n}", str(1000 + n % 9), f"2026-03-{1 + n:02d}", "120"), strict=True))
        for n in range(28)
    ]
    assert recognise_kind(columns, rows).kind == "events"


def test_a_list_of_who_left_gives_events(open_bytes: Callable[..., Table]) -> None:
    lines = [f"{1000 + n},2026-03-{1 + n:02d},{n % 3},49" for n in range(28)]
    data = "\n".join(["account_id,cancel_date,reason,mrr", *lines])
    plan = plan_table(sample_table(open_bytes("left.csv", data)))
    assert plan.kind.kind == "events"
    found = [
        each
        for each in event_records(open_bytes("left.csv", data), plan.mapping, plan.formats)
        if isinstance(each, EventRecord)
    ]
    assert [(each.kind, each.customer) for each in found[:2]] == [
        ("churn", "1000"),
        ("churn", "1001"),
    ]
    assert len(found) == 28


def test_who_left_twice_is_in_the_list_twice() -> None:
    rows = [{"account_id": f"{n % 9}", "cancel_date": f"2026-03-{1 + n:02d}"} for n in range(28)]
    assert recognise_kind(["account_id", "cancel_date"], rows).kind == "events"


def test_a_list_of_customers_with_the_day_on_which_they_left_stays_one() -> None:
    columns = ("customer_id", "name", "email", "segment", "country", "created_at", "churned_at")
    rows = [
        dict(
            zip(
                columns,
                (f"{n}", "Dana", f"u{n}@example.com", "gold", "IL", "2024-01-02", "2026-03-04"),
                strict=True,
            )
        )
        for n in range(28)
    ]
    assert recognise_kind(columns, rows).kind == "customers"
