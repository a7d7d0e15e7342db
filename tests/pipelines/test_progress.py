"""What a person sees while a stage lasts."""

import io

import pytest
from rich.console import Console

from pipelines.cli.bars import LineProgress, TerminalProgress


def test_a_stage_that_counts_nothing_is_told_when_it_begins_and_ends(
    capsys: pytest.CaptureFixture[str],
) -> None:
    progress = LineProgress()
    progress.start("loading the encoder", unit="")
    assert capsys.readouterr().err == "loading the encoder\n"
    progress.finish("e5")
    progress.start("reading the texts", 3, "texts")
    progress.advance(3)
    progress.finish()
    said = capsys.readouterr().err.splitlines()
    assert said[0] == "loading the encoder: e5"
    assert said[1].startswith("reading the texts: 3 of 3 texts, ")


def test_a_stage_that_lasts_is_told_once_when_it_ends(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("pipelines.cli.bars.LINE_INTERVAL_S", 0.0)
    progress = LineProgress()
    for total in (2, 1):
        progress.start("scoring", total)
        for _ in range(total):
            progress.advance()
        progress.finish()
    said = [line.split(", ")[0] for line in capsys.readouterr().err.splitlines()]
    assert said == ["scoring: 1 of 2 rows", "scoring: 2 of 2 rows", "scoring: 1 of 1 row"]


def test_the_bar_of_a_stage_that_counts_nothing_shows_no_count_and_no_rate() -> None:
    out = io.StringIO()
    progress = TerminalProgress(Console(file=out, force_terminal=True, width=100))
    with progress:
        progress.start("loading the encoder", unit="")
        progress.refresh()
        shown = out.getvalue()
        progress.finish()
    assert "loading the encoder" in shown
    assert "0/" not in shown
    assert "a second" not in out.getvalue()
    assert "/s" not in out.getvalue()
