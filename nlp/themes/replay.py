"""The log of people's edits, replayed into what holds now.

The log is replayed whole each time, so that undoing an edit is the same as it never having been.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Sequence
from dataclasses import replace

from nlp.themes import edits
from nlp.themes.edits import (
    Conflict,
    Decisions,
    Edit,
    Fixed,
    Made,
    Move,
    Pin,
    Said,
    Sound,
    Split,
    ThemeDecision,
    pair_of,
)


def replay_edits(edits: Iterable[Edit], theme_ids: Collection[str]) -> Decisions:
    """Replay the log.

    An edit that cannot apply where it stands is left out and reported; it is never guessed what it
    may have meant. Of two edits about the same thing the later one holds.

    :param edits: in any order; their ids say in which they were made.
    :param theme_ids: every theme that was found; people may have made more.
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
        theme_ids=frozenset(replay.theme_ids),
        made=replay.made,
        moves={key: replace(to, theme_id=replay.follow(to.theme_id)) for key, to in replay.moves},
        splits=tuple(replay.splits),
        refused=frozenset(replay.refused),
        sound=replay.sound,
        fixed=tuple(replace(each, theme_id=replay.follow(each.theme_id)) for each in replay.fixed),
        effective=frozenset(edit.edit_id for edit in log) - failed - undone_by.keys(),
        undone_by=undone_by,
        conflicts=tuple(sorted(conflicts, key=lambda conflict: conflict.edit_id)),
    )


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
            conflicts.append(Conflict(edit.edit_id, edits.NO_EDIT))
    return undone_by, conflicts


class _Replay:
    """The state while the log is replayed, edit by edit."""

    def __init__(self, theme_ids: Collection[str]) -> None:
        self.theme_ids = set(theme_ids)
        self.made: dict[str, Made] = {}
        self.splits: list[Split] = []
        self.refused: set[tuple[str, str]] = set()
        self.sound: dict[str, Sound] = {}
        self.fixed: list[Fixed] = []
        self._names: dict[str, dict[str | None, Said]] = {}
        self._descriptions: dict[str, dict[str | None, Said]] = {}
        self._merges: dict[str, tuple[str, str]] = {}
        self._muted: set[str] = set()
        self._parents: dict[str, str | None] = {}
        self._moves: dict[str, Move] = {}
        self._pins: dict[str, tuple[Pin, str]] = {}

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
        if edit.action == "pin":
            return self._pin(edit)
        if edit.action == "not_noise":
            self.sound |= {key: Sound(text_hash, edit.edit_id) for key, text_hash in edit.mentions}
            return None
        theme_id = edit.theme_id
        if theme_id is None or theme_id not in self.theme_ids:
            return edits.NO_THEME
        if edit.action == "rename":
            self._say(self._names, theme_id, edit, edit.text)
        elif edit.action == "describe":
            self._say(self._descriptions, theme_id, edit, edit.text)
        elif edit.action == "mute":
            self._muted.add(theme_id)
        elif edit.action == "unmute":
            self._muted.discard(theme_id)
        elif edit.action == "fixed":
            self.fixed.append(Fixed(edit.edit_id, theme_id, edit.text))
        elif edit.action == "move":
            for mention_id, text_hash in edit.mentions:
                self._moves[mention_id] = Move(theme_id, text_hash, edit.edit_id)
        elif edit.action == "group":
            return self._group(theme_id, edit.other_id)
        elif edit.action in ("merge", "split", "refuse"):
            change = {"merge": self._merge, "split": self._split, "refuse": self._refuse}
            return change[edit.action](theme_id, edit)
        else:
            return edits.UNKNOWN_ACTION
        return None

    def conclude(self) -> dict[str, ThemeDecision]:
        """What holds for each theme, where anything does."""
        found = {}
        for theme_id in sorted(self.theme_ids):
            merge = self._merges.get(theme_id)
            pin, pin_id = self._pins.get(theme_id, (None, None))
            decision = ThemeDecision(
                names=self._names.get(theme_id, {}),
                descriptions=self._descriptions.get(theme_id, {}),
                merged_into=self.follow(theme_id) if merge else None,
                merge_id=merge[1] if merge else None,
                is_muted=theme_id in self._muted,
                is_placed=theme_id in self._parents,
                parent_id=None if merge else self._find_group(theme_id),
                pin=pin,
                pin_id=pin_id,
            )
            if decision != ThemeDecision():
                found[theme_id] = decision
        return found

    @staticmethod
    def _say(said: dict[str, dict[str | None, Said]], theme_id: str, edit: Edit, text: str) -> None:
        said[theme_id] = said.get(theme_id, {}) | {edit.lang: Said(text, edit.edit_id)}

    def _pin(self, edit: Edit) -> str | None:
        """A theme that is there is pinned as it is; the last pin of a theme holds."""
        theme_id = edit.theme_id
        if theme_id is None or edit.pin is None:
            return edits.NO_THEME
        if theme_id not in self.theme_ids:
            keywords = edit.pin.keywords
            self.made[theme_id] = Made(edit.edit_id, edit.text, edit.pin.lang, keywords)
            self.theme_ids.add(theme_id)
        self._pins[theme_id] = (edit.pin, edit.edit_id)
        if edit.pin.about:
            self._say(self._descriptions, theme_id, edit, edit.pin.about)
        return None

    def _split(self, theme_id: str, edit: Edit) -> str | None:
        if theme_id in self._merges:
            return edits.MERGED_ALREADY
        new = [part for part in edit.parts if part.theme_id != theme_id]
        if any(part.theme_id in self.theme_ids for part in new):
            return edits.IS_TAKEN
        sources = frozenset(each for each in self.theme_ids if self.follow(each) == theme_id)
        self.splits.append(Split(edit.edit_id, sources, edit.parts))
        for part in new:
            self.made[part.theme_id] = Made(edit.edit_id, part.name, edit.lang, part.keywords)
            self.theme_ids.add(part.theme_id)
        return None

    def _refuse(self, theme_id: str, edit: Edit) -> str | None:
        if edit.other_id not in self.theme_ids:
            return edits.NO_TARGET
        self.refused.add(pair_of(theme_id, edit.other_id))
        return None

    def _merge(self, theme_id: str, edit: Edit) -> str | None:
        if theme_id in self._merges:
            return edits.MERGED_ALREADY
        if edit.other_id not in self.theme_ids:
            return edits.NO_TARGET
        if self.follow(edit.other_id) == theme_id:
            return edits.INTO_ITSELF
        self._merges[theme_id] = (edit.other_id, edit.edit_id)
        return None

    def _group(self, theme_id: str, other_id: str | None) -> str | None:
        """Two levels: what has a group is none, and a group has none."""
        if other_id is None:
            self._parents[theme_id] = None
            return None
        if other_id not in self.theme_ids:
            return edits.NO_TARGET
        parent_id = self.follow(other_id)
        if parent_id == self.follow(theme_id):
            return edits.INTO_ITSELF
        if self._find_group(parent_id) is not None:
            return edits.IS_GROUPED
        others = self._parents.keys() - self._merges.keys() - {theme_id}
        leaders = {self.follow(each) for each in self._parents.values() if each}
        if theme_id in leaders and any(self._find_group(each) == theme_id for each in others):
            return edits.IS_GROUP
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
