"""Names of columns as layouts write them: alternatives, the first that is there counts."""

from collections.abc import Iterator

from pipelines.folding import fold_name

_ALTERNATIVES = " | "


def fold_columns(columns: Iterator[str] | list[str]) -> dict[str, str]:
    """Columns by folded name; of two that fold alike the first."""
    found: dict[str, str] = {}
    for column in columns:
        found.setdefault(fold_name(column), column)
    return found


def find_first(names: tuple[str, ...], folded: dict[str, str]) -> str | None:
    """The column of the first alternative that is there."""
    return next((folded[name] for name in map(fold_name, names) if name in folded), None)


def part_names(names: str) -> tuple[str, ...]:
    """The alternatives for the name of a column."""
    return tuple(name.strip() for name in names.split(_ALTERNATIVES))
