"""Objects of S3, read from a server of moto's on this machine."""

import gzip
import io
import json
import zipfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import s3fs

from pipelines.config import Config
from pipelines.errors import InputError
from pipelines.inlets.object_stores import fetch_objects
from pipelines.inlets.spool import Spool
from pipelines.inputs import configured_inputs
from tests.command_line import make_call
from tests.pipelines.store_copies import open_copy

HEAD = "id,comment,created_at\n"


def _csv(first: int, n: int) -> bytes:
    rows = (f"{i},Delivery {i} was late again,2026-01-05\n" for i in range(first, first + n))
    return (HEAD + "".join(rows)).encode()


def _archive() -> bytes:
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w") as archive:
        archive.writestr("inner.csv", _csv(300, 3))
    return out.getvalue()


OBJECTS = {
    "exports/2026/a.csv.gz": gzip.compress(_csv(0, 40)),
    "exports/2026/b.csv.gz": gzip.compress(_csv(100, 30)),
    "exports/2026/b.pdf": b"%PDF-1.7",
    "exports/2026/deep/a.csv": _csv(200, 5),
    "exports/2026/.hidden.csv": _csv(900, 5),
    "exports/packed.zip": _archive(),
    "damaged/a.csv.gz": gzip.compress(_csv(0, 4000))[:900],
}


@pytest.fixture(scope="module")
def bucket() -> Iterator[str]:
    """A bucket on a server of this machine."""
    from moto.server import ThreadedMotoServer

    server = ThreadedMotoServer(ip_address="127.0.0.1", port=0, verbose=False)
    server.start()
    _, port = server.get_host_and_port()
    with pytest.MonkeyPatch.context() as patch:
        for name, value in {
            "AWS_ENDPOINT_URL": f"http://127.0.0.1:{port}",
            "AWS_ACCESS_KEY_ID": "AKIAEXAMPLE",
            "AWS_SECRET_ACCESS_KEY": "wJalrXUtnFEMI",
            "AWS_DEFAULT_REGION": "us-east-1",
            "AWS_CONFIG_FILE": "/dev/null",
        }.items():
            patch.setenv(name, value)
        import boto3

        client = boto3.client("s3")
        client.create_bucket(Bucket="feedback")
        for key, data in OBJECTS.items():
            client.put_object(Bucket="feedback", Key=key, Body=data)
        yield "s3://feedback"
    server.stop()


def test_a_pattern_a_folder_an_object_and_an_archive_are_read(bucket: str) -> None:
    skipped: list[Any] = []
    with Spool() as spool:
        matched = fetch_objects(f"{bucket}/exports/2026/*.csv.gz", spool, skipped)
        assert [(file.name, file.ending) for file in matched] == [
            *(("a.csv.gz", "csv"), ("b.csv.gz", "csv")),
        ]
        folder = fetch_objects(f"{bucket}/exports/", spool, skipped)
        assert [file.name for file in folder] == [
            *("2026/a.csv.gz", "2026/b.csv.gz", "2026/deep/a.csv", "packed.zip!/inner.csv"),
        ]
        (one,) = fetch_objects(f"{bucket}/exports/2026/a.csv.gz", spool, skipped)
        assert one.name == "s3://feedback/exports/2026/a.csv.gz"  # the short name is taken
        for file, data in (
            (one, _csv(0, 40)),
            (folder[2], _csv(200, 5)),
            (folder[3], _csv(300, 3)),
        ):
            with file.open() as stream:
                assert stream.read() == data
    assert [(each.name, each.reason) for each in skipped] == [
        ("2026/b.pdf", "unknown kind of file"),
    ]


def test_what_is_not_there_is_told_without_a_secret(
    bucket: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    wrong = {
        f"{bucket}/none/": "does not exist",
        f"{bucket}/none/*.csv": "names no object that earful reads",
        "s3://other-bucket/a/": "does not exist",
        f"{bucket}/exports/2026/b.pdf": "of a kind that earful does not read",
    }
    with Spool() as spool:
        for url, said in wrong.items():
            with pytest.raises(InputError, match=said):
                fetch_objects(url, spool, [])
        s3fs.S3FileSystem.clear_instance_cache()
        monkeypatch.setenv("AWS_ENDPOINT_URL", "http://127.0.0.1:9")
        monkeypatch.setenv("AWS_MAX_ATTEMPTS", "1")
        with pytest.raises(InputError, match="cannot be read") as caught:
            fetch_objects(f"{bucket}/exports/", spool, [])
        assert "wJalr" not in str(caught.value)
        s3fs.S3FileSystem.clear_instance_cache()


def test_a_bucket_is_ingested_once_and_a_damaged_object_is_accounted_for(
    bucket: str,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    monkeypatch.setenv("EARFUL_SECRET", "0123456789abcdef0123456789abcdef")
    monkeypatch.setenv("EARFUL_CACHE", str(tmp_path / "cache"))
    store = tmp_path / "s.db"
    open_copy(f"sqlite:///{store}", "empty").engine.dispose()
    call = make_call(capsys)
    command = ("ingest", f"{bucket}/exports/2026/*.csv.gz", "--db", store, "--json")
    counts = [json.loads(call(*command).out) for _ in range(2)]
    assert [(each["n_read"], each["n_new"], each["n_known"]) for each in counts] == [
        *((70, 70, 0), (70, 0, 70)),
    ]
    both = call("ingest", f"{bucket}/damaged/", f"{bucket}/exports/packed.zip", *command[2:])
    found = json.loads(both.out)
    assert both.code == 3 and found["n_new"] >= 3
    assert found["n_read"] == found["n_new"] + found["n_known"] + found["n_rejected"]
    given = {"path": f"{bucket}/exports/2026/deep/", "name": "deep"}
    with Spool() as spool:
        config = Config.model_validate({"sources": [given]})
        (file,) = configured_inputs(config, tmp_path, spool).feedback
        assert (file.file.name, file.source) == ("a.csv", "deep")
