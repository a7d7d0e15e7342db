"""The log: JSON for programs, lines for people, and nobody's words in it."""

import json
import logging
import warnings
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import typer

from pipelines.cli.app import app
from pipelines.observing.log import log_event, open_log
from pipelines.runs import begin_run
from pipelines.store import Store
from tests.command_line import Call, make_call

ROOT = Path(__file__).parents[3]
WORDS = "the canary sang of a parcel that never came"


@pytest.fixture
def call(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> Call:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("XDG_CONFIG_HOME", str(tmp_path / "config"))
    return make_call(capsys)


def read_lines(text: str) -> list[dict[str, Any]]:
    return [json.loads(line) for line in text.splitlines()]


def write_reviews(path: Path) -> None:
    rows = [f"r{n},{WORDS} number {n},canary-customer-{n}" for n in range(12)]
    path.write_text("\n".join(["id,text,customer", *rows, "r99,,canary-customer-99"]) + "\n")


def test_with_json_standard_error_is_events_with_run_command_step_counts_and_seconds(
    call: Call, tmp_path: Path
) -> None:
    write_reviews(tmp_path / "reviews.csv")
    done = call("ingest", "reviews.csv", "--json", "--log-format", "json", "--log-file", "log")
    assert done.code == 3
    run_id = json.loads(done.out)["run_id"]
    lines = read_lines(done.err)
    assert [*lines[0]][:3] == ["timestamp", "level", "event"]
    assert {line["command"] for line in lines} == {"ingest"}
    in_run = [line for line in lines if line["event"].startswith(("run_", "step_", "stage_"))]
    assert {line.get("run_id") for line in in_run} == {run_id}
    (step,) = (each for each in lines if each["event"] == "step_finished" and "n_read" in each)
    assert (step["step"], step["n_read"], step["n_new"], step["n_rejected"]) == (
        "ingest",
        13,
        12,
        1,
    )
    assert step["seconds"] >= 0
    assert lines[-1]["event"] == "command_finished"
    assert lines[-1]["exit_code"] == 3
    log = (tmp_path / "log").read_text()
    assert read_lines(log) == lines
    assert "canary" not in log


def test_a_log_file_of_lines_stands_beside_what_people_see(call: Call, tmp_path: Path) -> None:
    write_reviews(tmp_path / "reviews.csv")
    plain = call("ingest", "reviews.csv", "--db", "a.db")
    done = call("--log-file", "log", "ingest", "reviews.csv", "--db", "b.db")
    assert [line.split(",")[0] for line in done.err.splitlines()] == [
        line.split(",")[0] for line in plain.err.splitlines()
    ]
    said = (tmp_path / "log").read_text()
    assert "level=info event=step_finished" in said
    assert "step=ingest" in said
    assert "canary" not in said
    assert (tmp_path / "log").stat().st_mode & 0o777 == 0o600
    (tmp_path / "log").rename(tmp_path / "log.1")
    call("runs", "--db", "b.db", "--log-file", "log")
    assert "command=runs" in (tmp_path / "log").read_text()


def test_a_log_that_is_rotated_while_it_is_open_goes_on_in_a_new_file(tmp_path: Path) -> None:
    from pipelines.observing.log import LogFile

    file = LogFile(tmp_path / "log")
    file.write("before")
    (tmp_path / "log").rename(tmp_path / "log.1")
    file.write("after")
    file.close()
    assert (tmp_path / "log").read_text() == "after\n"
    assert (tmp_path / "log.1").read_text() == "before\n"


@pytest.mark.parametrize(
    "command",
    [
        ("customers", "show", "canary-7"),
        ("story", "customer", "canary-7"),
        ("forget", "--phone", "canary-7"),
        ("forget", "--customer", "canary-7", "--email", "canary@example.com"),
        ("consent", "withdraw", "--customer", "canary-7", "--purpose", "none"),
        ("actions", "suppress", "a1", "--reason", "canary called already"),
    ],
)
def test_whom_a_command_line_names_is_not_logged(
    call: Call, sqlite_store: Store, tmp_path: Path, command: tuple[str, ...]
) -> None:
    done = call(*command, "--db", str(sqlite_store.path), "--log-file", "log")
    assert done.code in (1, 2)
    said = (tmp_path / "log").read_text()
    assert 'message="error: ' in said
    assert "canary" not in said


def test_a_run_that_fails_is_logged_with_the_kind_of_the_error_and_no_words(
    sqlite_store: Store,
) -> None:
    lines: list[str] = []
    with (
        open_log("json", [lines.append]),
        pytest.raises(ValueError, match="canary"),
        begin_run(sqlite_store, "ingest", config_hash="", lock_timeout_s=1),
    ):
        raise ValueError(WORDS)
    started, failed = map(json.loads, lines)
    assert (started["event"], failed["event"]) == ("run_started", "run_failed")
    assert failed["error"] == "ValueError"
    assert failed["level"] == "error"
    assert started["run_id"] == failed["run_id"]


def test_an_event_says_known_fields_and_counts_only() -> None:
    lines: list[str] = []
    with open_log("json", [lines.append], hidden=["C017", "ca"]):
        log_event("step_finished", text=WORDS, n_read=3, n_words=WORDS, message="no 'C017' of ca")
    log_event("later")
    (line,) = map(json.loads, lines)
    del line["timestamp"]
    assert line == {
        "level": "info",
        "event": "step_finished",
        "n_read": 3,
        "message": "no '(hidden)' of ca",
    }


def test_with_json_libraries_are_named_and_not_quoted(
    call: Call, monkeypatch: pytest.MonkeyPatch
) -> None:
    def chat(*_: object) -> int:
        logging.getLogger("some.library").error("could not read %s", WORDS)
        warnings.warn(WORDS, stacklevel=1)
        return 0

    monkeypatch.setattr("pipelines.dictionary.describe_schema", lambda: [*[None] * chat()])
    done = call("schema", "--log-format", "json")
    of_library, of_python, _ = read_lines(done.err)
    assert (of_library["logger"], of_library["level"]) == ("some.library", "error")
    assert of_python["error"] == "UserWarning"
    assert WORDS not in done.err


def list_commands(of: typer.Typer) -> list[Callable[..., Any]]:
    below = [g.typer_instance for g in of.registered_groups if g.typer_instance is not None]
    own = [each.callback for each in of.registered_commands if each.callback]
    return own + [command for each in below for command in list_commands(each)]


def test_every_command_can_be_logged() -> None:
    commands = list_commands(app)
    assert len(commands) > 50
    for command in commands:
        assert {"log_format", "log_file"} <= {*command.__annotations__}, command.__name__


def test_there_is_one_way_to_tell_and_to_log() -> None:
    tellers = {"pipelines/cli/said.py", "pipelines/cli/bars.py", "pipelines/cli/log_options.py"}
    tellers |= {"pipelines/__main__.py"}
    # Asks for what is not to be seen; silences libraries.
    tellers |= {"pipelines/cli/consent.py"}
    for path in [*(ROOT / "pipelines").rglob("*.py"), *(ROOT / "nlp").rglob("*.py")]:
        name, text = str(path.relative_to(ROOT)), path.read_text()
        if name not in tellers:
            assert "err=True" not in text, name
            assert "sys.stderr" not in text, name
        assert "logging.getLogger(__name__)" not in text, name
        assert ("structlog" in text) == (name == "pipelines/observing/log.py"), name
