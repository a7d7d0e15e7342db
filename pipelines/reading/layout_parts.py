"""What a layout may say of an export beside its columns: headers, lists, rows and versions."""

from typing import Annotated

from pydantic import BaseModel, ConfigDict, Field

from nlp.noise import Reason


class LayoutPart(BaseModel):
    """What every part refuses: keys that nobody reads, and being changed."""

    model_config = ConfigDict(extra="forbid", frozen=True)


class Header(LayoutPart):
    """A header of several rows.

    :param rows: how many there are; `names` and `labels` are the ones, from 1, that name the
        columns and hold the questions.
    :param fill: the first row goes on to the right where it is blank, and the second one tells
        its columns apart, unless by one of the words of `plain`.
    :param confirm: text that the last of the rows holds; without it they are rows of data.
    :param blank_under: a column in which the rows below the first are blank; else they are data.
    :param zone: pattern whose group is the time zone of all dates, searched in the last row.
    :param closed: pattern that the last row's cells match where a column holds no free text.
    :param fields: pattern that they match where it may be a field of a form, open where its
        answers are prose.
    """

    rows: Annotated[int, Field(ge=1, le=10)] = 1
    names: Annotated[int, Field(ge=1)] = 1
    labels: int | None = None
    fill: bool = False
    plain: tuple[str, ...] = ()
    confirm: str | None = None
    blank_under: str | None = None
    zone: str | None = None
    closed: str | None = None
    fields: str | None = None


class Spread(LayoutPart):
    """A list of pairs in a JSON record that becomes columns.

    :param list: path of the list; `name` and `value` are paths in each of its items. A value
        `{path}` is found under the name that stands at that path.
    :param titles: path of a list whose items say, by `title_key`, the `title` of each name.
    """

    list: str
    name: str
    value: str
    titles: str | None = None
    title_key: str = "id"
    title: str = "title"


class Pick(LayoutPart):
    """A list in a JSON record, of which the first item whose `key` is `equals` becomes `put`.

    :param keep: keys of that item that are kept; of all items in the list `brief` is left.
    """

    list: str
    key: str
    equals: str
    put: str
    keep: tuple[str, ...]
    brief: tuple[str, ...] = ()


class Join(LayoutPart):
    """A list beside JSON records, or within one, whose item with `key` equal to `on` becomes `put`.

    :param keep: keys of the item that are kept; none named means all.
    """

    list: str
    on: str
    key: str = "id"
    put: str
    keep: tuple[str, ...] = ()


class Match(LayoutPart):
    """Rows of which a column says something.

    :param column: its name, or its place from 1; not where `unless` is filled.
    :param equals: one of these values, compared without case; "" is an empty cell.
    :param begins: or it begins so.
    :param has: or one of these stands in it as whole words.
    :param same: or it holds what this other column holds.
    """

    column: str | int
    unless: str | None = None
    same: str | None = None
    equals: tuple[str, ...] = ()
    begins: tuple[str, ...] = ()
    has: tuple[str, ...] = ()


class Skip(Match):
    """Rows that are rejected, with a reason of `pipelines.reading.tables.REASONS`."""

    reason: str


class Mark(Match):
    """Rows that are noise, with the reason that noise gives."""

    noise: Reason


class Replies(Match):
    """Rows that the company wrote: kept as the reply of the customer's row before.

    :param text: column of what is said.
    :param thread: column of the conversation; None means that the file is one.
    :param keeps: column of a customer's words that may stand in a row of the company.
    :param asks: words of speakers whose rows are the question of what follows.
    """

    text: str
    thread: str | None = None
    keeps: str | None = None
    asks: tuple[str, ...] = ()


class Continued(LayoutPart):
    """Rows with the same `by` as the row before and nothing in `blank` go on with it."""

    by: str
    blank: str


class Versions(LayoutPart):
    """A column that lists the ids of all versions of an item so far, its first one in front.

    :param epoch_ms: of ids that carry their time above 22 bits, as those of X do.
    """

    list: str
    epoch_ms: int | None = None
