"""A configuration to keep, from what was inspected: a run with it gives what one without does.

The columns are written out, so that the file says how an export is read, and can be mended.
"""

import json
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path

from pipelines.column_roles import ROLES
from pipelines.errors import ConfigError
from pipelines.inlets.object_stores import is_object_url
from pipelines.inspect import Inspection
from pipelines.origins import Origin
from pipelines.reading.kinds import NO_TABLE

_SECTIONS = {"feedback": "sources", "customers": "customers", "events": "events"}
_Map = dict[str, list[str]]


def write_config(
    path: Path,
    found: Sequence[tuple[Origin, Sequence[Inspection]]],
    text: Mapping[str, str],
    source: str | None = None,
    layout: str | None = None,
) -> None:
    """Write the configuration to a new file.

    :param found: what was inspected, by where it came from.
    :param text: the settings of how text, dates and numbers are read.
    :param source: name of the source; None means each file's own.
    :param layout: that was named, or "none"; None means the one that is recognised.
    :raises ConfigError: when the file is there already, or standard input would have to be named.
    :raises InputError: when nothing of what was inspected can be read.
    """
    if any(origin == Origin() for origin, _ in found):
        raise ConfigError("standard input cannot be named in a configuration; inspect a file")
    sections = [_describe(origin, tables, path.parent, source, layout) for origin, tables in found]
    lines = ["# Written by earful inspect. Run it with: earful run --config " + path.name, ""]
    lines += ["[text]", *(f"{name} = {_quote(value)}" for name, value in text.items())]
    try:
        with path.open("x", encoding="utf-8") as stream:
            stream.write("\n".join([*lines, *(line for each in sections for line in ("", *each))]))
            stream.write("\n")
    except FileExistsError as error:
        raise ConfigError(f"{path} is there already; name another file, or move it away") from error


def _describe(
    origin: Origin,
    tables: Sequence[Inspection],
    folder: Path,
    source: str | None,
    layout: str | None,
) -> list[str]:
    kinds = {each.kind if each.kind in _SECTIONS else "feedback" for each in tables}
    readable = [each for each in tables if each.kind != NO_TABLE and _map(each)]
    if not readable:
        return [
            f"# {_name(origin)} is not read: no column was recognised. Name them and inspect it",
            "# again: earful inspect PATH --map text=COLUMN",
        ]
    if len(kinds) > 1 and (origin.query or len({each.file for each in tables}) > 1):
        return [f"# {_name(origin)} holds {' and '.join(sorted(kinds))}: name its parts one by one"]
    kind = max(kinds, key=lambda kind: (sum(t.n_rows for t in tables if t.kind == kind), kind))
    maps = [_map(each) for each in readable if each.kind in (kind, "unknown")]
    lines = [f"[[{_SECTIONS[kind]}]]", *_locate(origin, folder)]
    if source:
        lines.append(f"name = {_quote(source)}")
    if layout:
        lines.append(f"layout = {_quote(layout)}")
    if all(each == maps[0] for each in maps):
        lines.append(f"map = {{ {', '.join(_format_role(*pair) for pair in maps[0].items())} }}")
    else:
        lines.append(f"# {len(maps)} tables with different columns: they are recognised anew")
    return lines


def _map(found: Inspection) -> _Map:
    """Columns by role, of the roles that can be given."""
    kind = found.kind if found.kind in ROLES else "feedback"
    roles: _Map = {}
    for column in found.columns:
        if column.role in ROLES[kind]:
            roles.setdefault(str(column.role), []).append(column.name)
    return roles


def _locate(origin: Origin, folder: Path) -> list[str]:
    if origin.query:
        return [f"sql = {_quote(origin.query.sql)}", f"from = {_quote(origin.query.url)}"]
    path = origin.path or ""
    if not is_object_url(path) and Path(path).is_relative_to(folder.resolve()):
        path = str(Path(path).relative_to(folder.resolve()))
    return [f"path = {_quote(path)}"]


def _name(origin: Origin) -> str:
    name = "the query" if origin.query else Path(origin.path or "").name
    return "".join(char if char.isprintable() else "\N{REPLACEMENT CHARACTER}" for char in name)


def _format_role(role: str, columns: Iterable[str]) -> str:
    shown = [_quote(column) for column in columns]
    return f"{role} = {shown[0] if len(shown) == 1 else '[' + ', '.join(shown) + ']'}"


def _quote(value: str) -> str:
    """A TOML string; JSON writes the same but for the one control character that it leaves."""
    return json.dumps(value, ensure_ascii=False).replace("\x7f", "\\u007f")
