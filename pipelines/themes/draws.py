"""Which mentions people's pins and splits draw to a theme, beside what was found about them.

What is drawn follows from the log and from what was found alone, so that undoing a pin or a split
is computing it anew.
"""

import hashlib
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
from sqlalchemy import Connection, select

from nlp.themes.attraction import Found, Pins, draw_to_pins
from nlp.themes.centring import LanguageMeans, centre_rows, name_voices
from nlp.themes.edits import Decisions, Split
from nlp.themes.splitting import nearest_parts
from nlp.themes.vectors import READ_ROWS, Floats
from pipelines import tables
from pipelines.bulk import update_rows
from pipelines.counted import mention
from pipelines.errors import ConfigError
from pipelines.models import Models
from pipelines.runs import Run
from pipelines.store import read_info, write_info
from pipelines.themes.mention_texts import read_text_hashes
from pipelines.themes.pin_texts import read_pin_texts
from pipelines.themes.pool import Pool, find_centres, find_encoder, fixed_means, load_pool

_DRAWN_FROM = "drawn_from"

# Of each row the theme that it is drawn to and the edit that draws it.
_Draw = tuple[str, str]


def draw_mentions(run: Run, models: Models, decisions: Decisions) -> None:
    """Bring ``drawn_to`` and ``drawn_by`` of all mentions in line with the pins and splits.

    :raises ConfigError: when the store was read with another encoder than these models have.
    """
    if read_info(run.connection, _DRAWN_FROM) == _describe_source(run, models, decisions):
        return
    drawn: dict[str, _Draw] = {}
    if _list_decided(decisions):
        _check_encoder(run_encoder(run), models)
        pool = load_pool(run, models)
        for row, draw in _Draws(run, models, decisions, pool).choose().items():
            drawn.update(dict.fromkeys(pool.mentions[row], draw))
    _write_drawn(run, drawn)


def note_draws(run: Run, models: Models, decisions: Decisions) -> None:
    """Note that what is drawn fits the tables as they are now."""
    source = _describe_source(run, models, decisions)
    if read_info(run.connection, _DRAWN_FROM) != source:
        write_info(run.connection, _DRAWN_FROM, source)


def run_encoder(run: Run) -> str:
    """The encoder of the vectors in the store: of this run, or of the last that read texts."""
    return run.facts.get("encoder") or find_encoder(run.connection)


def centre_pool(connection: Connection, models: Models, pool: Pool) -> Floats:
    """The vectors of a pool, centred."""
    voices = name_voices(pool.langs, pool.registers)
    return centre_rows(pool.vectors[:], voices, _read_space(connection, models, pool))


def _read_space(connection: Connection, models: Models, pool: Pool) -> LanguageMeans:
    """The means that the vectors of this store are centred by."""
    stored = find_centres(connection, models.encoder_name)
    return fixed_means(models, pool.vectors.shape[1]).with_centres(stored)


def _list_decided(decisions: Decisions) -> list[str]:
    pins = [each.pin_id for each in decisions.themes.values() if each.pin_id]
    return sorted([*pins, *(split.edit_id for split in decisions.splits)])


def _check_encoder(known: str, models: Models) -> None:
    """Examples and mentions can only be compared in the space of one encoder."""
    if known and known != models.encoder_name:
        raise ConfigError(
            f"the texts of this store were read by {known}, and the configuration names "
            f"{models.encoder_name}: pins and splits cannot be told. Edit themes with the "
            "configuration of the last run, or read the texts anew first: earful run"
        )


def _describe_source(run: Run, models: Models, decisions: Decisions) -> str:
    decided = _list_decided(decisions)
    if not decided:
        return "-"
    sources = [sorted(split.sources) for split in decisions.splits]
    said = f"{models.encoder_name} {decided} {sources}".encode()
    data_version = read_info(run.connection, "data_version") or 0
    return f"{data_version} {hashlib.sha256(said).hexdigest()[:16]}"


class _Draws:
    """The theme of each row of the pool, as pins and then splits decide it one after the other."""

    def __init__(self, run: Run, models: Models, decisions: Decisions, pool: Pool) -> None:
        self._run = run
        self._models = models
        self._decisions = decisions
        self._pool = pool
        self._themes = list(pool.themes)
        self._drawn: dict[int, _Draw] = {}

    def choose(self) -> dict[int, _Draw]:
        """By row; rows that stay as found are left out."""
        if self._pool.keys:
            self._apply_pins()
            for split in self._decisions.splits:
                self._apply_split(split)
        return {row: draw for row, draw in self._drawn.items() if draw[0] != self._pool.themes[row]}

    def _draw(self, row: int, theme_id: str, edit_id: str) -> None:
        if self._themes[row] != theme_id:
            self._themes[row] = theme_id
            self._drawn[row] = (theme_id, edit_id)

    def _apply_pins(self) -> None:
        pinned = sorted(
            (each.pin_id, theme_id, each.pin)
            for theme_id, each in self._decisions.themes.items()
            if each.pin_id and each.pin
        )
        if not pinned:
            return
        pool, models = self._pool, self._models
        nearest = [fate.nearest if fate else None for fate in pool.fates]
        numbers = {each: at for at, each in enumerate(sorted({*filter(None, nearest)}))}
        texts = read_pin_texts(self._run, models, [pin for _, _, pin in pinned])
        pins = Pins(
            texts.texts,
            texts.vectors,
            texts.langs,
            texts.labels,
            [pin.keywords for _, _, pin in pinned],
            np.array([numbers.get(theme_id, -1) for _, theme_id, _ in pinned], dtype=np.int32),
        )
        labels = [numbers.get(theme_id or "", -1) for theme_id in nearest]
        is_member = np.array([theme_id is not None for theme_id in pool.themes], dtype=bool)
        found = Found(
            pool.texts,
            pool.vectors,
            pool.langs,
            pool.registers,
            np.array(labels, dtype=np.int32),
            is_member,
        )
        space = _read_space(self._run.connection, models, pool)
        for row, pin in enumerate(draw_to_pins(found, pins, space).tolist()):
            if pin >= 0:
                self._draw(row, pinned[pin][1], pinned[pin][0])

    def _apply_split(self, split: Split) -> None:
        """Mentions that were named when it was split stay in their part; others go by nearness."""
        rows = [row for row, theme_id in enumerate(self._themes) if theme_id in split.sources]
        named = self._find_exemplars(split)
        if not rows or not named:
            return
        exemplars = sorted(named)
        labels = np.array([named[row] for row in exemplars], dtype=np.int32)
        centred = self._centre(exemplars)
        for start in range(0, len(rows), READ_ROWS):
            block = rows[start : start + READ_ROWS]
            parts = nearest_parts(self._centre(block), centred, labels, len(split.parts))
            for row, part in zip(block, parts.tolist(), strict=True):
                self._draw(row, split.parts[named.get(row, part)].theme_id, split.edit_id)

    def _centre(self, rows: Sequence[int]) -> Floats:
        return centre_pool(self._run.connection, self._models, self._pool.take(rows))

    def _find_exemplars(self, split: Split) -> dict[int, int]:
        """Part by row of the pool, for mentions that are there and say what they said then."""
        parts = {
            mention_id: (number, text_hash)
            for number, part in enumerate(split.parts)
            for mention_id, text_hash in part.mentions
        }
        hashes = read_text_hashes(self._run.connection, sorted(parts))
        return {
            row: parts[mention_id][0]
            for row, mention_ids in enumerate(self._pool.mentions)
            for mention_id in mention_ids
            if mention_id in parts and parts[mention_id][1] == hashes.get(mention_id)
        }


def _write_drawn(run: Run, drawn: Mapping[str, _Draw]) -> None:
    query = select(mention.mention_id, mention.drawn_to, mention.drawn_by).where(
        mention.drawn_to.is_not(None)
    )
    stored = {row[0]: (row[1], row[2]) for row in run.connection.execute(query)}
    changed = sorted(key for key in {*stored, *drawn} if stored.get(key) != drawn.get(key))
    rows = [_describe_draw(key, drawn.get(key)) for key in changed]
    update_rows(run.connection, tables.mention, rows)


def _describe_draw(mention_id: str, draw: _Draw | None) -> dict[str, Any]:
    theme_id, edit_id = draw or (None, None)
    return {"mention_id": mention_id, "drawn_to": theme_id, "drawn_by": edit_id}
