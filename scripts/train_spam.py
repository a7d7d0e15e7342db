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

from nlp.cleaning import repair_text, text_hash
from nlp.masking import mask_text
from nlp.spam import VECTOR_SCALE
from nlp.spam_signs import find_signs
from nlp.weights import load_encoder
from pipelines.feedback_vectors import mean_vectors
from pipelines.splitting import FeedbackText, split_feedback

TARGET = Path(__file__).parents[1] / "nlp" / "data" / "noise" / "spam.safetensors"
# Rows that are taken of each set. What people ask a bank or an assistant sounds like an offer.
HAM_SETS = {
    **{f"sentiment/umsab.{lang}": 400 for lang in ("de", "en", "es", "fr", "it", "pt", "hi", "ar")},
    **dict.fromkeys(("sentiment/vader_tweets.en", "sentiment/afrisenti_ary_train"), 400),
    "sentiment/arsarcasm.ar": 400,
    "sentiment/vader_amazon.en": 800,
    "themes/clinc150.en": 1_500,
    "themes/sib200": 800,
}
# Files of frames, and how many texts are made of each frame.
FRAMES = {"spam_en.txt": 10, "spam_world.txt": 8, "spam_customers.txt": 8}
SEED = 5
# Tweets of the open sets hold links and some are adverts, labelled by feeling only.
LINK_WEIGHT = 0.15
N_LONG = 3_000
OPEN_WEIGHT = 0.5
PENALTY = 0.15  # inverse strength of the L2 penalty


def main() -> None:
    from platformdirs import user_cache_path
    from safetensors.numpy import save_file

    options = _parse_options()
    made = [row for name, n_each in FRAMES.items() for row in read_frames(name, n_each)]
    # As they would stand in a store: "@brand" is <HANDLE> there.
    rows = [row._replace(text=mask_text(row.text).text) for row in made]
    rows += _read_ham(options.data)
    vectors = _encode(rows, options.work, options.cache or user_cache_path("earful"))
    longer, means = _join(rows, vectors)
    rows, vectors = rows + longer, np.r_[vectors, means]
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
    for name, n_rows in HAM_SETS.items():
        with gzip.open(data / f"{name}.jsonl.gz", "rt", encoding="utf-8") as lines:
            rows = [json.loads(line) for line in lines]
        random.Random(SEED).shuffle(rows)
        for row in rows[:n_rows]:
            text = mask_text(repair_text(row["text"])).text
            found.append(Text(text, "ham", row.get("lang") or "en", name))
    return found


def _weigh(row: Text) -> float:
    is_open = row.frame in HAM_SETS
    if not is_open:
        return 1.0
    return LINK_WEIGHT * OPEN_WEIGHT if find_signs(row.text)[0] else OPEN_WEIGHT


def _fit(features: Any, is_spam: Any, weights: Any) -> LogisticRegression:
    model = LogisticRegression(C=PENALTY, max_iter=5_000)
    return model.fit(features, is_spam, sample_weight=weights)


def _encode(rows: list[Text], work: Path, cache: Path) -> Any:
    """The mean of each text's mentions, as in a store."""
    work.mkdir(parents=True, exist_ok=True)
    kept = work / "vectors.npz"
    known: dict[str, Any] = dict(np.load(kept)) if kept.exists() else {}
    parts = split_feedback([FeedbackText(text_hash(row.text), row.text, row.lang) for row in rows])
    new = {part.row.text_hash: part.row.text for own in parts for part in own}
    ordered = sorted(new.keys() - known.keys(), key=lambda key: (len(new[key]), key))
    if ordered:
        found = load_encoder("default", cache).encode([new[key] for key in ordered])
        known |= dict(zip(ordered, found, strict=True))
        np.savez(kept, **known)
    blobs = {key: known[key].astype("<f2").tobytes() for key in new}
    return mean_vectors([[blobs[part.row.text_hash] for part in own] for own in parts])


def _join(rows: list[Text], vectors: Any) -> tuple[list[Text], Any]:
    """Longer texts: ham of one set together, adverts together, adverts behind praise."""
    rng = random.Random(SEED)
    places: dict[tuple[str, str], list[int]] = {}
    for place, row in enumerate(rows):
        source = row.frame if row.frame in HAM_SETS else "own"
        places.setdefault((source, row.label), []).append(place)
    own_spam, own_ham = places["own", "spam"], places["own", "ham"]
    ham = [own for (_, label), own in places.items() if label == "ham"]
    drawn = [rng.sample(rng.choice(ham), rng.randint(2, 14)) for _ in range(N_LONG)]
    drawn += [rng.sample(own_spam, 2) for _ in range(N_LONG // 4)]
    drawn += [[rng.choice(own_ham), rng.choice(own_spam)] for _ in range(N_LONG // 4)]
    texts = [_join_texts([rows[place] for place in some]) for some in drawn]
    return texts, mean_vectors(
        [[vectors[at].astype("<f2").tobytes() for at in some] for some in drawn]
    )


def _join_texts(some: list[Text]) -> Text:
    return Text(" ".join(row.text for row in some), some[-1].label, some[-1].lang, some[-1].frame)


if __name__ == "__main__":
    main()
