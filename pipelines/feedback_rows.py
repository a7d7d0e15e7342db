"""From what a file said to a row of the feedback table: language, repair, masking, noise, ids."""

import hashlib
import json
import re
from collections.abc import Mapping
from dataclasses import dataclass, replace
from functools import lru_cache
from typing import Any

from nlp.cleaning import normalize_text, repair_text, text_hash
from nlp.languages import UNKNOWN, detect_language
from nlp.masking import STANDARD, Masking, mask_text
from nlp.noise import Noise, Reason, score_noise
from nlp.row_signs import read_row_signs
from pipelines.keys import hash_person
from pipelines.nobody import is_nobody
from pipelines.own_accounts import is_own_account
from pipelines.reading.items import FeedbackItem
from pipelines.reading.tables import MAX_COLUMNS
from pipelines.secret import hash_key
from pipelines.staging import hash_content

# Below this the detector is guessing, and what the source says about the language counts.
SURE_LANGUAGE = 0.5
# ISO 639-1, alone or with a country, as in en-US.
_CODE = re.compile("[a-z]{2}([-_].*)?")


@dataclass(frozen=True)
class RowSettings:
    """What decides how an item becomes a row.

    :param channel: None means as its layout says; so do `party` and `stated`, and without a layout
        they are first and declared.
    :param region: two-letter country of phone numbers without a country code.
    :param masking: what of personal data is masked.
    :param own_accounts: folded names and handles whose posts are no feedback.
    """

    source: str
    channel: str | None
    party: str | None
    stated: str | None
    region: str
    secret: bytes
    masking: Masking = STANDARD
    own_accounts: frozenset[str] = frozenset()


@dataclass(frozen=True)
class PreparedFeedback:
    """A feedback row without its id when the source gave none, and the hashed keys of its author.

    :param digest: hash of the content, where the id must be made from it.
    """

    row: dict[str, Any]
    keys: dict[str, str]
    digest: str | None


def prepare_feedback(item: FeedbackItem, settings: RowSettings) -> PreparedFeedback:
    """Make the row of one feedback; nothing personal is left in it but keyed hashes."""
    keys = hash_person(settings.secret, item, settings.region, item.order)
    said, noise = _describe_text(item, settings)
    row = {**said, **_describe_origin(item, settings)}
    is_own = is_own_account((item.author, item.handle), settings.own_accounts)
    row |= _judge_row(row, noise, item.noise or ("not_feedback" if is_own else None))
    row["author_key"] = _key_author(item, keys, settings.secret)
    row["content_hash"] = hash_content({**row, "keys": keys})
    if row["source_id"] is None:
        return PreparedFeedback(row, keys, row["content_hash"])
    row["feedback_id"] = make_feedback_id(
        row["source"], "id", row["source_id"], item.question or ""
    )
    return PreparedFeedback(row, keys, None)


def make_feedback_id(*parts: str) -> str:
    """The id of a feedback: 96 bits of the SHA-256 of what identifies it."""
    return "f" + hashlib.sha256("\0".join(parts).encode("utf-8", "surrogatepass")).hexdigest()[:24]


def mask_values(values: Mapping[str, str], masking: Masking) -> dict[str, str]:
    """Mask the personal data in the values of a row, and in the names of its columns.

    People's names are looked for in values of several words only: in a column a single word or two
    are a company, a town or a product more often than a person, and they are what one counts by.
    """
    bare = _without_names(masking)
    return {
        _mask_name(name, bare): _mask(value, masking if value.count(" ") >= _N_SPACES else bare)
        for name, value in values.items()
    }


@lru_cache(maxsize=16)
def _without_names(masking: Masking, *, has_templates: bool = True) -> Masking:
    return replace(masking, names=False, templates=masking.templates if has_templates else ())


# Of a value that is rather a sentence than a label.
_N_SPACES = 4


def _mask(text: str, masking: Masking, known: tuple[str, ...] = ()) -> str:
    return mask_text(repair_text(text), masking, known).text


# The names of columns, questions and the like, which every row repeats: a cache that is smaller
# than a table is wide would be of no use, so it holds all names of the widest, twice.
_mask_name = lru_cache(maxsize=2 * MAX_COLUMNS)(_mask)


def mask_raw(raw: str | Mapping[str, str], masking: Masking, limit: int = 10_000) -> str:
    """A rejected row as it may be kept: masked, as JSON when it has columns, cut at limit."""
    if isinstance(raw, str):
        return _mask(raw[:limit], masking)[:limit]
    return json.dumps(mask_values(raw, masking), ensure_ascii=False)[:limit]


def choose_language(text: str, hint: str | None) -> str:
    """Detect the language of a masked text; what its source says counts where that is a guess."""
    found = detect_language(text)
    is_code = hint is not None and _CODE.fullmatch(hint.lower()) is not None
    if hint and is_code and (found == UNKNOWN or found.confidence < SURE_LANGUAGE):
        return hint.lower()[:2]
    return found.code


def _describe_text(item: FeedbackItem, settings: RowSettings) -> tuple[dict[str, Any], Noise]:
    text = _mask(item.text, settings.masking, _known_names(item))
    lang = choose_language(text, item.lang)
    normalized = normalize_text(text, lang)
    row = {"text": text, "lang": lang, "text_hash": text_hash(normalized), "duplicate_of": None}
    return row, score_noise(text, normalized, lang)


def _judge_row(row: dict[str, Any], noise: Noise, marked: Reason | None) -> dict[str, Any]:
    """Noise as the row alone shows it; copies, campaigns and adverts are found later.

    :param marked: the reason that its layout or its author gives.
    """
    if marked:
        noise = Noise(1.0, marked)
    elif noise.reason in (None, "low_effort"):
        signs = read_row_signs(
            row["text"], row["question"], row["attributes"] or {}, is_survey=_is_survey(row)
        )
        noise = signs or noise
    return {
        "noise_score": noise.score,
        "noise_reason": noise.reason,
        "found_noise_reason": noise.reason,
        "noise_edit_id": None,
    }


def _is_survey(row: Mapping[str, Any]) -> bool:
    return row["question"] is not None or "survey" in (row["channel"] or "").casefold()


def _known_names(item: FeedbackItem) -> tuple[str, ...]:
    """The names by which the row itself knows its author."""
    mailbox = (item.email or "").partition("@")[0]
    return tuple(name for name in (item.author, mailbox) if name)


def _describe_origin(item: FeedbackItem, settings: RowSettings) -> dict[str, Any]:
    bare = _without_names(settings.masking)

    def mask(told: str | None) -> str | None:
        return told and _mask_name(told, bare)

    origin = item.origin
    attributes = mask_values(_collect_attributes(item), settings.masking)
    if thread := _hide_id(item.thread, settings):
        attributes["thread"] = thread
    return {
        "source": mask(item.source) or settings.source,
        "source_id": _hide_id(item.source_id, settings),
        "channel": mask(item.channel) or settings.channel or (origin and origin.channel),
        "party": settings.party or (origin.party if origin else "first"),
        "stated": settings.stated or (origin.stated if origin else "declared"),
        "question": mask(item.question),
        "occurred_at": item.at,
        "edited_at": item.edited,
        "rating": item.rating,
        "rating_max": item.rating_max,
        "attributes": attributes or None,
    }


def _collect_attributes(item: FeedbackItem) -> dict[str, str]:
    own = {"product": item.product, "version": item.version, "reply": item.reply}
    own["order"] = item.order
    own["layout"] = item.origin.layout if item.origin else None
    return {**item.attributes, **{name: value for name, value in own.items() if value}}


def _hide_id(source_id: str | None, settings: RowSettings) -> str | None:
    """Keep an id as it is, unless it is an e-mail address or the like: then its keyed hash."""
    if not source_id:
        return None
    if not is_personal_id(source_id, settings.masking):
        return source_id
    return "h:" + hash_key(settings.secret, "source_id", source_id)


def is_personal_id(source_id: str, masking: Masking) -> bool:
    """Tell whether an id is a person's contact; digits alone are an id, whatever they look like."""
    if _PLAIN_ID.fullmatch(source_id):
        return False
    masked = mask_text(source_id, _without_names(masking, has_templates=False)).text
    if masked == source_id:
        return False
    is_international = source_id.strip().startswith("+")
    return is_international or not set(_PLACEHOLDER.findall(masked)) <= _DIGIT_KINDS


_PLACEHOLDER = re.compile("<([A-Z]+)>")
# A few letters and digits: no contact is written so, and most ids are.
_PLAIN_ID = re.compile("[A-Za-z]{0,3}[-_]?[0-9]{1,12}")
# Found by their digits: ten of them may be a phone, and are an id where they stand for one.
_DIGIT_KINDS = {"PHONE", "CARD", "ID", "SSN", "BIRTHDATE"}


def _key_author(item: FeedbackItem, keys: dict[str, str], secret: bytes) -> str | None:
    if item.author and not is_nobody(item.author):
        return hash_key(secret, "author", item.author.strip().casefold())
    return next(iter(keys.values()), None)
