"""Answers that survey tools keep as a list of pairs: each question becomes a column."""

from functools import cache
from typing import Any

from pipelines.folding import fold_name
from pipelines.reading.vocabulary import load_vocabulary
from pipelines.resources import load_config

_Record = dict[str, Any]


def spread_answers(record: _Record) -> _Record:
    """Make columns of each list of which every item is a question, and some have its answer.

    ``{"answers": [{"question": "Why?", "answer": "Slow"}]}`` becomes ``{"Why?": "Slow"}``. A
    question that is the name of something else, or is asked twice, has the list's name before it.

    :raises RecursionError: where objects are nested too deep.
    """
    if not any(isinstance(value, dict | list) for value in record.values()):
        return record
    spread: _Record = {}
    for name, value in record.items():
        pairs = _read_pairs(value) if isinstance(value, list) else None
        if pairs is None:
            spread[name] = spread_answers(value) if isinstance(value, dict) else value
            continue
        for number, (question, answer) in enumerate(pairs):
            column = question
            if column in record or column in spread:
                column = f"{name}.{question}"
            spread[f"{column} ({number})" if column in spread else column] = answer
    return spread


def _read_pairs(items: list[Any]) -> list[tuple[str, Any]] | None:
    """Questions and answers; None where it is another kind of list."""
    if not items or not all(isinstance(item, dict) for item in items):
        return None
    asked, answers = _question_names(), _answer_names()
    pairs = []
    has_answer = False
    for item in items:
        names = {fold_name(name): name for name in item if isinstance(name, str)}
        question = next((_read_text(item[names[each]]) for each in asked if each in names), None)
        if not question:
            return None
        answer = next((names[each] for each in answers if each in names), None)
        has_answer |= answer is not None
        pairs.append((question, item.get(answer) if answer else None))
    return pairs if has_answer else None


def _read_text(question: Any) -> str | None:
    """What was asked: words, or an object that holds them."""
    if isinstance(question, dict):
        held = (question.get(name) for name in ("text", "title", "label", "name"))
        question = next((each for each in held if isinstance(each, str)), None)
    return " ".join(question.split()) if isinstance(question, str) else None


@cache
def _question_names() -> tuple[str, ...]:
    return tuple(load_vocabulary().roles["question"].names)


@cache
def _answer_names() -> tuple[str, ...]:
    return tuple(map(fold_name, load_config("roles.toml")["questions"]["answers"]))
