"""What a run brought, measured, stored, told, and raised as an action."""

import json
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import insert, select

from pipelines import tables
from pipelines.actions.raising import raise_actions
from pipelines.actions.rules import load_rules
from pipelines.drift.step import measure_run
from pipelines.drift.words import describe_drift, list_measures
from pipelines.runs import begin_run
from pipelines.store import Store
from tests.command_line import make_call
from tests.pipelines.store_copies import open_copy

N = 120
RULE = '[{"kind": "drift", "name": "odd", "deliver_to": ["chat"]}]'


def bring(
    store: Store, number: int, *, n: int = N, noise: float = 0.1, lang: str = "he", dim: int = 0
) -> tuple[str, list[str]]:
    """A run that brings feedback of its own, and measures it."""
    with begin_run(store, "run", config_hash="", lock_timeout_s=5) as run:
        # Runs differ somewhat, so that there is something to be usual.
        n_noise, n_lang = round(noise * n) + number % 3, n // 5 + number % 5
        rows, mentions, vectors = [], [], []
        for row in range(n):
            key = f"f{number:03d}{row:04d}"
            is_noise = row < n_noise
            rows.append(
                {
                    "feedback_id": key,
                    "source": "made",
                    "text": f"text {key}",
                    "lang": lang if row % n < n_lang else "en",
                    "noise_reason": "spam" if is_noise else None,
                    "run_id": run.run_id,
                }
            )
            mentions.append(
                {
                    "mention_id": f"{key}-0",
                    "feedback_id": key,
                    "text": f"text {key}",
                    "text_hash": f"h{key}",
                    "sentiment_score": ((row * 7 + number) % 11 - 5) / 10,
                    "theme_id": None if row % 4 == number % 2 else "t1",
                }
            )
            value = [0.0] * 4
            value[dim], value[3] = 0.9, 0.1 * ((row + number) % 3)
            vectors.append({"text_hash": f"h{key}", "model": "tiny", "data": halves(value)})
        run.connection.execute(insert(tables.feedback), rows)
        run.connection.execute(insert(tables.mention), mentions)
        run.connection.execute(insert(tables.vector), vectors)
        run.counts.update(n_read=n, n_new=n)
        run.facts.update(encoder="tiny", sentiment_model="tiny")
        drifted = measure_run(run, 0.01)
        raise_actions(run, load_rules(RULE))
    return run.run_id, drifted


def halves(values: list[float]) -> bytes:
    import numpy as np

    return np.array(values, np.float16).tobytes()


def fill(store: Store) -> None:
    for number in range(10):
        assert bring(store, number)[1] == []


def read(store: Store, run_id: str) -> dict[str, Any]:
    with store.read() as connection:
        return {row["measure"]: row for row in list_measures(connection, run_id)}


def read_actions(store: Store) -> list[Any]:
    with store.read() as connection:
        query = select(tables.action).order_by(tables.action.c.action_id)
        return [dict(row) for row in connection.execute(query).mappings()]


def test_a_run_like_those_before_it_is_usual_and_one_that_is_not_is_told(store_url: str) -> None:
    store = open_copy(store_url, "drift history", fill)
    run_id, drifted = bring(store, 10)
    assert drifted == []
    found = read(store, run_id)
    assert [*found] == [
        *("language_mix", "noise_rate", "unassigned_rate", "sentiment_mean", "embedding_mean")
    ]
    assert {row["verdict"] for row in found.values()} == {"usual"}
    # The first run of the store, its backlog, is nobody's history.
    assert {row["n_history"] for row in found.values()} == {9}
    noise = found["noise_rate"]
    assert noise["value"] == pytest.approx(13 / N)
    assert noise["usual_low"] < noise["value"] < noise["usual_high"]
    assert found["language_mix"]["detail"] == {"en": 96, "he": 24}
    run_id, drifted = bring(store, 11, n=300, noise=0.5, lang="ar", dim=1)
    assert drifted == ["language_mix", "noise_rate", "embedding_mean"]
    with store.read() as connection:
        said = describe_drift(connection, run_id)
    assert "noise among feedback (noise_rate): 51%, usually " in said
    assert "language_mix): en 80% ar 20%" in said
    store.engine.dispose()


def test_an_alert_rule_raises_one_action_for_as_long_as_drift_goes_on(sqlite_url: str) -> None:
    store = open_copy(sqlite_url, "drift history", fill)
    run_id, _ = bring(store, 10, noise=0.5)
    (action,) = read_actions(store)
    assert (action["kind"], action["rule"], action["status"]) == ("drift", "odd", "pending")
    assert action["payload"]["facts"]["measure"] == "noise_rate"
    assert action["payload"]["facts"]["run"] == run_id
    assert "usually" in action["payload"]["reason"]
    assert bring(store, 11, noise=0.9)[1] == ["noise_rate"]
    assert [each["action_id"] for each in read_actions(store)] == [action["action_id"]]
    store.engine.dispose()


def test_few_rows_wait_for_the_next_run_and_nothing_new_is_not_measured(sqlite_url: str) -> None:
    store = open_copy(sqlite_url, "drift history", fill)
    few, _ = bring(store, 10, n=60)
    assert read(store, few) == {}
    both, _ = bring(store, 11, n=60)
    assert read(store, both)["noise_rate"]["n"] == 120
    with begin_run(store, "run", config_hash="", lock_timeout_s=5) as run:
        assert measure_run(run, 0.01) == []
    assert read(store, run.run_id) == {}
    store.engine.dispose()


def test_measures_of_another_model_have_a_history_of_their_own(sqlite_url: str) -> None:
    store = open_copy(sqlite_url, "drift history", fill)
    with begin_run(store, "run", config_hash="", lock_timeout_s=5) as run:
        run.connection.execute(tables.vector.update().values(model="other"))
        run.facts.update(encoder="other", sentiment_model="other")
    run_id, _ = bring(store, 10)
    assert read(store, run_id)["noise_rate"]["n_history"] == 9
    with begin_run(store, "run", config_hash="", lock_timeout_s=5) as run:
        run.connection.execute(tables.run_measure.update().values(basis="older"))
    run_id, _ = bring(store, 11)
    assert read(store, run_id)["embedding_mean"]["verdict"] == "unknown"
    store.engine.dispose()


def check(capsys: pytest.CaptureFixture[str], store: Store, *options: object) -> tuple[int, str]:
    done = make_call(capsys)("status", "--db", store.path, "--check", *options)
    return done.code, done.out.strip()


def test_a_monitor_gets_a_line_figures_and_an_exit_code(
    sqlite_url: str, capsys: pytest.CaptureFixture[str]
) -> None:
    store = open_copy(sqlite_url, "drift history", fill)
    code, said = check(capsys, store)
    assert code == 0
    assert said.startswith("EARFUL OK - last good run ")
    assert "0% of 120 rows rejected | age=" in said
    assert "rejected=0%;;5" in said
    assert len(said.splitlines()) == 1
    bring(store, 10, noise=0.5)
    code, said = check(capsys, store)
    assert code == 1
    assert said.startswith("EARFUL WARNING - noise among feedback (noise_rate): 51%")
    with store.write() as connection:
        connection.execute(tables.run.update().values(n_rejected=30))
    code, said = check(capsys, store, "--max-rejected", "0.3")
    assert code == 1
    code, said = check(capsys, store)
    assert (code, said.split(" - ")[1].split(";")[0]) == (2, "25% of 120 rows rejected")
    assert "noise_rate" in said
    store.engine.dispose()


def test_a_monitor_is_told_of_old_failed_and_missing_runs(
    sqlite_store: Store, capsys: pytest.CaptureFixture[str], tmp_path: Path
) -> None:
    assert check(capsys, sqlite_store)[0] == 2  # no run has finished
    with begin_run(sqlite_store, "run", config_hash="", lock_timeout_s=5):
        pass
    assert check(capsys, sqlite_store)[0] == 0
    for command in ("themes rename", "ingest"):  # neither leaves whole tables
        with begin_run(sqlite_store, command, config_hash="", lock_timeout_s=5):
            pass
    with sqlite_store.write() as connection:
        row = connection.execute(select(tables.run).where(tables.run.c.command == "run")).one()
        from datetime import timedelta

        earlier = row.finished_at - timedelta(hours=27)
        connection.execute(
            tables.run.update().where(tables.run.c.run_id == row.run_id).values(finished_at=earlier)
        )
    code, said = check(capsys, sqlite_store)
    assert code == 2
    assert said.startswith("EARFUL CRITICAL - last good run 27 h ago")
    assert check(capsys, sqlite_store, "--max-age", "2d")[0] == 0
    assert check(capsys, sqlite_store, "--max-age", "soon") == (
        3,
        "EARFUL UNKNOWN - --max-age 'soon' is no age; write it as 90m, 26h, 8d or 2w",
    )
    with (
        pytest.raises(ZeroDivisionError),
        begin_run(sqlite_store, "run", config_hash="", lock_timeout_s=5),
    ):
        raise ZeroDivisionError
    code, said = check(capsys, sqlite_store, "--max-age", "2d", "--json")
    assert code == 1
    failed = [each for each in json.loads(said)["checks"] if each["state"] != "ok"]
    assert [each["name"] for each in failed] == ["last_run"]
    missing = make_call(capsys)("status", "--check", "--db", tmp_path / "none.db")
    assert missing.code == 3
    assert missing.out.startswith("EARFUL UNKNOWN - there is no store")
