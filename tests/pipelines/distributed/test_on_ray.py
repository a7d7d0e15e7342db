"""Ray itself: several nodes on this machine, in a network of their own, and what befalls them."""

import json
import os
import shutil
import subprocess
import sys
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import select

from pipelines import tables
from pipelines.job import Job
from pipelines.store import open_store
from tests.pipelines.distributed.test_cluster_runs import run_all, write_files
from tests.pipelines.test_run import dump

ROOT = Path(__file__).parents[3]
SCENES = ("run", "worker", "node", "link", "head")
ALONE = ("unshare", "--net", "--pid", "--fork", "--kill-child", "--mount-proc")


def is_alone() -> bool:
    if shutil.which("unshare") is None or shutil.which("ip") is None:
        return False
    return subprocess.run([*ALONE, "true"], capture_output=True, check=False).returncode == 0


pytestmark = [
    # Five clusters take two to four minutes of waiting: more than the whole suite can spare.
    pytest.mark.skipif(
        not os.environ.get("EARFUL_TEST_RAY"), reason="EARFUL_TEST_RAY=1 plays losses on Ray itself"
    ),
    pytest.mark.skipif(not is_alone(), reason="no right to a network namespace (unshare --net)"),
    pytest.mark.timeout(580),
]


@pytest.fixture(scope="module")
def played(tmp_path_factory: pytest.TempPathFactory, tiny_models: dict[str, str]) -> dict[str, Any]:
    """What came of each scene, and the folder where the run's is."""
    pytest.importorskip("ray", reason="the extra distributed is not installed")
    folder = tmp_path_factory.mktemp("ray")
    write_files(folder)
    (folder / "cache").mkdir()
    url = f"sqlite:///{folder}/ray.db"
    config = {"store": {"url": url}, "models": tiny_models, "engine": {"shard_rows": 20}}
    (folder / "config.json").write_text(json.dumps(config))
    scenes = (sys.executable, "-m", "tests.pipelines.distributed.scenes", str(folder))
    done = subprocess.run(
        [*ALONE, *scenes, *SCENES],
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=False,
        timeout=560,
    )
    told = [json.loads(line) for line in done.stdout.splitlines() if line.startswith("{")]
    assert len(told) == len(SCENES), done.stderr[-4000:]
    return {"folder": folder, **{name: found for each in told for name, found in each.items()}}


def test_nodes_give_the_tables_of_a_local_run(
    played: dict[str, Any], make_job: Callable[..., Job]
) -> None:
    folder = played["folder"]
    local = replace(make_job("local"), secret_path=folder / "secret")
    assert run_all(local, sorted((folder / "in").iterdir())) == played["run"]
    url = f"sqlite:///{folder}/ray.db"
    assert dump(url) == dump(local.config.store.url)
    store = open_store(url)
    with store.read() as connection:
        assert connection.execute(select(tables.run.c.engine)).scalars().all() == ["ray"]
    store.engine.dispose()


@pytest.mark.parametrize("lost", ["worker", "node", "link"])
def test_what_is_lost_costs_its_task_once_more(played: dict[str, Any], lost: str) -> None:
    assert played[lost]["right"]
    (told,) = played[lost]["told"]
    assert "is done once more" in told


def test_a_head_that_does_not_answer_ends_the_run_with_what_to_do(played: dict[str, Any]) -> None:
    assert not played["head"]["right"]
    told = played["head"]["told"][-1]
    assert "cannot be used" in told
    assert "run the same command again" in told
