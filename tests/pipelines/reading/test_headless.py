"""A table without column names is refused: its first row would be lost."""

import pytest

from pipelines.errors import InputError
from pipelines.reading.headless import check_headers, find_missing_header
from pipelines.reading.sampling import Sample


def make_sample(columns: list[str], *rows: list[str], kind: str = "csv") -> Sample:
    values = [dict(zip(columns, row, strict=True)) for row in rows]
    return Sample(columns, values, n_rows=len(rows), format=kind)


@pytest.mark.parametrize(
    ("columns", "row", "found"),
    [
        (["1", "Late and cold", "2026-01-01"], ["2", "Good", "2026-01-05"], "a date above dates"),
        (["Late", "01/02/2026 10:30"], ["Good", "03/02/2026 9:15"], "a date above dates"),
        (["a@b.org", "Late"], ["c@d.org", "Good"], "an e-mail address above such"),
        (["id", "date", "text"], ["2", "2026-01-05", "Good"], None),
        (["product", "2026-01-01", "2026-02-01"], ["lamp", "17", "4"], None),
        (["product", "2024", "2025"], ["lamp", "17", "4"], None),
        (["What do you like? 1.2.3", "Date"], ["Good", "2026-01-05"], None),
        (["Late", "2026-01-01"], ["Good", ""], None),
    ],
)
def test_a_name_that_is_a_value_like_those_below_it_is_no_name(
    columns: list[str], row: list[str], found: str | None
) -> None:
    assert find_missing_header(make_sample(columns, row)) == found
    assert find_missing_header(make_sample(columns, row, kind="json")) is None


def test_the_file_is_refused_whole_and_its_words_are_not_told() -> None:
    sample = make_sample(["Zucchini was late", "2026-01-01"], ["Good", "2026-01-05"])
    sample.place = "a.csv"
    with pytest.raises(InputError, match=r"a\.csv has no row of column names") as caught:
        check_headers([sample])
    assert "ucchini" not in str(caught.value)
