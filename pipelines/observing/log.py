"""The log: events with ids, counts and durations; never words of customers, their names or keys.

Nothing is logged, and structlog is not loaded, until :func:`open_log` was called.
"""

import json
import os
import re
from collections.abc import Callable, Iterable, Iterator, Mapping, MutableMapping
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any, Final, Literal, get_args

from pipelines.errors import ConfigError

LogFormat = Literal["text", "json"]
Level = Literal["info", "warning", "error"]
LOG_FORMATS: Final = get_args(LogFormat)
Write = Callable[[str], None]

# What an event may say besides counts (n_...): another field is left out, whoever gives it.
FIELDS: Final = frozenset(
    {
        *("timestamp", "level", "event", "run_id", "command", "engine", "step", "stage", "unit"),
        *("seconds", "status", "exit_code", "error", "message", "summary", "logger", "measures"),
    }
)
HIDDEN: Final = "(hidden)"
_FIRST: Final = ("timestamp", "level", "event")
_COUNT = re.compile("n_[a-z_]+")
# Shorter ones would be found in words that have nothing to do with them.
_MIN_HIDDEN = 3


class LogFile:
    """A file that lines are appended to, of its owner alone; made anew when it was rotated away."""

    def __init__(self, path: Path) -> None:
        """Open the file.

        :raises ConfigError: when it cannot be written.
        """
        self._path = path
        try:
            self._descriptor = self._open()
        except OSError as error:
            raise ConfigError(
                f"the log {path} cannot be written ({error.strerror}); name another --log-file"
            ) from error

    def write(self, line: str) -> None:
        """Append a line with one write, so that those of two programs do not mix."""
        with suppress(OSError):  # a full disk does not fail a run
            if not self._is_there():
                os.close(self._descriptor)
                self._descriptor = self._open()
            os.write(self._descriptor, f"{line}\n".encode(errors="replace"))

    def close(self) -> None:
        """Close the file."""
        with suppress(OSError):
            os.close(self._descriptor)

    def _open(self) -> int:
        return os.open(self._path, os.O_APPEND | os.O_CREAT | os.O_WRONLY, 0o600)

    def _is_there(self) -> bool:
        try:
            there, ours = os.stat(self._path), os.fstat(self._descriptor)  # noqa: PTH116
        except FileNotFoundError:
            return False
        return (there.st_dev, there.st_ino) == (ours.st_dev, ours.st_ino)


_log: Any = None


@contextmanager
def open_log(
    form: LogFormat, writers: Iterable[Write], hidden: Iterable[str] = ()
) -> Iterator[None]:
    """Log to some writers until the end of the block.

    :param form: a JSON object or ``name=value`` pairs a line.
    :param hidden: what the command line said of a person: left out of every line.
    """
    global _log
    import structlog

    render = (
        _render_json
        if form == "json"
        else structlog.processors.LogfmtRenderer(
            key_order=_FIRST, drop_missing=True, bool_as_flag=False
        )
    )
    sinks = tuple(writers)
    before, _log = (
        _log,
        structlog.wrap_logger(
            _Sinks(sinks),
            wrapper_class=structlog.BoundLogger,
            processors=[
                structlog.contextvars.merge_contextvars,
                structlog.processors.add_log_level,
                structlog.processors.TimeStamper(fmt="iso", utc=True),
                _keep_known,
                _make_hide(hidden),
                render,
            ],
        ),
    )
    try:
        yield
    finally:
        _log = before


def is_logging() -> bool:
    """Whether a log is open."""
    return _log is not None


def log_event(event: str, level: Level = "info", **fields: Any) -> None:
    """Log an event, where a log is open.

    :param fields: of FIELDS, and counts.
    """
    if _log is not None:
        getattr(_log, level)(event, **fields)


@contextmanager
def bind_log(**fields: Any) -> Iterator[None]:
    """Have every event in the block carry these fields too."""
    if _log is None:
        yield
        return
    from structlog.contextvars import bound_contextvars

    with bound_contextvars(**fields):
        yield


class _Sinks:
    """What structlog calls with a rendered line."""

    def __init__(self, writers: tuple[Write, ...]) -> None:
        self._writers = writers

    def info(self, line: str) -> None:
        for write in self._writers:
            write(line)

    warning = error = info


def _keep_known(
    _logger: object, _method: str, event: MutableMapping[str, Any]
) -> Mapping[str, Any]:
    return {
        name: value
        for name, value in event.items()
        if value is not None
        and (name in FIELDS or (_COUNT.fullmatch(name) and isinstance(value, int | float)))
    }


def _make_hide(hidden: Iterable[str]) -> Callable[..., Mapping[str, Any]]:
    words = sorted((each for each in hidden if len(each) >= _MIN_HIDDEN), key=len, reverse=True)
    # As it is, and as a message quotes it.
    forms = {form for word in words for form in (word, repr(word)[1:-1], json.dumps(word)[1:-1])}
    pattern = re.compile("|".join(map(re.escape, sorted(forms, key=len, reverse=True))) or r"(?!)")

    def hide(_logger: object, _method: str, event: MutableMapping[str, Any]) -> Mapping[str, Any]:
        return {
            name: pattern.sub(HIDDEN, value) if isinstance(value, str) else value
            for name, value in event.items()
        }

    return hide


def _render_json(_logger: object, _method: str, event: Mapping[str, Any]) -> str:
    first = {name: event[name] for name in _FIRST if name in event}
    return json.dumps({**first, **event}, ensure_ascii=False, default=str)
