"""Checking a written report: its claims against the store, and the rest by making it anew."""

import re
from collections.abc import Iterator
from dataclasses import replace
from itertools import zip_longest
from pathlib import Path
from typing import Final

from sqlalchemy import Connection

from pipelines.errors import InputError
from pipelines.report.facts import gather_facts
from pipelines.report.page import read_language, render_report
from pipelines.stories.claims import find_claims
from pipelines.stories.verifying import Problem, Verification, verify_claims

_MAX_PLACES: Final = 20
_NUMBER = re.compile(r"\d+(?:[.,:]\d+)*%?")


def verify_report(connection: Connection, path: Path) -> Verification:
    """Check a report.

    Every claim is looked up, counted again and worded again. Where the store is as it was then, the
    page is made once more, and nothing on it may differ: its counts are counts of the store.

    :raises InputError: where the file cannot be read, or is no report with claims.
    """
    try:
        page = path.read_text("utf-8")
    except (OSError, UnicodeDecodeError) as error:
        said = error.strerror if isinstance(error, OSError) else "it is not UTF-8"
        raise InputError(f"{path} cannot be read ({said}); name a report") from error
    claims = find_claims(page, str(path))
    found = verify_claims(connection, claims)
    problems, notes = list(found.problems), list(found.notes)
    if found.is_moved:
        return found
    if found.told_of.code_version != found.now.code_version:
        notes.append(
            f"earful {found.told_of.code_version} wrote it, this is {found.now.code_version}: "
            "what is beside the claims was not compared"
        )
    else:
        again = render_report(gather_facts(connection, claims.k), read_language(path))
        problems += _compare_pages(page, again)
    return replace(found, problems=problems, notes=notes)


def _compare_pages(page: str, again: str) -> Iterator[Problem]:
    """Lines of the page that the store does not say, with their first numbers that differ."""
    lines = zip_longest(page.splitlines(), again.splitlines(), fillvalue="")
    differing = [(n, *pair) for n, pair in enumerate(lines, 1) if pair[0] != pair[1]]
    for number, line, other in differing[:_MAX_PLACES]:
        pairs = zip_longest(_NUMBER.findall(line), _NUMBER.findall(other))
        claimed, found = next((pair for pair in pairs if pair[0] != pair[1]), (None, None))
        yield Problem("page", f"line {number} of the page", None, claimed, found)
