"""The life of a store, command by command, and what it holds after each."""

import hashlib
import re
import shutil
from collections.abc import Callable, Sequence
from contextlib import closing
from dataclasses import dataclass, field
from pathlib import Path

from sqlalchemy import text

from nlp.weights import prepare_default_encoder
from pipelines import tables
from pipelines.config import user_cache_dir
from pipelines.database import sqlite_driver
from pipelines.journal import Journal
from pipelines.rights.forgetting import list_open
from pipelines.store import open_store
from pipelines.vector_lake.keeping import find_lost, list_lake_files
from pipelines.vector_lake.pending import LAKE_FACT
from pipelines.vector_lake.reading import stream_rows
from scripts.storm_parts import children
from scripts.storm_parts.bundle import list_files, write_bundle, write_export
from scripts.storm_parts.children import Ended
from scripts.storm_parts.places import Place
from tests.pipelines.store_contents import RUN_FACTS, Contents, compare_contents, read_contents

ENCODER = "multilingual-e5-small-q4"
# Beyond those of runs: when something was done, and the names that follow from it.
CLOCKED = RUN_FACTS | {
    *("theme_edit.at", "audit.at", "audit.audit_id", "audit.result"),
    *("consent.at", "consent.consent_id", "action.action_id", "action.created_at"),
    *("action.sent_at", "sync_row.sent_at", "output_file.written_at", "blocked_key.request_id"),
    *("erasure.request_id", "erasure.requested_at", "erasure.erased_at", "erasure.finished_at"),
    *("erasure.digest", "erasure.counts", "output_file.digest"),
}
# Where in the lake a vector lies is chance.
IN_LAKE = frozenset({"vector", "lake_file"})
COUNTING = {"store_info": tables.store_info.c.name.not_in(("store_id", LAKE_FACT))}
_MOMENT = re.compile(r"\d{8}T\w{6,13}|\d{4}-\d\d-\d\dT[\d:.+Z]+")
_STAMP = re.compile(r"\d{8}T\d{6}")


@dataclass(frozen=True)
class Stage:
    """A command of the life.

    :param arguments: of the command; THEME and OTHER stand for the two largest themes, CUSTOMER
        for the one who said most.
    :param prepare: what happens in the folder before.
    """

    name: str
    arguments: tuple[str, ...]
    prepare: Callable[[Path], object] = lambda _: None

    @property
    def slug(self) -> str:
        """The name, fit for a folder and a database."""
        return re.sub("[^a-z]+", "_", self.name)


def _add_later(folder: Path) -> None:
    write_export(folder, is_later=True)


STAGES = (
    Stage("ingest", ("ingest", "social.jsonl", "survey.csv")),
    Stage("customers", ("customers", "customers.csv")),
    Stage("events", ("events", "events.csv")),
    Stage("link", ("link",)),
    Stage("enrich", ("enrich",)),
    Stage("discover", ("discover",)),
    Stage("judge", ("judge",)),
    Stage("rank", ("rank",)),
    Stage("publish", ("publish",)),
    Stage("run, new rows", ("run",), _add_later),
    Stage("run --refit", ("run", "--refit")),
    Stage("themes rename", ("themes", "rename", "THEME", "Money that waits")),
    Stage("themes merge", ("themes", "merge", "OTHER", "THEME")),
    Stage("themes mute", ("themes", "mute", "THEME")),
    Stage("themes undo", ("themes", "undo", "e000002")),
    Stage("consent", ("consent", "withdraw", "--customer", "CUSTOMER", "--purpose", "quoting")),
    Stage("report", ("report", "-o", "out/report.html")),
    Stage("export", ("export", "out/tables")),
    Stage("sync", ("sync",)),
    Stage("deliver", ("actions", "deliver")),
    Stage("forget", ("forget", "--customer", "CUSTOMER")),
    Stage("purge", ("purge", "--older-than", "150d")),
)
# Stages whose readings the journal may hold already, or not.
READING = ("enrich", "run, new rows")
_NAMES = {
    "THEME": "SELECT theme_id FROM theme WHERE status = 'active' "
    "ORDER BY n_mentions DESC, theme_id LIMIT 1",
    "OTHER": "SELECT theme_id FROM theme WHERE status = 'active' "
    "ORDER BY n_mentions DESC, theme_id LIMIT 1 OFFSET 1",
    "CUSTOMER": "SELECT customer_id FROM feedback WHERE customer_id IS NOT NULL "
    "GROUP BY customer_id ORDER BY count(*) DESC, customer_id LIMIT 1",
}


@dataclass
class Life:
    """A life that nobody cut short: what is there after each stage, and how long it took.

    :param spent: how each stage ended, with the encoder at work where it reads.
    :param short: the same with the readings in the journal.
    :param vectors: where they lie, database or lake.
    """

    place: Place
    vectors: str = "database"
    after: dict[str, Contents] = field(default_factory=dict)
    spent: dict[str, Ended] = field(default_factory=dict)
    short: dict[str, Ended] = field(default_factory=dict)

    def live(self, stages: Sequence[Stage] = STAGES) -> None:
        """Run all stages one after the other, and keep what was there before each."""
        self.place.clear()
        self._begin()
        for stage in stages:
            stage.prepare(self.place.folder)
            self.place.keep(stage.slug)
            ended = children.run(
                self.place.folder, self.fill_in(stage), self.place.url, _keep_journals
            )
            if ended.code not in (0, 3):
                raise SystemExit(f"{stage.name} ended with {ended.code}:\n{ended.said}")
            self.spent[stage.name] = ended
            self.after[stage.name] = self.look()
            if stage.name in READING:
                self._measure_short(stage)

    def fill_in(self, stage: Stage) -> list[str]:
        """The arguments of a stage, with the names that the store gives them now."""
        wanted = {name for name in stage.arguments if name in _NAMES}
        if not wanted:
            return [*stage.arguments]
        store = open_store(self.place.url)
        with store.read() as connection:
            names = {each: connection.execute(text(_NAMES[each])).scalar_one() for each in wanted}
        store.engine.dispose()
        return [names.get(each, each) for each in stage.arguments]

    def look(self) -> Contents:
        """What is in the store, and in the files that are for others."""
        found = read_contents(self.place.url, CLOCKED | IN_LAKE, COUNTING)
        found |= self._look_at_vectors()
        found["files"] = sorted(
            f"{path.relative_to(self.place.folder)} {_digest(path)}"
            for path in list_files(self.place.folder)
        )
        found["open erasures"] = self._list_open()
        found["audit"] = sorted({*found["audit"]})
        return {name: [_STAMP.sub("STAMP", row) for row in rows] for name, rows in found.items()}

    def _look_at_vectors(self) -> Contents:
        """Vectors wherever they lie, and what is wrong with the lake."""
        store = open_store(self.place.url)
        with store.read() as connection:
            known, lost = list_lake_files(connection), find_lost(connection, is_thorough=True)
            vectors = [] if lost else sorted(map(repr, stream_rows(connection, tables.vector)))
        store.engine.dispose()
        there = {path.name for path in (self.place.folder / "earful-lake").rglob("*.parquet*")}
        unknown = there - {path.name for path in known}
        wrong = [f"lost {name}" for name in lost] + [f"unknown {name}" for name in sorted(unknown)]
        return {"vector": vectors, "lake": wrong}

    def _list_open(self) -> list[str]:
        store = open_store(self.place.url)
        with store.read() as connection:
            found = list_open(connection)
        store.engine.dispose()
        return [str(each["error"]) for each in found]

    def compare(self, stage: Stage) -> list[str]:
        """What differs from what an uncut life has after a stage."""
        expected, found = self.after[stage.name], self.look()
        # A command that was done and then killed is done again, and that is recorded too.
        found["audit"] = [row for row in found["audit"] if row in expected["audit"]]
        return compare_contents(expected, found)

    def remove_journal(self) -> None:
        """Forget what the encoder has read."""
        shutil.rmtree(self.place.folder / "cache" / "unfinished", ignore_errors=True)

    def _begin(self) -> None:
        folder = self.place.folder
        write_bundle(folder, self.vectors)
        secret = folder / "config" / "earful" / "secret"
        secret.parent.mkdir(parents=True)
        secret.touch(mode=0o600)
        secret.write_text("a secret of a storm, long enough\n")
        (folder / "cache").mkdir()
        (folder / "cache" / ENCODER).symlink_to(prepare_default_encoder(user_cache_dir()))

    def _measure_short(self, stage: Stage) -> None:
        """Have the state before the stage hold the journal, and see how long it takes then."""
        place, journals = self.place, self.place.root / "journals"
        place.keep("after")
        shutil.rmtree(journals, ignore_errors=True)
        shutil.copytree(place.folder / "cache" / "unfinished", journals)
        place.put_back(stage.slug)
        shutil.copytree(journals, place.folder / "cache" / "unfinished", dirs_exist_ok=True)
        place.keep(stage.slug)
        self.short[stage.name] = children.run(place.folder, self.fill_in(stage), place.url)
        if differences := self.compare(stage):
            raise SystemExit(f"{stage.name} after a crash: {differences}")
        place.put_back("after")
        self.remove_journal()


def is_done_already(said: str) -> bool:
    """Whether the second command only says that the first had done it all."""
    return any(words in said for words in ("already", "was undone by", "erased before"))


def _keep_journals() -> None:
    """In a child: leave the journal that a finished run would remove."""
    Journal.discard = Journal.close  # type: ignore[method-assign]


def _digest(path: Path) -> str:
    """What a file holds, but for moments and names of runs; of a database, its rows."""
    if path.suffix in (
        ".html",
        ".parquet",
        ".json",
    ):  # of a page and of tables, that they are whole
        return "whole" if _is_whole(path) else "broken"
    content = path.read_text(encoding="utf-8-sig") if path.suffix == ".csv" else ""
    if path.suffix == ".db":
        with closing(sqlite_driver().connect(path)) as connection:
            content = "\n".join(connection.iterdump())
    return hashlib.sha256(_MOMENT.sub("", content).encode()).hexdigest()[:16]


def _is_whole(path: Path) -> bool:
    content = path.read_bytes()
    ends = {".html": b"</html>", ".parquet": b"PAR1", ".json": b"}"}
    return content.rstrip().endswith(ends[path.suffix])
