"""New themes and their quotes, written to the store."""

import hashlib
from collections.abc import Collection, Iterable, Sequence
from typing import Any

import numpy as np
from sqlalchemy import Connection, delete, insert, select

from nlp.themes.names import ThemeName, name_themes
from nlp.themes.quotes import choose_quotes
from pipelines import tables
from pipelines.runs import Run
from pipelines.theme_events import ThemeEvent, record_events
from pipelines.theme_pool import Members, Pool
from pipelines.upserts import upsert_rows

N_QUOTES = 3


def add_themes(run: Run, pool: Pool, labels: Any, n_themes: int) -> dict[int, str]:
    """Write the rows of new themes.

    :param labels: theme number of each text, -1 for none; numbers without texts make no theme.
    :returns: theme_id by number.
    """
    names = name_themes(
        pool.texts, pool.langs, pool.vectors, labels, n_themes, documents=pool.documents
    )
    taken = _read_names(run.connection)
    ids: dict[int, str] = {}
    births: list[ThemeEvent] = []
    for number, named in enumerate(names):
        rows = np.flatnonzero(labels == number)
        if not len(rows):
            continue
        ids[number] = make_theme_id(pool.keys[row] for row in rows)
        name = make_distinct(named, taken)
        taken.add(name.casefold())
        _insert_theme(run, ids[number], name, named)
        langs = sorted({pool.langs[row] for row in rows})
        births.append(ThemeEvent(ids[number], "born", {"n_texts": len(rows), "langs": langs}))
    record_events(run, births)
    return ids


def make_theme_id(keys: Iterable[str]) -> str:
    """48 bits of the hash of its first members: the same texts are born under the same id."""
    return "t" + hashlib.sha256("\0".join(sorted(keys)).encode()).hexdigest()[:12]


def write_quotes(run: Run, theme_id: str, members: Members) -> None:
    """Choose a theme's quotes among its members and write what differs."""
    chosen = choose_quotes(members.quotes, members.vectors, N_QUOTES)
    rows = [
        {
            "theme_id": theme_id,
            "rank": rank,
            "mention_id": members.mention_ids[row],
            "text": members.quotes[row],
        }
        for rank, row in enumerate(chosen, 1)
    ]
    quote = tables.theme_quote
    run.connection.execute(
        delete(quote).where(quote.c.theme_id == theme_id, quote.c.rank > len(rows))
    )
    if rows:
        upsert_rows(run.connection, quote, rows)


def _insert_theme(run: Run, theme_id: str, name: str, named: ThemeName) -> None:
    run.connection.execute(
        insert(tables.theme).values(
            theme_id=theme_id,
            name=name,
            description=named.description,
            found_name=name,
            found_description=named.description,
            keywords=list(named.keywords),
            status="active",
            origin="discovered",
            lang=named.lang,
            created_run=run.run_id,
            updated_run=run.run_id,
        )
    )


def _read_names(connection: Connection) -> set[str]:
    """Names that are taken, in lower case: what people see, and what an undo would bring back."""
    theme = tables.theme.c
    rows = connection.execute(select(theme.name, theme.found_name)).all()
    return {name.casefold() for row in rows for name in row if name}


def make_distinct(named: ThemeName, taken: Collection[str]) -> str:
    """The name, or what is made of it where it is taken.

    :param taken: names in lower case.
    """
    if named.name.casefold() not in taken:
        return named.name
    further: Sequence[str] = [
        f"{named.name} ({keyword})" for keyword in named.keywords if keyword not in named.name
    ]
    numbered = [f"{named.name} ({number})" for number in range(2, len(taken) + 3)]
    return next(each for each in (*further, *numbered) if each.casefold() not in taken)
