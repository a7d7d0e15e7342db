"""The known layouts of exports, each a data file in `configs/sources/`: their look and meaning.

A layout says which columns play which roles, how its rows differ from a plain table's, and what
holds for all of them (channel, party, scale, time zone).
"""

import hashlib
import os
import tomllib
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Annotated, Any, Literal

from pydantic import BaseModel, ConfigDict, Field, ValidationError, model_validator

from nlp.noise import Reason
from pipelines.column_roles import ROLES
from pipelines.errors import ConfigError
from pipelines.reading.mapping import describe_unknown
from pipelines.reading.streams import NO_LAYOUT
from pipelines.reading.vocabulary import fold_name
from pipelines.resources import config_path

LAYOUTS_VARIABLE = "EARFUL_LAYOUTS"
"""Names a folder with layouts of one's own, read beside those that are shipped."""
_ALTERNATIVES = " | "


class _Part(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)


class Header(_Part):
    """A header of several rows.

    :param rows: how many there are; `names` and `labels` are the ones, from 1, that name the
        columns and hold the questions.
    :param fill: the first row goes on to the right where it is blank, and the second one tells
        its columns apart, unless by one of the words of `plain`.
    :param confirm: text that the last of the rows holds; without it they are rows of data.
    :param blank_under: a column in which the rows below the first are blank; else they are data.
    :param zone: pattern whose group is the time zone of all dates, searched in the last row.
    :param closed: pattern that the last row's cells match where a column holds no free text.
    """

    rows: Annotated[int, Field(ge=1, le=10)] = 1
    names: Annotated[int, Field(ge=1)] = 1
    labels: int | None = None
    fill: bool = False
    plain: tuple[str, ...] = ()
    confirm: str | None = None
    blank_under: str | None = None
    zone: str | None = None
    closed: str | None = None


class Spread(_Part):
    """A list of pairs in a JSON record that becomes columns.

    :param list: path of the list; `name` and `value` are paths in each of its items. A value
        `{path}` is found under the name that stands at that path.
    :param titles: path of a list whose items say, by `title_key`, the `title` of each name.
    """

    list: str
    name: str
    value: str
    titles: str | None = None
    title_key: str = "id"
    title: str = "title"


class Pick(_Part):
    """A list in a JSON record, of which the first item whose `key` is `equals` becomes `put`.

    :param keep: keys of that item that are kept; of all items in the list `brief` is left.
    """

    list: str
    key: str
    equals: str
    put: str
    keep: tuple[str, ...]
    brief: tuple[str, ...] = ()


class Join(_Part):
    """A list beside JSON records, or within one, whose item with `key` equal to `on` becomes `put`.

    :param keep: keys of the item that are kept; none named means all.
    """

    list: str
    on: str
    key: str = "id"
    put: str
    keep: tuple[str, ...] = ()


class Match(_Part):
    """Rows of which a column says something.

    :param column: its name, or its place from 1; not where `unless` is filled.
    :param equals: one of these values, compared without case; "" is an empty cell.
    :param begins: or it begins so.
    :param has: or one of these stands in it as whole words.
    """

    column: str | int
    unless: str | None = None
    equals: tuple[str, ...] = ()
    begins: tuple[str, ...] = ()
    has: tuple[str, ...] = ()


class Skip(Match):
    """Rows that are rejected, with a reason of `pipelines.reading.tables.REASONS`."""

    reason: str


class Mark(Match):
    """Rows that are noise, with the reason that noise gives."""

    noise: Reason


class Replies(Match):
    """Rows that the company wrote: kept as the reply of the customer's row before.

    :param text: column of what is said.
    :param thread: column of the conversation; None means that the file is one.
    :param keeps: column of a customer's words that may stand in a row of the company.
    :param asks: words of speakers whose rows are the question of what follows.
    """

    text: str
    thread: str | None = None
    keeps: str | None = None
    asks: tuple[str, ...] = ()


class Continued(_Part):
    """Rows with the same `by` as the row before and nothing in `blank` go on with it."""

    by: str
    blank: str


class Versions(_Part):
    """A column that lists the ids of all versions of an item so far, its first one in front.

    :param epoch_ms: of ids that carry their time above 22 bits, as those of X do.
    """

    list: str
    epoch_ms: int | None = None


class Layout(_Part):
    """One layout of one tool's export.

    :param export: what the user exported, as the tool calls it.
    :param roles: column by role, alternatives parted by " | "; `text` may be several.
    :param others: further columns of the export, by which it is recognised too.
    :param decides: sets of columns any of which is enough to recognise it.
    :param is_common: its other columns are many tables' columns, so that only `decides` counts.
    :param holds: text in the first rows that is enough.
    :param channel: of all rows; then a column of the role channel is an attribute.
    :param stated: declared by the person, or inferred from what they did.
    :param keeps_ratings: a rating without words is a feedback too.
    :param made: by role, id or author, the columns that make it for a row that has none.
    :param records: paths in a JSON record where the records really are, tried in turn.
    :param page: paths that a JSON object has which holds no records, as none were found.
    :param nested: paths in a record that hold further records.
    :param pass_down: names given to a record and all within it, by path.
    :param within: the one of these that goes before the id of a nested record, where such ids are
        counted apart from those of the records.
    :param unpack: columns with an object written as JSON or as Python shows it.
    :param prefer: columns filled from another one, where that is filled.
    :param html: columns that hold HTML.
    :param values: what values of a role's column stand for.
    """

    id: str = ""
    name: str
    export: str
    kind: Literal["feedback", "customers", "events"] = "feedback"
    channel: str | None = None
    party: Literal["zero", "first", "second", "third"] = "first"
    stated: Literal["declared", "inferred"] = "declared"
    rating_max: float | None = None
    zone: str | None = None
    roles: dict[str, str | tuple[str, ...]] = {}
    others: tuple[str, ...] = ()
    private: tuple[str, ...] = ()
    decides: tuple[tuple[str, ...], ...] = ()
    is_common: bool = False
    holds: str | None = None
    keeps_ratings: bool = False
    made: dict[Literal["id", "author"], tuple[str, ...]] = {}
    header: Header = Header()
    records: tuple[str, ...] = ()
    page: tuple[str, ...] = ()
    nested: tuple[str, ...] = ()
    pass_down: dict[str, str] = {}
    within: str | None = None
    spread: tuple[Spread, ...] = ()
    pick: tuple[Pick, ...] = ()
    join: tuple[Join, ...] = ()
    unpack: tuple[str, ...] = ()
    prefer: dict[str, str] = {}
    html: tuple[str, ...] = ()
    values: dict[str, dict[str, str]] = {}
    skip: tuple[Skip, ...] = ()
    mark: tuple[Mark, ...] = ()
    replies: Replies | None = None
    continued: Continued | None = None
    versions: Versions | None = None

    @model_validator(mode="after")
    def _has_known_roles(self) -> "Layout":
        unknown = sorted({*self.roles, *self.values} - {*ROLES[self.kind]})
        if unknown:
            known = ", ".join(ROLES[self.kind])
            raise ValueError(f"unknown roles {', '.join(unknown)} (known: {known})")
        return self

    def names_of(self, role: str) -> list[tuple[str, ...]]:
        """The columns of a role: each the alternatives for its name."""
        given = self.roles.get(role, ())
        return [*map(part_names, (given,) if isinstance(given, str) else given)]

    @property
    def entries(self) -> list[tuple[str, ...]]:
        """All columns by which it is recognised, each the alternatives for its name."""
        listed = [names for role in self.roles for names in self.names_of(role)]
        return [*listed, *map(part_names, self.others), *self.private_names]

    @property
    def private_names(self) -> list[tuple[str, ...]]:
        """Columns that are never kept, each the alternatives for its name."""
        return [*map(part_names, self.private)]

    @property
    def unfolds(self) -> bool:
        """Whether its JSON records are to be taken apart."""
        deeper = (self.records, self.nested, self.pass_down, self.spread, self.pick, self.join)
        return any(deeper)


@dataclass(frozen=True, slots=True)
class Recognised:
    """A layout that a table has.

    :param evidence: weight of the columns found; more is surer.
    :param found: columns of the table that the layout knows, in order.
    :param missing: names that the layout knows and the table lacks.
    :param decided_by: what was enough by itself; None where the columns were counted.
    """

    layout: Layout
    evidence: float
    found: tuple[str, ...]
    missing: tuple[str, ...]
    decided_by: str | None = None

    def explain(self) -> str:
        """Why, for people."""
        n_all = len(self.found) + len(self.missing)
        shown = ", ".join(f'"{name}"' for name in self.found[:4])
        such = f", such as {shown}" if shown else ""
        why = f"{len(self.found)} of its {n_all} columns are there{such}"
        if self.decided_by:
            why = f"{self.decided_by}; {why}"
        return why


@cache
def load_layouts() -> tuple[Layout, ...]:
    """Read all layouts: those that are shipped, and those in the folder of $EARFUL_LAYOUTS.

    :raises ConfigError: naming every mistake of a file.
    """
    found = {path.stem: read_layout(path) for path in _list_files()}
    return tuple(found[name] for name in sorted(found))


def check_layout_id(name: str) -> str:
    """The id of a known layout, or NO_LAYOUT, as it was given.

    :raises ConfigError: naming the nearest one and all there are.
    """
    known = [NO_LAYOUT, *(layout.id for layout in load_layouts())]
    if name not in known:
        raise ConfigError(describe_unknown("layout", name, known))
    return name


@cache
def hash_layouts() -> str:
    """Hash of all layouts: where they change, files are read again."""
    digest = hashlib.sha256()
    for path in _list_files():
        digest.update(path.name.encode() + path.read_bytes())
    return digest.hexdigest()[:16]


def read_layout(path: Path) -> Layout:
    """Read one layout.

    :raises ConfigError: naming every mistake with its place.
    """
    try:
        values = tomllib.loads(path.read_text(encoding="utf-8-sig"))
    except (OSError, UnicodeDecodeError, tomllib.TOMLDecodeError) as error:
        raise ConfigError(f"the layout {path} cannot be read: {error}") from error
    return check_layout(values, path.stem, str(path))


def check_layout(values: dict[str, Any], name: str, place: str) -> Layout:
    """Validate a parsed layout.

    :raises ConfigError: naming every mistake with its place.
    """
    try:
        return Layout.model_validate({**values, "id": name})
    except ValidationError as error:
        found = [(each["msg"], ".".join(map(str, each["loc"]))) for each in error.errors()]
        mistakes = [f"{what.removeprefix('Value error, ')} @ {at or '-'}" for what, at in found]
        n = f"{len(mistakes)} mistake{'s' if len(mistakes) > 1 else ''}"
        raise ConfigError(f"{n} in the layout {place}:\n  " + "\n  ".join(mistakes)) from error


def fold_columns(columns: Iterator[str] | list[str]) -> dict[str, str]:
    """Columns by folded name; of two that fold alike the first."""
    found: dict[str, str] = {}
    for column in columns:
        found.setdefault(fold_name(column), column)
    return found


def find_first(names: tuple[str, ...], folded: dict[str, str]) -> str | None:
    """The column of the first alternative that is there."""
    return next((folded[name] for name in map(fold_name, names) if name in folded), None)


def _list_files() -> list[Path]:
    folders = [config_path("sources")]
    if own := os.environ.get(LAYOUTS_VARIABLE):
        folders.append(Path(own))
        if not folders[-1].is_dir():
            raise ConfigError(f"${LAYOUTS_VARIABLE} names {own}, which is not a folder")
    return [path for folder in folders for path in sorted(folder.glob("*.toml"))]


def part_names(names: str) -> tuple[str, ...]:
    """The alternatives for the name of a column."""
    return tuple(name.strip() for name in names.split(_ALTERNATIVES))
