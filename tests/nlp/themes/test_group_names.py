"""Groups are called by what their themes share, apart from the theme that leads them."""

from nlp.themes.group_names import GroupedTheme, GroupName, name_groups


def themes(lang: str, *names: str, **more: bool) -> list[GroupedTheme]:
    return [GroupedTheme(name, lang, **more) for name in names]


def test_a_word_that_the_names_share_names_the_group_whatever_its_particles() -> None:
    groups = [
        themes("en", "Refund missing", "Item refund", "Charged twice", "Late refunds"),
        themes("ar", "جهاز الصراف", "أجهزة الصراف", "ماكينة الصراف"),
        themes("he", "העמלה על המרה", "עמלות משיכה"),
        themes("en", "Virtual card not working", "Order virtual card"),
    ]
    found = name_groups(groups)
    assert [each.name for each in found] == ["Refund", "الصراف", "עמלות", "Virtual card"]
    assert [(each.lang, each.n_more) for each in found] == [
        ("en", 0), ("ar", 0), ("he", 0), ("en", 0),
    ]  # fmt: skip


def test_keywords_say_what_a_theme_is_about_that_is_called_otherwise() -> None:
    group = [
        GroupedTheme("Wait long", "en", ("long", "transfer")),
        *themes("en", "Transfer pending", "Transfer failed", "Card delivered"),
    ]
    assert name_groups([group]) == [GroupName("Transfer", "en")]


def test_where_little_is_shared_the_leader_and_how_many_more_say_it() -> None:
    groups = [
        themes("en", "Exchange rates", "Change PIN", "Top-up"),
        # Two groups of one name would be no better than none.
        themes("en", "Steal card", "Freeze card"),
        themes("en", "Link cards", "Accept cards"),
        # What one of the themes is called already.
        themes("en", "Loan late", "Loan"),
        themes("en", "Fees", "العمولات"),
    ]
    assert [(each.name, each.n_more) for each in name_groups(groups)] == [
        ("Exchange rates", 2), ("Steal card", 1), ("Link cards", 1), ("Loan late", 1), ("Fees", 1),
    ]  # fmt: skip


def test_what_people_called_the_leader_stays() -> None:
    shared = themes("en", "Refund missing", "Item refund")
    named = [GroupedTheme("Money back", "en", is_named=True), *shared]
    heading = [GroupedTheme("Money back", "en", is_named=True, is_heading=True), *shared]
    assert name_groups([named]) == [GroupName("Money back", "en", 2)]
    assert name_groups([heading]) == [GroupName("Money back", "en", 0)]
