"""Every kind of destination that the configuration can name; a new one is a module and a line."""

from typing import Annotated

from pydantic import Field

from pipelines.delivery.drops import CsvConfig
from pipelines.delivery.email import EmailConfig
from pipelines.delivery.github import GithubConfig
from pipelines.delivery.jira import JiraConfig
from pipelines.delivery.slack import SlackConfig
from pipelines.delivery.webhook import WebhookConfig
from pipelines.delivery.zendesk import ZendeskConfig

AnyDestination = (
    WebhookConfig
    | SlackConfig
    | EmailConfig
    | JiraConfig
    | ZendeskConfig
    | GithubConfig
    | CsvConfig
)
DestinationEntry = Annotated[AnyDestination, Field(discriminator="kind")]
