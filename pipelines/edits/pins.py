"""Themes that must exist, as people ask for them."""

import hashlib
from collections.abc import Collection
from dataclasses import replace
from itertools import count

from sqlalchemy import select

from nlp.cleaning import repair_text
from nlp.masking import Masking, mask_text
from nlp.themes.edits import Edit, Pin
from nlp.themes.keywords import is_keyword
from nlp.themes.wording import load_wording, split_words
from pipelines import tables
from pipelines.edits.checks import MAX_NAME_CHARS, MAX_TEXT_CHARS, check_lang, check_text
from pipelines.edits.codebook import split_list
from pipelines.edits.requests import Drafts, EditRequest, refuse_merged
from pipelines.errors import ConfigError
from pipelines.feedback_rows import choose_language

MAX_EXAMPLES = 50


def prepare_pin(drafts: Drafts, request: EditRequest) -> Edit:
    """The edit that pins a theme; one that is there under this name is pinned as it is.

    Of a theme that is pinned already, what is given takes the place of its like; the rest stays.

    :raises ConfigError: when a text is empty or too long, a keyword says nothing, or all of it
        holds already.
    """
    name = check_text("name", request.text, MAX_NAME_CHARS, drafts.masking)
    theme_id = find_by_name(drafts, name) or make_pin_id(name, drafts.decisions.theme_ids)
    refuse_merged(theme_id, drafts.decisions)
    decision = drafts.decisions.themes.get(theme_id)
    before = decision.pin if decision else None
    known = before.keywords if before else ()
    pin = make_pin(_keep_rest(request, before), name, drafts.masking, known)
    if decision is not None and before == pin:
        raise ConfigError(f"theme {theme_id} is pinned just so by {decision.pin_id}")
    return Edit("", "pin", theme_id, text=name, pin=pin)


def _keep_rest(request: EditRequest, before: Pin | None) -> EditRequest:
    if before is None:
        return request
    return replace(
        request,
        about=request.about or before.about,
        examples=request.examples or before.examples,
        keywords=request.keywords or before.keywords,
        lang=request.lang or before.lang,
    )


def make_pin(request: EditRequest, name: str, masking: Masking, known: Collection[str] = ()) -> Pin:
    """What a theme is about, checked and masked.

    :param known: keywords that the theme has already, which need no check.
    :raises ConfigError: when a text is empty or too long, or a keyword says nothing.
    """
    lang = check_lang(request.lang)
    about = request.about.strip()
    about = check_text("sentence", about, MAX_TEXT_CHARS, masking) if about else ""
    examples = [
        check_text("example", repair_text(text), MAX_TEXT_CHARS, masking)
        for text in request.examples
    ]
    if len(examples) > MAX_EXAMPLES:
        raise ConfigError(
            f"{len(examples):,} examples were given; give the {MAX_EXAMPLES} that differ most"
        )
    given = [part for word in request.keywords for part in split_list(word) or [""]]
    keywords = [word if word in known else _check_keyword(word, lang, masking) for word in given]
    is_bare = not examples and not keywords
    text = next(iter(examples), about or name)
    return Pin(
        about=about,
        examples=tuple(dict.fromkeys(examples)),
        keywords=tuple(dict.fromkeys(keywords)),
        sentence=(about or name) if is_bare else "",
        lang=lang or choose_language(text, None),
    )


def find_by_name(drafts: Drafts, name: str) -> str | None:
    """The theme that people see under a name, in whatever case.

    :raises ConfigError: when there are several.
    """
    names = read_names(drafts)
    found = sorted(key for key, shown in names.items() if shown.casefold() == name.casefold())
    if len(found) > 1:
        raise ConfigError(
            f"{len(found)} themes are called so: {', '.join(found)}; rename one of them first"
        )
    return found[0] if found else None


def read_names(drafts: Drafts) -> dict[str, str]:
    """Name by id, of the themes that are there and were not merged into others."""
    theme, decisions = tables.theme.c, drafts.decisions
    rows = drafts.connection.execute(select(theme.theme_id, theme.name)).all()
    return {
        theme_id: name
        for theme_id, name in rows
        if theme_id in decisions.theme_ids and decisions.resolve(theme_id) == theme_id
    }


def make_pin_id(name: str, taken: Collection[str]) -> str:
    """48 bits of the hash of the name: a codebook has the same ids in every store."""
    return make_free_id(f"pin\0{name.casefold()}", taken)


def make_free_id(seed: str, taken: Collection[str]) -> str:
    """The id of a theme that people make, from what makes it what it is."""
    ids = (hashlib.sha256(f"{seed}\0{number}".encode()).hexdigest()[:12] for number in count())
    return next(f"t{each}" for each in ids if f"t{each}" not in taken)


def _check_keyword(given: str, lang: str | None, masking: Masking) -> str:
    keyword = check_text("keyword", given, MAX_NAME_CHARS, masking)
    if mask_text(given, replace(masking, names=False)).counts:
        raise ConfigError(
            f"a keyword holds personal data ({keyword}): texts are masked before they are stored, "
            "so that none holds it; leave it out"
        )
    wording = load_wording(lang or "en")
    words = [word for run in split_words(keyword) for word in run]
    # Of several words none may say anything alone: "top up", "show up".
    if not is_keyword(keyword) or (len(words) == 1 and wording.is_stop(words[0])):
        raise ConfigError(
            f"the keyword {keyword!r} says nothing by itself; give a word or phrase that only "
            "mentions of this theme hold"
        )
    return keyword
