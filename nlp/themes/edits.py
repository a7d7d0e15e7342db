"""What people decided about themes: the edits of their log, and what these amount to."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

# Why an edit of the log does not apply; see Conflict.
NO_THEME = "no_theme"
NO_TARGET = "no_target"
NO_EDIT = "no_edit"
MERGED_ALREADY = "merged_already"
INTO_ITSELF = "into_itself"
IS_GROUPED = "is_grouped"
IS_GROUP = "is_group"
IS_TAKEN = "is_taken"
UNKNOWN_ACTION = "unknown_action"


@dataclass(frozen=True)
class Pin:
    """What a theme that must exist is about.

    :param about: one sentence, which describes the theme; "" for none.
    :param examples: what customers say of it.
    :param keywords: mentions that hold one of them belong to it.
    :param sentence: what stands for the theme where there is no example; "" draws nothing.
    :param lang: of name and texts; None where it cannot be told.
    """

    about: str = ""
    examples: tuple[str, ...] = ()
    keywords: tuple[str, ...] = ()
    sentence: str = ""
    lang: str | None = None

    @property
    def texts(self) -> tuple[str, ...]:
        """What mentions are compared with."""
        return self.examples or ((self.sentence,) if self.sentence else ())


@dataclass(frozen=True)
class Part:
    """One side of a split.

    :param mentions: (mention_id, text_hash) of mentions that are of this part.
    """

    theme_id: str
    name: str
    keywords: tuple[str, ...]
    mentions: tuple[tuple[str, str], ...]


@dataclass(frozen=True)
class Edit:
    """One decision of a person; which fields count depends on the action.

    :param action: rename, describe, merge, move, mute, unmute, group, pin, split, refuse, fixed,
        not_noise or undo.
    :param theme_id: the theme that is edited; for move, where the mentions go.
    :param text: the name or the description; of fixed since when, as ISO 8601 in UTC.
    :param lang: the language that the text is for; None for the theme's own.
    :param other_id: the theme to merge into, or not to; the group, None for alone; the edit to
        undo.
    :param mentions: (mention_id, text_hash) of the mentions to move; of not_noise of feedback.
    :param parts: of a split; the first is the theme itself.
    """

    edit_id: str
    action: str
    theme_id: str | None = None
    text: str = ""
    lang: str | None = None
    other_id: str | None = None
    mentions: tuple[tuple[str, str], ...] = ()
    pin: Pin | None = None
    parts: tuple[Part, ...] = ()


@dataclass(frozen=True)
class Said:
    """A name or a description, and the edit that gave it."""

    text: str
    edit_id: str


@dataclass(frozen=True)
class ThemeDecision:
    """What people decided about one theme.

    :param names: by language; None is for the theme's own.
    :param merged_into: where its mentions are in the end, over any number of merges.
    :param merge_id: the edit that merged it.
    :param is_placed: whether its group was decided, be it to have none.
    :param pin_id: the edit that pinned it.
    """

    names: Mapping[str | None, Said] = field(default_factory=dict)
    descriptions: Mapping[str | None, Said] = field(default_factory=dict)
    merged_into: str | None = None
    merge_id: str | None = None
    is_muted: bool = False
    is_placed: bool = False
    parent_id: str | None = None
    pin: Pin | None = None
    pin_id: str | None = None


@dataclass(frozen=True)
class Made:
    """A theme that is there because a person decided so.

    :param edit_id: the edit that made it.
    :param lang: None where nobody said.
    """

    edit_id: str
    name: str
    lang: str | None
    keywords: tuple[str, ...]


@dataclass(frozen=True)
class Split:
    """A theme that was taken apart.

    :param sources: what was in the theme then: it, and the themes that were merged into it.
    """

    edit_id: str
    sources: frozenset[str]
    parts: tuple[Part, ...]


@dataclass(frozen=True)
class Sound:
    """Feedback that a person called no noise, while it says what it said then."""

    text_hash: str
    edit_id: str


@dataclass(frozen=True)
class Move:
    """Where a person put a mention, while it says what it said then."""

    theme_id: str
    text_hash: str
    edit_id: str


@dataclass(frozen=True)
class Fixed:
    """A theme that a person says is fixed.

    :param theme_id: what holds its mentions now.
    :param at: since when, as ISO 8601 in UTC.
    """

    edit_id: str
    theme_id: str
    at: str


@dataclass(frozen=True)
class Conflict:
    """An edit that does not apply, and why: no_theme, into_itself, ..."""

    edit_id: str
    reason: str


@dataclass(frozen=True)
class Decisions:
    """What the log amounts to.

    :param themes: only those that something holds for.
    :param theme_ids: every theme that there is, those that people made included.
    :param made: themes that people made, by theme_id.
    :param moves: by mention_id.
    :param splits: in the order in which they were made.
    :param refused: pairs of themes, in order of their ids, that are not to be one.
    :param fixed: in the order in which people said so.
    :param effective: edits that count: neither undone nor in conflict; undos that count too.
    :param undone_by: the undo by edit, for edits that an undo keeps from counting.
    """

    themes: Mapping[str, ThemeDecision]
    theme_ids: frozenset[str]
    made: Mapping[str, Made]
    moves: Mapping[str, Move]
    splits: tuple[Split, ...]
    refused: frozenset[tuple[str, str]]
    sound: Mapping[str, Sound]
    fixed: tuple[Fixed, ...]
    effective: frozenset[str]
    undone_by: Mapping[str, str]
    conflicts: tuple[Conflict, ...]

    def resolve(self, theme_id: str) -> str:
        """The theme that holds this one's mentions: itself, unless it was merged."""
        decision = self.themes.get(theme_id)
        return decision.merged_into or theme_id if decision else theme_id


def pick_text(said: Mapping[str | None, Said], lang: str | None) -> str | None:
    """The latest text for a theme of this language; None where people gave none."""
    fitting = [each for key, each in said.items() if key in (None, lang)]
    return max(fitting, key=lambda each: each.edit_id).text if fitting else None


def find_original(edit: Edit, by_id: Mapping[str, Edit]) -> Edit:
    """The edit that an undo is about in the end, over any number of undos of undos."""
    while edit.action == "undo" and (before := by_id.get(edit.other_id or "")):
        edit = before
    return edit


def pair_of(theme_id: str, other_id: str) -> tuple[str, str]:
    """Two themes, the same whichever is named first."""
    return (theme_id, other_id) if theme_id < other_id else (other_id, theme_id)
