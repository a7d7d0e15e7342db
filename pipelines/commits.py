"""What a command has done that stays: an error says no more than is true of the rest."""

_n_commits = 0
_keeps_readings = False


def note_commit() -> None:
    """Count a change that was committed."""
    global _n_commits
    _n_commits += 1


def count_commits() -> int:
    """How many since the program began."""
    return _n_commits


def note_readings() -> None:
    """Note that what models read from now on is kept, however the command ends."""
    global _keeps_readings
    _keeps_readings = True


def keeps_readings() -> bool:
    """Whether that is so of this program."""
    return _keeps_readings
