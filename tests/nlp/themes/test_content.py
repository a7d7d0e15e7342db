import pytest

from nlp.themes.content import count_words, is_short, is_without_content


@pytest.mark.parametrize("text", ["", "👍", "5/5", "<PHONE> @user http", "XXXX XX/XX", "…!?"])
def test_marks_digits_and_emoji_are_no_content(text: str) -> None:
    assert is_without_content(text)


def test_words_are_counted_in_every_script() -> None:
    assert count_words("my card's lost @user") == 3
    assert count_words("הכרטיס לא הגיע") == 3
    assert count_words("می‌خواهم کارت") == 2
    assert count_words("カードが届かない") == 4


def test_two_words_are_short() -> None:
    assert is_short("great app") and not is_short("card never arrived")
