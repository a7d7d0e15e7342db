"""The program: ``earful`` and ``python -m pipelines``."""

import os
import sys


def main() -> None:
    """Run the command line and exit with its code."""
    _mend_streams()
    try:
        from pipelines.cli.app import STOPPED, run_app

        code = run_app()
    except KeyboardInterrupt:  # while the program was still being loaded, or for the second time
        os._exit(1)
    if code != STOPPED:
        sys.exit(code)
    # A KeyboardInterrupt that passed through code which C libraries run makes Python kill itself
    # with SIGINT at its end, although we caught it: leave before that, with our own exit code.
    sys.stdout.flush()
    sys.stderr.flush()
    os._exit(1)


def _mend_streams() -> None:
    """A program started without standard output or errors (`>&-`) writes them to nowhere."""
    for name in ("stdout", "stderr"):
        if getattr(sys, name) is None:
            setattr(sys, name, open(os.devnull, "w"))  # noqa: PTH123, SIM115 -- until the end


if __name__ == "__main__":
    main()
