"""The claims of a written report: stories with their evidence, so that all can be checked later."""

import base64
import json
import re
import zlib
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from datetime import datetime
from typing import Any, Final

from sqlalchemy import Connection, select

from pipelines import tables
from pipelines.errors import InputError
from pipelines.runs import code_version
from pipelines.store import read_info
from pipelines.stories.facts import Fact, make_plain, read_fact
from pipelines.stories.sentences import Kind, Sentence, Story, describe_story

FORMAT: Final = 1
# The script element of a page that holds them.
ELEMENT: Final = "claims"
_BLOCK = re.compile(rf'<script type="application/json" id="{ELEMENT}">(.*?)</script>', re.DOTALL)
# More than a page of all themes ever holds.
_MAX_BYTES: Final = 2**28
_run = tables.run.c


@dataclass(frozen=True)
class StoreState:
    """What a store was like when something was told of it.

    :param store_id: of the store, given when it was made.
    :param data_version: grows with each run that changes something.
    :param run_id: the last run that ended; None where none did.
    :param run_at: when it began.
    """

    store_id: str | None
    data_version: str
    run_id: str | None
    run_at: str | None
    code_version: str


@dataclass(frozen=True)
class Claims:
    """The claims of a report.

    :param k: of fewer customers nothing was told.
    """

    state: StoreState
    k: int
    stories: tuple[Story, ...]


def read_state(connection: Connection) -> StoreState:
    """What the store is like now."""
    query = select(_run.run_id, _run.started_at).where(_run.status == "done")
    row = connection.execute(query.order_by(_run.run_id.desc()).limit(1)).first()
    at = make_plain(row.started_at) if row else None
    return StoreState(
        store_id=read_info(connection, "store_id"),
        data_version=read_info(connection, "data_version") or "0",
        run_id=row.run_id if row else None,
        run_at=str(at) if at else None,
        code_version=code_version(),
    )


def describe_claims(connection: Connection, stories: Sequence[Story], k: int) -> dict[str, Any]:
    """The claims as JSON: each fact once, by its id; sentences name the facts by their place."""
    facts: dict[str, Fact] = {}
    for fact in (f for story in stories for each in story.sentences for f in each.slots.values()):
        facts.setdefault(fact.id, fact)
    places = {fact_id: place for place, fact_id in enumerate(facts)}

    def describe(sentence: Sentence) -> dict[str, Any]:
        return _describe_sentence(sentence, places)

    return {
        "format": FORMAT,
        "state": asdict(read_state(connection)),
        "k": k,
        "facts": [[fact_id, fact.value] for fact_id, fact in facts.items()],
        "stories": [describe_story(story, describe) for story in stories],
    }


def _describe_sentence(sentence: Sentence, places: Mapping[str, int]) -> dict[str, Any]:
    told: dict[str, Any] = {"template": sentence.template, "text": sentence.text}
    told["slots"] = {slot: places[fact.id] for slot, fact in sentence.slots.items()}
    return told if sentence.by == "template" else {**told, "by": sentence.by}


def pack_claims(value: Mapping[str, Any]) -> str:
    """Claims as a page carries them: their JSON, deflated, in base64."""
    text = json.dumps(value, ensure_ascii=False, separators=(",", ":"), allow_nan=False)
    return base64.b64encode(zlib.compress(text.encode(), 9)).decode()


def unpack_claims(packed: str) -> Any:
    """The JSON of packed claims.

    :raises ValueError: for what is none.
    """
    inflater = zlib.decompressobj()
    try:
        text = inflater.decompress(base64.b64decode(packed, validate=True), _MAX_BYTES)
    except zlib.error as error:
        raise ValueError("not deflated") from error
    return json.loads(text)


def find_claims(page: str, name: str) -> Claims:
    """The claims of a page.

    :param name: of its file, for the message.
    :raises InputError: where it has none, or damaged ones.
    """
    found = _BLOCK.search(page)
    if found is None:
        raise InputError(
            f"{name} is no report that can be checked: it holds no claims. Write one with: "
            "earful report -o FILE"
        )
    try:
        return parse_claims(unpack_claims(json.loads(found[1])))
    except (ValueError, KeyError, TypeError, IndexError, AttributeError) as error:
        raise InputError(
            f"the claims of {name} are damaged ({type(error).__name__}); write the report anew "
            "with: earful report -o FILE"
        ) from error


def parse_claims(value: Mapping[str, Any]) -> Claims:
    """Claims out of their JSON.

    :raises ValueError: for another format, or what is none; or KeyError, TypeError, IndexError.
    """
    if value["format"] != FORMAT:
        raise ValueError(f"format {value['format']} is not known")
    facts = [read_fact(fact_id, known) for fact_id, known in value["facts"]]
    stories = tuple(_parse_story(each, facts) for each in value["stories"])
    return Claims(StoreState(**value["state"]), int(value["k"]), stories)


def _parse_story(value: Mapping[str, Any], facts: Sequence[Fact]) -> Story:
    kind: Kind = value["kind"]
    sentences = tuple(
        Sentence(
            template=str(each["template"]),
            text=str(each["text"]),
            slots={slot: facts[place] for slot, place in each["slots"].items()},
            by=str(each.get("by", "template")),
        )
        for each in value["sentences"]
    )
    return Story(
        kind=kind,
        subject=str(value["subject"]),
        lang=str(value["lang"]),
        direction=str(value["dir"]),
        title=str(value["title"]),
        sentences=sentences,
    )


def show_moment(moment: str | None) -> str:
    """The day of a moment as in ISO 8601, for messages."""
    return f"{datetime.fromisoformat(moment):%Y-%m-%d %H:%M}" if moment else "unknown"
