from nlp.themes.linking import Link, join_linked


def test_linked_themes_get_one_number() -> None:
    numbers = join_linked([{"en"}, {"en"}, {"ar"}, {"he"}], [Link(0, 2, 0.9), Link(2, 3, 0.5)])
    assert numbers.tolist() == [0, 1, 0, 0]


def test_two_themes_of_one_language_are_never_joined_through_a_third() -> None:
    numbers = join_linked([{"en"}, {"en"}, {"ar"}], [Link(0, 2, 0.9), Link(1, 2, 0.8)])
    assert numbers.tolist() == [0, 1, 0]
