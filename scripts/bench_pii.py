"""Measure the masking of personal data: recall, precision, false masks, speed.

    python scripts/bench_pii.py --data ../shared/data

Recall is the share of the marked of which no letter or digit is left; of people and addresses also
the share of which at most half is left ("half"); "right" is the share of the masked where one of
the kind is marked. Both sets are split by the frame of the sentence:
the rules were made on one half, and the other was only measured. Masks in public sets without
marks are counted by kind: their rows seldom name anybody.
"""

from __future__ import annotations

import argparse
import gzip
import hashlib
import json
import random
import time
from collections import Counter
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

from nlp.masking import MaskedSpan, Masking, mask_text
from nlp.masking.scores import KindScores, MaskingScores
from pipelines.evaluation.pii import name_kind

ROOT = Path(__file__).parents[1]
PLAIN = {
    "airline": "sentiment/airline.en",
    "banking77": "themes/banking77_train.en",
    "cfpb": "themes/cfpb.en",
    "hebrew": "sentiment/hebrew.he",
    "snappfood": "sentiment/snappfood_dev.fa",
}
HALVES = ("dev", "test")
# Of these a part may be left.
LONG = {"ADDRESS", "PERSON"}
N_PLAIN, N_TIMED, SEED = 3_000, 10_000, 5


def main() -> None:
    options = _parse_options()
    mask_text("She spoke with Kowalska and the manager in her store")  # what is loaded at first use
    sets = _score_sets(options.data)
    _print_recall(sets)
    for name, file in PLAIN.items():
        _print_false(name, options.data / f"{file}.jsonl.gz")
    _print_speed(options.data)


def _parse_options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else "")
    parser.add_argument("--data", type=Path, default=ROOT.parent / "shared" / "data")
    return parser.parse_args()


def _read(path: Path) -> Iterator[dict[str, Any]]:
    raw = path.read_bytes()
    text = gzip.decompress(raw) if path.suffix == ".gz" else raw
    yield from map(json.loads, text.decode("utf-8").splitlines())


def _half_of(row: dict[str, Any]) -> str:
    """Give the half of the sentence's frame: the text with a kind for each marked span."""
    text, pieces, at = row["text"], [], 0
    for span in sorted(row["spans"], key=lambda span: span["start"]):
        if span["start"] >= at:
            pieces += [text[at : span["start"]], "{", span["type"], "}"]
            at = span["end"]
    frame = " ".join("".join([*pieces, text[at:]]).split())
    return "test" if hashlib.sha256(frame.encode()).digest()[0] % 2 else "dev"


def _marks(row: dict[str, Any]) -> Iterator[MaskedSpan]:
    for span in row["spans"]:
        if kind := name_kind(span["type"]):
            yield MaskedSpan(kind, span["start"], span["end"])


def _score_sets(data: Path) -> dict[str, dict[str, KindScores]]:
    """Score each half of each set: scores by kind, by the name of the half."""
    marked = list(_read(data / "pii" / "presidio_v2.en.jsonl.gz"))
    sets = {f"en {half}": [row for row in marked if _half_of(row) == half] for half in HALVES}
    for lang in ("he", "ar", "fa"):
        made = list(_read(ROOT / "tests" / "cases" / "pii" / f"{lang}.jsonl"))
        for half in HALVES:
            sets[f"{lang} {half}"] = [row for row in made if row["split"] == half]
    return {name: _score(rows) for name, rows in sets.items()}


def _score(rows: Sequence[dict[str, Any]]) -> dict[str, KindScores]:
    scores = MaskingScores()
    for row in rows:
        scores.add(row["text"], list(_marks(row)), mask_text(row["text"]).spans)
    return {each.kind: each for each in scores.list_kinds()}


def _print_recall(sets: dict[str, dict[str, KindScores]]) -> None:
    print("recall     " + "".join(f"{name:>9}" for name in sets))
    kinds = sorted({kind for found in sets.values() for kind, each in found.items() if each.n})
    for kind in kinds:
        _print_row(kind, [found.get(kind) for found in sets.values()], "recall")
        if kind in LONG:
            _print_row("  half", [found.get(kind) for found in sets.values()], "recall_most")
    for kind in ("all", *sorted(LONG)):
        _print_row(
            f"right {kind.lower()[:4]}", [found.get(kind) for found in sets.values()], "precision"
        )


def _print_row(title: str, found: Sequence[KindScores | None], field: str) -> None:
    rates = [getattr(each, field) if each else None for each in found]
    shown = "".join("        –" if rate is None else f"{rate:9.3f}" for rate in rates)
    print(f"{title:11.11}{shown}", flush=True)


def _print_false(name: str, path: Path) -> None:
    texts = _draw(path, N_PLAIN)
    for names in (True, False):
        masked = [mask_text(text, Masking("US", names=names, handles=False)) for text in texts]
        kinds = Counter(kind for each in masked for kind in each.counts)
        share = sum(bool(each.counts) for each in masked) / len(texts)
        shown = ", ".join(f"{kind} {n / len(texts):.2%}" for kind, n in kinds.most_common())
        print(f"{name:10} {len(texts):,} rows, names {names!s:5}: {share:.2%} changed ({shown})")


def _draw(path: Path, n: int) -> list[str]:
    texts = [row["text"] for row in _read(path)]
    return random.Random(SEED).sample(texts, min(n, len(texts)))


def _print_speed(data: Path) -> None:
    for name in ("airline", "hebrew", "snappfood"):
        texts = _draw(data / f"{PLAIN[name]}.jsonl.gz", N_TIMED)
        start = time.process_time()
        for text in texts:
            mask_text(text, Masking("US"))
        seconds = (time.process_time() - start) / len(texts) * N_TIMED
        print(f"{name:10} {seconds:.1f} CPU seconds for {N_TIMED:,} comments, one core", flush=True)


if __name__ == "__main__":
    main()
