"""Personal data stays out of the store, and what is there can be looked for and measured."""

import json
from pathlib import Path

import pytest
from sqlalchemy import insert

from nlp.masking import Masking
from pipelines import tables
from pipelines.config import check_config, read_masking
from pipelines.errors import ConfigError, InputError
from pipelines.evaluation.pii import PiiRequest, evaluate_pii
from pipelines.feedback_rows import RowSettings, mask_values, prepare_feedback
from pipelines.reading.items import FeedbackItem
from pipelines.runs import Run
from pipelines.store import open_store
from pipelines.unmasked import find_unmasked
from tests.command_line import make_call

SHARED = Path(__file__).parents[2].parent / "shared" / "data" / "pii" / "presidio_v2.en.jsonl.gz"


def test_the_name_of_a_rows_own_author_is_masked_in_its_text() -> None:
    settings = RowSettings(
        "shop", "review", "first", None, "US", b"a secret for tests, long enough"
    )
    item = FeedbackItem("f.csv", 1, "bought by jaroslava quux for me", author="Jaroslava Quux")
    assert prepare_feedback(item, settings).row["text"] == "bought by <PERSON> for me"


def test_a_label_of_a_few_words_keeps_its_name_and_a_sentence_does_not() -> None:
    values = {
        "state": "Virginia",
        "agent": "Karen Smith",
        "note": "Karen Smith called me back today",
    }
    masked = mask_values(values, Masking("US"))
    assert masked == {**values, "note": "<PERSON> called me back today"}


def test_the_configuration_says_what_is_masked_and_refuses_forms_without_digits() -> None:
    own = {"names": False, "keep": ["Delta"], "templates": {"ORDER": ["ORD-###"]}}
    masking = read_masking(check_config({"masking": own}, "earful.toml"))
    assert masking == Masking(
        "US", names=False, keep=frozenset({"delta"}), templates=(("ORDER", "ORD-###"),)
    )
    with pytest.raises(ConfigError, match=r"at least one # .* @ masking.templates"):
        check_config({"masking": {"templates": {"ORDER": ["ORD"]}}}, "earful.toml")


def test_what_looks_unmasked_in_a_store_is_counted_without_its_text(run: Run) -> None:
    row = {"feedback_id": "f1", "source": "shop", "run_id": run.run_id, "text": "fine"}
    unmasked = {
        **row,
        "feedback_id": "f2",
        "source_id": "dana@example.com",
        "text": "I am Dana Levi, call 054-1234567",
        "attributes": {"note": "my card is 4111 1111 1111 1111", "id": "R_2QzX123456789"},
    }
    blank = dict.fromkeys(unmasked)
    run.connection.execute(insert(tables.feedback), [{**blank, **row}, unmasked])
    found, n_rows = find_unmasked(run.connection, Masking("US"))
    assert n_rows >= 2
    assert {(each.table, each.column, each.kind, each.n_rows, each.first) for each in found} == {
        ("feedback", "source_id", "EMAIL", 1, "f2"),
        ("feedback", "text", "PERSON", 1, "f2"),
        ("feedback", "text", "PHONE", 1, "f2"),
        ("feedback", "attributes", "CARD", 1, "f2"),
    }


def test_doctor_says_that_nothing_looks_unmasked_in_an_empty_store(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    url = f"sqlite:///{tmp_path}/store.db"
    open_store(url, create=True).engine.dispose()
    ended = make_call(capsys)("doctor", "--pii", "--db", url)
    assert (ended.code, ended.out.strip()) == (0, "nothing looks unmasked in 2 rows")


def write_marked(path: Path, *marks: object) -> Path:
    text = "I am Dana Levi, call 054-1234567 at ACME"
    lines = [json.dumps({"text": text, "spans": each}) for each in marks]
    path.write_text("\n".join(lines), encoding="utf-8")
    return path


def test_masking_is_scored_by_kind_and_prints_no_text(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    marks = [
        {"type": "PERSON", "start": 5, "end": 14},
        {"type": "PHONE_NUMBER", "start": 21, "end": 32},
        {"type": "ORGANIZATION", "start": 36, "end": 40},
    ]
    path = write_marked(tmp_path / "marked.jsonl", marks, [*marks[:2], {**marks[2], "type": "id"}])
    found = evaluate_pii(PiiRequest(str(path)))
    rates = {each.kind: (each.n, each.recall, each.precision) for each in found.kinds}
    assert rates == {
        "all": (5, 0.8, 1.0), "ID": (1, 0.0, None), "PERSON": (2, 1.0, 1.0), "PHONE": (2, 1.0, 1.0),
    }  # fmt: skip
    assert found.unscored == {"ORGANIZATION": 1}
    assert [each.row for each in found.missed] == [2]
    ended = make_call(capsys)("evaluate", path, "--task", "pii")
    assert ended.code == 0, ended.err
    assert "Dana" not in ended.out and "1234567" not in ended.out


def test_marks_that_cannot_be_read_are_told_with_their_row(tmp_path: Path) -> None:
    path = write_marked(tmp_path / "marked.jsonl", [], "PERSON")
    with pytest.raises(InputError, match=r"marked.jsonl, row 2: its marks cannot be read"):
        evaluate_pii(PiiRequest(str(path)))


def test_a_mark_outside_its_text_is_told_with_its_row_and_place(tmp_path: Path) -> None:
    for start, end in ((5, 9_999), (-1, 4), (9, 5)):
        marks = [{"type": "PERSON", "start": start, "end": end}]
        path = write_marked(tmp_path / "marked.jsonl", [], marks)
        with pytest.raises(InputError, match=rf"row 2: a mark goes from {start} to {end:,} and"):
            evaluate_pii(PiiRequest(str(path)))
    path = write_marked(tmp_path / "marked.jsonl", [{"type": "PERSON", "start": 5}])
    with pytest.raises(InputError, match=r"row 1: its marks cannot be read"):
        evaluate_pii(PiiRequest(str(path)))


def test_presidio_sentences_reach_the_measured_scores() -> None:
    if not SHARED.exists():
        pytest.skip("../shared/data is not here: no labelled personal data to measure on")
    found = {each.kind: each for each in evaluate_pii(PiiRequest(str(SHARED), limit=600)).kinds}
    structured = {kind: found[kind].recall or 0 for kind in ("EMAIL", "CARD", "IBAN", "IP", "SSN")}
    assert min(structured.values()) == 1.0, structured
    assert (found["PHONE"].recall or 0) >= 0.96
    assert (found["ADDRESS"].recall_most or 0) >= 0.80
    assert (found["PERSON"].recall or 0) >= 0.75
    assert (found["all"].precision or 0) >= 0.93
