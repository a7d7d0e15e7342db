"""The groups of themes that the page shows."""

from collections.abc import Sequence
from dataclasses import dataclass

from sqlalchemy import Connection

from nlp.themes.group_names import GroupName
from pipelines.report.theme_facts import ThemeFacts
from pipelines.themes.group_titles import read_groups


@dataclass(frozen=True)
class GroupFacts:
    """A group of active themes.

    :param places: of its themes in `ReportFacts.themes`.
    """

    group_id: str
    title: GroupName
    places: tuple[int, ...]


def gather_groups(connection: Connection, themes: Sequence[ThemeFacts]) -> tuple[GroupFacts, ...]:
    """Gather the groups that at least two of the shown themes are in, the largest theme's first."""
    places = {theme.theme_id: place for place, theme in enumerate(themes)}
    found = [
        GroupFacts(
            key, group.title, tuple(sorted(places[i] for i in group.theme_ids if i in places))
        )
        for key, group in read_groups(connection).items()
    ]
    return tuple(
        sorted((each for each in found if len(each.places) > 1), key=lambda g: g.places[0])
    )
