"""JSON in all the forms that exports take."""

import json

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from pipelines.errors import InputError
from pipelines.reading import Row, find_files, open_tables


def outcomes(table):
    return [(row.number, row.values if isinstance(row, Row) else row.reason) for row in table.rows]


ONE_TWO = [(1, {"a": "1"}), (2, {"a": "2"})]


@pytest.mark.parametrize(
    "data",
    [
        '[{"a":1},{"a":2}]',
        '\ufeff[\n  {"a": 1},\n  {"a": 2}\n]\n',
        '{"a":1}\n{"a":2}\n',
        '{"a":1}{"a":2}',
        '{\n "a": 1\n}\n{\n "a": 2\n}',
        '{"data":[{"a":1},{"a":2}]}',
        '{"meta":{"n":[1,2]},"reviews":[{"a":1},{"a":2}],"users":[{"u":1},{"u":2},{"u":3}]}',
        '{"feed":{"entry":[{"a":1},{"a":2}]}}',
    ],
)
def test_every_form_gives_the_same_rows(open_bytes, data):
    table = open_bytes("a.json", data)
    assert (table.columns, outcomes(table)) == (["a"], ONE_TWO)


def test_nested_values_become_dotted_text_and_numbers_stay_as_written(open_bytes):
    record = (
        '{"id":12345678901234567890,"b":{"c":2.50,"d":[1,"x",null]},'
        '"e":null,"f":true,"g":[{"h":1}]}'
    )
    ((number, values),) = outcomes(open_bytes("a.jsonl", record))
    assert number == 1
    assert values == {
        "id": "12345678901234567890",
        "b.c": "2.50",
        "b.d": "1; x",
        "f": "true",
        "g": '[{"h": "1"}]',
    }


@pytest.mark.parametrize(
    "data",
    [
        '{"a":1}\n{"a":2,\n{"a":3}\n',
        '[{"a":1},{"a":oops},{"a":3}]',
        '{\n "a": 1\n}\n{\n "a": oops\n}\n{\n "a": 3\n}\n',
        '{"data":[{"a":1},{"a":oops},{"a":3}]}',
    ],
)
def test_a_broken_record_is_rejected_and_the_next_is_read(open_bytes, data):
    assert outcomes(open_bytes("a.json", data)) == [
        (1, {"a": "1"}),
        (2, "broken_json"),
        (3, {"a": "3"}),
    ]


def test_a_file_cut_in_the_middle_keeps_what_is_whole(open_bytes):
    data = json.dumps([{"a": str(number) * 50} for number in range(3_000)])
    rows = list(open_bytes("a.json", data[: len(data) // 2]).rows)
    assert len(rows) > 1_000
    assert [row.values["a"] for row in rows[:-1]] == [
        str(number) * 50 for number in range(len(rows) - 1)
    ]
    assert rows[-1].reason == "broken_json"


def test_values_that_are_no_objects_are_rejected(open_bytes):
    assert outcomes(open_bytes("a.jsonl", '{"a":1}\n[1]\n"x"\n')) == [
        (1, {"a": "1"}),
        (2, "not_an_object"),
        (3, "not_an_object"),
    ]


@pytest.mark.parametrize("data", ["nonsense", '"x"', '{"a": "cut', "[" * 100_000])
def test_what_is_no_json_is_a_clear_error(open_bytes, data):
    with pytest.raises(InputError, match=r"not valid JSON|no JSON objects"):
        list(open_bytes("a.json", data).rows)


def test_endless_nesting_costs_its_record_only(open_bytes):
    deep = '{"a":' * 5_000 + "1" + "}" * 5_000
    assert outcomes(open_bytes("a.json", f'[{deep},{{"a":2}}]')) == [
        (1, "broken_json"),
        (2, {"a": "2"}),
    ]


def test_a_huge_value_is_rejected_and_reading_goes_on(open_bytes):
    huge = "x" * 10_000_000
    for data in (
        f'{{"a":1}}\n{{"a":"{huge}"}}\n{{"a":3}}\n',
        f'[{{"a":1}},\n{{"a":"{huge}"}},\n{{"a":3}}]',
    ):
        assert outcomes(open_bytes("a.json", data)) == [
            (1, {"a": "1"}),
            (2, "cell_too_long"),
            (3, {"a": "3"}),
        ]


NAMES = st.text(st.characters(codec="utf-8", exclude_characters="\x00."), min_size=1, max_size=6)
RECORDS = st.lists(st.dictionaries(NAMES, st.text(max_size=20), min_size=1, max_size=4), min_size=1)


@settings(max_examples=100, deadline=None, suppress_health_check=list(HealthCheck))
@given(records=RECORDS, form=st.sampled_from(["array", "lines", "pretty", "wrapped", "one line"]))
def test_what_is_written_in_any_form_is_read_back(tmp_path, records, form):
    data = {
        "array": lambda: json.dumps(records, ensure_ascii=False, indent=1),
        "lines": lambda: "\n".join(map(json.dumps, records)),
        "pretty": lambda: "\n".join(json.dumps(record, indent=2) for record in records),
        "wrapped": lambda: json.dumps({"n": 1, "results": records}),
        "one line": lambda: "".join(map(json.dumps, records)),
    }[form]()
    path = tmp_path / ("a.jsonl" if form == "lines" else "a.json")
    path.write_text(data, encoding="utf-8")
    (table,) = open_tables(find_files([str(path)])[0])
    assert [row.values for row in table.rows] == records


@settings(max_examples=200, deadline=None, suppress_health_check=list(HealthCheck))
@given(data=st.text('{}[]",:a1 \n\\', max_size=120))
def test_any_text_ends_in_rows_or_in_one_clear_error(tmp_path, data):
    path = tmp_path / "a.json"
    path.write_text(data, encoding="utf-8")
    try:
        for table in open_tables(find_files([str(path)])[0]):
            list(table.rows)
    except InputError:
        pass
