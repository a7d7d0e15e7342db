"""Which texts people are asked to code, and among which themes they choose."""

from dataclasses import dataclass
from hashlib import sha256

import numpy as np

from nlp.themes.content import is_without_content
from nlp.themes.discovery import Discovery
from nlp.themes.stability import Texts
from nlp.themes.vectors import mean_rows

N_CHOICES = 5


@dataclass(frozen=True)
class CodingItem:
    """A text to code.

    :param row: its row among the texts.
    :param choices: theme numbers in order, the found one among them: their order tells nothing.
    """

    row: int
    choices: tuple[int, ...]


def draw_items(texts: Texts, found: Discovery, n: int, seed: int) -> list[CodingItem]:
    """Draw texts at random, assigned or not, each distinct one once; in an order of their own.

    The order of the texts changes nothing.
    """
    first: dict[str, int] = {}
    for row in sorted(range(len(texts.texts)), key=lambda row: texts.documents[row]):
        if not is_without_content(texts.texts[row]):
            first.setdefault(texts.texts[row], row)
    ordered = sorted(first, key=lambda text: sha256(text.encode("utf-8", "surrogatepass")).digest())
    drawn = np.random.default_rng(seed).permutation(len(ordered))[:n]
    rows = [first[ordered[place]] for place in drawn]
    return [
        CodingItem(row, choices)
        for row, choices in zip(rows, _find_choices(texts, found, rows), strict=True)
    ]


def _find_choices(texts: Texts, found: Discovery, rows: list[int]) -> list[tuple[int, ...]]:
    """The nearest theme as found, and those whose centres are nearest."""
    if not found.n_themes:
        return [()] * len(rows)
    centred = texts.centre(found)
    is_assigned = np.array([reason is None for reason in found.reasons], dtype=bool)
    members = np.where(is_assigned, found.labels, -1).astype(np.int32)
    closeness = np.round(centred[rows] @ mean_rows(centred, members, found.n_themes).T, 4)
    closeness[np.arange(len(rows)), found.labels[rows]] = np.inf
    nearest = np.argsort(-closeness, axis=1, kind="stable")[:, :N_CHOICES]
    return [tuple(sorted(each)) for each in nearest.tolist()]
