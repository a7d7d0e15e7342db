"""Who of a group stays a voice, and what the others are."""

import random
from datetime import UTC, datetime, timedelta

from pipelines.repeats import Said, find_repeats

START = datetime(2026, 3, 1, 12, tzinfo=UTC)


def say(
    number: int, voice: str | None, hours: float | None = 0, n_chars: int = 80, **more: str
) -> Said:
    at = None if hours is None else START + timedelta(hours=hours)
    return Said(f"f{number:02d}", voice, at, n_chars, more.get("question"))


def reasons(*group: Said) -> dict[str, tuple[str, str]]:
    shuffled = random.Random(1).sample(group, len(group))
    return {key: tuple(found) for key, found in find_repeats(shuffled).items()}  # type: ignore[misc]


def test_the_earliest_is_the_original_and_of_equally_early_ones_the_smaller_id() -> None:
    group = (say(3, "a", 5), say(1, "b", 5), say(2, "c", 9), say(0, "d", None))
    assert reasons(*group) == {
        "f03": ("copy", "f01"),
        "f02": ("copy", "f01"),
        "f00": ("copy", "f01"),
    }


def test_a_short_text_is_repeated_only_by_its_own_voice() -> None:
    group = (
        say(1, "a", 0, 9),
        say(2, "b", 1, 9),
        say(3, "a", 2, 9),
        say(4, None, 3, 9),
        say(5, None, 4, 9),
    )
    assert reasons(*group) == {"f03": ("copy", "f01")}


def test_many_voices_in_a_short_time_are_a_campaign_and_over_a_year_are_not() -> None:
    burst = [say(n, f"v{n}", n, 50) for n in range(5)]
    assert reasons(*burst) == {f"f{n:02d}": ("campaign", "f00") for n in range(1, 5)}
    assert reasons(*(say(n, f"v{n}", 24 * 90 * n, 50) for n in range(5))) == {}
    assert reasons(*(say(n, "v0" if n % 2 else "v1", n, 50) for n in range(9))) == {
        **{f"f{n:02d}": ("copy", "f00") for n in range(2, 9, 2)},
        **{f"f{n:02d}": ("copy", "f01") for n in range(3, 9, 2)},
    }


def test_a_campaign_is_whatever_any_stretch_of_three_days_shows() -> None:
    for seed in range(200):
        rng = random.Random(seed)
        group = [
            say(n, f"v{rng.randrange(9)}", rng.randrange(300), rng.choice((39, 50)))
            for n in range(rng.randrange(1, 25))
        ]
        long = [said for said in group if said.n_chars >= 40]
        stretches = [
            [said for said in long if 0 <= (said.at - first.at) / timedelta(hours=1) <= 72]  # type: ignore[operator]
            for first in long
        ]
        large = [each for each in stretches if len({said.voice for said in each}) >= 5]
        expected = {said.feedback_id for each in large for said in each}
        first = min(group, key=lambda said: (said.at, said.feedback_id))
        found = find_repeats(group).items()
        campaign = {key for key, repeat in found if repeat.reason == "campaign"}
        assert campaign == expected - {first.feedback_id}


def test_of_voices_that_say_the_same_each_is_looked_at_a_few_times() -> None:
    n_voices, n_looks = 2_000, 0

    class Voice(str):
        __slots__ = ()

        def __hash__(self) -> int:
            nonlocal n_looks
            n_looks += 1
            return str.__hash__(self)

    group = [say(n, Voice(n), n * 144 / n_voices, 50) for n in range(n_voices)]
    assert len(find_repeats(group)) == n_voices - 1
    assert n_looks <= 20 * n_voices


def test_one_answer_to_three_questions_is_no_answer() -> None:
    group = [say(n, "a", 0, 12, question=f"q{n}") for n in range(3)]
    assert reasons(*group, say(9, "b", 0, 12, question="q1")) == {
        "f01": ("bot_like", "f00"),
        "f02": ("bot_like", "f00"),
    }
