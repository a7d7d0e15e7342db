"""How far themes hold when texts are left out or come in another order; how far apart they lie."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from nlp.themes.centring import LanguageMeans, centre_rows, load_language_means
from nlp.themes.discovery import Discovery, discover_themes

N_RESAMPLED = 5
N_SHUFFLED = 2
SHARE_KEPT = 0.8
# Silhouettes compare all with all.
_MAX_SILHOUETTE_ROWS = 2_000


@dataclass(frozen=True)
class Texts:
    """What discovery reads; see ``discover_themes`` for the fields."""

    texts: Sequence[str]
    vectors: NDArray[np.floating]
    langs: Sequence[str]
    documents: Sequence[str]
    means: LanguageMeans | None = None

    def take(self, rows: Sequence[int]) -> Texts:
        """Only these rows, in this order."""
        return Texts(
            [self.texts[row] for row in rows],
            self.vectors[list(rows)],
            [self.langs[row] for row in rows],
            [self.documents[row] for row in rows],
            self.means,
        )

    def centre(self, found: Discovery) -> NDArray[np.float32]:
        """(n, k) unit rows in the space that the themes were found in."""
        means = load_language_means() if self.means is None else self.means
        return centre_rows(self.vectors, self.langs, means.with_centres(found.centres))

    def discover(self) -> Discovery:
        """Find the themes."""
        return discover_themes(
            self.texts, self.vectors, self.langs, documents=self.documents, means=self.means
        )


@dataclass(frozen=True)
class Repeat:
    """Themes found again, compared on the texts that both discoveries saw.

    :param what: resampled or shuffled.
    :param is_same: whether every text has the same company.
    """

    what: str
    seed: int
    n_texts: int
    n_themes: int
    ami: float
    ari: float
    is_same: bool


@dataclass(frozen=True)
class Stability:
    """What can be said about themes without labels.

    :param separation: mean silhouette of assigned texts by cosine, -1..1; None with fewer than two
        themes.
    :param share_largest: of the assigned texts, those in the largest theme.
    :param unassigned: texts by the reason why they have no theme.
    """

    n_texts: int
    n_themes: int
    share_unassigned: float
    share_largest: float
    unassigned: dict[str, int]
    separation: float | None
    repeats: tuple[Repeat, ...]


def measure_stability(
    texts: Texts,
    found: Discovery,
    *,
    n_resampled: int = N_RESAMPLED,
    n_shuffled: int = N_SHUFFLED,
) -> Stability:
    """Find the themes again, of four fifths of the documents and in other orders.

    :param found: the themes of all texts.
    """
    reasons = Counter(reason for reason in found.reasons if reason is not None)
    n = len(texts.texts)
    assigned = _assigned_labels(found)
    sizes = np.bincount(assigned[assigned >= 0], minlength=1)
    seeds = [
        *(("resampled", seed) for seed in range(n_resampled)),
        *(("shuffled", seed) for seed in range(n_shuffled)),
    ]
    return Stability(
        n_texts=n,
        n_themes=found.n_themes,
        share_unassigned=reasons.total() / max(n, 1),
        share_largest=float(sizes.max() / max(sizes.sum(), 1)),
        unassigned=dict(sorted(reasons.items(), key=lambda item: (-item[1], item[0]))),
        separation=measure_separation(texts, found),
        repeats=tuple(_repeat(texts, found, *each) for each in seeds) if n else (),
    )


def measure_separation(texts: Texts, found: Discovery) -> float | None:
    """Average the silhouettes of assigned texts; of the first 2,000 of a fixed shuffle.

    Rousseeuw, Silhouettes, J. Comput. Appl. Math. 20 (1987), with cosine distance.
    """
    from sklearn.metrics import silhouette_score

    labels = _assigned_labels(found)
    rows = np.flatnonzero(labels >= 0)
    drawn = np.sort(np.random.default_rng(0).permutation(rows)[:_MAX_SILHOUETTE_ROWS])
    n_labels = len(np.unique(labels[drawn]))
    if not 2 <= n_labels < len(drawn):
        return None
    rows_of = texts.take(drawn.tolist()).centre(found)
    return round(float(silhouette_score(rows_of, labels[drawn], metric="cosine")), 4)


def _assigned_labels(found: Discovery) -> NDArray[np.integer]:
    is_assigned = np.array([reason is None for reason in found.reasons], dtype=bool)
    return np.where(is_assigned, found.labels, -1)


def _repeat(texts: Texts, found: Discovery, what: str, seed: int) -> Repeat:
    from sklearn.metrics import adjusted_mutual_info_score, adjusted_rand_score

    rng = np.random.default_rng(seed)
    rows = rng.permutation(len(texts.texts)) if what == "shuffled" else _draw(texts, rng)
    again = texts.take(rows.tolist()).discover()
    before = found.labels[rows]
    pairs = set(zip(before.tolist(), again.labels.tolist(), strict=True))
    return Repeat(
        what=what,
        seed=seed,
        n_texts=len(rows),
        n_themes=again.n_themes,
        ami=round(float(adjusted_mutual_info_score(before, again.labels)), 4),
        ari=round(float(adjusted_rand_score(before, again.labels)), 4),
        is_same=len(pairs) == len(set(before.tolist())) == len(set(again.labels.tolist())),
    )


def _draw(texts: Texts, rng: np.random.Generator) -> NDArray[np.intp]:
    """Rows of four fifths of the documents: parts of one text stay together."""
    names = np.asarray(texts.documents)
    documents = np.unique(names)
    n_kept = max(round(SHARE_KEPT * len(documents)), 1)
    return np.flatnonzero(np.isin(names, rng.choice(documents, n_kept, replace=False)))
