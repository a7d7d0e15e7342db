"""Layouts: recognised by their columns, also when some differ; new ones need no code."""

import csv
import io
import json
import random
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from pipelines.errors import ConfigError
from pipelines.inspect import inspect_paths
from pipelines.reading import find_files, layouts, recognising
from pipelines.reading.layouts import check_layout, load_layouts, read_layout
from pipelines.reading.recognising import recognise_layout
from pipelines.reading.row_rules import read_html
from pipelines.recognition import read_feedback
from tests.pipelines.reading.damage import DAMAGES, check_file, widen
from tests.pipelines.reading.test_sources import FILES, FOLDER, read_export

FEED = {
    "id": {"label": "https://example.com/feed"},
    "title": {"label": "iTunes Store: Customer Reviews"},
    "updated": {"label": "2026-09-14T04:24:23-07:00"},
}
TABLES = [path for path in FILES if path.suffix in (".csv", ".tsv") and "nearly" not in path.name]


def read_header(path: Path) -> list[str]:
    data = path.read_bytes()
    text = data.decode("utf-16" if data[:2] == b"\xff\xfe" else "utf-8-sig")
    delimiter = {"nps.csv": ";"}.get(path.name, "\t" if path.suffix == ".tsv" else ",")
    rows = list(csv.reader(io.StringIO(text), delimiter=delimiter))
    return rows[1 if path.name == "qualtrics_legacy.csv" else 0]


@pytest.mark.parametrize("path", TABLES, ids=lambda path: path.name)
def test_a_layout_is_known_with_a_column_left_out_or_renamed_and_others_added(path: Path) -> None:
    header = [name for name in read_header(path) if name.strip()]
    if path.name == "qualtrics-tsv-numeric.tsv":
        return  # told by its third row
    layout = path.name.split(".")[0].split("-")[0]
    n_known = 0
    for position in range(len(header)):
        for changed in ([], ["Something else"]):
            columns = [*header[:position], *changed, *header[position + 1 :], "Our notes", "Extra"]
            found = recognise_layout(columns)
            n_known += found is not None and found.layout.id == layout
    # Layouts of two or three telling columns cannot lose one of those.
    assert n_known >= (2 * len(header) * (0.5 if len(header) < 10 else 0.7))


@pytest.mark.parametrize(
    "header",
    [
        "id,text,date,rating",
        "id,created_at,subject,description,status,priority,email",
        "Name,Email,Phone,City,Country,Create Date",
        "Order ID,Customer,Date,Total,Currency,Status",
        "comment,label,label_id",
        "date,review,rating,title,userName",
        "Employee ID,Department,Location,Job Level,Manager,Salary",
        "text,user_id,rating,timestamp",
        "Review ID,Date,Comment,Stars",
        "speaker,title,room,time",
    ],
)
def test_a_plain_table_is_of_no_layout(header: str) -> None:
    assert recognise_layout(header.split(",")) is None


def test_inspect_says_which_layout_and_why() -> None:
    (path,) = [path for path in FILES if path.name == "trustpilot-nearly.csv"]
    (found,) = inspect_paths([str(path)])
    assert found.layout == "Trustpilot"
    assert found.layout_reason is not None
    assert found.layout_reason.startswith("6 of its 18 columns are there, such as")
    assert found.kind_reason == "it is Trustpilot"


def test_a_header_below_a_title_and_one_that_is_hardly_filled_are_found(tmp_path: Path) -> None:
    report = next(path for path in FILES if path.name == "salesforce_report.csv")
    below = tmp_path / "report.csv"
    below.write_bytes(b"My contacts,as of,today,by,Dana,Levi,x,y,z\r\n\r\n" + report.read_bytes())
    assert len(read_export(below)["items"]) == 2
    n_options = 40
    first = ["Respondent ID", "Collector ID", "End Date", "Which?", *[""] * n_options, "Why so?"]
    second = ["", "", "", *(f"Option {n}" for n in range(n_options + 1)), "Open-Ended Response"]
    row = ["1", "2", "2026-01-01", *["x"] * (n_options + 1), "The queue was far too long"]
    with (tmp_path / "wide.csv").open("w", newline="", encoding="utf-8") as file:
        csv.writer(file).writerows([first, second, row, ["2", *row[1:-1], "Nobody answered me"]])
    found = read_export(tmp_path / "wide.csv")
    assert found["layout"] == "surveymonkey"
    assert [item["question"] for item in found["items"]] == ["Why so?"] * 2


def test_ids_that_a_spreadsheet_rounded_are_not_used(tmp_path: Path) -> None:
    head = "COMMENT_ID,AUTHOR,DATE,CONTENT,CLASS\n"
    rows = "".join(f"5.7031E+17,a{n},2026-01-02,The {n}th video was too long,0\n" for n in range(9))
    (tmp_path / "a.csv").write_text(head + rows, encoding="utf-8")
    found = read_export(tmp_path / "a.csv")
    assert found["layout"] == "youtube_comments"
    assert len([item for item in found["items"] if "source_id" not in item]) == 9


OWN = """
name = "Till survey"
export = "Till, Export"
party = "zero"
rating_max = 10
zone = "Asia/Tokyo"
decides = [["Till no", "Remark"]]
roles = { text = "Remark", at = "Said at", rating = "Mark" }
skip = [{ column = 1, begins = ["Total"], reason = "footer" }]
mark = [{ column = "Mode", equals = ["training"], noise = "test_row" }]
"""


@pytest.fixture
def own_layouts(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    folder = tmp_path / "layouts"
    folder.mkdir()
    monkeypatch.setenv("EARFUL_LAYOUTS", str(folder))
    caches: list[Any] = [load_layouts, layouts.hash_layouts, recognising._sign_layouts]
    for cached in caches:
        cached.cache_clear()
    yield folder
    for cached in caches:
        cached.cache_clear()


def test_a_layout_of_ones_own_needs_no_code(own_layouts: Path, tmp_path: Path) -> None:
    before = layouts.hash_layouts()
    (own_layouts / "till.toml").write_text(OWN, encoding="utf-8")
    layouts.hash_layouts.cache_clear()
    assert layouts.hash_layouts() != before
    (tmp_path / "a.csv").write_text(
        "TILL NO,said at,Mark,Mode,remark\n"
        "3,2026-01-01 09:00,7,live,Too cold inside\n"
        "3,2026-01-01 10:00,1,training,words of a trainee\n"
        "Total,,,,2 answers\n",
        encoding="utf-8",
    )
    found = read_export(tmp_path / "a.csv")
    assert (found["layout"], found["rejected"]) == ("till", [[4, "footer"]])
    first, second = found["items"]
    assert (first["at"], first["rating_max"]) == ("2026-01-01T00:00:00+00:00", 10.0)
    assert ("noise" in first, second["noise"]) == (False, "test_row")


def test_all_mistakes_of_a_layout_are_told(tmp_path: Path) -> None:
    with pytest.raises(ConfigError) as told:
        check_layout({"name": "x", "kind": "none", "colums": [], "rating_max": "five"}, "x", "x")
    for place in ("export", "kind", "colums", "rating_max"):
        assert f"@ {place}" in str(told.value)
    with pytest.raises(ConfigError, match="unknown roles txt"):
        check_layout({"name": "x", "export": "y", "roles": {"txt": "A"}}, "x", "x")
    (tmp_path / "x.toml").write_text("name = ", encoding="utf-8")
    with pytest.raises(ConfigError, match="cannot be read"):
        read_layout(tmp_path / "x.toml")


def test_html_becomes_words_in_linear_time() -> None:
    assert read_html("<p>Where is<br/>it &lt; 3 days?</p><div>a &amp; b</div>") == (
        "Where is\nit < 3 days?\na & b"
    )
    assert read_html("1 < 2 and 3 > 2") == "1 < 2 and 3 > 2"
    for hostile in ("<" * 100_000, "<a " * 50_000, "<br" * 50_000):
        assert read_html(hostile) == hostile.strip()


@settings(max_examples=40, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(st.sampled_from(FILES), st.sampled_from(DAMAGES), st.integers(0, 2**32))
def test_a_damaged_export_ends_in_rows_or_in_one_error(
    tmp_path_factory: pytest.TempPathFactory, path: Path, damage: Any, seed: int
) -> None:
    damaged = tmp_path_factory.getbasetemp() / path.name
    damaged.write_bytes(damage(path.read_bytes(), random.Random(seed)))
    check_file(damaged)


def test_a_name_of_brackets_only_is_read_in_linear_time(tmp_path: Path) -> None:
    path = tmp_path / "brackets.csv"
    path.write_text(f"id,{'[' * 200_000},text\n1,x,The lift is slow\n", encoding="utf-8")
    started = time.process_time()
    assert check_file(path) == "rows"
    assert time.process_time() - started < 5


def test_ten_thousand_columns_are_read(tmp_path: Path) -> None:
    path = tmp_path / "wide.csv"
    path.write_bytes(widen(b"id,text\n1,The lift is slow\n", random.Random(3)))
    assert path.read_bytes().count(b",") > 9_999
    assert check_file(path) == "rows"


@pytest.mark.parametrize(
    ("asked", "top"),
    [
        ("On a scale from 0-10, how likely are you to recommend us", 10),
        ("How satisfied were you with your visit, from 1 to 7?", 7),
        ("How was your visit (1 to 5)?", 5),
        ("How was your visit, 0 (bad) to 10 (good)?", 10),
        ("כמה נהנית, מ-1 עד 5?", 5),
        ("از ۱ تا ۵ چقدر راضی بودید؟", 5),
    ],
)
def test_a_survey_s_rating_is_found_by_what_was_asked(
    tmp_path: Path, asked: str, top: float
) -> None:
    export = (FOLDER / "qualtrics-nps.csv").read_text()
    path = tmp_path / "survey.csv"
    path.write_text(
        export.replace("On a scale from 0-10, how likely are you to recommend us", asked)
    )
    items = read_export(path)["items"]
    assert [(each["rating"], each["rating_max"]) for each in items] == [
        (rating, top) for rating in (4, 3, 0, 5)
    ]


def test_what_is_told_in_a_field_of_a_form_is_feedback_and_an_option_is_none(
    tmp_path: Path,
) -> None:
    rows = list(csv.reader((FOLDER / "qualtrics-nps.csv").read_text().splitlines()))
    told = [
        "The staff was friendly and quick to help me",
        "Nothing, the queue at the desk was far too long",
        "They listened well, only parking was hard to find",
        "It rained into the hall while we waited outside",
    ]
    names = [
        ["Q5_1", "Your visit - First impressions", '{"ImportId":"QID5_1"}'],
        ["Q6_1", "Which of these? - My order was late this time", '{"ImportId":"QID6_1"}'],
    ]
    for row, *more in zip(rows, *names, strict=False):
        row.extend(more)
    for row, text in zip(rows[3:], told, strict=False):
        row.extend((text, "My order was late this time"))
    path = tmp_path / "survey.csv"
    with path.open("w", newline="") as file:
        csv.writer(file).writerows(rows)
    items = read_export(path)["items"]
    assert {each["text"] for each in items if each["question"] == names[0][1]} == set(told)
    assert not [each for each in items if each["question"] == names[1][1]]


@pytest.mark.parametrize(
    ("layout", "page"),
    [
        ("app_store_rss", {"feed": {**FEED, "link": [{"attributes": {"rel": "self"}}]}}),
        ("app_store_rss", {"feed": {**FEED, "entry": []}}),
        ("x_api", {"meta": {"result_count": 0}}),
    ],
)
def test_a_page_on_which_nothing_was_found_is_a_table_without_rows(
    tmp_path: Path, layout: str, page: dict[str, Any]
) -> None:
    path = tmp_path / "page.json"
    path.write_text(json.dumps(page))
    warnings: list[str] = []
    (file,) = find_files([str(path)])
    assert [*read_feedback(file, (), timezone="UTC", warn=warnings.append)] == []
    assert warnings == ["page.json has a header but 0 rows; nothing was read from it"]
    (found,) = inspect_paths([str(path)])
    assert (found.layout, found.kind) == (read_layout_name(layout), "feedback")


def test_a_page_without_records_among_others_is_no_row(tmp_path: Path) -> None:
    page = json.dumps(json.loads((FOLDER / "x_api-page.json").read_text()))
    empty = json.dumps({"meta": {"result_count": 0}})
    path = tmp_path / "pages.jsonl"
    path.write_text(f"{page}\n{empty}\n")
    found, alone = read_export(path), read_export(FOLDER / "x_api-page.json")
    assert [each["text"] for each in found["items"]] == [each["text"] for each in alone["items"]]
    assert not found["rejected"]


def read_layout_name(layout: str) -> str:
    return next(each.name for each in load_layouts() if each.id == layout)


def test_rows_with_control_characters_are_told(tmp_path: Path) -> None:
    path = tmp_path / "a.jsonl"
    said = [
        "The app\0 is slow",
        "It is \x1b[31mred\x1b[0m",
        "Two\tlines\nof text",
        "All is well here",
    ]
    path.write_text("".join(json.dumps({"id": i, "comment": s}) + "\n" for i, s in enumerate(said)))
    warnings: list[str] = []
    (file,) = find_files([str(path)])
    assert len([*read_feedback(file, (), timezone="UTC", warn=warnings.append)]) == 4
    told = "2 of 4 rows have control characters (NUL, ESC ...) in the text; they are dropped"
    assert f"a.jsonl: {told}" in warnings
