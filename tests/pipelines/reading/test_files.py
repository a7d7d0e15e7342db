"""Finding files, and opening them whatever they are packed in."""

import gzip
import os
import zipfile
from pathlib import Path

import pytest

from pipelines.errors import InputError
from pipelines.reading import find_files, find_inputs, open_tables

CSV = b"id,text\n1,good\n2,bad\n"


def read_values(file):
    return [row.values for table in open_tables(file) for row in table.rows]


def zip_of(path: Path, members: dict[str, bytes]) -> Path:
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, data in members.items():
            archive.writestr(name, data)
    return path


def test_a_folder_gives_its_readable_files_in_order_and_tells_what_it_left_out(tmp_path):
    (tmp_path / "b" / "c").mkdir(parents=True)
    (tmp_path / "b" / "c" / "z.csv").write_bytes(CSV)
    (tmp_path / "a.jsonl").write_bytes(b'{"a":1}\n')
    (tmp_path / ".hidden.csv").write_bytes(CSV)
    (tmp_path / "notes.docx").write_bytes(b"x")
    found = find_inputs([str(tmp_path)])
    assert [file.name for file in found.files] == ["a.jsonl", "b/c/z.csv"]
    assert [(left.name, left.reason) for left in found.skipped] == [
        ("notes.docx", "unknown kind of file")
    ]


def test_names_do_not_depend_on_the_working_directory(tmp_path, monkeypatch):
    (tmp_path / "in").mkdir()
    (tmp_path / "in" / "a.csv").write_bytes(CSV)
    absolute = find_files([str(tmp_path / "in")])[0].name
    monkeypatch.chdir(tmp_path / "in")
    assert [find_files([given])[0].name for given in (".", "a.csv", "*.csv", "../in")] == [
        absolute
    ] * 4


def test_a_file_named_twice_is_read_once_and_equal_names_are_told_apart(tmp_path):
    for year in ("2024", "2025"):
        (tmp_path / year).mkdir()
        (tmp_path / year / "a.csv").write_bytes(CSV)
    given = [str(tmp_path / "2024"), str(tmp_path / "2025" / "a.csv"), str(tmp_path / "*/a.csv")]
    assert [file.name for file in find_files(given)] == ["2024/a.csv", "2025/a.csv"]


@pytest.mark.parametrize("name", ["a.csv", "a.csv.gz", "renamed.csv"])
def test_plain_and_gzipped_files_read_the_same(tmp_path, name):
    data = CSV if name == "a.csv" else gzip.compress(CSV)
    (tmp_path / name).write_bytes(data)
    assert read_values(find_files([str(tmp_path / name)])[0])[1] == {"id": "2", "text": "bad"}


def test_members_of_a_zip_are_files_of_their_own(tmp_path):
    path = zip_of(
        tmp_path / "x.zip",
        {
            "deep/er/a.csv": CSV,
            "b.csv.gz": gzip.compress(CSV),
            "in.zip": b"PK",
            "__MACOSX/a.csv": b"",
        },
    )
    found = find_inputs([str(path)])
    assert [file.name for file in found.files] == ["x.zip!/b.csv.gz", "x.zip!/deep/er/a.csv"]
    assert all(len(read_values(file)) == 2 for file in found.files)
    assert [left.name for left in found.skipped] == ["x.zip!/__MACOSX/a.csv", "x.zip!/in.zip"]


def test_a_member_named_to_escape_is_read_and_nothing_is_written(tmp_path):
    path = zip_of(tmp_path / "x.zip", {"../../evil.csv": CSV})
    (file,) = find_files([str(path)])
    assert len(read_values(file)) == 2
    assert not (tmp_path.parent.parent / "evil.csv").exists()


def test_a_missing_path_suggests_the_nearest_name(tmp_path):
    (tmp_path / "reviews.csv").write_bytes(CSV)
    with pytest.raises(InputError, match=r"does not exist; did you mean .*reviews\.csv"):
        find_files([str(tmp_path / "review.csv")])
    with pytest.raises(InputError, match="nor does its folder"):
        find_files([str(tmp_path / "no" / "review.csv")])


def test_a_folder_without_readable_files_says_what_is_there_and_what_is_read(tmp_path):
    (tmp_path / "notes.docx").write_bytes(b"x")
    with pytest.raises(InputError, match=r"1 other file: notes\.docx.*\.parquet"):
        find_files([str(tmp_path)])
    with pytest.raises(InputError, match="kind that earful does not read"):
        find_files([str(tmp_path / "notes.docx")])
    with pytest.raises(InputError, match="no readable file matches"):
        find_files([str(tmp_path / "*.csv")])


@pytest.mark.skipif(os.geteuid() == 0, reason="root may read everything")
def test_a_file_without_permission_is_a_clear_error(tmp_path):
    (tmp_path / "a.csv").write_bytes(CSV)
    (tmp_path / "a.csv").chmod(0)
    with pytest.raises(InputError, match="permission denied"):
        read_values(find_files([str(tmp_path / "a.csv")])[0])


@pytest.mark.parametrize(
    ("name", "data"),
    [
        ("a.csv.gz", gzip.compress(CSV, mtime=0)[:12]),
        ("a.csv.gz", b"\x1f\x8b" + bytes(40)),
        ("a.zip", b"PK\x03\x04 not an archive"),
        ("a.zip", b""),
    ],
)
def test_a_damaged_archive_is_a_clear_error(tmp_path, name, data):
    (tmp_path / name).write_bytes(data)
    with pytest.raises(InputError, match=r"damaged|empty"):
        [read_values(file) for file in find_files([str(tmp_path / name)])]


def test_an_encrypted_member_is_a_clear_error(tmp_path):
    path = zip_of(tmp_path / "x.zip", {"a.csv": CSV})
    data = bytearray(path.read_bytes())
    data[6] |= 1  # the flag for encryption, in the local and the central header
    data[data.index(b"PK\x01\x02") + 8] |= 1
    path.write_bytes(data)
    with pytest.raises(InputError, match="password"):
        read_values(find_files([str(path)])[0])


def test_a_zip_bomb_is_refused_before_unpacking_and_a_gzip_bomb_while_reading(tmp_path):
    zeros = bytes(80 * 2**20)
    path = zip_of(tmp_path / "x.zip", {"a.csv": zeros})
    with pytest.raises(InputError, match="zip bomb; nothing was unpacked"):
        find_files([str(path)])
    (tmp_path / "a.csv.gz").write_bytes(gzip.compress(b"a,b\n" + zeros, 9))
    (table,) = open_tables(find_files([str(tmp_path / "a.csv.gz")])[0])
    assert [row.reason for row in table.rows] == ["cell_too_long", "damaged_file"]


def test_a_file_cut_short_keeps_the_rows_before_and_says_so(tmp_path):
    lines = b"".join(b"%d,%d\n" % (number, number * 7919 % 100_003) for number in range(50_000))
    packed = gzip.compress(b"a,b\n" + lines)
    (tmp_path / "a.csv.gz").write_bytes(packed[: len(packed) // 2])
    (table,) = open_tables(find_files([str(tmp_path / "a.csv.gz")])[0])
    *rows, last = table.rows
    assert last.reason == "damaged_file"
    assert len(rows) > 10_000
    assert rows[9_999].values == {"a": "9999", "b": str(9999 * 7919 % 100_003)}
