"""Which files a job reads, and as what: as configured, or as given on the command line."""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path

from pipelines.config import Config
from pipelines.config_sections import ColumnMap, RecordsConfig, SourceConfig
from pipelines.errors import InputError
from pipelines.inlets.object_stores import is_object_url
from pipelines.inlets.paths import find_paths
from pipelines.inlets.queries import Query, QueryRows, ask_query
from pipelines.inlets.spool import Spool
from pipelines.loading import FileInput
from pipelines.progress import Progress, SilentProgress
from pipelines.reading.kinds import NO_TABLE
from pipelines.reading.layouts import check_layout_id
from pipelines.reading.streams import InputFile
from pipelines.recognition import guess_kind
from pipelines.selection import Selection

SILENT = SilentProgress()


@dataclass(frozen=True)
class Inputs:
    """Files to read, by what they hold.

    :param selection: which of the feedback is wanted; None for all. Customers and events are read
        whole: what is wanted links to them.
    """

    feedback: tuple[FileInput, ...] = ()
    customers: tuple[FileInput, ...] = ()
    events: tuple[FileInput, ...] = ()
    selection: Selection | None = None


def configured_inputs(
    config: Config, folder: Path, spool: Spool | None = None, progress: Progress = SILENT
) -> Inputs:
    """What the configuration names.

    :param folder: what its paths are relative to.
    :param spool: keeps what is fetched; needed where not all is on this disk.
    :raises InputError: for a path that is not there, and a query or store that is refused.
    """
    feedback = [
        FileInput(
            file,
            each.name or name,
            each.channel,
            each.party,
            _pairs(each.map),
            each.stated,
            digest,
        )
        for each in config.sources
        for file, name, digest in _find(folder, each, spool, progress)
    ]
    return Inputs(
        tuple(feedback),
        _record_inputs(config.customers, folder, spool, progress),
        _record_inputs(config.events, folder, spool, progress),
    )


def given_inputs(
    paths: Sequence[str],
    *,
    source: str | None,
    pairs: Sequence[str],
    progress: Progress,
    spool: Spool | None = None,
    ending: str | None = None,
    layout: str | None = None,
) -> Inputs:
    """The files at the given paths, sorted by what they look like.

    With a mapping, all of them are feedback: somebody has said which columns to read.

    :param source: name for all of them; None means the name of each file.
    :param spool: keeps what is fetched; needed where not all is on this disk.
    :param ending: what standard input holds, as a file's ending would say.
    :param layout: that they are all read as, or "none"; None means the one that is recognised.
    :raises InputError: for a path that is not there, and a folder without readable files.
    """
    found = find_paths(paths, spool or Spool(), ending, layout)
    for skipped in found.skipped:
        progress.warn(f"{skipped.name} is not read: {skipped.reason}")
    sorted_files: dict[str, list[FileInput]] = {"feedback": [], "customers": [], "events": []}
    for file in found.files:
        kind = "feedback" if pairs else _guess(file, is_only=len(found.files) == 1)
        given = FileInput(file, source or name_source(file), pairs=tuple(pairs))
        if kind == NO_TABLE:
            progress.warn(f"{file.name} is not read: {_NO_RECORDS}")
        else:
            sorted_files[kind if kind in sorted_files else "feedback"].append(given)
    if not any(sorted_files.values()):
        raise InputError(f"none of the {len(found.files):,} files is read: {_NO_RECORDS}")
    feedback, customers, events = (tuple(files) for files in sorted_files.values())
    return Inputs(feedback, customers, events)


_NO_RECORDS = (
    "JSON, but no table of feedback, customers or events; if it is one, name its text with "
    "--map text=COLUMN"
)


def record_inputs(
    paths: Sequence[str],
    *,
    source: str | None,
    pairs: Sequence[str],
    spool: Spool | None = None,
    ending: str | None = None,
    layout: str | None = None,
) -> tuple[FileInput, ...]:
    """Files of customers or of events, as the command said.

    :raises InputError: for a path that is not there, and a folder without readable files.
    """
    return tuple(
        FileInput(file, source or name_source(file), pairs=tuple(pairs))
        for file in find_paths(paths, spool or Spool(), ending, layout).files
    )


def query_inputs(
    query: Query,
    *,
    kind: str | None,
    source: str | None,
    pairs: Sequence[str],
    spool: Spool,
    progress: Progress,
    layout: str | None = None,
) -> Inputs:
    """The rows of a query; without any, nothing.

    :param kind: feedback, customers or events; None means what they look like, or feedback where
        the columns were told.
    :param source: its name; None means that of the database.
    :raises InputError: when the database refuses.
    :raises ConfigError: for an unknown layout, a wrong URL, or a driver that is not installed.
    """
    if layout is not None:
        check_layout_id(layout)
    rows = ask_query(query, Path(), spool)
    if not rows.n_rows:
        _warn_of_no_rows(rows, progress)
        return Inputs()
    file = replace(rows.file, layout=layout)
    kind = kind or ("feedback" if pairs else _guess(file, is_only=True))
    given = FileInput(file, source or name_query(rows), pairs=tuple(pairs), digest=rows.digest)
    return inputs_of(kind, (given,))


def inputs_of(kind: str, files: tuple[FileInput, ...]) -> Inputs:
    """Files of one kind; what is of none is taken for feedback."""
    if kind == "customers":
        return Inputs(customers=files)
    return Inputs(events=files) if kind == "events" else Inputs(feedback=files)


def name_query(rows: QueryRows) -> str:
    """Name of the source when nobody gave one: the database's."""
    return Path(rows.database).stem


def _warn_of_no_rows(rows: QueryRows, progress: Progress) -> None:
    progress.warn(f"the {rows.file.name} gives 0 rows; nothing was read from it")


def _guess(file: InputFile, *, is_only: bool) -> str:
    """What a file holds; one of several that cannot be read is left to the step that reads."""
    try:
        kind = guess_kind(file)
    except InputError:
        if is_only:
            raise
        return "feedback"
    if is_only and kind == NO_TABLE:
        raise InputError(f"{file.name} is {_NO_RECORDS}")
    return kind


def name_source(file: InputFile) -> str:
    """Name of the source when nobody gave one: the file's name without its endings."""
    name = Path((file.member or file.name).replace("\\", "/")).name
    for ending in (".gz", f".{file.ending}"):
        if name.lower().endswith(ending):
            name = name[: -len(ending)] or name
    return name


def _record_inputs(
    sections: Sequence[RecordsConfig], folder: Path, spool: Spool | None, progress: Progress
) -> tuple[FileInput, ...]:
    return tuple(
        FileInput(file, each.name or name, pairs=_pairs(each.map), digest=digest)
        for each in sections
        for file, name, digest in _find(folder, each, spool, progress)
    )


def _find(
    folder: Path, section: SourceConfig | RecordsConfig, spool: Spool | None, progress: Progress
) -> list[tuple[InputFile, str, str | None]]:
    """The files of a section, each with a name for its source and the digest of a query."""
    spool = spool or Spool()
    if section.sql is not None and section.from_url is not None:
        rows = ask_query(Query(section.sql, section.from_url), folder, spool)
        if not rows.n_rows:
            _warn_of_no_rows(rows, progress)
            return []
        file = replace(rows.file, layout=section.layout)
        return [(file, name_query(rows), rows.digest)]
    path = section.path or ""
    place = path if is_object_url(path) else str(folder / path)
    found = find_paths([place], spool, layout=section.layout)
    return [(file, name_source(file), None) for file in found.files]


def _pairs(columns: ColumnMap) -> tuple[str, ...]:
    return tuple(
        f"{role}={column}"
        for role, given in columns.items()
        for column in ([given] if isinstance(given, str) else given)
    )
