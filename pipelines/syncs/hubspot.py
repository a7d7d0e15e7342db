"""HubSpot: records are upserted by a unique property, 100 a call."""

import json
import re
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

from pipelines.environment import fill_variables
from pipelines.errors import ConfigError
from pipelines.parquet_tables import Kind
from pipelines.retry_after import read_retry_after
from pipelines.syncs.columns import Plain, find_kinds
from pipelines.syncs.limits import part_too_long, split_rows
from pipelines.syncs.patience import PASSING, PassingError
from pipelines.syncs.settings import HubspotSync
from pipelines.syncs.target import Answer, Row, Surroundings, SyncError

# What one call takes, and what one text may hold: https://developers.hubspot.com/docs.
_ROWS_A_CALL = 100
_MAX_TEXT = 65_536
_FITTING: dict[Kind, tuple[str, ...]] = {
    "text": ("string", "enumeration"),
    "whole": ("number",),
    "number": ("number",),
    "moment": ("datetime", "date"),
    "json": ("string",),
}
# Of a batch that is refused for one of its rows; which one, its halves tell.
_PERHAPS_ONE_ROW = frozenset({400, 404, 409})
_CODE = re.compile("[A-Z_]{1,80}")


def open_target(settings: HubspotSync, around: Surroundings) -> "HubspotTarget":
    """Make the client; whether it may do what it is to do is seen at its first call.

    :raises ConfigError: when a variable is not set, or the client is not installed.
    """
    try:
        from hubspot import HubSpot
    except ImportError as error:
        raise ConfigError(
            f"sync {settings.name} needs hubspot-api-client; install it with: pip install "
            "'earful[crm]'"
        ) from error
    token = fill_variables(settings.access_token, f"sync {settings.name}")
    # Its own retries neither know Retry-After as a limit nor record what was taken.
    return HubspotTarget(settings, HubSpot(access_token=token, retry=False), around)


class HubspotTarget:
    """The records of an object; see :class:`~pipelines.syncs.target.Target`."""

    n_at_once = 2_000

    def __init__(self, settings: HubspotSync, client: Any, around: Surroundings) -> None:
        self.settings, self.client, self.patience = settings, client, around.patience
        self.kinds = find_kinds(settings.fields)
        self.known: dict[str, Any] = {}
        self.batches = client.crm.objects.batch_api

    def check(self) -> None:
        """Compare the mapping with the object's properties.

        :raises SyncError: naming the properties that are missing, read-only or of another type.
        """
        if mistakes := [*self._find_mistakes()]:
            raise SyncError(f"{self.settings.sobject} does not fit: {'; '.join(mistakes)}")

    def send(self, rows: Sequence[Row]) -> Iterator[Sequence[Answer]]:
        """Upsert by the unique property."""
        texts = [name for name, kind in self.kinds.items() if kind in ("text", "json")]
        fitting, refused = part_too_long(rows, dict.fromkeys(texts, _MAX_TEXT))
        yield refused
        for portion in split_rows(fitting, _ROWS_A_CALL):
            yield self._pass_on(portion, self.batches.upsert)

    def remove(self, rows: Sequence[Row]) -> Iterator[Sequence[Answer]]:
        """Empty the properties of the records that are there; an upsert would make the others.

        Properties that there are not any more are passed over.
        """
        known = self._list_properties()
        for portion in split_rows(rows, _ROWS_A_CALL):
            kept = [
                Row(row.key, {name: None for name in sorted(row.values) if name in known})
                for row in portion
            ]
            if not any(row.values for row in kept):
                yield [Answer(row.key) for row in kept]
                continue
            answers = self._pass_on(kept, self.batches.update)
            yield [Answer(a.key, None if a.error in _NOT_THERE else a.error) for a in answers]

    def finish(self, rows: Iterable[Row]) -> Path | None:
        """Nothing is left to do."""
        return None

    def close(self) -> None:
        """Let go of the connections."""
        self.batches.api_client.rest_client.pool_manager.clear()

    def _find_mistakes(self) -> Iterator[str]:
        own, known = self.settings, self._list_properties()
        missing = [name for name in (own.id_property, *own.fields) if name not in known]
        if missing:
            custom = sorted(name for name, each in known.items() if not each.hubspot_defined)
            yield f"it has no property {', '.join(missing)} (its own are: {', '.join(custom)})"
        key = known.get(own.id_property)
        if key and not key.has_unique_value:
            yield f"{own.id_property} is no unique property"
        if key and key.type != "string":
            yield f"{own.id_property} is {key.type}, and an id may be 007"
        for name, kind in self.kinds.items():
            if name in known:
                yield from _find_misfit(known[name], kind)

    def _list_properties(self) -> dict[str, Any]:
        if not self.known:
            api, timeout_s = self.client.crm.properties.core_api, self.settings.timeout_s
            told = self._call(
                lambda: api.get_all(self.settings.sobject, _request_timeout=timeout_s)
            )
            self.known = {each.name: each for each in told.results or ()}
        return self.known

    def _pass_on(self, rows: Sequence[Row], do: Callable[..., Any]) -> list[Answer]:
        """Send a batch; of one that is refused as a whole, its halves."""
        body = {"inputs": [self._write(row, str(n)) for n, row in enumerate(rows)]}
        try:
            told = self._call(
                lambda: do(self.settings.sobject, body, _request_timeout=self.settings.timeout_s)
            )
        except _RefusedBatchError as error:
            if len(rows) == 1:
                return [Answer(rows[0].key, str(error))]
            middle = len(rows) // 2
            return self._pass_on(rows[:middle], do) + self._pass_on(rows[middle:], do)
        return _read_answers(rows, told, self.settings.id_property)

    def _write(self, row: Row, trace: str) -> dict[str, Any]:
        known = self._list_properties()
        return {
            "id": row.key,
            "idProperty": self.settings.id_property,
            "objectWriteTraceId": trace,
            "properties": {
                name: _write_value(value, known[name].type) for name, value in row.values.items()
            },
        }

    def _call(self, do: Callable[[], Any]) -> Any:
        """What the client gives, tried again where that may help.

        :raises SyncError: when HubSpot refuses, in words without what it quotes.
        """
        return self.patience.call(lambda: _attempt(do))


class _RefusedBatchError(SyncError):
    """A batch was refused as a whole; its message is the code of the reason."""


_NOT_THERE = frozenset({"OBJECT_NOT_FOUND", "status 404"})


def _attempt(do: Callable[[], Any]) -> Any:
    from hubspot.crm.objects.exceptions import ApiException as ObjectsError
    from hubspot.crm.properties.exceptions import ApiException as PropertiesError
    from urllib3.exceptions import HTTPError, SSLError

    try:
        return do()
    except (ObjectsError, PropertiesError) as error:
        raise _describe_refusal(error) from None
    except SSLError:
        raise SyncError("the certificate of HubSpot cannot be trusted") from None
    except HTTPError as error:
        raise PassingError(f"HubSpot cannot be reached ({type(error).__name__})") from None
    except (ValueError, TypeError, KeyError, AttributeError):
        raise SyncError("HubSpot gave an answer that cannot be understood") from None


def _describe_refusal(error: Any) -> Exception:
    if error.status == 0:  # the client's word for a certificate
        return SyncError("the certificate of HubSpot cannot be trusted")
    told = _read_body(error.body)
    code = str(told.get("category"))
    code = code if _CODE.fullmatch(code) else f"status {error.status}"
    if error.status == 429 and told.get("policyName") == "DAILY":
        return SyncError("HubSpot takes no more calls today; run earful sync again tomorrow")
    if error.status in PASSING:
        wait_s = read_retry_after((error.headers or {}).get("Retry-After"))
        said = f"HubSpot has no time for us (status {error.status}); run earful sync again later"
        return PassingError(said, wait_s)
    if error.status in _PERHAPS_ONE_ROW:
        return _RefusedBatchError(code)
    return SyncError(
        f"HubSpot refused it (status {error.status}, {code}); check the token and its scopes"
    )


def _read_body(body: Any) -> dict[str, Any]:
    try:
        told = json.loads(body or "{}")
    except ValueError:
        return {}
    return told if isinstance(told, dict) else {}


def _read_answers(rows: Sequence[Row], told: Any, id_property: str) -> list[Answer]:
    """What became of each row, by the mark that it went with, or by its id."""
    results, errors = told.results, told.errors if hasattr(told, "errors") else None
    if results is None:
        raise SyncError("HubSpot did not say what became of each record")
    if not errors and len(results) == len(rows):
        return [Answer(row.key) for row in rows]
    taken = {each.object_write_trace_id for each in results}
    taken_ids = {(each.properties or {}).get(id_property) for each in results}
    codes = _read_codes(errors or ())
    general = codes.get(None, "there was no answer about this row")
    return [
        Answer(row.key)
        if str(n) in taken or row.key in taken_ids
        else Answer(row.key, codes.get(str(n)) or codes.get(row.key) or general)
        for n, row in enumerate(rows)
    ]


def _read_codes(errors: Iterable[Any]) -> Mapping[str | None, str]:
    """The code of each error by the row's mark or id; by None that of one which names none."""
    codes: dict[str | None, str] = {}
    for each in errors:
        code = each.category if _CODE.fullmatch(str(each.category)) else "refused"
        context = each.context or {}
        named = [*context.get("objectWriteTraceId", ()), *context.get("ids", ())]
        codes |= dict.fromkeys(named or [None], code)
    return codes


def _find_misfit(known: Any, kind: Kind) -> Iterator[str]:
    is_fixed = known.modification_metadata and known.modification_metadata.read_only_value
    if is_fixed or known.calculated:
        yield f"{known.name} cannot be written"
    elif known.type not in _FITTING[kind]:
        yield f"{known.name} is {known.type}, and {kind} comes there"


def _write_value(value: Plain, kind: str) -> str:
    if value is None:
        return ""  # empties it
    return str(value)[:10] if kind == "date" else str(value)
