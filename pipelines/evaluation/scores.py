"""What an evaluation finds: scores, confusion, calibration and the worst mistakes by language."""

import heapq
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, NamedTuple

import numpy as np

from nlp.languages import UNKNOWN
from nlp.metrics import (
    Bin,
    Scores,
    bin_confidence,
    calibration_error,
    chance_error,
    count_confusion,
    score_confusion,
)
from nlp.sentiment import LABELS
from pipelines.evaluation.labels import Task

N_WORST = 5
TEXT_CHARS = 200
# Rows of a language from which ten bins of its confidence say something: some 20 rows each, whose
# share right is known to about .2 either way.
RELIABLE_ROWS = 200


class ReadRow(NamedTuple):
    """A labelled row and what was read in it.

    :param row: its number in the file.
    :param text: masked.
    """

    file: str
    row: int
    text: str
    lang: str
    truth: str
    predicted: str
    confidence: float


@dataclass(frozen=True)
class Mistake:
    """A row that was read wrongly.

    :param text: masked and cut at 200 characters.
    """

    file: str
    row: int
    label: str
    predicted: str
    confidence: float
    text: str


@dataclass(frozen=True)
class Cell:
    """Rows with one true and one predicted label."""

    label: str
    predicted: str
    n: int


@dataclass(frozen=True)
class Group:
    """Scores of all rows, or of those in one language.

    :param confusion: the filled cells.
    :param calibration_error: expected calibration error; None where every row was read as ``und``.
    :param chance_error: what it would stay under, were the confidences exact.
    :param reliability: rows by their confidence, but for those read as ``und``.
    :param mistakes: the worst, most confident first.
    """

    lang: str
    scores: Scores
    confusion: list[Cell]
    calibration_error: float | None
    chance_error: float | None
    reliability: list[Bin]
    mistakes: list[Mistake]


@dataclass(frozen=True)
class Accounted:
    """What was scored, by what, and what became of every row.

    :param n_rows: n_scored and the other five counts together.
    :param n_unreadable: rows that the file's reader could not use.
    :param n_left_out: rows whose label was given no meaning.
    :param n_not_drawn: rows beyond the limit.
    """

    task: str
    columns: dict[str, str | None]
    models: dict[str, str]
    n_rows: int
    n_scored: int
    n_unlabelled: int
    n_empty: int
    n_unreadable: int
    n_left_out: int
    n_not_drawn: int


@dataclass(frozen=True)
class Evaluation(Accounted):
    """What came out."""

    notes: list[str]
    interval: str
    overall: Group
    languages: list[Group]


def score_languages(read: Sequence[ReadRow], task: Task) -> list[Group]:
    """Score the rows of each language; those with most rows first."""
    by_lang: dict[str, list[ReadRow]] = {}
    for each in read:
        by_lang.setdefault(each.lang, []).append(each)
    ranked = sorted(by_lang, key=lambda lang: (-len(by_lang[lang]), lang))
    return [score_group(lang, by_lang[lang], task) for lang in ranked]


def score_group(lang: str, read: Sequence[ReadRow], task: Task) -> Group:
    """Score some rows together.

    :raises ValueError: if there are none.
    """
    names = _order_labels(read, task)
    place = {name: i for i, name in enumerate(names)}
    truth = np.array([place[each.truth] for each in read])
    predicted = np.array([place[each.predicted] for each in read])
    confusion = count_confusion(truth, predicted, len(names))
    confidence = np.array([each.confidence for each in read])
    # A language that is not known is named with confidence 0: no claim that could be wrong.
    claims = np.array([each.predicted != UNKNOWN.code for each in read])
    bins = bin_confidence(confidence[claims], (truth == predicted)[claims])
    if task is Task.NOISE:  # how sure a rule is, no share
        bins = []
    return Group(
        lang,
        score_confusion(confusion, names),
        [Cell(names[i], names[j], int(confusion[i, j])) for i, j in np.argwhere(confusion)],
        calibration_error(bins) if bins else None,
        chance_error(bins) if bins else None,
        bins,
        _find_worst(read),
    )


def _order_labels(read: Sequence[ReadRow], task: Task) -> tuple[str, ...]:
    if task is Task.SENTIMENT:
        return LABELS
    return tuple(sorted({each.truth for each in read} | {each.predicted for each in read}))


def _find_worst(read: Sequence[ReadRow]) -> list[Mistake]:
    wrong = sorted((each for each in read if each.truth != each.predicted), key=_rank_mistake)
    # A text that is there ten times is one mistake.
    distinct = {(each.text, each.truth): each for each in reversed(wrong)}
    worst = heapq.nsmallest(N_WORST, distinct.values(), key=_rank_mistake)
    return [
        Mistake(
            each.file,
            each.row,
            each.truth,
            each.predicted,
            round(each.confidence, 4),
            " ".join(each.text[: 4 * TEXT_CHARS].split())[:TEXT_CHARS],
        )
        for each in worst
    ]


def _rank_mistake(each: ReadRow) -> tuple[Any, ...]:
    return (-each.confidence, each.file, each.row)
