"""Labelled rows from an analyst's file: which columns hold text, label and language."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from pipelines.errors import ConfigError, InputError
from pipelines.evaluation.labels import Task
from pipelines.folding import fold_name
from pipelines.reading.files import find_files
from pipelines.reading.mapping import describe_unknown, find_column, list_names
from pipelines.reading.opening import open_tables
from pipelines.reading.plans import plan_table
from pipelines.reading.sampling import Sample, sample_table
from pipelines.reading.streams import InputFile
from pipelines.reading.tables import BadRow
from pipelines.resources import load_config


@dataclass(frozen=True)
class Columns:
    """Columns by what they hold; each may be None where it is to be recognised."""

    text: str | None = None
    label: str | None = None
    lang: str | None = None


@dataclass(frozen=True)
class Source:
    """One table with labelled rows.

    :param position: of the table in its file.
    :param label: empty where there is none; only themes can be measured without.
    """

    file: InputFile
    position: int
    text: str
    label: str
    lang: str | None


@dataclass(frozen=True, slots=True)
class LabelledRow:
    """One row as written; text and label may be empty."""

    file: str
    number: int
    text: str
    label: str
    lang: str


def find_sources(path: str, columns: Columns, task: Task) -> list[Source]:
    """Find the tables that hold labelled rows.

    :raises InputError: when the file cannot be read, or has no rows.
    :raises ConfigError: when no table has the columns; says which there are.
    """
    found: list[Source] = []
    mistakes: list[ConfigError] = []
    for file in find_files([path]):
        for position, sample in enumerate(map(sample_table, open_tables(file))):
            if not sample.n_rows:
                continue
            try:
                found.append(_choose_columns(file, position, sample, columns, task))
            except ConfigError as error:
                mistakes.append(error)
    if not found:
        raise mistakes[0] if mistakes else InputError(f"{path} has no rows")
    return found


def read_rows(sources: Sequence[Source]) -> Iterator[LabelledRow | BadRow]:
    """Read the rows of all tables, in order.

    :raises InputError: when a file cannot be read.
    """
    for source in sources:
        for position, table in enumerate(open_tables(source.file)):
            if position != source.position:
                continue
            for row in table.rows:
                if isinstance(row, BadRow):
                    yield row
                    continue
                get = row.values.get
                lang = get(source.lang, "").strip() if source.lang else ""
                text = get(source.text, "")
                label = get(source.label, "").strip() if source.label else ""
                yield LabelledRow(source.file.name, row.number, text, label, lang)


def _choose_columns(
    file: InputFile, position: int, sample: Sample, columns: Columns, task: Task
) -> Source:
    given = {
        name: _find(value, name, sample)
        for name, value in (("text", columns.text), ("label", columns.label))
        if value is not None
    }
    label = given.get("label") or _recognise_label(sample, task, given.get("text"))
    mapping = plan_table(sample, (), "feedback").mapping
    texts = [column for column in mapping.texts if column != label]
    if "text" not in given and len(texts) != 1:
        what = f"{len(texts)} columns look" if texts else "no column looks"
        raise ConfigError(
            f"{sample.place}: {what} like text; name one with --text COLUMN. "
            f"There are: {list_names(sample.columns, 40)}"
        )
    lang = _find(columns.lang, "lang", sample) if columns.lang else mapping.columns.get("lang")
    text = given.get("text") or texts[0]
    return Source(file, position, text, label, lang if lang != label else None)


def _find(name: str, option: str, sample: Sample) -> str:
    column = find_column(name, sample.columns)
    if column is None:
        raise ConfigError(
            f"{sample.place}: --{option}: {describe_unknown('column', name, sample.columns)}"
        )
    return column


def _recognise_label(sample: Sample, task: Task, text: str | None) -> str:
    by_name = {fold_name(column): column for column in sample.columns if column != text}
    for name in load_config("evaluate.toml")[task.value]["names"]:
        if column := by_name.get(fold_name(name)):
            return column
    if task is Task.THEMES:
        return ""
    raise ConfigError(
        f"{sample.place}: no column looks like labels for --task {task}; name it with "
        f"--label COLUMN. There are: {list_names(sample.columns, 40)}"
    )
