"""Requests for clients that have neither time-outs nor patience of their own."""

from typing import Any

import requests

from pipelines.patience import Patience
from pipelines.retry_after import read_retry_after
from pipelines.syncs.passing import PASSING, PassingError
from pipelines.syncs.target import SyncError

# Salesforce says so with status 403 when the calls of a day, or of this moment, are used up.
_LIMIT = "REQUEST_LIMIT_EXCEEDED"


class PatientSession:
    """Stands in for a ``requests.Session``; what it raises names neither addresses nor values.

    :ivar proxies: of the environment, as clients look at them.
    """

    def __init__(self, name: str, timeout_s: float, patience: Patience) -> None:
        self.name, self.timeout_s, self.patience = name, timeout_s, patience
        self.session = requests.Session()
        self.proxies = self.session.proxies

    def request(self, method: str, url: str, **given: Any) -> requests.Response:
        """Send a request, again where that may help and cannot hurt.

        :raises PassingError: when it does not work, however often it is tried.
        :raises SyncError: when the other side cannot be trusted.
        """

        def attempt() -> requests.Response:
            return self._send(method, url, given)

        # The parts of a bulk job cannot be repeated one by one: the whole job is.
        if "/jobs/ingest" in url and method.upper() != "GET":
            return attempt()
        return self.patience.call(attempt)

    def post(self, url: str, data: Any = None, **given: Any) -> requests.Response:
        """Send a POST request."""
        return self.request("POST", url, data=data, **given)

    def close(self) -> None:
        """Let go of the connections."""
        self.session.close()

    def _send(self, method: str, url: str, given: dict[str, Any]) -> requests.Response:
        try:
            response = self.session.request(
                method, url, timeout=self.timeout_s, allow_redirects=False, **given
            )
        except requests.exceptions.SSLError:
            raise SyncError(f"the certificate of {self.name} cannot be trusted") from None
        except requests.RequestException as error:
            said = f"{self.name} cannot be reached ({type(error).__name__})"
            raise PassingError(said) from None
        if _is_passing(response, url):
            wait_s = read_retry_after(response.headers.get("Retry-After"))
            raise PassingError(_describe(self.name, response, wait_s), wait_s)
        return response


def _is_passing(response: requests.Response, url: str) -> bool:
    # SOAP answers a wrong password with status 500: tried again, it would lock the user out.
    if "/services/Soap/" in url:
        return response.status_code in PASSING - {500}
    is_limited = response.status_code == 403 and _LIMIT in response.text
    return response.status_code in PASSING or is_limited


def _describe(name: str, response: requests.Response, wait_s: float | None) -> str:
    what = _LIMIT if response.status_code == 403 else f"status {response.status_code}"
    asked = f"; it asks to wait {wait_s:,.0f} s" if wait_s else ""
    return f"{name} has no time for us ({what}{asked}); run earful sync again later"
