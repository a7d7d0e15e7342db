"""JSON records one by one from a text stream, past broken ones."""

import io
import json
import re
from collections.abc import Iterator
from typing import Any

from pipelines.reading.json_places import LENIENT
from pipelines.reading.tables import BadRow, make_bad_row

MAX_RECORD_CHARS = 8 * 2**20
_BLOCK_CHARS = 2**17
# Numbers stay as written: 0042 is not JSON, but 4.0, 1e3 and 20-digit ids are.
_DECODER = json.JSONDecoder(parse_float=str, parse_int=str, parse_constant=str)

Record = BadRow | tuple[int, Any, str]
"""A record that cannot be read, or its number, what it is, and how it is written."""


def read_lines(text: io.TextIOWrapper, number: int = 0) -> Iterator[Record]:
    """Yield the record of each line.

    :param number: of the line before.
    """
    while line := text.readline(MAX_RECORD_CHARS):
        number += 1
        if len(line) >= MAX_RECORD_CHARS:
            yield make_bad_row(number, "cell_too_long", line)
            while line and not line.endswith("\n"):
                line = text.readline(MAX_RECORD_CHARS)
            continue
        stripped = line.strip("\ufeff \t\r\n")
        if not stripped:
            continue
        try:
            record = LENIENT.decode(stripped)
        except (ValueError, RecursionError):
            yield make_bad_row(number, "broken_json", stripped)
        else:
            yield number, record, stripped


class _Buffer:
    """A window onto a text stream that grows on demand and forgets what was used."""

    def __init__(self, text: io.TextIOWrapper) -> None:
        self._stream = text
        self.text = ""
        self.is_at_end = False

    def grow(self) -> bool:
        """Read as much again as there is; False at the end of the stream."""
        more = self._stream.read(max(_BLOCK_CHARS, len(self.text)))
        self.is_at_end = not more
        self.text += more
        return bool(more)

    def drop(self, n_chars: int) -> str:
        """Forget the first characters and return them."""
        dropped, self.text = self.text[:n_chars], self.text[n_chars:]
        return dropped


def read_stream(text: io.TextIOWrapper) -> Iterator[Record]:
    """Yield the objects of an array, or of objects one after another, past broken ones."""
    buffer = _Buffer(text)
    position = number = 0
    while True:
        match = _SPACE.match(buffer.text, position)
        position = match.end() if match else position
        if position == len(buffer.text):
            buffer.drop(position)
            position = 0
            if not buffer.grow():
                return
            continue
        if buffer.text[position] == "]":
            return
        number += 1
        try:
            record, end = _decode(buffer.text, position)
        except (ValueError, RecursionError) as error:
            n_left = len(buffer.text) - position
            if _is_cut(error, len(buffer.text)) and n_left < MAX_RECORD_CHARS:
                buffer.drop(position)
                position = 0
                number -= 1
                if not buffer.is_at_end and buffer.grow():
                    continue
                number += 1
            reason = "cell_too_long" if n_left >= MAX_RECORD_CHARS else "broken_json"
            buffer.drop(position)
            yield make_bad_row(number, reason, _skip_broken(buffer))
            position = 0
        else:
            is_cut_number = end == len(buffer.text) and not buffer.is_at_end
            if is_cut_number and not isinstance(record, dict) and buffer.grow():
                number -= 1
                continue
            yield number, record, buffer.text[position:end]
            position = end
            if position > _BLOCK_CHARS:
                buffer.drop(position)
                position = 0


_SPACE = re.compile(r"[\s,\ufeff\x1e]*")

# The next record begins on a line of its own with little indentation, or after "}, {".
_NEXT_RECORD = re.compile(r"\n {0,4}\t?(?=\{)|\}\s*,?\s*(?=\{)")


def _decode(text: str, position: int) -> tuple[Any, int]:
    try:
        return _DECODER.raw_decode(text, position)
    except json.JSONDecodeError as error:
        if error.msg.startswith("Invalid control character"):
            return LENIENT.raw_decode(text, position)
        raise


def _is_cut(error: Exception, n_chars: int) -> bool:
    if not isinstance(error, json.JSONDecodeError):
        return False
    return error.msg.startswith("Unterminated string") or error.pos >= n_chars - 12


def _skip_broken(buffer: _Buffer) -> str:
    """Move to where the next record seems to begin; return what was passed over."""
    raw = ""
    while True:
        match = _NEXT_RECORD.search(buffer.text, 1)
        if match:
            return raw + buffer.drop(match.end())
        raw = (raw + buffer.drop(max(len(buffer.text) - 64, 0)))[:4_000]
        if not buffer.grow():
            return raw + buffer.drop(len(buffer.text))
