"""Show how discovery and assignment grow with the corpus, and what sampling costs in quality.

    python scripts/bench_growth.py --data ../shared/data
    python scripts/bench_growth.py --data ../shared/data --rows 5000 20000 --loss-sets airline

The corpora are the labelled sets, repeated with other noise on every vector and another last word
on every text. Vectors are made when they are read, as a store would read them, so that the memory
added is that of the work alone; the CPU seconds of making them are left out. Every size has a
process of its own. Compare CPU seconds: wall times depend on who else uses the machine.
"""

from __future__ import annotations

import argparse
import math
import multiprocessing
import resource
import sys
import threading
import time
from concurrent.futures import ProcessPoolExecutor
from hashlib import sha256
from itertools import pairwise
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

sys.path.insert(0, str(Path(__file__).parent))
from bench_themes import ROOT, SETS, encode_cached, read_set

BASE_SETS = ("stackoverflow", "airline", "banking77_test", "arbanking77_msa", "clinc150_test")
ROWS = (5_000, 20_000, 80_000, 320_000, 1_000_000)
LOSS_SETS = ("stackoverflow", "airline")
N_MONTHS = 24
# Cosine of a repeat to its original: about .95.
NOISE = 0.33
N_NOISES = 8_191
SHARED_CORES = 2


class Base(NamedTuple):
    """The rows that corpora are made of, in the order of their hashes."""

    texts: list[str]
    langs: list[str]
    labels: list[str]
    vectors: NDArray[np.float16]


class Repeats:
    """Vectors of a corpus, made when they are read.

    :param cpu_s: seconds spent on making them.
    """

    def __init__(self, base: NDArray[np.float16], n_rows: int) -> None:
        self._base = base
        self.shape = (n_rows, base.shape[1])
        self.cpu_s = 0.0
        noise = np.random.default_rng(0).normal(size=(N_NOISES, base.shape[1]))
        self._noise = (NOISE / math.sqrt(base.shape[1]) * noise).astype(np.float32)

    def __getitem__(self, rows: Any) -> NDArray[np.float16]:
        started = time.thread_time()
        numbers = np.arange(self.shape[0])[rows]
        made = self._base[numbers % len(self._base)].astype(np.float32)
        is_repeat = numbers >= len(self._base)
        made[is_repeat] += self._noise[numbers[is_repeat] % N_NOISES]
        made /= np.linalg.norm(made, axis=1, keepdims=True)
        self.cpu_s += time.thread_time() - started
        return made.astype(np.float16)


class Spent(NamedTuple):
    """What a step took."""

    wall_s: float
    cpu_s: float
    memory_mb: float


class Growth(NamedTuple):
    """What came of one size."""

    n_rows: int
    found: Spent
    assigned: Spent
    n_themes: int
    ami: float


def main() -> None:
    options = _parse_options()
    _prepare_vectors(options)
    print(
        f"{'rows':>9} | {'discovery: wall s':>17} {'CPU s':>6} {'MB added':>8} {'k':>4} {'AMI':>5} "
        f"| {'assignment: wall s':>18} {'CPU s':>6} {'MB added':>8}"
    )
    grown = [_in_new_process(_measure, n_rows, options) for n_rows in options.rows]
    _print_exponents(grown)
    print(f"\n{'set':16} {'rows':>6} | AMI, ARI: fitted on all | on half, the rest assigned | lost")
    for name in options.loss_sets:
        print(_in_new_process(_measure_loss, name, options), flush=True)


def _parse_options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else "")
    parser.add_argument("--rows", nargs="+", type=int, default=ROWS)
    parser.add_argument("--sets", nargs="+", choices=sorted(SETS), default=BASE_SETS)
    parser.add_argument("--loss-sets", nargs="*", choices=sorted(SETS), default=LOSS_SETS)
    parser.add_argument("--data", type=Path, default=ROOT.parent / "shared" / "data")
    parser.add_argument("--work", type=Path, default=Path("/tmp/earful-bench"))  # noqa: S108
    parser.add_argument("--cache", type=Path, help="where the encoder's folder is kept")
    return parser.parse_args()


def _in_new_process(measure: Any, what: Any, options: argparse.Namespace) -> Any:
    with ProcessPoolExecutor(1, multiprocessing.get_context("spawn")) as pool:
        return pool.submit(measure, what, options).result()


def _prepare_vectors(options: argparse.Namespace) -> None:
    """Have the sets read that were not yet, here, where the encoder's memory does no harm."""
    names = {*options.sets, *options.loss_sets}
    missing = [name for name in sorted(names) if not _find_vectors(name, options).exists()]
    if missing:
        from platformdirs import user_cache_path

        from nlp.weights import load_encoder

        encoder = load_encoder("default", options.cache or user_cache_path("earful"))
        for name in missing:
            encode_cached(read_set(name, options.data).texts, encoder, options.work)


def _find_vectors(name: str, options: argparse.Namespace) -> Path:
    """Where ``encode_cached`` keeps the vectors of a set."""
    from nlp.weights import DEFAULT, encoder_name

    texts = read_set(name, options.data).texts
    key = sha256("\0".join([encoder_name(DEFAULT), *texts]).encode()).hexdigest()[:24]
    return Path(options.work / f"{key}.npy")


def _read_base(options: argparse.Namespace) -> Base:
    texts, langs, labels, vectors = [], [], [], []
    for name in options.sets:
        rows = read_set(name, options.data)
        texts += rows.texts
        langs += rows.langs
        # The same intent in two languages is one label.
        family = "banking" if "banking" in name else name
        labels += [f"{family} {label}" for label in rows.labels]
        vectors.append(np.load(_find_vectors(name, options)))
    order = sorted(range(len(texts)), key=lambda row: sha256(texts[row].encode()).digest())
    lists = ([values[row] for row in order] for values in (texts, langs, labels))
    return Base(*lists, np.concatenate(vectors)[order])


def _measure(n_rows: int, options: argparse.Namespace) -> Growth:
    from nlp.themes.assignment import KnownThemes, assign_themes
    from nlp.themes.centring import load_language_means
    from nlp.themes.discovery import MAX_FIT_ROWS, discover_themes, import_libraries

    base = _read_base(options)
    import_libraries()
    load_language_means()
    vectors = Repeats(base.vectors, n_rows)
    n_base = len(base.texts)
    texts = [_name_text(base.texts[row % n_base], row // n_base) for row in range(n_rows)]
    langs = [base.langs[row % n_base] for row in range(n_rows)]
    months = [f"{row % N_MONTHS:02d}" for row in range(n_rows)]
    found, discovering = _spend(
        vectors, lambda: discover_themes(texts, vectors, langs, periods=months)
    )
    first = np.flatnonzero([reason is None for reason in found.reasons[:MAX_FIT_ROWS]])
    members = KnownThemes(
        vectors[first], [langs[row] for row in first], found.labels[first], found.centres
    )
    _, assigning = _spend(vectors, lambda: assign_themes(texts, vectors, langs, members))
    gold = [base.labels[row % n_base] for row in range(n_rows)]
    growth = Growth(n_rows, discovering, assigning, found.n_themes, _score(gold, found.labels)[0])
    _print_growth(growth)
    return growth


def _name_text(text: str, n_repeats: int) -> str:
    """A text of its own for every repeat, as discovery looks at each text once."""
    return f"{text} {n_repeats:o}" if n_repeats else text


def _spend(vectors: Repeats, work: Any) -> tuple[Any, Spent]:
    made_s, before_mb = vectors.cpu_s, _resident_mb()
    peak = _Peak()
    wall, cpu = time.perf_counter(), time.process_time()
    with peak:
        result = work()
    wall, cpu = time.perf_counter() - wall, time.process_time() - cpu
    made_s = vectors.cpu_s - made_s
    return result, Spent(wall, cpu - made_s, peak.mb - before_mb)


class _Peak:
    """The most memory that this process held while a block ran.

    ``ru_maxrss`` never falls, and would show the peak of an earlier step.
    """

    def __enter__(self) -> None:
        self.mb, self._is_over = _resident_mb(), threading.Event()
        self._thread = threading.Thread(target=self._watch)
        self._thread.start()

    def __exit__(self, *exception: object) -> None:
        self._is_over.set()
        self._thread.join()

    def _watch(self) -> None:
        while not self._is_over.wait(0.02):
            self.mb = max(self.mb, _resident_mb())


def _resident_mb() -> float:
    pages = int(Path("/proc/self/statm").read_text().split()[1])
    return pages * resource.getpagesize() / 2**20


def _score(gold: list[str], labels: NDArray[np.integer]) -> tuple[float, float]:
    from sklearn.metrics import adjusted_mutual_info_score, adjusted_rand_score

    return adjusted_mutual_info_score(gold, labels), adjusted_rand_score(gold, labels)


def _print_growth(grown: Growth) -> None:
    found, assigned = grown.found, grown.assigned
    print(
        f"{grown.n_rows:9,} | {found.wall_s:17.1f} {found.cpu_s:6.1f} {found.memory_mb:8,.0f} "
        f"{grown.n_themes:4} {grown.ami:5.3f} | {assigned.wall_s:18.1f} {assigned.cpu_s:6.1f} "
        f"{assigned.memory_mb:8,.0f}",
        flush=True,
    )


def _print_exponents(grown: list[Growth]) -> None:
    """Tell how CPU seconds grow beyond the sample, from each size to the next and altogether."""
    from nlp.themes.discovery import MAX_FIT_ROWS

    beyond = [each for each in grown if each.n_rows > MAX_FIT_ROWS]
    steps = [*pairwise(beyond), *([(beyond[0], beyond[-1])] if len(beyond) > 2 else [])]
    for small, large in steps:
        if large.n_rows > small.n_rows:
            rows = math.log(large.n_rows / small.n_rows)
            both = [
                math.log(getattr(large, name).cpu_s / getattr(small, name).cpu_s) / rows
                for name in ("found", "assigned")
            ]
            print(
                f"exponent of CPU seconds from {small.n_rows:,} to {large.n_rows:,} rows: "
                f"discovery {both[0]:.2f}, assignment {both[1]:.2f} (goal: at most 1.1)"
            )
    if grown:
        last = grown[-1]
        print(
            f"{last.n_rows:,} rows assigned: {last.assigned.cpu_s / SHARED_CORES:.0f} s on "
            f"{SHARED_CORES} cores of its own, by CPU seconds (goal for 1,000,000: under 60)"
        )


def _measure_loss(name: str, options: argparse.Namespace) -> str:
    from nlp.themes.discovery import discover_themes

    rows = read_set(name, options.data)
    vectors = np.load(_find_vectors(name, options))
    n = len(rows.texts)
    scores = [
        _score(rows.labels, discover_themes(rows.texts, vectors, rows.langs, max_fit_rows=m).labels)
        for m in (n, n // 2)
    ]
    (full, full_ari), (half, half_ari) = scores
    return (
        f"{name:16} {n:6,} | {full:17.3f} {full_ari:.3f} | {half:21.3f} {half_ari:.3f} "
        f"| {full - half:.3f} (goal: at most .02)"
    )


if __name__ == "__main__":
    main()
