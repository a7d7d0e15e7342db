"""Columns that hold what people wrote: all that answer questions, or the best of the others."""

from collections.abc import Mapping, Sequence

from nlp.label_names import read_language
from pipelines.folding import fold_name
from pipelines.reading.evidence import Evidence
from pipelines.reading.name_columns import asks_for_name
from pipelines.reading.vocabulary import MIN_NAME_SCORE, Vocabulary

# A question whose answers are nearly all made of the same options is a closed one.
_TICKED_SHARE = 0.9
# Of columns that fill each other's gaps a few rows may fill two.
_EXCLUSIVE = 1.05


def choose_texts(
    columns: Sequence[str],
    weighed: Mapping[str, Evidence],
    known: Vocabulary,
    reasons: dict[str, str],
    labels: Mapping[str, str],
) -> tuple[str, ...]:
    """The columns that hold feedback, each an item of its own.

    :param reasons: takes why, by column.
    :param labels: what a survey asked in a column, where its name does not say it.
    """
    role = known.roles["text"]
    open_columns = [
        column
        for column in columns
        if may_be_text(column, weighed[column], known)
        and not asks_for_name(column)
        and not asks_for_name(labels.get(column, ""))
    ]
    several = [column for column in open_columns if _is_one_of_several(column, known)]
    questions = [
        column
        for column in open_columns
        if (known.is_question(column) or known.is_question(labels.get(column, "")))
        and column not in several
        and _is_answered(weighed[column])
        and weighed[column].ticked < _TICKED_SHARE
    ]
    named = [column for column in open_columns if known.score_name("text", column) >= 0.9]
    if questions or len(several) >= 2:
        told = {*questions, *several, *named}
        chosen = [column for column in columns if column in told]
        chosen = [column for column in chosen if _is_answered(weighed[column])] or chosen
        for column in chosen:
            reasons[column] = "free text under a name that asks or names an opinion"
        return tuple(chosen)
    rated = [
        (_rate_text(column, weighed[column], known), column)
        for column in open_columns
        if known.score_name("text", column) >= MIN_NAME_SCORE or weighed[column].is_prose
    ]
    if not rated:
        return ()
    score, best = min(rated, key=lambda item: (-item[0], item[1]))
    siblings = _find_siblings(best, open_columns, weighed, known)
    if len(siblings) > 1:
        reasons |= dict.fromkeys(siblings, "one of several columns of the same name")
        return siblings
    is_named = known.score_name("text", best) >= MIN_NAME_SCORE
    reasons[best] = "by its name" + (" and its free text" if weighed[best].is_prose else "")
    if not is_named:
        reasons[best] = "its values are free text"
    return (best,) if score > 0 or role.names else ()


def _find_siblings(
    best: str, open_columns: Sequence[str], weighed: Mapping[str, Evidence], known: Vocabulary
) -> tuple[str, ...]:
    """Columns of a text's name: `Comment` and `Comment (2)`, or `comment_en` and `comment_he`.

    Those of languages only where each row fills one of them: else one is the other's translation.
    """
    stem, is_in_language = _split_name(best)
    if max(known.score_name("text", best), known.score_name("text", stem)) < 0.9:
        return (best,)
    alike = [
        column
        for column in open_columns
        if _split_name(column)[0] == stem and _is_answered(weighed[column])
    ]
    if is_in_language or any(_split_name(column)[1] for column in alike):
        n_rows = max(evidence.n_filled for evidence in weighed.values())
        n_filled = sum(weighed[column].n_filled for column in alike)
        return tuple(alike) if n_filled <= _EXCLUSIVE * n_rows else (best,)
    return tuple(alike)


def _split_name(column: str) -> tuple[str, bool]:
    """A column's name without its number or language, and whether it had a language."""
    words = fold_name(column).split()
    while len(words) > 1 and words[-1].isdigit():
        words.pop()
    is_in_language = len(words) > 1 and read_language(words[-1]) is not None
    return " ".join(words[:-1] if is_in_language else words), is_in_language


def may_be_text(column: str, evidence: Evidence, known: Vocabulary) -> bool:
    """Tell whether a column may hold what people wrote, by its name and values."""
    if known.score_name("reply", column) >= 0.6 or known.score_name("private", column) >= 0.6:
        return False
    if known.score_name("title", column) >= 0.9 or known.score_name("question", column) >= 0.9:
        return False
    if evidence.n_filled == 0:
        return known.score_name("text", column) >= 0.9
    return evidence.is_wordy or (
        known.score_name("text", column) >= 0.9
        and max(evidence.emails, evidence.dates, evidence.codes) < 0.9
    )


def _is_one_of_several(column: str, known: Vocabulary) -> bool:
    return fold_name(column) in known.roles["text"].several


def _is_answered(evidence: Evidence) -> bool:
    is_open = evidence.distinct >= 0.3 and evidence.mean_words >= 1.5
    return evidence.n_filled > 0 and evidence.letters >= 0.5 and (is_open or evidence.is_prose)


def _rate_text(column: str, evidence: Evidence, known: Vocabulary) -> float:
    prose = min(evidence.mean_words, 20) / 20 * evidence.distinct * evidence.letters
    never = known.roles["text"].never
    name = known.score_name("text", column)
    is_ruled_out = any(word in column.lower().replace("_", " ").split() for word in never)
    return 1.5 * name + prose - (0.5 if is_ruled_out else 0.0)
