"""What a person gives with an edit, checked; and what is wrong with an edit, in words."""

import unicodedata
from dataclasses import replace

from nlp.label_names import read_language
from nlp.masking import Masking, mask_text
from nlp.themes import edits
from nlp.themes.edits import Edit
from pipelines.errors import ConfigError
from pipelines.views import SEPARATOR

MAX_NAME_CHARS = 200
MAX_TEXT_CHARS = 2_000
_CHOSEN_WORDS = frozenset({"name", "keyword"})


def check_lang(lang: str | None) -> str | None:
    """The code of a language, where one is given by its code or English name.

    :raises ConfigError: when it is none.
    """
    if lang is None:
        return None
    code = read_language(lang)
    if code is None:
        raise ConfigError(
            f"--lang {lang!r} is no language; give a code such as en, he or ar, or an English name"
        )
    return code


def check_text(what: str, text: str, max_chars: int, masking: Masking) -> str:
    """The text on one line, in composed form, with personal data masked as in feedback.

    Names of themes and keywords are a person's own choice of words: there people stay, since brands
    and places are called like them.

    :param masking: what is masked.
    :raises ConfigError: when it is empty, too long, or holds what no table should.
    """
    if what in _CHOSEN_WORDS:
        masking = replace(masking, names=False)
    clean = mask_text(unicodedata.normalize("NFC", " ".join(text.split())), masking).text
    if not clean:
        raise ConfigError(f"the {what} is empty; give one")
    if len(clean) > max_chars:
        raise ConfigError(
            f"the {what} has {len(clean):,} characters; at most {max_chars:,} can be shown"
        )
    if any(unicodedata.category(each) in ("Cc", "Cs") for each in clean):
        raise ConfigError(f"the {what} holds control characters or broken text; type it again")
    if what == "name" and SEPARATOR.strip() in clean:
        raise ConfigError(
            f"a name cannot hold {SEPARATOR.strip()!r}, which separates names in v_feedback; "
            "leave it out"
        )
    return clean


def describe_conflict(edit: Edit, conflict: edits.Conflict) -> str:
    """Say why an edit, or with it an earlier one, does not apply."""
    theme_id, other_id = edit.theme_id, edit.other_id
    if conflict.edit_id != edit.edit_id:
        return (
            f"undoing {other_id} would leave edit {conflict.edit_id} without sense "
            f"({conflict.reason}); look at both with: earful themes history"
        )
    if conflict.reason == edits.INTO_ITSELF:
        verb = "merged into itself" if edit.action == "merge" else "put under itself"
        return f"theme {theme_id} cannot be {verb}; name another theme"
    if conflict.reason == edits.IS_GROUPED:
        return (
            f"theme {other_id} is in a group itself, and there are two levels only; take it out "
            f"with: earful themes group {other_id} --alone"
        )
    if conflict.reason == edits.IS_GROUP:
        return (
            f"theme {theme_id} has themes under it, and there are two levels only; put those "
            f"under {other_id} first"
        )
    if conflict.reason == edits.IS_TAKEN:
        return f"theme {theme_id} was split just so before; see: earful themes history {theme_id}"
    return f"{edit.action} of theme {theme_id} cannot be done: {conflict.reason}"
