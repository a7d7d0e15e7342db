"""``earful rank``, ``priorities``, ``compare`` and ``coverage``, and the score of themes."""

import json
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import insert

from pipelines import tables
from pipelines.attention.defaults import DEFAULT_WEIGHTS
from pipelines.store import Store
from tests.command_line import Call, make_call
from tests.pipelines.attention.said import add_customers, add_said, said, write
from tests.pipelines.store_copies import open_copy

TOO_HEAVY = "[signal.weights]\n" + "".join(f"{part} = 0.25\n" for part in DEFAULT_WEIGHTS)
HOSTILE = "[red]<script>\u202e" + "x" * 300


@pytest.fixture
def filled(tmp_path: Path) -> Iterator[Store]:
    store = open_copy(f"sqlite:///{tmp_path}/earful.db", "attention commands", _fill)
    yield store
    store.engine.dispose()


def _fill(store: Store) -> None:
    def add(connection: Any) -> None:
        rows = []
        for n in range(60):
            brand = ("Alpha", HOSTILE)[n % 2]
            bad, told = n % 2 == 0, {"attributes": {"Brand": brand}, "channel": "mail"}
            rows.append(said("late" if bad else "kind", f"c{n}", -0.8 if bad else 0.6, **told))
        add_said(connection, rows)
        add_customers(connection, (0, 50, {"segment": HOSTILE}), (50, 2_000, {"segment": "Big"}))

    write(store, add)


@pytest.fixture
def call(
    tmp_path: Path,
    filled: Store,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> Call:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("COLUMNS", "110")
    return make_call(capsys)


@pytest.fixture
def run(call: Call) -> Callable[..., Any]:
    def run_json(*arguments: str) -> Any:
        ended = call(*arguments, "--json")
        assert ended.code == 0, ended.err
        return json.loads(ended.out)

    return run_json


def test_before_anything_is_ranked_the_commands_say_what_to_do(call: Call) -> None:
    assert "earful rank" in call("priorities").out
    assert "earful rank" in call("coverage").out
    assert call("coverage", "--themes").code == 2


def test_a_gain_keeps_its_q_in_a_narrow_terminal(
    call: Call, run: Callable[..., Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    run("rank")
    monkeypatch.setenv("COLUMNS", "60")
    (first,) = run("priorities")
    assert f"{first['q_value']:.3f}" in call("priorities").out


def test_what_was_ranked_is_shown(call: Call, run: Callable[..., Any]) -> None:
    run("rank")
    (first,) = run("priorities")
    assert (first["theme_id"], first["name"], first["rank"]) == ("late", "late", 1)
    shown = call("priorities").out
    assert "late" in shown and "adjusted for nothing" in " ".join(shown.split())
    listed = run("themes", "list")
    assert [row["theme_id"] for row in listed] == ["late", "kind"]
    parts = run("themes", "show", "late")["signal"]
    assert sum(each["points"] for each in parts) == pytest.approx(listed[0]["signal_score"])
    assert "Deserves attention" in call("themes", "show", "late").out
    covered = {(row["dimension"], row["value"]): row for row in run("coverage")}
    assert covered["segment", "Big"]["note"] == "sliver"
    assert "rests on a sliver" in call("coverage").out
    values = {row["value"]: row for row in run("compare", "brand") if row["theme_id"] == "late"}
    assert values["Alpha"]["share"] == 1.0
    assert "100.0%" in call("compare", "BRAND").out


def test_a_column_that_is_not_configured_is_compared_when_asked(run: Callable[..., Any]) -> None:
    run("rank")
    with pytest.raises(AssertionError, match="fewer than two"):
        run("compare", "channel")
    with pytest.raises(AssertionError, match="there are: Brand, source, channel, lang"):
        run("compare", "colour")
    config = Path("earful.toml")
    config.write_text("[comparison]\ncolumns = []\n", encoding="utf-8")
    run("rank")
    assert {row["dimension"] for row in run("compare", "brand")} == {"brand"}


def test_weights_are_shown_where_they_are_asked_for(call: Call, run: Callable[..., Any]) -> None:
    Path("earful.toml").write_text('[coverage]\nweight_by = ["segment"]\n', encoding="utf-8")
    run("rank")
    assert "count for" in call("coverage").out
    (first, _) = run("coverage", "--themes")
    assert first["weighted_share"] == pytest.approx(0.5)
    assert "weighted" in call("coverage", "--themes").out


def test_a_segment_without_rows_names_those_that_have_some(call: Call) -> None:
    call("rank")
    ended = call("priorities", "--segment", "Tiny")
    assert ended.code == 2
    assert "'Tiny'" in ended.err and "all" in ended.err


@pytest.mark.parametrize(
    ("section", "mistake"),
    [
        ("[signal]\nweights = { reach = 1.0 }", "must name each of reach"),
        (TOO_HEAVY, "these add up to 1.5"),
        ('[coverage]\nweight_by = ["city"]', "coverage.weight_by"),
        ('[coverage]\nweight_by = ["lang", "lang"]', "twice"),
        ("[anonymity]\nmin_customers = 1", "anonymity.min_customers"),
        ("[comparison]\ncolums = []", "unknown key @ comparison.colums"),
    ],
)
def test_mistakes_of_the_configuration_are_told(call: Call, section: str, mistake: str) -> None:
    Path("earful.toml").write_text(section, encoding="utf-8")
    ended = call("rank")
    assert ended.code == 2
    assert mistake in ended.err


@pytest.mark.parametrize("width", [40, 80])
def test_hostile_names_and_narrow_terminals_break_nothing(
    filled: Store,
    call: Call,
    run: Callable[..., Any],
    monkeypatch: pytest.MonkeyPatch,
    width: int,
) -> None:
    def add_hostile(connection: Any) -> None:
        told = {"theme_id": "evil", "status": "active", "origin": "discovered"}
        connection.execute(insert(tables.theme), [{**told, "name": HOSTILE}])
        rows = [
            {"mention_id": f"e{n}", "feedback_id": f"f{n:05d}", "text": "", "text_hash": "e"}
            | {"theme_id": "evil", "sentiment_score": -1.0, "theme_strength": 0.9}
            for n in range(60)
        ]
        connection.execute(insert(tables.mention), rows)

    write(filled, add_hostile)
    run("rank")
    monkeypatch.setenv("COLUMNS", str(width))
    shown = [
        call("priorities"),
        call("compare", "brand"),
        call("coverage"),
        call("themes", "show", "evil"),
        call("priorities", "--segment", HOSTILE),
    ]
    for ended in shown:
        assert ended.code == 0, ended.err
        assert "\u202e" not in ended.out
        assert all(len(line) <= width for line in ended.out.splitlines())
    assert "[red]" in shown[0].out
