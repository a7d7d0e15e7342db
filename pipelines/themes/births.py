"""New themes and their quotes, written to the store."""

import hashlib
from collections.abc import Collection, Iterable, Mapping, Sequence
from typing import Any

import numpy as np
from sqlalchemy import Connection, delete, insert, select, update

from nlp.themes.names import ThemeName, name_themes
from nlp.themes.quotes import choose_quotes
from pipelines import tables
from pipelines.runs import Run
from pipelines.themes.events import ThemeEvent, record_events
from pipelines.themes.pool import Members, Pool
from pipelines.upserts import upsert_rows

N_QUOTES = 3
# Of a larger theme so many members stand for all when it is named.
MAX_NAMED_MEMBERS = 5_000


def add_themes(
    run: Run,
    pool: Pool,
    labels: Any,
    names: Sequence[ThemeName],
    numbers: Iterable[int],
    origins: Mapping[int, Mapping[str, Any]] | None = None,
) -> dict[int, str]:
    """Write the rows of new themes.

    :param labels: theme number of each text, -1 for none; numbers without texts make no theme.
    :param names: by number.
    :param numbers: those to write.
    :param origins: by number, what else to tell of the birth.
    :returns: theme_id by number.
    """
    taken = _read_names(run.connection)
    theme_ids = set(run.connection.execute(select(tables.theme.c.theme_id)).scalars())
    ids: dict[int, str] = {}
    births: list[ThemeEvent] = []
    for number in numbers:
        rows = np.flatnonzero(labels == number)
        if not len(rows):
            continue
        ids[number] = make_theme_id([pool.keys[row] for row in rows], theme_ids)
        theme_ids.add(ids[number])
        name = make_distinct(names[number], taken)
        taken.add(name.casefold())
        _insert_theme(run, ids[number], name, names[number])
        langs = sorted({pool.langs[row] for row in rows})
        detail = {"n_texts": len(rows), "langs": langs, **(origins or {}).get(number, {})}
        births.append(ThemeEvent(ids[number], "born", detail))
    record_events(run, births)
    return ids


def name_pool(pool: Pool, labels: Any, n_themes: int) -> Sequence[ThemeName]:
    """Words for each theme of some texts, by number."""
    labels = np.asarray(labels).copy()
    for number in range(n_themes):
        # Rows are in the order of their keys: the first are as good as drawn by lot.
        labels[np.flatnonzero(labels == number)[MAX_NAMED_MEMBERS:]] = -1
    return name_themes(
        pool.texts, pool.langs, pool.vectors, labels, n_themes, documents=pool.documents
    )


def rename_theme(run: Run, theme_id: str, was: str | None, named: ThemeName) -> str:
    """Give a theme that changed the words that it has now.

    :param was: its name as found before.
    :returns: its new name as found; the old one where that still fits.
    """
    taken = _read_names(run.connection) - {(was or "").casefold()}
    name = make_distinct(named, taken)
    run.connection.execute(
        update(tables.theme)
        .where(tables.theme.c.theme_id == theme_id)
        .values(
            found_name=name,
            found_description=named.description,
            keywords=list(named.keywords),
            updated_run=run.run_id,
        )
    )
    return name


def make_theme_id(keys: Sequence[str], taken: Collection[str] = ()) -> str:
    """48 bits of the hash of its first members: the same texts are born under the same id.

    :param taken: ids that were given before, be it to a theme of the same texts: none is reused.
    """
    named = "\0".join(sorted(keys))
    salts = ("", *(f"\0{attempt}" for attempt in range(1, len(taken) + 1)))
    hashes = (hashlib.sha256((named + salt).encode()).hexdigest()[:12] for salt in salts)
    return next(theme_id for each in hashes if (theme_id := "t" + each) not in taken)


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
            found_status="active",
            n_quiet_runs=0,
            n_missed=0.0,
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
        f"{named.name} ({keyword})"
        for keyword in named.keywords
        if keyword.casefold() not in named.name.casefold()
    ]
    numbered = [f"{named.name} ({number})" for number in range(2, len(taken) + 3)]
    return next(each for each in (*further, *numbered) if each.casefold() not in taken)
