"""Which groups may be shown."""

from hypothesis import given
from hypothesis import strategies as st

from pipelines.anonymity import choose_shown

counts = st.dictionaries(st.text("abcdef", min_size=1, max_size=2), st.integers(0, 30), max_size=8)


def test_small_groups_are_hidden() -> None:
    assert choose_shown({"a": 5, "b": 4, "c": 90}, 5) == {"c"}
    assert choose_shown({"a": 5, "b": 90}, 5) == {"a", "b"}
    assert choose_shown({}, 5) == frozenset()


def test_what_all_less_the_shown_would_tell_is_hidden_by_one_group_more() -> None:
    assert choose_shown({"a": 50, "b": 9, "c": 2}, 5) == {"a"}
    assert choose_shown({"a": 50, "b": 9, "c": 2, "d": 3}, 5) == {"a", "b"}
    assert choose_shown({"a": 50, "b": 9}, 5, rest=3) == {"a"}
    assert choose_shown({"a": 50, "b": 9}, 5, rest=30) == {"a", "b"}


@given(counts, st.integers(2, 10), st.integers(0, 20))
def test_no_group_of_fewer_than_k_can_be_read_or_reckoned(
    counts: dict[str, int], k: int, rest: int
) -> None:
    shown = choose_shown(counts, k, rest)
    assert all(counts[name] >= k for name in shown)
    hidden = sum(counts.values()) + rest - sum(counts[name] for name in shown)
    assert not shown or hidden == 0 or hidden >= k
