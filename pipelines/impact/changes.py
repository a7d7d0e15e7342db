"""What changed after a theme was fixed, beyond what changed for similar themes at the same time.

Difference in differences with one theme that was treated: its change from the weeks before to those
after, less the mean change of themes that were about as large and ran alike before. Such themes
have drifts of their own; how much they differ among themselves says how far the treated one could
have drifted without any fix (a prediction interval, as Higgins et al. give it for studies: Journal
of the Royal Statistical Society A 172, 2009; inference from the untreated after Conley and Taber,
Review of Economics and Statistics 93, 2011). Scatter from week to week, wider than chance alone
gives, is pooled over all of these themes.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from pipelines.impact.designs import Floats
from pipelines.impact.estimates import make_estimates
from pipelines.impact.notes import Note
from pipelines.impact.records import Codes

MIN_WEEKS_BEFORE, MIN_WEEKS_AFTER = 4, 2
MIN_BEFORE, MIN_AFTER = 10, 5
MIN_SIMILAR, MAX_SIMILAR = 4, 12
# A similar theme has at most so many times the voices of the fixed one, and at least 1/so many.
MAX_SIZE_RATIO = 4.0
_NOT_PARALLEL = 0.05


@dataclass(frozen=True)
class Weeks:
    """What was measured of every theme in every week; (themes, weeks).

    :param total: sum of what was measured; of counts the voices themselves.
    :param size: over how many it was summed; of counts the voices that could have been, the same
        for all themes.
    :param is_count: whether shares are compared, by their ratio, or means, by their difference.
    """

    total: Floats
    size: Floats
    is_count: bool


@dataclass(frozen=True)
class Change:
    """What changed since, beyond similar themes; effect and interval are nan where a note is.

    :param effect: of counts the share of voices that there are more, -1..; else a difference.
    :param similar: the themes that it was compared with.
    """

    effect: float
    low: float
    high: float
    p_value: float
    similar: tuple[int, ...] = ()
    note: Note | None = None


def estimate_change(
    weeks: Weeks,
    theme: int,
    before: NDArray[np.bool_],
    after: NDArray[np.bool_],
    left_out: Sequence[int] = (),
) -> Change:
    """Estimate what changed for a theme.

    :param before: (weeks,) those before the fix; ``after`` those after it.
    :param left_out: themes that nothing is compared with, such as those fixed at the same time.
    """
    if note := _find_too_little(weeks, theme, before, after):
        return say_nothing(note)
    whole = _compare_sides(weeks, before, after)
    halves = _halve(before)
    trend = _compare_sides(weeks, *halves)
    candidates = _find_candidates(weeks, theme, before, after, left_out)
    similar = _match(weeks, theme, before, trend, candidates)
    if len(similar) < MIN_SIMILAR:
        return say_nothing(Note("similar_few", {"n": len(similar), "needed": MIN_SIMILAR}))
    group = np.append(similar, theme)
    ran = _subtract(trend, theme, similar, _pool_scatter(weeks, group, *halves))
    if ran[3] < _NOT_PARALLEL:
        return say_nothing(Note("ran_unlike"))
    effect, low, high, p_value = _subtract(
        whole, theme, similar, _pool_scatter(weeks, group, before, after)
    )
    if weeks.is_count:
        effect, low, high = (float(np.expm1(each)) for each in (effect, low, high))
    return Change(effect, low, high, p_value, tuple(int(each) for each in similar))


def say_nothing(note: Note) -> Change:
    """No change, and why."""
    return Change(np.nan, np.nan, np.nan, np.nan, (), note)


def _find_too_little(
    weeks: Weeks, theme: int, before: NDArray[np.bool_], after: NDArray[np.bool_]
) -> Note | None:
    """Why nothing can be said yet."""
    for chosen, least, code in (
        (before, MIN_WEEKS_BEFORE, "weeks_before_few"),
        (after, MIN_WEEKS_AFTER, "weeks_after_few"),
    ):
        if chosen.sum() < least:
            return Note(code, {"n": int(chosen.sum()), "needed": least})
    n_before, n_after = _count(weeks, before)[theme], _count(weeks, after)[theme]
    if n_before < MIN_BEFORE:
        return Note("before_few", {"n": round(float(n_before)), "needed": MIN_BEFORE})
    if weeks.is_count:
        n_after = n_before * weeks.size[theme, after].sum() / weeks.size[theme, before].sum()
    if n_after < MIN_AFTER:
        code = "expected_few" if weeks.is_count else "after_few"
        return Note(code, {"n": round(float(n_after), 1), "needed": MIN_AFTER})
    return None


def _count(weeks: Weeks, chosen: NDArray[np.bool_]) -> Floats:
    """(themes,) voices in some weeks."""
    found: Floats = (weeks.total if weeks.is_count else weeks.size)[:, chosen].sum(axis=1)
    return found


def _halve(before: NDArray[np.bool_]) -> tuple[NDArray[np.bool_], NDArray[np.bool_]]:
    places = np.flatnonzero(before)
    first = np.zeros_like(before)
    first[places[: len(places) // 2]] = True
    return first, before & ~first


def _compare_sides(
    weeks: Weeks, before: NDArray[np.bool_], after: NDArray[np.bool_]
) -> tuple[Floats, Floats]:
    """(themes,) change from one time to another, and its variance for a scatter of 1."""
    sides = [
        (weeks.total[:, each].sum(axis=1), weeks.size[:, each].sum(axis=1))
        for each in (before, after)
    ]
    with np.errstate(divide="ignore", invalid="ignore"):
        if weeks.is_count:
            # Half a voice on both sides: the log of nothing is not known.
            logs = [np.log((total + 0.5) / size) for total, size in sides]
            return logs[1] - logs[0], sum(1 / (total + 0.5) for total, _ in sides)
        means = [total / size for total, size in sides]
        return means[1] - means[0], sum(1 / size for _, size in sides)


def _find_candidates(
    weeks: Weeks,
    theme: int,
    before: NDArray[np.bool_],
    after: NDArray[np.bool_],
    left_out: Sequence[int],
) -> Codes:
    """Themes of about the size, of which enough is known on both sides."""
    size, later = _count(weeks, before), _count(weeks, after)
    ratio = size / size[theme]
    fits = (ratio <= MAX_SIZE_RATIO) & (ratio >= 1 / MAX_SIZE_RATIO) & (size >= MIN_BEFORE)
    if not weeks.is_count:
        fits &= later >= MIN_AFTER
        for half in _halve(before):
            fits &= _count(weeks, half) > 0
    fits[[theme, *left_out]] = False
    return np.flatnonzero(fits)


def _match(
    weeks: Weeks,
    theme: int,
    before: NDArray[np.bool_],
    trend: tuple[Floats, Floats],
    candidates: Codes,
) -> Codes:
    """The candidates nearest in their trend before, then in size."""
    size = np.log(np.maximum(_count(weeks, before), 1))
    change, variance = trend
    error = np.sqrt(variance + variance[theme])
    far = np.abs(change - change[theme]) / error + np.abs(size - size[theme])
    order = np.lexsort((candidates, far[candidates]))
    return np.sort(candidates[order[:MAX_SIMILAR]])


def _pool_scatter(
    weeks: Weeks, themes: Codes, before: NDArray[np.bool_], after: NDArray[np.bool_]
) -> float:
    """Variance of one voice: how far weeks lie from the mean of their side, over these themes."""
    squares, freedom = 0.0, 0
    for side in (before, after):
        total, size = weeks.total[np.ix_(themes, side)], weeks.size[np.ix_(themes, side)]
        with np.errstate(divide="ignore", invalid="ignore"):
            mean = total.sum(axis=1, keepdims=True) / size.sum(axis=1, keepdims=True)
            # Of counts (y - rE)^2 / rE, of means n (m - mean)^2.
            parts = (total - mean * size) ** 2 / (size * (mean if weeks.is_count else 1))
        is_known = np.isfinite(parts) & (size > 0)
        squares += float(parts[is_known].sum())
        freedom += int(np.maximum(is_known.sum(axis=1) - 1, 0).sum())
    scatter = squares / freedom if freedom else 1.0
    return max(scatter, 1.0) if weeks.is_count else scatter


def _subtract(
    change: tuple[Floats, Floats], theme: int, similar: Codes, scatter: float
) -> tuple[float, float, float, float]:
    """The difference of differences with interval and p-value."""
    value, variance = change[0], change[1] * scatter
    n = len(similar)
    among = float(np.var(value[similar], ddof=1))
    drift = max(among - float(variance[similar].mean()), 0.0)
    effect = float(value[theme] - value[similar].mean())
    total = float(variance[theme]) + drift + among / n
    # Only the part that the similar themes tell rests on few.
    freedom = (n - 1) * max(total / max(among * (1 + 1 / n), 1e-12), 1.0) ** 2
    found = make_estimates(*(np.array(each) for each in (effect, np.sqrt(total), freedom)))
    return float(found.effect), float(found.low), float(found.high), float(found.p_value)
