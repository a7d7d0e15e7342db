"""What the company says in a conversation: kept beside the customer's turn, never as feedback."""

import itertools
from collections.abc import Iterator
from dataclasses import dataclass, field, replace

from pipelines.reading.layout_parts import Match, Replies
from pipelines.reading.matching import find_name, get_value, reject_row, says
from pipelines.reading.tables import BadRow, Row, Table

REPLY = "company reply"
"""Column of what the company said after a row."""
QUESTION = "moderator asked"
"""Column of what a moderator asked before a row."""
BEFORE = "company said before"
"""Column of what the company said before the first row of a conversation."""
MAX_SAID_CHARS = 20_000
_MAX_WAITING = 1_000
_N_LISTENED = 500


def note_speakers(table: Table, rule: Replies) -> None:
    """Note where no speaker is known to be the company's: then all turns count as customers'."""
    if not rule.has:
        return
    first = list(itertools.islice(table.rows, _N_LISTENED))
    table.rows = itertools.chain(first, table.rows)
    told = (get_value(str(rule.column), row.values) for row in first if isinstance(row, Row))
    speakers = {speaker.strip().casefold() for speaker in told} - {""}
    if len(speakers) > 1 and not any(is_known_speaker(speaker, rule) for speaker in speakers):
        table.notes.append(
            f"none of the {len(speakers)} speakers is known to be the company's: all of them are "
            "read as customers. Name its own, such as Agent or Moderator"
        )


def is_known_speaker(speaker: str, rule: Replies) -> bool:
    """Tell whether a speaker is the company's, or asks for it."""
    return says(speaker, Match(column=rule.column, has=(*rule.has, *rule.asks)))


def attach_replies(
    rows: Iterator[Row | BadRow], rule: Replies, personal: frozenset[str]
) -> Iterator[Row | BadRow]:
    """Hold each row of a customer until what the company says to it has been read.

    What a moderator asks is the question of all rows up to the next one. Rows of the company that
    no customer's row stands beside are rejected as `company_only`.
    """
    talk = _Talk(rule)
    asking = Match(column=rule.column, has=rule.asks)
    for row in rows:
        if isinstance(row, BadRow):
            yield row
            continue
        if talk.is_over(row):
            yield from talk.finish(personal)
            talk = _Talk(rule, thread=_thread_of(row, rule))
        speaker = get_value(str(rule.column), row.values)
        if says(speaker, asking):
            yield from talk.ask(row)
        elif says(speaker, rule):
            yield from talk.reply(row, personal)
            if rule.keeps and get_value(rule.keeps, row.values).strip():
                yield from talk.speak(_leave_words(row, rule, personal))
        else:
            yield from talk.speak(row)
    yield from talk.finish(personal)


@dataclass(slots=True)
class _Talk:
    """One conversation, so far as it has been read."""

    rule: Replies
    thread: str | None = None
    held: Row | None = None
    waiting: list[Row] = field(default_factory=list)
    asked: str = ""

    def is_over(self, row: Row) -> bool:
        """Tell whether a row belongs to another conversation."""
        return _thread_of(row, self.rule) != self.thread

    def ask(self, row: Row) -> Iterator[Row]:
        """A moderator's turn."""
        if self.held is not None:
            yield self.held
            self.held, self.asked = None, ""
        self.asked = _join(self.asked, self._text(row))
        self.waiting.append(row)

    def reply(self, row: Row, personal: frozenset[str]) -> Iterator[BadRow]:
        """A turn of the company."""
        if self.held is not None:
            self.held = _add(self.held, REPLY, self._text(row))
            return
        self.waiting.append(row)
        if len(self.waiting) > _MAX_WAITING:
            yield reject_row(self.waiting.pop(0), "company_only", personal)

    def speak(self, row: Row) -> Iterator[Row]:
        """A turn of a customer."""
        if self.held is not None:
            yield self.held
        for each in self.waiting if not self.asked else ():
            row = _add(row, BEFORE, self._text(each))
        if self.asked:
            row = _add(row, QUESTION, self.asked)
        self.held, self.waiting = row, []

    def finish(self, personal: frozenset[str]) -> Iterator[Row | BadRow]:
        """Give up what is held, at the end of the conversation."""
        if self.held is not None:
            yield self.held
        yield from (reject_row(each, "company_only", personal) for each in self.waiting)

    def _text(self, row: Row) -> str:
        return get_value(self.rule.text, row.values)


def _leave_words(row: Row, rule: Replies, personal: frozenset[str]) -> Row:
    """A company's row with nothing of the company but what a customer said in it."""
    gone = personal | {find_name(str(name), row.values) for name in (rule.text, rule.column)}
    return replace(row, values={name: row.values[name] for name in row.values if name not in gone})


def _thread_of(row: Row, rule: Replies) -> str | None:
    return get_value(rule.thread, row.values) if rule.thread else None


def _add(row: Row, column: str, text: str) -> Row:
    return replace(row, values={**row.values, column: _join(row.values.get(column, ""), text)})


def _join(before: str, text: str) -> str:
    return "\n".join(filter(None, (before, text.strip())))[:MAX_SAID_CHARS]
