"""Where the data files are: `configs/` in a checkout, `pipelines/_configs/` in a wheel."""

import tomllib
from pathlib import Path
from typing import Any

from pipelines.errors import ConfigError


def config_path(name: str) -> Path:
    """Find a shipped data file.

    :param name: a path below `configs/`, such as `roles.toml` or `sources/qualtrics.toml`.
    :raises ConfigError: where the installation lacks it.
    """
    here = Path(__file__).resolve().parent
    for folder in (here / "_configs", here.parent / "configs"):
        if (folder / name).exists():
            return folder / name
    raise ConfigError(f"configs/{name} is missing from this installation; install earful again")


def load_config(name: str) -> dict[str, Any]:
    """Read a shipped TOML file into a dictionary."""
    return tomllib.loads(config_path(name).read_text(encoding="utf-8"))
