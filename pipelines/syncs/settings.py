"""``[[syncs]]`` of the configuration: one model for each kind of destination."""

from abc import ABC, abstractmethod
from typing import Annotated, Literal, Self

from pydantic import Field, field_validator, model_validator

from pipelines.config_sections import EntryName, Section
from pipelines.environment import SecretName

Layout = Literal["plain", "salesforce", "hubspot"]
# Names end up in URLs, SQL and SOQL.
_ApiName = Annotated[str, Field(pattern="^[A-Za-z][A-Za-z0-9_]{0,79}$")]
_LOGIN = (
    *("consumer_key", "consumer_secret", "username", "private_key"),
    *("password", "security_token"),
)
_NonEmpty = Annotated[str, Field(min_length=1)]


class _SyncConfig(Section, ABC):
    """What all kinds have.

    ``fields`` says for each of their fields which column of ``v_customer`` goes there.
    """

    name: EntryName
    fields: Annotated[dict[_NonEmpty, str], Field(min_length=1)]

    @field_validator("fields")
    @classmethod
    def _are_columns(cls, fields: dict[str, str]) -> dict[str, str]:
        from pipelines.syncs.columns import list_columns

        known = list_columns()
        unknown = sorted({column for column in fields.values() if column not in known})
        if unknown:
            raise ValueError(
                f"v_customer has no column {', '.join(unknown)} (there are: {', '.join(known)})"
            )
        return fields

    @property
    @abstractmethod
    def key_field(self) -> str:
        """The field by which the destination knows a customer."""

    @model_validator(mode="after")
    def _has_one_key(self) -> Self:
        if self.key_field in self.fields:
            raise ValueError(f"{self.key_field} is what rows are known by; leave it out of fields")
        return self


class SqlSync(_SyncConfig):
    """A table of another database."""

    kind: Literal["sql"]
    to: _NonEmpty
    table: _NonEmpty
    db_schema: Annotated[str | None, Field(alias="schema")] = None
    id_column: _NonEmpty = "customer_id"
    create: bool = False
    remove: Literal["row", "fields"] = "row"
    batch: Annotated[int, Field(ge=1, le=10_000)] = 1_000

    @property
    def key_field(self) -> str:
        """The column with the customer's id."""
        return self.id_column


class _FileSync(_SyncConfig):
    """A file with all rows, written anew when one of them changes."""

    path: _NonEmpty
    layout: Layout = "plain"
    id_column: _NonEmpty = "customer_id"

    @property
    def key_field(self) -> str:
        """The column with the customer's id."""
        return self.id_column


class CsvSync(_FileSync):
    """A CSV file, as a CRM imports it."""

    kind: Literal["csv"]


class ParquetSync(_FileSync):
    """A Parquet file."""

    kind: Literal["parquet"]
    layout: Literal["plain"] = "plain"


class SalesforceSync(_SyncConfig):
    """Records of one Salesforce object."""

    kind: Literal["salesforce"]
    # That of https://DOMAIN.salesforce.com
    domain: Annotated[str, Field(pattern=r"^[A-Za-z0-9][A-Za-z0-9.-]*$")]
    sobject: Annotated[_ApiName, Field(alias="object")] = "Contact"
    id_field: _ApiName
    consumer_key: SecretName | None = None
    consumer_secret: SecretName | None = None
    username: _NonEmpty | None = None
    private_key: SecretName | None = None
    password: SecretName | None = None
    security_token: SecretName | None = None
    bulk_from: Annotated[int, Field(ge=0)] = 2_000
    timeout_s: Annotated[float, Field(gt=0)] = 60.0

    @property
    def key_field(self) -> str:
        """The external id."""
        return self.id_field

    @model_validator(mode="after")
    def _has_one_login(self) -> Self:
        given = {name for name in _LOGIN if getattr(self, name)}
        if given not in (
            {"consumer_key", "consumer_secret"},
            {"consumer_key", "username", "private_key"},
            {"consumer_key", "consumer_secret", "username", "password"},
            {"username", "password", "security_token"},
        ):
            raise ValueError(
                "log in with consumer_key and consumer_secret (client credentials), with "
                "consumer_key, username and private_key (JWT), or with username, password and "
                "either security_token or consumer_key and consumer_secret"
            )
        if given == {"consumer_key", "consumer_secret"} and self.domain in {"login", "test"}:
            raise ValueError("client credentials need the domain of your org, as acme.my")
        return self


class HubspotSync(_SyncConfig):
    """Records of one HubSpot object."""

    kind: Literal["hubspot"]
    sobject: Annotated[_ApiName, Field(alias="object")] = "contacts"
    id_property: Annotated[str, Field(pattern="^[a-z][a-z0-9_]{0,99}$")]
    access_token: SecretName
    timeout_s: Annotated[float, Field(gt=0)] = 60.0

    @property
    def key_field(self) -> str:
        """The unique property."""
        return self.id_property


SyncSettings = SqlSync | CsvSync | ParquetSync | SalesforceSync | HubspotSync
SyncConfig = Annotated[SyncSettings, Field(discriminator="kind")]
