"""Train the journey classifier, and write `nlp/data/journey.safetensors` and its card.

    python scripts/train_journey.py

The sentences of `scripts/journey_parts` were written for this project: 20 for each stage and
language, the same line of each file saying the same. Every fourth line is held out in all four
languages, so that no translation of what is measured was trained on; what is shipped is what
was measured.
"""

import argparse
from pathlib import Path
from typing import NamedTuple

import numpy as np

from nlp.journey import MIN_PROBABILITY, STAGES, WEIGHTS

PARTS = Path(__file__).parent / "journey_parts"
LANGS = ("en", "he", "ar", "fa")
HELD_OUT = 4
PENALTY = 100.0  # inverse strength of the L2 penalty, on vectors of length 1
CARD = """# Journey stages
A softmax regression on multilingual-e5-small vectors, made by `scripts/train_journey.py` from
{n_train} sentences written for this project; measured on {n_test} others, none of them a
translation of a training sentence. Chance is {chance:.2f}.

| language | accuracy | of those answered (not unknown) | share answered |
|---|---|---|---|
{rows}

| stage | recall | precision |
|---|---|---|
{stages}

Written sentences are clearer than what customers write: expect less on your own, and look at
`journey_confidence`. Below {least} the stage is unknown.
"""


class Sentence(NamedTuple):
    """A sentence, and its line within its stage."""

    text: str
    stage: str
    lang: str
    line: int


def main() -> None:
    from platformdirs import user_cache_path
    from safetensors.numpy import save_file
    from sklearn.linear_model import LogisticRegression

    from nlp.weights import load_encoder

    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--cache", type=Path, default=user_cache_path("earful"))
    options = parser.parse_args()
    sentences = [each for lang in LANGS for each in read_sentences(lang)]
    encoder = load_encoder("default", options.cache)
    vectors = encoder.encode([each.text for each in sentences]).astype(np.float32)
    is_test = np.array([each.line % HELD_OUT == HELD_OUT - 1 for each in sentences])
    labels = np.array([STAGES.index(each.stage) for each in sentences])
    model = LogisticRegression(C=PENALTY, max_iter=5_000)
    model.fit(vectors[~is_test], labels[~is_test])
    weights = {"weights": model.coef_.T.astype(np.float32), "bias": model.intercept_}
    tensors = {name: np.ascontiguousarray(each, np.float32) for name, each in weights.items()}
    save_file(tensors, WEIGHTS)
    held = [each for each, chosen in zip(sentences, is_test, strict=True) if chosen]
    card = write_card(held, vectors[is_test], int((~is_test).sum()))
    WEIGHTS.with_suffix(".md").write_text(card, encoding="utf-8")
    print(card)


def read_sentences(lang: str) -> list[Sentence]:
    """The sentences of a language, each with its line within its stage."""
    found: list[Sentence] = []
    stage, line = "", 0
    for text in (PARTS / f"{lang}.txt").read_text(encoding="utf-8").splitlines():
        if text.startswith("# "):
            stage, line = text[2:], 0
        else:
            found.append(Sentence(text, stage, lang, line))
            line += 1
    return found


def write_card(held: list[Sentence], vectors: np.ndarray, n_train: int) -> str:
    """What was measured, as the card says it."""
    from nlp.journey import classify_stages

    said = [each.name for each in classify_stages(vectors)]
    rows = [_score(lang, held, said) for lang in (*LANGS, "all")]
    stages = []
    for stage in STAGES:
        true = [each.stage == stage for each in held]
        given = [name == stage for name in said]
        both = sum(a and b for a, b in zip(true, given, strict=True))
        stages.append(f"| {stage} | {both / sum(true):.2f} | {both / max(sum(given), 1):.2f} |")
    return CARD.format(
        n_train=n_train,
        n_test=len(held),
        chance=1 / len(STAGES),
        rows="\n".join(rows),
        stages="\n".join(stages),
        least=MIN_PROBABILITY,
    )


def _score(lang: str, held: list[Sentence], said: list[str]) -> str:
    pairs = [
        (each.stage, name)
        for each, name in zip(held, said, strict=True)
        if lang in (each.lang, "all")
    ]
    right = sum(true == name for true, name in pairs) / len(pairs)
    answered = [(true, name) for true, name in pairs if name != "unknown"]
    sure = sum(true == name for true, name in answered) / len(answered)
    return f"| {lang} | {right:.2f} | {sure:.2f} | {len(answered) / len(pairs):.2f} |"


if __name__ == "__main__":
    main()
