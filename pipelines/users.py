"""Who runs a command."""

import getpass
import os

USER_VARIABLE = "EARFUL_USER"


def find_user() -> str:
    """Who runs this: $EARFUL_USER, else the user of the machine."""
    named = os.environ.get(USER_VARIABLE)
    if named:
        return named
    try:
        return getpass.getuser()
    except (ImportError, KeyError, OSError):
        return "unknown"
