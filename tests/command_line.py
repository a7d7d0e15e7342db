"""Running the command line inside a test."""

from collections.abc import Callable
from typing import NamedTuple

import pytest

from pipelines.cli.app import run_app


class Ended(NamedTuple):
    """How a command line ended."""

    code: int
    out: str
    err: str


Call = Callable[..., Ended]


def make_call(capsys: pytest.CaptureFixture[str]) -> Call:
    """Make a function that runs a command line and returns what it printed."""

    def run(*arguments: object) -> Ended:
        code = run_app([str(argument) for argument in arguments])
        out, err = capsys.readouterr()
        return Ended(code, out, err)

    return run
