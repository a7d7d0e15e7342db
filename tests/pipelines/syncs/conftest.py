"""Salesforce and HubSpot on a small internet of this machine, and the secrets for both."""

from collections.abc import Iterator
from typing import Any

import pytest
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import rsa

from pipelines.store import Store
from tests.pipelines.syncs.fake_hubspot import Hubspot
from tests.pipelines.syncs.fake_salesforce import Salesforce
from tests.pipelines.syncs.internet import serve
from tests.pipelines.syncs.stores import N, open_insights

SECRETS = {
    name: f"canary-{name}-5f3a"
    for name in ("consumer_key", "consumer_secret", "password", "security_token", "token")
}
HUBSPOT_TOKEN = "canary-pat-9b1d"
LOGINS: dict[str, tuple[str, ...]] = {
    "client credentials": ("consumer_key", "consumer_secret"),
    "jwt": ("consumer_key", "username", "private_key"),
    "password": ("consumer_key", "consumer_secret", "username", "password"),
    "soap": ("username", "password", "security_token"),
}


def salesforce_login(login: str = "client credentials") -> dict[str, Any]:
    """A sync with Salesforce, without its name and fields."""
    given = {name: f"${{SF_{name.upper()}}}" for name in LOGINS[login] if name != "username"}
    if "username" in LOGINS[login]:
        given["username"] = "integration@acme.example"
    own = {"kind": "salesforce", "domain": "acme.my", "id_field": "External_Id__c"}
    return {**own, **given}


def hubspot_login() -> dict[str, Any]:
    """A sync with HubSpot, without its name and fields."""
    return {"kind": "hubspot", "access_token": "${HUBSPOT_TOKEN}", "id_property": "customer_no"}


@pytest.fixture
def store(sqlite_url: str) -> Iterator[Store]:
    """An SQLite file with insight about N customers."""
    opened = open_insights(sqlite_url, N)
    yield opened
    opened.engine.dispose()


@pytest.fixture
def any_store(store_url: str) -> Iterator[Store]:
    """The same on either database."""
    opened = open_insights(store_url, N)
    yield opened
    opened.engine.dispose()


@pytest.fixture(scope="session")
def private_key() -> rsa.RSAPrivateKey:
    return rsa.generate_private_key(public_exponent=65537, key_size=2048)


@pytest.fixture(scope="module")
def services(
    private_key: rsa.RSAPrivateKey, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[tuple[Salesforce, Hubspot]]:
    public = private_key.public_key().public_bytes(
        serialization.Encoding.PEM, serialization.PublicFormat.SubjectPublicKeyInfo
    )
    org, account = Salesforce(SECRETS, public.decode()), Hubspot(HUBSPOT_TOKEN)

    def choose(environ: dict[str, Any], start: Any) -> Any:
        is_hubspot = environ["HTTP_HOST"] == "api.hubapi.com"
        return (account if is_hubspot else org).app(environ, start)

    with serve(choose, tmp_path_factory.mktemp("tls")):
        yield org, account


@pytest.fixture
def org(
    services: tuple[Salesforce, Hubspot],
    private_key: rsa.RSAPrivateKey,
    monkeypatch: pytest.MonkeyPatch,
) -> Iterator[Salesforce]:
    """An org of Salesforce without records, and everything set to log in."""
    pem = private_key.private_bytes(
        serialization.Encoding.PEM,
        serialization.PrivateFormat.PKCS8,
        serialization.NoEncryption(),
    )
    secrets = {**SECRETS, "private_key": pem.decode().replace("\n", "\\n")}
    for name, value in secrets.items():
        monkeypatch.setenv(f"SF_{name.upper()}", value)
    yield services[0]
    services[0].start_anew()


@pytest.fixture
def account(
    services: tuple[Salesforce, Hubspot], monkeypatch: pytest.MonkeyPatch
) -> Iterator[Hubspot]:
    """An account of HubSpot without contacts, and its token set."""
    monkeypatch.setenv("HUBSPOT_TOKEN", HUBSPOT_TOKEN)
    yield services[1]
    services[1].start_anew()
