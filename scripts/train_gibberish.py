"""Count pairs of letters in open texts and write `nlp/data/noise/letter_pairs.tsv`.

Usage: python scripts/train_gibberish.py [--data ../shared/data]
"""

import argparse
import gzip
import json
import math
import re
from collections import Counter
from collections.abc import Iterator
from pathlib import Path

ALPHABETS = {
    "Latn": "abcdefghijklmnopqrstuvwxyz",
    "Hebr": "אבגדהוזחטיךכלםמןנסעףפץצקרשת",
    "Arab": "ءآأؤإئابةتثجحخدذرزسشصضطظعغفقكلمنهوىيپچژکگی",
    "Cyrl": "абвгдежзийклмнопрстуфхцчшщъыьэюяіїє",
}
SETS = (
    *(f"sentiment/umsab.{lang}" for lang in ("de", "en", "es", "fr", "it", "pt", "hi", "ar")),
    "sentiment/arsarcasm.ar",
    "sentiment/hebrew.he",
    "sentiment/afrisenti_ary_train",
    "themes/clinc150.en",
    "themes/sib200",
)
TARGET = Path(__file__).parents[1] / "nlp" / "data" / "noise" / "letter_pairs.tsv"
HEAD = """# How unlikely a letter is after another: 0 (certain) to 9, in steps of 1.5 bits.
# `_` is the end of a word. Rows: script, letter, one digit for each letter of the alphabet
# (first row of the script). Counted by scripts/train_gibberish.py in UMSAB, OnlpLab Hebrew,
# ArSarcasm-v2, AfriSenti (ary), CLINC150 and SIB-200: open or train-ok sets.
"""


def read_texts(data: Path) -> Iterator[str]:
    for name in SETS:
        with gzip.open(data / f"{name}.jsonl.gz", "rt", encoding="utf-8") as lines:
            for line in lines:
                yield re.sub(r"@\w+|#\w+|https?\S+", " ", json.loads(line)["text"].lower())


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--data", type=Path, default=Path("../shared/data"))
    words = Counter(
        word
        for text in read_texts(parser.parse_args().data)
        for word in re.findall(r"[^\W\d_]+", text)
    )
    lines = []
    for script, letters in ALPHABETS.items():
        alphabet = f"_{letters}"
        pairs: Counter[str] = Counter()
        for word, n in words.items():
            if set(word) <= set(letters):
                marked = f"_{word}_"
                # A word counts by the root of its frequency: "the" must not own the table.
                for at in range(len(marked) - 1):
                    pairs[marked[at : at + 2]] += math.sqrt(n)  # type: ignore[assignment]
        lines.append(f"{script}\t\t{alphabet}")
        for first in alphabet:
            total = sum(pairs[first + second] for second in alphabet) + 0.2 * len(alphabet)
            bits = [-math.log2((pairs[first + second] + 0.2) / total) for second in alphabet]
            lines.append(f"{script}\t{first}\t{''.join(str(min(9, round(b / 1.5))) for b in bits)}")
    TARGET.write_text(HEAD + "\n".join(lines) + "\n", encoding="utf-8")
    print(f"{len(words):,} words counted; wrote {TARGET}")


if __name__ == "__main__":
    main()
