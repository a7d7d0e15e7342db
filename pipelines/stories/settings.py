"""The section ``[stories]`` of the configuration: a language model that may word stories."""

from typing import Annotated, Self

from pydantic import Field, model_validator

from pipelines.delivery.settings import ReachedConfig
from pipelines.environment import SecretName, fill_header_secret

_Options = dict[str, bool | int | float | str]


class StoriesConfig(ReachedConfig):
    """A language model, off unless it has an address.

    :param url: of an API as OpenAI's, up to and with its version: ``https://host/v1``.
    :param model: its name there.
    :param key: goes as a bearer token.
    :param options: further fields of each request.
    """

    url: str | None = None
    model: str = ""
    key: SecretName | None = None
    timeout_s: Annotated[float, Field(gt=0, le=600)] = 60.0
    tries: Annotated[int, Field(ge=1, le=10)] = 3
    options: _Options = Field(default_factory=lambda: _Options(temperature=0))

    @property
    def what(self) -> str:
        """What it is called in messages."""
        return "the language model of [stories]"

    def read_key(self) -> str:
        """The key, out of the environment; empty where none is needed.

        :raises ConfigError: for a variable that is not set, or holds what no header can carry.
        """
        return fill_header_secret(self.key, self.what) if self.key else ""

    @model_validator(mode="after")
    def _is_named(self) -> Self:
        if self.url is not None and not self.model:
            raise ValueError("has a url and no model; name the model that it serves")
        return self
