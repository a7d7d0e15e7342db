"""Delimited text, well formed and not."""

import csv
import io

import pytest
from hypothesis import HealthCheck, assume, given, settings
from hypothesis import strategies as st

from pipelines.errors import InputError
from pipelines.reading import BadRow, Row, find_files, open_tables


def outcomes(table):
    return [
        (row.number, list(row.values.values()) if isinstance(row, Row) else row.reason)
        for row in table.rows
    ]


@pytest.mark.parametrize("delimiter", [",", "\t", ";", "|"])
@pytest.mark.parametrize("ending", ["csv", "tsv", "txt"])
def test_the_delimiter_is_found_in_the_content_not_in_the_name(open_bytes, delimiter, ending):
    lines = [["id", "text", "rating"], ["1", "good, and; cheap", "5"], ["2", "bad", "1"]]
    buffer = io.StringIO()
    csv.writer(buffer, delimiter=delimiter).writerows(lines)
    table = open_bytes(f"a.{ending}", buffer.getvalue())
    assert table.delimiter == delimiter
    assert outcomes(table) == [(2, lines[1]), (3, lines[2])]


def test_every_value_stays_as_written(open_bytes):
    table = open_bytes("a.csv", 'id,v,w\n007,1.0,=1+1\n"5.70306E+17", x ,"-5"\n')
    assert outcomes(table) == [(2, ["007", "1.0", "=1+1"]), (3, ["5.70306E+17", " x ", "-5"])]


def test_row_numbers_are_those_of_a_spreadsheet(open_bytes):
    table = open_bytes("a.csv", 'id,text\n1,"two\nlines"\n\n2,x\n,\n3,y\n')
    assert outcomes(table) == [(2, ["1", "two\nlines"]), (4, ["2", "x"]), (6, ["3", "y"])]


def test_column_names_are_unique_and_present(open_bytes):
    assert open_bytes("a.csv", "Q1,Q1,,Q1\n1,2,3,4\n").columns == [
        *("Q1", "Q1 (2)", "column 3", "Q1 (3)"),
    ]


def test_short_rows_are_kept_and_long_rows_rejected_unless_the_rest_is_empty(open_bytes):
    table = open_bytes("a.csv", "a,b,c\n1,2\n1,2,3,,\n1,2,3,4\n5,6,7\n")
    assert outcomes(table) == [
        (2, ["1", "2"]),
        (3, ["1", "2", "3"]),
        (4, "too_many_cells"),
        (5, ["5", "6", "7"]),
    ]


def test_a_stray_quote_costs_its_own_line_only(open_bytes):
    table = open_bytes("a.csv", 'id,text\n1,"never closed\n2,b\n3,"c, d"\n4,e\n5,"end')
    assert outcomes(table) == [
        (2, "unbalanced_quote"),
        (3, ["2", "b"]),
        (4, ["3", "c, d"]),
        (5, ["4", "e"]),
        (6, ["5", "end"]),
    ]


def test_a_long_answer_cut_at_the_end_of_the_file_is_one_rejected_row(open_bytes):
    table = open_bytes("a.csv", 'id,text\n1,a\n2,"first line\nsecond line\nthird li')
    assert outcomes(table) == [(2, ["1", "a"]), (3, "unbalanced_quote")]


def test_a_cell_of_50_megabytes_is_rejected_and_reading_goes_on(open_bytes):
    huge = "x" * 50_000_000
    table = open_bytes("a.csv", f'id,text\n1,a\n2,{huge}\n3,c\n4,"{huge},\n{huge}"\n5,e\n')
    assert outcomes(table) == [
        (2, ["1", "a"]),
        (3, "cell_too_long"),
        (4, ["3", "c"]),
        (5, "cell_too_long"),
        (6, ["5", "e"]),
    ]


def test_a_hundred_thousand_columns_are_one_clear_error(open_bytes):
    header = ",".join(f"c{number}" for number in range(100_000))
    with pytest.raises(
        InputError, match="has more than 16,384 columns, the most that earful reads"
    ):
        open_bytes("a.csv", f"{header}\n{header}\n")
    ten_thousand = ",".join(f"c{number}" for number in range(10_000))
    assert (
        len(next(open_bytes("a.csv", f"{ten_thousand}\n{'x,' * 9_999}x\n").rows).values) == 10_000
    )


def test_a_file_with_only_a_header_is_a_table_without_rows(open_bytes):
    table = open_bytes("a.csv", "id,text\n")
    assert (table.columns, list(table.rows)) == (["id", "text"], [])


@pytest.mark.parametrize("data", [b"", b"\n\n \n", b"\xef\xbb\xbf", b"\xff\xfe"])
def test_an_empty_file_is_a_clear_error(open_bytes, data):
    with pytest.raises(InputError, match="is empty"):
        open_bytes("a.csv", data)


def test_a_column_of_prose_with_commas_stays_one_column(open_bytes):
    table = open_bytes("a.csv", "text\nhello, world\nfoo\nwell, well, well\n")
    assert outcomes(table) == [(2, ["hello, world"]), (3, ["foo"]), (4, ["well, well, well"])]
    assert outcomes(open_bytes("a.txt", "first\nsecond, line\n\nthird\n")) == [
        (1, ["first"]),
        (2, ["second, line"]),
        (4, ["third"]),
    ]


def test_titles_above_the_header_and_excels_hint_are_passed_over(open_bytes):
    table = open_bytes("a.csv", "Report of May\n\nid,text,at\n1,a,b\n2,c,d\n")
    assert (table.columns, outcomes(table)[0]) == (["id", "text", "at"], (4, ["1", "a", "b"]))
    assert table.notes == ["passed over 2 lines above the header"]
    table = open_bytes("a.csv", "sep=;\nid;text\n1;a\n")
    assert (table.columns, outcomes(table)) == (["id", "text"], [(3, ["1", "a"])])


def test_backslash_escapes_are_understood(open_bytes):
    table = open_bytes("a.csv", 'id,text\n1,"He said \\"hi\\", then left"\n2,"b"\n')
    assert outcomes(table) == [(2, ["1", 'He said "hi", then left']), (3, ["2", "b"])]


def test_nuls_bidi_marks_and_boms_inside_stay_in_the_text(open_bytes):
    table = open_bytes("a.csv", "id,text\n1,a\x00b\u202ec\ufeffd\u200b\n")
    assert outcomes(table) == [(2, ["1", "a\x00b\u202ec\ufeffd\u200b"])]


def test_a_few_invalid_bytes_flag_their_rows_and_lose_none(open_bytes):
    table = open_bytes("a.csv", "id,text\n1,שלום\n2,".encode() + b"x\x96y\n3,ok\n")
    rows = list(table.rows)
    assert [row.has_lost_bytes for row in rows] == [False, True, False]
    assert rows[1].values["text"] == "x\ufffdy"
    assert table.notes == ["1 byte sequence is not valid utf-8 (first: line 3) and read as \ufffd"]


CELLS = st.text(
    st.characters(codec="utf-8", exclude_characters="\x00\ufeff\r\n\x1f\ufffd"), max_size=12
) | st.sampled_from(["a,b", 'say "hi"', "two\nlines", "1;2", "x|y", "t\tab", "שלום, עולם", "مرحبا"])


@settings(max_examples=200, deadline=None, suppress_health_check=list(HealthCheck))
@given(
    rows=st.lists(st.lists(CELLS, min_size=3, max_size=3), min_size=1, max_size=8),
    delimiter=st.sampled_from(",\t;|"),
    encoding=st.sampled_from(["utf-8", "utf-8-sig", "utf-16", "utf-16-le"]),
)
def test_what_is_written_with_any_delimiter_and_encoding_is_read_back(
    tmp_path, rows, delimiter, encoding
):
    # Without a mark, only the places of NUL bytes tell UTF-16: too many U+xx00 hide them.
    assume(sum(ord(char) & 255 == 0 for row in rows for cell in row for char in cell) <= 3)
    header = ["the id", "free text", "last column"]
    buffer = io.StringIO(newline="")
    csv.writer(buffer, delimiter=delimiter, quoting=csv.QUOTE_ALL).writerows([header, *rows])
    path = tmp_path / "a.csv"
    path.write_bytes(buffer.getvalue().encode(encoding))
    (table,) = open_tables(find_files([str(path)])[0])
    assert table.columns == header
    assert [list(row.values.values()) for row in table.rows] == [row for row in rows if any(row)]


@settings(max_examples=300, deadline=None, suppress_health_check=list(HealthCheck))
@given(data=st.binary(max_size=400) | st.text('ab,;"\n\r\\\t', max_size=200).map(str.encode))
def test_any_bytes_end_in_rows_or_in_one_clear_error(tmp_path, data):
    path = tmp_path / "a.csv"
    path.write_bytes(data)
    try:
        for table in open_tables(find_files([str(path)])[0]):
            numbers = [row.number for row in table.rows if isinstance(row, Row | BadRow)]
            assert numbers == sorted(set(numbers))
    except InputError:
        pass


def test_a_header_in_the_middle_is_no_feedback_and_its_mark_no_part_of_an_id(open_bytes):
    export = "\ufeffid,text\n{},{}\n"
    table = open_bytes("a.csv", export.format(1, "Slow") + export.format("\ufeff2", "Fine"))
    assert outcomes(table) == [(2, ["1", "Slow"]), (3, "repeated_header"), (4, ["2", "Fine"])]


def test_of_a_header_of_several_rows_all_are_given_up_where_it_comes_again(open_bytes):
    ids = '{"ImportId":"startDate"},{"ImportId":"_recordId"},{"ImportId":"QID1_TEXT"}'
    quoted = ",".join(f'"{cell.replace(chr(34), chr(34) * 2)}"' for cell in ids.split(","))
    export = "StartDate,ResponseId,Q1\nStart,Response,What is missing?\n" + quoted + "\n"
    rows = "2026-01-01,R_1,A dark mode\n"
    table = open_bytes("a.csv", export + rows + export + rows.replace("R_1", "R_2"))
    found = [row.reason if isinstance(row, BadRow) else row.values["Q1"] for row in table.rows]
    assert found == ["A dark mode", *["repeated_header"] * 3, "A dark mode"]
