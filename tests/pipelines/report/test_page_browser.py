"""The page in Chromium: it asks for nothing, filters, speaks four languages, obeys the keyboard."""

import csv
import shutil
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import create_engine, insert

from pipelines import tables
from pipelines.database import sqlite_driver
from pipelines.report.page import write_report
from tests.pipelines.report.conftest import decided_rows, hostile_rows
from tests.pipelines.report.test_wording import FORMS

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
Rows = dict[str, list[dict[str, Any]]]
Opened = Callable[..., Any]


@pytest.fixture(scope="module")
def browser() -> Iterator[Any]:
    from playwright.sync_api import sync_playwright

    with sync_playwright() as playwright:
        chromium = playwright.chromium.launch(executable_path=CHROMIUM, args=ARGUMENTS)
        yield chromium
        chromium.close()


def write_page(path: Path, rows: Rows) -> Path:
    engine = create_engine("sqlite://", module=sqlite_driver())
    tables.metadata.create_all(engine)
    with engine.connect() as connection:
        for name, found in rows.items():
            table = tables.metadata.tables[name]
            blank = {column.name: None for column in table.c}
            connection.execute(insert(table), [blank | row for row in found])
        write_report(connection, path)
    engine.dispose()
    return path


@pytest.fixture(scope="module")
def pages(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Path]:
    """Pages of a bank of which everything is known, with two groups, and of an attacker."""
    folder = tmp_path_factory.mktemp("pages")
    rows = decided_rows()
    formulas = ("=1+1", "+972", "@x", "'=1", "＝1", 'a,"b"', "plain")
    rows["rejected"] += [
        {"rejected_id": each, "source": "social", "file": "f", "reason": each} for each in formulas
    ]
    leaders = {"t-fees": "t-card", "t-crash": "t-silent"}
    for theme in rows["theme"]:
        theme["parent_id"] = leaders.get(theme["theme_id"])
    return {
        "bank": write_page(folder / "bank.html", rows),
        "hostile": write_page(folder / "hostile.html", hostile_rows()),
    }


@pytest.fixture(scope="module")
def wide(browser: Any) -> Iterator[Any]:
    """One page for all tests that need no other; each opens its file anew."""
    context = browser.new_context(viewport={"width": 1280, "height": 900}, accept_downloads=True)
    yield context.new_page()
    context.close()


@pytest.fixture
def open_page(browser: Any, wide: Any, pages: dict[str, Path]) -> Iterator[Opened]:
    """Open a page; afterwards, nothing was complained of and nothing asked for."""
    complaints: list[str] = []
    requests: list[str] = []
    contexts: list[Any] = []
    n_opened = 0

    def note_request(request: Any) -> None:
        requests.append(request.url)

    def note_message(message: Any) -> None:
        complaints.append(message.text)

    def note_error(error: Any) -> None:
        complaints.append(str(error))

    def opened(name: str = "bank", address: str = "", **options: Any) -> Any:
        nonlocal n_opened
        n_opened += 1
        page = wide
        if options:
            contexts.append(browser.new_context(**options))
            page = contexts[-1].new_page()
        page.set_default_timeout(120_000)  # the machine may be busy
        page.goto("about:blank")
        if options or n_opened == 1:
            page.on("request", note_request)
            page.on("console", note_message)
            page.on("pageerror", note_error)
        page.goto(f"{pages[name].as_uri()}#{address}")
        if options.get("java_script_enabled", True):
            page.locator("html[data-ready]").wait_for(state="attached")
        return page

    yield opened
    for event, act in (
        ("request", note_request),
        ("console", note_message),
        ("pageerror", note_error),
    ):
        if not contexts:
            wide.remove_listener(event, act)
    for context in contexts:
        context.close()
    assert complaints == []
    files = [url for url in requests if not url.startswith(("data:", "blob:"))]
    assert all(url.startswith("file:") for url in files)
    assert len(files) == n_opened


def theme_names(page: Any) -> list[str]:
    return [name.strip() for name in page.locator(".theme .name > bdi").all_inner_texts()]


def unfold(page: Any) -> None:
    page.evaluate("document.querySelectorAll('.fold').forEach(each => each.open = true)")


def search(page: Any, text: str, status: str) -> None:
    page.get_by_label("Find in themes").fill(text)
    shown = page.locator("#filter-status", has_text=status)
    shown.wait_for(state="visible" if status else "hidden")


def test_words_are_found_in_any_script_whatever_their_marks(open_page: Opened) -> None:
    page = open_page()
    for written in ("CRASHES launch", "كار نميكند", "بِرْنامه"):
        search(page, written, "1 of 7 themes")
        assert len(theme_names(page)) == 1, written
        assert page.locator(".map .point:not(.faded)").count() == 1
        search(page, "", "")
    search(page, "no such words", "0 of 7 themes")
    page.locator(".nothing").get_by_role("button", name="Clear").click()
    assert page.locator("#theme-list > *").count() == 5


def test_a_language_acts_on_every_count(open_page: Opened) -> None:
    page = open_page()
    page.get_by_label("Language", exact=True).select_option(label="Persian")
    unfold(page)
    assert theme_names(page)[0].startswith("برنامه")
    crash = page.locator(".theme").first
    assert crash.locator(".size").inner_text().split() == ["58", "mentions", "58", "voices"]
    assert crash.locator(".feeling-words").inner_text().split()[0] == "81%"
    assert page.locator(".counts b").all_inner_texts()[:4] == ["115", "115", "3", "1"]
    assert page.locator("#languages tbody tr").count() == 1
    assert page.locator("#sources tbody tr").all_inner_texts()[0].startswith("social\t115")
    assert "3 of 7 themes" in page.locator("#filter-status").inner_text()
    assert page.locator(".map .point").count() == 3
    assert page.locator("#coverage .badge").inner_text().startswith("of all feedback")


def test_a_span_of_weeks_counts_what_was_said_in_it_and_stands_in_the_address(
    open_page: Opened,
) -> None:
    page = open_page()
    everything = int(page.locator(".counts b").first.inner_text().replace(",", ""))
    page.get_by_label("Period").select_option(label="Last 4 weeks")
    latest = int(page.locator(".counts b").first.inner_text().replace(",", ""))
    page.get_by_label("Period").select_option(label="From … to …")
    page.get_by_label("From the week of").fill("2026-01-05")
    page.get_by_label("To the week of").fill("2026-03-01")
    page.locator("#filter-status", has_text="weeks of 5 Jan 2026 to 23 Feb 2026").wait_for()
    earlier = int(page.locator(".counts b").first.inner_text().replace(",", ""))
    assert earlier + latest == everything
    assert "from=2026-01-05&to=2026-02-23" in page.url
    page.locator("#skip").focus()
    page.keyboard.press("Enter")
    assert page.evaluate("document.activeElement.id") == "themes"
    shared = open_page(address=page.url.split("#")[1])
    assert int(shared.locator(".counts b").first.inner_text().replace(",", "")) == earlier
    assert shared.get_by_label("Period").input_value() == "custom"


def test_a_segment_of_too_few_customers_cannot_be_chosen_and_has_no_single_weeks(
    open_page: Opened,
) -> None:
    page = open_page(address="from=2026-01-05&to=2026-02-23")
    options = page.get_by_label("Segment", exact=True).locator("option").all_inner_texts()
    assert options == ["All segments", "Gold", "Basic"]
    page.get_by_label("Segment", exact=True).select_option(label="Gold")
    assert page.get_by_label("Period").input_value() == "all"
    assert page.locator("#first .priorities li").count() == 1
    assert "Tiny" not in page.content().replace('"segment":"Tiny"', "")
    page.get_by_label("Order", exact=True).select_option(label="Most negative")
    page.locator(".more > summary").first.click()
    page.locator(".theme").first.get_by_text("Weeks of a segment are not drawn").wait_for()
    voices = [int(text) for text in page.locator(".theme .size b").all_inner_texts()[1::2]]
    assert min(voices) >= 5


def test_a_theme_shows_its_trend_verdict_impact_signal_and_who_says_it(open_page: Opened) -> None:
    page = open_page(address="theme=t-card")
    article = page.locator(".theme.target")
    said = article.inner_text()
    for words in (
        "growing", "feeling worse", "2.5 times what was expected", "q\u00a0=\u00a00.004", "+8 pp",
        "Leaving within 90 days", "no proof of cause", "Rating: it is the same for everybody",
        "€9,000", "changed by −4 (95 % interval −6 to −2)", "Reach", "By segment", "By source",
    ):  # fmt: skip
        assert words.casefold() in said.casefold(), words
    assert article.locator(".chart .band").count() == 1
    assert article.locator("blockquote").count() == 3
    box = article.locator(".chart-box")
    box.focus()
    page.keyboard.press("Home")
    assert article.locator(".readout").inner_text().startswith("Week of 5 Jan 2026: ")
    page.keyboard.press("ArrowRight")
    assert article.locator(".readout").inner_text().startswith("Week of 12 Jan 2026: ")
    article.locator(".trend .as-table > summary").click()
    assert article.locator(".trend tbody tr").count() == 12


def test_what_changed_and_what_to_do_first_stand_at_the_top(open_page: Opened) -> None:
    page = open_page()
    assert page.locator("#changed .changed li").count() == 7
    assert "expected" in page.locator("#changed .changed li").first.inner_text()
    first = page.locator("#first .priorities li").first
    assert "€9,000" in first.inner_text()
    assert "€1,000 to €12,000" in first.inner_text()
    assert "q\u00a0=\u00a00.030" in first.inner_text()
    # That of the second is .06.
    assert "a gain may be luck" in page.locator("#first .caution").inner_text()
    first.get_by_role("link").click()
    assert page.locator(".theme.target").count() == 1
    assert "theme=t-" in page.url


def test_what_is_judged_over_all_feedback_is_drawn_and_denied_as_such(open_page: Opened) -> None:
    page = open_page()
    line = page.locator("#changed .spark .line").first
    before = line.get_attribute("d")
    page.get_by_label("Language", exact=True).select_option(label="Persian")
    assert page.locator("#changed .changed li").count() == 3
    page.get_by_label("Language", exact=True).select_option(label="All languages")
    page.get_by_label("Period").select_option(label="Last 4 weeks")
    assert line.get_attribute("d") == before
    search(page, "no such words", "0 of 7 themes")
    assert "None of the themes that match" in page.locator("#changed").inner_text()


def test_of_a_segment_what_may_not_be_shown_is_not_told_as_none(open_page: Opened) -> None:
    page = open_page()
    page.get_by_label("Segment", exact=True).select_option(label="Gold")
    page.get_by_label("Language", exact=True).select_option(label="Unknown")
    few = "or too few customers to be shown"
    for name in ("numbers", "themes", "quality", "sources", "languages", "aside"):
        told = page.locator(f"#{name}").inner_text()
        assert few in told, name
    assert page.locator(".counts").count() == 0
    assert "of the whole segment" in page.locator("#story .badge").inner_text()


def test_a_segment_has_its_own_story(open_page: Opened) -> None:
    page = open_page()
    assert page.locator("#story blockquote").count() == 3
    page.get_by_label("Segment", exact=True).select_option(label="Gold")
    assert "customers in the segment “Gold”" in page.locator("#story").inner_text()
    assert page.locator("#story .badge").count() == 0


def test_the_map_is_walked_with_arrow_keys_and_zoomed(open_page: Opened) -> None:
    page = open_page()
    points = page.locator(".map .point")
    assert points.count() == 7
    assert page.locator(".map .point[tabindex='0']").count() == 1
    page.locator(".map .point[tabindex='0']").focus()
    seen = {page.locator(".map-name").inner_text()}
    for key in ("ArrowLeft", "ArrowUp", "ArrowRight", "ArrowDown", "ArrowLeft", "ArrowDown"):
        page.keyboard.press(key)
        seen.add(page.locator(".map-name").inner_text())
    assert len(seen) > 2
    before = points.first.get_attribute("transform")
    page.get_by_role("button", name="Zoom in").click()
    page.wait_for_function(
        "before => document.querySelector('.map .point').getAttribute('transform') !== before",
        arg=before,
    )
    page.locator(".map .point[tabindex='0']").focus()
    page.keyboard.press("Enter")
    assert page.locator(".theme.target").count() == 1


def test_tables_are_downloaded_as_they_are_shown_and_run_no_formula(
    open_page: Opened, tmp_path: Path
) -> None:
    page = open_page(address="lang=fa")
    with page.expect_download() as waiting:
        page.get_by_role("button", name="Download as CSV: Feedback by source").click()
    waiting.value.save_as(tmp_path / "sources.csv")
    assert waiting.value.suggested_filename == "earful-sources.csv"
    with (tmp_path / "sources.csv").open(encoding="utf-8-sig", newline="") as file:
        header, *rows = csv.reader(file)
    assert header[:2] == ["Source", "Feedback"]
    linked = [
        row
        for row in decided_rows()["feedback"]
        if row["lang"] == "fa" and row["customer_id"] and not row["noise_reason"]
    ]
    assert rows == [["social", "115", "Persian", str(len(linked)), "0"]]
    page = open_page(address="source=social")
    with page.expect_download() as waiting:
        page.get_by_role("button", name="Download as CSV: Rows that could").click()
    waiting.value.save_as(tmp_path / "rejected.csv")
    with (tmp_path / "rejected.csv").open(encoding="utf-8-sig", newline="") as file:
        reasons = {row[0] for row in csv.reader(file)}
    marked = {"'=1+1", "'+972", "'@x", "''=1", "'＝1", 'a,"b"', "plain"}
    assert marked <= reasons


def test_themes_stand_in_their_group_and_each_for_itself_in_other_orders(
    open_page: Opened,
) -> None:
    page = open_page()
    heads = page.locator(".group-name").all_inner_texts()
    assert heads == ["Card declined abroad and 1 more", "خدمة العملاء لا ترد and 1 more"]
    assert page.locator(".group-name bdi").evaluate_all("all => all.map(e => e.dir)") == [
        "auto",
        "rtl",
    ]
    page.get_by_label("Order", exact=True).select_option(label="Newest")
    assert page.locator(".group").count() == 0
    assert theme_names(page)[0] == "Refund still not there"
    page.get_by_label("Order", exact=True).select_option(label="Most positive")
    assert theme_names(page)[0] == "Helpful people at the branch"
    page.keyboard.press("/")
    assert page.evaluate("document.activeElement.id") == "filter-text"


@pytest.mark.parametrize("lang", ["he", "ar", "fa"])
def test_the_page_speaks_from_the_right(open_page: Opened, lang: str) -> None:
    page = open_page()
    page.locator("#ui").select_option(lang)
    root = page.locator("html")
    assert (root.get_attribute("lang"), root.get_attribute("dir")) == (lang, "rtl")
    assert page.evaluate("document.activeElement.id") == "ui"
    english = {"What changed", "Themes", "Customers", "Voices", "Show", "Reason", "Language"}
    assert not english & set(page.locator("body").inner_text().split("\n"))
    heading, box = (page.locator(each).bounding_box() for each in ("h1", "main"))
    assert heading["x"] + heading["width"] > box["x"] + 0.8 * box["width"]
    # Negative stands where a line begins: on the right.
    bar = page.locator("#theme-list .feeling").first
    negative, positive = (
        bar.locator(f".{name}").bounding_box() for name in ("negative", "positive")
    )
    assert negative["x"] > positive["x"]
    assert page.evaluate("document.documentElement.scrollWidth") == 1280
    forms = page.evaluate(
        "lang => new Intl.PluralRules(lang).resolvedOptions().pluralCategories", lang
    )
    assert set(forms) == FORMS[lang]
    to_do = page.locator("#customers").inner_text()
    assert "call: two complaints" in to_do
    thanks = {"he": "להודות, ולבקש ביקורת", "ar": "الشكر وطلب تقييم", "fa": "سپاس و درخواست نظر"}
    assert thanks[lang] in to_do and "thank, and" not in to_do
    digits = {"he": "1,019", "ar": "١٬٠١٩", "fa": "۱٬۰۱۹"}[lang]
    assert digits in page.locator(".counts b").first.inner_text()
    assert f"ui={lang}" in page.url


def test_right_to_left_text_is_shown_right_in_a_page_from_the_left(open_page: Opened) -> None:
    page = open_page(address="sort=new")
    for summary in page.locator(".more > summary").all():
        summary.click()
    for lang, direction in {"he": "rtl", "ar": "rtl", "fa": "rtl", "en": "ltr"}.items():
        styles = page.locator(f"#themes blockquote[lang={lang}]").evaluate_all(
            "quotes => quotes.map(q => getComputedStyle(q).direction)"
        )
        assert set(styles) == {direction}


def test_nothing_reaches_beyond_the_window(open_page: Opened) -> None:
    page = open_page(address="theme=t-card", viewport={"width": 390, "height": 800})
    for width in (390, 320, 800):
        page.set_viewport_size({"width": width, "height": 800})
        assert page.evaluate("document.documentElement.scrollWidth") == width
    page.emulate_media(media="print")
    assert page.locator("#filters .field:visible").count() == 0
    assert page.locator(".theme.target .chart").is_visible()


def test_the_page_tells_its_stories_in_the_language_that_is_chosen(open_page: Opened) -> None:
    words = {"en": "items count", "he": "נספרו", "ar": "احتُسب", "fa": "به شمار آمده"}
    for lang, told in words.items():
        page = open_page(address=f"ui={lang}")
        assert told in page.locator("#story .story").inner_text()
    page.locator(".theme .more > summary").first.click()
    assert page.locator(".theme h3").first.inner_text() in (
        page.locator(".theme .story").first.inner_text()
    )


def test_without_script_the_themes_are_listed(open_page: Opened) -> None:
    page = open_page(java_script_enabled=False)
    assert page.locator("noscript tbody tr").count() == 7
    assert page.locator("#filters:visible").count() == 0


def test_hostile_text_runs_nothing_and_reorders_nothing(open_page: Opened) -> None:
    page = open_page("hostile", viewport={"width": 360, "height": 800})
    page.locator(".more > summary").first.click()
    assert page.evaluate("document.querySelectorAll('script').length") == 4
    assert page.locator("img").count() == 0
    assert "alert(1)" in page.locator("blockquote").first.inner_text()
    assert page.evaluate("document.documentElement.scrollWidth") == 360
    caption = page.locator(".quote figcaption").first
    assert caption.evaluate("c => getComputedStyle(c).direction") == "ltr"


def test_axe_finds_nothing_in_light_or_dark_or_from_the_right(open_page: Opened) -> None:
    axe = pytest.importorskip("axe_playwright_python.sync_playwright", reason="axe is missing")
    page = open_page(address="theme=t-card", bypass_csp=True, reduced_motion="reduce")
    for scheme, lang in (("light", "en"), ("dark", "en"), ("light", "he")):
        page.emulate_media(color_scheme=scheme)
        page.locator("#ui").select_option(lang)
        found = axe.Axe().run(page).response["violations"]
        assert [
            (each["id"], [node["target"] for node in each["nodes"]][:3]) for each in found
        ] == []
