"""Where what is inspected came from, as a configuration would name it."""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path

from pipelines.inlets.object_stores import is_object_url
from pipelines.inlets.paths import find_paths
from pipelines.inlets.queries import Query, ask_query
from pipelines.inlets.spool import Spool
from pipelines.inlets.standard_input import DASH
from pipelines.reading.streams import InputFile


@dataclass(frozen=True)
class Origin:
    """A file or archive on this disk, a URL of objects, a query, or, without any, a stream.

    :param path: absolute where it is on this disk.
    """

    path: str | None = None
    query: Query | None = None


Found = list[tuple[Origin, list[InputFile]]]


def find_origins(
    paths: Sequence[str], spool: Spool, ending: str | None = None, layout: str | None = None
) -> Found:
    """The files that paths name, by where they come from; raises as `find_paths`."""
    local = [path for path in paths if path != DASH and not is_object_url(path)]
    by_path: dict[Path, list[InputFile]] = {}
    for file in find_paths(local, spool, layout=layout).files if local else ():
        by_path.setdefault(file.path.resolve(), []).append(file)
    found: Found = [(Origin(str(path)), files) for path, files in by_path.items()]
    for path in dict.fromkeys(path for path in paths if path not in local):
        files = find_paths([path], spool, ending if path == DASH else None, layout).files
        found.append((Origin(None if path == DASH else path), files))
    return found


def find_query_origin(query: Query, spool: Spool, layout: str | None = None) -> Found:
    """The rows of a query; none where it gives none. Raises as `ask_query`."""
    rows = ask_query(query, Path(), spool)
    file = replace(rows.file, layout=layout)
    return [(Origin(query=query), [file] if rows.n_rows else [])]
