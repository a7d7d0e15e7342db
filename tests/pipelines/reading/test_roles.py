"""Roles of columns and kinds of tables."""

import random
from collections.abc import Sequence

import pytest

from pipelines.errors import ConfigError
from pipelines.feedback_rows import _mask_name
from pipelines.reading import ColumnMap, apply_map, recognise_kind, recognise_roles, roles
from pipelines.reading.evidence import Evidence, weigh_values
from pipelines.reading.tables import MAX_COLUMNS

PROSE = [
    "The delivery was three days late and nobody answered my calls",
    "Great service, the staff was friendly and the food was hot",
    "I want my money back, the app keeps crashing on login",
    "Nothing special but it does what it promises for the price",
]


def rows_of(columns, *cells):
    return [dict(zip(columns, row, strict=True)) for row in cells]


def feedback_rows(columns, n=40):
    return rows_of(
        columns,
        *(
            (f"id-{i}", f"2024-05-{i % 28 + 1:02d}", PROSE[i % 4] + f" number {i}", str(i % 5 + 1),
             f"C{i % 7}", f"user{i}@example.com")
            for i in range(n)
        ),
    )  # fmt: skip


@pytest.mark.parametrize(
    "columns",
    [
        ["id", "date", "text", "rating", "customer_id", "email"],
        ["Review ID", "Created at", "Review Text", "Stars", "Customer ID", "E-Mail"],
        ["reviewId", "reviewDate", "reviewText", "starRating", "customerId", "emailAddress"],
        ["מזהה", "תאריך", "תגובה", "דירוג", "מספר לקוח", "אימייל"],
        ["معرف", "التاريخ", "التعليق", "التقييم", "رقم العميل", "البريد الإلكتروني"],
        ["شناسه", "تاریخ", "متن نظر", "امتیاز", "شماره مشتری", "ایمیل"],
        ["identificador", "fecha", "comentario", "calificación", "cliente", "correo electrónico"],
        ["Kennung", "Datum", "Kommentar", "Bewertung", "Kundennummer", "E-Mail-Adresse"],
        ["identifiant", "date de création", "commentaire", "note", "numéro client", "courriel"],
    ],
)
def test_the_usual_roles_are_recognised_in_many_languages(columns):
    mapping = recognise_roles(columns, feedback_rows(columns))
    assert mapping.texts == (columns[2],)
    roles = ("id", "at", "rating", "customer", "email")
    assert {role: mapping.columns.get(role) for role in roles} == {
        "id": columns[0],
        "at": columns[1],
        "rating": columns[3],
        "customer": columns[4],
        "email": columns[5],
    }  # fmt: skip
    assert recognise_kind(columns, feedback_rows(columns)).kind == "feedback"


@pytest.mark.parametrize(
    "name", ["שם לקוח", "اسم العميل", "Nom du client", "Kundenname", "Имя клиента", "Müşteri adı"]
)
def test_a_customers_name_is_no_customers_number(name: str) -> None:
    rows = rows_of([name, "comment"], ("דנה כהן", PROSE[0]), ("יוסי לוי", PROSE[1]))
    assert recognise_roles([name, "comment"], rows).role_of(name) in (None, "author")


def test_values_speak_where_names_say_nothing():
    columns = ["a", "b", "c", "d", "e", "f"]
    mapping = recognise_roles(columns, feedback_rows(columns))
    assert mapping.texts == ("c",)
    assert (mapping.columns["at"], mapping.columns["email"]) == ("b", "f")


def test_values_overrule_a_name_that_does_not_fit():
    columns = ["id", "date", "rating", "text"]
    rows = rows_of(columns, *(("5.70306E+17", "soon", "unrated", text) for text in PROSE * 5))
    mapping = recognise_roles(columns, rows)
    assert mapping.columns == {}
    assert mapping.texts == ("text",)


def test_open_questions_are_texts_each_and_choices_are_not():
    columns = [
        "Respondent ID",
        "What did you like most?",
        "Q7",
        "How did you hear about us?",
        "nps",
    ]
    rows = rows_of(
        columns,
        *(
            (str(i), PROSE[i % 4] + str(i), PROSE[(i + 1) % 4] + str(i), ["Web", "Friend"][i % 2],
             str(i % 11))
            for i in range(60)
        ),
    )  # fmt: skip
    mapping = recognise_roles(columns, rows)
    assert mapping.texts == ("What did you like most?", "Q7")
    assert mapping.columns == {"id": "Respondent ID", "rating": "nps"}


@pytest.mark.parametrize(
    "asked",
    ["What's your name?", "Your full name, please", "מה השם שלך?", "ما اسمك؟", "نام شما چیست؟",
     "Wie heißen Sie?", "Comment vous appelez-vous ?", "Как вас зовут?"],
)  # fmt: skip
def test_the_answer_to_a_question_for_a_name_is_no_feedback(asked: str) -> None:
    columns = [asked, "How did the driver say your name?"]
    rows = rows_of(columns, ("Dana Cohen", PROSE[0]), ("عمر سعيد", PROSE[1]))
    assert recognise_roles(columns, rows).texts == (columns[1],)


def test_pros_and_cons_are_texts_each():
    columns = ["Pros", "Cons", "Summary"]
    rows = rows_of(
        columns, *((PROSE[i % 4] + str(i), PROSE[i % 3] + str(i), "ok") for i in range(9))
    )
    assert recognise_roles(columns, rows).texts == ("Pros", "Cons")


def test_replies_of_the_company_are_never_texts():
    columns = ["content", "replyContent", "Company public response"]
    rows = rows_of(
        columns, *((f"slow app {i}", PROSE[i % 4] * 3, PROSE[i % 4] * 3) for i in range(20))
    )
    mapping = recognise_roles(columns, rows)
    assert mapping.texts == ("content",)
    assert mapping.columns["reply"] == "replyContent"


def test_personal_details_are_set_apart():
    columns = ["First Name", "IP Address", "LocationLatitude", "comment"]
    rows = rows_of(columns, *(("Ann", "1.2.3.4", "47.1", text) for text in PROSE))
    assert recognise_roles(columns, rows).private == (
        "First Name",
        "IP Address",
        "LocationLatitude",
    )


def test_words_that_end_with_a_number_are_words_and_labels_of_a_scale_are_none() -> None:
    def make_rows(text: str, n: int) -> list[dict[str, str]]:
        told = {"created_at": "2026-03-01", "email": "dana@example.com"}
        return [{"ticket_id": f"T{k}", "body": f"{text} ({k % n})", **told} for k in range(60)]

    columns = ["ticket_id", "body", "created_at", "email"]
    assert recognise_kind(columns, make_rows("Parcel never came", 60)).kind == "feedback"
    assert recognise_kind(columns, make_rows("Not at all satisfied", 5)).kind == "customers"


def test_lists_of_customers_and_events_are_told_apart():
    columns = ["customer_id", "email", "segment", "country", "created_at"]
    rows = rows_of(
        columns,
        *((f"C{i}", f"u{i}@x.org", "gold", "IL", f"2020-01-{i + 1:02d}") for i in range(20)),
    )
    assert recognise_kind(columns, rows).kind == "customers"
    columns = ["order_id", "customer_id", "order_date", "type", "amount"]
    rows = rows_of(
        columns,
        *((f"O{i}", f"C{i % 5}", f"2024-01-{i + 1:02d}", "refund", f"{i}.50") for i in range(20)),
    )
    assert recognise_kind(columns, rows).kind == "events"
    mapping = recognise_roles(columns, rows, "events")
    assert mapping.columns == {
        "id": "order_id", "customer": "customer_id", "at": "order_date", "kind": "type",
        "amount": "amount",
    }  # fmt: skip
    assert recognise_kind(["x", "y"], [{"x": "1", "y": "2"}]).kind == "unknown"


def test_the_order_of_rows_does_not_matter():
    columns = ["id", "date", "text", "rating", "customer_id", "email"]
    rows = feedback_rows(columns)
    expected = recognise_roles(columns, rows)
    random.Random(7).shuffle(rows)
    assert recognise_roles(columns, rows) == expected


COLUMNS = ["Review Text", "Stars", "Date", "Customer ID"]
FOUND = ColumnMap({"rating": "Stars", "at": "Date"}, ("Review Text",))


def test_a_map_overrules_what_was_recognised():
    mapping = apply_map(
        FOUND, ["text=Review Text", "text=Date", "rating=", "customer=customer id"], COLUMNS
    )
    assert mapping.texts == ("Review Text", "Date")
    assert mapping.columns == {"customer": "Customer ID"}
    assert mapping.reasons["Date"] == "given by --map"


def test_wrong_roles_and_columns_are_reported_all_at_once_with_the_nearest():
    with pytest.raises(ConfigError) as caught:
        apply_map(FOUND, ["txet=Stars", "text=Reviw Text", "Stars"], COLUMNS)
    message = str(caught.value)
    assert "there is no role 'txet'; did you mean 'text'?" in message
    assert "there is no column 'Reviw Text'; did you mean 'Review Text'?" in message
    assert "There are: Review Text, Stars, Date, Customer ID" in message
    assert "'Stars' is not of the form ROLE=COLUMN" in message
    assert caught.value.exit_code == 2


@pytest.mark.parametrize("filled", [["12.50"], ["N/A", "49"], ["49,90", "-", "null"], ["free"]])
def test_a_mostly_empty_column_keeps_the_role_of_its_name(filled):
    columns = ["event_id", "customer_id", "at", "kind", "amount"]
    for empty in ("", "N/A", "-", "null"):
        amounts = filled + [empty] * (60 - len(filled))
        rows = rows_of(
            columns,
            *(
                (f"e{i}", f"c{i % 9}", "2026-01-05", "churn", each)
                for i, each in enumerate(amounts)
            ),
        )
        assert recognise_roles(columns, rows, "events").columns["amount"] == "amount"
        assert recognise_kind(columns, rows).kind == "events"


def test_enough_values_that_do_not_fit_still_overrule_a_name():
    columns = ["customer_id", "at", "kind", "amount"]
    rows = rows_of(columns, *((f"c{i}", "2026-01-05", "churn", "a lot") for i in range(3)))
    assert "amount" not in recognise_roles(columns, rows, "events").columns


def test_the_plain_id_of_a_list_of_people_is_the_customers():
    columns = ["ID", "Name", "E-mail"]
    rows = rows_of(columns, *((f"{i}", "Ann", f"u{i}@x.org") for i in range(9)))
    assert recognise_roles(columns, rows, "customers").columns["customer"] == "ID"
    columns = ["ID", "Country"]
    rows = rows_of(columns, *((f"{i}", "IL") for i in range(9)))
    assert "customer" not in recognise_roles(columns, rows, "customers").columns


@pytest.mark.parametrize("name", ["twitter", "X handle", "Instagram", "Telegram"])
@pytest.mark.parametrize("kind", ["feedback", "customers"])
def test_a_column_of_profile_addresses_is_a_handle(name, kind):
    hosts = ["https://twitter.com", "https://x.com", "instagram.com", "t.me"]
    columns = ["customer_id", name]
    rows = rows_of(columns, *((f"c{i}", f"{hosts[i % 4]}/user_{i}") for i in range(20)))
    assert recognise_roles(columns, rows, kind).columns["handle"] == name
    posts = rows_of(columns, *((f"c{i}", f"https://x.com/user/status/{i}") for i in range(20)))
    assert "handle" not in recognise_roles(columns, posts, kind).columns


def test_of_a_wide_table_fewer_values_a_column_are_looked_at() -> None:
    rows = [{f"c{number}": f"w{row}" for number in range(2_000)} for row in range(60)]
    looked: list[int] = []

    def weigh(values: Sequence[str], n_looked_at: int) -> Evidence:
        looked.append(n_looked_at)
        return weigh_values(values[:1], n_looked_at)

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(roles, "weigh_values", weigh)
        roles.weigh_columns(list(rows[0]), rows)
        roles.weigh_columns(["c1"], rows)
    assert looked == [*[50] * 2_000, 200]


def test_every_row_of_the_widest_table_finds_the_names_of_its_columns_masked() -> None:
    assert _mask_name.cache_parameters()["maxsize"] >= MAX_COLUMNS


def test_a_question_that_was_answered_by_ticking_is_no_feedback():
    columns = ["What do you like most about us?", "Which features do you use?"]
    options = ["Search", "Data export", "Team sharing", "Mobile app", "Reports"]
    draw = random.Random(1)
    ticked = [", ".join(draw.sample(options, draw.randint(1, 4))) for _ in range(60)]
    rows = rows_of(columns, *((f"{PROSE[i % 4]} {i}", ticked[i]) for i in range(60)))
    assert recognise_roles(columns, rows).texts == (columns[0],)
