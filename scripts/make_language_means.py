"""Make ``nlp/data/language_means.safetensors``: the mean vector of neutral sentences per language.

The sentences are those of SIB-200: the same 1,004 in every language, so that what differs between
the means is the language and not the subject. Run once per default encoder:

    python scripts/make_language_means.py --data ../shared/data
"""

from __future__ import annotations

import argparse
import gzip
import json
from collections import defaultdict
from pathlib import Path

import numpy as np

# Arabic and its dialects share one mean: detection does not tell them apart.
CODES = {
    "eng_Latn": "en",
    "heb_Hebr": "he",
    "arb_Arab": "ar",
    "apc_Arab": "ar",
    "ary_Arab": "ar",
    "arz_Arab": "ar",
    "pes_Arab": "fa",
    "fra_Latn": "fr",
    "hin_Deva": "hi",
    "kor_Hang": "ko",
    "por_Latn": "pt",
    "rus_Cyrl": "ru",
}


def main() -> None:
    from platformdirs import user_cache_path
    from safetensors.numpy import save_file

    from nlp.cleaning import normalize_text
    from nlp.weights import load_encoder

    options = _parse_options()
    encoder = load_encoder("default", options.cache or user_cache_path("earful"))
    means = {}
    for lang, texts in sorted(_read_sentences(options.data / "themes" / "sib200.jsonl.gz").items()):
        vectors = encoder.encode([normalize_text(text, lang) for text in texts])
        means[lang] = vectors.mean(axis=0, dtype=np.float64).astype(np.float32)
        print(f"{lang}: mean of {len(texts):,} sentences, length {np.linalg.norm(means[lang]):.3f}")
    save_file(means, options.out, metadata={"encoder": encoder.name, "source": "SIB-200"})
    print(f"wrote {options.out}")


def _parse_options() -> argparse.Namespace:
    root = Path(__file__).resolve().parents[1]
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--data", type=Path, default=root.parent / "shared" / "data")
    parser.add_argument("--cache", type=Path, help="where the encoder's folder is kept")
    parser.add_argument("--out", type=Path, default=root / "nlp/data/language_means.safetensors")
    return parser.parse_args()


def _read_sentences(path: Path) -> dict[str, list[str]]:
    sentences = defaultdict(list)
    with gzip.open(path, "rt", encoding="utf-8") as lines:
        for line in lines:
            row = json.loads(line)
            sentences[CODES[row["lang"]]].append(row["text"])
    return sentences


if __name__ == "__main__":
    main()
