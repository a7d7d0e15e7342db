"""Values that stand in the environment, named as ``${NAME}`` in a configuration or a URL."""

import os
import re
from typing import Annotated

from pydantic import AfterValidator

from pipelines.errors import ConfigError

VARIABLE = re.compile(r"\$\{([A-Za-z_][A-Za-z0-9_]*)\}")


def fill_variables(text: str, what: str) -> str:
    """A text with the environment's values in the place of ``${NAME}``.

    :param what: what names them, for the message: "the database URL".
    :raises ConfigError: for a variable that is not set.
    """
    return VARIABLE.sub(lambda match: read_variable(match[1], what), text)


def read_variable(name: str, what: str) -> str:
    """The value of a variable.

    :raises ConfigError: when it is not set, or empty.
    """
    value = os.environ.get(name)
    if not value:
        raise ConfigError(
            f"{what} names the environment variable {name}, which is not set; set it before the "
            "command"
        )
    return value


def fill_header_secret(text: str, what: str) -> str:
    """The same, for a secret that goes into a header.

    :raises ConfigError: for a variable that is not set, or holds what no header can carry.
    """
    value = fill_variables(text, what)
    if not value.isascii() or not value.isprintable():
        names = ", ".join(VARIABLE.findall(text))
        raise ConfigError(
            f"{what}: the environment variable {names} holds a line break or a sign that is not "
            "ASCII; set it to the bare secret"
        )
    return value


def _check_is_variable(text: str) -> str:
    if not VARIABLE.fullmatch(text):
        raise ValueError("is a secret: set an environment variable to it and write ${ITS_NAME}")
    return text


# A setting that must not stand in the file itself, only the name of its variable.
SecretName = Annotated[str, AfterValidator(_check_is_variable)]
