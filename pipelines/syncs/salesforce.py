"""Salesforce: records are upserted by an external id, 200 a call or, many, by Bulk API 2.0."""

import warnings
from collections import defaultdict
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

from pipelines.environment import fill_variables
from pipelines.errors import ConfigError
from pipelines.syncs.columns import Kind, Plain, find_kinds
from pipelines.syncs.limits import part_too_long, split_rows
from pipelines.syncs.salesforce_bulk import Jobs
from pipelines.syncs.salesforce_errors import describe_refusal, is_code, list_oddities, read_answer
from pipelines.syncs.settings import SalesforceSync
from pipelines.syncs.target import Answer, Row, Surroundings, SyncError

# What one call takes: https://developer.salesforce.com/docs, sObject Collections.
_ROWS_A_CALL = 200
# A query stands in the address, of which 16,384 characters are read.
_KEYS_A_QUERY = 100
_ROWS_A_JOB = 10_000
# Of a version, not "the newest", so that a release of theirs changes nothing here.
_API_VERSION = "59.0"
_TEXTS = ("string", "textarea", "picklist", "combobox", "url", "email", "phone")
_FITTING: dict[Kind, tuple[str, ...]] = {
    "text": _TEXTS,
    "whole": ("int", "double", "currency", "percent"),
    "number": ("double", "currency", "percent"),
    "moment": ("datetime", "date", *_TEXTS[:2]),
    "json": _TEXTS[:2],
}


def open_target(settings: SalesforceSync, around: Surroundings) -> "SalesforceTarget":
    """Log in.

    :raises ConfigError: when a variable is not set, or the client is not installed.
    :raises SyncError: when Salesforce refuses the login.
    """
    try:
        from simple_salesforce import Salesforce
        from simple_salesforce.exceptions import SalesforceAuthenticationFailed

        from pipelines.syncs.http import PatientSession
    except ImportError as error:
        raise ConfigError(
            f"sync {settings.name} needs simple-salesforce; install it with: pip install "
            "'earful[crm]'"
        ) from error
    login = _read_login(settings)
    session = PatientSession("Salesforce", settings.timeout_s, around.patience)
    try:
        with warnings.catch_warnings():
            # The client warns of an app that nobody approved, and shows its key.
            warnings.simplefilter("ignore")
            client = Salesforce(
                **login, domain=settings.domain, version=_API_VERSION, session=session
            )
    except SalesforceAuthenticationFailed as error:
        code = f" ({error.code})" if is_code(str(error.code).removeprefix("sf:")) else ""
        raise SyncError(
            f"Salesforce refuses the login{code}; check the variables of sync {settings.name}"
        ) from None
    except list_oddities():
        raise SyncError(
            "the login to Salesforce gave no token: check domain, and that private_key, if it is "
            "given, holds the key in PEM form"
        ) from None
    return SalesforceTarget(settings, client, session, around)


class SalesforceTarget:
    """The records of an object; see :class:`~pipelines.syncs.target.Target`."""

    def __init__(
        self, settings: SalesforceSync, client: Any, session: Any, around: Surroundings
    ) -> None:
        self.settings, self.client, self.session = settings, client, session
        own = settings.sobject, settings.id_field
        self.jobs = Jobs(client, *own, around.patience)
        self.n_at_once = _ROWS_A_JOB if settings.bulk_from else 2_000
        self.kinds = find_kinds(settings.fields)
        self.known: dict[str, Any] = {}

    def check(self) -> None:
        """Compare the mapping with the object's description.

        :raises SyncError: naming the fields that are missing, read-only or of another type.
        """
        if mistakes := [*self._find_mistakes()]:
            raise SyncError(f"{self.settings.sobject} does not fit: {'; '.join(mistakes)}")

    def send(self, rows: Sequence[Row]) -> Iterator[Sequence[Answer]]:
        """Upsert by the external id."""
        fields = self._describe()
        texts = {name for name, kind in self.kinds.items() if kind in ("text", "json")}
        limits = {name: fields[name]["length"] for name in texts if fields[name].get("length")}
        fitting, refused = part_too_long(rows, limits)
        yield refused
        if self.settings.bulk_from and len(fitting) >= self.settings.bulk_from:
            records = [self._write(row) for row in fitting]
            yield self._call(lambda: self.jobs.upsert(records, fields))
            return
        path = f"composite/sobjects/{self.settings.sobject}/{self.settings.id_field}"
        for portion in split_rows(fitting, _ROWS_A_CALL):
            found = self._patch(path, [self._write(row) for row in portion])
            yield [
                read_answer(row.key, each, fields) for row, each in zip(portion, found, strict=True)
            ]

    def remove(self, rows: Sequence[Row]) -> Iterator[Sequence[Answer]]:
        """Empty the fields of the records that are there; an upsert would make those that are not.

        Fields that the object has not got any more are passed over.
        """
        for portion in split_rows(rows, _KEYS_A_QUERY):
            ids = self._find_ids(portion)
            records = [
                {"id": each, **dict.fromkeys(self._keep_writable(row.values))}
                for row in portion
                for each in ids[row.key.casefold()]
            ]
            owners = [row.key for row in portion for _ in ids[row.key.casefold()]]
            refused: dict[str, Answer] = {}
            for start in range(0, len(records), _ROWS_A_CALL):
                found = self._patch("composite/sobjects", records[start : start + _ROWS_A_CALL])
                for key, each in zip(owners[start : start + _ROWS_A_CALL], found, strict=True):
                    answer = read_answer(key, each, self.known)
                    if answer.error not in (None, "ENTITY_IS_DELETED"):
                        refused[key] = answer
            yield [refused.get(row.key, Answer(row.key)) for row in portion]

    def finish(self, rows: Iterable[Row]) -> Path | None:
        """Nothing is left to do."""
        return None

    def close(self) -> None:
        """Let go of the connections."""
        self.session.close()

    def _find_mistakes(self) -> Iterator[str]:
        own, fields = self.settings, self._describe()
        missing = [name for name in (own.id_field, *own.fields) if name not in fields]
        if missing:
            custom = sorted(name for name in fields if name.endswith("__c"))
            yield f"it has no field {', '.join(missing)} (its own are: {', '.join(custom)})"
        key = fields.get(own.id_field, {})
        if key and not (key.get("externalId") or key.get("idLookup")):
            yield f"{own.id_field} is no external id"
        if key and key.get("type") not in _TEXTS:
            yield f"{own.id_field} is {key.get('type')}, and an id may be 007"
        for name, kind in self.kinds.items():
            field = fields.get(name)
            if field and not field.get("updateable"):
                yield f"{name} cannot be written by this user"
            elif field and field.get("type") not in _FITTING[kind]:
                yield f"{name} is {field.get('type')}, and {kind} comes there"

    def _describe(self) -> dict[str, Any]:
        if not self.known:
            path = f"sobjects/{self.settings.sobject}/describe"
            self.known = self._call(
                lambda: {field["name"]: field for field in self.client.restful(path)["fields"]}
            )
        return self.known

    def _keep_writable(self, names: Iterable[str]) -> list[str]:
        known = self._describe()
        return sorted(name for name in names if known.get(name, {}).get("updateable"))

    def _find_ids(self, rows: Sequence[Row]) -> Mapping[str, list[str]]:
        """The records with an external id, whose case Salesforce passes over."""
        from simple_salesforce.format import format_soql

        name = self.settings.id_field
        query = format_soql(
            "SELECT Id, {name:literal} FROM {of:literal} WHERE {name:literal} IN {keys}",
            name=name,
            of=self.settings.sobject,
            keys=[row.key for row in rows],
        )
        ids: dict[str, list[str]] = defaultdict(list)
        for key, record_id in self._call(
            lambda: [(str(each[name]), each["Id"]) for each in self.client.query_all_iter(query)]
        ):
            ids[key.casefold()].append(record_id)
        return ids

    def _write(self, row: Row) -> dict[str, Any]:
        known = self._describe()
        values = {
            name: _write_value(value, known[name]["type"]) for name, value in row.values.items()
        }
        return {self.settings.id_field: row.key, **values}

    def _patch(self, path: str, records: Sequence[Mapping[str, Any]]) -> list[Any]:
        attributes = {"attributes": {"type": self.settings.sobject}}
        body = {"allOrNone": False, "records": [{**attributes, **each} for each in records]}
        found = self._call(lambda: self.client.restful(path, method="PATCH", json=body))
        if not isinstance(found, list) or len(found) != len(records):
            raise SyncError("Salesforce did not say what became of each record")
        return found

    def _call(self, do: Callable[[], Any]) -> Any:
        """What the client gives.

        :raises SyncError: when Salesforce refuses, in words without what it quotes.
        """
        from simple_salesforce.exceptions import SalesforceError, SalesforceOperationError

        try:
            return do()
        except SalesforceError as error:
            raise SyncError(describe_refusal(error.status, error.content)) from None
        except SalesforceOperationError:
            raise SyncError("Salesforce could not do a bulk job; look at its page there") from None
        except list_oddities():
            raise SyncError("Salesforce gave an answer that cannot be understood") from None


def _read_login(settings: SalesforceSync) -> dict[str, str]:
    what = f"sync {settings.name}"
    names = {"private_key": "privatekey"}
    login = {
        names.get(name, name): fill_variables(value, what)
        for name in ("consumer_key", "consumer_secret", "private_key", "password", "security_token")
        if (value := getattr(settings, name))
    }
    if settings.username:
        login["username"] = settings.username
    if "privatekey" in login:  # of one line, as files with variables have it
        login["privatekey"] = login["privatekey"].replace("\\n", "\n")
    return login


def _write_value(value: Plain, kind: str) -> Plain:
    return str(value)[:10] if value is not None and kind == "date" else value
