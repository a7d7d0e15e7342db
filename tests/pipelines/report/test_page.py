"""The page is one valid file that asks for nothing and runs nothing but its own script."""

import base64
import hashlib
import json
import re
import zlib
from collections.abc import Callable
from html.parser import HTMLParser
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import Connection, delete, insert, select

from pipelines import tables
from pipelines.errors import ConfigError, InputError
from pipelines.report.facts import gather_facts
from pipelines.report.page import (
    LANGUAGES,
    check_language,
    read_language,
    render_report,
    write_report,
)

Store = Callable[[dict[str, list[dict[str, Any]]]], Connection]
VOID = {"meta", "link", "input", "br", "img", "hr"}


class Page(HTMLParser):
    """Elements with their attributes; fails where they are not nested."""

    def __init__(self, text: str) -> None:
        super().__init__()
        self.open: list[str] = []
        self.elements: list[tuple[str, dict[str, str]]] = []
        self.words: list[str] = []
        self.blocks: dict[str, list[str]] = {"style": [], "script": []}
        self.feed(text)
        self.close()
        assert not self.open, f"left open: {self.open}"

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.elements.append((tag, {name: value or "" for name, value in attrs}))
        if tag not in VOID:
            self.open.append(tag)

    def handle_startendtag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.elements.append((tag, {name: value or "" for name, value in attrs}))

    def handle_endtag(self, tag: str) -> None:
        assert self.open.pop() == tag, f"</{tag}> closes nothing"

    def handle_data(self, data: str) -> None:
        inside = self.open[-1] if self.open else ""
        if inside in self.blocks:
            self.blocks[inside].append(data)
        else:
            self.words.append(data)

    def found(self, tag: str) -> list[dict[str, str]]:
        return [attributes for name, attributes in self.elements if name == tag]


@pytest.fixture
def bank_page(bank_store: Connection) -> str:
    return render_report(gather_facts(bank_store))


def test_the_page_is_nested_and_every_id_is_there_once(bank_page: str) -> None:
    page = Page(bank_page)
    assert bank_page.startswith("<!doctype html>")
    ids = [attributes["id"] for _, attributes in page.elements if "id" in attributes]
    assert len(ids) == len(set(ids))


def test_the_page_names_no_address_outside_itself(bank_page: str) -> None:
    page = Page(bank_page)
    addresses = [
        value
        for _, attributes in page.elements
        for name, value in attributes.items()
        if name in {"href", "src", "srcset", "action", "data", "poster"}
    ]
    assert all(re.match("#|data:image/svg", address) for address in addresses)
    assert "@import" not in bank_page
    assert not re.search(r"url\(|fetch\(|XMLHttpRequest|import\(|\beval\(|new Function", bank_page)


def test_the_policy_allows_the_style_and_the_scripts_by_hash_alone(bank_page: str) -> None:
    page = Page(bank_page)
    policy = next(a["content"] for a in page.found("meta") if "http-equiv" in a)
    assert policy.startswith("default-src 'none'")
    assert "unsafe" not in policy
    for text in ("".join(page.blocks["style"]), *page.blocks["script"][2:]):
        digest = base64.b64encode(hashlib.sha256(text.encode()).digest()).decode()
        assert f"'sha256-{digest}'" in policy
    assert not any("style" in attributes for _, attributes in page.elements)
    assert not any(name.startswith("on") for _, a in page.elements for name in a)


def read_payload(text: str) -> dict[str, Any]:
    found: dict[str, Any] = json.loads(Page(text).blocks["script"][0])
    return found


def test_customers_words_carry_their_language_and_direction(bank_page: str) -> None:
    quotes = [quote for theme in read_payload(bank_page)["themes"] for quote in theme["quotes"]]
    assert {lang for _, lang, *_ in quotes} == {"en", "he", "ar", "fa"}
    assert all(is_from_right == (lang != "en") for _, lang, is_from_right, *_ in quotes)


def test_the_facts_of_the_store_are_in_the_page(bank_page: str) -> None:
    facts = read_payload(bank_page)
    assert (facts["first"], facts["last"]) == ("2026-01-05", "2026-03-27")
    assert facts["sources"][0] == "social"
    assert "Card declined abroad" in {theme["name"][0] for theme in facts["themes"]}
    assert any("Whose pocket is it in?" in q[0] for t in facts["themes"] for q in t["quotes"])
    packed = zlib.decompress(base64.b64decode(facts["cells"]["data"]))
    assert len(packed) == sum(width * n for _, _, width, n in facts["cells"]["layout"])


def test_a_page_that_runs_no_script_lists_the_themes(bank_page: str) -> None:
    page = Page(bank_page)
    assert page.found("noscript")
    assert "Card declined abroad" in " ".join(page.words)
    assert all("scope" in header for header in page.found("th"))


def test_the_order_of_rows_does_not_change_the_page(bank_page: str, bank_store: Connection) -> None:
    for table in reversed(tables.metadata.sorted_tables):
        rows = bank_store.execute(select(table)).mappings().all()
        bank_store.execute(delete(table))
        if rows:
            bank_store.execute(insert(table), [dict(row) for row in reversed(rows)])
    assert render_report(gather_facts(bank_store)) == bank_page


def test_hostile_text_stays_text(hostile_store: Connection) -> None:
    text = render_report(gather_facts(hostile_store))
    page = Page(text)
    assert len(page.found("script")) == 4
    assert page.found("img") == []
    assert not any("onerror" in a for _, a in page.elements)
    assert "alert(1)" in " ".join(page.words)
    assert "\u202e" not in text
    assert "</script><script>alert" not in text
    assert {quote[1] for theme in read_payload(text)["themes"] for quote in theme["quotes"]} == {""}


def test_numbers_that_are_none_do_not_break_the_page(fill_store: Store) -> None:
    theme = {"theme_id": "t", "name": "T", "status": "active", "origin": "discovered"}
    store = fill_store(
        {
            "feedback": [{"feedback_id": "1", "source": "s", "text": "x"}],
            "theme": [theme | {"sentiment": float("inf"), "n_customers": 2}],
        }
    )
    (shown,) = read_payload(render_report(gather_facts(store)))["themes"]
    assert "feeling" not in shown


def test_an_empty_store_says_what_to_do_next(empty_store: Connection) -> None:
    for lang in LANGUAGES:
        text = render_report(gather_facts(empty_store), lang)
        page = Page(text)
        assert "earful run reviews.csv" in " ".join(page.words)
        assert page.found("script") == []
        (root,) = page.found("html")
        assert (root["lang"], root["dir"]) == (lang, "ltr" if lang == "en" else "rtl")


def test_a_page_is_written_anew_in_the_language_that_it_began_in(
    bank_store: Connection, tmp_path: Path
) -> None:
    path = tmp_path / "report.html"
    write_report(bank_store, path, "fa")
    assert read_language(path) == "fa"
    path.write_text("<html>", encoding="utf-8")
    assert read_language(path) == "en"
    with pytest.raises(ConfigError, match="choose one of en, he, ar, fa"):
        check_language("tlh")


def test_the_file_is_replaced_in_one_step_and_nothing_is_left_beside_it(
    bank_store: Connection, tmp_path: Path
) -> None:
    folder = tmp_path / "out"
    folder.mkdir()
    path = folder / "report.html"
    path.write_text("old", encoding="utf-8")
    write_report(bank_store, path)
    assert path.read_text(encoding="utf-8").startswith("<!doctype html>")
    assert list(folder.iterdir()) == [path]


def test_a_folder_that_is_not_there_is_named(empty_store: Connection, tmp_path: Path) -> None:
    with pytest.raises(InputError, match=r"could not be written to .*missing"):
        write_report(empty_store, tmp_path / "missing" / "report.html")
