"""The geometry of the small charts: numbers in, coordinates of an SVG out."""

from collections.abc import Sequence
from dataclasses import dataclass

from pipelines.report.tallies import MentionTally

WIDTH = 160.0
HEIGHT = 36.0
MARGIN = 3.0


@dataclass(frozen=True)
class Sparkline:
    """A line over weeks; `line` and `area` are path data in a box of WIDTH x HEIGHT."""

    line: str
    area: str
    end_x: float
    end_y: float
    peak: int
    peak_week: int


@dataclass(frozen=True)
class FeelingBar:
    """Three widths and starts on an axis of 200 units, neutral in the middle of it."""

    negative_x: float
    negative: float
    neutral_x: float
    neutral: float
    positive_x: float
    positive: float


def draw_sparkline(counts: Sequence[int]) -> Sparkline:
    """Draw counts from zero to their highest, equally far apart.

    :raises ValueError: when there are none.
    """
    if not counts:
        raise ValueError("a sparkline needs at least one count")
    peak = max(counts)
    step = (WIDTH - 2 * MARGIN) / max(len(counts) - 1, 1)
    start = MARGIN if len(counts) > 1 else WIDTH - MARGIN
    rise = (HEIGHT - 2 * MARGIN) / max(peak, 1)
    base = HEIGHT - MARGIN
    points = [(start + i * step, base - n * rise) for i, n in enumerate(counts)]
    line = "M" + "L".join(f"{x:.1f} {y:.1f}" for x, y in points)
    end_x, end_y = points[-1]
    return Sparkline(
        line=line,
        area=f"{line}L{end_x:.1f} {base:.1f}L{start:.1f} {base:.1f}Z",
        end_x=round(end_x, 1),
        end_y=round(end_y, 1),
        peak=peak,
        peak_week=counts.index(peak),
    )


def draw_feeling(tally: MentionTally) -> FeelingBar:
    """Lay shares out to both sides of the middle: what is negative reaches left of neutral."""
    whole = max(tally.n_rated, 1)
    negative, neutral, positive = (
        100 * n / whole for n in (tally.n_negative, tally.n_neutral, tally.n_positive)
    )
    left = 100 - neutral / 2
    return FeelingBar(
        negative_x=round(left - negative, 2),
        negative=round(negative, 2),
        neutral_x=round(left, 2),
        neutral=round(neutral, 2),
        positive_x=round(left + neutral, 2),
        positive=round(positive, 2),
    )
