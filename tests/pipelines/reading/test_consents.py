import pytest

from pipelines.reading.consents import find_consents, name_consents


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
        ("HasOptedOutOfEmail", "FALSE", {"HasOptedOutOfEmail": "FALSE"}),
        ("Email Marketing Consent", "Unsubscribed", {"consent.contact.email": "withdrawn"}),
        ("consumer_consent_provided", "Consent not provided", {"consent.quoting": "withdrawn"}),
        ("Q9: May we quote you on our website?", " Yes ", {"consent.quoting": "granted"}),
        ("Do you agree to participate in this study?", "No", {"consent.analysis": "withdrawn"}),
        ("האם אפשר ליצור איתך קשר?", "כן", {"consent.contact": "granted"}),
        ("هل يمكننا التواصل معك؟", "لا", {"consent.contact": "withdrawn"}),
        ("آیا می‌توانیم با شما تماس بگیریم؟", "بله", {"consent.contact": "granted"}),
        ("Consent form version", "3", {"Consent form version": "3"}),
        ("Consent", "ask my manager", {"Consent": "ask my manager"}),
    ],
)
def test_answers_are_kept_under_the_purpose_that_was_asked_for(
    column: str, answer: str, kept: dict[str, str]
) -> None:
    attributes = {column: answer}
    name_consents(attributes, find_consents(attributes))
    assert attributes == kept


@pytest.mark.parametrize("first", ["yes", "no"])
def test_of_two_answers_the_refusal_counts_in_any_order(first: str) -> None:
    other = "no" if first == "yes" else "yes"
    assert read(Marketing_consent=first, Contact_consent=other) == {"consent.contact": "withdrawn"}
