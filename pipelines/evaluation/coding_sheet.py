"""Coding sheets: what two people need to say which theme a text has, without seeing earful's.

A folder holds a sheet for each coder, the list of themes, and the key: what earful chose.
:mod:`pipelines.evaluation.coding_scores` reads it back.
"""

import json
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from nlp.metrics import SEED
from nlp.themes.coding import CodingItem, draw_items
from pipelines.csv_tables import write_csv_table
from pipelines.errors import ConfigError, InputError
from pipelines.evaluation.theme_texts import FoundThemes

NONE = "none"
KEY, THEMES = "key.json", "themes.csv"
CODERS = ("coder_1", "coder_2")
VERSION = 1


@dataclass(frozen=True)
class SheetWritten:
    """What was written.

    :param files: their names in the folder.
    """

    folder: str
    n_items: int
    n_themes: int
    files: list[str]


def write_sheet(made: FoundThemes, n: int, folder: Path) -> SheetWritten:
    """Write a coding sheet of ``n`` texts, drawn with a fixed seed.

    :raises ConfigError: when the folder holds something already.
    :raises InputError: when there are no themes to choose from, or it cannot be written.
    """
    if not made.found.n_themes:
        raise InputError("no theme was found, so there is nothing to choose from; give more rows")
    items = draw_items(made.texts, made.found, n, SEED)
    codes = [f"T{number + 1:03d}" for number in range(made.found.n_themes)]
    try:
        check_folder(folder)
        folder.mkdir(parents=True, exist_ok=True)
        _write_themes(folder / THEMES, made, codes)
        for coder in CODERS:
            _write_items(folder / f"{coder}.csv", made, items, codes)
        _write_key(folder / KEY, made, items, codes)
    except OSError as error:
        raise InputError(
            f"the coding sheet could not be written to {folder}: {error.strerror}; "
            "name another folder with --output"
        ) from error
    files = sorted(path.name for path in folder.iterdir())
    return SheetWritten(str(folder), len(items), len(codes), files)


def check_folder(folder: Path) -> None:
    """Refuse a folder that holds something already, before themes are looked for.

    :raises ConfigError: when it does.
    """
    if folder.exists() and (not folder.is_dir() or any(folder.iterdir())):
        raise ConfigError(
            f"{folder} is there already, and what people filled in must not be lost; name another "
            "folder with --output"
        )


def _write_themes(path: Path, made: FoundThemes, codes: Sequence[str]) -> None:
    rows = [
        (code, name.name, ", ".join(name.keywords), name.description)
        for code, name in zip(codes, made.names, strict=True)
    ]
    rows.append((NONE, "none of these themes", "", ""))
    write_csv_table(path, [("theme", "name", "keywords", "description"), *rows])


def _write_items(
    path: Path, made: FoundThemes, items: Sequence[CodingItem], codes: Sequence[str]
) -> None:
    """One row a text: the place to fill in, and themes to choose from, earful's among them."""
    n_choices = max((len(item.choices) for item in items), default=0) + 1
    rows = [
        (
            _item_id(place),
            "",
            made.spoken[item.row],
            *(f"{codes[number]} {made.names[number].name}" for number in item.choices),
            NONE,
        )
        for place, item in enumerate(items)
    ]
    choices = [f"choice {number + 1}" for number in range(n_choices)]
    write_csv_table(path, [("item", "theme", "text", *choices), *rows])


def _write_key(
    path: Path, made: FoundThemes, items: Sequence[CodingItem], codes: Sequence[str]
) -> None:
    chosen = {
        _item_id(place): codes[number] if (number := int(made.assigned[item.row])) >= 0 else NONE
        for place, item in enumerate(items)
    }
    names = {code: name.name for code, name in zip(codes, made.names, strict=True)}
    key = {"earful_coding_sheet": VERSION, "items": chosen, "themes": names}
    path.write_text(json.dumps(key, ensure_ascii=False, indent=1), encoding="utf-8")


def _item_id(place: int) -> str:
    return f"item{place + 1:04d}"
