"""What a person asks to change about themes, as edits that make sense for the store."""

from collections.abc import Collection, Sequence
from dataclasses import dataclass, field, replace
from datetime import UTC, tzinfo

from sqlalchemy import Connection

from nlp.masking import Masking
from nlp.themes import edits
from nlp.themes.edits import Decisions, Edit
from pipelines.edits.checks import (
    MAX_NAME_CHARS,
    MAX_TEXT_CHARS,
    check_lang,
    check_text,
    describe_conflict,
)
from pipelines.errors import ConfigError
from pipelines.models import Models
from pipelines.themes.edit_log import number_edit, read_log, replay_log
from pipelines.themes.mention_texts import read_text_hashes


@dataclass(frozen=True)
class EditRequest:
    """What is asked for; the fields that count are those of :class:`nlp.themes.edits.Edit`.

    :param text: a name or a description; of a split the name of the new part, if any; of fixed the
        day or moment since when.
    :param other_id: a theme; of accept and refuse a suggestion; of an undo an edit, or the first
        and the last of several as ``e000001-e000009``, None for the last that counts.
    :param mention_ids: to move, or of which a part of a split consists.
    :param about: of a pin, one sentence.
    """

    action: str
    theme_id: str | None = None
    text: str = ""
    lang: str | None = None
    other_id: str | None = None
    mention_ids: Sequence[str] = ()
    about: str = ""
    examples: Sequence[str] = ()
    keywords: Sequence[str] = ()


@dataclass
class Drafts:
    """Edits on their way into the log of a store.

    :param log: every edit so far, the new ones included.
    :param masking: what is masked in what people quote.
    :param zone: of days.
    """

    connection: Connection
    models: Models
    masking: Masking
    log: list[Edit]
    decisions: Decisions
    zone: tzinfo = UTC
    edits: list[Edit] = field(default_factory=list)

    @classmethod
    def begin(
        cls, connection: Connection, models: Models, masking: Masking, zone: tzinfo = UTC
    ) -> "Drafts":
        """Nothing new yet."""
        log = read_log(connection)
        return cls(connection, models, masking, log, replay_log(connection, log), zone)

    @property
    def next_id(self) -> str:
        """Id of the next edit."""
        return number_edit(int(self.log[-1].edit_id[1:]) + 1 if self.log else 1)

    def add(self, drafted: Sequence[Edit]) -> None:
        """Take edits in; they are numbered in the order given.

        :raises ConfigError: when one of them does not apply, or keeps an earlier one from it.
        """
        before = {conflict.edit_id for conflict in self.decisions.conflicts}
        for edit in drafted:
            numbered = replace(edit, edit_id=self.next_id)
            self.log.append(numbered)
            self.edits.append(numbered)
        self.decisions = replay_log(self.connection, self.log)
        by_id = {edit.edit_id: edit for edit in self.edits}
        for conflict in self.decisions.conflicts:
            if conflict.edit_id not in before:
                raise ConfigError(
                    describe_conflict(by_id.get(conflict.edit_id, self.edits[-1]), conflict)
                )


def require_theme(theme_id: str, theme_ids: Collection[str]) -> None:
    """Refuse a theme that is not there.

    :raises ConfigError: saying how to find those that are.
    """
    if theme_id not in theme_ids:
        raise ConfigError(
            f"there is no theme {theme_id!r}; list them with: earful themes list --all"
        )


def refuse_merged(theme_id: str, decisions: Decisions) -> None:
    """Refuse to edit a theme whose mentions are in another one.

    :raises ConfigError: naming that one.
    """
    target = decisions.resolve(theme_id)
    if target != theme_id:
        merge_id = decisions.themes[theme_id].merge_id
        raise ConfigError(
            f"theme {theme_id} was merged into {target} by {merge_id}; edit {target} instead, or "
            f"take it out again with: earful themes undo {merge_id}"
        )


def find_mentions(connection: Connection, ids: Sequence[str]) -> tuple[tuple[str, str], ...]:
    """The mentions with the hashes of what they say.

    :raises ConfigError: when there are none, or some are not in the store.
    """
    wanted = sorted(set(ids))
    if not wanted:
        raise ConfigError(
            "no mention was named; see their ids: earful themes show THEME_ID --mentions 20"
        )
    found = read_text_hashes(connection, wanted)
    if missing := [mention_id for mention_id in wanted if mention_id not in found]:
        raise ConfigError(
            f"{len(missing):,} of {len(wanted):,} mentions are not in the store (first: "
            f"{missing[0]!r}); see their ids: earful themes show THEME_ID --mentions 20"
        )
    return tuple(sorted(found.items()))


def prepare_edit(drafts: Drafts, request: EditRequest) -> Edit:
    """The edit that a request amounts to; merged themes stand for those that they are in now.

    :raises ConfigError: saying what is wrong, with which theme, and what to do.
    """
    theme_id, decisions = str(request.theme_id), drafts.decisions
    require_theme(theme_id, decisions.theme_ids)
    edit = Edit("", request.action, theme_id, lang=check_lang(request.lang))
    if request.action == "move":
        mentions = find_mentions(drafts.connection, request.mention_ids)
        target = decisions.resolve(theme_id)
        _refuse_moved(mentions, target, decisions)
        return replace(edit, theme_id=target, mentions=mentions)
    refuse_merged(theme_id, decisions)
    if request.action == "rename":
        return replace(edit, text=check_text("name", request.text, MAX_NAME_CHARS, drafts.masking))
    if request.action == "describe":
        return replace(
            edit, text=check_text("description", request.text, MAX_TEXT_CHARS, drafts.masking)
        )
    if request.action in ("mute", "unmute"):
        _refuse_repetition(theme_id, request.action, decisions)
    elif request.other_id is not None:
        require_theme(request.other_id, decisions.theme_ids)
        return replace(edit, other_id=decisions.resolve(request.other_id))
    return edit


def prepare_undos(drafts: Drafts, named: str | None) -> list[Edit]:
    """One undo for each edit that is named, the last edit first.

    :param named: an edit, or the first and the last of several as ``e000001-e000009``.
    :raises ConfigError: when there is none to undo.
    """
    first, dash, last = (named or _find_last(drafts)).partition("-")
    by_id = {edit.edit_id: edit for edit in drafts.log}
    if not dash:
        _check_undo(first, by_id, drafts.decisions)
        chosen = [first]
    else:
        for end in (first, last):
            _require_edit(end, by_id)
        effective = drafts.decisions.effective
        chosen = [
            edit.edit_id
            for edit in drafts.log
            if first <= edit.edit_id <= last and edit.edit_id in effective and edit.action != "undo"
        ]
        if not chosen:
            raise ConfigError(f"no edit from {first} to {last} counts; nothing was done")
    return [
        Edit("", "undo", edits.find_original(by_id[each], by_id).theme_id, other_id=each)
        for each in reversed(chosen)
    ]


def _check_undo(undone_id: str, by_id: dict[str, Edit], decisions: Decisions) -> None:
    _require_edit(undone_id, by_id)
    if in_undo := decisions.undone_by.get(undone_id):
        raise ConfigError(
            f"{undone_id} was undone by {in_undo}; bring it back with: earful themes undo {in_undo}"
        )


def _require_edit(edit_id: str, by_id: dict[str, Edit]) -> None:
    if edit_id not in by_id:
        raise ConfigError(
            f"there is no edit {edit_id!r} among {len(by_id):,}; list them with: "
            "earful themes history"
        )


def _find_last(drafts: Drafts) -> str:
    """The last edit that counts and is no undo, so that undoing twice takes two edits back."""
    for edit in reversed(drafts.log):
        if edit.action != "undo" and edit.edit_id in drafts.decisions.effective:
            return edit.edit_id
    raise ConfigError("there is no edit to undo; see what was done with: earful themes history")


def _refuse_moved(mentions: Sequence[tuple[str, str]], theme_id: str, decisions: Decisions) -> None:
    """Refuse to move what a person moved to that theme before, all of it."""
    moves = [decisions.moves.get(mention_id) for mention_id, _ in mentions]
    if all(
        move and move.text_hash == text_hash and decisions.resolve(move.theme_id) == theme_id
        for move, (_, text_hash) in zip(moves, mentions, strict=True)
    ):
        edit_ids = ", ".join(sorted({move.edit_id for move in moves if move}))
        raise ConfigError(f"{theme_id} got these mentions by {edit_ids} already; nothing was done")


def _refuse_repetition(theme_id: str, action: str, decisions: Decisions) -> None:
    decision = decisions.themes.get(theme_id)
    is_muted = decision is not None and decision.is_muted
    if is_muted == (action == "mute"):
        raise ConfigError(
            f"theme {theme_id} is {'muted already' if is_muted else 'not muted'}; nothing was done"
        )
