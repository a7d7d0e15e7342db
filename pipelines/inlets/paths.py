"""What paths name, wherever it is: on this disk, in an object store, or on standard input."""

import sys
from collections.abc import Sequence
from dataclasses import replace

from pipelines.errors import ConfigError
from pipelines.inlets.object_stores import fetch_objects, is_object_url
from pipelines.inlets.spool import Spool
from pipelines.inlets.standard_input import DASH, read_standard_input
from pipelines.reading.files import Inputs, find_inputs
from pipelines.reading.layouts import check_layout_id


def find_paths(
    paths: Sequence[str], spool: Spool, ending: str | None = None, layout: str | None = None
) -> Inputs:
    """List the readable files; what is not on this disk is fetched first.

    :param ending: of what comes on standard input; None means look inside.
    :param layout: as in :class:`~pipelines.reading.streams.InputFile`, of all of them.
    :raises ConfigError: for an empty path, an unknown layout, and a store of an unknown kind or
        whose library is not installed.
    :raises InputError: as :func:`~pipelines.reading.files.find_inputs`, and when a store refuses.
    """
    if layout is not None:
        check_layout_id(layout)
    if ending is not None and DASH not in paths:
        raise ConfigError("--format is for standard input, the PATH -; files say it by their names")
    if not all(path.strip() for path in paths):
        raise ConfigError("a PATH is empty, perhaps of an unset variable; a folder is named by .")
    local = [path for path in paths if path != DASH and not is_object_url(path)]
    found = find_inputs(local) if local else Inputs()
    for file in found.files:
        spool.choose_name(file.name)
    for path in dict.fromkeys(paths):
        if path == DASH:
            found.files += read_standard_input(sys.stdin.buffer, ending, spool)
        elif is_object_url(path):
            found.files += fetch_objects(path, spool, found.skipped)
    found.files = [replace(file, layout=layout) for file in found.files]
    return found
