"""What will not fit is refused before it is read."""

import json
from pathlib import Path

import pytest

from pipelines.capacity import Load, Places, check_room, estimate_need
from pipelines.config_sections import LimitsConfig
from pipelines.errors import NoRoomError
from pipelines.inputs import given_inputs
from pipelines.loading import FileInput
from pipelines.progress import SilentProgress
from pipelines.store import Store, open_store

TEXTS = ("the parcel never came and nobody answers the phone", "great", "המשלוח איחר בשבוע")


@pytest.fixture
def store(tmp_path: Path) -> Store:
    return open_store(f"sqlite:///{tmp_path}/store.db", create=True)


@pytest.fixture
def files(tmp_path: Path) -> tuple[FileInput, ...]:
    rows = [{"id": str(n), "text": TEXTS[n % 3], "note": "x" * 200} for n in range(300)]
    lines = "".join(json.dumps(row, ensure_ascii=False) + "\n" for row in rows)
    path = tmp_path / "said.jsonl"
    path.write_text(lines, encoding="utf-8")
    given = given_inputs([str(path)], source=None, pairs=["text=text"], progress=SilentProgress())
    return given.feedback


def test_what_there_is_room_for_is_not_looked_at(
    store: Store, files: tuple[FileInput, ...], tmp_path: Path
) -> None:
    check_room(store, files, Places(LimitsConfig(memory_gb=4, disk_gb=1), tmp_path))
    check_room(store, (), Places(LimitsConfig(memory_gb=0.001), tmp_path))


def test_rows_and_mentions_are_counted_before_anything_is_refused(
    store: Store, files: tuple[FileInput, ...], tmp_path: Path
) -> None:
    need = estimate_need(Load(), Load(300, 300))
    just = LimitsConfig(memory_gb=need.memory / 1e9 + 1e-6, disk_gb=need.store / 1e9 + 0.01)
    check_room(
        store, files, Places(just, tmp_path)
    )  # though the notes alone are as long as more texts


@pytest.mark.parametrize(
    ("limits", "said"),
    [
        (LimitsConfig(memory_gb=1), r"about 1\.5 GB of memory, and 1\.0 GB are there"),
        (LimitsConfig(memory_gb=9, disk_gb=0.0001), r"of disk in .*, and 0\.1 MB are there"),
    ],
)
def test_what_does_not_fit_is_refused_with_what_is_needed(
    store: Store, files: tuple[FileInput, ...], tmp_path: Path, limits: LimitsConfig, said: str
) -> None:
    with pytest.raises(NoRoomError, match=said) as caught:
        check_room(store, files, Places(limits, tmp_path))
    assert "300 feedback with about 300 mentions" in str(caught.value)
    assert caught.value.exit_code == 2


def test_a_need_grows_with_what_is_stored_and_with_what_is_new() -> None:
    small, more = estimate_need(Load(), Load(10, 20)), estimate_need(Load(), Load(1000, 2000))
    assert more.memory > small.memory and more.store > small.store and more.cache > small.cache
    kept = estimate_need(Load(1000, 2000), Load(10, 20))
    assert (kept.store, kept.cache) == (small.store, small.cache) and kept.memory == more.memory + (
        small.memory - estimate_need(Load(), Load()).memory
    )


def test_what_a_source_gave_before_is_not_counted_again() -> None:
    assert Load(1000, 1500).less(900) == Load(100, 150)
    assert Load(1000, 1500).less(1200) == Load(0, 0)


def test_workers_need_memory_of_their_own_and_room_in_the_lake(
    store: Store, files: tuple[FileInput, ...], tmp_path: Path
) -> None:
    limits = LimitsConfig(memory_gb=3, disk_gb=1)
    check_room(store, files, Places(limits, tmp_path, 1, tmp_path / "lake"))
    with pytest.raises(NoRoomError, match=r"3\.5 GB of memory with 2 workers \(\[engine\] workers"):
        check_room(store, files, Places(limits, tmp_path, 2, tmp_path / "lake"))
    # A million rows as they were measured: 3.7 GB of memory, 3.46 of store.
    need = estimate_need(Load(), Load(1_000_000, 1_580_000), 2)
    assert 3.7e9 < need.memory < 4e9 and 3.46e9 < need.store / 2 < 3.8e9
