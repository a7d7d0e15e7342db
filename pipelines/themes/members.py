"""The members of known themes that stand for all when others are compared with them."""

from collections.abc import Collection, Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np

from nlp.themes.assignment import KnownThemes, choose_by_key
from pipelines.themes.pool import Pool

# A million members would cost gigabytes; assignment asks 5,000, and new themes are told from known
# ones by 20,000.
MAX_KNOWN_MEMBERS = 20_000


@dataclass(frozen=True)
class KnownMembers:
    """Members of all themes, the first of each theme and language by their keys.

    :param labels: (n,) number of the theme of each.
    """

    pool: Pool
    theme_ids: list[str]
    labels: Any

    def describe(self, centres: Mapping[str, Any]) -> KnownThemes:
        """Read their vectors.

        :param centres: what is subtracted from each language.
        """
        pool = self.pool
        return KnownThemes(
            pool.vectors[:], pool.langs, self.labels, centres, pool.registers, pool.keys
        )


def choose_known(pool: Pool, without: Collection[int] = ()) -> KnownMembers:
    """Choose among the rows of a pool that were found to belong to a theme.

    :param without: rows to leave out.
    """
    found = [row for row, theme_id in enumerate(pool.themes) if theme_id and row not in without]
    theme_ids = sorted({str(pool.themes[row]) for row in found})
    numbers = {theme_id: number for number, theme_id in enumerate(theme_ids)}
    labels = np.array([numbers[str(pool.themes[row])] for row in found], dtype=np.int32)
    keys, langs = ([values[row] for row in found] for values in (pool.keys, pool.langs))
    chosen = sorted(choose_by_key(keys, langs, labels, MAX_KNOWN_MEMBERS))
    return KnownMembers(pool.take(found[at] for at in chosen), theme_ids, labels[chosen])
