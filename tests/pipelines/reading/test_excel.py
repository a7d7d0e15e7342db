"""Workbooks: real ones written by two libraries, and damaged ones."""

import datetime as dt
import io
import zipfile
from functools import partial

import openpyxl
import pytest

from pipelines.errors import InputError
from pipelines.reading import find_files, open_tables
from pipelines.reading.workbook_checks import check_workbook


def workbook_bytes(*sheets):
    book = openpyxl.Workbook()
    book.remove(book.active)
    for title, rows in sheets:
        sheet = book.create_sheet(title)
        for number, cells in rows.items():
            for column, value in enumerate(cells, 1):
                sheet.cell(number, column).value = value
    buffer = io.BytesIO()
    book.save(buffer)
    return buffer.getvalue()


def test_values_are_text_as_a_person_sees_them(open_bytes):
    data = workbook_bytes(
        (
            "s",
            {
                1: ["id", "day", "at", "n", "ok", "code", "time"],
                2: [1, dt.date(2024, 3, 1), dt.datetime(2024, 3, 1, 12, 30), 2.5, True, "007",
                    dt.time(3, 4)],
                3: [12345, None, None, -5, False, "=1+1", None],
            },
        )
    )  # fmt: skip
    rows = list(open_bytes("a.xlsx", data).rows)
    assert list(rows[0].values.values()) == [
        *("1", "2024-03-01", "2024-03-01 12:30:00", "2.5", "true", "007", "03:04:00"),
    ]
    assert list(rows[1].values.values())[:5] == ["12345", "", "", "-5", "false"]


def test_each_sheet_with_rows_is_a_table_and_row_numbers_are_excels(tmp_path):
    data = workbook_bytes(
        ("first", {3: ["id", "text", "n"], 5: [1, "a", 2], 7: [2, "b", 3]}),
        ("empty", {}),
        ("titled", {1: ["Report"], 3: ["id", "text"], 4: [1, "a"]}),
    )
    (tmp_path / "a.xlsx").write_bytes(data)
    tables = [
        (table.sheet, table.columns, [row.number for row in table.rows])
        for table in open_tables(find_files([str(tmp_path / "a.xlsx")])[0])
    ]
    assert tables == [
        ("first", ["id", "text", "n"], [5, 7]),
        ("titled", ["id", "text"], [4]),
    ]


def test_a_workbook_is_known_by_its_content(open_bytes):
    data = workbook_bytes(("s", {1: ["id", "text"], 2: [1, "a"]}))
    assert open_bytes("a.csv", data).columns == ["id", "text"]
    table = open_bytes("a.xls", "id\ttext\n1\ta\n")  # what many exports call .xls
    assert (table.format, table.columns) == ("tsv", ["id", "text"])
    with pytest.raises(InputError, match="web page"):
        open_bytes("a.xls", "<html><table><tr><td>x</td></tr></table></html>")


def test_a_workbook_inside_an_archive_is_read(tmp_path):
    data = workbook_bytes(("s", {1: ["id", "text"], 2: [1, "a"]}))
    with zipfile.ZipFile(tmp_path / "x.zip", "w") as archive:
        archive.writestr("deep/a.xlsx", data)
    (file,) = find_files([str(tmp_path / "x.zip")])
    (table,) = open_tables(file)
    assert (table.file, [row.values["text"] for row in table.rows]) == (
        "x.zip!/deep/a.xlsx",
        ["a"],
    )


def test_damaged_workbooks_are_one_clear_error(open_bytes):
    data = workbook_bytes(("s", {number: [number, "text " * 9] for number in range(1, 500)}))
    for cut in (10, 100, len(data) // 2, len(data) - 10):
        with pytest.raises(InputError, match="damaged"):
            list(open_bytes("a.xlsx", data[:cut]).rows)
    with pytest.raises(InputError, match="not a workbook, or is damaged"):
        open_bytes("a.xlsx", b"not a workbook")
    with pytest.raises(InputError, match="damaged"):
        open_bytes("a.xls", b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1" + bytes(600))


def test_flipped_bytes_never_crash(open_bytes):
    data = workbook_bytes(("s", {number: [number, "text"] for number in range(1, 60)}))
    for place in range(0, len(data), max(1, len(data) // 60)):
        broken = bytearray(data)
        broken[place] ^= 0xFF
        try:
            list(open_bytes("a.xlsx", bytes(broken)).rows)
        except InputError as error:
            assert "a.xlsx" in str(error)


def test_a_workbook_with_a_password_says_so(open_bytes):
    ole = b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1" + bytes(2_000)
    with pytest.raises(InputError, match="protected by a password"):
        open_bytes("a.xlsx", ole + "EncryptedPackage".encode("utf-16-le") + bytes(500))


def test_bombs_are_refused_before_the_sheet_is_built(open_bytes):
    data = workbook_bytes(("s", {1: ["id", "text"], 1_048_576: [1, "x"]}))
    sheet = "xl/worksheets/sheet1.xml"
    far = _rewrite(data, sheet, lambda xml: xml.replace(b'r="B1048576"', b'r="XFD1048576"'))
    with pytest.raises(InputError, match="more than 60,000,000 cells"):
        open_bytes("a.xlsx", far)
    fat = _rewrite(data, sheet, lambda xml: xml + b" " * (200 * 2**20))
    with pytest.raises(InputError, match="looks like a bomb"):
        open_bytes("a.xlsx", fat)


def test_rows_that_do_not_say_where_they_stand_are_counted(open_bytes):
    data = workbook_bytes(("s", {1: ["id", "text"], 2: [1, "x"]}))
    sheet = "xl/worksheets/sheet1.xml"
    row = b'<row><c t="inlineStr"><is><t>%s</t></is></c></row>'
    # The first is refused by what it declares, the second by its rows.
    for many, rows in ((row % b"aaaaaaaaaa" * 400_000, "a bomb"), (b"<row/>" * 1_048_577, "rows")):
        fat = _rewrite(data, sheet, partial(_put_rows, rows=many))
        with pytest.raises(InputError, match=f"looks like {rows}|1,048,576 {rows}"):
            open_bytes("a.xlsx", fat)
    wide = b"<row>" + b"<c/>" * 3_000 + b"</row>" + b"<row/>" * 19_999
    with pytest.raises(InputError, match="spans 20,002 rows by 3,000 columns"):
        open_bytes("a.xlsx", _rewrite(data, sheet, partial(_put_rows, rows=wide)))


def test_many_rows_of_short_answers_and_a_chain_of_calculations_are_let_pass(tmp_path):
    rows = b"".join(
        b'<row r="%d"><c r="A%d" t="inlineStr"><is><t>yes</t></is></c></row>' % (number, number)
        for number in range(3, 200_003)
    )
    data = workbook_bytes(("s", {1: ["text"], 2: ["x"]}))
    path = tmp_path / "a.xlsx"
    path.write_bytes(_rewrite(data, "xl/worksheets/sheet1.xml", partial(_put_rows, rows=rows)))
    with zipfile.ZipFile(path, "a") as archive:
        archive.writestr("xl/calcChain.xml", '<c r="A1048576"/><c r="XFD1"/>')
    check_workbook(path, "a.xlsx")


def _put_rows(xml, rows):
    return xml.replace(b"</sheetData>", rows + b"</sheetData>")


def _rewrite(data, member, change):
    buffer = io.BytesIO()
    with (
        zipfile.ZipFile(io.BytesIO(data)) as old,
        zipfile.ZipFile(buffer, "w", zipfile.ZIP_DEFLATED) as new,
    ):
        for name in old.namelist():
            new.writestr(name, change(old.read(name)) if name == member else old.read(name))
    return buffer.getvalue()
