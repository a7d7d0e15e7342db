"""The program: ``earful`` and ``python -m pipelines``."""

import os
import sys


def main() -> None:
    """Run the command line and exit with its code."""
    from pipelines.cli.app import STOPPED, run_app

    code = run_app()
    if code != STOPPED:
        sys.exit(code)
    # A KeyboardInterrupt that passed through code which C libraries run makes Python kill itself
    # with SIGINT at its end, although we caught it: leave before that, with our own exit code.
    sys.stdout.flush()
    sys.stderr.flush()
    os._exit(1)


if __name__ == "__main__":
    main()
