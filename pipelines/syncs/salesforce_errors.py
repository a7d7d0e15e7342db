"""What Salesforce says when it does not take something: codes only, as its words quote records."""

import re
from collections.abc import Collection
from typing import Any

from pipelines.syncs.target import Answer

_CODE = re.compile("[A-Za-z_]{1,80}")
_WORD = re.compile(r"\w+")


def list_oddities() -> tuple[type[Exception], ...]:
    """What the client raises where an answer, or a key, is not what it takes it for."""
    from xml.parsers.expat import ExpatError

    from jwt.exceptions import PyJWTError

    odd = (ValueError, TypeError, AttributeError, KeyError, IndexError)
    return (*odd, ExpatError, PyJWTError)


def is_code(said: str) -> bool:
    """Whether something is a code, and cannot hold a value."""
    return _CODE.fullmatch(said) is not None


def read_answer(key: str, result: Any, known: Collection[str]) -> Answer:
    """What became of a record.

    :param key: the customer's id.
    :param known: fields that may be named.
    """
    if not isinstance(result, dict):
        return Answer(key, "there was no answer about this row")
    if result.get("success") is True:
        return Answer(key)
    errors = [each for each in result.get("errors") or () if isinstance(each, dict)]
    codes = [code for each in errors if is_code(code := str(each.get("statusCode")))]
    named = {name for each in errors for name in each.get("fields") or () if name in known}
    return Answer(key, (codes or ["refused"])[0], tuple(sorted(named)))


def read_bulk_error(key: str, error: str, known: Collection[str]) -> Answer:
    """Why a bulk job refused a record: `CODE:message:Field1 Field2 --`.

    :param known: fields that may be named.
    """
    code, _, rest = error.partition(":")
    named = {*_WORD.findall(rest.rpartition(":")[2])} & {*known}
    return Answer(key, code if is_code(code) else "refused", tuple(sorted(named)))


def describe_refusal(status: int, content: Any) -> str:
    """Why a call was not taken as a whole."""
    told = content if isinstance(content, list) else []
    codes = [str(each.get("errorCode")) for each in told if isinstance(each, dict)]
    shown = "".join(f", {code}" for code in codes if is_code(code))
    advice = "; check the name of the object, and that the user may see it" * (status == 404)
    return f"Salesforce refused it (status {status}{shown}){advice}"
