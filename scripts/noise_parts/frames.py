"""Texts from frames: `[a|b|]` stands for one of its choices; `== label lang` begins a part."""

import random
import re
from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

FOLDER = Path(__file__).parent
_CHOICE = re.compile(r"\[([^\[\]]*)\]")


class Text(NamedTuple):
    """A text that was made, spam or ham, and its frame."""

    text: str
    label: str
    lang: str
    frame: str


def read_frames(name: str, n_each: int, seed: int = 1) -> Iterator[Text]:
    """At most so many different texts of each frame of a file; the same ones every time."""
    label = lang = ""
    for line in (FOLDER / name).read_text(encoding="utf-8").splitlines():
        if line.startswith("== "):
            label, lang = (*line[3:].split(), "en")[:2]
        elif line.strip() and not line.startswith("#"):
            rng = random.Random(f"{seed}{line}")
            drawn = {_fill(line, rng) for _ in range(3 * n_each)}
            for text in sorted(drawn)[:n_each]:
                yield Text(text, label, lang, line)


def _fill(frame: str, rng: random.Random) -> str:
    return " ".join(_CHOICE.sub(lambda found: rng.choice(found[1].split("|")), frame).split())
