"""What an answer over HTTP means: taken, or why not."""

import json
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any, Final

from pipelines.delivery.failures import DeliveryError, Fault
from pipelines.retry_after import count_seconds, read_retry_after

# 425 is what a server says that was asked too early (RFC 8470).
_PASSING: Final = frozenset({408, 425, 429})
# Of these nobody knows whether the receiver had done it before it failed.
_UNKNOWN: Final = frozenset({500, 502, 504})
# The address, the rights or the receiver are at fault, whatever the message.
_OF_DESTINATION: Final = frozenset({401, 402, 403, 404, 405, 407, 410, 421, 426, 451})
# Somebody else is at it just now.
_LATER: Final = frozenset({409, 423})
# How a body says that a good status is none: JSend's words, numbers of errors, a status of its own
# as gateways and AWS Lambda pass it on, and what it wraps the answer in.
_FAILED: Final = frozenset({"error", "fail", "failed", "failure"})
_NUMBERS: Final = ("errcode", "error_code", "errorCode")
_ERRORS: Final = ("error", "errors", "errorMessage", "error_message", "fault", "exception")
_STATUSES: Final = ("status", "statusCode", "status_code", "code")
_ENCLOSING: Final = ("result", "response", "data")
_HTTP_ERROR: Final = re.compile(r"[45]\d\d")
_PAGE: Final = re.compile(rb"(?:\xef\xbb\xbf)?\s*<(?:!doctype\s+html|html\b)", re.IGNORECASE)
# Codes and names of fields; a sentence may quote what people said.
_CODE: Final = re.compile(r"[A-Za-z][A-Za-z0-9_.-]{0,39}")


@dataclass(frozen=True)
class Answer:
    """An answer as far as it was read.

    :param headers: with names in lower case.
    """

    status: int
    headers: Mapping[str, str]
    body: bytes

    @property
    def value(self) -> Any:
        """The body as JSON; None where it is none."""
        try:
            return json.loads(self.body)
        except (ValueError, RecursionError):
            return None

    @property
    def text(self) -> str:
        """The body as text."""
        return self.body.decode("utf-8", errors="replace").strip()

    @property
    def is_page(self) -> bool:
        """Whether it is a page for people, as of a proxy or a login, and no receiver's word."""
        return bool(_PAGE.match(self.body))


def check_answer(answer: Answer, now: datetime) -> None:
    """Refuse every answer that does not say that the message was taken.

    :raises DeliveryError: with status and codes, never with sentences of the answer.
    """
    status = answer.status
    if 200 <= status < 300:
        if is_error(answer.value):
            raise DeliveryError(f"answered {status} with an error{tell_codes(answer)}", "later")
        return
    said = f"answered {status}{tell_codes(answer)}"
    wait_s = read_wait(answer.headers, now)
    if 300 <= status < 400:
        raise DeliveryError(
            f"{said}, a redirect, which is not followed: write the new address into the "
            "configuration",
            "destination",
        )
    if is_limit(answer):
        raise DeliveryError(said, "passing", retry_after_s=wait_s)
    if status >= 500:
        unknown = status in _UNKNOWN
        raise DeliveryError(said, "passing", is_unknown=unknown, retry_after_s=wait_s)
    fault: Fault = "destination" if status in _OF_DESTINATION else "message"
    raise DeliveryError(said, "later" if status in _LATER else fault)


def is_limit(answer: Answer) -> bool:
    """Whether we ask too often; GitHub says so with 403 too."""
    exhausted = answer.headers.get("x-ratelimit-remaining") == "0"
    is_forbidden = answer.status == 403 and (exhausted or "retry-after" in answer.headers)
    return answer.status in _PASSING or is_forbidden


def read_wait(headers: Mapping[str, str], now: datetime) -> float | None:
    """Seconds that the receiver asks us to wait; GitHub says until when in a header of its own.

    :returns: None where it does not say, or not readably.
    """
    asked = read_retry_after(headers.get("retry-after"), now)
    reset = headers.get("x-ratelimit-reset", "")
    is_used_up = headers.get("x-ratelimit-remaining") == "0"
    if asked is None and is_used_up and reset.isdecimal():
        return count_seconds(datetime.fromtimestamp(int(reset[:11]), UTC), now)
    return asked


def is_error(value: Any) -> bool:
    """Whether the body of a good status says that it is none, itself or in what it encloses."""
    if not isinstance(value, dict):
        return False
    refused = any(str(value.get(name)).lower() in ("false", "0") for name in ("ok", "success"))
    failed = str(value.get("status")).lower() in _FAILED or any(
        str(value.get(name) or 0) != "0" for name in _NUMBERS
    )
    passed_on = any(_HTTP_ERROR.fullmatch(str(value.get(name))) for name in _STATUSES)
    enclosed = any(is_error(value.get(name)) for name in _ENCLOSING)
    said = any(value.get(name) for name in _ERRORS)
    return bool(refused or failed or passed_on or enclosed or said)


def check_made(answer: Answer, reference: str | None, what: str) -> str:
    """What a service calls the thing that it made.

    :param what: the thing.
    :raises DeliveryError: when a good status comes without it, as of a proxy's page; it may have
        been made all the same.
    """
    if reference is None:
        said = f"answered {answer.status} with no {what}"
        raise DeliveryError(said, "destination", is_unknown=True)
    return reference


def tell_codes(answer: Answer) -> str:
    """The codes and the names of fields that an answer gives as its reasons: " (a, b)"."""
    value = answer.value
    is_word = value is None and answer.text != "null"
    if is_word and _CODE.fullmatch(answer.text):
        return f" ({answer.text})"
    codes = dict.fromkeys(code for code in _find_codes(value) if _CODE.fullmatch(code))
    return f" ({', '.join([*codes][:6])})" if codes else ""


def _find_codes(value: Any) -> Iterator[str]:
    if not isinstance(value, dict):
        return
    yield from (f"{name}-{value[name]}" for name in _NUMBERS if value.get(name))
    for name in ("error", "code", "type", "resource", "field", *_ENCLOSING):
        given = value.get(name)
        if isinstance(given, str):
            yield given
        elif isinstance(given, dict):
            yield from _find_codes(given)
    for name in ("errors", "details"):
        given = value.get(name)
        if isinstance(given, dict):  # by field: Jira, Zendesk
            yield from map(str, given)
        elif isinstance(given, list):
            for each in given:
                yield from [each] if isinstance(each, str) else _find_codes(each)
