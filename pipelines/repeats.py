"""What of a group of alike feedback repeats what was said before: copies, campaigns, bots.

The first of a group stays a voice; the others name it. Numbers are chosen so that what many people
say of themselves ("great app", "how do I activate my card?") stays with each of them.
"""

from collections import Counter
from collections.abc import Sequence
from datetime import datetime, timedelta
from typing import Final, Literal, NamedTuple

__all__ = ["LONG_TEXT_CHARS", "Repeat", "Said", "find_repeats"]

# "Great app" is said by many people; sixty equal characters are a form letter or a repost.
LONG_TEXT_CHARS: Final = 60
# So many voices within so long a time, with at least so many characters, are a campaign.
CAMPAIGN_VOICES: Final = 5
CAMPAIGN_TIME: Final = timedelta(days=3)
CAMPAIGN_CHARS: Final = 40
# One respondent with one answer to so many different questions did not read them.
BOT_QUESTIONS: Final = 3


class Said(NamedTuple):
    """One feedback of a group.

    :param voice: customer, else author; None where nobody knows.
    """

    feedback_id: str
    voice: str | None
    at: datetime | None
    n_chars: int
    question: str | None


class Repeat(NamedTuple):
    """Why a feedback repeats another one, and which."""

    reason: Literal["copy", "campaign", "bot_like"]
    original: str


def find_repeats(group: Sequence[Said]) -> dict[str, Repeat]:
    """What each feedback of a group repeats; those that stay voices are missing.

    Whatever its length, what one voice says again is a copy; what another said, from
    LONG_TEXT_CHARS on. Of equally early ones the smaller id is the original.

    :param group: feedback of which all texts are alike, in any order.
    """
    ordered = sorted(group, key=_rank)
    bots = _find_bots(ordered)
    campaign = _find_campaign(ordered)
    first, found = ordered[0], {}
    first_of: dict[str | None, Said] = {}
    for said in ordered:
        own = first_of.setdefault(said.voice, said)
        is_own_copy = said.voice is not None and own is not said
        if said.voice in bots and is_own_copy:
            found[said.feedback_id] = Repeat("bot_like", own.feedback_id)
        elif said.feedback_id in campaign and said is not first:
            found[said.feedback_id] = Repeat("campaign", first.feedback_id)
        elif said.n_chars >= LONG_TEXT_CHARS and said is not first:
            found[said.feedback_id] = Repeat("copy", first.feedback_id)
        elif is_own_copy:
            found[said.feedback_id] = Repeat("copy", own.feedback_id)
    return found


def _rank(said: Said) -> tuple[bool, float, str]:
    return (said.at is None, said.at.timestamp() if said.at else 0.0, said.feedback_id)


def _find_bots(ordered: Sequence[Said]) -> frozenset[str]:
    """Voices that give one answer to many questions."""
    pairs = {(said.voice, said.question) for said in ordered if said.voice and said.question}
    counts = Counter(str(voice) for voice, _ in pairs)
    return frozenset(voice for voice, n in counts.items() if n >= BOT_QUESTIONS)


def _find_campaign(ordered: Sequence[Said]) -> frozenset[str]:
    """Feedback of a stretch of time in which many voices say the same."""
    dated = [said for said in ordered if said.at and said.voice and said.n_chars >= CAMPAIGN_CHARS]
    voices = Counter[str | None]()
    found: set[str] = set()
    start = n_found = 0
    for end, said in enumerate(dated, 1):
        voices[said.voice] += 1
        while _moment(said) - _moment(dated[start]) > CAMPAIGN_TIME:
            _leave_out(voices, dated[start].voice)
            start += 1
        if len(voices) >= CAMPAIGN_VOICES:
            found.update(each.feedback_id for each in dated[max(start, n_found) : end])
            n_found = end
    return frozenset(found)


def _leave_out(voices: Counter[str | None], voice: str | None) -> None:
    voices[voice] -= 1
    if not voices[voice]:
        del voices[voice]


def _moment(said: Said) -> datetime:
    return said.at or datetime.min
