"""What HubSpot says when it does not take something: codes and names of properties only."""

import json
import re
from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from typing import Any, NamedTuple

from pipelines.retry_after import read_retry_after
from pipelines.syncs.passing import PASSING, PassingError
from pipelines.syncs.target import Answer, Row, SyncError

# Of a batch that is refused for one of its rows; which one, its halves tell.
_PERHAPS_ONE_ROW = frozenset({400, 404, 409})
_NOT_THERE = frozenset({"OBJECT_NOT_FOUND", "status 404"})
_CODE = re.compile("[A-Z_]{1,80}")
# A message quotes names and values alike, and may hold JSON of its own.
_QUOTED = re.compile(r'"(\w{1,100})\\?"')
_ENCLOSED = re.compile(r'"error"\s*:\s*"([A-Z_]{1,80})"')


class Refusal(NamedTuple):
    """Why something was not taken."""

    code: str
    fields: tuple[str, ...] = ()

    def answer(self, key: str) -> Answer:
        """What became of a row for which it holds."""
        return Answer(key, self.code, self.fields)


class RefusedBatchError(SyncError):
    """A batch was refused as a whole."""

    def __init__(self, refusal: Refusal) -> None:
        super().__init__(refusal.code)
        self.refusal = refusal


def is_not_there(answer: Answer) -> bool:
    """Whether a row was not taken as there is no such record."""
    return answer.error is not None and answer.error.partition(":")[0] in _NOT_THERE


def describe_refusal(error: Any, known: Collection[str]) -> Exception:
    """Why a call was not taken as a whole.

    :param error: of the client.
    :param known: properties that may be named.
    """
    if error.status == 0:  # the client's word for a certificate
        return SyncError("the certificate of HubSpot cannot be trusted")
    told = _read_body(error.body)
    refusal = _read_refusal(told, known, f"status {error.status}")
    if error.status == 429 and told.get("policyName") == "DAILY":
        return SyncError("HubSpot takes no more calls today; run earful sync again tomorrow")
    if error.status in PASSING:
        wait_s = read_retry_after((error.headers or {}).get("Retry-After"))
        said = f"HubSpot has no time for us (status {error.status}); run earful sync again later"
        return PassingError(said, wait_s)
    if error.status in _PERHAPS_ONE_ROW:
        return RefusedBatchError(refusal)
    return SyncError(
        f"HubSpot refused it (status {error.status}, {refusal.code}); check the token and its "
        "scopes"
    )


def read_answers(
    rows: Sequence[Row], told: Any, id_property: str, known: Collection[str]
) -> list[Answer]:
    """What became of each row, by the mark that it went with, or by its id.

    :param known: properties that may be named.
    :raises SyncError: when the answer does not say it.
    """
    results, errors = told.results, told.errors if hasattr(told, "errors") else None
    if results is None:
        raise SyncError("HubSpot did not say what became of each record")
    if not errors and len(results) == len(rows):
        return [Answer(row.key) for row in rows]
    taken = {each.object_write_trace_id for each in results}
    taken_ids = {(each.properties or {}).get(id_property) for each in results}
    refusals = _read_refusals(errors or (), known)
    general = refusals.get(None, Refusal("there was no answer about this row"))
    return [
        Answer(row.key)
        if str(n) in taken or row.key in taken_ids
        else (refusals.get(str(n)) or refusals.get(row.key) or general).answer(row.key)
        for n, row in enumerate(rows)
    ]


def _read_refusals(errors: Iterable[Any], known: Collection[str]) -> Mapping[str | None, Refusal]:
    """Each error by the row's mark or id; by None that of one which names none."""
    refusals: dict[str | None, Refusal] = {}
    for each in errors:
        context = each.context or {}
        named = [*context.get("objectWriteTraceId", ()), *context.get("ids", ())]
        refusals |= dict.fromkeys(named or [None], _read_refusal(each.to_dict(), known, "refused"))
    return refusals


def _read_body(body: Any) -> dict[str, Any]:
    try:
        told = json.loads(body or "{}")
    except ValueError:
        return {}
    return told if isinstance(told, dict) else {}


def _read_refusal(told: Mapping[str, Any], known: Collection[str], otherwise: str) -> Refusal:
    """The category with the codes of its details, and the properties that they name."""
    details = [each for each in told.get("errors") or () if isinstance(each, dict)]
    category = str(told.get("category"))
    codes = [str(each.get("code")) for each in details]
    words = [word for each in (told, *details) for word in _list_words(each)]
    codes += _ENCLOSED.findall(str(told.get("message")))
    codes = [code for code in dict.fromkeys(codes) if _CODE.fullmatch(code)]
    shown = f": {', '.join(codes)}" if codes else ""
    code = category if _CODE.fullmatch(category) else otherwise
    return Refusal(code + shown, tuple(sorted({*words} & {*known})))


def _list_words(told: Mapping[str, Any]) -> Iterator[str]:
    """What an error names or quotes."""
    context = told.get("context")
    for named in context.values() if isinstance(context, dict) else ():
        yield from map(str, named if isinstance(named, list) else ())
    yield str(told.get("in") or told.get("_in"))
    yield from _QUOTED.findall(str(told.get("message")))
