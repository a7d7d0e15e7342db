"""What filled-in coding sheets say: how far people agree with each other, and with earful."""

import json
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from nlp.agreement import Agreement, measure_agreement
from nlp.metrics import N_RESAMPLES, SEED
from pipelines.errors import ConfigError, InputError
from pipelines.evaluation.coding_sheet import CODERS, KEY, NONE, THEMES, VERSION
from pipelines.folding import fold_name
from pipelines.reading.files import find_files
from pipelines.reading.opening import open_tables
from pipelines.reading.tables import Row

EARFUL = "earful"
_SHOWN = 5


@dataclass(frozen=True)
class Coder:
    """What one person filled in.

    :param n_coded: items with a theme or none.
    :param n_none: of these, without a theme.
    """

    name: str
    n_coded: int
    n_none: int


@dataclass(frozen=True)
class Pair:
    """How far two coders agree, earful being one."""

    left: str
    right: str
    agreement: Agreement


@dataclass(frozen=True)
class SheetScores:
    """How far people agree with each other and with earful.

    :param between: all people; earful left out.
    :param against: items on which the people agree and earful differs: item, theirs, earful's.
    """

    task: str
    folder: str
    n_items: int
    interval: str
    coders: list[Coder]
    between: Agreement
    pairs: list[Pair]
    against: list[tuple[str, str, str]]


def score_sheet(folder: Path) -> SheetScores:
    """Score a coding sheet that people filled in.

    :raises ConfigError: when this is no folder of a coding sheet, or choices cannot be read.
    :raises InputError: when a file cannot be read, or fewer than two people filled it in.
    """
    key = _read_key(folder)
    coders = {name: _read_coder(path, key) for name, path in _find_coders(folder).items()}
    items: Mapping[str, str] = key["items"]
    people = [[choices.get(item) for choices in coders.values()] for item in items]
    everyone = {**coders, EARFUL: items}
    names = list(everyone)
    pairs = [
        Pair(
            left,
            right,
            measure_agreement(
                [(everyone[left].get(item), everyone[right].get(item)) for item in items]
            ),
        )
        for place, left in enumerate(names)
        for right in names[place + 1 :]
    ]
    return SheetScores(
        task="themes",
        folder=str(folder),
        n_items=len(items),
        interval=f"95 % interval from {N_RESAMPLES:,} bootstrap resamples, seed {SEED}",
        coders=[
            Coder(name, len(choices), sum(choice == NONE for choice in choices.values()))
            for name, choices in coders.items()
        ],
        between=measure_agreement(people),
        pairs=pairs,
        against=list(_find_against(items, people)),
    )


def _find_against(
    items: Mapping[str, str], people: Sequence[Sequence[str | None]]
) -> Iterator[tuple[str, str, str]]:
    for (item, ours), theirs in zip(items.items(), people, strict=True):
        given = {choice for choice in theirs if choice is not None}
        if len(given) == 1 and None not in theirs and ours not in given:
            yield item, given.pop(), ours


def _read_key(folder: Path) -> dict[str, Any]:
    path = folder / KEY
    wanted = "name the folder that --sheet wrote"
    if not path.is_file():
        raise ConfigError(f"{folder} is no folder of a coding sheet: it has no {KEY}; {wanted}")
    try:
        key = json.loads(path.read_text(encoding="utf-8"))
    except ValueError as error:
        raise ConfigError(f"{path} is damaged; {wanted}") from error
    is_ours = isinstance(key, dict) and {"items", "themes"} <= key.keys()
    if not is_ours or key.get("earful_coding_sheet") != VERSION:
        raise ConfigError(f"{path} is not the key of a coding sheet of this version; {wanted}")
    return dict(key)


def _find_coders(folder: Path) -> dict[str, Path]:
    """The filled-in sheets: coder_1, coder_2 and further ones, whatever their format."""
    found: dict[str, Path] = {}
    for path in sorted(folder.glob("coder_*")):
        if path.stem in found:
            raise ConfigError(
                f"{folder} holds both {found[path.stem].name} and {path.name}; keep the one that "
                "was filled in"
            )
        found[path.stem] = path
    if len(found) < len(CODERS):
        raise ConfigError(
            f"{folder} holds {len(found)} of {len(CODERS)} filled-in sheets; put them there as "
            f"{' and '.join(CODERS)}, in CSV or Excel"
        )
    return found


def _read_coder(path: Path, key: Mapping[str, Any]) -> dict[str, str]:
    """What a person chose, by item; without the items that were left empty.

    :raises ConfigError: naming the first of the rows that cannot be read.
    """
    codes = {fold_name(code): code for code in (*key["themes"], NONE)}
    by_name = {fold_name(name): code for code, name in key["themes"].items()}
    found: dict[str, str] = {}
    wrong: list[str] = []
    n_rows = 0
    for row in _read_rows(path):
        item, chosen = row.values.get("item", "").strip(), row.values.get("theme", "").strip()
        if not item and not chosen:
            continue
        n_rows += 1
        folded = fold_name(chosen)
        # "T003", or "T003 Late cards" as the sheet offers it, or "late cards".
        first = fold_name(chosen.split(" ", 1)[0])
        code = codes.get(folded) or by_name.get(folded) or codes.get(first)
        if item not in key["items"]:
            wrong.append(f"row {row.number}: no item of this sheet is called {item[:20]!r}")
        elif item in found:
            wrong.append(f"row {row.number}: {item} is there twice")
        elif code:
            found[item] = code
        elif chosen:
            wrong.append(f"row {row.number}: {chosen[:20]!r} is no theme of {THEMES}")
    if wrong:
        more = f"; and {len(wrong) - _SHOWN:,} more" if len(wrong) > _SHOWN else ""
        raise ConfigError(
            f"{path}: {len(wrong):,} of {n_rows:,} rows cannot be read: "
            f"{'; '.join(wrong[:_SHOWN])}{more}. Write a theme's code, such as "
            f"{next(iter(key['themes']))}, or {NONE}"
        )
    if not found:
        raise InputError(f"{path}: none of {n_rows:,} rows has anything in column 'theme'")
    return found


def _read_rows(path: Path) -> Iterator[Row]:
    file = find_files([str(path)])[0]
    # Texts with commas of their own can hide the delimiter while little is filled in.
    for delimiter in (None, ",", ";", "\t"):
        for table in open_tables(file, delimiter=delimiter):
            if {"item", "theme"} <= set(table.columns):
                yield from (row for row in table.rows if isinstance(row, Row))
                return
    raise ConfigError(
        f"{path} has no columns 'item' and 'theme'; keep the header as --sheet wrote it"
    )
