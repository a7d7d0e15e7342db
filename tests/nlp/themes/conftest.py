"""Corpora with planted themes: vectors around a centre per theme, shifted by language."""

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
import pytest
from numpy.typing import NDArray

from nlp.themes.centring import LanguageMeans

DIM = 32
LETTERS = {"en": "aeioubcdfglmnprst", "he": "אבגדהוזחטילמנסר", "ar": "ابتثجحدرسشعفقلمن"}


@dataclass(frozen=True)
class Planted:
    texts: list[str]
    vectors: NDArray[np.float16]
    langs: list[str]
    gold: NDArray[np.int64]
    means: LanguageMeans


def plant(sizes: dict[str, int], n_themes: int = 6, noise: float = 0.5, seed: int = 0) -> Planted:
    """Plant themes: ``sizes`` is texts per language and theme."""
    rng = np.random.default_rng(seed)
    centres = _unit(rng.normal(size=(n_themes, DIM)))
    shifts = {lang: 2 * _unit(rng.normal(size=(1, DIM)))[0] for lang in sorted(sizes)}
    texts, rows, langs, gold = [], [], [], []
    for lang, size in sorted(sizes.items()):
        for theme in range(n_themes):
            points = centres[theme] + noise * rng.normal(size=(size, DIM)) / DIM**0.5
            for point in points:
                texts.append(" ".join(_word(rng, lang) for _ in range(6)))
                rows.append(_unit((_unit(point[None])[0] + shifts[lang])[None])[0])
                langs.append(lang)
                gold.append(theme)
    means = {
        lang: (shift / np.linalg.norm(shift + centres[0])).astype(np.float32)
        for lang, shift in shifts.items()
    }
    fallback = np.mean(list(means.values()), axis=0).astype(np.float32)
    return Planted(
        texts,
        np.asarray(rows, dtype=np.float16),
        langs,
        np.asarray(gold),
        LanguageMeans(means, fallback),
    )


def _word(rng: np.random.Generator, lang: str) -> str:
    letters = LETTERS[lang]
    return "".join(letters[place] for place in rng.integers(0, len(letters), 5))


def _unit(rows: NDArray[np.float64]) -> NDArray[np.float64]:
    return rows / np.linalg.norm(rows, axis=1, keepdims=True)


@pytest.fixture(scope="session")
def planted() -> Callable[..., Planted]:
    return plant
