"""Looking for what should be gone in files, byte by byte."""

import json
from collections.abc import Collection, Iterable
from pathlib import Path

from sqlalchemy import Connection, String, cast, func, literal, select

from pipelines import tables

_BLOCK_BYTES = 2**24
# So many are looked for: each costs a pass over the files, at 1 to 2 GB a second.
MAX_TOKENS = 48
_MIN_TEXT_CHARS, _MIN_ID_CHARS = 16, 8
# Of a long text so much: a page of SQLite holds it in one piece.
_TEXT_CHARS = 80
# Where what others say, or earful itself writes, may hold the same words.
_REMAINING = (
    tables.feedback.c.text,
    tables.feedback_version.c.text,
    tables.theme.c.description,
    tables.theme_quote.c.text,
    tables.rejected.c.raw,
)


def choose_tokens(connection: Connection, texts: Iterable[str], ids: Iterable[str]) -> list[str]:
    """What to look for: long enough to be nobody else's by chance, and said by nobody else.

    :param texts: that were erased.
    :param ids: that were erased.
    """
    parts = sorted({text[:_TEXT_CHARS] for text in texts if len(text) >= _MIN_TEXT_CHARS})
    kept = [part for part in _spread(parts) if not _is_said(connection, part)]
    named = sorted(each for each in ids if len(each) >= _MIN_ID_CHARS)
    return kept + _spread(named)


def find_traces(paths: Iterable[Path], tokens: Collection[str]) -> dict[str, int]:
    """Files in which some of the tokens stand, with how many of them.

    Also as JSON writes them, where letters other than ASCII are escaped.
    """
    needles = [_spell(token) for token in tokens]
    found = {}
    for path in paths:
        if path.is_file() and (n := _count_found(path, needles)):
            found[str(path)] = n
    return found


def _spread(values: list[str]) -> list[str]:
    """At most MAX_TOKENS of some values, evenly chosen."""
    step = max(1, -(-len(values) // MAX_TOKENS))
    return values[::step]


def _is_said(connection: Connection, part: str) -> bool:
    for column in _REMAINING:
        place = func.strpos if connection.dialect.name == "postgresql" else func.instr
        query = select(literal(1)).where(place(column, part) > 0).limit(1)
        if connection.execute(query).first() is not None:
            return True
    payload = cast(tables.theme_edit.c.payload, String)
    said = payload.contains(part, autoescape=True)
    return connection.execute(select(literal(1)).where(said).limit(1)).first() is not None


def _spell(token: str) -> tuple[bytes, ...]:
    escaped = json.dumps(token)[1:-1]
    return tuple({token.encode("utf-8", "surrogatepass"), escaped.encode()})


def _count_found(path: Path, needles: list[tuple[bytes, ...]]) -> int:
    longest = max((len(each) for needle in needles for each in needle), default=1)
    left = dict(enumerate(needles))
    with path.open("rb") as file:
        tail = b""
        while block := file.read(_BLOCK_BYTES):
            held = tail + block
            for number in [n for n, needle in left.items() if any(each in held for each in needle)]:
                del left[number]
            tail = held[-longest:]
    return len(needles) - len(left)
