"""Score which themes of two languages are taken for one: banking77 in English and Arabic.

    python scripts/bench_links.py --data ../shared/data

all: both languages speak of all 77 intents. disjoint: each intent is spoken of in one language
alone (by the hash of its name), so that every link is false. A theme in two languages is one link;
it is right when most of its rows are of the same intent in both. An intent is joined when a right
link holds it.

    python scripts/bench_links.py --five

English, Hebrew, Arabic, Persian and a fifth: sib200 with Portuguese (the same sentences of 7
subjects in each), and with Spanish
``tests/cases/five_languages.jsonl`` (8 things that customers say, 5 short texts each a language).
Every pair of languages of a theme is a link; a label is joined in as many languages as its best
theme holds.
"""

from __future__ import annotations

import argparse
import gzip
import json
from collections import Counter
from collections.abc import Iterator, Sequence
from hashlib import sha256
from itertools import combinations
from pathlib import Path
from typing import Any

import numpy as np
from bench_themes import ROOT, Rows, encode_cached, read_set

SET = "mixed_en_ar"
FIVE = ("ar", "en", "es", "fa", "he")
# Without Spanish.
SIB_LANGS = {
    "arb_Arab": "ar",
    "eng_Latn": "en",
    "por_Latn": "pt",
    "pes_Arab": "fa",
    "heb_Hebr": "he",
}
OWN_TEXT = ROOT / "tests" / "cases" / "five_languages.jsonl"
GOALS = {"all": "goal: 60 % joined, 92 % right", "disjoint": "goal: at most 3"}


def main() -> None:
    from platformdirs import user_cache_path

    from nlp.weights import load_encoder

    options = _parse_options()
    encoder = load_encoder("default", options.cache or user_cache_path("earful"))
    if options.five:
        for name, rows in (("own text", _read_own()), ("sib200*", _read_sib(options.data))):
            vectors = encode_cached(rows.texts, encoder, options.work)
            print(f"{name:9} {_score_five(rows, vectors)}", flush=True)
        print("* unfair: earful's projection was learned from sib200")
        return
    rows = read_set(SET, options.data)
    vectors = encode_cached(rows.texts, encoder, options.work)
    for name, chosen in (("all", np.arange(len(rows.texts))), ("disjoint", _part_intents(rows))):
        own = Rows(*([column[row] for row in chosen] for column in rows))
        print(f"{name:9} {_score_links(name, own, vectors[chosen])} ({GOALS[name]})", flush=True)


def _parse_options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else "")
    parser.add_argument("--five", action="store_true", help="five languages instead")
    parser.add_argument("--data", type=Path, default=ROOT.parent / "shared" / "data")
    parser.add_argument("--work", type=Path, default=Path("/tmp/earful-bench"))  # noqa: S108
    parser.add_argument("--cache", type=Path, help="where the encoder's folder is kept")
    return parser.parse_args()


def _read_sib(data: Path) -> Rows:
    with gzip.open(data / "themes" / "sib200.jsonl.gz", "rt", encoding="utf-8") as lines:
        rows = [row for row in map(json.loads, lines) if row["lang"] in SIB_LANGS]
    return _normalise([(SIB_LANGS[row["lang"]], row["text"], row["label"]) for row in rows])


def _read_own() -> Rows:
    themes = [json.loads(line) for line in OWN_TEXT.read_text(encoding="utf-8").splitlines()]
    return _normalise(
        [(lang, text, row["theme"]) for row in themes for lang in FIVE for text in row[lang]]
    )


def _normalise(rows: Sequence[tuple[str, str, str]]) -> Rows:
    from nlp.cleaning import normalize_text

    langs, texts, labels = map(list, zip(*rows, strict=True))
    return Rows(list(map(normalize_text, texts, langs)), langs, labels)


def _score_five(rows: Rows, vectors: Any) -> str:
    from sklearn.metrics import adjusted_mutual_info_score

    from nlp.themes.discovery import discover_themes

    found = discover_themes(rows.texts, vectors, rows.langs)
    pairs, held = [], dict.fromkeys(rows.labels, 1)
    for theme, langs in enumerate(found.theme_langs):
        main = [_main_label(rows, found, theme, lang) for lang in langs]
        pairs += [one == other for one, other in combinations(main, 2)]
        for label in set(main):
            held[label] = max(held[label], main.count(label))
    n_wide = sum(n >= 3 for n in held.values())
    return (
        f"{len(rows.texts):,} texts, {len(held)} labels, {found.n_themes} themes, AMI "
        f"{adjusted_mutual_info_score(rows.labels, found.labels):.2f}; {len(pairs)} links, "
        f"{np.mean(pairs or [0]):.0%} right; joined in two languages "
        f"{np.mean([n >= 2 for n in held.values()]):.0%}, three or more {n_wide / len(held):.0%}, "
        f"all five {np.mean([n == len(FIVE) for n in held.values()]):.0%} of the labels"
    )


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
            yield tuple(_main_label(rows, found, theme, lang) for lang in sorted(langs))


def _main_label(rows: Rows, found: Any, theme: int, lang: str) -> str:
    """The label that most of a theme's rows of a language have."""
    own = np.flatnonzero(found.labels == theme).tolist()
    counts = Counter(rows.labels[row].lower() for row in own if rows.langs[row] == lang)
    return min(counts, key=lambda label: (-counts[label], label))


if __name__ == "__main__":
    main()
