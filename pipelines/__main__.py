"""The program: ``earful`` and ``python -m pipelines``."""

import os
import sys


def main() -> None:
    """Run the command line and exit with its code."""
    _mend_streams()
    try:
        from pipelines.cli.app import run_app

        code = run_app()
    except KeyboardInterrupt:  # while the program is still being loaded, or twice
        code = 1
    sys.exit(code)


def _mend_streams() -> None:
    """A program started without standard output or errors (`>&-`) writes them to nowhere."""
    if sys.stdout is None:
        sys.stdout = open(os.devnull, "w")  # noqa: PTH123, SIM115 -- open until the end
    if sys.stderr is None:
        sys.stderr = open(os.devnull, "w")  # noqa: PTH123, SIM115


if __name__ == "__main__":
    main()
