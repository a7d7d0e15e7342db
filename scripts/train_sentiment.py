#!/usr/bin/env python3
"""Train the sentiment branch of the default encoder, and print its scores.

    python scripts/train_sentiment.py --data ../shared/data --work ~/.cache/earful/training

The encoder's lower layers stay as they are: their states are computed once, kept in the work folder
in chunks and memory-mapped (1.6 GB). Only a copy of the layers above, and a head, are trained.
A run that was stopped goes on where it was, with the same result: states chunk by chunk, training
from its last checkpoint (at most three minutes old). Only open and train-ok sets are trained on;
bench sets and the polarity probe are scored. Seeded; CUDA is used where there is one.
"""

import argparse
import json
from collections import defaultdict
from collections.abc import Mapping
from dataclasses import asdict
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray
from sentiment_parts.layers import (
    Recipe,
    average_weights,
    fine_tune,
    predict,
    start_weights,
)
from sentiment_parts.rows import Row, draw_chances, hash_text, read_probe, read_rows
from sentiment_parts.scores import (
    calibration_error,
    fit_temperatures,
    is_right_side,
    reliability,
    score_sets,
)
from sentiment_parts.states import States, compute_states

from nlp.branch_sentiment import BranchSentiment, checksum_path, hash_branch, read_branch
from nlp.cache import file_sha256
from nlp.encoder import SentenceEncoder
from nlp.sentiment import LABELS, calibrate
from nlp.weights import DEFAULT, SENTIMENT_BRANCH, load_sentence_encoder

SHARED_LAYERS = 8
SEEDS = (7, 8, 9)


def main() -> None:
    options = _parse_arguments()
    rows = [*read_rows(options.data, options.limit), *read_probe()]
    encoder = load_sentence_encoder(DEFAULT, options.cache)
    if not (options.score_only or options.refit):
        states = compute_states([row.text for row in rows], encoder, SHARED_LAYERS, options.work)
        runs = [
            _train(rows, states, encoder, Recipe(seed=seed, epochs=options.epochs), options.work)
            for seed in options.seeds
        ]
        weights = average_weights(runs)
        _save(weights, _fit(rows, states, weights), encoder.name, options.out)
    if options.refit:
        _refit(rows, options.refit, encoder, options.out)
    held = [row for row in rows if row.side == "test"]
    # The file itself is scored, in the shapes and the precision of a run.
    report = _report(held, read_branch(options.out, encoder))
    print(json.dumps(report, indent=1, ensure_ascii=False))


def _parse_arguments() -> argparse.Namespace:
    root = Path(__file__).resolve().parents[1]
    cache = Path.home() / ".cache" / "earful"
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--data", type=Path, default=root.parent / "shared" / "data")
    parser.add_argument("--cache", type=Path, default=cache, help="where the encoder lies")
    parser.add_argument("--work", type=Path, default=cache / "training", help="states, checkpoint")
    parser.add_argument("--out", type=Path, default=SENTIMENT_BRANCH)
    parser.add_argument("--limit", type=int, default=3000, help="rows scored of a bench set")
    parser.add_argument("--epochs", type=float, default=Recipe.epochs)
    parser.add_argument(
        "--seeds", type=int, nargs="+", default=SEEDS, help="one training each, then averaged"
    )
    parser.add_argument("--score-only", action="store_true", help="score the file that --out names")
    parser.add_argument(
        "--refit", nargs="+", help="fit these languages' temperatures for the file that --out names"
    )
    return parser.parse_args()


def _train(
    rows: list[Row], states: States, encoder: SentenceEncoder, recipe: Recipe, work: Path
) -> dict[str, Any]:
    chances = draw_chances(rows)
    labels = np.array([row.label for row in rows])
    # Another recipe or other rows are another run: their checkpoint lies elsewhere.
    texts = "".join(hash_text(row.text)[:8] + str(row.label) for row in rows)
    key = hash_text(json.dumps(asdict(recipe)) + texts + chances.tobytes().hex())[:12]
    # One start for all seeds: weights that began apart cannot be averaged.
    start = start_weights(encoder, SHARED_LAYERS, len(LABELS), SEEDS[0])
    return fine_tune(start, states, labels, chances, recipe, work / f"branch-{key}.pt")


def _fit(rows: list[Row], states: States, weights: dict[str, Any]) -> dict[str, float]:
    """Fit temperatures on development rows, which were neither trained on nor are they scored."""
    dev = np.array([place for place, row in enumerate(rows) if row.side == "dev"])
    labels = np.array([rows[place].label for place in dev])
    langs = np.array([rows[place].lang for place in dev])
    return fit_temperatures(predict(weights, states, dev), labels, langs)


def _refit(rows: list[Row], langs: list[str], encoder: SentenceEncoder, out: Path) -> None:
    """Fit temperatures of some languages anew, with the file's own numbers; the rest stays."""
    model = read_branch(out, encoder)
    dev = [row for row in rows if row.side == "dev" and row.lang in langs]
    logits = model.encoder.run_branch([row.text for row in dev], model.branch)
    labels, spoken = (np.array([getattr(row, name) for row in dev]) for name in ("label", "lang"))
    found = fit_temperatures(logits, labels, spoken)
    missing = [lang for lang in langs if lang not in found]
    if missing:
        raise SystemExit(f"too few development rows to fit: {', '.join(missing)}")
    fitted = {lang: found[lang] for lang in langs}
    _write(model.branch.weights, {**model.about.temperatures, **fitted}, encoder.name, out)


def _save(weights: dict[str, Any], temperatures: dict[str, float], encoder: str, out: Path) -> None:
    import torch

    # Not bfloat16: as small, with fewer digits for those who run in fp32.
    halves = {name: tensor.to(torch.float16).numpy() for name, tensor in weights.items()}
    _write(halves, temperatures, encoder, out)


def _write(
    tensors: Mapping[str, NDArray[Any]], temperatures: dict[str, float], encoder: str, out: Path
) -> None:
    from safetensors.numpy import save_file

    about = {
        "after": str(SHARED_LAYERS),
        "encoder": encoder,
        "labels": json.dumps(LABELS),
        "name": f"earful-sentiment@{hash_branch(tensors, temperatures)}",
        "temperatures": json.dumps(temperatures, sort_keys=True),
    }
    out.parent.mkdir(parents=True, exist_ok=True)
    save_file(dict(sorted(tensors.items())), out, metadata=about)
    out.chmod(0o644)
    checksum_path(out).write_text(f"{file_sha256(out)}  {out.name}\n", encoding="ascii")


def _report(rows: list[Row], model: BranchSentiment) -> dict[str, Any]:
    logits = model.encoder.run_branch([row.text for row in rows], model.branch)
    temperatures = dict(model.about.temperatures)
    return {
        "model": model.name,
        "temperatures": temperatures,
        "sets": score_sets(rows, logits, temperatures),
        "probe": _score_probe(rows, logits),
        "calibration": _score_calibration(rows, logits, temperatures),
    }


def _score_probe(rows: list[Row], logits: NDArray[np.float32]) -> dict[str, Any]:
    right: dict[str, list[bool]] = defaultdict(list)
    places = [place for place, row in enumerate(rows) if row.source == "probe"]
    labels = np.array([rows[place].label for place in places])
    for place, hit in zip(places, is_right_side(logits[places], labels), strict=True):
        right[rows[place].lang].append(bool(hit))
    by_lang = {lang: round(float(np.mean(hits)), 3) for lang, hits in right.items()}
    return {"mean": round(float(np.mean(list(by_lang.values()))), 3), **by_lang}


def _score_calibration(
    rows: list[Row], logits: NDArray[np.float32], temperatures: dict[str, float]
) -> dict[str, Any]:
    """Error and reliability table by language, over all its tested rows."""
    found: dict[str, Any] = {}
    for lang in ("en", "he", "ar", "fa"):
        chosen = [
            place for place, row in enumerate(rows) if row.lang == lang and row.source != "probe"
        ]
        labels = np.array([rows[place].label for place in chosen])
        probabilities = calibrate(logits[chosen], temperatures, [lang] * len(chosen))
        table = [tuple(round(x, 3) for x in line) for line in reliability(probabilities, labels)]
        found[lang] = {
            "n": len(chosen),
            "calibration_error": round(calibration_error(probabilities, labels), 3),
            "from, rows, mean confidence, share right": table,
        }
    return found


if __name__ == "__main__":
    main()
