"""Records from rows: nothing lost, everything typed."""

import random
from datetime import UTC, datetime
from pathlib import Path
from zoneinfo import ZoneInfo

import pytest

from pipelines.column_roles import ROLES
from pipelines.inspect import list_value_problems
from pipelines.reading import (
    BadRow,
    Tally,
    customer_records,
    event_records,
    feedback_items,
    find_files,
    open_tables,
    plan_table,
    sample_table,
)
from pipelines.reading.fields import Unread

FOLDER = Path(__file__).parents[2] / "data" / "sources"


def read_all(tmp_path, name, data, read=feedback_items, pairs=(), kind=None, **options):
    path = tmp_path / name
    path.write_text(data, encoding="utf-8")
    (file,) = find_files([str(path)])
    (table,) = open_tables(file)
    plan = plan_table(sample_table(table), pairs, kind)
    (table,) = open_tables(file)
    return list(read(table, plan.mapping, plan.formats, **options))


def test_a_review_becomes_an_item_with_all_it_carries(tmp_path):
    (item, *_) = read_all(
        tmp_path,
        "reviews.csv",
        "id,title,text,stars,created at,customer id,store version,First Name\n"
        "r1,Slow,The app takes a minute to open,2,2024-03-01 12:00,C7,1.2,Ann\n"
        "r2,Fine,It works well on my old phone,5,2024-03-02 13:00,C8,1.2,Bob\n",
        zone=ZoneInfo("Asia/Jerusalem"),
    )
    assert (item.file, item.row_number, item.source_id) == ("reviews.csv", 2, "r1")
    assert item.text == "Slow\n\nThe app takes a minute to open"
    assert (item.rating, item.rating_max, item.customer) == (2.0, 5.0, "C7")
    assert item.at == datetime(2024, 3, 1, 10, tzinfo=UTC)
    assert item.attributes == {"store version": "1.2"}
    assert item.question is None


@pytest.mark.parametrize(
    ("kind", "read"),
    [("feedback", feedback_items), ("customers", customer_records), ("events", event_records)],
)
def test_whatever_a_column_is_named_as_arrives_in_the_record(tmp_path, kind, read):
    values = dict.fromkeys(ROLES[kind], "word") | {"at": "2026-01-02", "email": "a@b.example"}
    values |= {"created": "2026-01-02", "edited": "2026-01-03", "rating": "4", "rating_max": "5"}
    values |= {"text": "It broke.", "phone": "+12025550100", "amount": "7.5", "birth": "1980"}
    roles = ROLES[kind]
    data = f"{','.join(f'my {each}' for each in roles)}\n{','.join(map(values.get, roles))}\n"
    pairs = [f"{each}=my {each}" for each in roles]
    (record,) = read_all(tmp_path, "a.csv", data, read, pairs, kind)
    names = {"id": "source_id", "title": "text"}
    assert [each for each in roles if getattr(record, names.get(each, each)) is None] == []
    assert record.attributes == {}


def test_several_open_questions_are_several_items_of_one_row(tmp_path):
    items = read_all(
        tmp_path,
        "survey.csv",
        "ResponseId,What did you like?,What should we improve?\n"
        "R1,The friendly staff at the desk,Faster check in please\n"
        "R2,,More parking near the door\n"
        "R3,,\n",
    )
    assert [
        (item.row_number, item.source_id, item.question, item.text)
        for item in items
        if not isinstance(item, BadRow)
    ] == [
        (2, "R1", "What did you like?", "The friendly staff at the desk"),
        (2, "R1", "What should we improve?", "Faster check in please"),
        (3, "R2", "What should we improve?", "More parking near the door"),
    ]
    assert (items[-1].number, items[-1].reason) == (4, "no_text")


def test_what_cannot_be_read_does_not_lose_the_row(tmp_path):
    tally = Tally()
    items = read_all(
        tmp_path,
        "a.csv",
        "date,rating,text\n2024-03-01,5,good\nsoon,many,bad\n2024-03-03,4,fine\n,,  \n",
        tally=tally,
    )
    assert items[1].at is None
    assert items[1].attributes == {"date": "soon", "rating": "many"}
    assert (tally.n_rows, tally.n_items) == (4, 3)
    assert tally.unread == {
        "date": Unread("date", "at", 3, 1), "rating": Unread("rating", "rating", 3, 1),
    }  # fmt: skip


def test_a_title_alone_is_the_text_and_a_repeated_one_is_not_said_twice(tmp_path):
    items = read_all(
        tmp_path,
        "a.csv",
        "title,text\nOnly a title,\nThe staff was…,The staff was rude to me\n"
        "Bad,Never again here\n",
    )
    assert [item.text for item in items] == [
        "Only a title",
        "The staff was rude to me",
        "Bad\n\nNever again here",
    ]


def test_decisions_do_not_depend_on_the_order_of_the_rows(tmp_path):
    lines = [
        f"{i},{i % 12 + 1}/{i % 28 + 1}/2024,{i % 9},words number {i} here" for i in range(3_000)
    ]
    header = "id,date,score,comment\n"
    first = read_all(tmp_path, "a.csv", header + "\n".join(lines))
    random.Random(3).shuffle(lines)
    second = read_all(tmp_path, "a.csv", header + "\n".join(lines))

    def keyed(items):
        return {
            item.source_id: (item.at, item.rating, item.rating_max, item.text) for item in items
        }

    assert keyed(first) == keyed(second)
    assert first[0].at == datetime(2024, 1, 1, tzinfo=UTC)
    assert first[0].rating_max == 10


def test_customers_keep_keys_and_attributes_apart(tmp_path):
    records = read_all(
        tmp_path,
        "crm.csv",
        "customer_id,email,full name,segment,created_at,tenure\n"
        "C1,a@x.org,Ann Lee,gold,2020-02-01,12\n"
        "C2,b@x.org,Bo Li,silver,2021-02-01,\n,,Cy Ro,gold,,3\n",
        customer_records,
        kind="customers",
    )
    first = records[0]
    assert (first.customer, first.email, first.name, first.segment) == (
        "C1",
        "a@x.org",
        "Ann Lee",
        "gold",
    )
    assert first.created == datetime(2020, 2, 1, tzinfo=UTC)
    assert first.attributes == {"tenure": "12"}
    assert (records[2].number, records[2].reason) == (4, "no_customer")


def test_events_need_a_customer_and_a_date(tmp_path):
    records = read_all(
        tmp_path,
        "events.csv",
        "order_id;customer_id;order_date;event;amount;shop\n"
        'O1;C1;13.02.2024;refund;"1.234,50 €";north\n'
        "O2;C2;14.02.2024;order;12,00;south\nO3;;15.02.2024;order;1;x\nO4;C4;;order;1;x\n",
        event_records,
        kind="events",
    )
    first = records[0]
    assert (first.source_id, first.customer, first.kind) == ("O1", "C1", "refund")
    assert (first.amount, first.currency) == (1234.5, "EUR")
    assert first.at == datetime(2024, 2, 13, tzinfo=UTC)
    assert first.attributes == {"shop": "north"}
    assert [record.reason for record in records[2:]] == ["no_customer", "no_date"]


def test_amounts_that_cannot_be_read_are_told_with_the_first_and_what_to_do(tmp_path):
    path, tally = tmp_path / "a.csv", Tally()
    rows = ("C1,2026-01-02,12.50", "C2,2026-01-03,abc", 'C3,2026-01-04,"12,34,56"')
    path.write_text("\n".join(["customer,at,Sum", *rows]), encoding="utf-8")
    (table,) = open_tables(find_files([str(path)])[0])
    plan = plan_table(sample_table(table), ("amount=Sum",), "events")
    (table,) = open_tables(find_files([str(path)])[0])
    events = list(event_records(table, plan.mapping, plan.formats, tally=tally))
    assert [event.attributes for event in events] == [{}, {"Sum": "abc"}, {"Sum": "12,34,56"}]
    (told,) = list_value_problems(plan, tally)
    for said in ("2 of 3 rows", 'column "Sum"', "first: row 3", "--map amount=COLUMN"):
        assert said in told


@pytest.mark.parametrize(
    ("columns", "rows", "expected"),
    [
        ("event_id,Order Number,at,kind", ["E1,#7,{},refund", "E2,,{},order"], "E1 #7,E2 -"),
        ("Order ID,at,Status", ["7,{},refunded", "8,{},paid"], "7 7,8 8"),
        ("Order No.,at,product_id", ["A-7,{},1", "A-8,{},2"], "A-7 A-7,A-8 A-8"),
        ("Order No.,at,kind", ["7,{},order", "7,{},refund", "8,{},order"], "- 7,- 7,- 8"),
        ("Name,at,Total", ["#1001,{},3", "#1002,{},4"], "#1001 #1001,#1002 #1002"),
        ("Name,at,Total", ["Dana,{},3", "Omar,{},4"], "- -,- -"),
        ("id,at,kind", ["7,{},order", "8,{},login"], "7 7,8 -"),
    ],
)
def test_an_event_tells_its_order(tmp_path, columns, rows, expected):
    """Feedback that names the order finds its customer by it."""
    data = "\n".join([f"{columns},customer", *(f"{row},C1".format("2026-01-02") for row in rows)])
    events = read_all(tmp_path, "a.csv", data, event_records, kind="events")
    found = ",".join(f"{event.source_id or '-'} {event.order or '-'}" for event in events)
    assert found == expected


def test_a_column_that_is_id_and_order_stays_both_under_a_map_that_says_one(tmp_path):
    data = (FOLDER / "shopify_orders.csv").read_text(encoding="utf-8")
    events = read_all(tmp_path, "a.csv", data, event_records, ("id=Name",), "events")
    assert [event.order for event in events] == [event.source_id for event in events]


def test_a_placeholder_is_no_value_and_no_problem(tmp_path):
    tally = Tally()
    events = read_all(
        tmp_path,
        "events.csv",
        "event_id,customer_id,at,kind,amount\n"
        "e1,C1,2026-01-02,churn,N/A\ne2,C2,2026-01-03,order,12.50\ne3,C3,2026-01-04,churn,-\n",
        event_records,
        kind="events",
        tally=tally,
    )
    assert [(event.amount, event.attributes) for event in events] == [
        (None, {}), (12.5, {}), (None, {}),
    ]  # fmt: skip
    assert tally.unread == {}


@pytest.mark.parametrize(("top", "n_kept"), [(10, 3), (5, 2)])
def test_a_score_of_ten_without_a_comment_is_kept_as_of_an_nps_export(tmp_path, top, n_kept):
    data = f"Date,Score,Comment\n2026-01-01,{top},Great staff\n2026-01-02,3,Too slow for me\n"
    items = read_all(tmp_path, "a.csv", f"{data}2026-01-03,2,\n")
    kept = [item for item in items if not isinstance(item, BadRow)]
    assert [item.text for item in kept] == ["Great staff", "Too slow for me", ""][:n_kept]


def test_the_mail_that_a_ticket_answers_is_kept_beside_the_customers_words(tmp_path):
    own = "It still does not work on my phone"
    quoted = "On Mon, 2 Mar 2026 at 10:00, Support <help@acme.com> wrote:\n> Hello\n> Restart it"
    items = read_all(
        tmp_path,
        "tickets.csv",
        f'id,subject,description\n1,Login,"{own}\n\n{quoted}"\n'
        "2,Refund,The money did not come back yet\n3,Card,My card was lost on the way\n",
    )
    assert items[0].text == f"Login\n\n{own}"
    assert items[0].attributes == {"quoted mail": quoted}
    assert [item.attributes for item in items[1:]] == [{}, {}]
