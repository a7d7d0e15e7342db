#!/usr/bin/env python3
"""Measure how noise is told from signal, and print every number of it that README states.

    python scripts/bench_noise.py --data ../shared/data
    python scripts/bench_noise.py --only copies probe

spam: youtube01-03 and sms_spam, read as a run reads them; none of their rows was trained on.
customers: scripts/noise_parts/customers_probe.txt, what customers say in an advert's words.
adverts: scripts/noise_parts/adverts_probe.tsv, both kinds, by one who knew nothing of the model;
    and the demo's posts.
sound: rows of five sets flagged as noise, other than copies; none of their rows was trained on.
probe: scripts/noise_parts/probe.txt; every second line was held out.
copies: copies planted among 200,000 texts; no change that turns a text (nlp/turned_words.py).
"""

import argparse
import csv
import gzip
import json
import random
import resource
import time
from collections import Counter
from collections.abc import Iterator
from dataclasses import fields
from pathlib import Path
from typing import Any

import numpy as np
from noise_parts.frames import FOLDER
from rapidfuzz.distance import Levenshtein

from nlp.cleaning import normalize_text, repair_text
from nlp.languages import detect_language
from nlp.masking import mask_text
from nlp.near_copies import MIN_WORDS, Sketches, find_likes, fold_words, sketch_texts
from nlp.noise import score_noise
from nlp.turned_words import is_turned

SPAM_SETS = ("youtube01-psy", "youtube02-katyperry", "youtube03-lmfao", "sms_spam")
SOUND_SETS = (
    *("themes/banking77_test.en", "sentiment/airline.en", "sentiment/hebrew.he"),
    *("sentiment/snappfood_dev.fa", "themes/cfpb.en"),
)
N_TEXTS, N_PLANTED, SEED, BATCH = 200_000, 5_000, 3, 20_000
KINDS = ("one word", "two words", "emoji", "punctuation", "case")
EMOJI = ("🙏🙏", "😡", "👍 ❤️", "🔥🔥🔥", "😂")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else "")
    parser.add_argument("--data", type=Path, default=Path("../shared/data"))
    parser.add_argument("--only", nargs="+", choices=_PARTS, default=_PARTS)
    parser.add_argument("--rows", type=int, default=1_000, help="of each sound set; 0: all")
    parser.add_argument("--cache", type=Path, help="where the encoder's folder is kept")
    options = parser.parse_args()
    for name in options.only:
        print(f"\n{name}", flush=True)
        for line in _PARTS[name](options):
            print(line, flush=True)


def _measure_spam(options: argparse.Namespace) -> Iterator[str]:
    models = _load_models(options)
    together: tuple[list[bool], list[bool]] = ([], [])
    for name in SPAM_SETS:
        rows = list(_read_rows(options.data / "noise" / f"{name}.en.jsonl.gz"))
        truth = [row["label"] == "spam" for row in rows]
        found = [noise.reason == "spam" for noise in _judge([row["text"] for row in rows], models)]
        if name.startswith("youtube"):
            together[0].extend(truth)
            together[1].extend(found)
        yield f"{name:22} {_score(truth, found)}"
    yield f"{'youtube01-03':22} {_score(*together)}"


def _measure_sound(options: argparse.Namespace) -> Iterator[str]:
    models = _load_models(options)
    for name in SOUND_SETS:
        texts = [row["text"] for row in _read_rows(options.data / f"{name}.jsonl.gz")]
        if options.rows:
            texts = random.Random(SEED).sample(texts, min(options.rows, len(texts)))
        counts = Counter(noise.reason for noise in _judge(texts, models) if noise.reason)
        share = counts.total() / len(texts)
        yield f"{name:28} {share:.2%} of {len(texts):,} rows flagged {dict(counts)}"


def _measure_customers(options: argparse.Namespace) -> Iterator[str]:
    text = (FOLDER / "customers_probe.txt").read_text(encoding="utf-8")
    for part in text.split("== ")[1:]:
        side, *texts = part.strip().splitlines()
        found = [noise.reason for noise in _judge(texts, _load_models(options)) if noise.reason]
        yield f"{side:9} {len(found)} of {len(texts)} sentences flagged {dict(Counter(found))}"


def _measure_adverts(options: argparse.Namespace) -> Iterator[str]:
    with (FOLDER / "adverts_probe.tsv").open(encoding="utf-8", newline="") as file:
        probe = list(csv.DictReader(file, delimiter="\t", quoting=csv.QUOTE_NONE))
    for lang in dict.fromkeys(row["lang"] for row in probe):
        own = [(row["text"], row["kind"] == "spam") for row in probe if row["lang"] == lang]
        yield f"{lang:5} {_count_adverts(own, options)}"
    paths = sorted((FOLDER.parent / "demo_parts").glob("social_*.jsonl"))
    lines = [line for path in paths for line in path.read_text(encoding="utf-8").splitlines()]
    posts = [row for row in map(json.loads, lines) if row["kind"] in ("post", "spam")]
    demo = [(row["text"], row["kind"] == "spam") for row in posts]
    yield f"demo  {_count_adverts(demo, options)}"


def _count_adverts(rows: list[tuple[str, bool]], options: argparse.Namespace) -> str:
    found = [noise.reason for noise in _judge([text for text, _ in rows], _load_models(options))]
    hits = [reason == "spam" for (_, is_spam), reason in zip(rows, found, strict=True) if is_spam]
    wrong = [bool(reason) for (_, is_spam), reason in zip(rows, found, strict=True) if not is_spam]
    return (
        f"{sum(hits)} of {len(hits)} adverts found, {sum(wrong)} of {len(wrong)} sound ones flagged"
    )


def _measure_probe(_options: argparse.Namespace) -> Iterator[str]:
    for is_held in (False, True):
        truth, found, langs = [], [], set()
        for lang, kind, text, place in read_probe():
            if (place % 2 == 1) == is_held:
                langs.add(lang)
                truth.append(kind != "+")
                found.append(_judge_alone(text) in ("low_effort", "gibberish", "test_row"))
        side = "held out" if is_held else "seen"
        yield f"{side:9} {len(truth)} lines in {len(langs)} languages  {_rates(truth, found)}"


def _measure_copies(options: argparse.Namespace) -> Iterator[str]:
    texts, rng = _read_corpus(options.data), random.Random(SEED)
    rng.shuffle(texts)
    texts = texts[: N_TEXTS - 2 * N_PLANTED]
    long = [at for at, text in enumerate(texts) if len(fold_words(text)) >= MIN_WORDS]
    drawn = rng.sample(long, 2 * N_PLANTED)
    sources, decoyed = drawn[:N_PLANTED], drawn[N_PLANTED:]
    kinds = [KINDS[at % len(KINDS)] for at in range(N_PLANTED)]
    copies = [_change(texts[at], kind, texts, rng) for at, kind in zip(sources, kinds, strict=True)]
    decoys = [_disguise(texts[at], texts, rng) for at in decoyed]
    began, cpu = time.monotonic(), time.process_time()
    groups = _group([*texts, *copies, *decoys])
    wall, cpu = time.monotonic() - began, time.process_time() - cpu
    memory = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
    found = groups[len(texts) :]
    hits = [found[at] == groups[source] for at, source in enumerate(sources)]
    wrong = [found[N_PLANTED + at] == groups[source] for at, source in enumerate(decoyed)]
    for kind in KINDS:
        own = [hit for hit, each in zip(hits, kinds, strict=True) if each == kind]
        yield f"{kind:12} recall {np.mean(own):.4f} of {len(own):,}"
    precision = sum(hits) / max(sum(hits) + sum(wrong), 1)
    yield f"{'all':12} recall {np.mean(hits):.4f}, precision {precision:.4f} ({sum(wrong)} decoys)"
    yield f"{N_TEXTS:,} texts: {wall:.1f} s, {cpu:.1f} s of CPU, at most {memory:,.0f} MB"


def _disguise(text: str, texts: list[str], rng: random.Random) -> str:
    """No copy: a third of the words are others, at least four."""
    words = fold_words(text)
    n_changes = max(4, len(words) // 3)
    changed = text
    for _ in range(100 * n_changes):
        changed = _change_word(changed, texts, rng, ways=("replace",))
        if Levenshtein.distance(words, fold_words(changed)) >= n_changes:
            break
    return changed


def _group(texts: list[str]) -> list[int]:
    made = [sketch_texts(texts[at : at + BATCH]) for at in range(0, len(texts), BATCH)]
    names = [each.name for each in fields(Sketches)]
    sketches = Sketches(*(np.concatenate([getattr(each, name) for each in made]) for name in names))
    parents = list(range(len(texts)))

    def find(place: int) -> int:
        while parents[place] != place:
            parents[place] = place = parents[parents[place]]
        return place

    is_new = np.ones(len(texts), dtype=bool)
    for one, other in find_likes(sketches, is_new, lambda at: [fold_words(texts[i]) for i in at]):
        one, other = find(one), find(other)
        parents[max(one, other)] = min(one, other)
    return [find(place) for place in range(len(texts))]


def _change(text: str, kind: str, texts: list[str], rng: random.Random) -> str:
    if kind == "emoji":
        return f"{text} {rng.choice(EMOJI)}"
    if kind == "punctuation":
        return text.rstrip(".!?؟ ") + rng.choice(("!!!", "...", " ?!", " ."))
    if kind == "case":
        changed = text.upper() if rng.random() < 0.5 else text.lower()
        return changed if changed != text else f"“{text}”"
    for _ in range(100):
        changed = text
        for _ in range(1 if kind == "one word" else 2):
            changed = _change_word(changed, texts, rng)
        if changed != text and not is_turned(fold_words(text), fold_words(changed)):
            return changed
    return text


def _change_word(
    text: str,
    texts: list[str],
    rng: random.Random,
    ways: tuple[str, ...] = ("replace", "insert", "delete"),
) -> str:
    """Another word of the corpus in the place of one, a further word, or one less."""
    words = text.split()
    singles = [at for at, word in enumerate(words) if len(fold_words(word)) == 1]
    if not singles:
        return text
    at = rng.choice(singles)
    other = rng.choice(rng.choice(texts).split())
    how = rng.choice(ways)
    if len(fold_words(other)) != 1:
        return text
    words[at : at + 1] = {"replace": [other], "insert": [words[at], other], "delete": []}[how]
    return " ".join(words)


def _read_corpus(data: Path) -> list[str]:
    """Every different text of the labelled sets with a word in it, normalised as in a store."""
    found: dict[str, None] = {}
    for path in sorted([*(data / "themes").glob("*.gz"), *(data / "sentiment").glob("*.gz")]):
        for row in _read_rows(path):
            text = normalize_text(repair_text(row["text"]), row.get("lang") or "und")
            if fold_words(text):
                found.setdefault(text)
    return list(found)


def read_probe() -> Iterator[tuple[str, str, str, int]]:
    """Language, kind (- ? +), text and place among those of its kind, from 0."""
    lang, counts = "", Counter[tuple[str, str]]()
    for line in (FOLDER / "probe.txt").read_text(encoding="utf-8").splitlines():
        if line.startswith("== "):
            lang = line[3:]
        elif line[:2] in ("- ", "? ", "+ "):
            yield lang, line[0], line[2:], counts[lang, line[0]]
            counts[lang, line[0]] += 1


def _judge_alone(text: str) -> str | None:
    text = repair_text(text)
    lang = detect_language(text).code
    return score_noise(text, normalize_text(text, lang), lang).reason


def _judge(texts: list[str], models: Any) -> Any:
    from pipelines.feedback_rows import choose_language
    from pipelines.noise_texts import read_noise

    masked = [mask_text(repair_text(text)).text for text in texts]
    return read_noise(masked, [choose_language(text, None) for text in masked], models)


def _load_models(options: argparse.Namespace) -> Any:
    from platformdirs import user_cache_path

    from pipelines.config_sections import ModelsConfig
    from pipelines.models import Models

    return Models(ModelsConfig(), options.cache or user_cache_path("earful"))


def _read_rows(path: Path) -> Iterator[dict[str, Any]]:
    with gzip.open(path, "rt", encoding="utf-8") as lines:
        yield from map(json.loads, lines)


def _score(truth: list[bool], found: list[bool]) -> str:
    from sklearn.metrics import f1_score

    return f"macro-F1 {f1_score(truth, found, average='macro'):.3f}  {_rates(truth, found)}"


def _rates(truth: list[bool], found: list[bool]) -> str:
    both = sum(a and b for a, b in zip(truth, found, strict=True))
    precision, recall = both / max(sum(found), 1), both / max(sum(truth), 1)
    return f"precision {precision:.3f}  recall {recall:.3f}"


# Copies come first: the others load the encoder, and the memory is that of the whole process.
_PARTS = {
    "copies": _measure_copies,
    "probe": _measure_probe,
    "sound": _measure_sound,
    "customers": _measure_customers,
    "adverts": _measure_adverts,
    "spam": _measure_spam,
}

if __name__ == "__main__":
    main()
