"""Scoring themes on an analyst's own rows, with labels or without; nothing is stored."""

from collections import Counter
from collections.abc import Iterator, Sequence
from typing import Any

from nlp.label_names import fold_label
from nlp.themes.scores import score_themes
from nlp.themes.stability import measure_stability
from pipelines.errors import ConfigError, InputError
from pipelines.evaluation.labelled import LabelledRow, find_sources
from pipelines.evaluation.labels import Task, fold, read_labels, show_label
from pipelines.evaluation.theme_scores import (
    ThemeEvaluation,
    ThemeGroup,
    describe_labels,
    describe_themes,
    score_languages,
)
from pipelines.evaluation.theme_texts import (
    FoundThemes,
    ReadFile,
    ThemeRequest,
    draw_rows,
    find_themes,
    read_file,
)
from pipelines.models import Models
from pipelines.progress import Progress
from pipelines.resources import load_config

FEW_ROWS = 200
# A column with more different values than this share of its rows is one of something else.
_MAX_LABEL_SHARE = 0.5
_MIN_LABELS = 20
_SHOWN = 10


def evaluate_themes(request: ThemeRequest, models: Models, progress: Progress) -> ThemeEvaluation:
    """Score themes against the labels of a file; without labels, by how far they hold.

    :raises ConfigError: for a model that cannot be used, a column that is not there, or labels
        that are none; before any text is read by a model.
    :raises InputError: when the file cannot be read, or holds no row to score.
    """
    models.check()
    read = read_file(find_sources(request.path, request.columns, Task.THEMES))
    if read.is_labelled:
        return _score_labelled(read, request, models, progress)
    if request.labels or request.noise_labels:
        raise ConfigError(
            f"{request.path} has no column of labels that --labels or --noise-label could be "
            "about; name it with --label COLUMN"
        )
    return _score_unlabelled(read, request, models, progress)


def find_unlabelled(
    request: ThemeRequest, models: Models, progress: Progress
) -> tuple[ReadFile, FoundThemes]:
    """Find themes in the mentions of a file, whatever its labels.

    :raises InputError: when it holds no text.
    """
    models.check()
    read = read_file(find_sources(request.path, request.columns, Task.THEMES))
    return read, _find_in_mentions(read, request, models, progress)


def _find_in_mentions(
    read: ReadFile, request: ThemeRequest, models: Models, progress: Progress
) -> FoundThemes:
    if not read.rows:
        raise InputError(
            f"{request.path}: none of {read.counts['n_rows']:,} rows has a text in column "
            f"{read.sources[0].text!r}; name another with --text"
        )
    drawn = draw_rows(read.rows, request.limit)
    return find_themes(drawn, request, models, progress, is_split=True)


def _score_unlabelled(
    read: ReadFile, request: ThemeRequest, models: Models, progress: Progress
) -> ThemeEvaluation:
    made = _find_in_mentions(read, request, models, progress)
    progress.start("finding them again", unit="")
    stability = measure_stability(made.texts, made.found)
    progress.finish()
    names = [name.name for name in made.names]
    n_drawn = min(len(read.rows), request.limit or len(read.rows))
    return ThemeEvaluation(
        **_describe_input(read, models),
        **_count_input(read, len(read.rows), n_drawn, len(set(made.rows))),
        unit="mention",
        n_units=len(made.texts.texts),
        notes=list(_note_few(made, n_drawn)),
        themes=describe_themes(names, made.assigned, None),
        stability=stability,
    )


def _score_labelled(
    read: ReadFile, request: ThemeRequest, models: Models, progress: Progress
) -> ThemeEvaluation:
    labelled = [row for row in read.rows if row.label]
    column = read.sources[0].label
    if not labelled:
        raise InputError(
            f"{request.path}: none of {read.counts['n_rows']:,} rows has both a text and a label "
            f"in column {column!r}; name other columns with --text and --label"
        )
    counts = Counter(row.label for row in labelled)
    meanings = read_labels(counts, Task.THEMES, request.labels, column).by_label
    noise = _find_noise_labels(counts, request, column)
    _check_labels(counts, request, column)
    asked = [row for row in labelled if meanings[fold(row.label)] is not None]
    drawn = draw_rows(asked, request.limit)
    truth_of = [
        None if fold_label(row.label) in noise else meanings[fold(row.label)] for row in drawn
    ]
    if not any(truth_of):
        raise InputError(
            f"{request.path}: none of the {len(drawn):,} labelled rows has a theme; see --labels "
            "and --noise-label"
        )
    made = find_themes(drawn, request, models, progress, is_split=False)
    truth = [truth_of[row] for row in made.rows]
    labels, is_assigned = made.found.labels, made.is_assigned
    names = [name.name for name in made.names]
    return ThemeEvaluation(
        **_describe_input(read, models),
        **_count_input(
            read, len(asked), len(drawn), len(made.rows), len(read.rows) - len(labelled)
        ),
        unit="row",
        n_units=len(made.rows),
        notes=[*_note_noise(drawn, noise), *_note_few(made, len(drawn))],
        overall=ThemeGroup("all", score_themes(truth, labels, is_assigned)),
        languages=tuple(score_languages(truth, made.texts.langs, labels, is_assigned)),
        themes=describe_themes(names, made.assigned, truth),
        labels=tuple(describe_labels(names, made.assigned, truth)),
    )


def _describe_input(read: ReadFile, models: Models) -> dict[str, Any]:
    source = read.sources[0]
    columns = {"text": source.text, "label": source.label or None, "lang": source.lang}
    named = {"encoder": models.encoder_name}
    return {"task": Task.THEMES.value, "columns": columns, "models": named}


def _count_input(
    read: ReadFile, n_asked: int, n_drawn: int, n_scored: int, n_unlabelled: int = 0
) -> dict[str, Any]:
    """Where every row of the file ended.

    :param n_asked: rows that could have been drawn.
    """
    return {
        "n_rows": read.counts["n_rows"],
        "n_scored": n_scored,
        "n_unlabelled": n_unlabelled,
        "n_empty": read.counts["n_empty"] + n_drawn - n_scored,
        "n_unreadable": read.counts["n_unreadable"],
        "n_left_out": len(read.rows) - n_unlabelled - n_asked,
        "n_not_drawn": n_asked - n_drawn,
    }


def _find_noise_labels(counts: Counter[str], request: ThemeRequest, column: str) -> frozenset[str]:
    """Folded labels that say that a text has no theme: those given, else those known."""
    present = {fold_label(label) for label in counts}
    if not request.noise_labels:
        return frozenset(present & set(load_config("evaluate.toml")["themes"]["none"]))
    given = {fold_label(label): label for label in request.noise_labels}
    if unknown := [label for folded, label in given.items() if folded not in present]:
        raise ConfigError(
            f"--noise-label: no row has {', '.join(map(repr, unknown))} in column {column!r}; "
            f"there are: {_list_labels(counts)}"
        )
    return frozenset(given)


def _check_labels(counts: Counter[str], request: ThemeRequest, column: str) -> None:
    n_rows = counts.total()
    if len(counts) > max(_MIN_LABELS, _MAX_LABEL_SHARE * n_rows):
        raise ConfigError(
            f"{request.path}: the {len(counts):,} different values of {n_rows:,} rows in column "
            f"{column!r} do not look like themes; name the column of labels with --label"
        )


def _list_labels(counts: Counter[str]) -> str:
    ranked = sorted(counts, key=lambda label: (-counts[label], label))
    more = f" and {len(ranked) - _SHOWN:,} more" if len(ranked) > _SHOWN else ""
    return ", ".join(f"{show_label(each)} ({counts[each]:,})" for each in ranked[:_SHOWN]) + more


def _note_noise(rows: Sequence[LabelledRow], noise: frozenset[str]) -> Iterator[str]:
    counts = Counter(row.label for row in rows if fold_label(row.label) in noise)
    if counts:
        yield (
            f"{_list_labels(counts)}: taken for rows without a theme; if they are a theme, say "
            "which label is not: --noise-label NAME"
        )


def _note_few(made: FoundThemes, n_rows: int) -> Iterator[str]:
    if not made.found.n_themes:
        yield f"no theme was found in {n_rows:,} rows: too few, or too unlike each other"
    elif n_rows < FEW_ROWS:
        yield f"fewer than {FEW_ROWS} rows: too few to judge themes by"
