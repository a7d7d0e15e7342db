"""Values of a column side by side: how much each theme is spoken of there, and with what feeling.

Pure statistics: voices by value and theme in, rows of ``comparison`` out.
"""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from pipelines.attention.estimates import (
    Sample,
    add_samples,
    compare_means,
    compare_shares,
    estimate_mean,
    estimate_share,
    name_columns,
)
from pipelines.verdicts import correct_p_values

# Of a theme of fewer voices nothing could differ, and each theme that is tried costs the others.
MIN_THEME_VOICES = 10
# The row of all feedback of a value.
ALL_FEEDBACK = ""


@dataclass(frozen=True)
class Heard:
    """Voices of a theme on a value.

    :param sample: of the sentiment of those who have one.
    """

    n: int = 0
    sample: Sample = field(default_factory=Sample)


def compare_values(
    n_voices: Mapping[str, int],
    overall: Mapping[str, Sample],
    themes: Mapping[str, Mapping[str, Heard]],
) -> list[dict[str, Any]]:
    """Compare every value with all others together.

    Shares have Wilson's intervals and the mid-p of Fisher's test; feelings Student's intervals and
    Welch's test. Both are corrected over all themes and values by Benjamini-Yekutieli. Who
    speaks of two values counts for each, as if they were two.

    :param n_voices: by value.
    :param overall: sentiment of all voices by value.
    :param themes: who speaks of a theme, by theme and value.
    :returns: rows as in ``comparison``, without the dimension.
    """
    values = sorted(n_voices)
    heard = {key: each for key, each in sorted(themes.items()) if _count(each) >= MIN_THEME_VOICES}
    everything = [Heard(n_voices[value], overall.get(value, Sample())) for value in values]
    rows = [*_describe_shares(values, n_voices, heard)]
    feelings = [*_describe_feelings(values, {ALL_FEEDBACK: everything, **_align(values, heard)})]
    _correct(rows, "share_q")
    _correct(feelings, "sentiment_q")
    shares = {(row["theme_id"], row["value"]): row for row in rows}
    return [
        {**_EMPTY_SHARE, "n_voices": n_voices[row["value"]], **shares.get(_key(row), {}), **row}
        for row in feelings
    ]


_EMPTY_SHARE = dict.fromkeys(("n_with_theme", "share", "share_low", "share_high", "share_q"))


def _key(row: Mapping[str, Any]) -> tuple[str, str]:
    return row["theme_id"], row["value"]


def _count(by_value: Mapping[str, Heard]) -> int:
    return sum(each.n for each in by_value.values())


def _align(
    values: Sequence[str], heard: Mapping[str, Mapping[str, Heard]]
) -> dict[str, list[Heard]]:
    return {key: [each.get(value, Heard()) for value in values] for key, each in heard.items()}


def _describe_shares(
    values: Sequence[str], n_voices: Mapping[str, int], heard: Mapping[str, Mapping[str, Heard]]
) -> Iterator[dict[str, Any]]:
    """Each theme's share of the voices of each value."""
    if not heard:
        return
    counts = np.array([[each.n for each in row] for row in _align(values, heard).values()])
    totals = np.broadcast_to([n_voices[value] for value in values], counts.shape)
    others = counts.sum(axis=1, keepdims=True) - counts
    p_values = compare_shares(counts, totals, others, totals.sum(axis=1, keepdims=True) - totals)
    for row, theme_id in enumerate(heard):
        for place, value in enumerate(values):
            n_with = int(counts[row, place])
            yield {
                "theme_id": theme_id,
                "value": value,
                "n_with_theme": n_with,
                **name_columns("share", estimate_share(n_with, n_voices[value])),
                "share_q": float(p_values[row, place]),
            }


def _describe_feelings(
    values: Sequence[str], heard: Mapping[str, Sequence[Heard]]
) -> Iterator[dict[str, Any]]:
    for theme_id, row in heard.items():
        together = add_samples(each.sample for each in row)
        for value, each in zip(values, row, strict=True):
            others = together - each.sample
            is_compared = each.sample.n and others.n
            yield {
                "theme_id": theme_id,
                "value": value,
                **name_columns("sentiment", estimate_mean(each.sample)),
                "sentiment_q": compare_means(each.sample, others) if is_compared else None,
            }


def _correct(rows: Sequence[dict[str, Any]], name: str) -> None:
    """Turn p-values into q-values, over all rows that have one."""
    tested = [row for row in rows if row[name] is not None]
    for row, q_value in zip(tested, correct_p_values([row[name] for row in tested]), strict=True):
        row[name] = q_value
