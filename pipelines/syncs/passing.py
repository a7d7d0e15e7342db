"""What of a destination's answers passes: the same may work a moment later."""

from typing import Final

from pipelines.patience import SetbackError

# 429 and what a server, or one before it, says when it is overloaded or being restarted.
PASSING: Final = frozenset({408, 425, 429, 500, 502, 503, 504})


class PassingError(SetbackError):
    """It did not work this time, and may the next; in words without values and secrets."""
