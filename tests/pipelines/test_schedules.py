"""The examples of configs/schedules do what they say: parsed by what reads them, and run."""

import os
import re
import shutil
import stat
import subprocess
import sys
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest

from tests.command_line import make_call

ROOT = Path(__file__).parents[2]
FOLDER = ROOT / "configs" / "schedules"
# Notes how it is called; what is noted is then run for real, in this process.
PROGRAM = """#!/bin/sh
echo "$@" >> "$EARFUL_CALLS"
echo said
exit "${EARFUL_CODE:-0}"
"""
CONFIG = '[store]\nurl = "sqlite:///{}/earful.db"\n[[sources]]\npath = "reviews.csv"\n'


@pytest.fixture
def place(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """What the examples call /srv/earful."""
    program = tmp_path / ".venv" / "bin" / "earful"
    program.parent.mkdir(parents=True)
    program.write_text(PROGRAM)
    program.chmod(program.stat().st_mode | stat.S_IXUSR)
    (tmp_path / "backups").mkdir()
    (tmp_path / "earful.toml").write_text(CONFIG.format(tmp_path))
    rows = [f"r{n},the parcel number {n} came late" for n in range(12)]
    (tmp_path / "reviews.csv").write_text("\n".join(["id,text", *rows, "r99,"]) + "\n")
    monkeypatch.setenv("EARFUL_CALLS", str(tmp_path / "calls"))
    monkeypatch.setenv("XDG_CONFIG_HOME", str(tmp_path / "config"))
    return tmp_path


def read_example(name: str, place: Path) -> str:
    return (FOLDER / name).read_text().replace("/srv/earful", str(place))


def run_shell(
    command: str, place: Path, env: dict[str, str], code: int = 0, shell: str = "/bin/sh"
) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [shell, "-c", command],
        cwd=place,
        env={**os.environ, **env, "EARFUL_CODE": str(code)},
        capture_output=True,
        text=True,
        check=False,
        timeout=60,
    )


def run_noted(
    place: Path, env: dict[str, str], capsys: pytest.CaptureFixture[str]
) -> list[tuple[str, int]]:
    """Run what was called, with the first half of `run` in its place, which needs no model."""
    call, codes = make_call(capsys), []
    for line in (place / "calls").read_text().splitlines():
        name, *rest = line.split()
        with pytest.MonkeyPatch.context() as patched:
            patched.chdir(place)
            for key, value in env.items():
                patched.setenv(key, value)
            codes.append((name, call({"run": "ingest"}.get(name, name), *rest).code))
    return codes


# What crontab(5) takes in each of the five fields.
_RANGES = ((0, 59), (0, 23), (1, 31), (1, 12), (0, 7))


def check_times(fields: list[str]) -> None:
    for field, (low, high) in zip(fields, _RANGES, strict=True):
        for part in field.split(","):
            found = re.fullmatch(r"(\*|(\d+)(?:-(\d+))?)(?:/(\d+))?", part)
            assert found, field
            assert all(low <= int(n) <= high for n in found.groups()[1:3] if n), field


def test_each_line_for_cron_has_times_and_its_command_runs(
    place: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    lines = [
        line
        for line in read_example("crontab", place).splitlines()
        if line and not line.startswith("#")
    ]
    env = dict(line.split("=", 1) for line in lines if re.match("[A-Z_]+=", line))
    jobs = [line.split(None, 5) for line in lines if not re.match("[A-Z_]+=", line)]
    for *times, command in jobs:
        check_times(times)
        assert not re.search(r"(?<!\\)%", command)  # cron ends the command there
    commands = [command.replace("\\%", "%") for *_, command in jobs]
    good = [run_shell(each, place, env, 0, env["SHELL"]) for each in commands]
    assert [each.stdout + each.stderr for each in good] == [""] * 4
    done = run_noted(place, env, capsys)
    # A row was rejected; nothing was to be delivered; a run that ends with tables is missing.
    assert done == [("run", 3), ("actions", 0), ("backup", 0), ("status", 2)]
    assert [path.suffix for path in (place / "backups").iterdir()] == [".earful"]
    assert '"event": "command_finished"' in (place / "earful.log").read_text()
    wrong = [run_shell(each, place, env, 2, env["SHELL"]) for each in commands]
    assert [each.stdout for each in wrong] == ["", "", "", "said\n"]


def test_the_units_of_systemd_are_sound_and_their_command_runs(
    place: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    for name in ("earful.service", "earful.timer"):
        (place / name).write_text(read_example(name, place))
    if analyse := shutil.which("systemd-analyze"):
        units = [str(place / name) for name in ("earful.service", "earful.timer")]
        done = subprocess.run(
            [analyse, "verify", "--man=no", *units], capture_output=True, text=True, check=False
        )
        assert done.returncode == 0
        assert done.stderr == ""
    unit = (place / "earful.service").read_text()
    settings = [line.split("=", 1) for line in unit.splitlines() if re.match("[A-Za-z]+=", line)]
    known = dict(settings)
    env = dict(value.split("=", 1) for key, value in settings if key == "Environment")
    run_shell(known["ExecStart"], place, {})
    env["EARFUL_CACHE"] = str(place / "cache")
    assert run_noted(place, env, capsys) == [("run", int(known["SuccessExitStatus"]))]


def load_dag(code: str) -> list[Any]:
    """Run the file with as much of Airflow as it uses, and keep what it makes."""
    made: list[Any] = []

    class Task:
        def __init__(self, **given: Any) -> None:
            vars(self).update(given)
            made.append(self)

        def __rshift__(self, other: Any) -> Any:
            self.then = other
            return other

    class Dag(Task):
        def __enter__(self) -> "Dag":
            return self

        def __exit__(self, *_: object) -> None:
            return

    airflow, operators = ModuleType("airflow"), ModuleType("airflow.operators.bash")
    airflow.DAG, operators.BashOperator = Dag, Task  # type: ignore[attr-defined]
    with pytest.MonkeyPatch.context() as patched:
        patched.setitem(sys.modules, "airflow", airflow)
        patched.setitem(sys.modules, "airflow.operators", ModuleType("airflow.operators"))
        patched.setitem(sys.modules, "airflow.operators.bash", operators)
        exec(compile(code, "airflow_dag.py", "exec"), {})
    return made


def test_the_tasks_of_the_airflow_dag_follow_one_another_and_their_commands_run(
    place: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    dag, run, deliver, check = load_dag(read_example("airflow_dag.py", place))
    check_times(dag.schedule.split())
    assert (dag.dag_id, dag.catchup, dag.max_active_runs) == ("earful", False, 1)
    assert (run.then, deliver.then) == (deliver, check)
    tasks = (run, deliver, check)

    def end_with(code: int) -> list[bool]:
        done = [run_shell(each.bash_command, place, each.env, code, "/bin/bash") for each in tasks]
        return [each.returncode == 0 for each in done]

    assert end_with(0) == [True, True, True]
    assert run_noted(place, run.env, capsys) == [("run", 3), ("actions", 0), ("status", 2)]
    assert end_with(3) == [True, True, False]
    assert end_with(4) == [False, False, False]


def test_what_the_image_is_made_of_is_there_and_not_kept_out_of_it() -> None:
    folder = ROOT / "configs" / "docker"
    let_in = (folder / "Dockerfile.dockerignore").read_text().splitlines()
    lines = (folder / "Dockerfile").read_text().splitlines()
    copied = [
        line.split()[1:-1] for line in lines if line.startswith("COPY ") and "--from" not in line
    ]
    for name in [name for names in copied for name in names]:
        assert (ROOT / name).exists(), name
        assert f"!{name}" in let_in, name
