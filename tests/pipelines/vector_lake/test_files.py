"""Files of vectors: what any reader of Parquet finds in them is what we read at any row."""

from pathlib import Path

import numpy as np
import pyarrow.parquet as pq
import pytest

from pipelines.errors import StoreError
from pipelines.vector_lake import files
from pipelines.vector_lake.places import Place, find_place, pack_place


@pytest.mark.parametrize("dim", [1, 4, 384, 1024])
@pytest.mark.parametrize("n", [1, 2, 1_025, files.FILE_ROWS])
def test_any_row_is_read_as_a_reader_of_parquet_reads_it(tmp_path: Path, n: int, dim: int) -> None:
    if n * dim > 2**23:
        pytest.skip("large enough")
    rng = np.random.default_rng(n + dim)
    vectors = rng.standard_normal((n, dim)).astype("<f2")
    keys = [f"{number:032x}" for number in rng.permutation(n)]
    file = files.write_file(tmp_path, "e5@1", keys, [each.tobytes() for each in vectors])
    path = tmp_path / file.name
    read = pq.read_table(path).to_pydict()
    assert (read["text_hash"], set(read["model"])) == (keys, {"e5@1"})
    assert np.array_equal(files.open_vectors(path, file.n_bytes).view("<f2"), vectors)
    assert b"".join(read["data"]) == vectors.tobytes()
    assert files.read_texts(path) == ("e5@1", keys)
    assert files.is_whole(path, file)
    assert path.stat().st_mode & 0o077 == 0
    assert files.list_names(tmp_path) == [file.name]


def test_a_place_is_never_a_vector_and_comes_back_from_its_bytes() -> None:
    places = [Place(0, 0), Place(0, files.FILE_ROWS), Place(7, 1), Place(2**32 - 1, 2**32 - 1)]
    packed = [pack_place(each) for each in places]
    assert [find_place(each) for each in packed] == places == sorted(places)
    assert packed == sorted(packed)
    assert find_place(None) is None
    assert all(find_place(bytes(2 * dim)) is None for dim in range(1, 1_025))


def test_a_file_that_is_gone_cut_or_not_ours_is_a_clear_error(tmp_path: Path) -> None:
    file = files.write_file(tmp_path, "m", ["a", "b"], [b"1234", b"5678"])
    path = tmp_path / file.name
    content = path.read_bytes()
    cases = {
        content[:-1]: "is not what was written",
        bytes(len(content)): "is not what was written",
        None: "is gone",
    }
    for broken, message in cases.items():
        files.open_vectors.cache_clear()
        path.unlink() if broken is None else path.write_bytes(broken)
        with pytest.raises(StoreError, match=message):
            files.open_vectors(path, file.n_bytes)
        assert not files.is_whole(path, file)


def test_a_folder_that_cannot_be_written_is_a_clear_error(tmp_path: Path) -> None:
    with pytest.raises(StoreError, match="see that the folder is there"):
        files.write_file(tmp_path / "none", "m", ["a"], [b"12"])
