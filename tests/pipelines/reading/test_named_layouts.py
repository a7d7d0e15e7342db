"""A layout that a person names, or none, goes before the one that is recognised."""

from pathlib import Path

import pytest

from pipelines.errors import ConfigError
from pipelines.inlets.paths import find_paths
from pipelines.inlets.spool import Spool
from pipelines.inspect import Inspection, inspect_files

SOURCES = Path(__file__).parents[2] / "data" / "sources"


def inspect_as(path: Path, layout: str | None) -> Inspection:
    (found,) = inspect_files(find_paths([str(path)], Spool(), layout=layout).files)
    return found


@pytest.mark.parametrize("name", ["surveymonkey.csv", "x_api-page.json", "salesforce_report.csv"])
def test_none_reads_an_export_as_a_plain_table(name: str) -> None:
    known, plain = (inspect_as(SOURCES / name, layout) for layout in (None, "none"))
    assert known.layout is not None
    assert (plain.layout, plain.layout_reason) == (None, None)
    assert not any("has it" in column.why for column in plain.columns)
    # Its second header row, its footer: rows like any other.
    assert plain.n_rows >= known.n_rows


def test_a_named_layout_is_taken_for_a_table_that_is_not_recognised(tmp_path: Path) -> None:
    path = tmp_path / "a.csv"
    path.write_text("Score Reason,Amount\nToo slow for me,9\nAll went well here,2\n", "utf-8")
    assert inspect_as(path, None).layout is None
    found = inspect_as(path, "nps")
    assert found.layout == "NPS export"
    assert found.layout_reason is not None
    assert found.layout_reason.startswith("it was named; 1 of its 3 columns are there, such as")
    assert found.columns[0].role == "text"


def test_records_of_a_named_layout_lie_where_it_says(tmp_path: Path) -> None:
    path = tmp_path / "page.json"
    path.write_text('{"data": [{"text": "The line went dead"}], "rows": [{"a": "1"}]}', "utf-8")
    assert inspect_as(path, "x_api").columns[0].role == "text"
    assert inspect_as(path, "x_api").n_items == 1


def test_an_unknown_layout_is_told_with_those_there_are() -> None:
    with pytest.raises(ConfigError, match="no layout 'surveymonky'; did you mean 'surveymonkey'"):
        inspect_as(SOURCES / "surveymonkey.csv", "surveymonky")
