"""Floors under what discovery reaches on real text, with the real encoder."""

import gzip
import json
from collections import Counter
from hashlib import sha256
from pathlib import Path

import numpy as np
import pytest
from sklearn.metrics import adjusted_mutual_info_score

from nlp.cleaning import normalize_text
from nlp.themes.discovery import discover_themes
from nlp.themes.names import name_themes

DATA = Path(__file__).parents[3].parent / "shared" / "data" / "themes"
DEMO = Path(__file__).parents[2] / "data" / "demo"
pytestmark = pytest.mark.model


def _read(path: Path, n_rows: int) -> list[tuple[str, str, str]]:
    if not path.exists():
        pytest.skip(f"needs {path}")
    with gzip.open(path, "rt", encoding="utf-8") as lines:
        rows = [json.loads(line) for line in lines]
    rows.sort(key=lambda row: sha256(row["text"].encode()).digest())
    return [
        (normalize_text(row["text"], row["lang"]), row["lang"], row["label"])
        for row in rows[:n_rows]
    ]


def test_themes_of_bank_customers_in_two_languages(encoder) -> None:
    english = _read(DATA / "banking77_test.en.jsonl.gz", 1_200)
    arabic = _read(DATA / "arbanking77_msa_test.ar.jsonl.gz", 800)
    texts, langs, gold = map(list, zip(*english, *arabic, strict=True))
    found = discover_themes(texts, encoder.encode(texts), langs)
    is_english = np.array(langs) == "en"
    scores = [
        adjusted_mutual_info_score(np.array(gold)[rows], found.labels[rows])
        for rows in (is_english, ~is_english)
    ]
    # Reached when this was written: see README, `scripts/bench_themes.py` gives the full sets.
    assert scores[0] > 0.6 and scores[1] > 0.4, scores
    assert 25 <= found.n_themes <= 100
    assert sum(len(codes) == 2 for codes in found.theme_langs) >= 10
    assert np.mean([reason is None for reason in found.reasons]) > 0.75


def test_posts_of_the_demo_share_themes_across_languages(encoder) -> None:
    posts = [json.loads(line) for line in (DEMO / "social_posts.jsonl").open(encoding="utf-8")]
    truth = json.loads((DEMO / "truth.json").read_text(encoding="utf-8"))["labels"]["social"]
    sound = [post for post in posts if post["text"] and truth[post["id"]]["kind"] == "post"]
    langs = [truth[post["id"]]["lang"] for post in sound]
    texts = [normalize_text(post["text"], lang) for post, lang in zip(sound, langs, strict=True)]
    vectors = encoder.encode(texts)
    found = discover_themes(texts, vectors, langs)
    assigned = np.where([reason is None for reason in found.reasons], found.labels, -1)
    assert (assigned >= 0).mean() > 0.6
    assert np.bincount(assigned[assigned >= 0]).max() < 0.4 * len(texts)
    spread = [
        Counter(lang for lang, label in zip(langs, assigned, strict=True) if label == theme)
        for theme in range(found.n_themes)
    ]
    assert any(sum(n >= 3 for n in counts.values()) >= 3 for counts in spread)
    names = [theme.name for theme in name_themes(texts, langs, vectors, assigned, found.n_themes)]
    assert all(names) and len({name.casefold() for name in names}) == len(names)
