"""Print how well and how fast `earful ask` finds what was said.

    python scripts/bench_ask.py               # across languages, and by name, on labelled texts
    python scripts/bench_ask.py --large       # ... and a million mentions

Texts: banking77 (English) and arbanking77 (Arabic), which share 77 labels, of --data; each of
--questions texts asks for the others, and the first ten answers are judged by their label.
"""

import argparse
import gzip
import json
import resource
import sys
import tempfile
import time
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import numpy as np
from sqlalchemy import insert

ROOT = Path(__file__).parents[1]
sys.path.insert(0, str(ROOT))

from nlp.cleaning import normalize_text  # noqa: E402
from nlp.postings import find_names, make_postings, number_words, read_words  # noqa: E402
from nlp.quantised import quantise_rows  # noqa: E402
from nlp.themes.centring import centre_rows, fit_centres, load_language_means  # noqa: E402
from nlp.themes.vectors import unit_rows  # noqa: E402
from pipelines import tables  # noqa: E402
from pipelines.asking import searching  # noqa: E402
from pipelines.asking.asking import Asker  # noqa: E402
from pipelines.asking.index import Index  # noqa: E402
from pipelines.asking.searching import Filters, Wanted, find_hits  # noqa: E402
from pipelines.config import Config, user_cache_dir  # noqa: E402
from pipelines.job import Job  # noqa: E402
from pipelines.runs import begin_run  # noqa: E402
from pipelines.store import Store, open_store  # noqa: E402

SETS = ("banking77_test.en.jsonl.gz", "arbanking77_msa_test.ar.jsonl.gz")
FIRST = 10
DAYS, LANGS, THEMES = 400, ("en", "he", "ar", "fa"), 300


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--data", type=Path, default=ROOT.parent / "shared" / "data")
    parser.add_argument("--questions", type=int, default=400)
    parser.add_argument("--vectors", type=Path, help="where vectors of the texts are kept")
    parser.add_argument("--large", action="store_true")
    parser.add_argument("--only-large", action="store_true")
    parser.add_argument("--large-rows", type=int, default=1_000_000)
    parser.add_argument("--work", type=Path, help="where the store is made and removed")
    options = parser.parse_args()
    if not options.only_large:
        _judge_languages(options.data, options.questions, options.vectors)
    if options.large or options.only_large:
        if options.work:
            options.work.mkdir(parents=True, exist_ok=True)
        with tempfile.TemporaryDirectory(dir=options.work) as folder:
            _measure_large(Path(folder), options.large_rows)


def _judge_languages(data: Path, n_questions: int, kept: Path | None) -> None:
    rows = [row for name in SETS for row in _read_rows(data / "themes" / name)]
    texts = [normalize_text(row["text"], row["lang"]) for row in rows]
    vectors = _read_vectors(texts, kept)
    langs, labels = ([row[name] for row in rows] for name in ("lang", "label"))
    fixed = load_language_means()
    fitted = fixed.with_centres(fit_centres(vectors, langs, fixed))
    spaces: dict[str, Any] = {
        "vectors as they are": unit_rows(vectors),
        "less their language": centre_rows(vectors, langs, fitted.without_projection()),
        "and projected, as themes": centre_rows(vectors, langs, fitted),
    }
    asked = np.random.default_rng(7).choice(len(rows), n_questions, replace=False).tolist()
    print(f"{len(rows):,} texts in en and ar, 77 labels, {n_questions} questions; of the first ten")
    print(f"{'':32}{'right':>8}{'in the other':>14}{'and right':>11}{'other alone':>13}")
    for name, space in spaces.items():
        _print_scores(name, _make_index(space, texts, langs), labels, asked, level=False)
    index = _make_index(spaces["and projected, as themes"], texts, langs)
    _print_scores("and languages levelled", index, labels, asked, level=True)
    name_weight, searching._NAME_WEIGHT = searching._NAME_WEIGHT, 0.05
    _print_scores("and its words weigh .05", index, labels, asked, level=True, texts=texts)
    searching._NAME_WEIGHT = name_weight
    _judge_names(spaces["and projected, as themes"], texts, langs)


def _print_scores(
    name: str,
    index: Index,
    labels: list[str],
    asked: list[int],
    *,
    level: bool,
    texts: list[str] | None = None,
) -> None:
    lang = index.columns["lang"]
    found, other, both, alone = [], [], [], []
    with _Switched(level=level):
        for row in asked:
            best = _find(index, row, texts[row] if texts else "", Filters())
            is_right = np.array([labels[each] == labels[row] for each in best])
            is_other = np.array([lang[each] != lang[row] for each in best])
            found.append(is_right.mean())
            other.append(is_other.mean())
            both.append((is_right & is_other).mean())
            names = [name for name in index.names["lang"] if name != index.names["lang"][lang[row]]]
            best = _find(
                index, row, texts[row] if texts else "", Filters(langs=tuple(map(str, names)))
            )
            alone.append(np.mean([labels[each] == labels[row] for each in best]))
    means = [float(np.mean(each)) for each in (found, other, both, alone)]
    print(f"{name:32}{means[0]:8.3f}{means[1]:14.3f}{means[2]:11.3f}{means[3]:13.3f}")


class _Switched:
    """Levelling of languages on or off."""

    def __init__(self, *, level: bool) -> None:
        self._level, self._kept = level, searching._level_languages

    def __enter__(self) -> None:
        if not self._level:
            searching._level_languages = lambda cosines, _: cosines

    def __exit__(self, *_: object) -> None:
        searching._level_languages = self._kept


def _find(index: Index, row: int, text: str, filters: Filters) -> list[int]:
    vector = index.texts.restore(slice(row, row + 1))[0]
    wanted = Wanted(vector, tuple(read_words(text)), without=[row])
    hits = find_hits(index, wanted, filters)
    return [hit.places[0] for _, hit in zip(range(FIRST), hits, strict=False)]


def _make_index(space: Any, texts: list[str], langs: list[str]) -> Index:
    """Each text is one mention, in the order given."""
    n = len(texts)
    codes = sorted(set(langs))
    zeros = np.zeros(n, dtype=np.int32)
    columns = dict.fromkeys(("source", "theme", "segment", "sentiment"), zeros)
    columns |= {"lang": np.array([codes.index(lang) for lang in langs]), "voice": np.arange(n)}
    return Index(
        quantise_rows(space),
        make_postings(number_words(texts, 0), n),
        np.array([f"{number:032d}" for number in range(n)], dtype="S32"),
        np.arange(n + 1),
        np.array([f"m{number}" for number in range(n)], dtype="S12"),
        np.zeros(n, dtype=np.int64),
        columns,
        {
            "lang": list(codes),
            "source": [None],
            "theme": [None],
            "segment": [None],
            "sentiment": [None],
        },
    )


def _judge_names(space: Any, texts: list[str], langs: list[str]) -> None:
    """200 texts get a made order number; another text and that number ask for each."""
    rng = np.random.default_rng(3)
    chosen = rng.choice(len(texts), 200, replace=False).tolist()
    numbers = {row: f"A{rng.integers(10_000_000, 99_999_999)}" for row in chosen}
    named = [f"{text} {numbers[row]}" if row in numbers else text for row, text in enumerate(texts)]
    index = _make_index(space, named, langs)
    first = {True: 0, False: 0}
    for row, number in numbers.items():
        other = int(rng.integers(len(texts)))
        vector = index.texts.restore(slice(other, other + 1))[0]
        for with_names in first:
            names = tuple(find_names(f"order {number}", "en")) if with_names else ()
            hits = find_hits(index, Wanted(vector, names=names), Filters())
            first[with_names] += next(hits).places[0] == row
    print(f"order numbers: first in {first[True]} of 200, by meaning alone in {first[False]}")


def _read_rows(path: Path) -> list[dict[str, Any]]:
    with gzip.open(path, "rt", encoding="utf-8") as lines:
        return [json.loads(line) for line in lines]


def _read_vectors(texts: list[str], kept: Path | None) -> Any:
    if kept and kept.exists():
        return np.load(kept)
    from nlp.weights import load_encoder

    encoder = load_encoder("default", user_cache_dir())
    order = sorted(range(len(texts)), key=lambda at: -len(texts[at]))
    vectors = np.zeros((len(texts), 384), dtype=np.float16)
    for start in range(0, len(order), 256):
        some = order[start : start + 256]
        vectors[some] = encoder.encode([texts[at] for at in some])
    if kept:
        np.save(kept, vectors)
    return vectors


def _measure_large(folder: Path, n: int) -> None:
    url = f"sqlite:///{folder}/large.db"
    job = Job(Config.model_validate({"store": {"url": url}}), user_cache_dir())
    store = open_store(url, create=True)
    _fill(store, n, job.models.encoder_name)
    job.models.embed(["late refund"])  # the encoder's own start is not the search's
    asker = Asker(store, job)
    print(f"{n:,} mentions of {n:,} distinct texts")
    _say_time("the index made", lambda: asker.ask("late refund", Filters(), 10))
    _say_time(
        "  and read by the next command",
        lambda: Asker(store, job).ask("late refund", Filters(), 10),
    )
    kept = next(folder.glob("*.ask"))
    print(f"  it takes {kept.stat().st_size / 1e6:,.0f} MB")
    asks: dict[str, tuple[str, Filters]] = {
        "a question": ("late refund of my order", Filters()),
        "in Hebrew last month": ("late refund in Hebrew last month", Filters()),
        "of one theme": ("late refund", Filters(themes=("t7",))),
        "of one theme, day and feeling": ("late refund", _narrow()),
        "an order number": ("order A500123", Filters()),
        "like a mention": ("", Filters()),
    }
    for name, (question, filters) in asks.items():
        like = None if question else "f5-0"
        text = question or None
        _say_times(name, lambda t=text, f=filters, i=like: asker.ask(t, f, 10, like=i))  # type: ignore[misc]
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1e3
    print(f"peak {peak:,.0f} MB, the encoder and the mapped index included")


def _narrow() -> Filters:
    since = datetime(2026, 3, 1, tzinfo=UTC)
    return Filters(("t7",), sentiments=("negative",), since=since, until=since + timedelta(days=1))


def _say_time(name: str, do: Callable[[], object]) -> None:
    wall, cpu = time.perf_counter(), time.process_time()
    do()
    print(f"{name:32}{time.perf_counter() - wall:8.2f} s{time.process_time() - cpu:8.2f} CPU s")


def _say_times(name: str, do: Callable[[], object], n: int = 15) -> None:
    walls, cpus = [], []
    for _ in range(n):
        wall, cpu = time.perf_counter(), time.process_time()
        do()
        walls.append(time.perf_counter() - wall)
        cpus.append(time.process_time() - cpu)
    middle, most = sorted(walls)[n // 2] * 1e3, max(walls) * 1e3
    print(f"{name:32}{middle:6.0f} ms, at most {most:.0f};{sorted(cpus)[n // 2] * 1e3:6.0f} CPU ms")


def _fill(store: Store, n: int, encoder: str, batch: int = 20_000) -> None:
    """Made words and random vectors: what takes time does not depend on what they mean."""
    rng = np.random.default_rng(5)
    words = np.array(["".join(rng.choice(list("abcdefghiklmnoprstuv"), 6)) for _ in range(30_000)])
    begin = datetime(2025, 11, 1, tzinfo=UTC)
    with begin_run(store, "bench", config_hash="", lock_timeout_s=5) as run:
        named = {"status": "active", "origin": "discovered"}
        themes = [{"theme_id": f"t{t}", "name": f"theme {t}", **named} for t in range(THEMES)]
        run.connection.execute(insert(tables.theme), themes)
        for start in range(0, n, batch):
            numbers = range(start, min(start + batch, n))
            texts = [" ".join(row) for row in words[rng.integers(0, 30_000, (len(numbers), 12))]]
            vectors = unit_rows(rng.normal(size=(len(numbers), 384))).astype("<f2")
            said = [
                {
                    "feedback_id": f"f{i}",
                    "source": f"source {i % 7}",
                    "text": f"{text} A{i}",
                    "lang": LANGS[i % 4],
                    "occurred_at": begin + timedelta(minutes=i * DAYS * 1440 // n),
                    "customer_id": f"C{i % 200_000}",
                }
                for i, text in zip(numbers, texts, strict=True)
            ]
            run.connection.execute(insert(tables.feedback), said)
            mentions = [
                {
                    "mention_id": f"f{i}-0",
                    "feedback_id": f"f{i}",
                    "position": 0,
                    "text": f"{text} A{i}",
                    "text_hash": f"{i * 2_654_435_761 % 2**64:032x}",
                    "lang": LANGS[i % 4],
                    "sentiment": ("negative", "neutral", "positive")[i % 3],
                    "sentiment_score": 0.0,
                    "theme_id": f"t{i % THEMES}",
                }
                for i, text in zip(numbers, texts, strict=True)
            ]
            run.connection.execute(insert(tables.mention), mentions)
            stored = [
                {"text_hash": row["text_hash"], "model": encoder, "data": vector.tobytes()}
                for row, vector in zip(mentions, vectors, strict=True)
            ]
            run.connection.execute(insert(tables.vector), stored)
        run.mark_changed()


if __name__ == "__main__":
    main()
