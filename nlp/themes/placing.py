"""Every text of a corpus gets the best of the themes that were found in some of them."""

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from nlp.themes.centring import (
    Alignment,
    LanguageMeans,
    centre_rows,
    fit_alignment,
    fit_centres,
)
from nlp.themes.confidence import fit_cut, score_confidence, strengths_of
from nlp.themes.corpus import Corpus
from nlp.themes.nearest import Nearest, Voters, cut_across
from nlp.themes.partition import inside_shares
from nlp.themes.parts import Parts
from nlp.themes.sites import place_voices
from nlp.themes.vectors import BLOCK_ROWS, READ_ROWS, Floats, Ints, map_in_threads, rows_by_language


@dataclass(frozen=True)
class Fitted:
    """The texts that themes are found in, in the spaces where they are compared.

    :param rows: (m,) their numbers in the corpus.
    :param sites: (n,) of every text of the corpus, see ``sites``.
    :param centred: (m, d) unit rows, to compare within a language.
    :param aligned: (m, d) unit rows, to compare across languages.
    """

    rows: NDArray[np.intp]
    sites: list[str]
    centred: Floats
    aligned: Floats
    centres: Mapping[str, Floats]
    means: LanguageMeans
    alignment: Alignment

    @property
    def own_sites(self) -> list[str]:
        """(m,) the site of each."""
        return [self.sites[row] for row in self.rows.tolist()]


def fit_spaces(
    corpus: Corpus,
    rows: NDArray[np.intp],
    fixed: LanguageMeans,
    centres: Mapping[str, Floats] | None,
) -> Fitted:
    """Read the texts that themes are to be found in.

    :param centres: see ``discover_themes``.
    """
    vectors, voices = corpus.vectors[rows], corpus.voices_of(rows)
    if centres is None:
        centres = fit_centres(vectors, voices, fixed)
    means = fixed.with_centres(centres)
    alignment = fit_alignment(vectors, voices, fixed.to_compare_languages(centres))
    return Fitted(
        rows,
        place_voices(corpus.voices, rows),
        centre_rows(vectors, voices, means),
        alignment.place(vectors, voices),
        centres,
        means,
        alignment,
    )


@dataclass(frozen=True)
class Placed:
    """Best theme of each text of a corpus; see ``Nearest`` for the fields."""

    labels: Ints
    strengths: Floats
    shares: Floats

    @classmethod
    def of_nothing(cls, n_texts: int) -> "Placed":
        """Room for so many texts, none with a theme."""
        nothing = np.zeros(n_texts, dtype=np.float32)
        return cls(np.full(n_texts, -1, dtype=np.int32), nothing, nothing.copy())

    def put(self, rows: NDArray[np.intp], found: Nearest, cut: tuple[float, float]) -> None:
        """Write what was found about some texts."""
        self.labels[rows], self.shares[rows] = found.labels, found.shares
        self.strengths[rows] = strengths_of(found.confidences, *cut)


def place_texts(corpus: Corpus, fitted: Fitted, parts: Parts) -> Placed:
    """Tell how sure the themes of the fitted texts are, and let these judge all others."""
    placed = Placed.of_nothing(len(corpus.texts))
    benches = {}
    for places, graph in parts.graphs:
        own, rows = parts.labels[places], fitted.centred[places]
        first = int(own.min())
        inside = inside_shares(graph, own - first)
        confidences = score_confidence(rows, own - first, graph.local, inside)
        cut = fit_cut(confidences)
        placed.put(fitted.rows[places], Nearest(own, inside, confidences), cut)
        bench = _Bench(Voters(rows, own), cut, is_across=False)
        benches.update(dict.fromkeys({fitted.sites[row] for row in fitted.rows[places]}, bench))
    if strangers := {*fitted.sites} - {*benches}:
        benches.update(dict.fromkeys(strangers, _seat_all(corpus, fitted, parts)))
    _place_others(corpus, fitted, placed, benches)
    return placed


@dataclass(frozen=True)
class _Bench:
    """Fitted texts that judge those of some sites.

    :param cut: of confidences, and its scale.
    """

    voters: Voters
    cut: tuple[float, float]
    is_across: bool


def _seat_all(corpus: Corpus, fitted: Fitted, parts: Parts) -> _Bench:
    """All that have a theme, to judge the texts of sites without one."""
    known = np.flatnonzero(parts.labels >= 0)
    rows, labels = fitted.aligned[known], parts.labels[known]
    langs = [corpus.langs[row] for row in fitted.rows[known].tolist()]
    return _Bench(Voters(rows, labels), cut_across(rows, langs, labels), is_across=True)


def _place_others(
    corpus: Corpus, fitted: Fitted, placed: Placed, benches: Mapping[str, _Bench]
) -> None:
    """Read the texts that have no theme yet, so many at a time, and judge them on all cores."""
    others = np.flatnonzero(placed.labels < 0)

    def judge(block: tuple[_Bench, NDArray[np.intp], Floats]) -> None:
        bench, rows, vectors = block
        voices = corpus.voices_of(rows)
        if bench.is_across:
            unit = fitted.alignment.place(vectors, voices)
        else:
            unit = centre_rows(vectors, voices, fitted.means)
        placed.put(rows, bench.voters.judge(unit), bench.cut)

    for start in range(0, len(others), READ_ROWS):
        rows = others[start : start + READ_ROWS]
        vectors = corpus.vectors[rows]
        by_site = rows_by_language([fitted.sites[row] for row in rows.tolist()])
        map_in_threads(
            judge,
            [
                (benches[site], rows[own[at : at + BLOCK_ROWS]], vectors[own[at : at + BLOCK_ROWS]])
                for site, own in by_site.items()
                for at in range(0, len(own), BLOCK_ROWS)
            ],
        )
