"""The texts of a file that themes are evaluated on, read as a run would read them."""

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from nlp.cleaning import normalize_text, repair_text
from nlp.label_names import read_language
from nlp.masking import STANDARD, Masking, mask_text
from nlp.metrics import SEED
from nlp.themes.context import mix_context
from nlp.themes.discovery import Discovery
from nlp.themes.names import ThemeName, name_themes
from nlp.themes.stability import Texts
from pipelines.errors import InputError
from pipelines.evaluation.labelled import Columns, LabelledRow, Source, read_rows
from pipelines.feedback_rows import choose_language
from pipelines.models import Models
from pipelines.progress import Progress
from pipelines.reading.tables import BadRow
from pipelines.themes.pool import fixed_means

BATCH_TEXTS = 1_024


@dataclass(frozen=True)
class ThemeRequest:
    """What to find themes in; see :class:`pipelines.evaluation.models.Request`.

    :param noise_labels: labels that say that a text has no theme.
    """

    path: str
    columns: Columns = field(default_factory=Columns)
    labels: dict[str, str | None] = field(default_factory=dict)
    noise_labels: tuple[str, ...] = ()
    limit: int | None = None
    masking: Masking = STANDARD


@dataclass
class ReadFile:
    """The rows of a file that have a text, and why others have none.

    :param counts: n_rows, n_empty, n_unreadable.
    """

    sources: list[Source]
    rows: list[LabelledRow]
    counts: Counter[str]

    @property
    def is_labelled(self) -> bool:
        """Whether there is a column of labels."""
        return any(source.label for source in self.sources)


@dataclass(frozen=True)
class FoundThemes:
    """Texts with their themes.

    :param spoken: n texts verbatim, personal data masked.
    :param rows: n places among the rows that were asked for.
    """

    texts: Texts
    spoken: list[str]
    rows: list[int]
    found: Discovery
    names: list[ThemeName]

    @property
    def assigned(self) -> Any:
        """(n,) theme number of each text, -1 for none."""
        return np.where(self.is_assigned, self.found.labels, -1)

    @property
    def is_assigned(self) -> Any:
        """(n,) whether each text belongs to its nearest theme."""
        return np.array([reason is None for reason in self.found.reasons], dtype=bool)


def read_file(sources: list[Source]) -> ReadFile:
    """Read the rows of a file."""
    counts: Counter[str] = Counter()
    rows = []
    for row in read_rows(sources):
        counts["n_rows"] += 1
        if isinstance(row, BadRow):
            counts["n_unreadable"] += 1
        elif not row.text.strip():
            counts["n_empty"] += 1
        else:
            rows.append(row)
    return ReadFile(sources, rows, counts)


def draw_rows(rows: Sequence[LabelledRow], limit: int | None) -> list[LabelledRow]:
    """At most so many rows, drawn with a fixed seed, in their order."""
    if limit is None or len(rows) <= limit:
        return list(rows)
    places = np.random.default_rng(SEED).choice(len(rows), limit, replace=False)
    return [rows[place] for place in sorted(places.tolist())]


def find_themes(
    rows: Sequence[LabelledRow],
    request: ThemeRequest,
    models: Models,
    progress: Progress,
    *,
    is_split: bool,
) -> FoundThemes:
    """Find themes in rows, or in the mentions that they are split into.

    Rows of which cleaning leaves nothing have no text here.

    :raises InputError: when no row has one.
    """
    masked = [mask_text(repair_text(row.text), request.masking).text for row in rows]
    hints = [read_language(row.lang) if row.lang else None for row in rows]
    langs = [choose_language(*each) for each in zip(masked, hints, strict=True)]
    parts = _split(masked, langs) if is_split else list(enumerate(masked))
    cleaned = [(row, text, normalize_text(text, langs[row])) for row, text in parts]
    kept = [each for each in cleaned if each[2]]
    if not kept:
        raise InputError(f"{request.path}: none of the {len(rows):,} rows with a text has a word")
    places = [row for row, _, _ in kept]
    texts = [text for _, _, text in kept]
    vectors = _embed(texts, models, progress)
    # Rows are numbered: two of the same words are two documents, and stand side by side.
    documents = [f"{row:09d}" for row in places]
    if is_split:
        vectors = mix_context(vectors, documents)
    means = fixed_means(models, vectors.shape[1])
    read = Texts(texts, vectors, [langs[row] for row in places], documents, means)
    progress.start("finding themes", unit="")
    found = read.discover()
    is_assigned = np.array([reason is None for reason in found.reasons], dtype=bool)
    labels = np.where(is_assigned, found.labels, -1)
    names = name_themes(texts, read.langs, vectors, labels, found.n_themes, documents=documents)
    progress.finish(f"{found.n_themes:,} themes in {len(texts):,} texts")
    return FoundThemes(read, [spoken for _, spoken, _ in kept], places, found, names)


def _split(texts: Sequence[str], langs: Sequence[str]) -> list[tuple[int, str]]:
    from nlp.mentions import split_texts

    return [
        (row, texts[row][span.start : span.end])
        for row, spans in enumerate(split_texts(texts, langs))
        for span in spans
    ]


def _embed(texts: Sequence[str], models: Models, progress: Progress) -> Any:
    """(n, dim) vectors; each distinct text is read once."""
    distinct = sorted(set(texts))
    numbers = {text: number for number, text in enumerate(distinct)}
    progress.start("reading the texts", len(distinct), "texts")
    parts = []
    for start in range(0, len(distinct), BATCH_TEXTS):
        batch = distinct[start : start + BATCH_TEXTS]
        parts.append(models.embed(batch))
        progress.advance(len(batch))
    progress.finish()
    return np.concatenate(parts)[[numbers[text] for text in texts]]
