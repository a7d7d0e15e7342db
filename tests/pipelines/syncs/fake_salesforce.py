"""Salesforce as its published REST, OAuth, SOAP login and Bulk API 2.0 have it, in memory."""

import base64
import csv
import io
import json
import re
from itertools import count
from typing import Any

import flask
import jwt

from tests.pipelines.syncs.internet import Service

V = "/services/data/v59.0"
EXPIRED = [{"message": "Session expired or invalid", "errorCode": "INVALID_SESSION_ID"}]
LIMIT = [{"message": "TotalRequests Limit exceeded.", "errorCode": "REQUEST_LIMIT_EXCEEDED"}]
_QUERY = re.compile(r"SELECT Id, (\w+) FROM (\w+) WHERE \w+ IN \((.*)\)")
_STRING = re.compile(r"'((?:[^'\\]|\\.)*)'")
_PAGE = 1


class Salesforce(Service):
    """One org with the object Contact.

    :ivar records: by record id.
    :ivar refused: external ids whose records a rule of the org refuses.
    :ivar token: the one that is valid now.
    """

    def __init__(self, secrets: dict[str, str], public_key: str) -> None:
        super().__init__()
        self.secrets, self.public_key = secrets, public_key
        self.records: dict[str, dict[str, Any]] = {}
        self.refused: set[str] = set()
        self.jobs: dict[str, dict[str, Any]] = {}
        self.token, self._numbers = "", count(1)
        self.fields = [
            _field("Id", "id", updateable=False),
            _field("LastName", "string", length=80),
            _field("External_Id__c", "string", length=40, externalId=True, unique=True),
            _field("Churn_Risk__c", "double"),
            _field("Open_Theme__c", "string", length=80),
            _field("Open_Since__c", "datetime"),
            _field("Open_Day__c", "date"),
            _field("Score__c", "double", updateable=False),
        ]
        add = self.app.add_url_rule
        add("/services/oauth2/token", "token", self.give_token, methods=["POST"])
        add("/services/Soap/u/59.0", "soap", self.log_in, methods=["POST"])
        self.app.before_request(self._check_token)
        add(f"{V}/limits/", "limits", lambda: {"DailyApiRequests": {"Max": 1, "Remaining": 1}})
        add(f"{V}/sobjects/Contact/describe", "describe", lambda: {"fields": self.fields})
        add(f"{V}/composite/sobjects/Contact/External_Id__c", "upsert", self.upsert,
            methods=["PATCH"])  # fmt: skip
        add(f"{V}/composite/sobjects", "update", self.update, methods=["PATCH"])
        add(f"{V}/query/", "query", self.query)
        add(f"{V}/query/<cursor>", "more", self.query_more)
        add(f"{V}/jobs/ingest", "job", self.create_job, methods=["POST"])
        add(f"{V}/jobs/ingest/<job>", "state", self.change_job, methods=["GET", "PATCH"])
        add(f"{V}/jobs/ingest/<job>/batches", "upload", self.upload, methods=["PUT"])
        add(f"{V}/jobs/ingest/<job>/<kind>Results", "results", self.give_results)

    def start_anew(self) -> None:
        """Forget everything, and see that whatever was to fail did."""
        super().start_anew()
        for each in (self.records, self.jobs, self.refused):
            each.clear()
        self.expire()

    def find(self, key: str) -> list[dict[str, Any]]:
        """The records with an external id."""
        return [each for each in self.records.values() if each["External_Id__c"] == key]

    def expire(self) -> None:
        self.token = ""

    def _renew(self) -> str:
        self.token = f"00D!{self.secrets['token']}-{next(self._numbers)}"
        return self.token

    def give_token(self) -> Any:
        form, own = flask.request.form, self.secrets
        kind = form["grant_type"]
        if kind == "client_credentials":
            given = base64.b64decode(flask.request.headers["Authorization"].split()[1]).decode()
            is_right = given == f"{own['consumer_key']}:{own['consumer_secret']}"
        elif kind == "password":
            is_right = all(
                form[there] == own[here]
                for there, here in (("client_id", "consumer_key"), ("password", "password"))
            )
        else:
            try:
                audience = "https://acme.my.salesforce.com"
                claims = jwt.decode(
                    form["assertion"], self.public_key, algorithms=["RS256"], audience=audience
                )
            except jwt.InvalidTokenError:
                claims = {}
            is_right = claims.get("iss") == own["consumer_key"]
        if not is_right:
            said = {"error": "invalid_client", "error_description": json.dumps(form.to_dict())}
            return said, 400
        url = "https://acme.my.salesforce.com"
        return {"access_token": self._renew(), "instance_url": url, "token_type": "Bearer"}

    def log_in(self) -> Any:
        body = flask.request.get_data(as_text=True)
        right = self.secrets["password"] + self.secrets["security_token"]
        if f"<n1:password>{right}</n1:password>" not in body:
            fault = f"<sf:exceptionCode>INVALID_LOGIN</sf:exceptionCode><sf:exceptionMessage>{body}"
            return f"<r>{fault.replace('<?', '').replace('?>', '')}</sf:exceptionMessage></r>", 500
        url = "https://acme.my.salesforce.com/services/Soap/u/59.0/00D"
        return f"<r><sessionId>{self._renew()}</sessionId><serverUrl>{url}</serverUrl></r>"

    def _check_token(self) -> Any:
        if flask.request.path.startswith(V):
            given = flask.request.headers.get("Authorization")
            if given != f"Bearer {self.token}" or not self.token:
                return EXPIRED, 401
        return None

    def upsert(self) -> Any:
        body = flask.request.get_json()
        assert len(body["records"]) <= 200 and body["allOrNone"] is False
        return flask.jsonify([self._upsert(each) for each in body["records"]])

    def _upsert(self, given: dict[str, Any]) -> dict[str, Any]:
        values = {name: value for name, value in given.items() if name != "attributes"}
        key = values["External_Id__c"]
        if key in self.refused:
            error = {
                "statusCode": "FIELD_CUSTOM_VALIDATION_EXCEPTION",
                "message": f"{values} is not allowed",
                "fields": ["Churn_Risk__c"],
            }
            return {"success": False, "errors": [error]}
        found = self.find(key)
        record = found[0] if found else {"Id": f"003{next(self._numbers):015d}"}
        record.update(values)
        self.records[record["Id"]] = record
        return {"id": record["Id"], "success": True, "errors": [], "created": not found}

    def update(self) -> Any:
        results = []
        for each in flask.request.get_json()["records"]:
            record = self.records.get(each["id"])
            if record is None:
                error = {"statusCode": "ENTITY_IS_DELETED", "message": "gone", "fields": []}
                results.append({"success": False, "errors": [error]})
                continue
            record.update({k: v for k, v in each.items() if k not in ("id", "attributes")})
            results.append({"id": each["id"], "success": True, "errors": []})
        return flask.jsonify(results)

    def query(self) -> Any:
        found = _QUERY.fullmatch(flask.request.args["q"])
        assert found and found[2] == "Contact"
        keys = {re.sub(r"\\(.)", r"\1", each).casefold() for each in _STRING.findall(found[3])}
        self._found = [
            {"attributes": {"type": "Contact"}, "Id": each["Id"], found[1]: each[found[1]]}
            for each in self.records.values()
            if each[found[1]].casefold() in keys
        ]
        return self._give_page(0)

    def query_more(self, cursor: str) -> Any:
        return self._give_page(int(cursor.partition("-")[2]))

    def _give_page(self, start: int) -> Any:
        page: dict[str, Any] = {"records": self._found[start : start + _PAGE], "done": True}
        if start + _PAGE < len(self._found):
            page |= {"done": False, "nextRecordsUrl": f"{V}/query/01g-{start + _PAGE}"}
        return page

    def create_job(self) -> Any:
        given = flask.request.get_json()
        assert (given["operation"], given["object"]) == ("upsert", "Contact")
        assert given["externalIdFieldName"] == "External_Id__c"
        job = {"id": f"750{next(self._numbers)}", "state": "Open", "rows": None, "polls": 0}
        self.jobs[job["id"]] = job
        return self._tell(job)

    def upload(self, job: str) -> Any:
        own = self.jobs[job]
        if own["rows"] is not None:
            return [{"errorCode": "INVALIDJOBSTATE", "message": "already uploaded"}], 400
        text = flask.request.get_data().decode()
        own["rows"] = list(csv.DictReader(io.StringIO(text)))
        return "", 201

    def change_job(self, job: str) -> Any:
        own = self.jobs[job]
        if flask.request.method == "PATCH":
            own["state"] = flask.request.get_json()["state"]
            if own["state"] == "UploadComplete":
                self._process(own)
        elif own["state"] == "UploadComplete":
            own["polls"] += 1
            own["state"] = "InProgress" if own["polls"] < 2 else own["state"]
        elif own["state"] == "InProgress":
            own["state"] = "JobComplete"
        return self._tell(own)

    def _process(self, job: dict[str, Any]) -> None:
        job["done"] = []
        for row in job["rows"]:
            # An empty cell leaves a field as it is.
            values = {k: None if v == "#N/A" else v for k, v in row.items() if v != ""}
            job["done"].append((row, self._upsert(values)))

    def _tell(self, job: dict[str, Any]) -> Any:
        done = job.get("done") or []
        failed = sum(not each["success"] for _, each in done)
        numbers = {"numberRecordsFailed": failed, "numberRecordsProcessed": len(done)}
        return {"id": job["id"], "state": job["state"], **numbers}

    def give_results(self, job: str, kind: str) -> Any:
        done = self.jobs[job]["done"]
        chosen = [each for each in done if each[1]["success"] == (kind == "successful")]
        stream = io.StringIO()
        names = ["sf__Id", "sf__Created" if kind == "successful" else "sf__Error"]
        writer = csv.DictWriter(stream, [*names, *(done[0][0] if done else ())])
        writer.writeheader()
        for row, result in reversed(chosen):  # in any order
            error = "true"
            for each in result["errors"]:
                error = f"{each['statusCode']}:{row}:{' '.join(each['fields'])} --"
            writer.writerow({**row, names[0]: result.get("id", ""), names[1]: error})
        return stream.getvalue(), 200, {"Content-Type": "text/csv"}


def _field(name: str, kind: str, **more: Any) -> dict[str, Any]:
    given = {"updateable": True, "externalId": False, "idLookup": False, "length": 0}
    return {"name": name, "type": kind, **given, **more}
