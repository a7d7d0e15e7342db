"""Score pinned themes on labelled sets: what ten pins draw of the intents that they are.

    python scripts/bench_pins.py --sets banking77_test --data ../shared/data

Ten intents are pinned at a time, by three of their texts, or by the name of the intent alone; what
is found about the other texts is there already. Prints, over all draws of ten, how many of the
drawn texts are of the intent (precision) and how many of the intent's texts are drawn (recall);
of a set in two languages what examples in one draw of the other;
beside it the nearest pin above a cosine, with the cosine that scores best on the set itself.
"""

from __future__ import annotations

import argparse
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
from bench_themes import ROOT, SETS, Rows, encode_cached, read_set

N_PINS, N_EXAMPLES, N_DRAWS = 10, 3, 10


def main() -> None:
    from platformdirs import user_cache_path

    from nlp.weights import load_encoder

    options = _parse_options()
    encoder = load_encoder("default", options.cache or user_cache_path("earful"))
    print(f"{'set':16} {'pinned by':14} | precision recall | nearest pin alone: precision recall")
    for name in options.sets:
        rows = read_set(name, options.data)
        vectors = encode_cached(rows.texts, encoder, options.work)
        ways = ["three texts", "its name"]
        if len(set(rows.langs)) > 1:  # by examples of the first language, scored on the others
            ways = [f"three in {lang}" for lang in sorted(set(rows.langs))]
        for by in ways:
            print(f"{name:16} {by:14} | {_score(rows, vectors, encoder, by)}", flush=True)


def _parse_options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else "")
    parser.add_argument("--sets", nargs="+", choices=sorted(SETS), default=["banking77_test"])
    parser.add_argument("--data", type=Path, default=ROOT.parent / "shared" / "data")
    parser.add_argument("--work", type=Path, default=Path("/tmp/earful-bench"))  # noqa: S108
    parser.add_argument("--cache", type=Path, help="where the encoder's folder is kept")
    return parser.parse_args()


def _score(rows: Rows, vectors: Any, encoder: Any, by: str) -> str:
    from nlp.themes.attraction import Found, draw_to_pins
    from nlp.themes.centring import centre_rows, load_language_means
    from nlp.themes.discovery import discover_themes
    from nlp.themes.vectors import mean_rows

    found = discover_themes(rows.texts, vectors, rows.langs)
    space = load_language_means().with_centres(found.centres)
    is_member = np.array([reason is None for reason in found.reasons])
    registers = [""] * len(rows.texts)
    mentions = Found(rows.texts, vectors, rows.langs, registers, found.labels, is_member)
    centred = centre_rows(vectors, rows.langs, space)
    drawn, alone, truth = [], [], []
    for pins, gold, kept in _draw_pins(rows, vectors, encoder, by):
        drawn.append(draw_to_pins(mentions, pins, space)[kept])
        middles = mean_rows(centre_rows(pins.vectors, pins.langs, space), pins.labels, N_PINS)
        alone.append((centred @ middles.T)[kept])
        truth.append(gold[kept])
    best = max(
        (
            _rate([_nearest(each, least) for each in alone], truth)
            for least in np.arange(0.3, 0.8, 0.05)
        ),
        key=lambda rates: 2 * rates[0] * rates[1] / max(sum(rates), 1e-9),
    )
    ours = _rate(drawn, truth)
    return f"{ours[0]:9.3f} {ours[1]:6.3f} | {best[0]:28.3f} {best[1]:6.3f}"


def _draw_pins(rows: Rows, vectors: Any, encoder: Any, by: str) -> Iterator[tuple[Any, Any, Any]]:
    """Pins, the pin of each row (-1 for none), and the rows that are no example."""
    from nlp.themes.attraction import Pins

    rng = np.random.default_rng(0)
    langs_of = np.array(rows.langs)
    lang = by.removeprefix("three in ")
    is_shown = langs_of == lang if by.startswith("three in ") else np.ones(len(langs_of), bool)
    known = sorted(set(np.array(rows.labels)[is_shown]))
    for _ in range(N_DRAWS):
        intents = rng.choice(known, N_PINS, replace=False).tolist()
        numbers = {intent: number for number, intent in enumerate(intents)}
        gold = np.array([numbers.get(label, -1) for label in rows.labels])
        kept = ~is_shown if by.startswith("three in ") else is_shown.copy()
        if by == "its name":
            texts = [intent.replace("_", " ").lower() for intent in intents]
            shown, langs = encoder.encode(texts), ["en"] * N_PINS
            own = np.arange(N_PINS)
        else:
            chosen = [
                rng.choice(np.flatnonzero((gold == number) & is_shown), N_EXAMPLES, replace=False)
                for number in range(N_PINS)
            ]
            places = np.concatenate(chosen)
            kept[places] = False
            texts = [rows.texts[row] for row in places]
            shown, langs = vectors[places], [rows.langs[row] for row in places]
            own = np.repeat(np.arange(N_PINS), N_EXAMPLES)
        none = np.full(N_PINS, -1, dtype=np.int32)
        pins = Pins(texts, shown, langs, own.astype(np.int32), [()] * N_PINS, none)
        yield pins, gold, kept


def _nearest(likeness: Any, least: float) -> Any:
    return np.where(likeness.max(axis=1) >= least, likeness.argmax(axis=1), -1)


def _rate(drawn: list[Any], truth: list[Any]) -> tuple[float, float]:
    given, gold = np.concatenate(drawn), np.concatenate(truth)
    right = int(((given >= 0) & (given == gold)).sum())
    return right / max(int((given >= 0).sum()), 1), right / max(int((gold >= 0).sum()), 1)


if __name__ == "__main__":
    main()
