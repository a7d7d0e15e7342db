"""The page is one valid file that asks for nothing and runs nothing but its own script."""

import base64
import hashlib
import json
import re
from collections.abc import Callable
from html.parser import HTMLParser
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import Connection, delete, insert, select

from pipelines import tables
from pipelines.errors import InputError
from pipelines.report.facts import gather_facts
from pipelines.report.page import render_report, write_report

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
    targets = {a["href"][1:] for a in page.found("a")}
    assert targets <= set(ids)
    assert {a["for"] for a in page.found("label")} <= set(ids)


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
    assert "url(" not in bank_page


def test_the_policy_allows_the_style_and_the_script_by_hash_alone(bank_page: str) -> None:
    page = Page(bank_page)
    policy = next(a["content"] for a in page.found("meta") if "http-equiv" in a)
    assert policy.startswith("default-src 'none'")
    assert "unsafe" not in policy
    style, (*_, script) = "".join(page.blocks["style"]), page.blocks["script"]
    for text in (style, script):
        digest = base64.b64encode(hashlib.sha256(text.encode()).digest()).decode()
        assert f"'sha256-{digest}'" in policy
    assert not any("style" in attributes for _, attributes in page.elements)
    assert not any(name.startswith("on") for _, a in page.elements for name in a)


def test_customers_words_carry_their_language_and_direction(bank_page: str) -> None:
    quotes = Page(bank_page).found("blockquote")
    assert {quote["lang"] for quote in quotes} == {"en", "he", "ar", "fa"}
    for quote in quotes:
        assert quote["dir"] == ("auto" if quote["lang"] == "en" else "rtl")


def test_every_table_has_a_caption_and_headers_with_a_scope(bank_page: str) -> None:
    page = Page(bank_page)
    assert len(page.found("table")) == len(page.found("caption")) == 6
    assert all("scope" in header for header in page.found("th"))


def test_the_counts_of_the_store_are_on_the_page(bank_page: str) -> None:
    words = re.sub(r"\s+", " ", " ".join(Page(bank_page).words))
    assert "Feedback 1,019 103 ( 10% ) set aside as noise" in words
    assert "5 Jan – 27 Mar 2026" in words
    assert "Card declined abroad" in words
    assert "Whose pocket is it in?" in words
    assert "stored in 4 bits" in words


def test_the_filters_know_every_count_of_the_page(bank_page: str) -> None:
    page = Page(bank_page)
    cubes = json.loads(page.blocks["script"][0])["cubes"]
    named = {
        attributes["data-cube"] for _, attributes in page.elements if "data-cube" in attributes
    }
    assert named == set(cubes)
    everything = next(cell for cell in cubes["feedback"] if cell[:2] == [-1, -1])
    assert everything[2:4] == [1019, 103]


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
    assert len(page.found("script")) == 3
    assert page.found("img") == []
    assert page.found("b") and not any("onerror" in a for _, a in page.elements)
    assert "alert(1)" in " ".join(page.words)
    assert "\u202e" not in text
    for attributes in page.found("blockquote"):
        assert attributes["lang"] == ""


def test_an_empty_store_says_what_to_do_next(empty_store: Connection) -> None:
    text = render_report(gather_facts(empty_store))
    page = Page(text)
    assert "earful run reviews.csv" in " ".join(page.words)
    assert page.found("script") == []


def test_feedback_without_mentions_says_what_to_do_next(fill_store: Store) -> None:
    store = fill_store({"feedback": [{"feedback_id": "1", "source": "s", "text": "x"}]})
    text = render_report(gather_facts(store))
    Page(text)
    assert "has not been looked into yet" in text
    assert "no dates" in text


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
