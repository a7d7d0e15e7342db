"""The configuration: defaults, and every mistake at once with its place."""

import tomllib
from pathlib import Path

import pytest

from pipelines.config import Config, check_config, hash_config, load_config
from pipelines.errors import ConfigError

DEFAULTS = Path(__file__).parents[2] / "configs" / "default.toml"


def test_the_shipped_default_file_says_just_what_the_program_does() -> None:
    values = tomllib.loads(DEFAULTS.read_text(encoding="utf-8"))
    assert check_config(values, "default.toml") == Config()
    for section in ("store", "models", "text"):
        assert values[section].keys() == getattr(Config(), section).model_dump().keys()


def test_the_examples_of_destinations_in_the_shipped_file_are_right() -> None:
    _, _, shown = DEFAULTS.read_text(encoding="utf-8").partition("# Where actions go")
    lines = [line.removeprefix("# ") for line in shown[shown.index("# [[") :].splitlines()]
    entries = check_config(
        tomllib.loads("\n".join(lines).replace("\n#\n", "\n\n")), "x"
    ).destinations
    kinds = ["webhook", "slack", "email", "jira", "zendesk", "github", "csv"]
    assert [entry.kind for entry in entries] == kinds


def test_all_mistakes_are_named_with_their_places() -> None:
    values = {
        "stroe": {"url": "x"},
        "text": {"region": "Israel", "timezone": "Mars/Base"},
        "sources": [{"path": "a.csv", "party": "fourth"}, {"nmae": "b"}],
    }
    with pytest.raises(ConfigError) as caught:
        check_config(values, "my.toml")
    said = str(caught.value)
    assert said.startswith("6 mistakes in my.toml")
    for place in ("stroe", "text.region", "text.timezone", "sources.0.party", "sources.1.path"):
        assert f"@ {place}" in said
    assert "known here: channel, from, layout, map, name, party, path, sql, stated" in said
    assert caught.value.exit_code == 2


def test_a_file_that_is_not_there_or_not_toml_is_named(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match="no configuration file"):
        load_config(tmp_path / "none.toml")
    path = tmp_path / "broken.toml"
    path.write_text("[store\nurl = 1")
    with pytest.raises(ConfigError, match="not TOML"):
        load_config(path)


def test_without_a_file_the_defaults_hold(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    assert load_config(None) == (Config(), Path())


def test_a_local_file_is_found_and_its_folder_is_the_base(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    (tmp_path / "earful.toml").write_text('[store]\nurl = "sqlite:///other.db"\n')
    config, folder = load_config(None)
    assert (config.store.url, folder) == ("sqlite:///other.db", Path())
    assert hash_config(config) != hash_config(Config())
