"""Finding themes in all texts, for the first time or anew: known themes go on under their ids."""

from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from nlp.themes.discovery import Discovery
from nlp.themes.granularity import Granularity
from nlp.themes.names import ThemeName
from nlp.themes.registry import Matching, Share, match_themes
from pipelines.models import Models
from pipelines.runs import Run
from pipelines.themes.births import add_themes, name_pool, rename_theme
from pipelines.themes.events import ThemeEvent, record_events
from pipelines.themes.groups import describe_known, write_groups
from pipelines.themes.pool import Fate, Pool, discover_pool, fixed_means, write_centres
from pipelines.themes.registry import (
    Registry,
    centre_themes,
    read_registry,
    read_theme_centres,
    write_status,
    write_theme_centres,
)
from pipelines.themes.suggestions import store_suggestions

# A theme that shares less with what it was (Jaccard of the texts that are in both fits) may need
# another name; above, a name that people know is worth more than a slightly better one.
SAME_NAME_OVERLAP = 0.5


@dataclass(frozen=True)
class Refit:
    """What finding themes in all texts came to.

    :param n_kept: themes of people that no found one goes on with; they keep their texts.
    """

    fates: dict[str, Fate]
    n_born: int
    n_gone: int = 0
    n_kept: int = 0


def fit_themes(
    run: Run,
    models: Models,
    pool: Pool,
    cause: str,
    granularity: Granularity = "normal",
    was: str | None = None,
) -> Refit:
    """Find themes in all texts, and match them to the known ones.

    :param cause: why, for the lives of the themes; see ``theme_fit``.
    :param was: the granularity that the known ones were found with; None where there are none.
    """
    registry = read_registry(run)
    known = registry.label_rows(pool)
    before = describe_known(registry, known, granularity, was)
    found = discover_pool(models, pool, known=before, granularity=granularity)
    write_centres(run, models, found.centres)
    labels = member_labels(found)
    matching = _match(run, models, pool, registry, known, found)
    ids = {share.found: registry.themes[share.known].theme_id for share in matching.matched}
    names = name_pool(pool, labels, found.n_themes)
    origins = _find_origins(registry, matching)
    born = add_themes(run, pool, labels, names, matching.born, origins)
    ids |= born
    store_suggestions(run, ids, found.suggestions)
    _tell_lives(run, registry, matching, ids, labels, cause)
    write_groups(run, registry, known, found, ids, cause)
    _rename_changed(run, registry, matching, names)
    kept = _find_kept(registry, matching, known)
    fates = _decide_fates(pool, known, found, ids, kept)
    found_ids = (fates[key].theme_id for key in pool.keys)
    placed = {row: theme_id for row, theme_id in enumerate(found_ids) if theme_id}
    write_theme_centres(run, models, pool, placed)
    gone = _find_gone(registry, matching) - registry.locked
    return Refit(fates, len(born), len(gone), len(kept))


def member_labels(found: Discovery) -> Any:
    """Theme number of each member, -1 for texts that are not sure enough."""
    is_member = np.array([reason is None for reason in found.reasons], dtype=bool)
    return np.where(is_member, found.labels, -1)


def _match(
    run: Run, models: Models, pool: Pool, registry: Registry, known: Any, found: Discovery
) -> Matching:
    space = fixed_means(models, pool.vectors.shape[1]).with_centres(found.centres)
    before = read_theme_centres(run, models, registry, space)
    is_known = before.shape[1] == space.width
    return match_themes(
        known,
        found.labels,
        len(registry.themes),
        found.n_themes,
        locked=registry.locked,
        # All vectors are read for this: not where there is nothing to compare with.
        likeness=before @ centre_themes(pool, found.labels, found.n_themes, space).T
        if is_known
        else None,
    )


def _find_origins(registry: Registry, matching: Matching) -> dict[int, dict[str, Any]]:
    """Of which known theme a new one is a part: the one that most of its old texts were in."""
    parts = sorted(matching.split, key=lambda share: (share.n_shared, -share.known))
    return {
        share.found: {
            "split_from": registry.themes[share.known].theme_id,
            **_describe_share(share),
        }
        for share in parts
    }


def _describe_share(share: Share) -> dict[str, Any]:
    return {
        "n_shared": share.n_shared,
        "of_before": share.of_known,
        "of_after": share.of_found,
    }


def _tell_lives(
    run: Run,
    registry: Registry,
    matching: Matching,
    ids: Mapping[int, str],
    labels: Any,
    cause: str,
) -> None:
    """Record what became of each known theme, and set the status of those that went or came."""
    sizes = Counter(labels.tolist())
    events = []
    for share in matching.matched:
        theme = registry.themes[share.known]
        detail = {"cause": cause, "n_texts": sizes[share.found], **_describe_share(share)}
        events.append(ThemeEvent(theme.theme_id, "matched", detail))
        if theme.status == "retired":
            events.append(ThemeEvent(theme.theme_id, "revived", detail))
            write_status(run, theme.theme_id, "active")
    for share in matching.split:
        if share.found in ids:
            detail = {"cause": cause, "into": [ids[share.found]], **_describe_share(share)}
            events.append(ThemeEvent(registry.themes[share.known].theme_id, "split", detail))
    events += _tell_gone(run, registry, matching, ids, cause)
    record_events(run, events)


def _tell_gone(
    run: Run, registry: Registry, matching: Matching, ids: Mapping[int, str], cause: str
) -> Iterator[ThemeEvent]:
    """Retire the themes that nothing goes on with; those of people stay, and it is told."""
    merged = {share.known: share for share in matching.merged}
    for number in sorted(_find_gone(registry, matching)):
        theme = registry.themes[number]
        detail: dict[str, Any] = {"cause": cause}
        if number in merged:
            into = ids.get(merged[number].found)
            share = _describe_share(merged[number])
            detail |= {"into": into, **share}
        if number in registry.locked:
            yield ThemeEvent(theme.theme_id, "kept", detail)
            continue
        write_status(run, theme.theme_id, "retired")
        if detail.get("into"):
            yield ThemeEvent(
                detail["into"], "merged", {"cause": cause, "from": theme.theme_id, **share}
            )
        yield ThemeEvent(theme.theme_id, "merged" if number in merged else "faded", detail)


def _find_gone(registry: Registry, matching: Matching) -> set[int]:
    """Themes that nothing goes on with; those that were retired before went then."""
    gone = {share.known for share in matching.merged} | set(matching.faded)
    return {number for number in gone if registry.themes[number].status != "retired"}


def _rename_changed(
    run: Run, registry: Registry, matching: Matching, names: Sequence[ThemeName]
) -> None:
    """Themes that changed get new names as found; names that people gave stay over them."""
    events = []
    for share in matching.matched:
        theme = registry.themes[share.known]
        if not share.n_shared or share.overlap >= SAME_NAME_OVERLAP or not names[share.found].name:
            continue
        name = rename_theme(run, theme.theme_id, theme.name, names[share.found])
        if name != theme.name:
            detail = {"name": name, "was": theme.name, "overlap": round(share.overlap, 4)}
            events.append(ThemeEvent(theme.theme_id, "renamed", detail))
    record_events(run, events)


def _find_kept(registry: Registry, matching: Matching, known: Any) -> set[int]:
    """Themes of people that no found theme goes on with, and that have texts to keep."""
    going_on = {share.known for share in matching.matched}
    with_texts = Counter(known[known >= 0].tolist())
    return {number for number in registry.locked - going_on if with_texts[number]}


def _decide_fates(
    pool: Pool,
    known: Any,
    found: Discovery,
    ids: Mapping[int, str],
    kept: set[int],
) -> dict[str, Fate]:
    fates = {}
    rows = zip(pool.keys, found.labels.tolist(), found.strengths, found.reasons, strict=True)
    for row, (key, label, strength, reason) in enumerate(rows):
        before = pool.fates[row]
        if before is not None and int(known[row]) in kept:
            fates[key] = before
        else:
            fates[key] = Fate(ids.get(label), float(strength), reason)
    return fates
