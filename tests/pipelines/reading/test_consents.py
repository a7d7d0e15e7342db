import pytest

from pipelines.reading.consents import find_consents, find_unanswered, name_consents
from pipelines.reading.roles import recognise_roles


def read(**answers: str) -> dict[str, str]:
    """The attributes of a row with these columns."""
    attributes = {column.replace("_", " "): answer for column, answer in answers.items()}
    name_consents(attributes, find_consents(attributes))
    return attributes


@pytest.mark.parametrize(
    ("column", "answer", "kept"),
    [
        ("Accepts Marketing", "yes", {"consent.contact": "granted"}),
        ("HasOptedOutOfEmail", "TRUE", {"consent.contact.email": "withdrawn"}),
        ("HasOptedOutOfEmail", "FALSE", {"consent.contact.email": "not_refused"}),
        ("Email Marketing Consent", "Unsubscribed", {"consent.contact.email": "withdrawn"}),
        ("consumer_consent_provided", "Consent not provided", {"consent.quoting": "withdrawn"}),
        ("Q9: May we quote you on our website?", " Yes ", {"consent.quoting": "granted"}),
        ("Do you agree to participate in this study?", "No", {"consent.analysis": "withdrawn"}),
        ("האם אפשר ליצור איתך קשר?", "כן", {"consent.contact": "granted"}),
        ("هل يمكننا التواصل معك؟", "لا", {"consent.contact": "withdrawn"}),
        ("آیا می‌توانیم با شما تماس بگیریم؟", "بله", {"consent.contact": "granted"}),
        ("האם אפשר לצטט אותך?", "לא", {"consent.quoting": "withdrawn"}),
        ("האם ניתן לצטט את דבריך באתר?", "כן", {"consent.quoting": "granted"}),
        ("מאשר/ת קבלת דיוור", "לא", {"consent.contact": "withdrawn"}),
        ("هل يمكننا نشر تعليقك على موقعنا؟", "لا", {"consent.quoting": "withdrawn"}),
        ("أوافق على تلقي النشرة البريدية", "نعم", {"consent.contact": "granted"}),
        ("آیا می‌توانیم نظر شما را منتشر کنیم؟", "خیر", {"consent.quoting": "withdrawn"}),
        ("مایل به دریافت پیامک تبلیغاتی هستم", "بله", {"consent.contact": "granted"}),
        ("Dürfen wir Ihr Feedback veröffentlichen?", "nein", {"consent.quoting": "withdrawn"}),
        ("Can we use your comments in our brochure?", "no", {"consent.quoting": "withdrawn"}),
        ("Would you like to receive our newsletter?", "yes", {"consent.contact": "granted"}),
        (
            "Would you like to receive a refund?",
            "yes",
            {"Would you like to receive a refund?": "yes"},
        ),
        ("Did we contact you in time?", "yes", {"Did we contact you in time?": "yes"}),
        ("Were you quoted a price?", "yes", {"Were you quoted a price?": "yes"}),
        ("האם יצרנו איתך קשר בזמן?", "כן", {"האם יצרנו איתך קשר בזמן?": "כן"}),
        ("هل تواصلنا معك في الوقت المناسب؟", "نعم", {"هل تواصلنا معك في الوقت المناسب؟": "نعم"}),
        ("Consent form version", "3", {"Consent form version": "3"}),
        ("Consent", "ask my manager", {"Consent": "ask my manager"}),
        ("May we contact you?", "No, thank you!", {"consent.contact": "withdrawn"}),
        ("May we contact you?", "Yes - by all means", {"consent.contact": "granted"}),
        ("May we contact you?", "Opted-in", {"consent.contact": "granted"}),
        ("May we contact you?", "N/A", {"May we contact you?": "N/A"}),
        ("May we quote you?", "-", {"May we quote you?": "-"}),
        ("מאשר דיוור", "כן", {"consent.contact": "granted"}),
        ("הסכמה לדיוור שיווקי", "לא", {"consent.contact": "withdrawn"}),
        ("אישור SMS", "כן", {"consent.contact.sms": "granted"}),
        ("הוסר מדיוור", "כן", {"consent.contact.email": "withdrawn"}),
        ("אין להתקשר", "כן", {"consent.contact.phone": "withdrawn"}),
        ("הסכמה לעיבוד מידע", "לא", {"consent.analysis": "withdrawn"}),
        ("الموافقة على التسويق", "نعم", {"consent.contact": "granted"}),
        ("رفض التسويق", "نعم", {"consent.contact": "withdrawn"}),
        ("الموافقة على معالجة البيانات", "لا", {"consent.analysis": "withdrawn"}),
        ("رضایت دریافت پیامک", "بله", {"consent.contact.sms": "granted"}),
        ("عدم تماس", "بله", {"consent.contact.phone": "withdrawn"}),
        ("مشترک خبرنامه", "خیر", {"consent.contact": "withdrawn"}),
        # What somebody gets is no word about what they allow.
        ("Newsletter", "yes", {"Newsletter": "yes"}),
        ("Keine Werbung", "ja", {"consent.contact": "withdrawn"}),
    ],
)
def test_answers_are_kept_under_the_purpose_that_was_asked_for(
    column: str, answer: str, kept: dict[str, str]
) -> None:
    attributes = {column: answer}
    name_consents(attributes, find_consents(attributes))
    assert attributes == kept


@pytest.mark.parametrize(
    ("column", "answer", "kept"),
    [
        ("May we contact you?", "Yes, but not at work", {}),
        ("Consent", "ask my manager", {}),
        ("Do not call", "after six", {}),
        ("May we quote you?", "Yes, but not my name", {"consent.quoting": "withdrawn"}),
        ("אפשר לצטט?", "רק בעילום שם", {"consent.quoting": "withdrawn"}),
    ],
)
def test_what_is_neither_yes_nor_no_is_counted_and_forbids_to_quote(
    column: str, answer: str, kept: dict[str, str]
) -> None:
    attributes = {column: answer}
    assert name_consents(attributes, find_consents(attributes)) == 1
    assert attributes == {column: answer, **kept}


NAMES = {"Can we publish under your name?": ("Dana Levi", "Omid", "no", "R. Haddad")}
MIXED = {"May we quote you?": ("No", "Yes", "only without my name, thank you", "-")}


@pytest.mark.parametrize(("table", "is_consent"), [(NAMES, False), (MIXED, True)])
def test_a_column_is_consent_where_most_answers_are_a_yes_or_a_no(
    table: dict[str, tuple[str, ...]], is_consent: bool
) -> None:
    ((column, told),) = table.items()
    comments = ("It broke at once", "All was well this time", "Nobody came at all", "Too dear")
    rows = [
        {column: each, "What went wrong?": text} for each, text in zip(told, comments, strict=True)
    ]
    assert (column in find_consents([column], rows)) is is_consent
    assert find_unanswered([column], rows, {}) == ([] if is_consent else [column])
    texts = recognise_roles([*rows[0]], rows).texts
    assert texts == (("What went wrong?",) if is_consent else (column, "What went wrong?"))


def test_a_survey_tool_tells_what_was_asked_below_its_own_names() -> None:
    assert [*find_consents(["Q9", "Q8"], labels={"Q9": "May we contact you?"})] == ["Q9"]


@pytest.mark.parametrize("first", ["yes", "no"])
def test_of_two_answers_the_refusal_counts_in_any_order(first: str) -> None:
    other = "no" if first == "yes" else "yes"
    assert read(Marketing_consent=first, Contact_consent=other) == {"consent.contact": "withdrawn"}
    answers = {"Marketing consent": first, "Do not contact": "no"}
    status = "granted" if first == "yes" else "withdrawn"
    assert read(**answers) == {"consent.contact": status}
