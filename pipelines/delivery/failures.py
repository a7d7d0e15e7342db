"""Why a message was not taken, in words that hold neither secrets nor what people said."""

from typing import Literal

from pipelines.patience import SetbackError

# passing: the same may work in a moment. later: not now. destination: nothing will work there
# before somebody mends it. message: this one never will.
Fault = Literal["passing", "later", "destination", "message"]


class DeliveryError(SetbackError):
    """A message was not taken, or nobody knows whether it was.

    :param is_unknown: it may have arrived.
    :param retry_after_s: how long the receiver asks us to wait.
    """

    def __init__(
        self,
        reason: str,
        fault: Fault,
        *,
        is_unknown: bool = False,
        retry_after_s: float | None = None,
    ) -> None:
        super().__init__(reason, retry_after_s)
        self.fault = fault
        self.is_unknown = is_unknown


def redact(text: str, secrets: frozenset[str]) -> str:
    """A text without secrets that an answer gave back."""
    for secret in sorted(secrets, key=len, reverse=True):
        text = text.replace(secret, "***")
    return text
