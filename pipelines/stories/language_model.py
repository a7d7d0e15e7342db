"""Asking a language model over HTTP, as OpenAI's chat completions are asked."""

from collections.abc import Sequence
from pathlib import Path
from typing import Any, Final

from nlp.stories.prompting import Message
from pipelines.clock import Clock
from pipelines.delivery.answers import check_answer
from pipelines.delivery.failures import DeliveryError
from pipelines.delivery.wire import Wire
from pipelines.errors import EarfulError
from pipelines.patience import Patience
from pipelines.stories.settings import StoriesConfig

_MAX_WAIT_S: Final = 60.0


class ModelError(EarfulError):
    """A language model gave no answer; what it was to word is told by templates."""


class LanguageModel:
    """A language model behind an address; what it raises names neither address nor words."""

    def __init__(self, config: StoriesConfig, folder: Path, clock: Clock | None = None) -> None:
        """Read the key and the address.

        :param folder: what the path of certificates is relative to.
        :raises ConfigError: for a variable that is not set, and for no address of ours.
        """
        key = config.read_key()
        headers = {"authorization": f"Bearer {key}"} if key else {}
        self.name = config.model
        self._config, self._clock = config, clock or Clock()
        self._wire = Wire(
            config.read_address(config.url or ""),
            headers,
            config.timeout_s,
            config.find_ca_file(folder),
            config.networks,
        )

    def ask(self, messages: Sequence[Message]) -> str:
        """What it answers.

        :raises ModelError: when there is no answer, however often it is asked.
        """
        body = {"model": self.name, "messages": list(messages), **self._config.options}

        def attempt() -> str:
            answer = self._wire.post("/chat/completions", body)
            check_answer(answer, self._clock.now())
            return _read_content(answer.value)

        patience = Patience(self._config.tries, _MAX_WAIT_S, self._clock)
        try:
            return patience.call(attempt, lambda error: error.fault == "passing")
        except DeliveryError as error:
            raise ModelError(f"{self._config.what} {error.reason}") from None


def _read_content(value: Any) -> str:
    try:
        content = value["choices"][0]["message"]["content"]
    except (KeyError, IndexError, TypeError):
        content = None
    if not isinstance(content, str):
        raise DeliveryError("answered with something that is no chat completion", "destination")
    return content
