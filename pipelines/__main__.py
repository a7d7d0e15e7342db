"""The program: ``earful`` and ``python -m pipelines``."""

import sys


def main() -> None:
    """Run the command line and exit with its code."""
    from pipelines.cli.app import run_app

    sys.exit(run_app())


if __name__ == "__main__":
    main()
