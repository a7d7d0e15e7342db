"""The page in Chromium: it asks for nothing, filters, and shows right-to-left text right."""

import shutil
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import Connection, update

from pipelines import tables
from pipelines.report.page import write_report

CHROMIUM = shutil.which("chromium") or shutil.which("chromium-browser")
pytestmark = [
    pytest.mark.browser,
    pytest.mark.skipif(CHROMIUM is None, reason="Chromium is missing: apt-get install chromium"),
]
ARGUMENTS = [
    "--no-sandbox",
    "--disable-gpu",
    "--disable-background-networking",
    "--disable-dev-shm-usage",
]


@pytest.fixture(scope="module")
def browser() -> Iterator[Any]:
    from playwright.sync_api import sync_playwright

    with sync_playwright() as playwright:
        chromium = playwright.chromium.launch(executable_path=CHROMIUM, args=ARGUMENTS)
        yield chromium
        chromium.close()


@pytest.fixture
def open_page(browser: Any, tmp_path: Path) -> Iterator[Any]:
    """Open the report of a store; afterwards, nothing was complained of and nothing asked for."""
    complaints: list[str] = []
    requests: list[str] = []
    context = browser.new_context(viewport={"width": 1280, "height": 900})

    def opened(store: Connection, **options: Any) -> Any:
        path = tmp_path / "report.html"
        write_report(store, path)
        page = (browser.new_context(**options) if options else context).new_page()
        page.on("console", lambda message: complaints.append(message.text))
        page.on("pageerror", lambda error: complaints.append(str(error)))
        page.on("dialog", lambda dialog: (complaints.append(dialog.message), dialog.dismiss()))
        page.on("request", lambda request: requests.append(request.url))
        page.set_default_timeout(120_000)  # the machine may be busy
        page.goto(path.as_uri())
        return page

    yield opened
    context.close()
    assert complaints == []
    assert all(url.startswith(("file:", "data:")) for url in requests)
    assert len([url for url in requests if url.startswith("file:")]) == 1


def visible_themes(page: Any) -> list[str]:
    return [name.strip() for name in page.locator(".theme:visible .name > bdi").all_inner_texts()]


def test_searching_finds_words_in_any_script_whatever_their_marks(
    open_page: Any, bank_store: Connection
) -> None:
    page = open_page(bank_store)
    assert len(visible_themes(page)) == 7
    for written in ("CRASHES launch", "كار نميكند", "بِرْنامه"):
        page.get_by_label("Find in themes").fill(written)
        page.locator("body.filtered").wait_for()
        page.wait_for_timeout(150)
        assert len(visible_themes(page)) == 1, written
    page.get_by_label("Find in themes").fill("no such words")
    page.locator("#nothing").wait_for()
    page.get_by_role("button", name="Clear it").click()
    assert len(visible_themes(page)) == 7


def test_a_language_acts_on_every_count(open_page: Any, bank_store: Connection) -> None:
    page = open_page(bank_store)
    page.get_by_label("Language", exact=True).select_option(label="Persian")
    assert visible_themes(page)[0].startswith("برنامه")
    crash = page.locator(".theme:visible").first
    assert crash.locator(".size").inner_text().split() == ["58", "mentions", "58", "voices"]
    assert crash.locator(".feeling-words").inner_text().split()[0] == "81%"
    assert crash.locator("blockquote:visible").count() == 2
    assert page.locator(".counts b").all_inner_texts()[:4] == ["115", "115", "3", "1"]
    assert page.locator("#languages tbody tr:visible").count() == 1
    assert page.locator("#sources tbody tr:visible").all_inner_texts()[0].startswith("social\t115")
    assert "3 of 7 themes" in page.get_by_role("status").inner_text()


def test_a_source_without_any_mention_shows_zeros_and_clearing_restores_the_page(
    open_page: Any, bank_store: Connection
) -> None:
    page = open_page(bank_store)
    before = page.locator("main").inner_text()
    page.get_by_label("Source", exact=True).select_option(label="complaints")
    page.get_by_label("Language", exact=True).select_option(label="Arabic")
    assert visible_themes(page) == []
    assert page.locator(".counts b").first.inner_text() == "0"
    page.get_by_role("button", name="Clear", exact=True).click()
    assert page.locator("main").inner_text() == before


def test_themes_can_be_ordered_by_feeling_with_the_keyboard(
    open_page: Any, bank_store: Connection
) -> None:
    page = open_page(bank_store)
    page.keyboard.press("/")
    assert page.evaluate("document.activeElement.id") == "filter-text"
    page.get_by_label("Order", exact=True).focus()
    page.get_by_label("Order", exact=True).select_option(label="Most positive")
    assert visible_themes(page)[0] == "Helpful people at the branch"
    page.get_by_label("Order", exact=True).select_option(label="Newest")
    assert visible_themes(page)[0] == "Refund still not there"


def group_themes(store: Connection, leader: str, *theme_ids: str) -> None:
    column = tables.theme.c
    chosen = update(tables.theme).where(column.theme_id.in_(theme_ids))
    store.execute(chosen.values(parent_id=leader))


def unfold(page: Any) -> None:
    page.evaluate("document.querySelectorAll('details').forEach(each => each.open = true)")


def test_themes_stand_in_their_group_and_each_for_itself_in_other_orders(
    open_page: Any, bank_store: Connection
) -> None:
    group_themes(bank_store, "t-card", "t-fees")
    group_themes(bank_store, "t-silent", "t-crash")
    page = open_page(bank_store)
    heads = page.locator(".group-name").all_inner_texts()
    assert heads == ["Card declined abroad and 1 more", "خدمة العملاء لا ترد and 1 more"]
    styles = page.locator(".group-name > bdi").evaluate_all("all => all.map(e => e.dir)")
    assert styles == ["auto", "rtl"]
    page.get_by_label("Find in themes").fill("Lisbon")
    page.locator("body.filtered").wait_for()
    assert page.locator(".group:visible .n-themes").all_inner_texts() == ["1 of 2 themes"]
    page.get_by_role("button", name="Clear", exact=True).click()
    page.get_by_label("Order", exact=True).select_option(label="Newest")
    assert len(visible_themes(page)) == 7
    assert page.locator(".group:visible").count() == 0
    assert page.locator(".in-group:visible").count() == 4
    page.get_by_label("Order", exact=True).select_option(label="Most voices")
    assert page.locator(".group:visible").count() == 2
    assert page.locator(".group-themes .theme").count() == 4


def test_a_telephone_sees_what_is_said_first_and_unfolds_the_rest(
    open_page: Any, bank_store: Connection
) -> None:
    group_themes(bank_store, "t-card", "t-fees", "t-late")
    group_themes(bank_store, "t-silent", "t-crash")
    page = open_page(bank_store, viewport={"width": 390, "height": 800})
    assert page.locator(".more[open]").count() == page.locator(".fold[open]").count() == 1
    assert page.locator(".person:visible").count() == 5
    folded = page.evaluate("document.documentElement.scrollHeight")
    page.get_by_role("button", name="Show all 15").click()
    assert page.locator(".person:visible").count() == 15
    unfold(page)
    assert page.evaluate("document.documentElement.scrollHeight") > 2 * folded
    assert page.evaluate("document.documentElement.scrollWidth") == 390
    page.evaluate("document.querySelectorAll('details').forEach(each => each.open = false)")
    place = page.locator(".group-themes .theme").last.get_attribute("id")
    page.evaluate(f"location.hash = '{place}'")
    page.locator(f"#{place} blockquote").first.wait_for()


def test_right_to_left_text_is_shown_right(open_page: Any, bank_store: Connection) -> None:
    page = open_page(bank_store)
    unfold(page)
    for lang, direction in {"he": "rtl", "ar": "rtl", "fa": "rtl", "en": "ltr"}.items():
        styles = page.locator(f"blockquote[lang={lang}]").evaluate_all(
            "quotes => quotes.map(q => getComputedStyle(q).direction)"
        )
        assert set(styles) == {direction}
    # Set right: the text ends at the box's right edge, where a short line of it begins.
    gaps = page.locator("blockquote[lang=ar]").evaluate_all(
        "qs => qs.map(q => q.getBoundingClientRect().right"
        " - q.firstElementChild.getBoundingClientRect().right)"
    )
    assert all(abs(gap) < 2 for gap in gaps)


def test_nothing_reaches_beyond_the_window(open_page: Any, bank_store: Connection) -> None:
    page = open_page(bank_store)
    for width in (1280, 800, 360, 320):
        page.set_viewport_size({"width": width, "height": 800})
        assert page.evaluate("document.documentElement.scrollWidth") == width


def test_the_page_reads_without_script(open_page: Any, bank_store: Connection) -> None:
    page = open_page(bank_store, java_script_enabled=False)
    assert page.locator(".theme:visible").count() == 7
    assert page.locator("#filters:visible").count() == 0


def test_hostile_text_runs_nothing_and_reorders_nothing(
    open_page: Any, hostile_store: Connection
) -> None:
    page = open_page(hostile_store, viewport={"width": 360, "height": 800})
    assert page.evaluate("document.querySelectorAll('script').length") == 3
    assert page.locator("img").count() == 0
    assert page.evaluate("document.documentElement.scrollWidth") == 360
    caption = page.locator(".quotes figcaption").first
    assert caption.evaluate("c => getComputedStyle(c).direction") == "ltr"


def test_axe_finds_nothing_in_light_or_dark(open_page: Any, bank_store: Connection) -> None:
    axe = pytest.importorskip("axe_playwright_python.sync_playwright", reason="axe is missing")
    group_themes(bank_store, "t-card", "t-fees", "t-late")
    page = open_page(bank_store, bypass_csp=True)
    for scheme in ("light", "dark"):
        page.emulate_media(color_scheme=scheme)
        assert axe.Axe().run(page).response["violations"] == []
