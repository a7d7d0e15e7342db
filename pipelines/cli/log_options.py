"""``--log-format`` and ``--log-file``, which every command has, and the log that they open."""

import inspect
import logging
import os
import sys
import time
import warnings
from collections.abc import Callable, Iterator, Mapping
from contextlib import ExitStack, contextmanager, suppress
from functools import wraps
from pathlib import Path
from typing import Annotated, Any, Final

import typer

from pipelines.cli.said import leave_to_log, say
from pipelines.errors import ConfigError
from pipelines.observing.log import LOG_FORMATS, Level, LogFile, bind_log, log_event, open_log
from pipelines.observing.telemetry import open_span, open_telemetry

FORMAT_VARIABLE: Final = "EARFUL_LOG_FORMAT"
FILE_VARIABLE: Final = "EARFUL_LOG_FILE"
# What names a person, or may hold their words, among the parameters of commands.
PERSONAL: Final = frozenset(
    {"customer", "email", "phone", "handle", "text", "subject", "reason", "examples", "about"}
)


class _Session:
    """The log of one command line, opened when its options are known."""

    def __init__(self) -> None:
        self.stack = ExitStack()
        self.started = time.monotonic()
        self.path: str | None = None
        self.form: str | None = None


_session = _Session()


@contextmanager
def observe_command() -> Iterator[None]:
    """What a command line opens for those who watch ends with the block."""
    global _session
    before, _session = _session, _Session()
    try:
        with _session.stack:
            yield
    finally:
        _session = before


def log_end(exit_code: int) -> None:
    """Log how the command ended."""
    seconds = round(time.monotonic() - _session.started, 3)
    level: Level = "info" if exit_code in (0, 3) else "error"
    log_event("command_finished", level, exit_code=exit_code, seconds=seconds)


LogFormatOption = Annotated[
    str | None,
    typer.Option(
        "--log-format",
        metavar="|".join(LOG_FORMATS),
        help="How standard error tells what happens: text for people, json for programs.",
        envvar=FORMAT_VARIABLE,
        show_envvar=False,
    ),
]
LogFileOption = Annotated[
    str | None,
    typer.Option(
        "--log-file",
        metavar="FILE",
        help="Append what happens to a file too.",
        envvar=FILE_VARIABLE,
        show_envvar=False,
    ),
]
_OWN: Final = {"log_format": LogFormatOption, "log_file": LogFileOption}


def add_log_options(app: typer.Typer, path: str = "") -> None:
    """Give every command the options; its log is open before it does anything."""
    for each in app.registered_commands:
        if each.callback is not None:
            name = each.name or each.callback.__name__
            each.callback = _log_command(f"{path} {name}".strip(), each.callback)
    for group in app.registered_groups:
        if group.typer_instance is not None:
            own = group.name if isinstance(group.name, str) else group.typer_instance.info.name
            add_log_options(group.typer_instance, f"{path} {own}".strip())


def take_log_options(log_format: str | None, log_file: str | None) -> None:
    """Take the options as given before the command, or after it, which counts more."""
    if log_format is not None and log_format not in LOG_FORMATS:
        raise ConfigError(
            f"--log-format {log_format!r} is not there; choose {' or '.join(LOG_FORMATS)}"
        )
    _session.form = log_format or _session.form
    _session.path = log_file or _session.path


def _log_command(name: str, do: Callable[..., Any]) -> Callable[..., Any]:
    @wraps(do)
    def logged(**given: Any) -> Any:
        take_log_options(*(given.pop(own) for own in _OWN))
        _begin_command(name, given)
        return do(**given)

    signature = inspect.signature(do)
    own = [
        inspect.Parameter(key, inspect.Parameter.KEYWORD_ONLY, default=None, annotation=kind)
        for key, kind in _OWN.items()
    ]
    own_signature = signature.replace(parameters=[*signature.parameters.values(), *own])
    vars(logged)["__signature__"] = own_signature
    logged.__annotations__ = {**do.__annotations__, **_OWN}
    return logged


def _begin_command(name: str, given: Mapping[str, Any]) -> None:
    """Open log and telemetry."""
    stack, is_json = _session.stack, _session.form == "json"
    writers = [_write_stderr] if is_json else []
    if _session.path:
        file = LogFile(Path(_session.path).expanduser())
        stack.callback(file.close)
        writers.append(file.write)
    if writers:
        stack.enter_context(open_log("json" if is_json else "text", writers, _list_personal(given)))
        stack.enter_context(bind_log(command=name))
    if is_json:
        stack.enter_context(_all_to_log())
    stack.enter_context(open_telemetry(lambda message: say(message, "warning")))
    stack.enter_context(open_span("command", command=name))


def _list_personal(params: Mapping[str, Any]) -> Iterator[str]:
    for name, value in params.items():
        if name in PERSONAL:
            for each in value if isinstance(value, list | tuple) else [value]:
                if isinstance(each, str):
                    yield each


def _write_stderr(line: str) -> None:
    with suppress(OSError):  # a log that nobody reads any more does not fail a run
        print(line, file=sys.stderr, flush=True)  # noqa: T201 -- this is the command line


@contextmanager
def _all_to_log() -> Iterator[None]:
    """Have standard error hold nothing but the log: libraries tell who they are, not what of."""
    handler, root = _LibraryHandler(logging.WARNING), logging.getLogger()
    leave_to_log(True)
    root.addHandler(handler)
    with warnings.catch_warnings():
        vars(warnings)["showwarning"] = _log_python_warning  # as typed, it takes names of ours not
        try:
            yield
        finally:
            root.removeHandler(handler)
            leave_to_log(False)


class _LibraryHandler(logging.Handler):
    def emit(self, record: logging.LogRecord) -> None:
        level: Level = "error" if record.levelno >= logging.ERROR else "warning"
        log_event("library_message", level, logger=record.name)


def _log_python_warning(
    _message: Warning | str, category: type[Warning], filename: str, lineno: int, *_: Any
) -> None:
    place = f"{os.path.basename(filename)}:{lineno}"  # noqa: PTH119
    log_event("library_message", "warning", logger=place, error=category.__name__)
