"""HubSpot as its published CRM API has it, in memory."""

import json
from typing import Any

import flask

from tests.pipelines.syncs.internet import Service

OBJECTS = "/crm/v3/objects/contacts/batch"


class Hubspot(Service):
    """One account with contacts.

    :ivar contacts: by what stands in the unique property.
    :ivar refused: ids whose contacts are refused.
    :ivar marks_errors: whether one refused row is told by its mark, or refuses its batch.
    """

    def __init__(self, token: str) -> None:
        super().__init__()
        self.token = token
        self.contacts: dict[str, dict[str, str]] = {}
        self.refused: set[str] = set()
        self.marks_errors = True
        self.properties = [
            _property("customer_no", "string", hasUniqueValue=True),
            _property("churn_risk", "number"),
            _property("open_theme", "string"),
            _property("open_since", "datetime"),
            _property("open_day", "date"),
            _property("email", "string", hubspotDefined=True),
            _property("score", "number", calculated=True),
        ]
        self.app.before_request(self._check_token)
        add = self.app.add_url_rule
        add("/crm/v3/properties/contacts", "properties", lambda: {"results": self.properties})
        add(f"{OBJECTS}/upsert", "upsert", self.upsert, methods=["POST"])
        add(f"{OBJECTS}/update", "update", self.update, methods=["POST"])

    def start_anew(self) -> None:
        """Forget everything, and see that whatever was to fail did."""
        super().start_anew()
        self.contacts.clear()
        self.refused.clear()
        self.marks_errors = True

    def _check_token(self) -> Any:
        if flask.request.headers.get("Authorization") != f"Bearer {self.token}":
            return _refuse(401, "INVALID_AUTHENTICATION", flask.request.headers["Authorization"])
        return None

    def upsert(self) -> Any:
        return self._write(makes=True)

    def update(self) -> Any:
        return self._write(makes=False)

    def _write(self, *, makes: bool) -> Any:
        inputs = flask.request.get_json()["inputs"]
        assert 0 < len(inputs) <= 100
        assert {each["idProperty"] for each in inputs} == {"customer_no"}
        wrong = [each for each in inputs if each["id"] in self.refused]
        if wrong and not self.marks_errors:
            invalid = {"isValid": False, "error": "INVALID_INTEGER", "name": "churn_risk"}
            said = json.dumps([{**invalid, "message": f"{wrong} was not a valid number"}])
            return _refuse(400, "VALIDATION_ERROR", f"Property values were not valid: {said}")
        results, errors = [], []
        for each in inputs:
            trace = {"objectWriteTraceId": [each["objectWriteTraceId"]]}
            if each in wrong:
                errors.append(_error("VALIDATION_ERROR", f"{each} is not valid", trace))
                errors[-1]["errors"] = [
                    {
                        "message": f"{each} was not a valid number",
                        "code": "INVALID_INTEGER",
                        "context": {"propertyName": ["churn_risk"]},
                    }
                ]
            elif each["id"] not in self.contacts and not makes:
                errors.append(_error("OBJECT_NOT_FOUND", each["id"], {"ids": [each["id"]]}))
            else:
                results.append(self._change(each))
        told = {"status": "COMPLETE", "results": results, **_TIMES}
        if errors:
            return {**told, "numErrors": len(errors), "errors": errors}, 207
        return told

    def _change(self, given: dict[str, Any]) -> dict[str, Any]:
        is_new = given["id"] not in self.contacts
        contact = self.contacts.setdefault(given["id"], {"customer_no": given["id"]})
        assert all(isinstance(value, str) for value in given["properties"].values())
        contact.update(given["properties"])
        return {
            "id": str(1_000 + sorted(self.contacts).index(given["id"])),
            "new": is_new,
            "properties": contact,
            "objectWriteTraceId": given["objectWriteTraceId"],
            "archived": False,
            "createdAt": "2026-01-05T10:30:00.000Z",
            "updatedAt": "2026-01-05T10:30:00.000Z",
        }


_TIMES = {"startedAt": "2026-01-05T10:30:00.000Z", "completedAt": "2026-01-05T10:30:00.100Z"}


def _error(category: str, message: str, context: dict[str, list[str]]) -> dict[str, Any]:
    told = {"status": "error", "category": category, "message": message, "context": context}
    return {**told, "errors": [], "links": {}}


def _refuse(status: int, category: str, message: str) -> Any:
    return {"status": "error", "message": message, "category": category}, status


def _property(name: str, kind: str, **more: Any) -> dict[str, Any]:
    told = {"name": name, "type": kind, "fieldType": "text", "label": name, "groupName": "g"}
    fixed = {"archivable": True, "readOnlyDefinition": False, "readOnlyValue": False}
    flags = {"hasUniqueValue": False, "hubspotDefined": False, "calculated": False}
    return {**told, **flags, "modificationMetadata": fixed, "options": [], **more}
