"""The queries of dashboards run on both databases, and never show half a run."""

import importlib.util
import json
import os
import re
import shutil
import socket
import subprocess
import sys
import time
import tomllib
import urllib.request
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import insert, text

from pipelines import tables
from pipelines.roles import OPEN_TABLES
from pipelines.runs import Run, begin_run
from pipelines.store import Store
from pipelines.views import VIEW_COMMENTS
from scripts.make_dashboards import SHOWN, make_files
from tests.pipelines.report.conftest import decided_rows
from tests.pipelines.store_copies import open_copy

FOLDER = Path(__file__).parents[2] / "configs" / "dashboards"
QUERIES = tomllib.loads((FOLDER / "queries.toml").read_text(encoding="utf-8"))["queries"]
CHROMIUM = shutil.which("chromium") or shutil.which("chromium-browser")
# Datasette of another environment, where this one has none.
DATASETTE = os.environ.get("EARFUL_DATASETTE")


def fill(store: Store) -> None:
    with begin_run(store, "test", config_hash="", lock_timeout_s=5) as run:
        for name, rows in decided_rows().items():
            table = tables.metadata.tables[name]
            blank = {column.name: None for column in table.c}
            if rows and name not in ("run", "store_info"):
                run.connection.execute(insert(table), [blank | row for row in rows])


@pytest.fixture
def decided(store_url: str) -> Iterator[Store]:
    opened = open_copy(store_url, "decided", fill)
    yield opened
    opened.engine.dispose()


def test_every_query_runs_and_finds_the_same_on_both_databases(decided: Store) -> None:
    found = {}
    with decided.read() as connection:
        for query in QUERIES:
            rows = connection.execute(text(query["sql"])).all()
            found[query["name"]] = rows
            if "time" in query:
                assert query["time"] in rows[0]._mapping if rows else query["sql"]
    filled = {name for name, rows in found.items() if rows}
    assert filled >= {"themes_first", "theme_weeks", "languages", "sources", "state", "fix_first"}
    state = found["state"][0]._mapping
    assert state["n_feedback"] >= state["n_noise"]


def test_the_files_of_dashboards_are_those_of_the_queries() -> None:
    for name, content in make_files().items():
        assert (FOLDER / name).read_text(encoding="utf-8") == content, "run make_dashboards.py"


def test_a_table_is_closed_unless_it_is_said_to_be_open() -> None:
    assert set(tables.metadata.tables) > {*OPEN_TABLES}
    assert set(SHOWN) == set(VIEW_COMMENTS)
    for name in OPEN_TABLES:
        assert not {"text", "payload", "customer_id", "key_hash"} & {
            *tables.metadata.tables[name].c.keys()
        }


@pytest.mark.postgres
def test_every_panel_of_grafana_runs_on_postgresql(postgres_url: str) -> None:
    from tests.pipelines.store_copies import name_postgres_database

    store = open_copy(name_postgres_database(postgres_url), "decided", fill)
    dashboard = json.loads((FOLDER / "grafana.json").read_text(encoding="utf-8"))
    assert [panel["title"] for panel in dashboard["panels"]] == [q["title"] for q in QUERIES]
    assert len({panel["id"] for panel in dashboard["panels"]}) == len(QUERIES)
    (source,) = dashboard["__inputs"]
    with store.read() as connection:
        for panel in dashboard["panels"]:
            (target,) = panel["targets"]
            assert target["datasource"]["uid"] == f"${{{source['name']}}}"
            filled = re.sub(
                r"\$__timeFilter\((\w+)\)",
                r"\1 BETWEEN '2000-01-01T00:00:00Z' AND '2100-01-01T00:00:00Z'",
                target["rawSql"],
            )
            assert "$__" not in filled
            rows = connection.execute(text(filled.replace(":", r"\:"))).all()
            if panel["type"] == "timeseries":
                assert rows[0]._fields == ("time", "metric", "value")
    store.engine.dispose()


@pytest.fixture
def datasette(sqlite_url: str, tmp_path: Path) -> Iterator[tuple[Store, str]]:
    """A store that Datasette serves, with our configuration, and its address."""
    if DATASETTE is None and importlib.util.find_spec("datasette") is None:
        pytest.skip("Datasette is missing: scripts/install requirements-dev.lock")
    store = open_copy(sqlite_url.replace("store.db", "earful.db"), "decided", fill)
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    program = [DATASETTE] if DATASETTE else [sys.executable, "-m", "datasette"]
    # Else a page of up to five seconds ago is shown again.
    settings = ["--setting", "default_cache_ttl", "0"]
    given = ["--metadata", str(FOLDER / "datasette.yaml"), "--port", str(port), *settings]
    server = subprocess.Popen([*program, "serve", str(store.path), *given], cwd=tmp_path)
    try:
        _wait_for(f"http://127.0.0.1:{port}/-/versions.json", server)
        yield store, f"http://127.0.0.1:{port}"
    finally:
        server.terminate()
        server.wait(30)
        store.engine.dispose()


def _wait_for(url: str, server: "subprocess.Popen[bytes]") -> None:
    for _ in range(300):
        assert server.poll() is None, "Datasette ended"
        try:
            urllib.request.urlopen(url, timeout=5).close()
        except OSError:
            time.sleep(0.1)
        else:
            return
    pytest.fail("Datasette did not answer")


@pytest.mark.browser
@pytest.mark.skipif(CHROMIUM is None, reason="Chromium is missing: apt-get install chromium")
def test_a_browser_sees_whole_runs_through_datasette_while_one_writes(
    datasette: tuple[Store, str],
) -> None:
    from playwright.sync_api import sync_playwright

    store, address = datasette
    with sync_playwright() as playwright:
        chromium = playwright.chromium.launch(
            executable_path=CHROMIUM, args=["--no-sandbox", "--disable-gpu"]
        )
        page = chromium.new_page()

        def read_state() -> list[str]:
            page.goto(f"{address}/earful/state")
            return page.locator("table.rows-and-columns tbody td").all_inner_texts()

        before = read_state()
        for _ in range(2):
            with begin_run(store, "test", config_hash="", lock_timeout_s=5) as run:
                _write_half(run)
                assert read_state() == before  # feedback is written, themes are not
                _write_rest(run)
                assert read_state() == before
            after = read_state()
            grown = [int(now) - int(was) for now, was in zip(after[:3], before[:3], strict=True)]
            assert (grown, after[4]) == ([7, 0, 3], run.run_id)
            before = after
        page.goto(f"{address}/earful/v_theme")
        assert page.locator(".facet-info").count() == 3
        closed = page.goto(f"{address}/earful/feedback")
        assert closed is not None
        assert closed.status == 403
        asked = page.goto(f"{address}/earful?sql=select+text+from+feedback")
        assert asked is not None
        assert asked.status == 403
        chromium.close()


def _write_half(run: Run) -> None:
    rows = [
        {"feedback_id": f"{run.run_id}-{n}", "source": "survey", "text": "late"} for n in range(7)
    ]
    run.connection.execute(insert(tables.feedback), rows)


def _write_rest(run: Run) -> None:
    named: dict[str, Any] = {"name": "late", "status": "active", "origin": "discovered"}
    rows = [{"theme_id": f"{run.run_id}-{n}", **named} for n in range(3)]
    run.connection.execute(insert(tables.theme), rows)
