"""Where the log of edits holds what customers said, so that erasing somebody can reach all of it.

Vectors are not in the log: those of a pin's examples stand in ``vector``, under the text's hash.
Names, descriptions and keywords are what people wrote, or words that many mentions share; they are
masked as feedback is.
"""

from collections.abc import Collection, Iterator, Sequence
from dataclasses import dataclass

from sqlalchemy import Connection, select

from nlp.cleaning import text_hash
from nlp.themes.edits import Edit
from pipelines import tables
from pipelines.id_batches import batch_ids
from pipelines.themes.edit_log import read_log
from pipelines.themes.pin_texts import normalize_example

# Shorter mentions stand in half of all examples by chance ("ok", "thank you").
_MIN_QUOTED_WORDS = 3


@dataclass(frozen=True)
class Trace:
    """One place in the payload of an edit.

    :param place: ``mentions`` of a move, ``parts`` of a split, ``examples``, ``about`` or
        ``sentence`` of a pin.
    :param text_hash: of what was said; also its key in ``vector``.
    :param mention_id: of move and split.
    :param text: of a pin, as it stands there; "" elsewhere.
    """

    edit_id: str
    place: str
    text_hash: str
    mention_id: str | None = None
    text: str = ""


def list_traces(log: Sequence[Edit]) -> list[Trace]:
    """Every place in a log that points to a mention or holds a customer's words."""
    return [trace for edit in log for trace in _list_own(edit)]


def _list_own(edit: Edit) -> Iterator[Trace]:
    for mention_id, key in edit.mentions:
        yield Trace(edit.edit_id, "mentions", key, mention_id)
    for part in edit.parts:
        for mention_id, key in part.mentions:
            yield Trace(edit.edit_id, "parts", key, mention_id)
    if edit.pin:
        said = [("examples", text) for text in edit.pin.examples]
        said += [("about", edit.pin.about), ("sentence", edit.pin.sentence)]
        for place, text in said:
            normal, _ = normalize_example(text, edit.pin.lang)
            if normal:
                yield Trace(edit.edit_id, place, text_hash(normal), None, text)


def find_traces(connection: Connection, mention_ids: Collection[str]) -> list[Trace]:
    """The places that hold one of these mentions: its id, its text, a part of it or more around."""
    mention = tables.mention.c
    hashes: set[str] = set()
    quoted: set[str] = set()
    for batch in batch_ids(sorted(mention_ids)):
        query = select(mention.text_hash, mention.text).where(mention.mention_id.in_(batch))
        for key, text in connection.execute(query):
            hashes.add(key)
            quoted |= {_fold(text)} if len(text.split()) >= _MIN_QUOTED_WORDS else set()
    return [
        trace
        for trace in list_traces(read_log(connection))
        if trace.mention_id in mention_ids
        or trace.text_hash in hashes
        or _quotes(_fold(trace.text), quoted)
    ]


def _quotes(given: str, quoted: Collection[str]) -> bool:
    """Whether a text holds one that was said, or is a part of one, of a few words at least."""
    is_long = len(given.split()) >= _MIN_QUOTED_WORDS
    return any(text in given or (is_long and given in text) for text in quoted)


def _fold(text: str) -> str:
    return " ".join(text.casefold().split())
