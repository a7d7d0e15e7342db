"""What pins draw and what splits part, without a store."""

import numpy as np
import pytest

from nlp.themes.attraction import Found, Pins, draw_to_pins
from nlp.themes.centring import zero_means
from nlp.themes.keywords import is_keyword, match_keywords
from nlp.themes.splitting import (
    MAX_EXEMPLARS,
    choose_exemplars,
    divide_by_examples,
    nearest_parts,
)
from nlp.themes.vectors import unit_rows

DIM = 24
RNG = np.random.default_rng(3)
CENTRES = unit_rows(RNG.normal(size=(3, DIM)))
TRUE = np.arange(90) % 3
ROWS = unit_rows(CENTRES[TRUE] + 0.5 * RNG.normal(size=(90, DIM)) / DIM**0.5)


def found(labels: np.ndarray, order: np.ndarray | None = None) -> Found:
    rows = np.arange(len(ROWS)) if order is None else order
    return Found(
        [f"text {row}" for row in rows],
        ROWS[rows],
        ["en"] * len(rows),
        [""] * len(rows),
        labels[rows].astype(np.int32),
        labels[rows] >= 0,
    )


def pins(*examples: list[int], keywords: tuple[str, ...] = ()) -> Pins:
    rows = [row for own in examples for row in own]
    labels = [number for number, own in enumerate(examples) for _ in own]
    return Pins(
        [f"example {row}" for row in rows],
        ROWS[rows],
        ["en"] * len(rows),
        np.array(labels, dtype=np.int32),
        [keywords, *[()] * (len(examples) - 1)],
        np.full(len(examples), -1, dtype=np.int32),
    )


def test_a_pin_draws_what_the_nearest_found_theme_holds() -> None:
    drawn = draw_to_pins(found(TRUE), pins([0, 3], [1, 4]), zero_means(DIM))
    assert (drawn[TRUE == 0] == 0).mean() > 0.9
    assert (drawn[TRUE == 1] == 1).mean() > 0.9
    assert (drawn[TRUE == 2] == -1).all()


def test_a_pin_draws_where_no_theme_was_found() -> None:
    drawn = draw_to_pins(found(np.full(90, -1)), pins([0, 3]), zero_means(DIM))
    assert (drawn[TRUE == 0] == 0).mean() > 0.9
    assert (drawn[TRUE != 0] == -1).all()


def test_each_mention_is_drawn_by_itself_in_whatever_order() -> None:
    order = np.random.default_rng(0).permutation(90)
    one = draw_to_pins(found(TRUE), pins([0, 3]), zero_means(DIM))
    other = draw_to_pins(found(TRUE, order), pins([0, 3]), zero_means(DIM))
    assert np.array_equal(one[order], other)


def test_words_go_before_meaning_and_nothing_is_drawn_without_words() -> None:
    rows = found(TRUE)
    rows.texts[0], rows.texts[1], rows.texts[2] = "example 4", "late cards", "😀"  # type: ignore[index]
    drawn = draw_to_pins(rows, pins([2], [4], keywords=("card",)), zero_means(DIM))
    assert drawn[:3].tolist() == [1, 0, -1]


@pytest.mark.parametrize(
    ("text", "lang", "keyword"),
    [
        ("I was refunded twice", "en", "refund"),
        ("Two refunds, please", "en", "Refunded"),
        ("late cards again", "en", "late card"),
        ("مشكلة بالكارت الجديد", "ar", "كارت"),
        ("ההחזר שלי לא הגיע", "he", "החזר"),
        ("سرقت بطاقتي أمس", "ar", "بطاقة"),
        ("הוא ביטל את ההזמנות שלי", "he", "הזמנה"),
        ("کارت‌های من", "fa", "کارت"),
        ("返金してください", "ja", "返金"),
    ],
)
def test_keywords_are_found_with_their_particles_and_endings(
    text: str, lang: str, keyword: str
) -> None:
    assert match_keywords([text], [lang], [[keyword]]).tolist() == [0]


@pytest.mark.parametrize(
    ("text", "lang", "keyword"),
    [
        ("my cards are late", "en", "late card"),
        ("late. Cards", "en", "late card"),
        ("a discard pile", "en", "card"),
        ("one", "en", "two"),
    ],
)
def test_other_words_are_no_keyword(text: str, lang: str, keyword: str) -> None:
    assert match_keywords([text], [lang], [[keyword]]).tolist() == [-1]


def test_the_keyword_with_most_words_decides() -> None:
    texts = ["my late card", "my card", "none"]
    given = [["card"], ["late card"]]
    assert match_keywords(texts, ["en"] * 3, given).tolist() == [1, 0, -1]
    assert not is_keyword("?!")


def test_a_theme_comes_apart_by_examples_and_its_exemplars_tell_the_parts() -> None:
    rows, true = ROWS[TRUE < 2], TRUE[TRUE < 2]
    is_example = np.zeros(len(rows), dtype=bool)
    is_example[np.flatnonzero(true == 1)[:2]] = True
    labels = divide_by_examples(rows, is_example)
    assert np.array_equal(labels, true)
    keys = [f"{row * 7919 % 1000:04d}" for row in range(len(rows))]
    chosen = choose_exemplars(keys, labels, is_example)
    assert len(chosen) == len(rows) <= 2 * MAX_EXEMPLARS
    assert np.array_equal(nearest_parts(rows, rows[:6], labels[:6], 2), true)


def test_a_part_keeps_its_examples_among_its_exemplars() -> None:
    n = 3 * MAX_EXEMPLARS
    is_example = np.arange(n) == n - 1
    keys = [f"{row:05d}" for row in range(n)]
    chosen = choose_exemplars(keys, np.zeros(n, dtype=np.int32), is_example)
    assert len(chosen) == MAX_EXEMPLARS
    assert n - 1 in chosen
