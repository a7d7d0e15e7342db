"""An analyst brings labelled rows and learns whether to trust the models; nothing is stored."""

import csv
import json
import re
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import pytest
from rich.cells import cell_len

from nlp.encoder import BranchingEncoder
from nlp.sentiment import LABELS
from pipelines.cli.app import STOPPED
from pipelines.evaluation.scores import RELIABLE_ROWS
from tests.command_line import Call, make_call

pytestmark = pytest.mark.model

ROWS = (
    ("I love this, great service!", "positive", "en"),
    ("Terrible, never again. Mail me at dana@example.com", "NEG", "en"),
    ("The food was cold and the waiter was rude", "Negative", "en"),
    ("Oh great, it broke again", "negative", "en"),
    ("Excellent, thank you", "neg", "en"),
    ("השירות גרוע מאוד, אל תזמינו", "negative", "he"),
    ("ממש מרוצים, שירות נהדר ומהיר", "שלילי", "he"),
    ("الخدمة سيئة جدا", "negative", "ar"),
    ("خیلی بد بود، پشیمان شدم", "negative", "fa"),
    ("", "positive", "en"),
    ("nobody labelled this", "", "en"),
    ("\u200b\u200b", "positive", "en"),
)


@pytest.fixture
def call(
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
    model_cache: Path,
    encoder: BranchingEncoder,
) -> Call:
    """Run a command line; the real encoder is loaded once for all tests."""
    monkeypatch.setattr("pipelines.models.load_encoder", lambda *_, **__: encoder)
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("EARFUL_CACHE", str(model_cache))
    monkeypatch.setenv("COLUMNS", "60")

    return make_call(capsys)


def write_rows(path: Path, rows: Sequence[Sequence[str]], *header: str) -> Path:
    with path.open("w", encoding="utf-8", newline="") as stream:
        csv.writer(stream).writerows([header, *rows])
    return path


@pytest.fixture
def labelled(tmp_path: Path) -> Path:
    return write_rows(tmp_path / "labelled.csv", ROWS, "Comment", "Gold", "Language")


def test_scores_come_as_json_and_every_row_is_accounted_for(call: Call, labelled: Path) -> None:
    ended = call("evaluate", labelled, "--task", "sentiment", "--json")
    assert ended.code == 0, ended.err
    found = json.loads(ended.out)
    assert found["columns"] == {"text": "Comment", "label": "Gold", "lang": "Language"}
    others = ("n_unlabelled", "n_empty", "n_unreadable", "n_left_out", "n_not_drawn")
    assert [found[name] for name in others] == [1, 2, 0, 0, 0]
    assert found["n_rows"] == len(ROWS) == found["n_scored"] + 3
    assert found["interval"] == (
        "95 % interval from 1,000 bootstrap resamples, seed 7, no narrower than Wilson's"
    )
    absent, few = found["notes"]
    assert absent.startswith("no row is labelled neutral: macro-F1 is over negative and positive")
    assert few == "9 rows in all: too few to judge the models by; 200 are enough"
    assert found["overall"]["scores"]["baseline"]["label"] == "negative"
    overall = found["overall"]
    assert sum(cell["n"] for cell in overall["confusion"]) == overall["scores"]["n"] == 9
    low, high = overall["scores"]["macro_f1_interval"]
    assert 0 <= low <= overall["scores"]["macro_f1"] <= high <= 1
    assert sum(each["n"] for each in overall["reliability"]) == 9
    assert 0 <= overall["calibration_error"] <= 1
    assert 0 < overall["chance_error"] < 1
    assert [(g["lang"], g["scores"]["n"]) for g in found["languages"]] == [
        *(("en", 5), ("he", 2), ("ar", 1), ("fa", 1))
    ]
    worst = {each["row"] for group in found["languages"] for each in group["mistakes"]}
    assert {6, 8} <= worst  # rows whose label is wrong on purpose
    assert call("evaluate", labelled, "--task", "sentiment", "--json").out == ended.out
    assert sorted(path.name for path in Path().iterdir()) == ["labelled.csv"]


def test_the_tables_fit_sixty_columns_and_show_no_personal_data(call: Call, labelled: Path) -> None:
    ended = call("evaluate", labelled, "-t", "sentiment", "--labels", "positive=negative")
    assert ended.code == 0, ended.err
    assert max(cell_len(line) for line in ended.out.splitlines()) <= 60
    assert "dana@example.com" not in ended.out + ended.err
    assert "9 of 12 rows scored; not scored: 1 without a label" in " ".join(ended.out.split())
    assert "Confusion, he" in ended.out
    shown = " ".join(ended.out.split())
    assert re.search(r"expected calibration error 0\.\d+, 10 bins; by chance alone", shown)
    assert "no row is labelled neutral or positive: macro-F1 is over negative alone" in shown
    assert "always saying negative has accuracy 1.000, macro-F1 1.000" in shown
    assert "1.000–1.000" not in shown
    for none in ("neg=nothing", "neg="):
        left = json.loads(
            call("evaluate", labelled, "-t", "sentiment", "--labels", none, "--json").out
        )
        assert (left["n_left_out"], left["n_scored"]) == (2, 7)


def test_languages_are_scored_by_code_and_by_name(call: Call, tmp_path: Path) -> None:
    names = {"en": "English", "he": "iw", "ar": "AR-eg", "fa": "Farsi"}
    rows = [(text, names[lang]) for text, label, lang in ROWS if text and label]
    path = write_rows(tmp_path / "langs.csv", [*rows, ("123", "und")], "text", "lang")
    ended = call("evaluate", path, "--task", "language", "--text", "text", "--json")
    assert ended.code == 0, ended.err
    found = json.loads(ended.out)
    scores = found["overall"]["scores"]
    rates = {each["label"]: (each["n"], each["recall"]) for each in scores["labels"]}
    assert rates["he"] == (2, 1.0)
    assert rates["und"] == (1, 1.0)
    # What was read as und claims nothing, so it is in no bin.
    overall = found["overall"]
    n_claims = scores["n"] - sum(c["n"] for c in overall["confusion"] if c["predicted"] == "und")
    assert sum(each["n"] for each in overall["reliability"]) == n_claims < scores["n"]
    assert 0 <= overall["calibration_error"] <= 1
    shown = call("evaluate", path, "-t", "language")
    assert shown.code == 0
    assert "expected calibration error" in shown.out
    assert "confidence is ordered" in " ".join(shown.out.split())


def test_a_language_with_enough_rows_gets_its_own_table_of_confidence(
    call: Call, tmp_path: Path
) -> None:
    rows = [("The soup was cold", "negative", "en")] * RELIABLE_ROWS
    rows += [("האוכל היה מצוין", "positive", "he")] * (RELIABLE_ROWS - 1)
    path = write_rows(tmp_path / "many.csv", rows, "Comment", "Gold", "Language")
    shown = " ".join(call("evaluate", path, "-t", "sentiment").out.split())
    assert "what it says? all rows" in shown
    assert "what it says? en" in shown
    assert "what it says? he" not in shown
    assert "no table of confidence: 199 rows, 200 are enough" in shown


@pytest.mark.parametrize(
    ("labels", "options", "expected"),
    [
        (["1", "3", "5"], (), ["negative", "neutral", "positive"]),
        (["0", "1", "0"], (), ["negative", "positive", "negative"]),
        (["bad", "meh", "good"], ("--labels", "meh=neutral"), ["negative", "neutral", "positive"]),
        (["bad", "meh", "good"], ("--labels", "meh="), ["negative", "positive"]),
        (["0", "1", "0"], ("--labels", "0=positive,1=negative"), ["positive", "negative"] * 2),
        (["-1", "0", "1"], ("--labels", "-1=negative,0=neutral,1=positive"), [*LABELS]),
        (["-1", "0", "1"], (), [*LABELS]),
        (["Negative.", "neutral", "POSITIVE"], (), [*LABELS]),
    ],
)
def test_labels_are_read_as_a_person_would(
    call: Call, tmp_path: Path, labels: list[str], options: tuple[str, ...], expected: list[str]
) -> None:
    rows = [(text, label) for (text, _, _), label in zip(ROWS, labels, strict=False)]
    path = write_rows(tmp_path / "rows.csv", rows, "text", "label")
    ended = call("evaluate", path, "-t", "sentiment", *options, "--json")
    assert ended.code == 0, ended.err
    found = json.loads(ended.out)
    n = {each["label"]: each["n"] for each in found["overall"]["scores"]["labels"] if each["n"]}
    assert n == {label: expected[: len(rows)].count(label) for label in set(expected)}
    assert found["n_left_out"] == ("meh=" in options)
    assert any("read as" in note for note in found["notes"]) == (
        not options and labels[0].isdigit()
    )


def test_a_limit_draws_the_same_rows_each_time(call: Call, labelled: Path) -> None:
    arguments = ("evaluate", labelled, "-t", "sentiment", "--limit", 4, "--json")
    found = json.loads(call(*arguments).out)
    assert (found["n_scored"] + found["n_empty"] - 1, found["n_not_drawn"]) == (4, 6)
    assert json.loads(call(*arguments).out) == found


@pytest.mark.parametrize(
    ("options", "words"),
    [
        (("--text", "Coment"), ("no column 'Coment'", "did you mean 'Comment'", "Gold")),
        (("--label", "Golden"), ("no column 'Golden'", "Comment, Tag, Gold")),
        (
            ("--label", "Tag"),
            ("meh (5)", "so so (2)", "7 of 9 rows", "--labels 'meh=MEANING,so so=MEANING'"),
        ),
        (("--label", "Comment", "--text", "Tag"), ("do not look like labels", "--label")),
        (("--labels", "good"), ("'good' cannot be read", "LABEL=MEANING")),
        (("--labels", "good=nice"), ("'good=nice' cannot be read",)),
    ],
)
def test_wrong_use_says_what_there_is(
    call: Call, tmp_path: Path, options: tuple[str, ...], words: tuple[str, ...]
) -> None:
    tags = ("meh", "so so", "bad", "meh") * 3
    rows = [(text, tag, label) for (text, label, _), tag in zip(ROWS[:9], tags, strict=False)]
    path = write_rows(tmp_path / "rows.csv", rows, "Comment", "Tag", "Gold")
    ended = call("evaluate", path, "-t", "sentiment", *options)
    assert ended.code == 2, ended.err
    assert ended.out == ""
    for word in words:
        assert word in ended.err
    assert "dana@" not in ended.err


def test_a_file_without_a_labelled_row_is_one_clear_error(call: Call, tmp_path: Path) -> None:
    path = write_rows(tmp_path / "rows.csv", [("a text", ""), ("", "good")], "text", "label")
    ended = call("evaluate", path, "-t", "sentiment")
    assert ended.code == 1
    assert "none of 2 rows has both a text and a label" in ended.err


def test_a_task_that_is_not_there_is_refused(call: Call, labelled: Path) -> None:
    ended = call("evaluate", labelled, "--task", "emotion")
    assert ended.code == 2
    assert "'sentiment', 'language'" in " ".join(ended.err.replace("│", " ").split())


def test_rows_that_cannot_be_read_are_exit_code_3(call: Call, tmp_path: Path) -> None:
    lines = [json.dumps({"text": "great", "label": "pos"}), "{broken"]
    (tmp_path / "rows.jsonl").write_text("\n".join(lines))
    ended = call("evaluate", "rows.jsonl", "-t", "sentiment", "--json")
    found: dict[str, Any] = json.loads(ended.out)
    assert (ended.code, found["n_scored"], found["n_unreadable"]) == (3, 1, 1)


def test_noise_is_scored_as_noise_or_sound_whatever_a_label_is_called(
    call: Call, tmp_path: Path
) -> None:
    rows = (
        ("Please subscribe to my channel, new videos every week!!! http://x.co/a", "SPAM"),
        ("FREE entry! Text WIN to 80086 to claim your prize, call 09061234567", "1"),
        ("asdf asdf", "gibberish"),
        ("The courier was late again and nobody answers the phone", "ham"),
        ("השירות מעולה, ממליצה בחום", "0"),
    )
    path = write_rows(tmp_path / "comments.csv", rows, "Comment", "Class")
    code, out, _ = call("evaluate", str(path), "--task", "noise", "--json")
    found = json.loads(out)
    assert code == 0
    assert found["overall"]["scores"]["accuracy"] == 1.0
    assert [cell["label"] for cell in found["overall"]["confusion"]] == ["noise", "sound"]
    code, out, _ = call("evaluate", str(path), "--task", "noise")
    assert code == 0
    assert "macro-F1" in out
    bad = write_rows(tmp_path / "bad.csv", (("some words", "perhaps"),), "Comment", "Class")
    code, _, said = call("evaluate", str(bad), "--task", "noise")
    assert code == 2
    assert "noise or sound" in said


def test_an_evaluation_that_is_stopped_promises_nothing_of_a_store(
    call: Call, labelled: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def stop(*_: object) -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr("pipelines.evaluation.models.evaluate_file", stop)
    ended = call("evaluate", labelled, "--task", "sentiment")
    assert ended.code == STOPPED
    assert "an evaluation stores nothing; the same command begins anew" in ended.err
    assert "the store is as it was" not in ended.err
