"""Files as CRMs import them: whole or not at all."""

import os
from pathlib import Path

import pyarrow.parquet as pq
import pytest
from sqlalchemy import select, text

from pipelines import tables
from pipelines.store import Store
from pipelines.syncs import files
from pipelines.syncs.syncing import sync_customers
from tests.pipelines.syncs.stores import SINCE, THEME, N, make_job, set_risk

FIELDS = {"=Risk": "risk", "Theme": "open_theme", "Since": "open_since", "Said": "evidence"}


def csv_sync(layout: str) -> dict[str, object]:
    return {"name": layout, "kind": "csv", "path": f"{layout}.csv", "layout": layout,
            "id_column": "External_Id__c", "fields": FIELDS}  # fmt: skip


def test_each_layout_is_as_its_importer_reads_it_without_formulas(
    store: Store, tmp_path: Path
) -> None:
    set_risk(store, "007", -0.5)
    layouts = ("plain", "salesforce", "hubspot")
    parquet = {"name": "pq", "kind": "parquet", "path": "all.parquet", "fields": FIELDS}
    job = make_job(store, tmp_path, *map(csv_sync, layouts), parquet)
    assert [done.n_sent for done in sync_customers(job)] == [N] * 4
    rows = {}
    for layout in layouts:
        content = (tmp_path / f"{layout}.csv").read_bytes()
        assert content.startswith(b"\xef\xbb\xbf") == (layout == "plain")
        rows[layout] = content.decode("utf-8-sig").split("\r\n")
        assert rows[layout][0] == "External_Id__c,'=Risk,Theme,Since,Said"
        assert (tmp_path / f"{layout}.csv").stat().st_mode & 0o77 == 0
    told = '007,-0.5,\'=Late delivery,{},"[""007-0""]"'
    assert rows["plain"][1] == told.format("2026-01-05T10:30:00Z")
    assert rows["salesforce"][1] == told.format("2026-01-05T10:30:00.000Z")
    assert rows["hubspot"][1] == told.format("2026-01-05")
    table = pq.read_table(tmp_path / "all.parquet").to_pylist()
    assert len(table) == N
    assert table[0] == {
        "customer_id": "007", "=Risk": -0.5, "Theme": THEME, "Since": SINCE, "Said": '["007-0"]'
    }  # fmt: skip
    with store.read() as connection:
        kinds = connection.execute(select(tables.output_file.c.kind)).scalars().all()
    assert kinds == ["sync"] * 4


def test_a_file_is_written_when_a_row_changes_and_left_alone_else(
    store: Store, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    job = make_job(store, tmp_path, csv_sync("plain"))
    path = tmp_path / "plain.csv"
    sync_customers(job)
    os.utime(path, (1, 1))
    sync_customers(job)
    assert path.stat().st_mtime == 1
    with store.write() as connection:
        connection.execute(text("DELETE FROM customer WHERE customer_id = '008'"))

    def stop(*given: object) -> None:
        raise SystemExit

    with monkeypatch.context() as patched:  # killed after it was written down, before the file
        patched.setattr(files, "_write_csv", stop)
        with pytest.raises(SystemExit):
            sync_customers(job)
    assert "008" in path.read_text()
    assert sync_customers(job)[0].n_removed == 0
    assert "008" not in path.read_text() and "009" in path.read_text()
    path.unlink()
    sync_customers(job)
    assert path.read_text(encoding="utf-8-sig").count("\n") == N
    assert [each.name for each in tmp_path.iterdir() if ".part" in each.name] == []
