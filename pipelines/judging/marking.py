"""What was judged, as rows of weeks; a silent week has one where somebody was expected."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any, Final

import numpy as np

from pipelines.judging.counts import EVERYBODY
from pipelines.judging.sentiment import SHIFTS, Shifts, find_shifts
from pipelines.judging.series import Calendar, Group, Row
from pipelines.judging.verdicts import VERDICTS, Band, Evidence, Judged, find_bands
from pipelines.judging.windows import Floats

JUDGED: Final = (
    *("expected", "expected_low", "expected_high", "ratio", "ratio_low", "ratio_high"),
    *("p_value", "q_value", "verdict"),
    *("sentiment_expected", "sentiment_low", "sentiment_high", "sentiment_q", "sentiment_verdict"),
)
# Silence is told where so many voices were expected: of everybody of a voice a month, for a trend
# without holes at no more than twice the rows; of segments where it may be news.
MIN_EXPECTED, MIN_EXPECTED_OF_SEGMENT = 0.25, 1.0
# Some of those who speak of a theme in a week spoke of it before; how many is learned from weeks
# before the last two, and from so many voices of nobody.
_SCALE_LAG = 2
_PRIOR_VOICES = 10.0
# A q-value hangs on all themes: a fifth decimal would rewrite every week for one theme more.
_Q_DECIMALS = 4


@dataclass(frozen=True)
class _Columns:
    """Of every row, series x weeks."""

    expected: Floats
    band: Band
    judged: Judged
    shifts: Shifts


def mark_weeks(
    group: Group, evidence: Evidence, judged: Judged, calendar: Calendar
) -> Iterator[Row]:
    """The rows of the weeks of a group, with what was judged of them.

    :param evidence: series x looks, in the order of the group; so is what was judged.
    """
    voices, sentiment = _read_weeks(group, calendar)
    expected = evidence.week * _scale_to_weeks(group, voices, calendar)
    is_everybody = group.segment == EVERYBODY
    is_row = expected >= (MIN_EXPECTED if is_everybody else MIN_EXPECTED_OF_SEGMENT)
    for place in group.weeks:
        is_row[place] = True
    series, looks = np.nonzero(is_row)
    found = _Columns(
        expected[is_row],
        find_bands(voices[is_row], expected[is_row], evidence.size[is_row]),
        Judged(*(_pick(each, is_row) for each in vars(judged).values())),
        Shifts(*(_pick(each, is_row) for each in vars(find_shifts(sentiment, voices)).values())),
    )
    columns = _list_columns(found)
    for at, (theme, look) in enumerate(zip(series.tolist(), looks.tolist(), strict=True)):
        row = group.weeks.get((theme, look)) or _make_silence(group, theme, look, calendar)
        yield {**row, **{name: column[at] for name, column in columns.items()}}


def _pick(array: Any, is_row: Any) -> Any:
    return array[is_row]


def _read_weeks(group: Group, calendar: Calendar) -> tuple[Floats, Floats]:
    """Voices and mean sentiment of the weeks."""
    shape = (len(group.theme_ids), len(calendar.looks))
    voices, sentiment = np.zeros(shape), np.full(shape, np.nan)
    for place, row in group.weeks.items():
        voices[place] = row["n_customers"]
        sentiment[place] = np.nan if row["sentiment"] is None else row["sentiment"]
    return voices, sentiment


def _scale_to_weeks(group: Group, voices: Floats, calendar: Calendar) -> Floats:
    """Voices a fresh voice: what is expected is reckoned in fresh ones, weeks count all."""
    ends = np.minimum(calendar.looks, group.counts.shape[1] - 1)
    sums = np.cumsum(group.counts, axis=1, dtype=float)[:, ends]
    spoke = np.cumsum(voices, axis=1)
    lagged = np.maximum(np.arange(len(ends)) - _SCALE_LAG, 0)
    is_past = np.arange(len(ends)) >= _SCALE_LAG
    scale = (spoke[:, lagged] + _PRIOR_VOICES) / (sums[:, lagged] + _PRIOR_VOICES)
    return np.asarray(np.where(is_past, scale, 1.0))


def _list_columns(found: _Columns) -> dict[str, Sequence[Any]]:
    numbers = {
        "expected": found.expected,
        "expected_low": found.band.low,
        "expected_high": found.band.high,
        "ratio": found.band.ratio,
        "ratio_low": found.band.ratio_low,
        "ratio_high": found.band.ratio_high,
        "p_value": found.judged.p_value,
        "q_value": _round_q(found.judged.q_value, found.judged.p_value),
        "sentiment_expected": found.shifts.expected,
        "sentiment_low": found.shifts.low,
        "sentiment_high": found.shifts.high,
        "sentiment_q": _round_q(found.shifts.q_value, found.shifts.p_value),
    }
    return {
        **{name: _drop_missing(values) for name, values in numbers.items()},
        "verdict": [VERDICTS[code] or None for code in found.judged.verdict],
        "sentiment_verdict": [SHIFTS[code] or None for code in found.shifts.verdict],
    }


def _round_q(q_value: Floats, p_value: Floats) -> Floats:
    """Rounded, and never below the p-value that it corrects."""
    return np.maximum(np.round(q_value, _Q_DECIMALS), p_value)


def _drop_missing(values: Floats) -> list[float | None]:
    return [None if value != value else value for value in values.tolist()]


def _make_silence(group: Group, series: int, look: int, calendar: Calendar) -> Row:
    return {
        "theme_id": group.theme_ids[series],
        "period_start": calendar.monday_of(look),
        "period": "week",
        "segment": group.segment,
        **dict.fromkeys(("n_mentions", "n_customers", "n_feedback"), 0),
        **dict.fromkeys(("sentiment", "n_fresh"), None),
    }
