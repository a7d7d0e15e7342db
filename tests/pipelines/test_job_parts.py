"""Parts of the main job that need no models: files as inputs, the journal, rows from items."""

from datetime import UTC, datetime
from pathlib import Path

import pytest

from pipelines.config import Config
from pipelines.feedback_rows import RowSettings, make_feedback_id, mask_raw, prepare_feedback
from pipelines.inputs import configured_inputs, given_inputs, name_source
from pipelines.journal import Journal, Reading
from pipelines.progress import SilentProgress
from pipelines.reading.files import find_inputs
from pipelines.reading.records import FeedbackItem

SETTINGS = RowSettings("shop", "review", "first", "US", b"a secret for tests, long enough")


def test_readings_outlive_the_process_until_they_are_discarded(tmp_path: Path) -> None:
    path = tmp_path / "unfinished" / "store.sqlite"
    reading = Reading(b"\x01" * 768, b"\x02" * 12)
    with Journal(path) as journal:
        journal.add("model a", {"h1": reading, "h2": reading})
        journal.add("model a", {"h1": Reading(b"other", b"other")})
    assert path.stat().st_mode & 0o077 == 0
    with Journal(path) as journal:
        assert journal.find("model a", ["h1", "h3"]) == {"h1": reading}
        assert journal.find("model b", ["h1"]) == {}
        assert journal.count() == 2
        journal.discard()
    assert list(path.parent.iterdir()) == []


def test_a_damaged_journal_is_made_anew(tmp_path: Path) -> None:
    path = tmp_path / "store.sqlite"
    path.write_bytes(b"not a database at all, and longer than a header would be" * 50)
    with Journal(path) as journal:
        assert journal.count() == 0


def test_a_row_has_no_personal_data_in_clear() -> None:
    item = FeedbackItem(
        file="f.csv",
        row_number=2,
        text="Write to dana@example.com or +1 202 555 0123",
        source_id="dana@example.com",
        author="Dana Levi",
        email="dana@example.com",
        reply="We wrote to dana@example.com",
        attributes={"note": "card 4111 1111 1111 1111"},
    )
    prepared = prepare_feedback(item, SETTINGS)
    shown = repr(prepared)
    for secret in ("dana", "Dana", "555", "4111"):
        assert secret not in shown
    assert prepared.row["text"] == "Write to <EMAIL> or <PHONE>"
    assert prepared.row["source_id"].startswith("h:")
    assert prepared.row["attributes"] == {
        "note": "card <CARD>",
        "reply": "We wrote to <EMAIL>",
    }
    assert list(prepared.keys) == ["email"]


def test_the_id_depends_on_source_id_and_question_only() -> None:
    def identify(**values: object) -> str:
        given = {"file": "a", "row_number": 1, "text": "x", "source_id": "7", **values}
        return str(prepare_feedback(FeedbackItem(**given), SETTINGS).row["feedback_id"])  # type: ignore[arg-type]

    assert identify() == identify(text="y", file="b", row_number=9)
    assert identify() != identify(question="Why?")
    assert identify() != identify(source_id="8")
    assert identify() == make_feedback_id("shop", "id", "7", "")


def test_an_item_without_an_id_is_told_by_its_content() -> None:
    def digest(**values: object) -> str | None:
        given = {"file": "a", "row_number": 1, "text": "x", **values}
        return prepare_feedback(FeedbackItem(**given), SETTINGS).digest  # type: ignore[arg-type]

    assert digest() == digest(row_number=5, file="b")
    assert digest() is not None
    for other in ({"text": "y"}, {"at": datetime(2026, 1, 1, tzinfo=UTC)}, {"customer": "c"}):
        assert digest() != digest(**other)


def test_the_detected_language_comes_before_the_hint_and_the_hint_before_nothing() -> None:
    def lang(text: str, hint: str | None) -> str:
        item = FeedbackItem(file="a", row_number=1, text=text, lang=hint)
        return str(prepare_feedback(item, SETTINGS).row["lang"])

    assert lang("הכרטיס עדיין לא הגיע אחרי שלושה שבועות", "en-US") == "he"
    assert lang("🙂🙂", "fa-IR") == "fa"
    assert lang("🙂🙂", "Persian") == "und"
    assert lang("🙂🙂", None) == "und"


def test_a_rejected_row_is_masked_and_cut() -> None:
    assert mask_raw("mail me: dana@example.com", "US") == "mail me: <EMAIL>"
    assert len(mask_raw("x" * 50_000, "US")) == 10_000


@pytest.mark.parametrize(
    ("file", "name"),
    [
        ("reviews.csv", "reviews"),
        ("reviews.csv.gz", "reviews"),
        ("app.reviews.2026.jsonl", "app.reviews.2026"),
    ],
)
def test_a_source_is_named_after_its_file(tmp_path: Path, file: str, name: str) -> None:
    import gzip

    data = b"id,text\n1,a comment\n"
    (tmp_path / file).write_bytes(gzip.compress(data) if file.endswith(".gz") else data)
    assert name_source(find_inputs([str(tmp_path / file)]).files[0]) == name


def test_files_are_sorted_by_what_they_hold_unless_a_mapping_says_feedback(tmp_path: Path) -> None:
    (tmp_path / "crm.csv").write_text(
        "Customer ID,E-mail,Segment\n" + "".join(f"C{n},c{n}@example.com,A\n" for n in range(9))
    )
    (tmp_path / "reviews.csv").write_text(
        "id,comment\n" + "".join(f"{n},The card number {n} never came\n" for n in range(9))
    )
    found = given_inputs([str(tmp_path)], source=None, pairs=(), progress=SilentProgress())
    assert [each.source for each in found.feedback] == ["reviews"]
    assert [each.source for each in found.customers] == ["crm"]
    pairs = ["text=Segment"]
    told = given_inputs(
        [str(tmp_path / "crm.csv")], source="x", pairs=pairs, progress=SilentProgress()
    )
    assert [(each.source, each.pairs) for each in told.feedback] == [("x", ("text=Segment",))]


def test_configured_paths_are_relative_to_the_configuration(tmp_path: Path) -> None:
    (tmp_path / "in").mkdir()
    (tmp_path / "in" / "a.csv").write_text("id,comment\n1,x y z\n")
    config = Config.model_validate(
        {
            "sources": [
                {
                    "path": "in/*.csv",
                    "channel": "web",
                    "party": "third",
                    "map": {"text": ["comment"]},
                }
            ]
        }
    )
    found = configured_inputs(config, tmp_path).feedback
    assert [(each.source, each.channel, each.party, each.pairs) for each in found] == [
        ("a", "web", "third", ("text=comment",))
    ]
