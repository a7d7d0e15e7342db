"""Score the sentiment of the mention that holds an aspect against the polarity given for it.

    python scripts/bench_aspects.py --sets restaurant14_test laptop14_test --data ../shared/data

Prints for each set, over (a) texts whose aspects differ in polarity, (b) the others and (c) all of
them: the number of aspects and the accuracy of the sentiment of the whole text, of the sentence
that holds the aspect, and of the mention (sentences cut into clauses). Then how many texts are cut
into clauses, and how often a target was found and overlaps an aspect of its mention.
"""

from __future__ import annotations

import argparse
import gzip
import json
import re
from collections.abc import Iterable, Iterator, Sequence
from hashlib import sha256
from pathlib import Path
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from nlp.mentions import Span, split_sentences, split_texts
from nlp.targets import find_target

ROOT = Path(__file__).resolve().parents[1]
SETS = {
    "restaurant14_train": "restaurant14_train.en",
    "restaurant14_test": "restaurant14_test.en",
    "laptop14_train": "laptop14_train.en",
    "laptop14_test": "laptop14_test.en",
    "hotels16_train": "hotels16_train.ar",
    "restaurant16_es_train": "restaurant16_es_train.es",
    "restaurant16_es_test": "restaurant16_es_test.es",
    "restaurant16_fr_train": "restaurant16_fr_train.fr",
    "restaurant16_fr_test": "restaurant16_fr_test.fr",
    "acos_restaurant_train": "acos_restaurant_train.en",
    "acos_restaurant_dev": "acos_restaurant_dev.en",
    "acos_laptop_train": "acos_laptop_train.en",
    "acos_laptop_dev": "acos_laptop_dev.en",
}
DEFAULT_SETS = (
    "restaurant14_test",
    "laptop14_test",
    "hotels16_train",
    "restaurant16_fr_test",
    "restaurant16_es_test",
    "acos_restaurant_dev",
    "acos_laptop_dev",
)
LABELS = ("negative", "neutral", "positive")
UNITS = ("text", "sentence", "mention")


class Aspect(NamedTuple):
    """A term at ``text[start:end]`` and the polarity of what is said of it."""

    start: int
    end: int
    polarity: str


class Case(NamedTuple):
    """A text and its aspects."""

    text: str
    lang: str
    aspects: list[Aspect]

    @property
    def is_mixed(self) -> bool:
        """Whether its aspects differ in polarity."""
        return len({aspect.polarity for aspect in self.aspects}) > 1


def main() -> None:
    from platformdirs import user_cache_path

    from nlp.weights import load_encoder, load_sentiment

    options = _parse_options()
    encoder = load_encoder("default", options.cache or user_cache_path("earful"))
    sentiment = load_sentiment("default", encoder)
    print(
        f"{'set':22} {'part':6} {'aspects':>7} | accuracy: "
        f"{'text':>6} {'sentence':>8} {'mention':>8}"
    )
    for name in options.sets:
        cases = list(read_cases(name, options.data, options.limit))
        spans = split_cases(cases)

        def score(texts: Sequence[str], lang: str) -> NDArray[np.float32]:
            return sentiment.score(list(texts), [lang] * len(texts))

        _print_accuracy(name, cases, spans, _labels_of(cases, spans, score))
        _print_targets(cases, spans["mention"], spans["sentence"])


def _parse_options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else "")
    parser.add_argument("--sets", nargs="+", choices=sorted(SETS), default=DEFAULT_SETS)
    parser.add_argument("--data", type=Path, default=ROOT.parent / "shared" / "data")
    parser.add_argument("--limit", type=int, help="texts of each set, lowest sha256 first")
    parser.add_argument("--cache", type=Path, help="where the encoder's folder is kept")
    return parser.parse_args()


def read_cases(name: str, data: Path, limit: int | None = None) -> Iterator[Case]:
    """Read a set, one case a text; aspects that are not written in the text are left out."""
    terms: dict[str, list[tuple[str, str]]] = {}
    lang = SETS[name].rpartition(".")[2]
    with gzip.open(data / "aspects" / f"{SETS[name]}.jsonl.gz", "rt", encoding="utf-8") as lines:
        for row in map(json.loads, _unescape(lines)):
            found = row.get("aspects") or [{"aspect": row["aspect"], "polarity": row["label"]}]
            terms.setdefault(row["text"], []).extend(
                (item["aspect"], item["polarity"]) for item in found
            )
    texts = sorted(terms, key=lambda text: sha256(text.encode()).digest())
    for text in texts[:limit]:
        aspects = list(_find_aspects(text, terms[text]))
        if aspects:
            yield Case(text, lang, aspects)


def _unescape(lines: Iterable[str]) -> Iterator[str]:
    """Write brackets as customers do: the source was tokenised."""
    return (line.replace("-LRB-", "(").replace("-RRB-", ")") for line in lines)


def _find_aspects(text: str, terms: list[tuple[str, str]]) -> Iterator[Aspect]:
    """Find the terms; a term given several times stands for its places in turn."""
    seen: dict[str, int] = {}
    for term, polarity in dict.fromkeys(terms):
        places = [
            match.start()
            for match in re.finditer(rf"(?<!\w){re.escape(term)}", text, re.IGNORECASE)
        ]
        if polarity in LABELS and places:
            place = places[min(seen.get(term, 0), len(places) - 1)]
            seen[term] = seen.get(term, 0) + 1
            yield Aspect(place, place + len(term), polarity)


def split_cases(cases: Sequence[Case]) -> dict[str, list[list[Span]]]:
    """Split the texts into each of the units."""
    texts, langs = [case.text for case in cases], [case.lang for case in cases]
    return {
        "text": [[Span(0, len(text))] for text in texts],
        "sentence": split_sentences(texts, langs),
        "mention": split_texts(texts, langs),
    }


def _labels_of(cases, spans, score) -> dict[tuple[str, str], str]:  # type: ignore[no-untyped-def]
    """Score every distinct part once; the label by language and part."""
    parts = {
        (case.lang, case.text[slice(*span)])
        for unit in UNITS
        for case, case_spans in zip(cases, spans[unit], strict=True)
        for span in case_spans
    }
    found = {}
    for lang in sorted({lang for lang, _ in parts}):
        texts = sorted(text for own, text in parts if own == lang)
        best = score(texts, lang).argmax(axis=1)
        found |= {(lang, text): LABELS[place] for text, place in zip(texts, best, strict=True)}
    return found


def holder_of(spans: Sequence[Span], aspect: Aspect) -> Span:
    """Give the part that holds most of an aspect's letters."""
    return max(spans, key=lambda span: min(span.end, aspect.end) - max(span.start, aspect.start))


def _print_accuracy(name, cases, spans, labels) -> None:  # type: ignore[no-untyped-def]
    right: dict[str, dict[str, list[bool]]] = {}
    for place, case in enumerate(cases):
        for aspect in case.aspects:
            for part in ("mixed" if case.is_mixed else "others", "all"):
                for unit in UNITS:
                    span = holder_of(spans[unit][place], aspect)
                    label = labels[case.lang, case.text[slice(*span)]]
                    hits = right.setdefault(part, {}).setdefault(unit, [])
                    hits.append(label == aspect.polarity)
    for part in ("mixed", "others", "all"):
        if part in right:
            scores = {unit: float(np.mean(hits)) for unit, hits in right[part].items()}
            print(
                f"{name:22} {part:6} {len(right[part]['text']):7,} |           "
                f"{scores['text']:6.3f} {scores['sentence']:8.3f} {scores['mention']:8.3f}",
                flush=True,
            )


def _print_targets(
    cases: Sequence[Case], mentions: Sequence[list[Span]], sentences: Sequence[list[Span]]
) -> None:
    n_cut = sum(len(parts) > len(whole) for parts, whole in zip(mentions, sentences, strict=True))
    n_holding = n_found = n_overlapping = 0
    for case, spans in zip(cases, mentions, strict=True):
        for span in spans:
            held = [aspect for aspect in case.aspects if span.start <= aspect.start < span.end]
            if not held:
                continue
            n_holding += 1
            target = find_target(case.text[slice(*span)], case.lang)
            terms = [set(case.text[a.start : a.end].lower().split()) for a in held]
            n_found += target is not None
            n_overlapping += target is not None and any(
                not term.isdisjoint(target.split()) for term in terms
            )
    print(
        f"{'':22} {n_cut:,} of {len(cases):,} texts cut into clauses; target in "
        f"{n_found / n_holding:.2f} of {n_holding:,} mentions with an aspect, "
        f"sharing a word with one in {n_overlapping / max(1, n_found):.2f} of those"
    )


if __name__ == "__main__":
    main()
