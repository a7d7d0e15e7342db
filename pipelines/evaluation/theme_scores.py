"""What an evaluation of themes finds, with labels or without."""

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from nlp.themes.scores import ThemeScores, score_themes
from nlp.themes.stability import Stability
from pipelines.evaluation.labels import show_label
from pipelines.evaluation.scores import Accounted


@dataclass(frozen=True)
class ThemeGroup:
    """Scores of all rows, or of those in one language."""

    lang: str
    scores: ThemeScores


@dataclass(frozen=True)
class FoundTheme:
    """A theme that was found.

    :param n: texts assigned to it.
    :param label: what most of them are in truth; None without labels, or where they are noise.
    :param share: of the assigned texts that have this label.
    """

    name: str
    n: int
    label: str | None = None
    share: float | None = None


@dataclass(frozen=True)
class TrueTheme:
    """A label, and where its texts went.

    :param n_themes: themes that at least a tenth of its texts are in.
    :param theme: that most are in; None where most are unassigned.
    :param share: of its texts that are in this theme, or unassigned.
    """

    label: str
    n: int
    n_themes: int
    theme: str | None
    share: float


@dataclass(frozen=True)
class ThemeEvaluation(Accounted):
    """What came out.

    :param unit: row where labels say what a row is about, else mention.
    :param n_units: of them.
    :param overall: None without labels, as are ``languages`` and ``labels``.
    :param stability: None with labels.
    """

    unit: str
    n_units: int
    notes: list[str]
    themes: list[FoundTheme]
    overall: ThemeGroup | None = None
    languages: tuple[ThemeGroup, ...] = ()
    labels: tuple[TrueTheme, ...] = ()
    stability: Stability | None = None


_MIN_SPREAD = 0.1


def score_languages(
    truth: Sequence[str | None], langs: Sequence[str], found: Any, is_assigned: Any
) -> list[ThemeGroup]:
    """Score the rows of each language; those with most rows first.

    A language without a row that has a theme in truth is left out.
    """
    counts = Counter(langs)
    groups = []
    for lang in sorted(counts, key=lambda lang: (-counts[lang], lang)):
        rows = [row for row, code in enumerate(langs) if code == lang]
        own = [truth[row] for row in rows]
        if any(label is not None for label in own):
            groups.append(ThemeGroup(lang, score_themes(own, found[rows], is_assigned[rows])))
    return groups


def describe_themes(
    names: Sequence[str], assigned: Any, truth: Sequence[str | None] | None
) -> list[FoundTheme]:
    """Describe what was found, the largest theme first.

    :param assigned: (n,) theme of each text, -1 for none.
    """
    described = []
    for number, name in enumerate(names):
        rows = np.flatnonzero(assigned == number).tolist()
        if truth is None or not rows:
            described.append(FoundTheme(name, len(rows)))
            continue
        label, n = _most_frequent(truth[row] for row in rows)
        shown = None if label is None else show_label(label)
        described.append(FoundTheme(name, len(rows), shown, n / len(rows)))
    return sorted(described, key=lambda each: -each.n)


def describe_labels(
    names: Sequence[str], assigned: Any, truth: Sequence[str | None]
) -> list[TrueTheme]:
    """Describe where the texts of each label went, the largest label first."""
    rows_of: dict[str, list[int]] = {}
    for row, label in enumerate(truth):
        if label is not None:
            rows_of.setdefault(label, []).append(row)
    described = []
    for label in sorted(rows_of, key=lambda label: (-len(rows_of[label]), label)):
        themes = Counter(assigned[rows_of[label]].tolist())
        n = themes.total()
        number, n_most = _most_frequent(themes.elements())
        n_themes = sum(k >= _MIN_SPREAD * n for each, k in themes.items() if each >= 0)
        name = None if number < 0 else names[number]
        described.append(TrueTheme(show_label(label), n, n_themes, name, n_most / n))
    return described


def _most_frequent(values: Any) -> tuple[Any, int]:
    counts = Counter(values)
    best = min(counts, key=lambda value: (-counts[value], str(value)))
    return best, counts[best]
