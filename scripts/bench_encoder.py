"""Time the encoder pass against plain sentence-transformers and against the machine's roof.

Usage: .venv/bin/python scripts/bench_encoder.py [--data ../shared/data] [--sample 1000]

Two sets: the first 5,000 airline tweets, and the mentions of the 20,000 rows of bench_run.py. All
ways take turns on slices of the same texts, so that a busy machine slows all alike:

  a  sentence-transformers, fp32, batches of 32      c  earful's embedding
  b  the same in bfloat16                            d  earful's embedding and sentiment
  e  the roof: the rate of a 2048-cube bfloat16 matrix product on as many cores, divided by the
     operations of the model's layers per text, without padding; measured before and after each
     turn, since the rate of a shared machine changes twofold within a minute
"""

import argparse
import gzip
import json
import resource
import time
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any, NamedTuple

import bench_run
import numpy as np

from nlp.cleaning import normalize_text
from nlp.languages import detect_language
from nlp.meaning import read_meanings
from nlp.mentions import split_texts
from nlp.weights import DEFAULT, load_encoder, load_sentiment, prepare_default_encoder
from pipelines.config import user_cache_dir

SLICE = 250
CUBE = 2048
CUBES = 6


def read_tweets(data: Path) -> list[str]:
    """The first 5,000 airline tweets, normalised."""
    with gzip.open(data / "sentiment" / "airline.en.jsonl.gz", "rt", encoding="utf-8") as file:
        texts = [json.loads(line)["text"] for _, line in zip(range(5000), file, strict=False)]
    return [normalize_text(text, "en") for text in texts]


def read_mentions(data: Path) -> list[str]:
    """The distinct mentions of the rows of bench_run.py, normalised."""
    rows = [row["text"] for _, own in bench_run.read_sets(data, 20_000) for row in own]
    langs = [detect_language(text).code for text in rows]
    spans = split_texts(rows, langs)
    mentions = {
        normalize_text(text[span.start : span.end], lang)
        for text, lang, own in zip(rows, langs, spans, strict=True)
        for span in own
    }
    return sorted(mentions)


def take_slices(texts: Sequence[str], n: int) -> list[list[str]]:
    """About n texts in slices from the whole length of the set; all of them where n is 0."""
    starts = range(0, len(texts), SLICE)
    if 0 < n < len(texts):
        places = np.linspace(0, len(starts) - 1, max(n // SLICE, 1)).round().astype(int)
        starts = [starts[place] for place in places]
    return [list(texts[start : start + SLICE]) for start in starts]


def load_plain(folder: Path, dtype: Any) -> Callable[[list[str]], Any]:
    """sentence-transformers as its documentation shows it."""
    from sentence_transformers import SentenceTransformer

    model = SentenceTransformer(str(folder), device="cpu", model_kwargs={"dtype": dtype})
    return lambda texts: model.encode(texts, batch_size=32, show_progress_bar=False)


def count_operations(texts: Sequence[str], folder: Path) -> float:
    """Multiplications and additions of the model's layers for all texts, without padding."""
    from tokenizers import Tokenizer

    tokenizer = Tokenizer.from_file(str(folder / "tokenizer.json"))
    dim, n_layers = 384, 12
    lengths = np.array([len(e.ids) for e in tokenizer.encode_batch([f"query: {t}" for t in texts])])
    per_token = 2 * n_layers * (4 * dim * dim + 2 * dim * 4 * dim)
    per_pair = 2 * n_layers * 2 * dim  # of tokens that attend to each other
    return float((lengths * per_token + lengths**2 * per_pair).sum())


class Spent(NamedTuple):
    """Seconds that a way took, and the CPU seconds that its operations take at the roof."""

    wall: float = 0.0
    cpu: float = 0.0
    roof_cpu: float = 0.0

    def add(self, other: "Spent") -> "Spent":
        """Both together."""
        return Spent(self.wall + other.wall, self.cpu + other.cpu, self.roof_cpu + other.roof_cpu)


def measure_roof() -> float:
    """Operations of matrix products per CPU second, on all cores."""
    import torch

    left, right = (torch.randn(CUBE, CUBE).bfloat16() for _ in range(2))
    started = time.process_time()
    for _ in range(CUBES):
        left @ right
    return CUBES * 2.0 * CUBE**3 / (time.process_time() - started)


def time_ways(
    ways: dict[str, Callable[[list[str]], Any]], slices: Sequence[list[str]], folder: Path
) -> dict[str, Spent]:
    """What each way took for all slices."""
    spent = dict.fromkeys(ways, Spent())
    for way in ways.values():
        way(slices[0][:64])
    for texts in slices:
        operations = count_operations(texts, folder)
        before = measure_roof()
        for name, way in ways.items():
            wall, cpu = time.perf_counter(), time.process_time()
            way(texts)
            wall, cpu = time.perf_counter() - wall, time.process_time() - cpu
            after = measure_roof()
            spent[name] = spent[name].add(Spent(wall, cpu, 2 * operations / (before + after)))
            before = after
    return spent


def print_set(
    name: str,
    slices: Sequence[list[str]],
    ways: dict[str, Callable[[list[str]], Any]],
    folder: Path,
) -> None:
    """Time one set and print a line a way."""
    texts = [text for part in slices for text in part]
    spent = time_ways(ways, slices, folder)
    roof_cpu = sum(each.roof_cpu for each in spent.values()) / len(spent)
    rate = count_operations(texts, folder) / roof_cpu
    print(f"{name}: {len(texts):,} texts; roof (e) {rate / 1e9:,.0f} GFLOP per CPU second")
    print(f"  {'':4}{'texts/s':>10}{'texts/CPU-s':>13}{'times a':>9}{'of roof':>9}")
    for way, (wall, cpu, ideal) in spent.items():
        print(
            f"  {way:4}{len(texts) / wall:10.1f}{len(texts) / cpu:13.1f}"
            f"{spent['a'].cpu / cpu:9.1f}{ideal / cpu:9.0%}"
        )
    print(f"  {'e':4}{'':10}{len(texts) / roof_cpu:13.1f}{spent['a'].cpu / roof_cpu:9.1f}")
    print(f"  d / c: {spent['c'].cpu / spent['d'].cpu:.0%} (CPU)")


def main() -> None:
    """Measure and print."""
    import torch

    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--data", type=Path, default=Path("../shared/data"))
    parser.add_argument("--sample", type=int, default=1000, help="texts of each set, 0 for all")
    options = parser.parse_args()
    cache = user_cache_dir()
    folder = prepare_default_encoder(cache)
    began, cpu = time.perf_counter(), time.process_time()
    encoder = load_encoder(DEFAULT, cache)
    sentiment = load_sentiment(DEFAULT, encoder)
    read_meanings(["ready"], ["en"], encoder, sentiment)
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024 / 1e6
    print(
        f"start-up: {time.perf_counter() - began:.1f} s wall, {time.process_time() - cpu:.1f} s CPU"
        f" until the first text is read; {peak:,.0f} MB"
    )
    ways = {
        "a": load_plain(folder, torch.float32),
        "b": load_plain(folder, torch.bfloat16),
        "c": encoder.encode,
        "d": lambda texts: read_meanings(texts, ["en"] * len(texts), encoder, sentiment),
    }
    print_set(
        "airline tweets", take_slices(read_tweets(options.data), options.sample), ways, folder
    )
    print_set(
        "20,000-row mix", take_slices(read_mentions(options.data), options.sample), ways, folder
    )


if __name__ == "__main__":
    main()
