"""HubSpot: records are upserted by a unique property, 100 a call."""

from collections.abc import Callable, Collection, Iterable, Iterator, Sequence
from pathlib import Path
from typing import Any

from pipelines.environment import fill_variables
from pipelines.errors import ConfigError
from pipelines.syncs.columns import Kind, Plain, find_kinds
from pipelines.syncs.hubspot_errors import (
    RefusedBatchError,
    describe_refusal,
    is_not_there,
    read_answers,
)
from pipelines.syncs.limits import part_too_long, split_rows
from pipelines.syncs.passing import PassingError
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
            yield [Answer(each.key) if is_not_there(each) else each for each in answers]

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
            try:
                self.known = self._call(self._ask_properties)
            except RefusedBatchError as error:
                raise SyncError(
                    f"HubSpot has no object {self.settings.sobject}, or does not show its "
                    f"properties ({error})"
                ) from None
        return self.known

    def _ask_properties(self) -> dict[str, Any]:
        own = self.settings
        api = self.client.crm.properties.core_api
        told = api.get_all(own.sobject, _request_timeout=own.timeout_s)
        return {each.name: each for each in told.results}

    def _pass_on(self, rows: Sequence[Row], do: Callable[..., Any]) -> list[Answer]:
        """Send a batch; of one that is refused as a whole, its halves."""
        body = {"inputs": [self._write(row, str(n)) for n, row in enumerate(rows)]}
        try:
            told = self._call(
                lambda: do(self.settings.sobject, body, _request_timeout=self.settings.timeout_s)
            )
        except RefusedBatchError as error:
            if len(rows) == 1:
                return [error.refusal.answer(rows[0].key)]
            middle = len(rows) // 2
            return self._pass_on(rows[:middle], do) + self._pass_on(rows[middle:], do)
        return read_answers(rows, told, self.settings.id_property, self.known)

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
        return self.patience.call(lambda: _attempt(do, self.known))


def _attempt(do: Callable[[], Any], known: Collection[str]) -> Any:
    from hubspot.crm.objects.exceptions import ApiException as ObjectsError
    from hubspot.crm.properties.exceptions import ApiException as PropertiesError
    from urllib3.exceptions import HTTPError, SSLError

    try:
        return do()
    except (ObjectsError, PropertiesError) as error:
        raise describe_refusal(error, known) from None
    except SSLError:
        raise SyncError("the certificate of HubSpot cannot be trusted") from None
    except HTTPError as error:
        raise PassingError(f"HubSpot cannot be reached ({type(error).__name__})") from None
    except (ValueError, TypeError, KeyError, AttributeError):
        raise SyncError("HubSpot gave an answer that cannot be understood") from None


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
