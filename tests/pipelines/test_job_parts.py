"""Parts of the main job that need no models: files as inputs, the journal, rows from items."""

import json
from datetime import UTC, datetime
from pathlib import Path

import pytest

from nlp.masking import Masking
from pipelines.config import Config
from pipelines.errors import InputError
from pipelines.feedback_rows import RowSettings, make_feedback_id, mask_raw, prepare_feedback
from pipelines.inputs import configured_inputs, given_inputs, name_source
from pipelines.journal import Journal, Reading
from pipelines.progress import SilentProgress
from pipelines.reading.files import find_inputs
from pipelines.reading.items import FeedbackItem
from pipelines.recognition import guess_kind, read_customers, read_events

SETTINGS = RowSettings(
    "shop", "review", "first", "declared", "US", b"a secret for tests, long enough"
)


def test_what_stands_beside_a_text_is_masked_too() -> None:
    item = FeedbackItem(
        file="f.csv",
        row_number=2,
        text="late again",
        question="What should we tell dana@example.com?",
        channel="+44 20 7946 0958",
        attributes={"from dana@example.com": "call 052-123-4567"},
    )
    row = prepare_feedback(item, SETTINGS).row
    assert row["question"] == "What should we tell <EMAIL>?"
    assert row["channel"] == "<PHONE>"
    assert row["attributes"] == {"from <EMAIL>": "call <PHONE>"}


def test_readings_outlive_the_process_until_they_are_discarded(tmp_path: Path) -> None:
    path = tmp_path / "unfinished" / "store.sqlite"
    reading = Reading(b"\x01" * 768, b"\x02" * 12, "en")
    with Journal(path) as journal:
        journal.add("model a", {"h1": reading, "h2": reading})
        journal.add("model a", {"h1": Reading(b"other", b"other", "he")})
    assert path.stat().st_mode & 0o077 == 0
    with Journal(path) as journal:
        # A reading that was torn is written again: the later one counts.
        assert journal.find("model a", ["h1", "h3"]) == {"h1": Reading(b"other", b"other", "he")}
        assert journal.find("model b", ["h1"]) == {}
        assert journal.count() == 2
        journal.discard()
    assert list(path.parent.iterdir()) == []


def test_a_damaged_journal_is_made_anew(tmp_path: Path) -> None:
    path = tmp_path / "store.sqlite"
    path.write_bytes(b"not a database at all, and longer than a header would be" * 50)
    with Journal(path) as journal:
        assert journal.count() == 0


@pytest.mark.parametrize(
    ("source_id", "is_kept"),
    [
        *((each, True) for each in ("5551234567", "2026-123456", "12345678901", "R_2AbC", "007")),
        *((each, True) for each in ("4111111111111111", "2015-02-24 10:30", "tweet-1234567890")),
        *((each, False) for each in ("dana@example.com", "+1 202 555 0123", "a <dana@b.org>")),
    ],
)
def test_an_id_stays_as_it_is_unless_it_is_a_contact(source_id: str, is_kept: bool) -> None:
    item = FeedbackItem(file="f.csv", row_number=2, text="Late", source_id=source_id)
    found = prepare_feedback(item, SETTINGS).row["source_id"]
    assert (found == source_id) == is_kept
    assert found.startswith("h:") != is_kept


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
    assert mask_raw("mail me: dana@example.com", Masking("US")) == "mail me: <EMAIL>"
    assert len(mask_raw("x" * 50_000, Masking("US"))) == 10_000


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


NO_TABLES = {
    "config.json": {
        "name": "app",
        "version": "1.2",
        "description": "A tool that reads many things",
    },
    "package.json": {"name": "app", "scripts": {"a": "b"}, "dependencies": {"x": "^1"}},
    "settings.json": {"users": [{"id": 1, "name": "a"}, {"id": 2, "name": "b"}], "x": 3},
}


class _Warnings(SilentProgress):
    def __init__(self) -> None:
        self.warnings: list[str] = []

    def warn(self, message: str) -> None:
        self.warnings.append(message)


@pytest.fixture
def no_tables(tmp_path: Path) -> Path:
    for name, content in NO_TABLES.items():
        (tmp_path / name).write_text(json.dumps(content))
    truth = Path(__file__).parents[1] / "data" / "demo" / "truth.json"
    (tmp_path / "truth.json").write_bytes(truth.read_bytes())
    return tmp_path


def test_json_that_is_no_table_of_records_is_passed_over_among_other_files(no_tables: Path) -> None:
    (no_tables / "README.txt").write_text("These files are what we exported on Monday.\n")
    (no_tables / "one.json").write_text('{"id": 1, "text": "The delivery was late again"}')
    (no_tables / "reviews.csv").write_text("Review,Stars\nThe delivery was late again,1\n")
    progress = _Warnings()
    found = given_inputs([str(no_tables)], source=None, pairs=(), progress=progress)
    assert [given.file.name for given in found.feedback] == ["one.json", "reviews.csv"]
    assert not found.customers + found.events
    names = [warning.split()[0] for warning in progress.warnings]
    assert names == ["README.txt", *sorted((*NO_TABLES, "truth.json"))]


@pytest.mark.parametrize("name", [*NO_TABLES, "truth.json"])
def test_json_that_is_no_table_of_records_is_an_error_where_it_is_all(
    no_tables: Path, name: str
) -> None:
    with pytest.raises(InputError, match=rf"{name} is JSON, but no table of feedback"):
        given_inputs([str(no_tables / name)], source=None, pairs=(), progress=SilentProgress())
    with pytest.raises(InputError, match="none of the 4 files is read"):
        given_inputs([str(no_tables)], source=None, pairs=(), progress=SilentProgress())


REVIEWS = "Review ID,Date,Customer ID,Email,Stars,Review\n" + "".join(
    f"R{i},2026-01-0{i + 1},C{i},c{i}@example.com,2,The delivery was late for the {i}th time\n"
    for i in range(8)
)


@pytest.mark.parametrize(("command", "remedy"), [("customers", "email="), ("events", "at=")])
def test_feedback_given_as_records_is_refused_with_the_command_to_use(
    tmp_path: Path, command: str, remedy: str
) -> None:
    path = tmp_path / "reviews.csv"
    path.write_text(REVIEWS)
    (file,) = find_inputs([str(path)]).files
    read = {"customers": read_customers, "events": read_events}[command]
    with pytest.raises(InputError) as caught:
        list(read(file, (), timezone="UTC", warn=print))
    for words in ("looks like feedback (free text in 'Review')", "earful run reviews.csv", remedy):
        assert words in str(caught.value)
    told = ["customer=Customer ID", *(["at=Date"] if command == "events" else [])]
    assert len(list(read(file, told, timezone="UTC", warn=print))) == 8


DEMO = Path(__file__).parents[1] / "data" / "demo"


@pytest.mark.parametrize(
    ("command", "name", "found", "told"),
    [
        ("events", "customers.csv", "customers", ("customer=Customer ID", "at=Customer since")),
        ("customers", "events.csv", "events", ("customer=Customer ID",)),
    ],
)
def test_customers_and_events_given_as_each_other_are_refused_unless_mapped(
    command: str, name: str, found: str, told: tuple[str, ...]
) -> None:
    (file,) = find_inputs([str(DEMO / name)]).files
    read = {"customers": read_customers, "events": read_events}
    with pytest.raises(InputError) as caught:
        list(read[command](file, (), timezone="UTC", warn=print))
    for words in (
        f"looks like {found} (",
        f"not like {command}",
        f"earful {found} {name}",
        "--map",
    ):
        assert words in str(caught.value)
    n_rows = len(list(read[found](file, (), timezone="UTC", warn=print)))
    assert len(list(read[command](file, told, timezone="UTC", warn=print))) == n_rows


def test_events_of_one_customer_each_are_read_as_what_the_command_says(tmp_path: Path) -> None:
    path = tmp_path / "orders.csv"
    rows = (f"c{i}@example.com,Ann {i},US,NY,2026-01-0{i + 1},12.5\n" for i in range(8))
    path.write_text("Email,Name,Country,City,Date,Amount\n" + "".join(rows))
    (file,) = find_inputs([str(path)]).files
    assert guess_kind(file) == "customers"
    assert len(list(read_events(file, (), timezone="UTC", warn=print))) == 8


@pytest.mark.parametrize("read", ["customers", "events"])
def test_a_file_without_a_key_but_with_text_is_refused_as_feedback(
    tmp_path: Path, read: str
) -> None:
    path = tmp_path / "notes.csv"
    path.write_text("Comment\n" + "".join(f"The {i}th delivery was late\n" for i in range(8)))
    (file,) = find_inputs([str(path)]).files
    reader = {"customers": read_customers, "events": read_events}[read]
    with pytest.raises(InputError, match="looks like feedback"):
        list(reader(file, (), timezone="UTC", warn=print))
