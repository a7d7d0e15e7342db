"""The group that people see a theme in: the one that they chose, else the one it was found in."""

from collections.abc import Collection, Mapping

from nlp.themes.edits import Decisions


def place_themes(
    groups: Mapping[str, str],
    shown: Collection[str],
    able: Collection[str],
    decisions: Decisions,
) -> dict[str, str]:
    """The theme that leads the group of each theme that has one and does not lead it itself.

    Two levels: who has a group leads none. What people decided about a theme's group comes first;
    what is left of a found group stays together, where need be under another leader.

    :param groups: by theme the group that it was found in, called by the theme that leads it.
    :param shown: themes that can be in a group: neither merged nor retired.
    :param able: themes that can lead one.
    """
    placed = {key: each for key, each in decisions.themes.items() if each.is_placed}
    by_hand = {key: each.parent_id for key, each in placed.items() if each.parent_id}
    members: dict[str, list[str]] = {}
    for theme_id, group_id in sorted(_follow_splits(groups, decisions).items()):
        if theme_id in shown and theme_id not in placed:
            members.setdefault(group_id, []).append(theme_id)
    found: dict[str, str] = {}
    leaders_by_hand = set(by_hand.values())
    for group_id, theme_ids in members.items():
        candidates = [theme_id for theme_id in theme_ids if theme_id in able]
        if candidates:
            leader = _choose_leader(candidates, leaders_by_hand, decisions.resolve(group_id))
            followers = set(theme_ids) - leaders_by_hand - {leader}
            found |= dict.fromkeys(sorted(followers), leader)
    return found | by_hand


def _follow_splits(groups: Mapping[str, str], decisions: Decisions) -> dict[str, str]:
    """What was split off stays in the group of its whole."""
    found = dict(groups)
    for split in decisions.splits:
        whole = next((found[part.theme_id] for part in split.parts if part.theme_id in found), None)
        if whole is not None:
            found = {part.theme_id: whole for part in split.parts} | found
    return found


def _choose_leader(candidates: Collection[str], by_hand: Collection[str], first: str) -> str:
    """A theme that leads others by hand, else the leader as found, else the first by id."""
    return min(candidates, key=lambda each: (each not in by_hand, each != first, each))
