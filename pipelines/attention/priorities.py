"""What to fix first, for all customers and for each segment: rows of ``priority``."""

from collections.abc import Iterator, Mapping, Sequence
from datetime import datetime
from typing import Any

from sqlalchemy import Connection, literal, select

from pipelines import tables
from pipelines.anonymity import choose_shown
from pipelines.attention.effects import Effect, reach_segments
from pipelines.attention.estimates import Sample, add_samples, estimate_gap
from pipelines.attention.gains import Gain, rank_gains
from pipelines.attention.measures import ALL, Now
from pipelines.attention.settings import AttentionSettings

# Sentiment lies between -1 and 1.
_RANGE = 2.0


def choose_priorities(
    connection: Connection,
    now: Now,
    effects: Sequence[Effect],
    settings: AttentionSettings,
    until: datetime,
) -> list[dict[str, Any]]:
    """Rank what fixing each theme should bring.

    Themes that nobody speaks of now are left out, and those that people fixed of late: whether that
    helped is in ``theme_fix``.
    """
    fixed = _list_fixed(connection, now.start)
    heard = sorted(each for each in now.by_segment if now.count(each) and each not in fixed)
    known = [each for each in effects if each.theme_id in set(heard)]
    gains = [*_gain_effects(connection, known, settings.k, until)]
    without = sorted(set(heard) - {each.theme_id for each in known})
    gains += _gain_feelings(now, without, settings.k)
    ranked = rank_gains(gains, settings.n_priorities)
    return [
        _describe(rank, gain)
        for segment in ranked.values()
        for rank, gain in enumerate(segment, start=1)
    ]


def _list_fixed(connection: Connection, start: datetime | None) -> set[str]:
    """Themes that people fixed in the time that counts as now."""
    fix = tables.theme_fix.c
    since = literal(value=True) if start is None else fix.fixed_at > start
    return set(connection.execute(select(fix.theme_id).where(since)).scalars())


def _describe(rank: int, gain: Gain) -> dict[str, Any]:
    told = {name: value for name, value in vars(gain).items() if name not in ("kind", "share")}
    return {"rank": rank, **told}


def _gain_effects(
    connection: Connection, effects: Sequence[Effect], k: int, until: datetime
) -> Iterator[Gain]:
    """Gains of themes with a known effect; that is taken to be the same in every segment."""
    themes = sorted({each.theme_id for each in effects})
    reached = reach_segments(connection, themes, until) if themes else {}
    for effect in effects:
        segments = reached.get(effect.theme_id, {})
        counts = {name: each.count(effect) for name, each in segments.items()}
        yield _scale(effect, ALL, sum(counts.values()) or effect.n, 1.0)
        total = sum(each.weigh(effect) for each in segments.values())
        if effect.kind != "money":  # of a rating, people whom no record knows lose too
            total = max(total, effect.n)
        for segment in _show_segments(counts, k) if total > 0 else ():
            share = segments[segment].weigh(effect) / total
            yield _scale(effect, segment, counts[segment], share)


def _scale(effect: Effect, segment: str, n: int, share: float) -> Gain:
    """The part of an effect's loss that is a segment's."""
    loss = effect.loss
    return Gain(
        theme_id=effect.theme_id,
        segment=segment,
        kind=effect.kind,
        outcome=effect.outcome,
        method=effect.method,
        gain=loss.value * share,
        gain_low=loss.low * share,
        gain_high=loss.high * share,
        unit=effect.unit,
        share=loss.value * share / effect.base if effect.base > 0 else 0.0,
        n_customers=n,
        reason="adjusted_effect",
    )


def _gain_feelings(now: Now, themes: Sequence[str], k: int) -> Iterator[Gain]:
    """Where no effect is known: what voices of a theme feel less than those of all others."""
    everything = add_samples(now.sample(theme_id) for theme_id in now.by_segment)
    for theme_id in themes:
        others = everything - now.sample(theme_id)
        voices = now.by_segment[theme_id]
        yield from _gain_feeling(theme_id, ALL, now.sample(theme_id), others, now)
        for segment in _show_segments({name: each.n for name, each in voices.items()}, k):
            yield from _gain_feeling(theme_id, segment, voices[segment].sample, others, now)


def _gain_feeling(
    theme_id: str, segment: str, own: Sample, others: Sample, now: Now
) -> Iterator[Gain]:
    gap = estimate_gap(others, own)
    if gap is None:
        return
    yield Gain(
        theme_id=theme_id,
        segment=segment,
        kind="feeling",
        outcome="sentiment",
        method="gap",
        gain=gap.value * own.n,
        gain_low=gap.low * own.n,
        gain_high=gap.high * own.n,
        unit="points x voices",
        share=gap.value * own.n / (_RANGE * now.n_all),
        n_customers=own.n,
        reason="feeling_gap",
    )


def _show_segments(counts: Mapping[str | None, int], k: int) -> Sequence[str]:
    """Segments of enough people, from which no smaller one can be reckoned.

    One that the CRM calls as we call everybody is none.
    """
    named = {name: n for name, n in counts.items() if name and name != ALL}
    return sorted(choose_shown(named, k, sum(counts.values()) - sum(named.values())))
