"""What a command line says is to be read, and what that amounts to."""

from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING

from pipelines.errors import ConfigError

if TYPE_CHECKING:
    from pipelines.config import Config
    from pipelines.inlets.queries import Query
    from pipelines.inlets.spool import Spool
    from pipelines.inputs import Inputs
    from pipelines.progress import Progress


@dataclass(frozen=True)
class Asked:
    """The arguments and options of one command line; None and empty for what was not given."""

    paths: list[str] | None = None
    mapping: list[str] | None = None
    source: str | None = None
    sql: str | None = None
    from_url: str | None = None
    ending: str | None = None
    since: str | None = None
    until: str | None = None
    limit: int | None = None
    layout: str | None = None
    # Set for commands that say what is read.
    kind: str | None = field(default=None, kw_only=True)

    @property
    def query(self) -> "Query | None":
        """The query, where one was given.

        :raises ConfigError: when it is only half of one, or goes with options of paths.
        """
        from pipelines.inlets.queries import Query

        if self.sql is None and self.from_url is None:
            return None
        if self.sql is None or self.from_url is None:
            raise ConfigError(
                "--sql and --from belong together: --sql 'SELECT ...' --from sqlite:///crm.db"
            )
        if self.paths:
            raise ConfigError("give either a PATH or --sql; read the other with a second command")
        if self.ending:
            raise ConfigError("--format is for standard input, the PATH -; a query gives rows")
        return Query(self.sql, self.from_url)


def find_asked(
    asked: Asked,
    command: str,
    settings: "Config",
    folder: Path,
    progress: "Progress",
    spool: "Spool",
) -> "Inputs":
    """What is to be read, as it was asked; else as it is configured.

    :param folder: what the paths of the configuration are relative to.
    :param spool: keeps what is not on this disk.
    :raises ConfigError: when there is nothing to read, or options do not go together.
    :raises InputError: for what is not there.
    """
    from dataclasses import replace
    from zoneinfo import ZoneInfo

    from pipelines.selection import Selection, parse_selection

    zone = ZoneInfo(settings.text.timezone)
    selection = parse_selection(asked.since, asked.until, asked.limit, zone)
    found = _find(asked, command, settings, folder, progress, spool)
    return found if selection == Selection() else replace(found, selection=selection)


def _find(
    asked: Asked,
    command: str,
    settings: "Config",
    folder: Path,
    progress: "Progress",
    spool: "Spool",
) -> "Inputs":
    from pipelines.inputs import (
        configured_inputs,
        given_inputs,
        inputs_of,
        query_inputs,
        record_inputs,
    )

    source, pairs = asked.source, asked.mapping or ()
    if query := asked.query:
        return query_inputs(
            query,
            kind=asked.kind,
            source=source,
            pairs=pairs,
            spool=spool,
            progress=progress,
            layout=asked.layout,
        )
    if asked.paths and asked.kind:
        files = record_inputs(
            asked.paths,
            source=source,
            pairs=pairs,
            spool=spool,
            ending=asked.ending,
            layout=asked.layout,
        )
        return inputs_of(asked.kind, files)
    if asked.paths:
        return given_inputs(
            asked.paths,
            source=source,
            pairs=pairs,
            progress=progress,
            spool=spool,
            ending=asked.ending,
            layout=asked.layout,
        )
    if pairs or source or asked.ending or asked.layout:
        raise ConfigError("--map, --source, --layout and --format need a PATH or --sql to read")
    if asked.kind or not (settings.sources or settings.customers or settings.events):
        raise ConfigError(
            f"nothing to read: give a PATH, as in: earful {command} "
            f"{_EXAMPLES.get(command, 'reviews.csv')} ; or list "
            f"[[{command if command in _EXAMPLES else 'sources'}]] in earful.toml"
        )
    return configured_inputs(settings, folder, spool, progress)


# A file that each command reads, where it does not read feedback.
_EXAMPLES = {"customers": "crm.csv", "events": "orders.csv"}
