"""What the page shows of each group of themes: its name, its sums, and which themes are in it."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from operator import itemgetter

from sqlalchemy import Connection

from nlp.themes.group_names import GroupName
from pipelines.report.tallies import (
    EVERYTHING,
    CountCube,
    MentionCube,
    MentionTally,
    count_group_voices,
    sum_cubes,
)
from pipelines.report.theme_facts import ThemeFacts
from pipelines.themes.group_titles import read_groups


@dataclass(frozen=True)
class GroupFacts:
    """A group of active themes.

    :param places: of those on the page in `ReportFacts.themes`.
    :param n_themes: how many it has, shown or not: what the counts are sums over.
    :param voices: each counted once, however many of the themes it spoke of.
    """

    group_id: str
    title: GroupName
    places: tuple[int, ...]
    n_themes: int
    mentions: MentionCube
    voices: CountCube

    @property
    def tally(self) -> MentionTally:
        """Its mentions by sentiment, over all sources and languages."""
        return self.mentions.get(EVERYTHING, MentionTally())

    @property
    def n_voices(self) -> int:
        """Its voices, over all sources and languages."""
        return self.voices.get(EVERYTHING, 0)


@dataclass(frozen=True)
class Block:
    """What stands together on the page: a group, or one theme.

    :param group: its place in `ReportFacts.groups`; None for a theme alone.
    :param themes: each with its place in `ReportFacts.themes`, most voices first.
    """

    group: int | None
    themes: tuple[tuple[int, ThemeFacts], ...]


def arrange_themes(themes: Sequence[ThemeFacts], groups: Sequence[GroupFacts]) -> tuple[Block, ...]:
    """Put groups and themes of no group in one order, most voices first."""
    grouped = {place for group in groups for place in group.places}
    blocks = [
        (-group.n_voices, group.places[0], Block(number, _pick(themes, group.places)))
        for number, group in enumerate(groups)
    ]
    blocks += [
        (-theme.n_voices, place, Block(None, ((place, theme),)))
        for place, theme in enumerate(themes)
        if place not in grouped
    ]
    return tuple(block for *_, block in sorted(blocks, key=itemgetter(0, 1)))


def _pick(
    themes: Sequence[ThemeFacts], places: Sequence[int]
) -> tuple[tuple[int, ThemeFacts], ...]:
    return tuple((place, themes[place]) for place in places)


def gather_groups(
    connection: Connection,
    by_theme: Mapping[str | None, MentionCube],
    themes: Sequence[ThemeFacts],
) -> tuple[GroupFacts, ...]:
    """Gather the groups that at least two of the shown themes are in, most voices first.

    :param by_theme: the mentions of each theme.
    """
    places = {theme.theme_id: place for place, theme in enumerate(themes)}
    groups = read_groups(connection)
    shown = {
        key: sorted(places[each] for each in group.theme_ids if each in places)
        for key, group in groups.items()
    }
    kept = [key for key, numbers in shown.items() if len(numbers) > 1]
    voices = count_group_voices(connection, kept)
    found = [
        GroupFacts(
            group_id=key,
            title=groups[key].title,
            places=tuple(shown[key]),
            n_themes=len(groups[key].theme_ids),
            mentions=sum_cubes(by_theme.get(each, {}) for each in groups[key].theme_ids),
            voices=voices.get(key, {}),
        )
        for key in kept
    ]
    return tuple(sorted(found, key=lambda group: (-group.n_voices, group.group_id)))
