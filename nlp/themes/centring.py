"""Subtract what a vector owes to its language, so that the same thing said in two languages meets.

Raw multilingual vectors cluster by language before they cluster by meaning: adjusted Rand index
with the true themes .28, after centring .8 (see design.md, "Themes across languages").
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cache
from importlib.resources import as_file, files

import numpy as np
from numpy.typing import NDArray

from nlp.themes.vectors import Floats, rows_by_language, unit_rows

# Rows at which the corpus' own mean weighs as much as the shipped one (themes.md, section 2).
_HALF_WEIGHT_ROWS = 200


@dataclass(frozen=True)
class LanguageMeans:
    """Mean vectors of neutral sentences, one per language, and the mean of those for the rest.

    :param means: language code to a (d,) vector.
    :param fallback: (d,) vector for any other language.
    """

    means: Mapping[str, Floats]
    fallback: Floats

    def mean_of(self, lang: str) -> Floats:
        """Give the mean of a language, or the fallback."""
        return self.means.get(lang, self.fallback)


@cache
def load_language_means() -> LanguageMeans:
    """Read the means that ship with the package, made by ``scripts/make_language_means.py``."""
    from safetensors.numpy import load_file

    with as_file(files("nlp") / "data" / "language_means.safetensors") as path:
        means = load_file(path)
    return LanguageMeans(means, np.mean([means[code] for code in sorted(means)], axis=0))


def zero_means(dim: int) -> LanguageMeans:
    """Means for an encoder that has none of its own: only the corpus' own means are subtracted."""
    return LanguageMeans({}, np.zeros(dim, dtype=np.float32))


def fit_centres(
    vectors: NDArray[np.floating], langs: Sequence[str], fixed: LanguageMeans
) -> dict[str, Floats]:
    """Blend each language's own mean with its fixed mean by the number of rows behind it.

    :param vectors: (n, d) unit rows, in canonical order.
    :returns: language code to the (d,) vector to subtract; keep it to centre later rows alike.
    """
    centres = {}
    for lang, rows in rows_by_language(langs).items():
        own = vectors[rows].mean(axis=0, dtype=np.float64)
        weight = len(rows) / (len(rows) + _HALF_WEIGHT_ROWS)
        centre = weight * own + (1 - weight) * fixed.mean_of(lang)
        centres[lang] = centre.astype(np.float32)
    return centres


def centre_rows(
    vectors: NDArray[np.floating], langs: Sequence[str], centres: LanguageMeans
) -> Floats:
    """Subtract each row's language centre and scale to unit length."""
    centred = vectors.astype(np.float32)
    for lang, rows in rows_by_language(langs).items():
        centred[rows] -= centres.mean_of(lang)
    return unit_rows(centred)


def align_languages(
    vectors: NDArray[np.floating],
    langs: Sequence[str],
    fixed: LanguageMeans,
    fit: NDArray[np.intp],
) -> Floats:
    """Place rows of all languages in one space, to compare them across languages only.

    Subtracts the fixed means, then what all languages of the corpus have in common: right links
    between two languages rise from .71 to .86 (themes.md, step 1).

    :param fit: rows to take the common part from.
    :returns: (n, d) unit rows.
    """
    shifted = centre_rows(vectors, langs, fixed)
    groups = rows_by_language([langs[row] for row in fit]).values()
    means = [shifted[fit[places]].mean(axis=0, dtype=np.float64) for places in groups]
    return unit_rows(shifted - np.mean(means, axis=0).astype(np.float32))
