"""Score which themes of two languages are taken for one: banking77 in English and Arabic.

    python scripts/bench_links.py --data ../shared/data

all: both languages speak of all 77 intents. disjoint: each intent is spoken of in one language
alone (by the hash of its name), so that every link is false. A theme in two languages is one link;
it is right when most of its rows are of the same intent in both. An intent is joined when a right
link holds it.
"""

from __future__ import annotations

import argparse
from collections import Counter
from collections.abc import Iterator
from hashlib import sha256
from pathlib import Path
from typing import Any

import numpy as np
from bench_themes import ROOT, Rows, encode_cached, read_set

SET = "mixed_en_ar"
GOALS = {"all": "goal: 60 % joined, 92 % right", "disjoint": "goal: at most 3"}


def main() -> None:
    from platformdirs import user_cache_path

    from nlp.weights import load_encoder

    options = _parse_options()
    encoder = load_encoder("default", options.cache or user_cache_path("earful"))
    rows = read_set(SET, options.data)
    vectors = encode_cached(rows.texts, encoder, options.work)
    for name, chosen in (("all", np.arange(len(rows.texts))), ("disjoint", _part_intents(rows))):
        own = Rows(*([column[row] for row in chosen] for column in rows))
        print(f"{name:9} {_score_links(name, own, vectors[chosen])} ({GOALS[name]})", flush=True)


def _parse_options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else "")
    parser.add_argument("--data", type=Path, default=ROOT.parent / "shared" / "data")
    parser.add_argument("--work", type=Path, default=Path("/tmp/earful-bench"))  # noqa: S108
    parser.add_argument("--cache", type=Path, help="where the encoder's folder is kept")
    return parser.parse_args()


def _part_intents(rows: Rows) -> Any:
    """Each intent in one language only."""
    lang_of = {
        label: ("en", "ar")[sha256(label.lower().encode()).digest()[0] % 2]
        for label in set(rows.labels)
    }
    pairs = zip(rows.langs, rows.labels, strict=True)
    return np.flatnonzero([lang == lang_of[label] for lang, label in pairs])


def _score_links(name: str, rows: Rows, vectors: Any) -> str:
    from nlp.themes.discovery import discover_themes

    found = discover_themes(rows.texts, vectors, rows.langs)
    pairs = list(_read_links(rows, found))
    said = f"{found.n_themes} themes, {len(pairs)} in two languages: "
    if name == "disjoint":
        return said + f"{100 * len(pairs) / found.n_themes:.1f} false links per 100 themes"
    right = {one for one, other in pairs if one == other}
    n_right = sum(one == other for one, other in pairs)
    n_intents = len({label.lower() for label in rows.labels})
    return said + (
        f"{n_right / max(len(pairs), 1):.0%} right, "
        f"{len(right)} of {n_intents} intents joined ({len(right) / n_intents:.0%})"
    )


def _read_links(rows: Rows, found: Any) -> Iterator[tuple[str, ...]]:
    """The intent that most rows of each language have, of every theme in two languages."""
    for theme, langs in enumerate(found.theme_langs):
        if len(langs) == 2:
            yield tuple(
                Counter(
                    rows.labels[row].lower()
                    for row in np.flatnonzero(found.labels == theme).tolist()
                    if rows.langs[row] == lang
                ).most_common(1)[0][0]
                for lang in sorted(langs)
            )


if __name__ == "__main__":
    main()
