"""What the documentation says is what the program does."""

import io
import re
import shlex
from collections.abc import Iterator
from contextlib import redirect_stdout
from functools import cache
from pathlib import Path
from typing import Any

import pytest
import typer

from pipelines.cli.app import app, run_app
from pipelines.column_roles import ROLES
from pipelines.config import load_config
from pipelines.dictionary import describe_schema, format_markdown
from pipelines.layout_table import format_layouts
from pipelines.reading.layouts import read_layout
from pipelines.tables import metadata
from pipelines.views import VIEW_COMMENTS

ROOT = Path(__file__).parents[1]
README = (ROOT / "README.md").read_text(encoding="utf-8")


def part(name: str) -> str:
    return README.split(f"<!-- {name} -->\n", 1)[1].split(f"<!-- /{name} -->", 1)[0]


def test_the_dictionary_in_the_readme_is_that_of_the_declarations() -> None:
    assert part("schema") == format_markdown(describe_schema()), "run scripts/make_docs.py"


def test_the_exports_in_the_readme_are_those_of_the_layouts() -> None:
    assert part("sources") == format_layouts(), "run scripts/make_docs.py"


def test_what_alerts_are_found_is_that_of_the_card() -> None:
    card = (ROOT / "nlp" / "data" / "alerts.md").read_text(encoding="utf-8")
    assert part("alerts") in card, "run scripts/make_docs.py"
    assert part("alerts").count("\n") == 11


def test_the_configuration_in_the_readme_is_one(tmp_path: Path) -> None:
    _, given = re.findall(r"```toml\n(.*?)```", README, re.DOTALL)
    (tmp_path / "earful.toml").write_text(given, encoding="utf-8")
    config, _ = load_config(tmp_path / "earful.toml")
    assert (config.stories.url, config.stories.model) == ("http://localhost:11434/v1", "llama3.1")


def test_the_layout_in_the_readme_is_one(tmp_path: Path) -> None:
    given, _ = re.findall(r"```toml\n(.*?)```", README, re.DOTALL)
    (tmp_path / "shop.toml").write_text(given, encoding="utf-8")
    assert len(given.splitlines()) <= 10
    assert read_layout(tmp_path / "shop.toml").roles["customer"] == "Card no"


def test_each_promise_names_tests_and_scripts_that_are_there() -> None:
    promises = README.split("\n## Promises\n", 1)[1].split("\n## ", 1)[0]
    named = re.findall(r"`(test_\w+)`", promises)
    sources = "\n".join(
        path.read_text(encoding="utf-8") for path in ROOT.glob("tests/**/test_*.py")
    )
    assert len(named) > 20
    assert [name for name in named if f"\ndef {name}(" not in sources] == []
    scripts = set(re.findall(r"`(scripts/\w+\.py)`", promises))
    assert all((ROOT / script).exists() for script in scripts)


def test_every_table_view_and_column_has_a_meaning() -> None:
    entries = describe_schema()
    assert [entry.name for entry in entries] == [*metadata.tables, *VIEW_COMMENTS]
    for entry in entries:
        assert entry.meaning, entry.name
        for column in entry.columns:
            assert column.meaning, f"{entry.name}.{column.name}"


def commands() -> list[str]:
    fenced = "\n".join(re.findall(r"```bash\n(.*?)```", README, re.DOTALL))
    inline = re.findall(r"`(earful [^`]*)`", README)
    lines = [line.split("#")[0].strip() for line in fenced.splitlines()]
    found = {line for line in (*lines, *inline) if line.startswith("earful ")}
    return sorted(found | {*next_commands()})


def next_commands() -> list[str]:
    """What the demo says at its end that one may do next."""
    _, _, text = (ROOT / "scripts/demo").read_text(encoding="utf-8").partition("\nNext:\n")
    return [f"earful {words}" for words in re.findall(r"^  \$earful (.+?)(?:   .*)?$", text, re.M)]


def test_what_the_demo_advises_next_is_plain_commands() -> None:
    assert "earful themes show THEME_ID" in next_commands()
    assert not [line for line in next_commands() if set(line) & set("$`|\\()")]


@pytest.mark.parametrize("line", commands())
def test_every_command_that_is_advised_exists_with_its_options(line: str) -> None:
    words = shlex.split(line.replace("[", "").replace("]", ""))[1:]
    names = words[:1]
    command = read_program().commands[words[0]]
    if len(words) > 1 and (inner := words[1].strip(",")) in getattr(command, "commands", ()):
        names.append(inner)
    shown = read_help(*names)
    for option in (word for word in words if word.startswith("-")):
        assert option in shown, f"{option} is not an option of earful {' '.join(names)}"


@cache
def read_program() -> Any:
    return typer.main.get_command(app)


@cache
def read_help(*names: str) -> str:
    """What a command says of itself: many lines of the README name the same one."""
    with redirect_stdout(io.StringIO()) as out:
        assert run_app([*names, "--help"]) == 0
    return out.getvalue()


def test_every_command_of_the_program_is_in_the_readme(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("COLUMNS", "100")
    run_app(["--help"])
    _, commands = capsys.readouterr().out.split("Commands:\n")
    names = re.findall(r"^  ([a-z-]+)  ", commands, re.MULTILINE)
    assert len(names) >= 16
    assert "..." not in commands  # what a command does is said in a line of 80 characters
    for name in names:
        assert re.search(rf"`(earful )?{name}\b", README), name


def test_the_help_of_every_command_has_an_example() -> None:
    def find_bare(command: Any, path: tuple[str, ...]) -> Iterator[str]:
        if "Example" not in (command.epilog or ""):
            yield " ".join(path)
        for name, each in getattr(command, "commands", {}).items():
            yield from find_bare(each, (*path, name))

    assert list(find_bare(read_program(), ("earful",))) == []


def test_every_path_in_the_readme_exists() -> None:
    named = re.findall(
        r"\]\(([^)#:]+)\)|`((?:scripts|tests|configs|nlp|pipelines)/[\w./-]*)`", README
    )
    for link, code in named:
        assert (ROOT / (link or code)).exists(), link or code


def test_every_variable_in_the_readme_is_read_by_the_program() -> None:
    source = "".join(
        path.read_text(encoding="utf-8") for path in (ROOT / "pipelines").rglob("*.py")
    )
    for name in set(re.findall(r"`(EARFUL_[A-Z]+)`", README)):
        assert f'"{name}"' in source, name


def test_the_change_log_names_this_version() -> None:
    import tomllib

    version = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]["version"]
    assert f"## [{version}]" in (ROOT / "CHANGELOG.md").read_text(encoding="utf-8")


@pytest.mark.parametrize(
    ("command", "kinds"),
    [
        ("run", ["feedback"]),
        ("ingest", ["feedback"]),
        ("inspect", ["feedback", "customers", "events"]),
        ("customers", ["customers"]),
        ("events", ["events"]),
    ],
)
def test_the_help_of_map_lists_every_role_that_the_command_takes(
    command: str,
    kinds: list[str],
    capsys: pytest.CaptureFixture[str],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setenv("COLUMNS", "100")
    run_app([command, "--help"])
    shown = " ".join(capsys.readouterr().out.split())
    for kind in kinds:
        assert ", ".join(ROLES[kind]) in shown
    assert len(ROLES) == 3
