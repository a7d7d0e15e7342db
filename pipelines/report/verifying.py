"""Checking a written report: its claims against the store, and the page against its claims."""

import re
from collections.abc import Iterator
from dataclasses import replace
from html.parser import HTMLParser
from itertools import zip_longest
from pathlib import Path
from typing import Final

from sqlalchemy import Connection

from pipelines.errors import InputError
from pipelines.report.facts import gather_facts
from pipelines.report.page import render_report
from pipelines.stories.claims import Claims, find_claims
from pipelines.stories.verifying import Problem, Verification, verify_claims

# The attribute of an element that shows a claim: the numbers of its story and sentence.
ATTRIBUTE: Final = "data-claim"
_MAX_PLACES: Final = 20
_NUMBER = re.compile(r"\d[\d.,:%]*")


def verify_report(connection: Connection, path: Path) -> Verification:
    """Check a report.

    Every claim is looked up, counted again and worded again; what the page shows of it must be its
    words. Where the store is as it was then, the page is made once more, and nothing on it may
    differ: all of its counts are counts of the store.

    :raises InputError: where the file cannot be read, or is no report with claims.
    """
    try:
        page = path.read_text("utf-8")
    except (OSError, UnicodeDecodeError) as error:
        said = error.strerror if isinstance(error, OSError) else "it is not UTF-8"
        raise InputError(f"{path} cannot be read ({said}); name a report") from error
    claims = find_claims(page, str(path))
    found = verify_claims(connection, claims)
    problems = [*found.problems, *_compare_shown(page, claims)]
    notes = list(found.notes)
    if found.is_moved:
        return replace(found, problems=problems)
    if found.told_of.code_version != found.now.code_version:
        notes.append(
            f"earful {found.told_of.code_version} wrote it, this is {found.now.code_version}: "
            "what is beside the claims was not compared"
        )
    else:
        problems += _compare_pages(page, render_report(gather_facts(connection)))
    return replace(found, problems=problems, notes=notes)


class _Shown(HTMLParser):
    """The texts of the elements that show claims."""

    def __init__(self) -> None:
        super().__init__()
        self.texts: dict[str, str] = {}
        self._open: list[str] = []
        self._depths: list[int] = []
        self._depth = 0

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        place = dict(attrs).get(ATTRIBUTE)
        if tag not in _VOID:
            self._depth += 1
        if place is not None:
            self.texts[place] = ""
            self._open.append(place)
            self._depths.append(self._depth)

    def handle_endtag(self, tag: str) -> None:
        if self._depths and self._depths[-1] == self._depth:
            self._open.pop()
            self._depths.pop()
        if tag not in _VOID:
            self._depth -= 1

    def handle_data(self, data: str) -> None:
        for place in self._open:
            self.texts[place] += data


_VOID: Final = frozenset({"meta", "link", "input", "br", "img", "hr", "col", "wbr"})


def _compare_shown(page: str, claims: Claims) -> Iterator[Problem]:
    """Claims whose words on the page are others."""
    parser = _Shown()
    parser.feed(page)
    told = {
        f"{story_number}.{number}": sentence.text
        for story_number, story in enumerate(claims.stories)
        for number, sentence in enumerate(story.sentences)
    }
    for place, text in parser.texts.items():
        if told.get(place) != text:
            yield Problem("text", f"the page's words of claim {place}")


def _compare_pages(page: str, again: str) -> Iterator[Problem]:
    """Lines of the page that the store does not say, with their first numbers that differ."""
    lines = zip_longest(page.splitlines(), again.splitlines(), fillvalue="")
    differing = [(n, *pair) for n, pair in enumerate(lines, 1) if pair[0] != pair[1]]
    for number, line, other in differing[:_MAX_PLACES]:
        pairs = zip_longest(_NUMBER.findall(line), _NUMBER.findall(other))
        claimed, found = next((pair for pair in pairs if pair[0] != pair[1]), (None, None))
        yield Problem("page", f"line {number} of the page", None, claimed, found)
