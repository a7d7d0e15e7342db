"""Scoring the models on an analyst's own labelled rows; nothing is stored.

Each task says how it predicts; everything else is shared, so that a further task is one entry of
`_PREDICTORS` and what its labels mean.
"""

from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from itertools import islice

from nlp.cleaning import normalize_text, repair_text
from nlp.label_names import read_language
from nlp.languages import Language, detect_language
from nlp.masking import STANDARD, Masking, mask_text
from nlp.metrics import N_RESAMPLES, SEED
from nlp.sentiment import LABELS, Sentiment, sentiment_of
from pipelines.errors import InputError
from pipelines.evaluation.labelled import Columns, LabelledRow, Source, find_sources, read_rows
from pipelines.evaluation.labels import Meanings, Task, fold, read_labels
from pipelines.evaluation.scores import Evaluation, Group, ReadRow, score_group, score_languages
from pipelines.feedback_rows import choose_language
from pipelines.models import Models
from pipelines.noise_texts import read_noise
from pipelines.progress import Progress, count_units
from pipelines.reading.tables import BadRow

BATCH_ROWS = 1_024
FEW_ROWS = 30
_KEPT_CHARS = 800  # of each text, for the worst mistakes
ENOUGH_ROWS = 200
_BOOTSTRAP = f"{N_RESAMPLES:,} bootstrap resamples, seed {SEED}"
INTERVAL = f"95 % interval from {_BOOTSTRAP}, no narrower than Wilson's"


@dataclass(frozen=True)
class Request:
    """What to score.

    :param labels: meaning by folded label, as a person says; None leaves its rows out.
    :param limit: score at most so many rows, drawn with a fixed seed.
    """

    path: str
    task: Task
    columns: Columns = field(default_factory=Columns)
    labels: dict[str, str | None] = field(default_factory=dict)
    limit: int | None = None
    masking: Masking = STANDARD


def evaluate_file(request: Request, models: Models, progress: Progress) -> Evaluation:
    """Score the models on the labelled rows of a file.

    :raises ConfigError: for a model that cannot be used, a column that is not there, or labels
        without a known meaning; before any text is read by a model.
    :raises InputError: when the file cannot be read, or holds no labelled row.
    """
    if request.task in (Task.SENTIMENT, Task.NOISE):
        models.check()
    sources = find_sources(request.path, request.columns, request.task)
    labels, counts = _count_rows(sources)
    column = sources[0].label
    if not labels:
        raise InputError(
            f"{request.path}: none of {counts['n_rows']:,} rows has both a text and a label in "
            f"column {column!r}; name other columns with --text and --label"
        )
    meanings = read_labels(labels, request.task, request.labels, column)
    chosen = _choose_rows(labels, meanings, request.limit)
    read = list(_read_all(sources, meanings, chosen, request, models, progress))
    counts["n_empty"] += len(chosen) - len(read)
    counts["n_left_out"] = sum(n for label, n in labels.items() if _leaves_out(meanings, label))
    n_open = labels.total() - counts["n_left_out"]
    if not read:
        raise InputError(f"{request.path}: none of the {n_open:,} labelled rows can be scored")
    overall = score_group("all", read, request.task)
    languages = score_languages(read, request.task)
    return Evaluation(
        task=request.task.value,
        columns={"text": sources[0].text, "label": column, "lang": sources[0].lang},
        models=_name_models(request.task, models),
        n_scored=len(read),
        n_not_drawn=n_open - len(chosen),
        notes=list(_list_notes(meanings, request.task, overall, languages)),
        interval=INTERVAL,
        overall=overall,
        languages=languages,
        **{name: counts[name] for name in _COUNTS},
    )


_CLASSES = {Task.SENTIMENT: LABELS, Task.NOISE: ("noise", "sound")}
_COUNTS = ("n_rows", "n_unlabelled", "n_empty", "n_unreadable", "n_left_out")


def _count_rows(sources: Sequence[Source]) -> tuple[Counter[str], Counter[str]]:
    """Rows by label, and rows that cannot be scored by the reason."""
    labels: Counter[str] = Counter()
    counts: Counter[str] = Counter()
    for row in read_rows(sources):
        counts["n_rows"] += 1
        if isinstance(row, BadRow):
            counts["n_unreadable"] += 1
        elif not row.text.strip():
            counts["n_empty"] += 1
        elif not row.label:
            counts["n_unlabelled"] += 1
        else:
            labels[row.label] += 1
    return labels, counts


def _leaves_out(meanings: Meanings, label: str) -> bool:
    return meanings.by_label[fold(label)] is None


def _choose_rows(labels: Counter[str], meanings: Meanings, limit: int | None) -> frozenset[int]:
    """Places, among the rows with a meaning, of those to score."""
    n = sum(count for label, count in labels.items() if not _leaves_out(meanings, label))
    if limit is None or n <= limit:
        return frozenset(range(n))
    import numpy as np

    return frozenset(np.random.default_rng(SEED).choice(n, limit, replace=False).tolist())


def _read_all(
    sources: Sequence[Source],
    meanings: Meanings,
    chosen: frozenset[int],
    request: Request,
    models: Models,
    progress: Progress,
) -> Iterator[ReadRow]:
    usable = (
        row
        for row in read_rows(sources)
        if isinstance(row, LabelledRow) and row.text.strip() and row.label
    )
    meant = (row for row in usable if not _leaves_out(meanings, row.label))
    rows = (row for place, row in enumerate(meant) if place in chosen)
    predict = _PREDICTORS[request.task]
    progress.start("scoring", len(chosen))
    while batch := list(islice(rows, BATCH_ROWS)):
        texts = [mask_text(repair_text(row.text), request.masking).text for row in batch]
        yield from predict(batch, texts, meanings, models)
        progress.advance(len(batch))
    progress.finish()


def _predict_sentiment(
    rows: Sequence[LabelledRow], texts: Sequence[str], meanings: Meanings, models: Models
) -> Iterator[ReadRow]:
    """The main job's own way: language, normalised form, one pass of the models."""
    hints = [read_language(row.lang) if row.lang else None for row in rows]
    langs = [choose_language(text, hint) for text, hint in zip(texts, hints, strict=True)]
    normalised = [normalize_text(text, lang) for text, lang in zip(texts, langs, strict=True)]
    filled = [place for place, text in enumerate(normalised) if text]
    if not filled:
        return
    found = models.read([normalised[place] for place in filled], [langs[place] for place in filled])
    for place, probabilities in zip(filled, found.probabilities, strict=True):
        sentiment = sentiment_of(probabilities)
        truth = meanings.by_label[fold(rows[place].label)] or ""
        group = hints[place] or langs[place]
        yield _record(rows[place], texts[place], group, truth, sentiment)


def _predict_language(
    rows: Sequence[LabelledRow], texts: Sequence[str], meanings: Meanings, _models: Models
) -> Iterator[ReadRow]:
    for row, text in zip(rows, texts, strict=True):
        found = detect_language(text)
        truth = meanings.by_label[fold(row.label)] or ""
        yield _record(row, text, truth, truth, found)


def _predict_noise(
    rows: Sequence[LabelledRow], texts: Sequence[str], meanings: Meanings, models: Models
) -> Iterator[ReadRow]:
    """The main job's own way, but for copies, campaigns and what other columns of a row say."""
    hints = [read_language(row.lang) if row.lang else None for row in rows]
    langs = [choose_language(text, hint) for text, hint in zip(texts, hints, strict=True)]
    for row, text, lang, found in zip(
        rows, texts, langs, read_noise(texts, langs, models), strict=True
    ):
        truth = meanings.by_label[fold(row.label)] or ""
        confidence = found.score if found.reason else 1 - found.score
        predicted = "noise" if found.reason else "sound"
        yield ReadRow(row.file, row.number, text[:_KEPT_CHARS], lang, truth, predicted, confidence)


def _record(
    row: LabelledRow, text: str, lang: str, truth: str, found: Sentiment | Language
) -> ReadRow:
    predicted = found.code if isinstance(found, Language) else found.label
    kept = text[:_KEPT_CHARS]
    return ReadRow(row.file, row.number, kept, lang, truth, predicted, found.confidence)


_Predict = Callable[
    [Sequence[LabelledRow], Sequence[str], Meanings, Models],
    Iterator[ReadRow],
]
_PREDICTORS: dict[Task, _Predict] = {
    Task.SENTIMENT: _predict_sentiment,
    Task.LANGUAGE: _predict_language,
    Task.NOISE: _predict_noise,
}


def _list_notes(
    meanings: Meanings, task: Task, overall: Group, languages: Sequence[Group]
) -> Iterator[str]:
    if meanings.note:
        yield f"{meanings.note}; if they mean something else, say so with --labels"
    present = [each.label for each in overall.scores.labels if each.n]
    absent = [label for label in _CLASSES.get(task, ()) if label not in present]
    if absent:
        yield (
            f"no row is labelled {' or '.join(absent)}: macro-F1 is over {' and '.join(present)} "
            f"alone, and is no measure of a file that holds all classes"
        )
    if overall.scores.n < FEW_ROWS:
        rows = count_units(overall.scores.n, "rows")
        yield f"{rows} in all: too few to judge the models by; {ENOUGH_ROWS} are enough"
        return
    small = [group.lang for group in languages if group.scores.n < FEW_ROWS]
    if small:
        shown = ", ".join(small[:10]) + (" ..." if len(small) > 10 else "")
        yield f"fewer than {FEW_ROWS} rows in {shown}: too few to judge a language by"


def _name_models(task: Task, models: Models) -> dict[str, str]:
    if task is Task.SENTIMENT:
        return {"encoder": models.encoder_name, "sentiment": models.sentiment_name}
    if task is Task.NOISE:
        return {"encoder": models.encoder_name}
    return {}
