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


def test_one_answer_to_three_questions_is_no_answer() -> None:
    group = [say(n, "a", 0, 12, question=f"q{n}") for n in range(3)]
    assert reasons(*group, say(9, "b", 0, 12, question="q1")) == {
        "f01": ("bot_like", "f00"),
        "f02": ("bot_like", "f00"),
    }
