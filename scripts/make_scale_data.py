"""Write feedback of any number of rows, with its customers and events, for `bench_scale.py`.

    python scripts/make_scale_data.py --rows 1000000 --out /tmp/million [--seed 0] [--first 0]

The texts are those of the public sets (13 languages), perturbed: of each, a run of two fifths of
its words gives way to words of another text of its set, and three rows in ten say word for word
what an earlier row said, so that seven tenths are distinct. A row depends on the seed and on its
number alone: the first 10,000 of a million are the 10,000. One customer joins with every fourth
row, and three rows in ten are nobody's.
"""

import argparse
import csv
import gzip
import json
import random
from collections.abc import Iterator, Sequence
from datetime import date, timedelta
from pathlib import Path
from typing import Any, NamedTuple

SETS = (
    *("sentiment/airline.en", "sentiment/hebrew.he", "sentiment/arsarcasm.ar"),
    *("sentiment/res1.ar", "sentiment/sentipers.fa", "sentiment/snappfood_dev.fa"),
    *("sentiment/umsab.de", "sentiment/umsab.en", "sentiment/umsab.es", "sentiment/umsab.fr"),
    *("sentiment/umsab.hi", "sentiment/umsab.it", "sentiment/umsab.pt"),
    *("themes/banking77_train.en", "themes/arbanking77_train.ar"),
)
REPEATED, NOBODYS, REPLACED = 0.3, 0.3, 0.4
ROWS_A_CUSTOMER = 4
FIRST_DAY, N_DAYS = date(2024, 11, 1), 730
SEGMENTS = ("consumer", "business", "premium", "trial")
COUNTRIES = ("US", "GB", "IL", "AE", "EG", "IR", "DE", "FR", "ES", "IT", "BR", "IN")
KINDS = ("order", "order", "refund", "renewal", "churn")


class Row(NamedTuple):
    """A feedback as a source would export it."""

    id: str
    text: str
    created_at: str
    rating: int
    customer_id: str


class Corpus:
    """Rows by number.

    :param sets: texts of each set; rows are drawn from all texts alike.
    """

    def __init__(self, sets: Sequence[Sequence[str]], seed: int) -> None:
        self._places = [(own, place) for own in sets for place in range(len(own))]
        self._seed = seed

    def row(self, number: int) -> Row:
        """A row, whatever the number of rows."""
        drawn = self._draw("row", number)
        day = FIRST_DAY + timedelta(drawn.randrange(N_DAYS))
        customer = drawn.randrange(number // ROWS_A_CUSTOMER + 1)
        is_nobodys = drawn.random() < NOBODYS
        return Row(
            f"R{number:08}",
            self.text(number),
            day.isoformat(),
            drawn.randint(1, 5),
            "" if is_nobodys else f"C{customer:07}",
        )

    def text(self, number: int) -> str:
        """The text of a row: its own, or that of an earlier row."""
        drawn = self._draw("text", number)
        while number and drawn.random() < REPEATED:
            number = drawn.randrange(number)
            drawn = self._draw("text", number)
        texts, place = drawn.choice(self._places)
        return _perturb(texts[place], drawn.choice(texts), drawn)

    def customer(self, number: int) -> dict[str, str]:
        """A customer's record."""
        drawn = self._draw("customer", number)
        return {
            "customer_id": f"C{number:07}",
            "email": f"customer{number}@example.org",
            "segment": drawn.choice(SEGMENTS),
            "country": drawn.choice(COUNTRIES),
        }

    def events(self, number: int) -> Iterator[dict[str, Any]]:
        """What a customer did: two events."""
        drawn = self._draw("events", number)
        for _ in range(2):
            yield {
                "customer_id": f"C{number:07}",
                "at": (FIRST_DAY + timedelta(drawn.randrange(N_DAYS))).isoformat(),
                "kind": drawn.choice(KINDS),
                "amount": f"{drawn.lognormvariate(3.5, 0.8):.2f}",
            }

    def _draw(self, what: str, number: int) -> random.Random:
        return random.Random(f"{self._seed} {what} {number}")


def _perturb(text: str, other: str, drawn: random.Random) -> str:
    words, others = text.split(), other.split()
    n = max(1, round(len(words) * REPLACED))
    at, start = drawn.randrange(len(words) + 1), drawn.randrange(len(others) + 1)
    return " ".join([*words[:at], *others[start : start + n], *words[at + n :]])


def read_corpus(data: Path, seed: int) -> Corpus:
    """The corpus over the public sets.

    :param data: `shared/data`.
    """
    return Corpus([_read_texts(data / f"{name}.jsonl.gz") for name in SETS], seed)


def _read_texts(path: Path) -> list[str]:
    with gzip.open(path, "rt", encoding="utf-8") as file:
        texts = [json.loads(line)["text"] for line in file]
    return [text for text in texts if text.split()]


def write_feedback(corpus: Corpus, path: Path, numbers: range) -> int:
    """Write some rows as CSV; the number of distinct texts among them."""
    seen = set()
    with path.open("w", encoding="utf-8", newline="") as file:
        writer = csv.writer(file)
        writer.writerow(Row._fields)
        for number in numbers:
            row = corpus.row(number)
            seen.add(hash(row.text))
            writer.writerow(row)
    return len(seen)


def write_records(corpus: Corpus, folder: Path, numbers: range) -> None:
    """Write the customers and the events of those who had joined by the end of some rows."""
    customers = range(-(-numbers.start // ROWS_A_CUSTOMER), -(-numbers.stop // ROWS_A_CUSTOMER))
    _write_dicts(folder / "customers.csv", (corpus.customer(each) for each in customers))
    events = (event for each in customers for event in corpus.events(each))
    _write_dicts(folder / "events.csv", events)


def _write_dicts(path: Path, rows: Iterator[dict[str, Any]]) -> None:
    with path.open("w", encoding="utf-8", newline="") as file:
        writer = None
        for row in rows:
            if writer is None:
                writer = csv.DictWriter(file, list(row))
                writer.writeheader()
            writer.writerow(row)


def main() -> None:
    """Write the files."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--rows", type=int, required=True)
    parser.add_argument("--out", type=Path, required=True)
    parser.add_argument("--data", type=Path, default=Path("../shared/data"))
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--first", type=int, default=0, help="number of the first row")
    given = parser.parse_args()
    corpus = read_corpus(given.data, given.seed)
    numbers = range(given.first, given.first + given.rows)
    given.out.mkdir(parents=True, exist_ok=True)
    n_distinct = write_feedback(corpus, given.out / "feedback.csv", numbers)
    write_records(corpus, given.out, numbers)
    print(f"{given.rows:,} rows, {n_distinct / max(given.rows, 1):.1%} of the texts distinct")


if __name__ == "__main__":
    main()
