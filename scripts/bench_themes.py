"""Score theme discovery on labelled sets, beside k-means that is told the true number of themes.

    python scripts/bench_themes.py --sets banking77_test airline --data ../shared/data

Prints for each set: adjusted mutual information and adjusted Rand index over all rows, themes found
and true, share unassigned, the same scores on assigned rows, and CPU seconds without encoding.
Vectors are kept in the work folder, by text and encoder.
"""

from __future__ import annotations

import argparse
import gzip
import json
import time
from hashlib import sha256
from pathlib import Path
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from nlp.themes.granularity import GRANULARITIES, Granularity

ROOT = Path(__file__).resolve().parents[1]
SETS = {
    "banking77_test": (("themes/banking77_test.en", "label"),),
    "banking77_train": (("themes/banking77_train.en", "label"),),
    "arbanking77_msa": (("themes/arbanking77_msa_test.ar", "label"),),
    "airline": (("sentiment/airline.en", "reason"),),
    "stackoverflow": (("themes/stackoverflow_titles.en", "label"),),
    # Not a fair score: the shipped projection was learned from its training split.
    "clinc150_test": (("themes/clinc150.en", "label"),),
    "cfpb": (("themes/cfpb.en", "label"),),
    "mixed_en_ar": (
        ("themes/banking77_test.en", "label"),
        ("themes/arbanking77_msa_test.ar", "label"),
    ),
}
DEFAULT_SETS = ("banking77_test", "arbanking77_msa", "airline", "stackoverflow", "mixed_en_ar")


class Rows(NamedTuple):
    """Texts with their language and gold theme."""

    texts: list[str]
    langs: list[str]
    labels: list[str]


def main() -> None:
    from platformdirs import user_cache_path

    from nlp.weights import load_encoder

    options = _parse_options()
    cache = options.cache or user_cache_path("earful")
    encoder = load_encoder("default", cache)
    print(
        f"{'set':16} {'rows':>6} {'true k':>6} | {'AMI':>5} {'ARI':>5} {'k':>4} {'unas.':>5} "
        f"{'AMI a':>5} {'ARI a':>5} {'CPU s':>6} | k-means, true k: AMI ARI"
    )
    for name in options.sets:
        rows = read_set(name, options.data, options.limit)
        vectors = encode_cached(rows.texts, encoder, options.work)
        for granularity in options.granularity:
            print(_score(name, rows, vectors, granularity), flush=True)


def _parse_options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else "")
    parser.add_argument("--sets", nargs="+", choices=sorted(SETS), default=DEFAULT_SETS)
    parser.add_argument("--data", type=Path, default=ROOT.parent / "shared" / "data")
    parser.add_argument(
        "--granularity", nargs="+", choices=GRANULARITIES, default=("normal",), help="how fine"
    )
    parser.add_argument("--limit", type=int, help="rows of each set, lowest sha256 first")
    parser.add_argument("--work", type=Path, default=Path("/tmp/earful-bench"))  # noqa: S108
    parser.add_argument("--cache", type=Path, help="where the encoder's folder is kept")
    return parser.parse_args()


def read_set(name: str, data: Path, limit: int | None = None) -> Rows:
    """Read a labelled set, normalised as the pipeline does."""
    from nlp.cleaning import normalize_text

    rows = []
    for path, field in SETS[name]:
        with gzip.open(data / f"{path}.jsonl.gz", "rt", encoding="utf-8") as lines:
            for row in map(json.loads, lines):
                if not row.get(field) or (name.startswith("clinc") and "test" not in row["split"]):
                    continue
                text = normalize_text(row["text"], row["lang"])
                rows.append((text, row["lang"], str(row[field])))
    if limit:
        rows = sorted(rows, key=lambda row: sha256(row[0].encode()).digest())[:limit]
    return Rows(*map(list, zip(*rows, strict=True)))


def encode_cached(texts: list[str], encoder: object, work: Path) -> NDArray[np.float16]:
    """Vectors of texts, kept in the work folder by text and encoder."""
    name = encoder.name  # type: ignore[attr-defined]
    key = sha256("\0".join([name, *texts]).encode()).hexdigest()[:24]
    path = work / f"{key}.npy"
    if not path.exists():
        work.mkdir(parents=True, exist_ok=True)
        np.save(path, encoder.encode(texts))  # type: ignore[attr-defined]
    vectors: NDArray[np.float16] = np.load(path)
    return vectors


def _score(
    name: str, rows: Rows, vectors: NDArray[np.float16], granularity: Granularity = "normal"
) -> str:
    from sklearn.cluster import KMeans
    from sklearn.metrics import adjusted_mutual_info_score, adjusted_rand_score

    from nlp.themes.discovery import discover_themes

    start = time.process_time()
    found = discover_themes(rows.texts, vectors, rows.langs, granularity=granularity)
    seconds = time.process_time() - start
    gold = np.asarray(rows.labels)
    is_assigned = np.array([reason is None for reason in found.reasons])
    n_gold = len(set(rows.labels))
    plain = KMeans(n_gold, n_init=3, random_state=0).fit_predict(vectors.astype(np.float32))

    def scores(labels: NDArray[np.integer], kept: NDArray[np.bool_]) -> str:
        ami = adjusted_mutual_info_score(gold[kept], labels[kept])
        return f"{ami:5.3f} {adjusted_rand_score(gold[kept], labels[kept]):5.3f}"

    everything = np.ones(len(gold), dtype=bool)
    return (
        f"{name:16} {len(gold):6,} {n_gold:6} | {scores(found.labels, everything)} "
        f"{found.n_themes:4} {1 - is_assigned.mean():5.2f} {scores(found.labels, is_assigned)} "
        f"{seconds:6.1f} | {scores(plain, everything)}"
        + ("" if granularity == "normal" else f" | {granularity}")
    )


if __name__ == "__main__":
    main()
