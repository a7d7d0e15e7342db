"""A job of Salesforce's Bulk API 2.0: rows go up as CSV, and what became of each comes back."""

import csv
import io
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from pipelines.patience import Patience
from pipelines.syncs.salesforce_errors import read_bulk_error
from pipelines.syncs.target import Answer

# An empty cell leaves a field as it is; this empties it.
_EMPTY = "#N/A"
_ERROR, _POLL_S = "sf__Error", 5


@dataclass(frozen=True)
class Jobs:
    """Jobs for one object.

    :param client: of simple-salesforce.
    :param key: the external id.
    """

    client: Any
    sobject: str
    key: str
    patience: Patience

    def upsert(self, records: Sequence[Mapping[str, Any]], known: Collection[str]) -> list[Answer]:
        """Upsert records as one job; a job that was cut off is begun anew, as twice is once.

        :param known: fields that may be named.
        :raises PassingError: when it does not work, however often it is tried.
        """
        from simple_salesforce.exceptions import SalesforceExpiredSession

        cells = [{name: _write_cell(value) for name, value in each.items()} for each in records]

        def attempt() -> list[Answer]:
            try:
                return self._run(cells, known)
            except SalesforceExpiredSession:
                self.client.limits()  # unlike this API, it logs in again
                return self._run(cells, known)

        return self.patience.call(attempt)

    def _run(self, records: list[dict[str, str]], known: Collection[str]) -> list[Answer]:
        jobs = getattr(self.client.bulk2, self.sobject)
        done = jobs.upsert(records=records, external_id_field=self.key, wait=_POLL_S)
        answers = []
        for job_id in (each["job_id"] for each in done):
            taken, refused = jobs.get_successful_records(job_id), jobs.get_failed_records(job_id)
            answers += [Answer(row[self.key]) for row in _read(taken)]
            answers += [
                read_bulk_error(row[self.key], row[_ERROR], known) for row in _read(refused)
            ]
        return answers


def _read(text: str) -> list[dict[str, str]]:
    return list(csv.DictReader(io.StringIO(text)))


def _write_cell(value: Any) -> str:
    return _EMPTY if value is None else str(value)
