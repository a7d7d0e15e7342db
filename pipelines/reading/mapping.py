"""Which column plays which role, as recognised or as a person says with `--map ROLE=COLUMN`."""

from collections.abc import Sequence
from dataclasses import dataclass, field, replace

from pipelines.column_roles import ROLES
from pipelines.errors import MappingError
from pipelines.folding import fold_name

PERSONAL_ROLES = frozenset(("customer", "email", "phone", "handle", "author", "name", "birth"))
"""Roles whose values say who somebody is: kept as keyed hashes, or not at all."""


@dataclass(frozen=True, slots=True)
class ColumnMap:
    """The roles of a table's columns.

    :param columns: column by role, for all roles but text.
    :param texts: columns that hold feedback, each an item of its own.
    :param private: columns with personal data that is never kept.
    :param reasons: why each column was given its role, for people.
    :param main: of several texts the one that the title belongs to, and that answers no question.
    """

    columns: dict[str, str] = field(default_factory=dict)
    texts: tuple[str, ...] = ()
    private: tuple[str, ...] = ()
    reasons: dict[str, str] = field(default_factory=dict)
    main: str | None = None

    @property
    def titled(self) -> str | None:
        """The text that a title belongs to, if there is one."""
        return self.main or (self.texts[0] if len(self.texts) == 1 else None)

    def role_of(self, column: str) -> str | None:
        """Return the role of a column, if it has one."""
        if column in self.texts:
            return "text"
        if column in self.private:
            return "private"
        return next((role for role, name in self.columns.items() if name == column), None)

    @property
    def used(self) -> frozenset[str]:
        """Columns that are not attributes: those with a role, and the private ones."""
        return frozenset((*self.columns.values(), *self.texts, *self.private))

    @property
    def personal(self) -> frozenset[str]:
        """Columns that say who somebody is."""
        found = (column for role, column in self.columns.items() if role in PERSONAL_ROLES)
        return frozenset((*found, *self.private))


def apply_map(
    mapping: ColumnMap,
    pairs: Sequence[str],
    columns: Sequence[str],
    kind: str = "feedback",
    place: str = "",
) -> ColumnMap:
    """Lay what a person says over what was recognised.

    `text` may be given several times and then replaces all recognised texts; `ROLE=` without a
    column takes the role away; a column that is given another role loses those it had. A column
    that names a person and loses its role to another one becomes private.

    :param pairs: `ROLE=COLUMN`; columns are compared exactly, then without case and punctuation.
    :param place: the file, for the message.
    :raises MappingError: for all unknown roles and columns at once, with the names there are.
    """
    given: list[tuple[str, str]] = []
    problems: list[str] = []
    for pair in pairs:
        role, sign, name = pair.partition("=")
        role = role.strip().lower()
        if not sign:
            problems.append(f"{pair!r} is not of the form ROLE=COLUMN, such as text=Comment")
        elif role not in ROLES[kind]:
            problems.append(describe_unknown("role", role, ROLES[kind]))
        elif not name.strip():
            given.append((role, ""))
        elif (column := find_column(name, columns)) is None:
            problems.append(describe_unknown("column", name.strip(), columns))
        else:
            given.append((role, column))
    if problems:
        where = f"{place}: " if place else ""
        raise MappingError("\n  ".join(f"{where}--map: {problem}" for problem in problems))
    return _lay_over(mapping, given)


def find_column(name: str, columns: Sequence[str]) -> str | None:
    """Find a column by name: exactly, else by its folded name where only one fits."""
    if name in columns:
        return name
    if name.strip() in columns:
        return name.strip()
    fitting = [column for column in columns if fold_name(column) == fold_name(name)]
    return fitting[0] if len(fitting) == 1 else None


def _lay_over(mapping: ColumnMap, given: list[tuple[str, str]]) -> ColumnMap:
    said = {column for _, column in given if column}
    taken = {column for role, column in given if column and mapping.columns.get(role) != column}
    roles = {role for role, _ in given}
    columns = {
        role: column
        for role, column in mapping.columns.items()
        if role not in roles and column not in taken
    }
    columns |= {role: column for role, column in given if role != "text" and column}
    texts = tuple(dict.fromkeys(column for role, column in given if role == "text" and column))
    if "text" not in roles:
        texts = tuple(column for column in mapping.texts if column not in taken)
    displaced = (
        column
        for role, column in mapping.columns.items()
        if role in PERSONAL_ROLES and role in columns and column not in {*columns.values(), *texts}
    )
    return replace(
        mapping,
        columns=columns,
        texts=texts,
        main=mapping.main if mapping.main in texts and "text" not in roles else None,
        private=(*(column for column in mapping.private if column not in taken), *displaced),
        reasons=mapping.reasons | dict.fromkeys(said, "given by --map"),
    )


def describe_unknown(what: str, name: str, known: Sequence[str], limit: int = 40) -> str:
    """Say that there is no such role or column, which is the nearest, and which there are."""
    from rapidfuzz import process, utils

    nearest = process.extractOne(
        name, list(known), processor=utils.default_process, score_cutoff=55
    )
    hint = f"; did you mean {nearest[0]!r}?" if nearest else "."
    return f"there is no {what} {name!r}{hint} There are: {list_names(known, limit)}"


def list_names(names: Sequence[str], limit: int) -> str:
    """The first names, cut where they are long: of a file without a header they are its values."""
    shown = ", ".join(_shorten(name) for name in names[:limit])
    return shown + (f" and {len(names) - limit:,} more" if len(names) > limit else "")


def _shorten(name: str, limit: int = 60) -> str:
    plain = "".join(char if char.isprintable() else "\N{REPLACEMENT CHARACTER}" for char in name)
    return plain if len(plain) <= limit else plain[: limit - 1] + "…"
