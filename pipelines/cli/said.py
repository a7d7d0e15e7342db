"""What commands say beside their results: on standard error, and in the log where there is one."""

import sys
from typing import Final

import typer

from pipelines.observing.log import Level, log_event

_COLOURS: Final[dict[Level, str | None]] = {"info": None, "warning": "yellow", "error": "red"}
_is_quiet = False


def leave_to_log(is_left: bool) -> None:
    """Have only the log tell what is said: standard error carries it already."""
    global _is_quiet
    _is_quiet = is_left


def is_left_to_log() -> bool:
    """Whether standard error belongs to the log."""
    return _is_quiet


def say(message: str, level: Level = "info", *, exit_code: int | None = None) -> None:
    """Tell the user something that is no result.

    :param message: without words of customers.
    :param exit_code: of a program that ends with it.
    """
    log_event("message", level, message=message, exit_code=exit_code)
    if not _is_quiet:
        typer.secho(message, err=True, fg=_COLOURS[level] if sys.stderr.isatty() else None)
