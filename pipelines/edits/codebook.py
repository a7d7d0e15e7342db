"""A team's codebook as a file: one row a category, CSV or Excel by the file's ending."""

import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from pipelines.csv_tables import show_formula, write_csv_table
from pipelines.errors import ConfigError, InputError
from pipelines.folding import fold_name
from pipelines.reading.files import find_files
from pipelines.reading.mapping import list_names
from pipelines.reading.opening import open_tables
from pipelines.reading.tables import BadRow, Row
from pipelines.resources import load_config
from pipelines.workbook import write_workbook

COLUMNS = (
    "theme_id",
    "name",
    "description",
    "examples",
    "keywords",
    "language",
    "group",
    "fixed_at",
)
MAX_CATEGORIES = 2_000
_SUFFIXES = (".csv", ".xlsx")
_NUMBER = re.compile(r"\s*\d+$")
_LIST_SIGNS = re.compile(r"[,;،\n]")


@dataclass(frozen=True)
class Category:
    """One row of a codebook; what is empty is left as it is.

    :param place: where it stands, for people.
    :param theme_id: the theme that it was exported from; "" for none.
    :param group: name of the theme that leads its group.
    :param fixed_at: since when people say that it is fixed, days or moments.
    """

    place: str
    theme_id: str
    name: str
    description: str = ""
    examples: tuple[str, ...] = ()
    keywords: tuple[str, ...] = ()
    language: str = ""
    group: str = ""
    fixed_at: tuple[str, ...] = ()


def read_codebook(path: str) -> list[Category]:
    """Read the categories of a file, in its order.

    :raises InputError: when the file cannot be read.
    :raises ConfigError: when it is no codebook, or for rows that cannot be used: all of them.
    """
    files = find_files([path])
    if len(files) != 1:
        raise ConfigError(f"{path} holds {len(files)} files; name the one that is the codebook")
    seen: list[str] = []
    for table in open_tables(files[0]):
        rows, columns = list(table.rows), _find_columns(table.columns)
        if _is_codebook(columns):
            return list(_read_rows(files[0].name, rows, columns))
        seen += table.columns
    raise ConfigError(
        f"{files[0].name} is no codebook: it needs a column with the name of each category, and "
        f"one with examples, keywords or a description. There are: {list_names(seen, 40)}. See "
        "the form with: earful themes export codebook.csv"
    )


def write_codebook(path: Path, categories: Sequence[Category]) -> None:
    """Write categories so that reading them gives the same.

    :raises ConfigError: for an ending other than .csv and .xlsx.
    """
    if path.suffix.lower() not in _SUFFIXES:
        raise ConfigError(f"{path.name}: a codebook ends in {' or '.join(_SUFFIXES)}")
    rows = [list(COLUMNS), *(_describe_category(each) for each in categories)]
    if path.suffix.lower() == ".xlsx":
        write_workbook(path, "codebook", rows)
        return
    write_csv_table(path, rows)


def split_list(cell: str) -> list[str]:
    """The keywords of a cell."""
    return [part for each in _LIST_SIGNS.split(cell) if (part := " ".join(each.split()))]


def _find_columns(columns: Sequence[str]) -> dict[str, list[str]]:
    """The columns of each role; only examples may have several."""
    known = load_config("codebook.toml")["columns"]
    folded = {column: fold_name(_NUMBER.sub("", column)) for column in columns}
    found: dict[str, list[str]] = {}
    for role in COLUMNS:
        names = [fold_name(name) for name in known[role]]
        fitting = [column for column in columns if folded[column] in names]
        fitting.sort(key=lambda column: names.index(folded[column]))
        found[role] = fitting if role == "examples" else fitting[:1]
    return found


def _is_codebook(columns: Mapping[str, Sequence[str]]) -> bool:
    says_more = any(columns[role] for role in ("description", "examples", "keywords"))
    return bool(columns["name"]) and says_more


def _read_rows(
    file: str, rows: Sequence[Row | BadRow], columns: Mapping[str, Sequence[str]]
) -> Iterator[Category]:
    if not rows:
        raise InputError(f"{file} has a header and no rows; add one row for each category")
    if len(rows) > MAX_CATEGORIES:
        raise ConfigError(
            f"{file} has {len(rows):,} rows; a codebook has at most {MAX_CATEGORIES:,} "
            "categories. Is it a file of feedback?"
        )
    if bad := [row for row in rows if isinstance(row, BadRow)]:
        raise InputError(
            f"{len(bad):,} of {len(rows):,} rows cannot be read (first: row {bad[0].number} of "
            f"{file}, {bad[0].reason}); nothing was imported"
        )
    for row in rows:
        if isinstance(row, Row):
            yield _read_category(f"row {row.number}", row.values, columns)


def _read_category(
    place: str, values: Mapping[str, str], columns: Mapping[str, Sequence[str]]
) -> Category:
    def cells(role: str) -> list[str]:
        return [show_formula(values.get(column) or "").strip() for column in columns[role]]

    def cell(role: str) -> str:
        return " ".join("".join(cells(role)).split())

    examples = [line for text in cells("examples") for line in text.split("\n")]
    return Category(
        place=place,
        theme_id=cell("theme_id"),
        name=cell("name"),
        description=cell("description"),
        examples=tuple(dict.fromkeys(filter(None, map(_on_one_line, examples)))),
        keywords=tuple(dict.fromkeys(split_list("\n".join(cells("keywords"))))),
        language=cell("language"),
        group=cell("group"),
        fixed_at=tuple(dict.fromkeys(split_list("\n".join(cells("fixed_at"))))),
    )


def _on_one_line(text: str) -> str:
    return " ".join(text.split())


def _describe_category(each: Category) -> list[str]:
    return [
        each.theme_id,
        each.name,
        each.description,
        "\n".join(each.examples),
        ", ".join(each.keywords),
        each.language,
        each.group,
        ", ".join(each.fixed_at),
    ]
