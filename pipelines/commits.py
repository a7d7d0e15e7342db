"""How many changes of stores were committed: an error says no more than is true of the rest."""

_n_commits = 0


def note_commit() -> None:
    """Count a change that was committed."""
    global _n_commits
    _n_commits += 1


def count_commits() -> int:
    """How many since the program began."""
    return _n_commits
