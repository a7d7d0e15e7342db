"""A team's codebook: what it makes of a store, and that a round trip changes nothing."""

import csv
from collections.abc import Iterator, Sequence
from pathlib import Path

import pytest
from sqlalchemy import update

from pipelines import tables
from pipelines.config import Config
from pipelines.edits.codebook import COLUMNS, read_codebook
from pipelines.edits.codebook_import import ImportResult, export_codebook, import_codebook
from pipelines.errors import ConfigError, EarfulError
from pipelines.store import Store
from tests.pipelines.planted import (
    PlantedJob,
    copy_tables,
    edit,
    make_job,
    make_store,
    plant,
    read_mentions,
    read_themes,
)
from tests.pipelines.store_copies import open_copy

HEAD = ("Category", "Definition", "Example 1", "Example 2", "Keywords", "Group")
BOOK = (
    ("Late cards", "The card came late", plant().texts[0], plant().texts[4], "", "Cards"),
    ("=Fees", "What it costs", "", "", "כרטיס, 'עמלה'", "Cards"),
    ("Branches", "אף לקוח לא מדבר על הסניפים שלנו", "", "", "", ""),
)


@pytest.fixture
def filled(sqlite_url: str) -> Iterator[Store]:
    store = make_store(sqlite_url)
    yield store
    store.engine.dispose()


@pytest.fixture
def empty(sqlite_url: str) -> Iterator[Store]:
    store = open_copy(sqlite_url, "empty")
    yield store
    store.engine.dispose()


def write_rows(path: Path, head: Sequence[str], *rows: Sequence[str]) -> str:
    with path.open("w", encoding="utf-8", newline="") as stream:
        csv.writer(stream).writerows([head, *rows])
    return str(path)


def read_in(store: Store, path: str | Path) -> ImportResult:
    return import_codebook(make_job(store), str(path), "dana")


def test_a_codebook_becomes_pinned_themes(filled: Store, tmp_path: Path) -> None:
    result = read_in(filled, write_rows(tmp_path / "book.csv", HEAD, *BOOK))
    themes = {row["name"]: row for row in read_themes(filled).values()}
    late, fees, cards = themes["Late cards"], themes["=Fees"], themes["Cards"]
    assert {late["origin"], fees["origin"], cards["origin"]} == {"pinned"}
    assert late["description"] == "The card came late"
    assert fees["keywords"] == ["כרטיס", "'עמלה'"]
    assert late["parent_id"] == fees["parent_id"] == cards["theme_id"]
    drawn = [
        key for key, row in read_mentions(filled).items() if row["theme_id"] == late["theme_id"]
    ]
    assert len(drawn) > 30
    assert result.counts == {"pin": 4, "group": 2}
    assert result.without_examples == ["Branches"]
    assert result.without_mentions == ["=Fees", "Branches"]


@pytest.mark.parametrize("ending", ["csv", "xlsx"])
def test_a_round_trip_changes_nothing(filled: Store, tmp_path: Path, ending: str) -> None:
    read_in(filled, write_rows(tmp_path / "book.csv", HEAD, *BOOK))
    found = next(key for key, row in read_themes(filled).items() if row["origin"] != "pinned")
    edit(filled, "rename", found, text="Renamed, by a person")
    edit(filled, "fixed", found, text="2026-02-01")
    edit(filled, "fixed", found, text="2026-03-01T09:30+01:00")
    # What earful found itself may be nothing that a person could pin.
    with filled.engine.begin() as connection:
        own = tables.theme.c.theme_id == found
        connection.execute(update(tables.theme).where(own).values(keywords=["the", "top up"]))
    path = tmp_path / f"out.{ending}"
    n = export_codebook(make_job(filled), path)
    assert n == len(read_themes(filled)) == len(read_codebook(str(path)))
    before = copy_tables(filled, with_logs=True)
    result = read_in(filled, path)
    assert (result.run_id, result.edits) == (None, None)
    assert copy_tables(filled, with_logs=True) == before


def test_a_round_trip_keeps_equal_names_and_keywords_with_commas(
    filled: Store, tmp_path: Path
) -> None:
    first, second = list(read_themes(filled))[:2]
    with filled.write() as connection:
        theme = tables.theme
        said = {"keywords": ["כן, בדקתי אצל השכנים."]}
        connection.execute(update(theme).where(theme.c.theme_id == first).values(**said))
    edit(filled, "rename", second, text=read_themes(filled)[first]["name"])
    before = copy_tables(filled)
    export_codebook(make_job(filled), tmp_path / "book.csv")
    assert read_in(filled, tmp_path / "book.csv").run_id is None
    assert copy_tables(filled) == before


def test_a_refused_codebook_makes_no_store(tmp_path: Path) -> None:
    book = write_rows(tmp_path / "book.csv", ("name", "keywords"), ("Fees", "y"))
    config = Config.model_validate({"store": {"url": f"sqlite:///{tmp_path}/new.db"}})
    with pytest.raises(ConfigError, match="says nothing by itself"):
        import_codebook(PlantedJob(config, cache_dir=tmp_path), book, "dana")
    assert [path.name for path in tmp_path.iterdir()] == ["book.csv"]


def test_what_a_codebook_calls_fixed_is_fixed_once(filled: Store, tmp_path: Path) -> None:
    head = ("name", "keywords", "Fixed on")
    path = write_rows(tmp_path / "book.csv", head, ("Late cards", "card", "2026-02-01, 2026-03-01"))
    assert read_in(filled, path).counts == {"pin": 1, "fixed": 2}
    assert read_in(filled, path).edits is None
    wrong = write_rows(tmp_path / "wrong.csv", head, ("Late cards", "card", "yes"))
    with pytest.raises(ConfigError, match="row 2: fixed_at 'yes' is no date"):
        read_in(filled, wrong)


def test_importing_twice_is_importing_once_and_undone_at_one_stroke(
    filled: Store, tmp_path: Path
) -> None:
    before = copy_tables(filled)
    path = write_rows(tmp_path / "book.csv", HEAD, *BOOK)
    first = read_in(filled, path)
    once = copy_tables(filled, with_logs=True)
    assert read_in(filled, path).edits is None
    assert copy_tables(filled, with_logs=True) == once
    assert first.edits == "e000001-e000006"
    edit(filled, "undo", other_id=first.edits)
    assert copy_tables(filled) == before


def test_what_was_changed_in_the_file_is_changed_in_the_store(
    filled: Store, tmp_path: Path
) -> None:
    path = tmp_path / "out.csv"
    export_codebook(make_job(filled), path)
    with path.open(encoding="utf-8-sig", newline="") as stream:
        head, first, *others = list(csv.reader(stream))
    assert tuple(head) == COLUMNS
    changed = [first[0], "New name", "New words", *first[3:6], "All"]
    result = read_in(filled, write_rows(path, head, changed, *others))
    row = read_themes(filled)[first[0]]
    assert (row["name"], row["description"]) == ("New name", "New words")
    assert read_themes(filled)[row["parent_id"]]["name"] == "All"
    assert result.counts == {"pin": 1, "rename": 1, "describe": 1, "group": 1}


def test_five_hundred_categories_are_imported(empty: Store, tmp_path: Path) -> None:
    rows = [(f"Category {n}", f"words {n}", f"Group {n % 20}") for n in range(500)]
    path = write_rows(tmp_path / "book.csv", ("name", "keywords", "group"), *rows)
    result = read_in(empty, path)
    assert result.counts == {"pin": 520, "group": 500}
    assert len(result.without_mentions) == 500
    assert read_in(empty, path).edits is None


def _book(*rows: Sequence[str], head: Sequence[str] = ("name", "examples", "group")) -> object:
    return (head, *rows)


@pytest.mark.parametrize(
    ("table", "message"),
    [
        (_book(("A", "x", ""), ("a", "y", "")), "row 2, row 3: 2 categories have the same name"),
        (_book(("", "x", ""), ("B", "y", "")), "row 2: the name is empty"),
        (_book(("A" * 201, "x", "")), "row 2: the name has 201 characters"),
        (_book(("A", "x", "B"), ("B", "y", "C")), "row 2: its group 'B' is in a group itself"),
        (_book(("A", "x", "y"), head=("who", "text", "day")), "is no codebook: it needs a column"),
        (_book(("A", "x", "y"), head=("name", "email", "day")), "is no codebook"),
        (_book(), "has a header and no rows"),
        (_book(*[("A", "x", "")] * 2001), "2,001 rows; a codebook has at most"),
        (_book(("A", "x", "Elvish"), head=("name", "examples", "language")), "is no language"),
        (_book(("t0", "A", "x"), head=("theme_id", "name", "examples")), "there is no theme 't0'"),
    ],
)
def test_a_codebook_that_cannot_be_used_is_refused_with_the_place(
    empty: Store, tmp_path: Path, table: Sequence[Sequence[str]], message: str
) -> None:
    path = write_rows(tmp_path / "book.csv", *table)
    before = copy_tables(empty, with_logs=True)
    with pytest.raises(EarfulError, match=message):
        read_in(empty, path)
    assert copy_tables(empty, with_logs=True) == before


def test_a_theme_whose_figures_are_not_published_yet_is_not_called_silent(
    filled: Store, tmp_path: Path
) -> None:
    path = tmp_path / "out.csv"
    export_codebook(make_job(filled), path)
    with filled.engine.begin() as connection:  # as after: earful discover
        connection.execute(update(tables.theme).values(n_mentions=None))
    assert read_in(filled, path).without_mentions == []


def test_all_problems_of_a_codebook_are_told_at_once(empty: Store, tmp_path: Path) -> None:
    rows = [("t0", "A", "x"), ("", "", "y"), ("", "C", "")]
    path = write_rows(tmp_path / "book.csv", ("theme_id", "name", "examples"), *rows)
    with pytest.raises(ConfigError, match="2 problems among 3 categories; nothing was imported"):
        read_in(empty, path)


def test_a_theme_that_was_merged_is_named_with_where_it_is_now(
    filled: Store, tmp_path: Path
) -> None:
    path = tmp_path / "out.csv"
    export_codebook(make_job(filled), path)
    gone, into, *_ = read_themes(filled)
    edit(filled, "merge", gone, other_id=into)
    with pytest.raises(ConfigError, match=f"theme {gone} was merged into {into} by e000001"):
        read_in(filled, path)


def test_export_knows_two_kinds_of_files(filled: Store, tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match=r"ends in .csv or .xlsx"):
        export_codebook(make_job(filled), tmp_path / "book.docx")
