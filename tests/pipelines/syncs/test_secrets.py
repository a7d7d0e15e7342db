"""Secrets are in no output, error, log, traceback, database or file, whatever fails."""

import json
import logging
import tomllib
from pathlib import Path
from typing import Any

import pytest

from pipelines import doctor, patience
from pipelines.cli.app import run_app
from pipelines.config import check_config, hash_config
from pipelines.store import Store
from tests.pipelines.syncs.conftest import LOGINS, hubspot_login, salesforce_login
from tests.pipelines.syncs.fake_hubspot import Hubspot
from tests.pipelines.syncs.fake_salesforce import Salesforce
from tests.pipelines.syncs.internet import answer, cut

CANARY = "canary"


@pytest.fixture
def config(store: Store, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Every kind of destination with every kind of login; nobody waits."""
    monkeypatch.setenv("DW_PASSWORD", f"{CANARY}-password-77")
    monkeypatch.setenv("DW_URL", f"postgresql://u:{CANARY}-whole-77@127.0.0.1:1/dw")
    monkeypatch.setenv("EARFUL_TRACEBACK", "1")
    monkeypatch.setattr(patience.Patience, "_choose_wait", lambda *given: 0.0)
    crm = {"Churn_Risk__c": "risk", "Open_Theme__c": "open_theme"}
    syncs: list[dict[str, Any]] = [
        {**salesforce_login(login), "name": f"sf{number}", "fields": crm}
        for number, login in enumerate(LOGINS)
    ]
    syncs.append({**hubspot_login(), "name": "hs", "fields": {"churn_risk": "risk"}})
    to = "postgresql+psycopg://writer:${DW_PASSWORD}@127.0.0.1:1/dw"
    for number, url in enumerate((to, "${DW_URL}")):
        own = {"name": f"dw{number}", "kind": "sql", "to": url, "table": "t"}
        syncs.append({**own, "fields": {"risk": "risk"}})
    path = tmp_path / "earful.toml"
    lines = [f"[store]\nurl = {json.dumps(f'sqlite:///{store.path}')}"]
    for each in syncs:
        lines.append("[[syncs]]")
        for name, value in each.items():
            told = json.dumps(value)
            if isinstance(value, dict):
                told = "{" + ", ".join(f'{key} = "{of}"' for key, of in value.items()) + "}"
            lines.append(f"{name} = {told}")
    path.write_text("\n".join(lines) + "\n")
    return path


def test_secrets_are_nowhere_whatever_fails(
    config: Path,
    store: Store,
    org: Salesforce,
    account: Hubspot,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capfd: pytest.CaptureFixture[str],
    caplog: pytest.LogCaptureFixture,
    recwarn: pytest.WarningsRecorder,
) -> None:
    caplog.set_level(logging.INFO)
    echo = answer(500, f"{CANARY} echoed")
    told = []

    def sync(*options: str) -> None:
        assert run_app(["sync", "-c", str(config), *options]) in (1, 2)
        told.append("".join(capfd.readouterr()))

    sync("sf0", "hs", "dw0", "--dry-run")
    sync("--json")  # all but the databases are reached
    monkeypatch.setenv("SF_CONSUMER_SECRET", f"{CANARY}-wrong")
    monkeypatch.setenv("SF_PRIVATE_KEY", f"{CANARY}-no-key")
    monkeypatch.setenv("SF_PASSWORD", f"{CANARY}-wrong")
    monkeypatch.setenv("HUBSPOT_TOKEN", f"{CANARY}-wrong")
    sync()
    unapproved = {
        "error": "invalid_grant",
        "error_description": "user hasn't approved this consumer",
    }
    org.fail("oauth2/token", answer(400, unapproved), answer(200, {"access_token": None}))
    org.fail("services/Soap", answer(200, f"<r>{CANARY}</r>"))
    account.fail("properties", *[echo] * 5)
    sync()
    org.fail("oauth2/token", *[cut] * 5, *[echo] * 5)
    account.fail("properties", *[cut] * 5)
    sync("--json")
    monkeypatch.delenv("SF_CONSUMER_KEY")
    monkeypatch.delenv("HUBSPOT_TOKEN")
    sync()
    values = tomllib.loads(config.read_text())
    dump = check_config(values, "earful.toml")
    told += [dump.model_dump_json(), hash_config(dump), caplog.text, repr(list(recwarn))]
    found = [*doctor._check_syncs(values["store"]["url"])]
    assert [each.state for each in found] == ["ok"] * 5  # nothing was sent once it failed
    told.append(repr(found))
    for number, each in enumerate(told):
        assert CANARY not in each, number
        assert "PRIVATE KEY" not in each, number
    assert "Traceback" not in "".join(told)
    held = [path for path in tmp_path.rglob("*") if path.is_file()]
    assert len(held) >= 3
    for path in held:
        assert CANARY.encode() not in path.read_bytes(), path
