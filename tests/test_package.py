"""The wheel holds everything that an installed earful needs."""

import subprocess
import sys
import zipfile
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]


@pytest.fixture(scope="module")
def wheel(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("wheel")
    command = [sys.executable, "-m", "build", "--wheel", "--no-isolation", "--outdir", str(folder)]
    done = subprocess.run([*command, str(ROOT)], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout + done.stderr
    return next(folder.glob("*.whl"))


def test_every_tracked_file_of_both_packages_and_the_configs_is_in_the_wheel(wheel: Path) -> None:
    listed = subprocess.run(
        ["git", "ls-files", "nlp", "pipelines", "configs"],
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=False,
    )
    if listed.returncode:
        pytest.skip("not a git checkout")
    wanted = {
        "pipelines/_" + name if name.startswith("configs/") else name
        for name in listed.stdout.splitlines()
        if not name.startswith('"') and (ROOT / name).exists()
    }
    with zipfile.ZipFile(wheel) as archive:
        held = set(archive.namelist())
    assert wanted <= held


def test_an_installed_wheel_runs_away_from_the_checkout(wheel: Path, tmp_path: Path) -> None:
    target = tmp_path / "site"
    with zipfile.ZipFile(wheel) as archive:
        archive.extractall(target)
    (tmp_path / "r.csv").write_text("id,comment,date\n1,The card is late again,2026-01-02\n")
    program = (
        "import sys; sys.path = [p for p in sys.path if not p.endswith('main')]; "
        f"sys.path.insert(0, {str(target)!r}); import pipelines; "
        f"assert pipelines.__file__.startswith({str(target)!r}), pipelines.__file__; "
        "from pipelines.cli.app import run_app; "
        "sys.exit(max(run_app(['inspect', 'r.csv']), run_app(['ingest', 'r.csv']), "
        "run_app(['report']), run_app(['schema', 'run'])))"
    )
    done = subprocess.run(
        [sys.executable, "-I", "-c", program],
        cwd=tmp_path,
        capture_output=True,
        text=True,
        check=False,
        env={"HOME": str(tmp_path), "PATH": "/usr/bin:/bin"},
    )
    assert done.returncode == 0, done.stdout + done.stderr
    assert (tmp_path / "report.html").exists()
