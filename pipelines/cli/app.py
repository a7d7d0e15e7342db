"""The commands of ``earful``, and how each of them ends.

Exit codes: 0 done; 1 failed; 2 wrong use or configuration; 3 done, but some rows were rejected;
4 another run holds the lock.
"""

import errno
import os
import re
import signal
import sys
import traceback
from functools import cache
from types import FrameType
from typing import Annotated, Any

import typer

from pipelines.cli import (
    actions,
    ask,
    attention,
    backup,
    consent,
    export,
    inbox,
    look,
    measure,
    models,
    noise,
    records,
    rights,
    roles,
    sources,
    status,
    steps,
    store_copy,
    story,
    sync,
    themes,
)
from pipelines.cli.log_options import (
    LogFileOption,
    LogFormatOption,
    add_log_options,
    log_end,
    observe_command,
    take_log_options,
)
from pipelines.cli.options import show_examples
from pipelines.cli.said import is_left_to_log, say
from pipelines.commits import count_commits, keeps_readings
from pipelines.errors import EarfulError, StoppedError

# What run_app gives for Ctrl-C and SIGTERM; the program's exit code is then 1.
STOPPED = -1
TRACEBACK_VARIABLE = "EARFUL_TRACEBACK"

app = typer.Typer(
    name="earful",
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
    rich_markup_mode=None,  # with rich, help is half a second away, and cut in a narrow window
    context_settings={"help_option_names": ["-h", "--help"]},
    help=(
        "Reads what customers say, in any language, and writes themes, sentiment and customer "
        "insight into tables.\n\n"
        "Exit codes: 0 done, 1 failed, 2 wrong use or configuration, 3 done but some rows were "
        "rejected, 4 another run holds the lock."
    ),
    epilog=show_examples(
        "earful inspect reviews.csv",
        "earful run reviews.csv",
        "earful themes list",
        "earful report",
    ),
)


def _show_version(value: bool) -> None:
    if value:
        from pipelines.runs import code_version

        typer.echo(f"earful {code_version()}")
        raise typer.Exit


@app.callback()
def _begin(
    _version: Annotated[
        bool,
        typer.Option(
            "--version", callback=_show_version, is_eager=True, help="Show the version and exit."
        ),
    ] = False,
    log_format: LogFormatOption = None,
    log_file: LogFileOption = None,
) -> None:
    """Nothing happens before a command."""
    take_log_options(log_format, log_file)


steps.add_commands(app)
inbox.add_commands(app)
records.add_commands(app)
sources.add_commands(app)
status.add_commands(app)
look.add_commands(app)
ask.add_commands(app)
export.add_commands(app)
store_copy.add_commands(app)
attention.add_commands(app)
story.add_commands(app)
measure.add_commands(app)
rights.add_commands(app)
roles.add_commands(app)
sync.add_commands(app)
backup.add_commands(app)
app.add_typer(themes.app, name="themes")
app.add_typer(noise.app, name="noise")
app.add_typer(consent.app, name="consent")
app.add_typer(models.app, name="models")
app.add_typer(actions.actions)
add_log_options(app)


def run_app(arguments: list[str] | None = None) -> int:
    """Run one command line.

    :param arguments: without the program's name; None means those of the process.
    :returns: the exit code, or STOPPED.
    """
    signal.signal(signal.SIGTERM, _interrupt)
    with observe_command():
        code = _do(arguments, count_commits())
        log_end(1 if code == STOPPED else code)
    return code


def _do(arguments: list[str] | None, n_before: int) -> int:
    try:
        code = _build_command()(arguments, standalone_mode=False)
    except StoppedError as error:
        return _stop(str(error))
    except EarfulError as error:
        say(f"error: {error}", "error", exit_code=error.exit_code)
        return error.exit_code
    except typer.TyperException as error:
        if is_left_to_log():
            say(f"error: {error.format_message()}", "error", exit_code=2)
        else:  # each has it; Typer declares it one class lower
            error.show()  # type: ignore[attr-defined]
        return 2
    except (KeyboardInterrupt, typer.Abort):
        return _stop(_tell_state(n_before) + _tell_how_on())
    except BrokenPipeError:
        return _end_unread()
    except SystemExit as error:  # typer's and rich's answer to a broken pipe
        if isinstance(error.__context__, BrokenPipeError):
            return _end_unread()
        raise
    except Exception as error:  # noqa: BLE001 -- the last resort of the program
        say(f"error: {_describe_failure(error, n_before)}", "error", exit_code=1)
        return 1
    if code == 130:  # typer's answer to Ctrl-C
        return _stop(_tell_state(n_before) + _tell_how_on())
    return code if isinstance(code, int) else 0


@cache
def _build_command() -> Any:
    return typer.main.get_command(app)


def _end_unread() -> int:
    """The reader of our output, such as head, has gone: what it did not read it did not want."""
    os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
    return 0


def _tell_how_on() -> str:
    if keeps_readings():
        return ". What the encoder has read so far is kept; the same command goes on from there"
    return "; the same command begins anew"


def _tell_state(n_before: int) -> str:
    """What has become of the store, so that nobody takes for undone what was done.

    :param n_before: changes that were committed before the command began.
    """
    if count_commits() > n_before:
        return "what the command had finished is stored; what it was at was taken back as a whole"
    return "the store is as it was before this command"


def _stop(state: str) -> int:
    say(f"stopped: {state}", "error", exit_code=1)
    return STOPPED


def _interrupt(_signal: int, _frame: FrameType | None) -> None:
    raise KeyboardInterrupt


def _describe_failure(error: Exception, n_before: int) -> str:
    if _is_short_of_memory(error):
        return (
            f"the memory is not enough: {_tell_state(n_before)}. Close what else needs memory or "
            "raise its limit, then run the same command again"
        )
    if isinstance(error, OSError):
        return _describe_system_error(error)
    return _describe_bug(error, n_before)


# What the loader of libraries, torch and C++ say instead of a MemoryError.
_NO_MEMORY = re.compile(
    r"failed to map segment|can(?:no|')t allocate memory|bad_alloc|can't start new thread"
    r"|\bout of memory\b",
    re.IGNORECASE,
)


def _is_short_of_memory(error: BaseException | None) -> bool:
    """Whether it, or what it came from, is a lack of memory."""
    while error is not None:
        if isinstance(error, MemoryError) or getattr(error, "errno", None) == errno.ENOMEM:
            return True
        if isinstance(error, ImportError | RuntimeError | OSError) and _NO_MEMORY.search(
            str(error)
        ):
            return True
        error = error.__cause__ or error.__context__
    return False


def _describe_system_error(error: OSError) -> str:
    said = error.strerror or type(error).__name__
    if error.filename:
        return f"{error.filename} cannot be used ({said}); check that it is there, and its rights"
    if error.errno == errno.ENOSPC:
        return "the disk is full; free some space, then run the same command again"
    return f"the system refused: {said}"


def _describe_bug(error: Exception, n_before: int) -> str:
    """Where it happened, but not the message: it may hold a customer's words."""
    if os.environ.get(TRACEBACK_VARIABLE):
        return traceback.format_exc()
    frame = traceback.extract_tb(error.__traceback__)[-1]
    return (
        f"something that earful does not expect ({type(error).__name__} in "
        f"{os.path.basename(frame.filename)}:{frame.lineno}): "  # noqa: PTH119
        f"{_tell_state(n_before)}. Please report it; {TRACEBACK_VARIABLE}=1 shows the details, "
        "which may hold customer text"
    )
