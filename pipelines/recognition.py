"""From a file to typed records: what its columns are is decided from a sample, or told by --map."""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from itertools import islice
from typing import Any
from zoneinfo import ZoneInfo

from pipelines.errors import InputError
from pipelines.inspect import list_value_problems
from pipelines.reading.cutting import WHOLE, Part, list_parts
from pipelines.reading.fields import Tally
from pipelines.reading.items import CustomerRecord, EventRecord, FeedbackItem
from pipelines.reading.kinds import KindGuess
from pipelines.reading.mapping import list_names
from pipelines.reading.opening import open_tables
from pipelines.reading.plans import Plan, plan_table, plan_tables
from pipelines.reading.records import customer_records, event_records, feedback_items
from pipelines.reading.sampling import Sample, sample_table
from pipelines.reading.streams import InputFile
from pipelines.reading.tables import BadRow, Table

Warn = Callable[[str], None]
_KEYS = ("customer", "email", "phone", "handle")
_COMMANDS = {"feedback": "run", "customers": "customers", "events": "events"}
_SETTINGS = {
    "feedback": "text=COLUMN",
    "customers": "customer=COLUMN or --map email=COLUMN",
    "events": "customer=COLUMN --map at=COLUMN",
}


def read_feedback(
    file: InputFile, pairs: Sequence[str], *, timezone: str, warn: Warn
) -> Iterator[FeedbackItem | BadRow]:
    """Every feedback of a file, or the row as bad.

    :param pairs: ``ROLE=COLUMN``, laid over what is recognised.
    :raises InputError: when the file cannot be read, or no column holds feedback.
    :raises ConfigError: when a pair names a role or a column that is not there.
    """
    yield from _read(file, pairs, "feedback", feedback_items, timezone, warn)


@dataclass(frozen=True)
class FilePlan:
    """How the feedback of a file is read, and where the file can be cut.

    :param plans: of its tables in their order, None for what is not read; empty where it has none.
    :param parts: in the order of the rows; one where the file cannot be cut.
    :param encoding: of a text file.
    """

    plans: tuple[Plan | None, ...]
    parts: tuple[Part, ...] = (WHOLE,)
    encoding: str | None = None


def plan_feedback(file: InputFile, pairs: Sequence[str], *, part_rows: int, warn: Warn) -> FilePlan:
    """Decide how a file is read, from all its rows; raises as :func:`read_feedback`.

    :param part_rows: rows of a part, about.
    """
    tables: list[Table] = []
    parts: list[Part] = []
    samples = []
    for table in open_tables(file):
        tables.append(table)
        if table.source:
            table.rows = list_parts(table.rows, table.source, part_rows, parts)
        samples.append(sample_table(table))
    plans = _plan(file, samples, pairs, "feedback", warn)
    for table, plan in zip(tables, plans, strict=False):
        for note in table.notes if plan else ():
            warn(f"{file.name}: {note}")
    whole = len(tables) != 1 or not parts
    return FilePlan((*plans,), (WHOLE,) if whole else (*parts,), tables[0].encoding)


def read_part(
    file: InputFile, planned: FilePlan, part: Part, *, timezone: str, tallies: list[Tally]
) -> Iterator[FeedbackItem | BadRow]:
    """What :func:`read_feedback` yields of a part of a file.

    :param tallies: gets one for each table, to be told when all parts are read.
    """
    for table, plan in zip(open_tables(file, planned.encoding), planned.plans, strict=False):
        tallies.append(Tally())
        if plan is None:
            continue
        if table.source and part != WHOLE:
            n_before = table.source.go_to(part.start)
            n_to = None if part.n_rows is None else n_before + part.n_rows
            table.rows = islice(table.rows, n_before, n_to)
        yield from feedback_items(
            table, plan.mapping, plan.formats, ZoneInfo(timezone), tallies[-1]
        )


def tell_problems(file: InputFile, planned: FilePlan, tallies: Sequence[Tally], warn: Warn) -> None:
    """Tell what could not be read of the values of a file.

    :param tallies: of its tables.
    """
    for plan, tally in zip(planned.plans, tallies, strict=False):
        for problem in list_value_problems(plan, tally) if plan else ():
            warn(f"{file.name}: {problem}")


def read_customers(
    file: InputFile, pairs: Sequence[str], *, timezone: str, warn: Warn
) -> Iterator[CustomerRecord | BadRow]:
    """Every customer of a file, or the row as bad; raises as :func:`read_feedback`."""
    yield from _read(file, pairs, "customers", customer_records, timezone, warn)


def read_events(
    file: InputFile, pairs: Sequence[str], *, timezone: str, warn: Warn
) -> Iterator[EventRecord | BadRow]:
    """Every event of a file, or the row as bad; raises as :func:`read_feedback`."""
    yield from _read(file, pairs, "events", event_records, timezone, warn)


def guess_kind(file: InputFile) -> str:
    """What most rows of a file look like: feedback, customers, events, unknown or NO_TABLE.

    :raises InputError: when the file cannot be read.
    """
    sizes: dict[str, int] = {}
    for table in open_tables(file):
        sample = sample_table(table)
        kind = plan_table(sample).kind.kind
        sizes[kind] = sizes.get(kind, 0) + sample.n_rows
    return max(sizes, key=lambda kind: (kind in _SETTINGS, sizes[kind], kind), default="unknown")


def _read(
    file: InputFile,
    pairs: Sequence[str],
    kind: str,
    make_records: Callable[..., Iterator[Any]],
    timezone: str,
    warn: Warn,
) -> Iterator[Any]:
    samples = [sample_table(table) for table in open_tables(file)]
    plans = _plan(file, samples, pairs, kind, warn)
    if not plans:
        return
    for table, plan in zip(open_tables(file), plans, strict=True):
        if plan is None:
            continue
        for note in table.notes:
            warn(f"{file.name}: {note}")
        tally = Tally()
        yield from make_records(table, plan.mapping, plan.formats, ZoneInfo(timezone), tally)
        for problem in list_value_problems(plan, tally):
            warn(f"{file.name}: {problem}")


def _plan(
    file: InputFile, samples: Sequence[Sample], pairs: Sequence[str], kind: str, warn: Warn
) -> list[Plan | None]:
    """The plan of each table, None for those that are not read; no plans where there are no rows.

    :raises InputError: when no table can be used.
    """
    if not any(sample.n_rows or sample.n_bad for sample in samples):
        warn(f"{file.name} has a header but 0 rows; nothing was read from it")
        return []
    plans: list[Plan | None] = [*plan_tables(samples, pairs, kind)]
    if kind != "feedback" and not pairs:
        plans = _leave_others_out(file, samples, plans, kind)
    _check_usable(file, samples, plans, kind, warn)
    return [plan if plan and _is_usable(plan, kind) else None for plan in plans]


def _leave_others_out(
    file: InputFile, samples: Sequence[Sample], plans: Sequence[Plan | None], kind: str
) -> list[Plan | None]:
    """Each plan but those of tables of another kind: reviews and orders are no list of customers.

    :raises InputError: when all tables are of another kind.
    """
    guesses = [plan_table(sample).kind for sample in samples]
    others = [_is_other(guess, plan, kind) for guess, plan in zip(guesses, plans, strict=True)]
    if all(others):
        found = guesses[0]
        raise InputError(
            f"{file.name} looks like {found.kind} ({found.reason}), not like {kind}; read it "
            f"with: earful {_COMMANDS[found.kind]} {file.name} ; if it does hold {kind}, name "
            f"their columns with --map {_SETTINGS[kind]}"
        )
    return [None if other else plan for other, plan in zip(others, plans, strict=True)]


def _is_other(guess: KindGuess, plan: Plan | None, kind: str) -> bool:
    """Tell whether a table is surely not of the kind that the command says.

    What looks like customers may be events, one of each: their kind or an amount says so.
    """
    if (
        guess.kind == "customers"
        and plan is not None
        and {"kind", "amount"} & {*plan.mapping.columns}
    ):
        return False
    return guess.kind in _COMMANDS and guess.kind != kind


def _check_usable(
    file: InputFile, samples: Sequence[Sample], plans: Sequence[Plan | None], kind: str, warn: Warn
) -> None:
    n_other = sum(plan is None or not _is_usable(plan, kind) for plan in plans)
    if n_other == len(plans):
        raise InputError(_describe_unusable(file, samples, kind))
    if n_other:
        warn(f"{file.name}: {n_other} of {len(plans)} sheets hold no {kind} and are not read")


def _is_usable(plan: Plan, kind: str) -> bool:
    if kind == "feedback":
        return bool(plan.mapping.texts)
    has_person = any(key in plan.mapping.columns for key in _KEYS)
    return has_person and (kind == "customers" or "at" in plan.mapping.columns)


def _describe_unusable(file: InputFile, samples: Sequence[Sample], kind: str) -> str:
    columns = [column for sample in samples for column in sample.columns]
    what = {"feedback": "feedback text", "customers": "a customer's key"}.get(
        kind, "both a customer and a date"
    )
    return (
        f"{file.name}: no column looks like {what}; name it with --map {_SETTINGS[kind]}. "
        f"There are: {list_names(columns, 20)}"
    )
