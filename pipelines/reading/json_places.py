"""Where in a JSON file its records are: lines, a stream of objects, or a list in an object."""

import json
import re
from dataclasses import dataclass

from pipelines.errors import InputError
from pipelines.reading.streams import InputFile

# Lists that hold the records, when an object has several; otherwise the longest one does.
_LIST_NAMES = (
    *("data", "reviews", "feedback", "responses", "comments", "results", "items", "records"),
    *("rows", "tickets", "conversations", "surveys", "entries", "entry", "customers", "events"),
    *("contacts", "orders", "posts", "children"),
)

LENIENT = json.JSONDecoder(parse_float=str, parse_int=str, parse_constant=str, strict=False)


@dataclass(frozen=True, slots=True)
class Place:
    """Where the records are: form is jsonl, stream (also arrays), list (in an object) or whole.

    :param start: in characters.
    """

    form: str
    start: int = 0
    path: str = ""
    others: tuple[str, ...] = ()


def find_records(head: str, file: InputFile) -> Place:
    """Tell from the beginning of a file where its records are.

    :raises InputError: where there are none.
    """
    text = head.lstrip("\ufeff \r\n\t")
    start = len(head) - len(text)
    if text.startswith("["):
        return Place("stream", start + 1)
    lines = [line for line in text.split("\n", 50)[:50] if line.strip()]
    complete = [is_object(line) for line in lines]
    if (
        sum(complete) >= 2
        or (complete[0] and len(lines) == 2)
        or file.ending in ("jsonl", "ndjson")
    ):
        return Place("jsonl")
    if not text.startswith("{"):
        raise InputError(f"{file.name} holds no JSON objects; earful reads objects with names")
    try:
        _, end = LENIENT.raw_decode(text)
        if text[end:].lstrip(" \r\n\t,").startswith("{"):
            return Place("stream", start)
    except (ValueError, RecursionError):
        pass
    return _find_list(text, start)


def is_object(line: str) -> bool:
    """Whether a line is one whole object."""
    try:
        return isinstance(LENIENT.decode(line.strip("\ufeff\r\n\t ")), dict)
    except (ValueError, RecursionError):
        return False


_TOKEN = re.compile(r'"(?:[^"\\]|\\.)*"|[{}\[\]:,]', re.DOTALL)


def _find_list(text: str, start: int) -> Place:
    """Walk the tokens of the first megabytes and choose among the lists of objects."""
    names: list[str] = []  # of the open containers
    kinds = ""  # their opening brackets
    key = last = ""
    lists: dict[str, list[int]] = {}  # path -> [position after the bracket, number of objects]
    for match in _TOKEN.finditer(text):
        mark = match.group()
        if mark in "{[":
            if mark == "{" and kinds.endswith("[") and kinds.count("[") == 1:
                lists[_join(names)][1] += 1
            elif mark == "[" and "[" not in kinds:
                lists.setdefault(_join([*names, key]), [match.end(), 0])
            names.append(key)
            kinds += mark
        elif mark in "}]":
            if len(kinds) <= 1:
                break
            kinds = kinds[:-1]
            names.pop()
        elif mark == ":" and last.startswith('"') and kinds.endswith("{"):
            key, last = last[1:-1], mark
            continue
        if not mark.startswith('"'):
            key = ""
        last = mark
    full = {path: found for path, found in lists.items() if found[1]}
    if not full:
        empty = [path for path in lists if _rank(path) < len(_LIST_NAMES)]
        is_list = bool(empty) and text[lists[empty[0]][0] :].lstrip().startswith("]")
        return Place("list", start + lists[empty[0]][0]) if is_list else Place("stream", start)
    best = min(full, key=lambda path: (_rank(path), -full[path][1], path))
    others = tuple(path for path in full if path != best)
    return Place("list", start + full[best][0], best, others)


def _join(names: list[str]) -> str:
    return ".".join(name for name in names if name)


def _rank(path: str) -> int:
    name = path.rsplit(".", 1)[-1].lower()
    return _LIST_NAMES.index(name) if name in _LIST_NAMES else len(_LIST_NAMES)
