"""Runs whose vectors stay in the lake: the same tables, whatever befalls its files."""

import shutil
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import func, select, update

from pipelines import tables
from pipelines.asking.asking import Asker
from pipelines.asking.searching import Filters
from pipelines.backup.making import back_up_store
from pipelines.doctor import examine_machine
from pipelines.errors import StoreError
from pipelines.feedback_vectors import read_mean_vectors
from pipelines.job import Job
from pipelines.progress import SilentProgress
from pipelines.report.theme_map import place_themes
from pipelines.rights.forgetting import forget_person
from pipelines.rights.ledger import find_ledger
from pipelines.rights.people import Asked
from pipelines.store import open_store
from pipelines.store_copy import copy_store
from pipelines.vector_lake import keeping
from pipelines.vector_lake.files import list_names, open_vectors, read_texts
from pipelines.vector_lake.pending import find_lake
from pipelines.vector_lake.reading import find_width, stream_rows
from tests.pipelines.distributed.test_cluster_runs import run_all, write_files
from tests.pipelines.store_contents import FILE_FACTS, RUN_FACTS, read_contents
from tests.pipelines.store_copies import open_copy

PLACES = {"vector", "lake_file", "store_info"}


@pytest.fixture
def files(tmp_path: Path) -> list[Path]:
    return write_files(tmp_path)


MakeJob = Callable[..., Job]


@pytest.fixture
def url(store_url: str) -> str:
    """An empty store of either kind."""
    open_copy(store_url, "empty, for a lake").engine.dispose()
    return store_url


def in_lake(job: Job, url: str | None = None) -> Job:
    store = job.config.store.model_copy(
        update={"vectors": "lake", "url": url or job.config.store.url}
    )
    return replace(job, config=job.config.model_copy(update={"store": store}))


def read_all(url: str) -> tuple[Any, list[tuple[Any, ...]]]:
    """What a store holds, and its vectors wherever they lie."""
    store = open_store(url)
    found = read_contents(store, RUN_FACTS | FILE_FACTS | PLACES)
    with store.read() as connection:
        vectors = sorted(stream_rows(connection, tables.vector))
    store.engine.dispose()
    return found, vectors


def read_folder(job: Job) -> Path:
    store = open_store(job.config.store.url)
    with store.read() as connection:
        folder = find_lake(connection)
    store.engine.dispose()
    assert folder is not None
    return folder


def count_held(url: str) -> tuple[int, int]:
    """Vectors that the store has itself, and files of the lake."""
    store = open_store(url)
    vector = tables.vector.c
    with store.read() as connection:
        held = connection.execute(select(func.count()).where(func.length(vector.data) != 9))
        n_files = connection.execute(select(func.count()).select_from(tables.lake_file))
        found = held.scalar_one(), n_files.scalar_one()
    store.engine.dispose()
    return found


def test_a_store_with_a_lake_has_the_tables_of_one_without(
    files: list[Path], make_job: MakeJob, url: str, tmp_path: Path
) -> None:
    plain, lake = make_job("plain"), in_lake(make_job("lake"), url)
    for job in (plain, lake):
        run_all(job, files[:2])
        run_all(job, files)
    assert read_all(url) == read_all(plain.config.store.url)
    assert count_held(url) == (0, 2)
    assert count_held(plain.config.store.url)[1] == 0
    folder = read_folder(lake)
    known = {key for name in list_names(folder) for key in read_texts(folder / name)[1]}
    assert known == {row[0] for row in read_all(url)[1]}
    assert folder.is_relative_to(tmp_path / "lake")
    # What would otherwise lie in the store as well.
    assert {path.stat().st_mode & 0o077 for path in (folder, *folder.iterdir())} == {0}


def test_the_page_and_questions_read_a_lake_as_they_read_a_store(
    files: list[Path], make_job: MakeJob
) -> None:
    plain, lake = make_job("plain"), in_lake(make_job("lake"))
    found = []
    for job in (plain, lake):
        run_all(job, files)
        store = open_store(job.config.store.url)
        with store.write() as connection:
            mention = tables.mention.c
            # A theme that people made has no centre of its own.
            connection.execute(update(tables.mention).values(theme_id="made"))
            ids = list(connection.execute(select(mention.feedback_id).distinct()).scalars())
            of_all = tables.vector.c.model.is_not(None)
            means = read_mean_vectors(connection, ids, of_all)
            asker = Asker(store, job)
            found.append(
                (
                    place_themes(connection, ["made"]),
                    {key: mean.tobytes() for key, mean in sorted(means.items())},
                )
            )
        answers = asker.ask("the parcel came late", Filters(), 5).answers
        found[-1] += ([(each.text, each.similarity) for each in answers],)
        store.engine.dispose()
    assert found[0] == found[1]
    assert all(found[0])


def test_a_store_that_gets_a_lake_later_moves_there_and_stays_the_same(
    files: list[Path], make_job: MakeJob
) -> None:
    job = make_job("moved")
    run_all(job, files)
    url, before = job.config.store.url, read_all(job.config.store.url)
    n_held, _ = count_held(url)
    assert n_held > 20
    assert run_all(in_lake(job), files)["n_new"] == 0
    assert read_all(url) == before
    assert count_held(url) == (0, 1)
    # It stays there, though the next configuration does not ask for it.
    files[0].with_name("d.csv").write_text("id,comment\nN1,something that nobody has said\n")
    run_all(job, [*files, files[0].with_name("d.csv")])
    assert count_held(url) == (0, 2)


def test_the_words_of_a_person_leave_the_files_before_they_are_forgotten(
    files: list[Path], make_job: MakeJob, url: str
) -> None:
    plain, lake = make_job("plain"), in_lake(make_job("lake"), url)
    for job in (plain, lake):
        run_all(job, files)
    folder = read_folder(lake)
    before = {name: set(read_texts(folder / name)[1]) for name in list_names(folder)}
    for job in (plain, lake):
        receipt = forget_person(job, Asked(email="c3@example.com"))
        assert not receipt.problems
        assert receipt.counts["vector"] > 0
    assert read_all(url)[1] == read_all(plain.config.store.url)[1]
    after = {name: set(read_texts(folder / name)[1]) for name in list_names(folder)}
    assert not before.keys() & after.keys()
    left = {row[0] for row in read_all(url)[1]}
    assert set().union(*after.values()) == left < set().union(*before.values())


def test_a_run_that_is_taken_back_leaves_no_file_for_longer_than_the_next_one(
    files: list[Path], make_job: MakeJob, monkeypatch: pytest.MonkeyPatch
) -> None:
    job = in_lake(make_job("killed"))
    run_all(job, files[:1])
    folder, before = read_folder(job), read_all(job.config.store.url)
    (kept,) = list_names(folder)
    from pipelines.vector_lake import pending

    with monkeypatch.context() as patched:
        patched.setattr(pending, "FILE_ROWS", 4)
        patched.setattr("pipelines.job.return_memory", lambda: 1 / 0)
        with pytest.raises(ZeroDivisionError):
            run_all(job, files)
    assert len(list_names(folder)) > 2
    assert read_all(job.config.store.url) == before
    run_all(job, files)
    assert kept in list_names(folder)
    assert len(list_names(folder)) == 2 == count_held(job.config.store.url)[1]


def test_texts_whose_file_is_lost_are_read_again(
    files: list[Path], make_job: MakeJob, tmp_path: Path
) -> None:
    job = in_lake(make_job("lost"))
    run_all(job, files[:1])
    run_all(job, files)
    url, folder = job.config.store.url, read_folder(job)
    before = read_all(url)
    first, second = list_names(folder)
    (folder / first).unlink()
    (folder / second).write_bytes(b"cut")
    open_vectors.cache_clear()  # as another program would find them
    told = {each.name: each for each in examine_machine(tmp_path, tmp_path / "secret", url)}
    assert told["lake"].state == "error"
    assert told["lake"].detail.startswith("2 of 2 files of vectors are gone or damaged")
    with open_store(url).read() as connection, pytest.raises(StoreError, match="of the lake is"):
        find_width(connection, before[1][0][1])
    run_all(job, files)
    assert read_all(url) == before
    told = {each.name: each for each in examine_machine(tmp_path, tmp_path / "secret", url)}
    assert told["lake"].state == "ok"


def test_a_folder_that_is_not_there_is_an_error_and_one_that_moved_is_found(
    files: list[Path], make_job: MakeJob, tmp_path: Path
) -> None:
    job = in_lake(make_job("away"))
    run_all(job, files)
    before = read_all(job.config.store.url)
    (tmp_path / "lake").rename(tmp_path / "elsewhere")
    with pytest.raises(StoreError, match="is not there; mount it, put it back, or name"):
        run_all(job, files)
    engine = job.config.engine.model_copy(update={"lake": "elsewhere"})
    moved = replace(job, config=job.config.model_copy(update={"engine": engine}))
    run_all(moved, files)
    assert read_all(job.config.store.url) == before
    assert read_folder(job).is_relative_to(tmp_path / "elsewhere")


def test_many_small_files_become_one(
    files: list[Path], make_job: MakeJob, monkeypatch: pytest.MonkeyPatch
) -> None:
    job = in_lake(make_job("small"))
    monkeypatch.setattr(keeping, "_MAX_SMALL", 2)
    more = files[0].with_name("d.csv")
    for number in range(4):
        more.write_text(f"id,comment\nN1,nobody said {'this ' * number}before\n")
        run_all(job, [files[0], more])
    folder = read_folder(job)
    assert count_held(job.config.store.url) == (0, 1)
    # Who reads the old ones while they are replaced still can: they go with the next run.
    assert len(list_names(folder)) == 4
    before = read_all(job.config.store.url)
    run_all(job, [files[0], more])
    assert len(list_names(folder)) == 1
    assert read_all(job.config.store.url) == before


def test_copies_and_backups_are_whole_without_the_lake(
    files: list[Path], make_job: MakeJob, url: str, tmp_path: Path
) -> None:
    job = in_lake(make_job("whole"), url)
    run_all(job, files)
    expected = read_all(url)
    copy_store(url, f"sqlite:///{tmp_path}/copy.db", 5, SilentProgress())
    store = open_store(url)
    back_up_store(store, tmp_path / "kept.backup", find_ledger(job))
    store.engine.dispose()
    from pipelines.backup.restoring import restore_store

    restored = f"sqlite:///{tmp_path}/restored.db"
    config = job.config.model_copy(
        update={"store": job.config.store.model_copy(update={"url": restored})}
    )
    restore_store(replace(job, config=config), tmp_path / "kept.backup", find_ledger(job))
    shutil.rmtree(tmp_path / "lake")
    for each in (f"sqlite:///{tmp_path}/copy.db", restored):
        assert count_held(each) == (len(expected[1]), 0)
        assert read_all(each)[1] == expected[1]
    # A run gives the restored one a lake of its own.
    run_all(replace(job, config=config), files)
    assert count_held(restored) == (0, 1)
