"""The index of what was said: a vector for each distinct text, and what is asked of its mentions.

It holds no words, but their vectors, the numbers of their words and the ids of mentions: all that
an erasure has to reach. It lies beside a SQLite store, where every command that changes the store
removes it; a server's is made for one session, in a file without a name.
"""

import tempfile
from collections.abc import Iterator, Mapping
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any, BinaryIO, Final, cast

from sqlalchemy import Connection

from nlp.postings import Postings
from nlp.quantised import QuantisedRows
from pipelines.asking.array_file import map_arrays, read_facts
from pipelines.store import Store, read_info

_ENDING: Final = ".ask"
# Raised when the same store gives another index.
_FORM: Final = 1


@dataclass(frozen=True)
class Index:
    """Distinct texts in the order of their hashes, and the mentions of each, side by side.

    :param texts: the vectors, centred, as whole numbers.
    :param words: which texts hold which words.
    :param text_hashes: of each text, ascending.
    :param starts: where the mentions of each text begin, and the number of all.
    :param mention_ids: of each mention.
    :param at: when each was said, in seconds since 1970; the least number where nobody knows.
    :param columns: lang, source, theme, segment, sentiment and voice of each, as numbers.
    :param names: what the numbers of each column mean, but for voices.
    """

    texts: QuantisedRows
    words: Postings
    text_hashes: Any
    starts: Any
    mention_ids: Any
    at: Any
    columns: Mapping[str, Any]
    names: Mapping[str, list[str | None]]

    @property
    def n_texts(self) -> int:
        """Distinct texts."""
        return len(self.text_hashes)

    @property
    def n_bytes(self) -> int:
        """Memory that it takes when all of it was looked at."""
        arrays = (
            *(self.texts.numbers, self.texts.scales, self.text_hashes, self.starts),
            *(self.words.words, self.words.starts, self.words.rows),
            *(self.mention_ids, self.at, *self.columns.values()),
        )
        return sum(each.nbytes for each in arrays)


def index_path(store: Store) -> Path | None:
    """Where the index of a store is kept; None for a server's, whose clients are anywhere."""
    return store.path.with_name(store.path.name + _ENDING) if store.path else None


def list_index_files(store: Store) -> list[Path]:
    """The index, and what was left of one that could not be finished."""
    path = index_path(store)
    if path is None:
        return []
    return [each for each in (path, *path.parent.glob(f".{path.name}.*.part")) if each.exists()]


def stamp_of(connection: Connection, encoder_name: str | None = None) -> str:
    """What an index is made from: it holds while this does not change.

    :param encoder_name: None leaves it out.
    """
    told = [str(_FORM), read_info(connection, "store_id") or ""]
    told.append(read_info(connection, "data_version") or "0")
    return "/".join(told if encoder_name is None else [*told, encoder_name])


def remove_index(store: Store) -> None:
    """Remove the index, whole or half."""
    for path in list_index_files(store):
        path.unlink(missing_ok=True)


def remove_stale_index(store: Store) -> None:
    """Remove an index that was made before the store changed; best effort."""
    files = list_index_files(store)
    if not files:
        return
    with store.read() as connection:
        stamp = stamp_of(connection)
    for path in files:
        with suppress(OSError):
            if not _is_of(path, stamp):
                path.unlink(missing_ok=True)


def _is_of(path: Path, stamp: str) -> bool:
    with path.open("rb") as file:
        facts = read_facts(file)
    return bool(facts and str(facts["stamp"]).startswith(f"{stamp}/"))


@contextmanager
def open_kept(store: Store, stamp: str) -> Iterator[BinaryIO | None]:
    """The kept index of a stamp; None where there is none, or of another."""
    path = index_path(store)
    try:
        file = path.open("rb") if path else None
    except OSError:  # not there, or somebody else's
        file = None
    if file is None:
        yield None
        return
    with file:
        facts = read_facts(file)
        yield file if facts and facts["stamp"] == stamp else None


def open_nameless() -> BinaryIO:
    """A file that is gone when it is closed, whatever happens."""
    return cast("BinaryIO", tempfile.TemporaryFile())


def map_index(file: BinaryIO) -> Index:
    """The index in a file, which may be closed then."""
    facts = read_facts(file)
    assert facts is not None
    arrays = map_arrays(file)
    names = facts["names"]
    return Index(
        QuantisedRows(arrays["numbers"], arrays["scales"]),
        Postings(
            arrays["words"],
            arrays["word_starts"],
            arrays["word_rows"],
            len(arrays["text_hashes"]),
        ),
        arrays["text_hashes"],
        arrays["starts"],
        arrays["mention_ids"],
        arrays["at"],
        {name: arrays[name] for name in (*names, "voice")},
        names,
    )
