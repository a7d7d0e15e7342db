"""The groups that themes are found in: told by a theme that leads them, held from run to run."""

from collections import Counter
from collections.abc import Collection, Mapping
from typing import Any

import numpy as np
from sqlalchemy import update

from nlp.themes.centring import LanguageMeans
from nlp.themes.discovery import Discovery
from nlp.themes.granularity import Granularity
from nlp.themes.steadying import KnownLabels
from pipelines import tables
from pipelines.id_batches import batch_ids
from pipelines.models import Models
from pipelines.runs import Run
from pipelines.themes.events import ThemeEvent, record_events
from pipelines.themes.registry import Registry, read_registry, read_theme_centres

_THEME = tables.theme.c


def describe_known(
    registry: Registry, labels: Any, granularity: Granularity, was: str | None
) -> KnownLabels | None:
    """What a fit of this granularity can hold on to; None where nothing is known.

    Groups become themes where themes become coarse, but for those that people edited, which stay as
    they are. Themes that become finer are found afresh, and matched by their members.

    :param labels: (n,) number of each text's theme in the registry, -1 for none.
    :param was: the granularity that these themes were found with.
    """
    if not (labels >= 0).any():
        return None
    groups = registry.groups
    if granularity == was:
        return KnownLabels(labels, registry.locked, groups)
    if granularity != "coarse":
        return None
    n_groups = max(groups.values(), default=-1) + 1
    numbers = np.arange(len(registry.themes)) + n_groups
    for theme, group in groups.items():
        if theme not in registry.locked:
            numbers[theme] = group
    locked = frozenset(theme + n_groups for theme in registry.locked)
    coarse = np.where(labels >= 0, numbers[labels], -1).astype(np.int32)
    return KnownLabels(coarse, locked)


def write_groups(
    run: Run,
    registry: Registry,
    known: Any,
    found: Discovery,
    ids: Mapping[int, str],
    cause: str,
) -> None:
    """Write the groups of a fit; a group goes on under the theme that led it, while it has it.

    :param known: (n,) number of each text's theme in the registry before, -1 for none.
    :param ids: theme_id by number of the found theme.
    """
    before = {each.theme_id: each.group_id for each in registry.themes}
    now: dict[str, str | None] = dict.fromkeys(ids.values())
    for group in range(int(found.groups.max(initial=-1)) + 1):
        numbers = [number for number in np.flatnonzero(found.groups == group) if number in ids]
        members = [ids[int(number)] for number in numbers]
        if len(members) > 1:
            texts = known[(known >= 0) & np.isin(found.labels, numbers)]
            leader = _choose_leader(registry, before, members, texts)
            now |= dict.fromkeys(members, leader)
    retired = _THEME.found_status == "retired"
    run.connection.execute(
        update(tables.theme)
        .where(retired, _THEME.found_group_id.is_not(None))
        .values(found_group_id=None, updated_run=run.run_id)
    )
    changed = {key: group for key, group in now.items() if group != before.get(key)}
    _write(run, changed)
    _tell(run, before, changed, cause)


def _choose_leader(
    registry: Registry, before: Mapping[str, str | None], members: list[str], texts: Any
) -> str:
    """Who led most of these texts before, of those who led any; else the largest.

    :param members: the largest first.
    :param texts: number of the theme that each of the group's texts had before.
    """
    votes = Counter(before[registry.themes[theme].theme_id] for theme in texts.tolist())
    leaders = [theme_id for theme_id in members if before.get(theme_id) == theme_id]
    return max(leaders, key=lambda theme_id: votes[theme_id], default=members[0])


def _write(run: Run, groups: Mapping[str, str | None]) -> None:
    by_group: dict[str | None, list[str]] = {}
    for theme_id, group_id in sorted(groups.items()):
        by_group.setdefault(group_id, []).append(theme_id)
    for group_id, theme_ids in by_group.items():
        for batch in batch_ids(theme_ids):
            run.connection.execute(
                update(tables.theme)
                .where(_THEME.theme_id.in_(batch))
                .values(found_group_id=group_id, updated_run=run.run_id)
            )


def _tell(
    run: Run, before: Mapping[str, str | None], changed: Mapping[str, str | None], cause: str
) -> None:
    """Record a change of group in the lives of themes that are not new."""
    events = [
        ThemeEvent(
            theme_id,
            "grouped",
            {"cause": cause, "group": group_id, "was": before[theme_id]},
        )
        for theme_id, group_id in sorted(changed.items())
        if theme_id in before
    ]
    record_events(run, events)


def group_newcomers(
    run: Run, models: Models, theme_ids: Collection[str], space: LanguageMeans
) -> None:
    """Put new themes into the group of their nearest theme, where that is near enough.

    As near as half of the grouped themes are to the nearest of their group: held against groups of
    a full fit, .40 to .50 of banking77's and arbanking77's themes find theirs, .05 to .17 another.

    :param theme_ids: of themes that were born or came back; they are in no group yet.
    """
    registry = read_registry(run)
    centres = read_theme_centres(run, models, registry, space)
    is_known = np.array(
        [each.status != "retired" and each.theme_id not in theme_ids for each in registry.themes]
    )
    is_known &= np.linalg.norm(centres, axis=1) > 0
    groups = np.array([registry.groups.get(n, -1) for n in range(len(registry.themes))])
    closeness = np.round((centres @ centres.T).astype(np.float64), 4)
    np.fill_diagonal(closeness, -1)
    closeness[:, ~is_known] = -1
    is_same = (groups[:, None] == groups[None, :]) & (groups >= 0)[:, None]
    nearest_own = np.where(is_same, closeness, -1).max(axis=1, initial=-1)[is_known]
    if not (nearest_own > -1).any():
        return
    least = np.median(nearest_own[nearest_own > -1])
    joining: dict[str, str | None] = {}
    for theme_id in sorted(theme_ids):
        row = closeness[registry.numbers[theme_id]]
        best = int(row.argmax())
        if row[best] >= least and groups[best] >= 0:
            joining[theme_id] = registry.themes[best].group_id
    _write(run, joining)
