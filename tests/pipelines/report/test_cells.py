"""Cells give the counts of any slice, as if every row were counted for it."""

from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from itertools import product
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from sqlalchemy import Connection

from pipelines.anonymity import choose_shown
from pipelines.report.cells import PERIODS, Cells, count_cells, pack_cells
from pipelines.report.spoken import (
    SENTIMENTS,
    Columns,
    Spoken,
    read_spoken,
    week_number,
    week_start,
)

Store = Callable[[dict[str, list[dict[str, Any]]]], Connection]
FEEDBACK, MENTIONS, ASSIGNED, THEMES = range(4)
LAST = 60
MENTION = ("theme", "voice", "week", "source", "lang", "segment", "sentiment", "reason")


def count(
    cells: Cells, cube: int, source: int = 0, lang: int = 0, first: float = 0, last: float = np.inf
) -> tuple[list[int], int]:
    """Four counts and the voices of a slice, the way the page's script reads them."""

    def choose(table: dict[str, Any], first_name: str) -> Any:
        return (
            (table["cube"] == cube)
            & (table["source"] == source)
            & (table["lang"] == lang)
            & (table[first_name] >= first)
            & (table["week"] <= last)
        )

    rows, again = choose(cells.cells, "week"), choose(cells.repeats, "earlier")
    counts = [int(cells.cells[f"n{place}"][rows].sum()) for place in range(4)]
    repeated = cells.repeats["voices"][again].sum()
    return counts, int(cells.cells["voices"][rows].sum() - repeated)


def count_segment(
    cells: Cells, cube: int, source: int, lang: int, segment: int, period: int
) -> tuple[list[int], int]:
    table = cells.segments
    wanted = zip(
        ("cube", "source", "lang", "segment", "period"),
        (cube, source, lang, segment, period),
        strict=True,
    )
    rows = np.logical_and.reduce([table[name] == value for name, value in wanted])
    assert rows.sum() <= 1
    counts = [int(table[f"n{place}"][rows].sum()) for place in range(4)]
    return counts, int(table["voices"][rows].sum())


def make_columns(names: tuple[str, ...], rows: list[tuple[int, ...]]) -> Columns:
    data = np.array(rows, dtype=np.int32).reshape(len(rows), len(names))
    return Columns({name: data[:, place] for place, name in enumerate(names)})


def count_rows(rows: list[dict[str, int]]) -> tuple[list[int], int]:
    feelings = [sum(row["sentiment"] == place for row in rows) for place in range(4)]
    return feelings, len({row["voice"] for row in rows})


rows_of_mentions = st.lists(
    st.tuples(
        st.integers(-2, 2),
        st.integers(0, 8),
        st.sampled_from([0, 1, 5, 57, 58, 60, 64]),
        st.integers(0, 1),
        st.integers(0, 2),
        st.integers(-1, 1),
        st.integers(0, 3),
        st.integers(-1, 0),
    ),
    max_size=40,
)


@settings(max_examples=60, deadline=None)
@given(rows_of_mentions, st.integers(1, 60), st.integers(0, 60))
def test_cells_count_what_counting_every_row_does(
    rows: list[tuple[int, ...]], first: int, n_weeks: int
) -> None:
    # A customer has one segment, whatever they say.
    rows = [(*row[:5], row[1] % 3 - 1, *row[6:]) for row in rows]
    mentions = make_columns(MENTION, rows)
    segments = ["silver", "gold"]
    names = {"noise": [], "unassigned": ["too_short"], "segment": segments}
    nothing = make_columns(("voice", "week", "source", "lang", "segment", "reason", "linked"), [])
    cells = count_cells(Spoken(mentions, nothing, names), [0, -1, 0], 1, LAST, 2)
    found = [dict(zip(MENTION, row, strict=True)) for row in rows]
    members: dict[int, Callable[[dict[str, int]], bool]] = {
        MENTIONS: lambda _: True,
        ASSIGNED: lambda row: row["theme"] != -1,
        THEMES: lambda row: row["theme"] == 0,
        THEMES + 3: lambda row: row["theme"] in {0, 2},  # the group
    }
    spans = [(0, np.inf), (first, first + n_weeks)]
    for (cube, is_in), source, lang in product(members.items(), range(3), range(4)):
        own = [
            row
            for row in found
            if is_in(row) and source in (0, row["source"] + 1) and lang in (0, row["lang"] + 1)
        ]
        for start, end in spans:
            inside = [row for row in own if start <= row["week"] <= end]
            assert count(cells, cube, source, lang, start, end) == count_rows(inside)
        for place, period in enumerate(PERIODS):
            inside = [row for row in own if not period or LAST - period < row["week"] <= LAST]
            expected = {
                segment: count_rows([row for row in inside if row["segment"] == segment - 1])
                for segment in range(3)
            }
            voices = {name: expected[segment][1] for segment, name in enumerate(segments, 1)}
            shown = choose_shown(voices, 2, expected[0][1])
            for segment, name in enumerate(segments, 1):
                cell = count_segment(cells, cube, source, lang, segment, place)
                assert cell == (expected[segment] if name in shown else ([0] * 4, 0))


def test_columns_are_packed_in_as_few_bytes_as_their_numbers_take() -> None:
    table = {"cube": np.array([0, 300]), "voices": np.array([1, 70_000])}
    packed = pack_cells(Cells(table, table, table))
    assert packed["layout"][:2] == [["cells", "cube", 2, 2], ["cells", "voices", 4, 2]]


def test_weeks_are_numbered_from_mondays() -> None:
    monday = datetime(2026, 3, 2, tzinfo=UTC).date()
    assert week_start(week_number(monday)) == monday
    assert week_number(monday + timedelta(days=6)) == week_number(monday)
    assert week_number(monday + timedelta(days=7)) == week_number(monday) + 1


def item(number: int, **more: Any) -> dict[str, Any]:
    return {"feedback_id": f"f{number}", "source": "shop", "lang": "en", "text": "x"} | more


def said(number: int, **more: Any) -> dict[str, Any]:
    return (
        {"mention_id": f"m{number}", "feedback_id": f"f{number}"}
        | {
            "text": "x",
            "text_hash": "h",
        }
        | more
    )


@pytest.fixture
def spoken(fill_store: Store) -> Spoken:
    at = datetime(2026, 3, 4, 23, tzinfo=UTC)
    store = fill_store(
        {
            "customer": [{"customer_id": "ann", "segment": "gold"}, {"customer_id": "bob"}],
            "feedback": [
                item(1, customer_id="ann", author_key="k", occurred_at=at),
                item(2, customer_id="ann", lang=None),
                item(3, author_key="k", source="web", occurred_at=at + timedelta(days=7)),
                item(4, noise_reason="spam", occurred_at=at),
                item(5, refused="analysis"),
                item(6, customer_id="bob"),
            ],
            "mention": [
                said(1, theme_id="a", sentiment="negative"),
                said(2, theme_id="hidden", sentiment="positive", lang="he"),
                said(3, unassigned_reason="too_short"),
                said(4, theme_id="a"),
                said(5, theme_id="a"),
                said(6, theme_id="b", sentiment="neutral"),
            ],
        }
    )
    return read_spoken(store, ["a", "b"])


def test_noise_and_what_is_refused_is_not_among_the_mentions(spoken: Spoken) -> None:
    mentions = spoken.mentions
    assert sorted(mentions["theme"].tolist()) == [-2, -1, 0, 1]
    assert len(set(mentions["voice"].tolist())) == 3  # ann, bob and the author k
    assert sorted(mentions["sentiment"].tolist()) == [0, 1, 2, 3]
    assert SENTIMENTS[0] == "negative"


def test_feedback_is_read_with_noise_and_without_what_is_refused(spoken: Spoken) -> None:
    said_of = spoken.feedback
    assert len(said_of["source"]) == 5
    assert spoken.names["noise"] == ["spam"]
    assert sorted(said_of["reason"].tolist()) == [-1, -1, -1, -1, 0]
    assert int(said_of["linked"].sum()) == 3


def test_names_are_numbered_by_size_and_a_mention_has_its_feedbacks_language(
    spoken: Spoken,
) -> None:
    assert spoken.names["source"] == ["shop", "web"]
    assert spoken.names["lang"] == ["en", "he", "und"]
    assert spoken.names["segment"] == ["gold"]
    assert sorted(spoken.mentions["segment"].tolist()) == [-1, -1, 0, 0]


def test_what_has_no_date_is_in_week_0_and_dates_are_in_utc_weeks(spoken: Spoken) -> None:
    weeks = sorted(spoken.mentions["week"].tolist())
    assert weeks[:2] == [0, 0]
    assert weeks[3] - weeks[2] == 1
    assert week_start(weeks[2]).isoformat() == "2026-03-02"
