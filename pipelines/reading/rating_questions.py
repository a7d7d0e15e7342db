"""Columns that hold the answers to questions for a rating, and which of them is the rating."""

from collections.abc import Iterable, Mapping

from pipelines.reading.evidence import Evidence
from pipelines.reading.numbers import read_scale
from pipelines.reading.rating_words import score_question
from pipelines.reading.vocabulary import MIN_NAME_SCORE, Vocabulary

# A role that a column may have: how well it fits, the role, the column and why.
Claim = tuple[float, str, str, str]
# So many answers of two kinds only are a yes and a no, whatever numbers stand for them.
_MIN_FLAGS = 10


def score_rating(column: str, label: str, evidence: Evidence, known: Vocabulary) -> float:
    """How much a name and what was asked speak for a rating; a question may just name its scale.

    :param label: what a survey asked in the column, where its name does not say it; else empty.
    """
    names = (column, label)
    score = max(known.score_name("rating", name) for name in names)
    if not _is_flag(evidence):
        score = max(score, *map(score_question, names))
    asked = (name for name in names if known.is_question(name))
    if score < MIN_NAME_SCORE and any(map(read_scale, asked)):
        return MIN_NAME_SCORE
    return score


def is_asked_for(column: str, label: str) -> bool:
    """Tell whether a question asks for a rating: what fits one then is nothing else."""
    return any(map(score_question, (column, label)))


def leave_rivals_out(claims: Iterable[Claim], labels: Mapping[str, str]) -> list[Claim]:
    """Leave out all that would be the rating, where several questions ask for one equally.

    A survey that asks for one of the food, one of the room and one of the staff has no rating of
    the whole: to choose the first would tell of the food as if it were all.
    """
    kept = [*claims]
    ratings = sorted((claim for claim in kept if claim[1] == "rating"), reverse=True)
    if len(ratings) < 2 or ratings[0][0] != ratings[1][0]:
        return kept
    if not is_asked_for(ratings[0][2], labels.get(ratings[0][2], "")):
        return kept
    return [claim for claim in kept if claim[1] != "rating"]


def _is_flag(evidence: Evidence) -> bool:
    return evidence.n_distinct <= 2 and evidence.n_filled >= _MIN_FLAGS
