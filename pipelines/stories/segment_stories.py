"""The story of a segment: who they are, what they speak of, how it feels, what to fix for them."""

from collections.abc import Collection, Mapping, Sequence

from sqlalchemy import Connection

from pipelines import tables
from pipelines.errors import ConfigError
from pipelines.stories.cost_parts import tell_priorities
from pipelines.stories.evidence import (
    Counted,
    Row,
    Week,
    count,
    name_theme,
    read_coverage,
    read_priorities,
    read_themes,
    read_weeks,
)
from pipelines.stories.facts import Fact, fact_of
from pipelines.stories.quotes import draft_quotes, read_segment_quotes
from pipelines.stories.sentences import Draft, make_drafts
from pipelines.stories.theme_parts import tell_feeling, tell_languages, tell_week

_MAX_THEMES, _MAX_WEEKS, _MAX_PRIORITIES = 3, 3, 2


def draft_segment(
    connection: Connection, segment: str, k: int, shown: Collection[str]
) -> list[Draft]:
    """The sentences of a segment's story.

    :param k: of fewer customers nothing is told, as they could be recognised.
    :param shown: segments of which something may be told.
    :raises ConfigError: where there is no such segment, or it is too small.
    """
    among = {"segment": [segment]}
    records = count(connection, "customer", ["segment"], among)
    whole = count(connection, "mention", ["segment"], among)
    _check_size(segment, records, k, shown)
    by_theme = count(connection, "mention", ["segment", "theme_id"], among)
    by_lang = count(connection, "mention", ["segment", "lang"], among)
    themes = {
        key: row
        for key, row in read_themes(connection, [each[1] for each in by_theme.rows]).items()
        if row["status"] == "active"
    }
    largest = _choose_largest(by_theme, themes, k)
    names = {key: name_theme(row) for key, row in themes.items()}
    weeks = read_weeks(connection, [*themes], segment)
    priorities = read_priorities(connection, [*themes], segment)
    return make_drafts(
        _tell_size(records, whole, segment),
        _tell_coverage(connection, segment),
        tell_feeling(whole, segment, k=k),
        tell_languages(whole, by_lang, segment, k=k),
        [
            Draft(
                "segment_theme",
                {"n": by_theme.fact("n_customers", segment, key), "name": names[key]},
            )
            for key in largest[:_MAX_THEMES]
        ],
        *(tell_week(weeks[key], names[key], k) for key in _choose_weeks(largest, weeks)),
        tell_priorities(priorities[:_MAX_PRIORITIES], names, k),
        draft_quotes(read_segment_quotes(connection, segment, largest[:_MAX_THEMES])),
    )


def _check_size(segment: str, records: Counted, k: int, shown: Collection[str]) -> None:
    if not records.rows:
        raise ConfigError(
            f"there is no segment {segment!r}; see those that there are with: "
            "earful story store, or in the column segment of the CRM's file"
        )
    if segment not in shown:
        raise ConfigError(
            f"no story is told of a segment of which fewer than {k} customers are heard, nor of "
            "one by which these could be reckoned: they could be recognised. How many it takes is "
            "[anonymity] min_customers"
        )


def _choose_largest(by_theme: Counted, themes: Mapping[str, Row], k: int) -> list[str]:
    sizes = {key[1]: row["n_customers"] for key, row in by_theme.rows.items() if key[1] in themes}
    enough = [key for key, n in sizes.items() if n >= k]
    return sorted(enough, key=lambda key: (-sizes[key], key))


def _choose_weeks(largest: Sequence[str], weeks: Mapping[str, Week]) -> list[str]:
    """Themes of enough customers whose latest week was judged."""
    return [key for key in largest if key in weeks][:_MAX_WEEKS]


def _tell_size(records: Counted, whole: Counted, segment: str) -> Draft:
    n_customers = records.fact("n_customers", segment)
    slots = {
        "n_heard": whole.fact("n_customers", segment),
        "n_customers": n_customers,
        "segment": Fact(n_customers.table, n_customers.key, "segment", segment),
    }
    return Draft("segment_size", slots)


def _tell_coverage(connection: Connection, segment: str) -> Draft | None:
    rows = read_coverage(connection, "segment", segment)
    if not rows:
        return None
    columns = {"share": "share", "low": "share_low", "high": "share_high"}
    facts = {slot: fact_of(tables.coverage, rows[0], each) for slot, each in columns.items()}
    return Draft("segment_coverage", facts)
