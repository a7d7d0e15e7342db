"""What edits did to the lives of themes: each is told once, with its evidence."""

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from sqlalchemy import func, select

from nlp.themes.edits import Decisions, Edit, Pin, find_original
from pipelines import tables
from pipelines.runs import Run
from pipelines.themes.events import ThemeEvent


def describe_news(
    run: Run,
    log: Sequence[Edit],
    decisions: Decisions,
    names: Mapping[str, str],
    moved_from: Mapping[str, Mapping[str, int]],
) -> Iterator[ThemeEvent]:
    """The events of edits that count and have none yet.

    :param names: of themes, as they were before.
    :param moved_from: by edit, how many mentions it took from which theme; "" for none.
    """
    event = tables.theme_event.c
    query = select(event.edit_id).where(event.edit_id.is_not(None))
    told = set(run.connection.execute(query).scalars())
    by_id = {edit.edit_id: edit for edit in log}
    for edit in log:
        if edit.edit_id in told or edit.edit_id not in decisions.effective:
            continue
        if edit.action == "not_noise":
            continue  # about feedback; it stands in the log
        if edit.action == "move":
            yield from _describe_move(edit, moved_from.get(edit.edit_id, {}))
        elif edit.action == "merge":
            n_mentions = _count_decided(run, edit.edit_id)
            yield from _describe_merge(edit, n_mentions)
        elif edit.action == "undo":
            yield from _describe_undo(edit, by_id)
        elif edit.action == "split":
            yield from _describe_split(edit)
        elif edit.action == "refuse":
            yield from _describe_refusal(edit)
        else:
            yield ThemeEvent(str(edit.theme_id), *_describe_simple(edit, names), edit.edit_id)


def _describe_simple(edit: Edit, names: Mapping[str, str]) -> tuple[str, dict[str, Any]]:
    """Name of the event and its evidence, for edits about one theme alone."""
    said = {"lang": edit.lang} if edit.lang else {}
    if edit.action == "rename":
        was = {} if edit.lang else {"was": names.get(str(edit.theme_id))}
        return "renamed", {**said, "name": edit.text, **was}
    if edit.action == "describe":
        return "described", {**said, "text": edit.text}
    if edit.action == "group":
        return "grouped", {"parent": edit.other_id}
    if edit.action == "fixed":
        return "fixed", {"at": edit.text}
    if edit.action == "pin":
        pin = edit.pin or Pin()
        return "pinned", {"n_examples": len(pin.examples), "n_keywords": len(pin.keywords)}
    return edit.action + "d", {}


def _describe_merge(edit: Edit, n_mentions: int) -> Iterator[ThemeEvent]:
    gone, into = str(edit.theme_id), str(edit.other_id)
    yield ThemeEvent(gone, "merged", {"into": into, "n_mentions": n_mentions}, edit.edit_id)
    yield ThemeEvent(into, "merged", {"from": gone, "n_mentions": n_mentions}, edit.edit_id)


def _describe_move(edit: Edit, moved_from: Mapping[str, int]) -> Iterator[ThemeEvent]:
    into, n_mentions = str(edit.theme_id), len(edit.mentions)
    yield ThemeEvent(into, "moved", {"n_mentions": n_mentions, "into": into}, edit.edit_id)
    for theme_id, n in sorted(moved_from.items()):
        if theme_id:
            yield ThemeEvent(theme_id, "moved", {"n_mentions": n, "into": into}, edit.edit_id)


def _describe_split(edit: Edit) -> Iterator[ThemeEvent]:
    whole = str(edit.theme_id)
    parts = [part.theme_id for part in edit.parts if part.theme_id != whole]
    yield ThemeEvent(whole, "split", {"into": parts}, edit.edit_id)
    for theme_id in parts:
        yield ThemeEvent(theme_id, "split", {"from": whole}, edit.edit_id)


def _describe_refusal(edit: Edit) -> Iterator[ThemeEvent]:
    one, other = str(edit.theme_id), str(edit.other_id)
    yield ThemeEvent(one, "refused", {"with": other}, edit.edit_id)
    yield ThemeEvent(other, "refused", {"with": one}, edit.edit_id)


def _describe_undo(edit: Edit, by_id: Mapping[str, Edit]) -> Iterator[ThemeEvent]:
    undone = by_id[str(edit.other_id)]
    first = find_original(undone, by_id)
    detail = {"edit_id": undone.edit_id, "action": undone.action}
    others = [first.other_id] if first.action in ("merge", "refuse") else []
    parts = [part.theme_id for part in first.parts]
    for theme_id in dict.fromkeys([first.theme_id, *others, *parts]):
        if theme_id:
            yield ThemeEvent(theme_id, "undone", detail, edit.edit_id)


def _count_decided(run: Run, edit_id: str) -> int:
    query = select(func.count()).where(tables.mention.c.edit_id == edit_id)
    return run.connection.execute(query).scalar_one()
