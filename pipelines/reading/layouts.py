"""The known layouts of exports, each a data file in `configs/sources/`: their look and meaning.

A layout says which columns play which roles, how its rows differ from a plain table's, and what
holds for all of them (channel, party, scale, time zone).
"""

import hashlib
import os
import tomllib
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any, Literal

from pydantic import Field, ValidationError, model_validator

from pipelines.column_roles import ROLES
from pipelines.errors import ConfigError
from pipelines.reading.layout_names import part_names
from pipelines.reading.layout_parts import (
    Continued,
    Header,
    Join,
    LayoutPart,
    Mark,
    Pick,
    Replies,
    Skip,
    Spread,
    Versions,
)
from pipelines.reading.mapping import describe_unknown
from pipelines.reading.streams import NO_LAYOUT
from pipelines.resources import config_path

LAYOUTS_VARIABLE = "EARFUL_LAYOUTS"
"""Names a folder with layouts of one's own, read beside those that are shipped."""


class Layout(LayoutPart):
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
    roles: dict[str, str | tuple[str, ...]] = Field(default_factory=dict)
    others: tuple[str, ...] = ()
    private: tuple[str, ...] = ()
    decides: tuple[tuple[str, ...], ...] = ()
    is_common: bool = False
    holds: str | None = None
    keeps_ratings: bool = False
    made: dict[Literal["id", "author"], tuple[str, ...]] = Field(default_factory=dict)
    header: Header = Header()
    records: tuple[str, ...] = ()
    page: tuple[str, ...] = ()
    nested: tuple[str, ...] = ()
    pass_down: dict[str, str] = Field(default_factory=dict)
    within: str | None = None
    spread: tuple[Spread, ...] = ()
    pick: tuple[Pick, ...] = ()
    join: tuple[Join, ...] = ()
    unpack: tuple[str, ...] = ()
    prefer: dict[str, str] = Field(default_factory=dict)
    html: tuple[str, ...] = ()
    values: dict[str, dict[str, str]] = Field(default_factory=dict)
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


def _list_files() -> list[Path]:
    folders = [config_path("sources")]
    if own := os.environ.get(LAYOUTS_VARIABLE):
        folders.append(Path(own))
        if not folders[-1].is_dir():
            raise ConfigError(f"${LAYOUTS_VARIABLE} names {own}, which is not a folder")
    return [path for folder in folders for path in sorted(folder.glob("*.toml"))]
