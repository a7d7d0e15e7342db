"""Bringing one destination in line: what may not be there is taken back, what changed is sent.

What goes is written down in one short transaction, sent outside of any, and its answers written
down in another. Killed anywhere, the next time sends again what was not answered: twice is once.
"""

from collections import Counter
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import TypeVar

from sqlalchemy import Connection

from pipelines.clock import Clock
from pipelines.job import Job
from pipelines.rights.outputs import record_output
from pipelines.secret import load_secret
from pipelines.store import RECORD_WAIT_S, Store
from pipelines.syncs.ledger import (
    is_changed,
    note_failed,
    note_going,
    note_removed,
    note_sent,
    read_ledger,
)
from pipelines.syncs.passing import PassingError
from pipelines.syncs.settings import SyncSettings
from pipelines.syncs.source import drop_nameless, list_gone, read_rows, read_sent
from pipelines.syncs.target import Answer, Row, SyncError, Target

T = TypeVar("T")
_PAGE_ROWS = 2_000
_Pass = Callable[[Sequence[Row]], Iterator[Sequence[Answer]]]
_Note = Callable[[Connection, Sequence[Answer]], None]


@dataclass
class Sending:
    """One destination while it is brought in line.

    :ivar clock: says when somebody wants to stop.
    :ivar counts: rows by what became of them: sent, removed, failed, left or unchanged.
    """

    job: Job
    store: Store
    settings: SyncSettings
    target: Target
    clock: Clock = field(default_factory=Clock)
    counts: Counter[str] = field(default_factory=Counter)

    def send_changed(self) -> None:
        """Send the rows that the destination does not hold as they are now.

        :raises SyncError: when it did not take a portion; what it took before is written down.
        """
        waiting: list[Row] = []
        for rows in self._reserve():
            waiting += rows
            while len(waiting) >= self.target.n_at_once:
                self._send(waiting[: self.target.n_at_once])
                del waiting[: self.target.n_at_once]
        if waiting:
            self._send(waiting)

    def take_back_gone(self) -> None:
        """Take back the rows of customers who do not allow it any more, or are not there."""
        for keys in _read_pages(self._list_gone, str):
            if self.clock.is_stopping:
                return
            self.take_back(keys)

    def take_back(self, keys: Sequence[str]) -> None:
        """Take back the rows of some customers.

        :raises SyncError: when the destination did not do it for a portion of them.
        """
        with self._write() as connection:
            known = read_ledger(connection, self.settings.name, keys)
            rows = [_empty_row(key, known[key].fields or {}, self.settings) for key in known]
            note_going(connection, self.settings.name, rows, known)
        self._pass_on(
            rows,
            self.target.remove,
            lambda connection, answers: note_removed(connection, self.settings.name, answers),
            "removed",
        )

    def finish(self) -> None:
        """Let the destination write what it can only write whole."""
        pages = _read_pages(self._list_sent, lambda row: row.key)
        if path := self.target.finish(row for page in pages for row in page):
            record_output(self.store, path, "sync")

    def _reserve(self) -> Iterator[list[Row]]:
        """Write down which rows are about to go, page by page."""
        secret = load_secret(self.job.secret_path)
        name, after = self.settings.name, ""
        while True:
            with self._write() as connection:
                page = read_rows(connection, self.settings.fields, after, _PAGE_ROWS)
                rows = drop_nameless(connection, page, secret)
                known = read_ledger(connection, name, [row.key for row in rows])
                changed = [row for row in rows if is_changed(row, known.get(row.key))]
                note_going(connection, name, changed, known)
            self.counts["unchanged"] += len(known) - sum(row.key in known for row in changed)
            yield changed
            if len(page) < _PAGE_ROWS or self.clock.is_stopping:
                return
            after = page[-1].key

    def _send(self, rows: Sequence[Row]) -> None:
        own = {row.key: row for row in rows}
        self._pass_on(
            rows,
            self.target.send,
            lambda connection, answers: note_sent(connection, self.settings.name, own, answers),
            "sent",
        )

    def _pass_on(self, rows: Sequence[Row], do: _Pass, note: _Note, done: str) -> None:
        waiting = {row.key for row in rows}
        try:
            for answers in filter(None, self._until_stopped(do(rows))):
                with self._write(RECORD_WAIT_S) as connection:
                    note(connection, answers)
                waiting -= {each.key for each in answers}
                n_failed = sum(each.error is not None for each in answers)
                self._count(done, len(answers) - n_failed)
                self._count("failed", n_failed)
        except (SyncError, PassingError) as error:
            said = error.reason if isinstance(error, PassingError) else str(error)
            self._fail(waiting, said)
            raise SyncError(said) from None
        if self.clock.is_stopping:
            self._fail(waiting, "it was stopped before this row went", "left")
        else:
            self._fail(waiting, "there was no answer about this row")

    def _until_stopped(self, portions: Iterator[T]) -> Iterator[T]:
        while not self.clock.is_stopping:
            try:
                yield next(portions)
            except StopIteration:
                return

    def _fail(self, keys: set[str], said: str, as_what: str = "failed") -> None:
        if keys:
            with self._write(RECORD_WAIT_S) as connection:
                answers = [Answer(key, said) for key in sorted(keys)]
                note_failed(connection, self.settings.name, answers)
            self._count(as_what, len(keys))

    def _count(self, what: str, n: int) -> None:
        self.counts[what] += n
        self.job.progress.advance(n)

    def _list_gone(self, after: str) -> Sequence[str]:
        with self.store.read() as connection:
            return list_gone(connection, self.settings.name, after, _PAGE_ROWS)

    def _list_sent(self, after: str) -> Sequence[Row]:
        with self.store.read() as connection:
            return read_sent(connection, self.settings.name, after, _PAGE_ROWS)

    @contextmanager
    def _write(self, wait_s: float = 0) -> Iterator[Connection]:
        timeout_s = max(wait_s, self.job.lock_timeout_s)
        with self.store.lock(timeout_s), self.store.write() as connection:
            yield connection


def _empty_row(key: str, fields: Mapping[str, object], settings: SyncSettings) -> Row:
    """A row that empties what the destination took, also what is not mapped any more."""
    return Row(key, dict.fromkeys({**fields, **settings.fields}))


def _read_pages(read: Callable[[str], Sequence[T]], name: Callable[[T], str]) -> Iterator[list[T]]:
    after, page = "", list[T]()
    while not after or len(page) == _PAGE_ROWS:
        page = list(read(after))
        if not page:
            return
        yield page
        after = name(page[-1])
