"""Scoring the masking on rows in which a person has marked the personal data; nothing is stored.

A row's label is a JSON list of spans: ``[{"type": "PHONE_NUMBER", "start": 5, "end": 15}]``, in
characters of the text as it stands in the file. No label says that nothing is marked.
"""

import json
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from functools import cache
from typing import Any, NamedTuple

from nlp.masking import STANDARD, MaskedSpan, Masking, mask_text
from nlp.masking.scores import KindScores, MaskingScores
from pipelines.errors import InputError
from pipelines.evaluation.labelled import Columns, LabelledRow, find_sources, read_rows
from pipelines.evaluation.labels import Task
from pipelines.evaluation.scores import Accounted
from pipelines.folding import fold_name
from pipelines.resources import load_config

N_MISSED = 10
_TYPES = ("type", "kind", "label", "entity_type", "entity", "tag")
_STARTS = ("start", "start_position", "begin", "from")
_ENDS = ("end", "end_position", "stop", "to")


@dataclass(frozen=True)
class PiiRequest:
    """What to score.

    :param limit: score at most so many rows, the first of the file.
    """

    path: str
    columns: Columns = field(default_factory=Columns)
    limit: int | None = None
    masking: Masking = STANDARD


class MissedRow(NamedTuple):
    """A row in which something marked was not wholly masked; never with its text."""

    file: str
    row: int
    n_missed: int


@dataclass(frozen=True)
class PiiEvaluation(Accounted):
    """What came out.

    :param kinds: scores of all kinds together, then of each.
    :param unscored: marked spans by the name of a kind that masking does not know.
    :param missed: the first rows with something that was not wholly masked.
    """

    kinds: list[KindScores]
    notes: list[str]
    unscored: dict[str, int]
    missed: list[MissedRow]


def evaluate_pii(request: PiiRequest) -> PiiEvaluation:
    """Score the masking on the marked rows of a file.

    :raises ConfigError: for a column that is not there.
    :raises InputError: when the file cannot be read, has no text, or a mark cannot be read.
    """
    sources = find_sources(request.path, request.columns, Task.PII)
    counts: Counter[str] = Counter()
    unscored: Counter[str] = Counter()
    scores, missed = MaskingScores(), []
    for row in _usable_rows(read_rows(sources), counts):
        if counts["n_scored"] == request.limit:
            counts["n_not_drawn"] += 1
            continue
        marked = list(_read_marks(row, unscored))
        masked = mask_text(row.text, request.masking).spans
        if n_missed := scores.add(row.text, marked, masked):
            missed.append(MissedRow(row.file, row.number, n_missed))
        counts["n_scored"] += 1
    if not counts["n_scored"]:
        raise InputError(
            f"{request.path}: none of {counts['n_rows']:,} rows has a text in column "
            f"{sources[0].text!r}; name another column with --text"
        )
    return PiiEvaluation(
        task=Task.PII.value,
        columns={"text": sources[0].text, "label": sources[0].label, "lang": None},
        models={},
        n_left_out=0,
        notes=[],
        kinds=scores.list_kinds(),
        unscored=dict(sorted(unscored.items())),
        missed=missed[:N_MISSED],
        **{name: counts[name] for name in _COUNTS},
    )


_COUNTS = ("n_rows", "n_scored", "n_unlabelled", "n_empty", "n_unreadable", "n_not_drawn")


def _usable_rows(rows: Iterator[Any], counts: Counter[str]) -> Iterator[LabelledRow]:
    for row in rows:
        counts["n_rows"] += 1
        if not isinstance(row, LabelledRow):
            counts["n_unreadable"] += 1
        elif not row.text.strip():
            counts["n_empty"] += 1
        else:
            yield row


def _read_marks(row: LabelledRow, unscored: Counter[str]) -> Iterator[MaskedSpan]:
    try:
        marks = json.loads(row.label or "[]")
        spans = [_read_mark(mark) for mark in marks]
    except (ValueError, TypeError, KeyError, AttributeError) as error:
        raise InputError(
            f"{row.file}, row {row.number}: its marks cannot be read; write them as JSON, as in "
            '[{"type": "PHONE", "start": 5, "end": 15}]'
        ) from error
    for name, start, end in spans:
        _check_place(row, start, end)
        kind = name_kind(name)
        if kind is None:
            unscored[name] += 1
        elif start < end:
            yield MaskedSpan(kind, start, end)


def _check_place(row: LabelledRow, start: int, end: int) -> None:
    if not 0 <= start <= end <= len(row.text):
        raise InputError(
            f"{row.file}, row {row.number}: a mark goes from {start:,} to {end:,} and its text has "
            f"{len(row.text):,} characters; count from 0, in characters and not in bytes, of the "
            "text as it stands in the file"
        )


def _read_mark(mark: Mapping[str, Any]) -> tuple[str, int, int]:
    name, start, end = (
        next((mark[key] for key in keys if key in mark), None) for keys in (_TYPES, _STARTS, _ENDS)
    )
    if name is None or start is None or end is None:
        raise KeyError("a mark needs its type, start and end")
    return str(name), int(start), int(end)


def name_kind(name: str) -> str | None:
    """Name the kind of masking that people mark as this; None for one that is not masked."""
    return _kinds().get(fold_name(name))


@cache
def _kinds() -> dict[str, str]:
    kinds: Mapping[str, Sequence[str]] = load_config("evaluate.toml")["pii"]["kinds"]
    return {fold_name(name): kind for kind, names in kinds.items() for name in names}
