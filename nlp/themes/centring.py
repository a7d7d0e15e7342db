"""Take off what a vector owes to its language and register, and look at what is left of its theme.

Raw multilingual vectors cluster by language before they cluster by meaning: adjusted Rand index
with the true themes .28, after centring .8 (see design.md, "Themes across languages"). Within a
language they cluster by register: without centring each, the English posts of the demo, among its
surveys and complaints, were one theme.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from functools import cache, cached_property
from importlib.resources import as_file, files

import numpy as np
from numpy.typing import NDArray

from nlp.themes.vectors import Floats, rows_by_language, unit_rows

# Rows at which the corpus' own mean weighs as much as the shipped one: customers do not write as
# encyclopedias do. With 200 the demo's posts score AMI .277, with 50 .292, with 20 .294.
_HALF_WEIGHT_ROWS = 50
# Rows at which a register's own mean weighs as much as its language's; 200 do as well (demo).
_HALF_WEIGHT_VOICE_ROWS = 50
_VOICE = "/"
# Multiples of this keep sums of products of float64 exact, whatever their order.
_FINE_GRID = 2.0**20
_BLOCK = 4096


@dataclass(frozen=True)
class LanguageMeans:
    """What to subtract from each language, and the directions in which themes differ.

    :param means: language code, or voice (see :func:`voice_of`), to a (d,) vector.
    :param fallback: (d,) vector for any other language.
    :param projection: (d, k) matrix that centred rows are multiplied with, None for none.
    """

    means: Mapping[str, Floats]
    fallback: Floats
    projection: Floats | None = None

    @property
    def width(self) -> int:
        """Dimensions of centred rows."""
        return len(self.fallback) if self.projection is None else self.projection.shape[1]

    @cached_property
    def exact_projection(self) -> NDArray[np.float64]:
        """The projection, to multiply rows with that were counted in steps of the fine grid."""
        if self.projection is None:
            raise ValueError("these means have no projection")
        return np.asarray(_on_fine_grid(self.projection) / _FINE_GRID**2, dtype=np.float64)

    def mean_of(self, voice: str) -> Floats:
        """Give the mean of a voice, else of its language, else the fallback."""
        own = self.means.get(voice)
        return self.means.get(language_of(voice), self.fallback) if own is None else own

    def with_centres(self, centres: Mapping[str, Floats]) -> LanguageMeans:
        """Put what was fitted to a corpus in the place of the fixed means."""
        return replace(self, means={**self.means, **centres})

    def to_compare_languages(self, centres: Mapping[str, Floats]) -> LanguageMeans:
        """Choose the means for :func:`align_languages`: the corpus' own where voices differ."""
        return self.with_centres(centres) if any(_VOICE in voice for voice in centres) else self

    def without_projection(self) -> LanguageMeans:
        """Keep all directions."""
        return replace(self, projection=None)


def voice_of(lang: str, register: str) -> str:
    """Name one way of writing: posts in Hebrew, answers to a survey in English."""
    return f"{lang}{_VOICE}{register}" if register else lang


def language_of(voice: str) -> str:
    """Give the language of a voice."""
    return voice.partition(_VOICE)[0]


def name_voices(langs: Sequence[str], registers: Sequence[str] | None) -> list[str]:
    """Name the voice of each row; see :func:`voice_of`.

    :raises ValueError: when lengths differ.
    """
    if registers is None:
        return list(langs)
    if len(registers) != len(langs):
        raise ValueError(f"{len(langs)} texts need as many registers, got {len(registers)}")
    return [voice_of(*pair) for pair in zip(langs, registers, strict=True)]


@cache
def load_language_means() -> LanguageMeans:
    """Read what ships for the default encoder.

    Made by ``scripts/make_language_means.py`` and ``scripts/make_theme_projection.py``.
    """
    from safetensors.numpy import load_file

    with as_file(files("nlp") / "data" / "language_means.safetensors") as path:
        means = load_file(path)
    with as_file(files("nlp") / "data" / "theme_projection.safetensors") as path:
        projection = load_file(path)["projection"].astype(np.float32)
    fallback = np.mean([means[code] for code in sorted(means)], axis=0)
    return LanguageMeans(means, fallback, projection)


def zero_means(dim: int) -> LanguageMeans:
    """Means for an encoder that has none of its own: only the corpus' own means are subtracted."""
    return LanguageMeans({}, np.zeros(dim, dtype=np.float32))


def fit_centres(
    vectors: NDArray[np.floating], voices: Sequence[str], fixed: LanguageMeans
) -> dict[str, Floats]:
    """Blend the own mean of each language and voice with what is known of it, by its rows.

    A language falls back on its fixed mean, a voice on its language.

    :param vectors: (n, d) unit rows, in canonical order.
    :param voices: n voices or plain language codes.
    :returns: language or voice to the (d,) vector to subtract; keep it to centre later rows alike.
    """
    langs = [language_of(voice) for voice in voices]
    centres = {
        lang: _blend(vectors[rows], fixed.mean_of(lang), _HALF_WEIGHT_ROWS)
        for lang, rows in rows_by_language(langs).items()
    }
    for voice, rows in rows_by_language(voices).items():
        if voice not in centres:
            known = centres[language_of(voice)]
            centres[voice] = _blend(vectors[rows], known, _HALF_WEIGHT_VOICE_ROWS)
    return centres


def _blend(rows: NDArray[np.floating], known: Floats, half_weight: int) -> Floats:
    weight = len(rows) / (len(rows) + half_weight)
    own = rows.mean(axis=0, dtype=np.float64)
    return np.asarray(weight * own + (1 - weight) * known, dtype=np.float32)


def centre_rows(
    vectors: NDArray[np.floating], voices: Sequence[str], centres: LanguageMeans
) -> Floats:
    """Subtract each row's centre, project, and scale to unit length."""
    return unit_rows(_project(_subtract(vectors, voices, centres), centres))


def _subtract(
    vectors: NDArray[np.floating], voices: Sequence[str], centres: LanguageMeans
) -> Floats:
    centred = vectors.astype(np.float32)
    by_voice = rows_by_language(voices)
    for voice, rows in by_voice.items():
        # A block of one voice, as assignment asks, needs no row picked out.
        centred[rows if len(by_voice) > 1 else slice(None)] -= centres.mean_of(voice)
    return unit_rows(centred)


def _project(rows: Floats, space: LanguageMeans) -> Floats:
    """Multiply with the projection; the same for every thread count, block and row order."""
    if space.projection is None:
        return rows
    matrix = space.exact_projection
    projected = np.empty((len(rows), matrix.shape[1]), dtype=np.float32)
    for start in range(0, len(rows), _BLOCK):
        block = slice(start, start + _BLOCK)
        projected[block] = _on_fine_grid(rows[block]) @ matrix
    return projected


def _on_fine_grid(values: Floats) -> NDArray[np.float64]:
    """Give whole multiples of the grid's step, as many as each value has."""
    scaled = values * np.float32(_FINE_GRID)
    return np.asarray(np.rint(scaled, out=scaled), dtype=np.float64)


@dataclass(frozen=True)
class Alignment:
    """One space for rows of all languages, to compare them across languages only.

    Subtracts the fixed means, then what all languages of the corpus have in common: right links
    between two languages rise from .71 to .86 (themes.md, step 1).

    :param space: means of languages; of voices too where a language has several.
    :param common: (d,) what the languages have in common.
    """

    space: LanguageMeans
    common: Floats

    def place(self, vectors: NDArray[np.floating], voices: Sequence[str]) -> Floats:
        """Place rows, each by itself: (n, d) unit rows."""
        shifted = _subtract(vectors, voices, self.space)
        return unit_rows(_project(unit_rows(shifted - self.common), self.space))


def fit_alignment(
    vectors: NDArray[np.floating], voices: Sequence[str], space: LanguageMeans
) -> Alignment:
    """Find what the languages of a corpus have in common.

    :param vectors: (n, d) unit rows, in canonical order.
    """
    shifted = _subtract(vectors, voices, space)
    groups = rows_by_language([language_of(voice) for voice in voices]).values()
    means = [shifted[places].mean(axis=0, dtype=np.float64) for places in groups]
    return Alignment(space, np.mean(means, axis=0).astype(np.float32))
