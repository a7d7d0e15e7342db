"""Themes that people take apart: by mentions that are another theme, or by a closer look."""

from collections.abc import Sequence
from typing import Any

import numpy as np
from sqlalchemy import select

from nlp.masking import Masking
from nlp.themes.closer import MIN_PART, MIN_SEPARATION, divide_closer
from nlp.themes.edits import Edit, Part
from nlp.themes.names import ThemeName, name_themes
from nlp.themes.splitting import choose_exemplars, divide_by_examples
from pipelines import tables
from pipelines.edits.checks import MAX_NAME_CHARS, check_text
from pipelines.edits.pins import make_free_id, read_names
from pipelines.edits.requests import (
    Drafts,
    EditRequest,
    find_mentions,
    refuse_merged,
    require_theme,
)
from pipelines.errors import ConfigError
from pipelines.themes.births import make_distinct
from pipelines.themes.draws import centre_pool
from pipelines.themes.mention_texts import read_text_hashes
from pipelines.themes.pool import Pool, load_theme_pool


def prepare_split(drafts: Drafts, request: EditRequest) -> Edit:
    """The edit that splits a theme: some of the mentions of each part, to which others go.

    :raises ConfigError: when the theme is not there, is merged, or does not come apart.
    """
    theme_id = str(request.theme_id)
    require_theme(theme_id, drafts.decisions.theme_ids)
    refuse_merged(theme_id, drafts.decisions)
    if request.mention_ids:
        find_mentions(drafts.connection, request.mention_ids)
    pool = load_theme_pool(drafts.connection, drafts.models.encoder_name, theme_id)
    if not pool.keys:
        raise ConfigError(
            f"no mention of theme {theme_id} was read by {drafts.models.encoder_name}; read the "
            "texts first: earful run"
        )
    is_example = _find_examples(pool, request, theme_id)
    if request.mention_ids:
        labels = _divide(drafts, pool, is_example, theme_id)
    else:
        labels = _look_closer(drafts, pool, theme_id)
    parts = _make_parts(drafts, request, pool, labels, is_example)
    theme = tables.theme.c
    lang = drafts.connection.execute(select(theme.lang).where(theme.theme_id == theme_id)).scalar()
    return Edit("", "split", theme_id, lang=lang, parts=parts)


def _find_examples(pool: Pool, request: EditRequest, theme_id: str) -> Any:
    """(n,) whether a row of the pool was named."""
    wanted = set(request.mention_ids)
    if missing := sorted(wanted.difference(*pool.mentions)):
        raise ConfigError(
            f"{len(missing):,} of {len(wanted):,} mentions are not in theme {theme_id} (first: "
            f"{missing[0]!r}); see those that are: earful themes show {theme_id} --mentions 20"
        )
    return np.array([not wanted.isdisjoint(ids) for ids in pool.mentions], dtype=bool)


def _divide(drafts: Drafts, pool: Pool, is_example: Any, theme_id: str) -> Any:
    if is_example.all():
        raise ConfigError(
            f"these are all {len(pool.keys):,} mentions of theme {theme_id}; rename it, or name "
            "fewer"
        )
    centred = centre_pool(drafts.connection, drafts.models, pool)
    labels = divide_by_examples(centred, is_example)
    if labels.all():
        raise ConfigError(
            f"every mention of theme {theme_id} is nearer to these than to the rest; name "
            "mentions that are more alike, or move them: earful themes move"
        )
    return labels


def _look_closer(drafts: Drafts, pool: Pool, theme_id: str) -> Any:
    """Parts of one theme, the largest first."""
    n_texts = len(pool.keys)
    by_mentions = (
        f"split it by mentions: earful themes split {theme_id} --example MENTION_ID (ids: earful "
        f"themes show {theme_id} --mentions 50)"
    )
    if n_texts < 2 * MIN_PART:
        raise ConfigError(
            f"theme {theme_id} has {n_texts:,} distinct mentions, and a closer look needs "
            f"{2 * MIN_PART}: two parts of {MIN_PART}; {by_mentions}"
        )
    centred = centre_pool(drafts.connection, drafts.models, pool)
    found = divide_closer(centred, pool.langs)
    if not found.labels.any():
        raise ConfigError(
            f"the {n_texts:,} distinct mentions of theme {theme_id} do not come apart: no parts of "
            f"some size keep apart (best {max(found.separation, 0):.2f} of 1, {MIN_SEPARATION} is "
            f"needed); {by_mentions}"
        )
    return found.labels


def _make_parts(
    drafts: Drafts, request: EditRequest, pool: Pool, labels: Any, is_example: Any
) -> tuple[Part, ...]:
    """The theme itself, then the new ones."""
    names = read_names(drafts)
    named = name_themes(pool.texts, pool.langs, pool.vectors, labels, int(labels.max()) + 1)
    if not is_example.any():
        named, labels = _keep_name(named, labels, names.get(str(request.theme_id), ""))
    rows = choose_exemplars(pool.keys, labels, is_example)
    first = {row: pool.mentions[row][0] for row in rows}
    hashes = read_text_hashes(drafts.connection, sorted(first.values()))
    taken = {name.casefold() for name in names.values()}
    ids = set(drafts.decisions.theme_ids)
    parts = []
    for number, name in enumerate(named):
        mentions = sorted((first[row], hashes[first[row]]) for row in rows if labels[row] == number)
        theme_id, shown = str(request.theme_id), ""
        if number:
            seed = "\0".join(["split", theme_id, *(mention_id for mention_id, _ in mentions)])
            theme_id, shown = (
                make_free_id(seed, ids),
                _choose_name(request, name, taken, drafts.masking),
            )
            ids.add(theme_id)
            taken.add(shown.casefold())
        keywords = name.keywords if number else ()
        parts.append(Part(theme_id, shown, tuple(keywords), tuple(mentions)))
    return tuple(parts)


def _keep_name(
    named: Sequence[ThemeName], labels: Any, theme_name: str
) -> tuple[list[ThemeName], Any]:
    """Have the theme go on as the part that would be called as it is, where there is one."""
    alike = (n for n, each in enumerate(named) if each.name.casefold() == theme_name.casefold())
    first = next(alike, 0)
    order = [first, *(number for number in range(len(named)) if number != first)]
    return [named[number] for number in order], np.argsort(order)[labels]


def _choose_name(request: EditRequest, found: ThemeName, taken: set[str], masking: Masking) -> str:
    if request.text.strip():
        return check_text("name", request.text, MAX_NAME_CHARS, masking)
    return make_distinct(found, taken)
