"""What is told about the theme of a mention, and about who decided."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from nlp.themes.explanation import SharedWord


@dataclass(frozen=True)
class ThemeRef:
    """A theme as people see it.

    :param status: active, muted, merged or retired.
    """

    theme_id: str
    name: str
    status: str


@dataclass(frozen=True)
class Decision:
    """Who decided about the theme of a mention.

    :param by: edit, run, or nobody while no run has.
    :param id: the edit or run.
    :param who: the author of an edit.
    :param what: the action of an edit, the command of a run.
    :param is_birth: whether the theme was found in that run, and this mention with it.
    """

    by: str
    id: str | None = None
    at: datetime | None = None
    who: str | None = None
    what: str | None = None
    payload: Mapping[str, Any] = field(default_factory=dict)
    is_birth: bool = False


@dataclass(frozen=True)
class Rival:
    """A theme that the mention could have; see :class:`nlp.themes.explanation.Candidate`.

    :param theme: that was found; merged ones too.
    :param seen_as: the theme that its mentions are in.
    """

    theme: ThemeRef
    seen_as: ThemeRef
    n_votes: int
    share: float
    closeness: float
    strength: float
    words: tuple[SharedWord, ...]


@dataclass(frozen=True)
class NearMention:
    """A mention that is near to the asked one.

    :param text: verbatim, personal data masked.
    :param theme: as people see it.
    """

    mention_id: str
    text: str
    likeness: float
    words: tuple[str, ...]
    theme: ThemeRef | None


@dataclass(frozen=True)
class Why:
    """What is known about the theme of a mention.

    :param theme: as people see it; None when unassigned.
    :param found: the nearest theme as found, before people's edits.
    :param found_reason: why it was found to belong to none.
    :param strength: of the nearest theme when it was found.
    :param threshold: the strength from which on a mention is assigned.
    :param rivals: the themes in question now, best first.
    :param read_with: the mentions around it that its vector is mixed with.
    :param runner_up: the best of them that is not the found one; None without another theme.
    :param nearest: the nearest mentions now, of any theme.
    :param needs: of a mention that was found to belong to none, what it would have taken.
    """

    mention_id: str
    feedback_id: str
    text: str
    lang: str
    theme: ThemeRef | None
    unassigned_reason: str | None
    decided: Decision
    found: ThemeRef | None
    found_reason: str | None
    strength: float | None
    threshold: float
    read_with: tuple[str, ...] = ()
    rivals: tuple[Rival, ...] = ()
    runner_up: ThemeRef | None = None
    nearest: tuple[NearMention, ...] = ()
    needs: str = ""
