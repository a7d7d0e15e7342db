"""Which files a job reads, and as what: as configured, or as given on the command line."""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from pipelines.config import ColumnMap, Config, RecordsConfig
from pipelines.errors import InputError
from pipelines.loading import FileInput
from pipelines.progress import Progress
from pipelines.reading.files import find_inputs
from pipelines.reading.kinds import NO_TABLE
from pipelines.reading.streams import InputFile
from pipelines.recognition import guess_kind


@dataclass(frozen=True)
class Inputs:
    """Files to read, by what they hold."""

    feedback: tuple[FileInput, ...] = ()
    customers: tuple[FileInput, ...] = ()
    events: tuple[FileInput, ...] = ()


def configured_inputs(config: Config, folder: Path) -> Inputs:
    """The files that the configuration names.

    :param folder: what its paths are relative to.
    :raises InputError: for a path that is not there.
    """
    feedback = [
        FileInput(
            file,
            each.name or name_source(file),
            each.channel,
            each.party,
            _pairs(each.map),
            each.stated,
        )
        for each in config.sources
        for file in _find(folder, each.path)
    ]
    return Inputs(
        tuple(feedback),
        _record_inputs(config.customers, folder),
        _record_inputs(config.events, folder),
    )


def given_inputs(
    paths: Sequence[str],
    *,
    source: str | None,
    pairs: Sequence[str],
    progress: Progress,
) -> Inputs:
    """The files at the given paths, sorted by what they look like.

    With a mapping, all of them are feedback: somebody has said which columns to read.

    :param source: name for all of them; None means the name of each file.
    :raises InputError: for a path that is not there, and a folder without readable files.
    """
    found = find_inputs(paths)
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
    return Inputs(**{kind: tuple(files) for kind, files in sorted_files.items()})


_NO_RECORDS = (
    "JSON, but no table of feedback, customers or events; if it is one, name its text with "
    "--map text=COLUMN"
)


def record_inputs(
    paths: Sequence[str], *, source: str | None, pairs: Sequence[str]
) -> tuple[FileInput, ...]:
    """Files of customers or of events, as the command said.

    :raises InputError: for a path that is not there, and a folder without readable files.
    """
    return tuple(
        FileInput(file, source or name_source(file), pairs=tuple(pairs))
        for file in find_inputs(paths).files
    )


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
    name = Path((file.member or file.path.name).replace("\\", "/")).name
    for ending in (".gz", f".{file.ending}"):
        if name.lower().endswith(ending):
            name = name[: -len(ending)] or name
    return name


def _record_inputs(sections: Sequence[RecordsConfig], folder: Path) -> tuple[FileInput, ...]:
    return tuple(
        FileInput(file, each.name or name_source(file), pairs=_pairs(each.map))
        for each in sections
        for file in _find(folder, each.path)
    )


def _find(folder: Path, path: str) -> list[InputFile]:
    return find_inputs([str(folder / path)]).files


def _pairs(columns: ColumnMap) -> tuple[str, ...]:
    return tuple(
        f"{role}={column}"
        for role, given in columns.items()
        for column in ([given] if isinstance(given, str) else given)
    )
