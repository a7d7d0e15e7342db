import json
import multiprocessing
import os
import subprocess
import sys
import textwrap
from pathlib import Path

import pytest

from nlp.cache import MANIFEST, ensure_folder, find_damage, is_intact
from nlp.errors import ModelError


def _write(folder: Path) -> None:
    (folder / "part").mkdir()
    (folder / "part" / "a.json").write_text("{}")
    (folder / "weights").write_bytes(bytes(1000))


def _write_counted(folder: Path) -> None:
    with (folder.parent / "builds").open("a") as stream:
        stream.write("x")
    _write(folder)


def _ensure_counted(folder: Path) -> None:
    ensure_folder(folder, "r1", _write_counted)


def test_a_folder_is_built_once(tmp_path: Path) -> None:
    for _ in range(2):
        assert ensure_folder(tmp_path / "m", "r1", _write_counted) == tmp_path / "m"
    assert (tmp_path / "builds").read_text() == "x"
    assert (tmp_path / "m" / "part" / "a.json").read_text() == "{}"


@pytest.mark.parametrize("damage", ["changed", "cut", "missing", "manifest", "no manifest"])
def test_a_damaged_folder_is_rebuilt(tmp_path: Path, damage: str) -> None:
    folder = ensure_folder(tmp_path / "m", "r1", _write)
    weights = folder / "weights"
    if damage == "changed":
        weights.write_bytes(bytes(999) + b"\x01")
    elif damage == "cut":
        weights.write_bytes(bytes(10))
    elif damage == "missing":
        weights.unlink()
    elif damage == "manifest":
        (folder / MANIFEST).write_text("[")
    else:
        (folder / MANIFEST).unlink()
    assert not is_intact(folder, "r1")
    ensure_folder(folder, "r1", _write)
    assert weights.read_bytes() == bytes(1000)
    assert is_intact(folder, "r1")


def test_a_folder_of_another_revision_is_replaced(tmp_path: Path) -> None:
    ensure_folder(tmp_path / "m", "r1", _write)
    ensure_folder(tmp_path / "m", "r2", lambda folder: (folder / "b").touch())
    assert sorted(path.name for path in (tmp_path / "m").iterdir()) == ["b", MANIFEST]


def test_a_build_that_fails_leaves_nothing(tmp_path: Path) -> None:
    def fail(folder: Path) -> None:
        _write(folder)
        raise OSError(28, "No space left on device")

    with pytest.raises(ModelError, match=r"No space left on device.*another cache folder"):
        ensure_folder(tmp_path / "m", "r1", fail)
    assert [path.name for path in tmp_path.iterdir() if path.is_dir()] == []
    ensure_folder(tmp_path / "m", "r1", _write)


def test_a_failed_rebuild_keeps_the_old_folder(tmp_path: Path) -> None:
    ensure_folder(tmp_path / "m", "r1", _write)

    def fail(folder: Path) -> None:
        raise OSError(28, "No space left on device")

    with pytest.raises(ModelError):
        ensure_folder(tmp_path / "m", "r2", fail)
    assert is_intact(tmp_path / "m", "r1")


def test_leftovers_of_a_killed_process_are_cleared(tmp_path: Path) -> None:
    (tmp_path / "m.new" / "part").mkdir(parents=True)
    (tmp_path / "m.old").mkdir()
    ensure_folder(tmp_path / "m", "r1", _write)
    assert sorted(path.name for path in tmp_path.iterdir() if path.is_dir()) == ["m"]


def test_processes_that_start_together_build_once(tmp_path: Path) -> None:
    context = multiprocessing.get_context("fork")
    workers = [context.Process(target=_ensure_counted, args=(tmp_path / "m",)) for _ in range(4)]
    for worker in workers:
        worker.start()
    for worker in workers:
        worker.join()
    assert [worker.exitcode for worker in workers] == [0] * 4
    assert (tmp_path / "builds").read_text() == "x"


def test_a_full_disk_gives_one_clear_error_and_no_folder(tmp_path: Path) -> None:
    """A limit on file size stands in for the disk: the same failing write, in the real writer."""
    program = """
        import resource, signal, sys
        from pathlib import Path
        from nlp.errors import ModelError
        from nlp.weights import prepare_default_encoder
        signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
        resource.setrlimit(resource.RLIMIT_FSIZE, (10**7, 10**7))
        try:
            prepare_default_encoder(Path(sys.argv[1]))
        except ModelError as error:
            print(error)
    """
    done = subprocess.run(
        [sys.executable, "-c", textwrap.dedent(program), str(tmp_path)],
        capture_output=True,
        text=True,
        cwd=Path(__file__).parents[2],
    )
    assert done.returncode == 0, done.stderr
    assert "cannot write the model to" in done.stdout
    assert "another cache folder" in done.stdout
    assert [path.name for path in tmp_path.iterdir() if path.is_dir()] == []


def test_a_file_with_another_time_is_judged_by_its_content_and_then_known(tmp_path: Path) -> None:
    folder = ensure_folder(tmp_path / "m", "r1", _write)
    os.utime(folder / "weights", ns=(1, 1))
    assert is_intact(folder, "r1")
    stamps = json.loads((folder / MANIFEST).read_text())["stamps"]
    assert stamps["weights"] == [1000, 1]
    assert [path.name for path in tmp_path.iterdir() if "manifest" in path.name] == []


def test_what_size_and_time_hide_is_found_by_reading(tmp_path: Path) -> None:
    folder = ensure_folder(tmp_path / "m", "r1", _write)
    written = (folder / "weights").stat().st_mtime_ns
    (folder / "weights").write_bytes(bytes(999) + b"\x01")
    os.utime(folder / "weights", ns=(written, written))
    (folder / "part" / "a.json").unlink()
    assert find_damage(folder, "r1") == ["part/a.json (missing)", "weights (changed)"]
    (folder / "part" / "a.json").write_text("{}")
    assert is_intact(folder, "r1")
    ensure_folder(folder, "r1", _write, is_thorough=True)
    assert find_damage(folder, "r1") == []
    assert find_damage(folder, "r2") == ["manifest.json (missing, damaged or of another revision)"]


def test_a_manifest_without_times_is_still_checked(tmp_path: Path) -> None:
    folder = ensure_folder(tmp_path / "m", "r1", _write)
    manifest = json.loads((folder / MANIFEST).read_text())
    del manifest["stamps"]
    (folder / MANIFEST).write_text(json.dumps(manifest))
    assert is_intact(folder, "r1")
    assert json.loads((folder / MANIFEST).read_text())["stamps"]["weights"][0] == 1000
