#!/usr/bin/env python3
"""Train the spam model and write `nlp/data/noise/spam.safetensors`.

    python scripts/train_spam.py --data ../shared/data --work /tmp/earful-spam

Spam is what was written for this project (scripts/noise_parts/spam_*.txt, 11 languages); ham is
that and open or train-ok sets. Neither the sets that the model is measured on (youtube, sms_spam)
nor those on which few rows may be flagged are read. Vectors are kept in the work folder.
"""

import argparse
import gzip
import json
import random
from pathlib import Path
from typing import Any

import numpy as np
from noise_parts.frames import Text, read_frames
from sklearn.linear_model import LogisticRegression

from nlp.cleaning import normalize_text, repair_text, text_hash
from nlp.masking import mask_text
from nlp.spam import VECTOR_SCALE, find_signs
from nlp.weights import load_encoder

TARGET = Path(__file__).parents[1] / "nlp" / "data" / "noise" / "spam.safetensors"
HAM_SETS = (
    *(f"sentiment/umsab.{lang}" for lang in ("de", "en", "es", "fr", "it", "pt", "hi", "ar")),
    *("sentiment/vader_tweets.en", "sentiment/vader_amazon.en", "themes/clinc150.en"),
    *("sentiment/afrisenti_ary_train", "themes/sib200"),
)
ROWS_A_SET = 400
SEED = 5
# Tweets of the open sets hold links and some are adverts, labelled by feeling only.
LINK_WEIGHT = 0.15
PENALTY = 0.2  # inverse strength of the L2 penalty


def main() -> None:
    from platformdirs import user_cache_path
    from safetensors.numpy import save_file

    options = _parse_options()
    rows = [*read_frames("spam_en.txt", 10), *read_frames("spam_world.txt", 8)]
    rows += _read_ham(options.data)
    vectors = _encode(rows, options.work, options.cache or user_cache_path("earful"))
    signs = np.array([find_signs(row.text) for row in rows])
    is_spam = np.array([row.label == "spam" for row in rows])
    weights = np.array([_weigh(row) for row in rows])
    both = _fit(np.c_[signs, vectors * VECTOR_SCALE], is_spam, weights)
    alone = _fit(signs, is_spam, weights)
    n_signs = signs.shape[1]
    save_file(
        {
            "signs": both.coef_[0, :n_signs].astype(np.float32),
            "vector": both.coef_[0, n_signs:].astype(np.float32),
            "bias": both.intercept_.astype(np.float32),
            "signs_alone": alone.coef_[0].astype(np.float32),
            "bias_alone": alone.intercept_.astype(np.float32),
        },
        TARGET,
    )
    print(f"{len(rows):,} texts, {is_spam.sum():,} of them spam; wrote {TARGET}")


def _parse_options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--data", type=Path, default=Path("../shared/data"))
    parser.add_argument("--work", type=Path, default=Path("/tmp/earful-spam"))  # noqa: S108
    parser.add_argument("--cache", type=Path, help="where the encoder's folder is kept")
    return parser.parse_args()


def _read_ham(data: Path) -> list[Text]:
    found = []
    for name in HAM_SETS:
        with gzip.open(data / f"{name}.jsonl.gz", "rt", encoding="utf-8") as lines:
            rows = [json.loads(line) for line in lines]
        random.Random(SEED).shuffle(rows)
        for row in rows[:ROWS_A_SET]:
            text = mask_text(repair_text(row["text"])).text
            found.append(Text(text, "ham", row.get("lang") or "en", name))
    return found


def _weigh(row: Text) -> float:
    is_open = row.frame in HAM_SETS
    return LINK_WEIGHT if is_open and find_signs(row.text)[0] else 1.0


def _fit(features: Any, is_spam: Any, weights: Any) -> LogisticRegression:
    model = LogisticRegression(C=PENALTY, max_iter=5_000)
    return model.fit(features, is_spam, sample_weight=weights)


def _encode(rows: list[Text], work: Path, cache: Path) -> Any:
    work.mkdir(parents=True, exist_ok=True)
    kept = work / "vectors.npz"
    known: dict[str, Any] = dict(np.load(kept)) if kept.exists() else {}
    texts = [normalize_text(row.text, row.lang)[:1_000] for row in rows]
    keys = [text_hash(text) for text in texts]
    new = {key: text for key, text in zip(keys, texts, strict=True) if key not in known}
    if new:
        ordered = sorted(new, key=lambda key: len(new[key]))
        found = load_encoder("default", cache).encode([new[key] for key in ordered])
        known |= dict(zip(ordered, found, strict=True))
        np.savez(kept, **known)
    return np.array([known[key] for key in keys], dtype=np.float32)


if __name__ == "__main__":
    main()
