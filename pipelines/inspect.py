"""What would be read from files: layout, roles, sample rows and problems. Writes nothing."""

from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import UTC, tzinfo

from pipelines.errors import InputError
from pipelines.reading.evidence import Evidence
from pipelines.reading.fields import Tally, Value
from pipelines.reading.files import find_files
from pipelines.reading.kinds import NO_TABLE
from pipelines.reading.opening import open_tables
from pipelines.reading.plans import Plan, plan_table, plan_tables
from pipelines.reading.records import customer_records, event_records, feedback_items
from pipelines.reading.roles import DISTINCT_SHARE, ROUNDED_SHARE
from pipelines.reading.sampling import Sample, sample_table
from pipelines.reading.streams import InputFile
from pipelines.reading.tables import REASONS, BadRow, Table

N_SAMPLE_ROWS = 5
_MAX_NAMED = 3


@dataclass(frozen=True, slots=True)
class ColumnReport:
    """One column: its role, if any, and why it was given that."""

    name: str
    role: str | None
    why: str


@dataclass(slots=True)
class Inspection:
    """What one table would give.

    :param layout: the known layout that it has, and why; None for others.
    :param n_rows: all records of the table, usable or not.
    :param n_items: feedback items, customers or events that the rows would become.
    :param sample_rows: up to five rows as read: they hold personal data, mask before showing.
    :param rejected: rows by reason.
    :param problems: what a person should know, without any of the customers' words.
    """

    file: str
    sheet: str | None
    kind: str
    kind_reason: str
    format: str
    encoding: str | None
    delimiter: str | None
    columns: list[ColumnReport]
    sample_rows: list[dict[str, str]]
    n_rows: int
    n_items: int
    rejected: dict[str, int] = field(default_factory=dict)
    problems: list[str] = field(default_factory=list)
    layout: str | None = None
    layout_reason: str | None = None


def inspect_paths(
    paths: Sequence[str],
    pairs: Sequence[str] = (),
    zone: tzinfo = UTC,
    kind: str | None = None,
) -> list[Inspection]:
    """Inspect every table of every file that the paths name.

    :raises InputError: where a path cannot be read.
    :raises ConfigError: where `pairs` name a column that no table has, or an unknown role.
    """
    return inspect_files(find_files(paths), pairs, zone, kind)


def inspect_files(
    files: Sequence[InputFile],
    pairs: Sequence[str] = (),
    zone: tzinfo = UTC,
    kind: str | None = None,
    bad: list[InputError] | None = None,
) -> list[Inspection]:
    """Inspect every table of some files; raises as :func:`inspect_paths`.

    :param bad: takes the errors of files that cannot be read; None raises the first.
    """
    found: list[Inspection] = []
    for file in files:
        try:
            found += _inspect_file(file, pairs, zone, kind)
        except InputError as error:
            if bad is None:
                raise
            bad.append(error)
    return found


def _inspect_file(
    file: InputFile, pairs: Sequence[str], zone: tzinfo, kind: str | None
) -> list[Inspection]:
    samples = [sample_table(table) for table in open_tables(file)]
    plans = plan_tables(samples, pairs, kind)
    return [
        _inspect_table(table, sample, plan or plan_table(sample, (), kind), zone)
        for table, sample, plan in zip(open_tables(file), samples, plans, strict=True)
    ]


def _inspect_table(table: Table, sample: Sample, plan: Plan, zone: tzinfo) -> Inspection:
    tally = Tally()
    rejected: dict[str, int] = {}
    readers = {"customers": customer_records, "events": event_records}
    read = readers.get(plan.kind.kind, feedback_items)
    for item in read(table, plan.mapping, plan.formats, zone, tally):
        if isinstance(item, BadRow):
            rejected[item.reason] = rejected.get(item.reason, 0) + 1
    return Inspection(
        file=table.file,
        sheet=table.sheet,
        kind=plan.kind.kind,
        kind_reason=plan.kind.reason,
        format=table.format,
        encoding=table.encoding,
        delimiter=table.delimiter,
        columns=_report_columns(sample, plan),
        sample_rows=sample.rows[:N_SAMPLE_ROWS],
        n_rows=tally.n_rows,
        n_items=tally.n_items,
        rejected=dict(sorted(rejected.items())),
        problems=[*table.notes, *_list_problems(plan, tally, rejected)],
        layout=table.recognised.layout.name if table.recognised else None,
        layout_reason=table.recognised.explain() if table.recognised else None,
    )


def _report_columns(sample: Sample, plan: Plan) -> list[ColumnReport]:
    told = {
        column: f"what people allow: {consent.key}"
        for column, consent in plan.formats.consents.items()
    }
    reasons = {**told, **plan.mapping.reasons}
    return [
        ColumnReport(
            column, plan.mapping.role_of(column), reasons.get(column, "kept as an attribute")
        )
        for column in sample.columns
    ]


def _list_problems(plan: Plan, tally: Tally, rejected: dict[str, int]) -> list[str]:
    if not tally.n_rows:
        return ["it has a header but 0 rows"]
    problems = [
        f"{n:,} of {tally.n_rows:,} rows: {REASONS[reason]} ({reason})"
        for reason, n in sorted(rejected.items())
    ]
    if plan.kind.kind == NO_TABLE:
        problems.append("it is not read unless the text is named with --map text=COLUMN")
    elif plan.kind.kind in ("feedback", "unknown") and not plan.mapping.texts:
        problems.append("no column holds feedback; name it with --map text=COLUMN")
    return problems + list_value_problems(plan, tally)


def list_value_problems(plan: Plan, tally: Tally) -> list[str]:
    """Say what could not be read in rows that were kept, and what was decided by default."""
    problems = []
    if plan.formats.dates.is_ambiguous:
        first = "the month" if plan.formats.dates.order == "mdy" else "the day"
        problems.append(f"dates such as 3/4/2024 are read with {first} first: nothing settles it")
    problems += _list_unread_values(plan, tally)
    for n, what in (
        (
            tally.n_unclear_consents,
            "an answer about consent that is neither yes nor no: nothing said, or no to quoting",
        ),
        (
            tally.n_lost_bytes,
            "bytes that could not be decoded, here or before; they stand as \ufffd",
        ),
        (tally.n_control_chars, "control characters (NUL, ESC ...) in the text; they are dropped"),
    ):
        if n:
            problems.append(f"{n:,} of {tally.n_rows:,} rows have {what}")
    return [
        *problems,
        *_list_unread(plan),
        *_list_unfit_ids(plan),
        *_list_unanswered(plan),
        *_list_rival_ratings(plan),
    ]


def _list_rival_ratings(plan: Plan) -> list[str]:
    """Say that no rating was taken, where several might be it."""
    rivals = plan.rival_ratings
    if not rivals:
        return []
    named = ", ".join(f'"{column}"' for column in rivals[:_MAX_NAMED])
    more = f" and {len(rivals) - _MAX_NAMED:,} more" if len(rivals) > _MAX_NAMED else ""
    told = (
        f"{len(rivals):,} columns hold ratings of one thing each ({named}{more}): none is taken "
        "for the rating of all, and they are kept as attributes. Say which with --map "
        f'rating="{rivals[0]}"'
    )
    return [told]


def _list_unanswered(plan: Plan) -> list[str]:
    """Say which columns are named like consent, and are none."""
    return [
        f'column "{column}" is named like consent, but most of what it holds is neither a yes nor '
        "a no: it is kept as an attribute, and allows and refuses nothing"
        for column in plan.formats.unanswered
    ]


def _list_unread_values(plan: Plan, tally: Tally) -> list[str]:
    """Say which cells to mend. An event without a date is rejected, which is told as such."""
    return [
        f"{each.n:,} of {tally.n_rows:,} rows have {_describe(each.what, plan)} in "
        f'column "{column}" (first: row {each.first_row:,}); they are kept without it, and what '
        "stands there as an attribute. Mend these cells and read the file again, or say which "
        f"column it is with --map {each.role}=COLUMN"
        for column, each in tally.unread.items()
        if (plan.kind.kind, each.what) != ("events", "date")
    ]


def _describe(what: Value, plan: Plan) -> str:
    top = plan.formats.rating_max
    beyond = f" or lies outside 0 to {top:g}" if what == "rating" and top else ""
    return f"{'an' if what == 'amount' else 'a'} {what} that cannot be read{beyond}"


def _list_unfit_ids(plan: Plan) -> list[str]:
    """Say that rows are told apart by their content, though a column is named like their id."""
    return [
        f'column "{column}" is named like an id, but {_describe_unfit(column, found)}. Until then '
        "rows are told apart by their content: one that is edited comes in as another"
        for column, found in plan.unfit_ids.items()
    ]


def _describe_unfit(column: str, found: Evidence) -> str:
    if found.rounded >= ROUNDED_SHARE:
        return "a spreadsheet rounded its numbers (5.70306E+17): export it as text"
    if found.distinct >= DISTINCT_SHARE:
        return f'holds words or dates: if it is one, say so with --map id="{column}"'
    return (
        f"in the sample {found.n_filled - found.n_distinct:,} of {found.n_filled:,} values repeat "
        f'another: where these are versions of one feedback, say so with --map id="{column}"'
    )


def _list_unread(plan: Plan) -> list[str]:
    """Say which columns may hold opinions but are not read as such, and how they would be."""
    return [
        f'column "{column}" asks a question, but its answers repeat (in the sample '
        f"{found.n_distinct:,} distinct of {found.n_filled:,}): it is kept as an attribute. "
        "Where they are opinions, have them read with: "
        + " ".join(f'--map text="{text}"' for text in (*plan.mapping.texts, column))
        for column, found in plan.unread.items()
    ]
