"""What people decided about themes: the log of their edits, replayed into what holds now.

The log is replayed whole each time, so that undoing an edit is the same as it never having been.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace

# Why an edit of the log does not apply; see Conflict.
NO_THEME = "no_theme"
NO_TARGET = "no_target"
NO_EDIT = "no_edit"
MERGED_ALREADY = "merged_already"
INTO_ITSELF = "into_itself"
IS_GROUPED = "is_grouped"
IS_GROUP = "is_group"
UNKNOWN_ACTION = "unknown_action"


@dataclass(frozen=True)
class Edit:
    """One decision of a person; which fields count depends on the action.

    :param action: rename, describe, merge, move, mute, unmute, group or undo.
    :param theme_id: the theme that is edited; for move, where the mentions go.
    :param text: the name or the description.
    :param lang: the language that the text is for; None for the theme's own.
    :param other_id: the theme to merge into; the group, None for alone; the edit to undo.
    :param mentions: (mention_id, text_hash) of the mentions to move.
    """

    edit_id: str
    action: str
    theme_id: str | None = None
    text: str = ""
    lang: str | None = None
    other_id: str | None = None
    mentions: tuple[tuple[str, str], ...] = ()


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
    """

    names: Mapping[str | None, Said] = field(default_factory=dict)
    descriptions: Mapping[str | None, Said] = field(default_factory=dict)
    merged_into: str | None = None
    merge_id: str | None = None
    is_muted: bool = False
    is_placed: bool = False
    parent_id: str | None = None


@dataclass(frozen=True)
class Move:
    """Where a person put a mention, while it says what it said then."""

    theme_id: str
    text_hash: str
    edit_id: str


@dataclass(frozen=True)
class Conflict:
    """An edit that does not apply, and why: no_theme, into_itself, ..."""

    edit_id: str
    reason: str


@dataclass(frozen=True)
class Decisions:
    """What the log amounts to.

    :param themes: only those that something holds for.
    :param moves: by mention_id.
    :param effective: edits that count: neither undone nor in conflict; undos that count too.
    :param undone_by: the undo by edit, for edits that an undo keeps from counting.
    """

    themes: Mapping[str, ThemeDecision]
    moves: Mapping[str, Move]
    effective: frozenset[str]
    undone_by: Mapping[str, str]
    conflicts: tuple[Conflict, ...]

    def resolve(self, theme_id: str) -> str:
        """The theme that holds this one's mentions: itself, unless it was merged."""
        decision = self.themes.get(theme_id)
        return decision.merged_into or theme_id if decision else theme_id


def replay_edits(edits: Iterable[Edit], theme_ids: Collection[str]) -> Decisions:
    """Replay the log.

    An edit that cannot apply where it stands is left out and reported; it is never guessed what it
    may have meant. Of two edits about the same thing the later one holds.

    :param edits: in any order; their ids say in which they were made.
    :param theme_ids: every theme that there is.
    """
    log = sorted(edits, key=lambda edit: edit.edit_id)
    undone_by, conflicts = _find_undone(log)
    replay = _Replay(frozenset(theme_ids))
    for edit in log:
        if edit.action == "undo" or edit.edit_id in undone_by:
            continue
        if reason := replay.apply(edit):
            conflicts.append(Conflict(edit.edit_id, reason))
    failed = {conflict.edit_id for conflict in conflicts}
    return Decisions(
        themes=replay.conclude(),
        moves={key: replace(to, theme_id=replay.follow(to.theme_id)) for key, to in replay.moves},
        effective=frozenset(edit.edit_id for edit in log) - failed - undone_by.keys(),
        undone_by=undone_by,
        conflicts=tuple(sorted(conflicts, key=lambda conflict: conflict.edit_id)),
    )


def pick_text(said: Mapping[str | None, Said], lang: str | None) -> str | None:
    """The latest text for a theme of this language; None where people gave none."""
    fitting = [each for key, each in said.items() if key in (None, lang)]
    return max(fitting, key=lambda each: each.edit_id).text if fitting else None


def find_original(edit: Edit, by_id: Mapping[str, Edit]) -> Edit:
    """The edit that an undo is about in the end, over any number of undos of undos."""
    while edit.action == "undo" and (before := by_id.get(edit.other_id or "")):
        edit = before
    return edit


def _find_undone(log: Sequence[Edit]) -> tuple[dict[str, str], list[Conflict]]:
    """Edits that do not count, from the last one back: an undo can itself be undone."""
    earlier = {edit.edit_id: place for place, edit in enumerate(log)}
    undone_by: dict[str, str] = {}
    conflicts = []
    for place, edit in reversed(list(enumerate(log))):
        if edit.action != "undo" or edit.edit_id in undone_by:
            continue
        if earlier.get(edit.other_id or "", place) < place:
            undone_by.setdefault(str(edit.other_id), edit.edit_id)
        else:
            conflicts.append(Conflict(edit.edit_id, NO_EDIT))
    return undone_by, conflicts


class _Replay:
    """The state while the log is replayed, edit by edit."""

    def __init__(self, theme_ids: frozenset[str]) -> None:
        self._theme_ids = theme_ids
        self._names: dict[str, dict[str | None, Said]] = {}
        self._descriptions: dict[str, dict[str | None, Said]] = {}
        self._merges: dict[str, tuple[str, str]] = {}
        self._muted: set[str] = set()
        self._parents: dict[str, str | None] = {}
        self._moves: dict[str, Move] = {}

    @property
    def moves(self) -> Collection[tuple[str, Move]]:
        """Mention and where it was put."""
        return self._moves.items()

    def follow(self, theme_id: str) -> str:
        """The theme at the end of a chain of merges."""
        while theme_id in self._merges:
            theme_id = self._merges[theme_id][0]
        return theme_id

    def apply(self, edit: Edit) -> str | None:
        """Take one edit in; the reason where it does not apply."""
        theme_id = edit.theme_id
        if theme_id is None or theme_id not in self._theme_ids:
            return NO_THEME
        said = {edit.lang: Said(edit.text, edit.edit_id)}
        if edit.action == "rename":
            self._names[theme_id] = self._names.get(theme_id, {}) | said
        elif edit.action == "describe":
            self._descriptions[theme_id] = self._descriptions.get(theme_id, {}) | said
        elif edit.action == "mute":
            self._muted.add(theme_id)
        elif edit.action == "unmute":
            self._muted.discard(theme_id)
        elif edit.action == "move":
            for mention_id, text_hash in edit.mentions:
                self._moves[mention_id] = Move(theme_id, text_hash, edit.edit_id)
        elif edit.action == "merge":
            return self._merge(theme_id, edit)
        elif edit.action == "group":
            return self._group(theme_id, edit.other_id)
        else:
            return UNKNOWN_ACTION
        return None

    def conclude(self) -> dict[str, ThemeDecision]:
        """What holds for each theme, where anything does."""
        found = {}
        for theme_id in sorted(self._theme_ids):
            merge = self._merges.get(theme_id)
            decision = ThemeDecision(
                names=self._names.get(theme_id, {}),
                descriptions=self._descriptions.get(theme_id, {}),
                merged_into=self.follow(theme_id) if merge else None,
                merge_id=merge[1] if merge else None,
                is_muted=theme_id in self._muted,
                is_placed=theme_id in self._parents,
                parent_id=None if merge else self._find_group(theme_id),
            )
            if decision != ThemeDecision():
                found[theme_id] = decision
        return found

    def _merge(self, theme_id: str, edit: Edit) -> str | None:
        if theme_id in self._merges:
            return MERGED_ALREADY
        if edit.other_id not in self._theme_ids:
            return NO_TARGET
        if self.follow(edit.other_id) == theme_id:
            return INTO_ITSELF
        self._merges[theme_id] = (edit.other_id, edit.edit_id)
        return None

    def _group(self, theme_id: str, other_id: str | None) -> str | None:
        """Two levels: what has a group is none, and a group has none."""
        if other_id is None:
            self._parents[theme_id] = None
            return None
        if other_id not in self._theme_ids:
            return NO_TARGET
        parent_id = self.follow(other_id)
        if parent_id == self.follow(theme_id):
            return INTO_ITSELF
        if self._find_group(parent_id) is not None:
            return IS_GROUPED
        others = self._parents.keys() - self._merges.keys() - {theme_id}
        if any(self._find_group(each) == theme_id for each in others):
            return IS_GROUP
        self._parents[theme_id] = other_id
        return None

    def _find_group(self, theme_id: str) -> str | None:
        """The group at the top: a later merge may put a group into a member of another.

        :returns: None for a theme alone, also where merges made its group a part of itself.
        """
        passed = [theme_id]
        while (parent_id := self._parents.get(passed[-1])) is not None:
            parent_id = self.follow(parent_id)
            if parent_id in passed:
                break
            passed.append(parent_id)
        is_ring = parent_id is not None
        return None if is_ring or len(passed) == 1 else passed[-1]
