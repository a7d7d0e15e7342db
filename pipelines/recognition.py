"""From a file to typed records: what its columns are is decided from a sample, or told by --map."""

from collections.abc import Callable, Iterator, Sequence
from typing import Any
from zoneinfo import ZoneInfo

from pipelines.errors import InputError
from pipelines.inspect import list_value_problems
from pipelines.reading.fields import Tally
from pipelines.reading.items import CustomerRecord, EventRecord, FeedbackItem
from pipelines.reading.kinds import KindGuess
from pipelines.reading.mapping import list_names
from pipelines.reading.opening import open_tables
from pipelines.reading.plans import Plan, plan_table, plan_tables
from pipelines.reading.records import customer_records, event_records, feedback_items
from pipelines.reading.sampling import Sample, sample_table
from pipelines.reading.streams import InputFile
from pipelines.reading.tables import BadRow

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
    if not any(sample.n_rows or sample.n_bad for sample in samples):
        warn(f"{file.name} has a header but 0 rows; nothing was read from it")
        return
    plans = plan_tables(samples, pairs, kind)
    if kind != "feedback" and not pairs:
        plans = _leave_others_out(file, samples, plans, kind)
    _check_usable(file, samples, plans, kind, warn)
    for table, plan in zip(open_tables(file), plans, strict=True):
        if plan is None or not _is_usable(plan, kind):
            continue
        for note in table.notes:
            warn(f"{file.name}: {note}")
        tally = Tally()
        yield from make_records(table, plan.mapping, plan.formats, ZoneInfo(timezone), tally)
        for problem in list_value_problems(plan, tally):
            warn(f"{file.name}: {problem}")


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
