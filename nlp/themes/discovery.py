"""Find the themes of a corpus, how many there are included, in one or many languages.

The chain and its constants come from measurements on ten sets (``themes.md`` of issue 2): centre
each language, join near texts in a graph, find dense cores, spread them over the graph, keep what
holds together, then recognise the same theme in other languages.
"""

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from nlp.themes.centring import LanguageMeans, load_language_means, name_voices
from nlp.themes.confidence import explain_all
from nlp.themes.corpus import Corpus, choose_fit_rows, collapse_texts
from nlp.themes.granularity import Granularity
from nlp.themes.groups import coarsen_themes, group_themes, number_groups
from nlp.themes.levels import COARSENING, check_granularity
from nlp.themes.linking import Link, join_linked, link_themes
from nlp.themes.parts import Parts, partition_sites
from nlp.themes.placing import Fitted, Placed, fit_spaces, place_texts
from nlp.themes.repeated import choose_repeated, group_alike, place_by_repeated
from nlp.themes.sites import site_language
from nlp.themes.steadying import KnownLabels, steady_links
from nlp.themes.vectors import Floats, Ints, VectorRows, check_finite, check_shape

# From themes.md, step 9: at .35 about .86 of the links between English and Arabic are right; from
# .30 on a link is worth showing to a person: of 12 between .30 and .35 on the demo and on banking77
# with arbanking77 (train and test) 7 are right where both languages speak of all intents. Between
# .25 and .30 all 3 of the demo are wrong, and 9 of 19 where banking77 has intents of one language.
LINK_STRENGTH = 0.35
SUGGESTED_STRENGTH = 0.3
# The graph and HDBSCAN are quadratic: 23 s for 20,000 rows, 250 s for 80,000.
MAX_FIT_ROWS = 20_000
# A language is one of a theme's own when it brings this share of its rows.
_PART_SHARE = 0.2
_PART_ROWS = 3


@dataclass(frozen=True)
class Discovery:
    """The themes of a corpus; row numbers are those of the input.

    :param labels: (n,) best theme of each text, -1 only where there is no theme at all.
    :param strengths: (n,) 0..1; below one half a text is unassigned.
    :param reasons: n reasons for being unassigned, None for assigned texts.
    :param n_themes: themes are numbered 0..n_themes-1, largest first.
    :param groups: (n_themes,) number of the group of each theme, -1 for a theme alone.
    :param theme_langs: for each theme the languages that it was found in by clustering.
    :param suggestions: pairs of themes of different languages that may be the same.
    :param centres: what was subtracted from each language; keep it to assign later texts alike.
    """

    labels: Ints
    strengths: Floats
    reasons: tuple[str | None, ...]
    n_themes: int
    groups: Ints
    theme_langs: tuple[tuple[str, ...], ...]
    suggestions: tuple[Link, ...]
    centres: Mapping[str, Floats]


def import_libraries() -> None:
    """Import what discovery imports when it is first used (about 3 s), where there is time."""
    import hdbscan  # noqa: F401
    import scipy.sparse  # noqa: F401
    import sklearn.feature_extraction.text  # noqa: F401


def discover_themes(
    texts: Sequence[str],
    vectors: VectorRows,
    langs: Sequence[str],
    *,
    registers: Sequence[str] | None = None,
    documents: Sequence[str] | None = None,
    periods: Sequence[str] | None = None,
    means: LanguageMeans | None = None,
    link_strength: float = LINK_STRENGTH,
    max_fit_rows: int = MAX_FIT_ROWS,
    known: KnownLabels | None = None,
    centres: Mapping[str, Floats] | None = None,
    granularity: Granularity = "normal",
    counts: Sequence[int] | None = None,
) -> Discovery:
    """Find themes; equal texts share a fate, and the order of rows changes nothing.

    :param texts: n normalised texts, handles and links removed before they were encoded.
    :param vectors: (n, d) unit rows of one encoder, float16 or float32; those beyond
        ``max_fit_rows`` are read in blocks.
    :param langs: n ISO 639-1 codes, ``und`` where unknown.
    :param registers: n names of where each text was written (survey, review, social ...), so that
        texts are not grouped by the way of writing that these bring; None where all are alike.
    :param documents: n keys of what each text is a part of; None where each stands alone.
    :param periods: n names of when each was written, to draw texts from all times alike where there
        are too many; None where nothing is known.
    :param means: fixed language means of this encoder; those of the default encoder if None.
    :param link_strength: from which vote share on themes of two languages become one.
    :param max_fit_rows: distinct texts to cluster, drawn from all (see ``sampling``); the rest is
        assigned by its neighbours among them.
    :param known: themes that the n texts had before, which are changed only for a reason; see
        ``steadying``. Numbers of the themes found have nothing to do with these.
    :param centres: what to subtract from each language, from an earlier discovery: the own mean of
        a batch about one thing is that thing. Fitted to the texts if None.
    :param granularity: how fine the themes are; known ones are those of the same.
    :param counts: how many people said each of the n texts; one each if None.
    :raises ValueError: when lengths differ, vectors hold NaN or infinity, or there is no such
        granularity.
    """
    if len(langs) != len(texts):
        raise ValueError(f"{len(texts)} texts need as many languages, got {len(langs)}")
    level = check_granularity(granularity)
    check_shape(vectors, len(texts))
    if isinstance(vectors, np.ndarray):
        check_finite(vectors)
    voices = name_voices(langs, registers)
    corpus = collapse_texts(texts, vectors, voices, documents, periods, counts)
    fixed = load_language_means() if means is None else means
    fit = choose_fit_rows(corpus, max_fit_rows)
    if not len(fit):
        return _find_repeated(corpus, fixed, centres)
    fitted = fit_spaces(corpus, fit, fixed, centres)
    sites = fitted.own_sites
    before = _collapse_known(known, corpus, fit)
    parts = partition_sites(corpus, fitted.centred, fit, sites, fixed, before, granularity)
    if not parts.n_themes:
        return _without_themes(corpus, fitted.centres)
    theme_sites = _theme_sites(sites, parts.labels, parts.n_themes)
    main = _main_rows(sites, parts.labels, theme_sites)
    links: Sequence[Link] = link_themes(fitted.aligned, sites, main)
    strong = list(steady_links(links, parts.labels, before, link_strength))
    joined = join_linked(theme_sites, strong)
    if granularity == "coarse":
        parts, joined, links = coarsen_themes(parts, joined, links, before, COARSENING)
    leaders = group_themes(parts, joined, before, level.groups)
    placed = place_texts(corpus, fitted, parts)
    return _finish(corpus, fitted, _Found(parts, joined, leaders, links), placed)


def _find_repeated(
    corpus: Corpus, fixed: LanguageMeans, centres: Mapping[str, Floats] | None
) -> Discovery:
    """Find themes in what is said again and again, where there are too few distinct texts."""
    rows = choose_repeated(corpus)
    if not len(rows):
        return _without_themes(corpus, {})
    fitted = fit_spaces(corpus, rows, fixed, centres)
    labels = group_alike(fitted.centred)
    parts = Parts(labels, int(labels.max()) + 1, [])
    placed = place_by_repeated(corpus, fitted, labels)
    alone = np.arange(parts.n_themes, dtype=np.int32)
    return _finish(corpus, fitted, _Found(parts, alone, alone, ()), placed)


@dataclass(frozen=True)
class _Found:
    """Themes before they are numbered for good.

    :param joined: the theme of each part.
    :param leaders: the theme that leads the group of each theme.
    :param links: between parts.
    """

    parts: Parts
    joined: Ints
    leaders: Ints
    links: Sequence[Link]


def _collapse_known(
    known: KnownLabels | None, corpus: Corpus, fit: NDArray[np.intp]
) -> KnownLabels | None:
    """Give each fitted text the theme that most of its rows had."""
    if known is None:
        return None
    had = known.labels >= 0
    pairs = np.stack([corpus.sources[had], known.labels[had]], axis=1)
    cells, counts = np.unique(pairs, axis=0, return_counts=True)
    order = np.lexsort((cells[:, 1], -counts, cells[:, 0]))
    texts, firsts = np.unique(cells[order, 0], return_index=True)
    of_text = np.full(len(corpus.texts), -1, dtype=np.int32)
    of_text[texts] = cells[order, 1][firsts]
    return replace(known, labels=of_text[fit])


def _theme_sites(sites: Sequence[str], labels: Ints, n_themes: int) -> list[set[str]]:
    """Name the sites that bring enough rows to a theme to be called its own."""
    counts = [Counter[str]() for _ in range(n_themes)]
    for site, label in zip(sites, labels.tolist(), strict=True):
        if label >= 0:
            counts[label][site] += 1
    return [
        {
            site
            for site, n_rows in found.items()
            if n_rows >= max(_PART_ROWS, _PART_SHARE * found.total())
        }
        for found in counts
    ]


def _main_rows(sites: Sequence[str], labels: Ints, theme_sites: Sequence[set[str]]) -> Ints:
    is_main = [
        label >= 0 and site in theme_sites[label]
        for site, label in zip(sites, labels.tolist(), strict=True)
    ]
    return np.where(is_main, labels, -1).astype(np.int32)


def _finish(corpus: Corpus, fitted: Fitted, found: _Found, placed: Placed) -> Discovery:
    """Number the themes for good and return to the input's rows."""
    parts, joined = found.parts, found.joined
    labels, strengths = placed.labels, placed.strengths
    final = np.where(labels >= 0, joined[labels], -1).astype(np.int32)
    numbers = _canonical_numbers(final, corpus.counts, int(joined.max()) + 1)
    final = np.where(final >= 0, numbers[final], -1).astype(np.int32)
    to_final = numbers[joined]
    n_themes = int(to_final.max()) + 1
    theme_sites = _theme_sites(fitted.own_sites, parts.labels, parts.n_themes)
    reasons = explain_all(corpus.texts, corpus.langs, strengths, placed.shares)
    return Discovery(
        labels=final[corpus.sources],
        strengths=strengths[corpus.sources],
        reasons=tuple(reasons[number] for number in corpus.sources),
        n_themes=n_themes,
        groups=number_groups(numbers[found.leaders[np.argsort(numbers)]]),
        theme_langs=_languages_of(theme_sites, to_final, n_themes),
        suggestions=_suggest(found.links, to_final),
        centres=fitted.centres,
    )


def _canonical_numbers(labels: Ints, counts: NDArray[np.int64], n_themes: int) -> Ints:
    """Number themes by size in input rows, then by their first text in canonical order."""
    placed = np.flatnonzero(labels >= 0)
    sizes = np.bincount(labels[placed], weights=counts[placed], minlength=n_themes)
    firsts = np.full(n_themes, len(labels))
    np.minimum.at(firsts, labels[placed], placed)
    numbers = np.empty(n_themes, dtype=np.int32)
    numbers[np.lexsort((firsts, -sizes))] = np.arange(n_themes)
    return numbers


def _languages_of(
    sites: Sequence[set[str]], to_final: Ints, n_themes: int
) -> tuple[tuple[str, ...], ...]:
    found: list[set[str]] = [set() for _ in range(n_themes)]
    for codes, number in zip(sites, to_final.tolist(), strict=True):
        found[number] |= set(map(site_language, codes))
    return tuple(tuple(sorted(codes)) for codes in found)


def _suggest(links: Sequence[Link], to_final: Ints) -> tuple[Link, ...]:
    """Keep the links that joined nothing and are still worth a person's look."""
    best: dict[tuple[int, int], float] = {}
    for link in links:
        left, right = sorted((int(to_final[link.left]), int(to_final[link.right])))
        if left != right and link.strength >= SUGGESTED_STRENGTH:
            best[left, right] = max(best.get((left, right), 0.0), round(link.strength, 4))
    ordered = sorted(best.items(), key=lambda item: (-item[1], item[0]))
    return tuple(Link(left, right, strength) for (left, right), strength in ordered)


def _without_themes(corpus: Corpus, centres: Mapping[str, Floats]) -> Discovery:
    nothing = np.zeros(len(corpus.texts), dtype=np.float32)
    reasons = explain_all(corpus.texts, corpus.langs, nothing, nothing + 1)
    return Discovery(
        labels=np.full(len(corpus.sources), -1, dtype=np.int32),
        strengths=nothing[corpus.sources],
        reasons=tuple(reasons[number] for number in corpus.sources),
        n_themes=0,
        groups=np.zeros(0, dtype=np.int32),
        theme_langs=(),
        suggestions=(),
        centres=centres,
    )
