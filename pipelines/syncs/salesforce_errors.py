"""What Salesforce says when it does not take something: codes only, as its words quote records."""

import re
from collections.abc import Collection
from typing import Any

_CODE = re.compile("[A-Za-z_]{1,80}")


def list_oddities() -> tuple[type[Exception], ...]:
    """What the client raises where an answer, or a key, is not what it takes it for."""
    from xml.parsers.expat import ExpatError

    from jwt.exceptions import PyJWTError

    odd = (ValueError, TypeError, AttributeError, KeyError, IndexError)
    return (*odd, ExpatError, PyJWTError)


def is_code(said: str) -> bool:
    """Whether something is a code, and cannot hold a value."""
    return _CODE.fullmatch(said) is not None


def read_error(result: Any, known: Collection[str]) -> str | None:
    """Why a record was not taken; None where it was.

    :param known: fields that may be named.
    """
    if not isinstance(result, dict):
        return "there was no answer about this row"
    if result.get("success") is True:
        return None
    errors = [each for each in result.get("errors") or () if isinstance(each, dict)]
    codes = [code for each in errors if is_code(code := str(each.get("statusCode")))]
    named = {name for each in errors for name in each.get("fields") or () if name in known}
    return (codes or ["refused"])[0] + (f" ({', '.join(sorted(named))})" if named else "")


def read_code(error: str) -> str:
    """The code of an error of a bulk job, which stands before the message."""
    code, _, _ = error.partition(":")
    return code if is_code(code) else "refused"


def describe_refusal(status: int, content: Any) -> str:
    """Why a call was not taken as a whole."""
    told = content if isinstance(content, list) else []
    codes = [str(each.get("errorCode")) for each in told if isinstance(each, dict)]
    shown = "".join(f", {code}" for code in codes if is_code(code))
    return f"Salesforce refused it (status {status}{shown})"
