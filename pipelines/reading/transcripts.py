"""Transcripts of conversations (VTT, SRT, speaker-labelled text): each turn is a row."""

import io
import re
from collections.abc import Generator, Iterable, Iterator
from dataclasses import dataclass, field

from pipelines.reading.encodings import detect_encoding, read_head
from pipelines.reading.layouts import load_layouts
from pipelines.reading.replies import is_known_speaker
from pipelines.reading.streams import InputFile
from pipelines.reading.tables import MAX_CELL_CHARS, BadRow, Row, Table, make_bad_row

COLUMNS = ("conversation", "speaker", "start", "end", "utterance")
# Of chats, whose lines are stamped with a day and a time.
DATED_COLUMNS = (*COLUMNS, "date")
_LAYOUT = "transcripts"
_HEAD_CHARS = 2**15
# A talk with fewer lines is one only if somebody in it is by name the company's.
_MIN_LINES = 4
_MIN_SHARE = 0.6
# So many of the lines are of speakers who speak again: of four lines those of an agent.
_MIN_AGAIN = 0.5
_CLOCK = r"(?:\d{1,3}:)?\d{1,2}:\d{2}(?:[.,]\d{1,3})?"
_TIMES = re.compile(rf"\s*({_CLOCK})\s*-->\s*({_CLOCK})")
# `Agent:`, `[00:12] Dana Levi:`, `00:12 - AGENT (Support):`, `(00:12) Speaker 1:`
_LABEL = re.compile(
    rf"[\[(]?(?P<start>{_CLOCK})?[\])]?\s*+[-–]?\s*+(?P<speaker>[^\W_][^:<>\[\]\n]{{0,40}}?)\s*"
    rf"(?:[\[(](?P<later>{_CLOCK})[\])])?\s*+[:：](?!//)\s*+"
)
# `[12/10/2026, 09:15:22] `, `12.10.26, 9:15 PM - ` (WhatsApp), `2026-10-12 09:15 `
_STAMP = re.compile(
    r"[\[(]?(?P<stamp>(?P<day>\d{1,4}[./-]\d{1,2}[./-]\d{1,4}),?\s+\d{1,2}:\d{2}(?::\d{2})?"
    r"(?:\s?[AaPp]\.?[Mm]\.?)?)[\])]?\s*+[-–]?\s*+"
)
_BLANK = "\ufeff\u200e\u200f\r\n\t "
_LABEL_CHARS = 200
# "P1 (Anna)" is P1 the next time.
_ASIDE = re.compile(r"\s*\(.*")
_VOICE = re.compile(r"<v(?:\.[^\s>]{0,80})?\s{1,20}([^>]{1,80})>")
_TAG = re.compile(r"</?[a-zA-Z0-9.]{1,20}(?:\s[^<>]{0,80})?>")
_MAX_LINE_CHARS = 2**20


@dataclass(slots=True)
class _Turn:
    """What one speaker says at a stretch, on one day.

    :param stamp: day and time, of a chat whose lines have these.
    """

    number: int
    speaker: str = ""
    start: str = ""
    end: str = ""
    said: list[str] = field(default_factory=list)
    stamp: str = ""
    day: str = ""


def open_transcript(file: InputFile, encoding: str | None = None) -> Table | None:
    """Open a transcript; None where a text is none: where most lines name no speaker.

    Consecutive cues and lines of one speaker are one turn. A line that names no speaker goes on
    with the turn before; above the first speaker of labelled text it is a title, and no turn. Nor
    is a line of a chat that has a day and a time and no speaker ("Dana joined").
    """
    with file.open() as stream:
        name = encoding or detect_encoding(stream).name
    with file.open() as stream:
        head = read_head(io.TextIOWrapper(stream, name, errors="replace"), _HEAD_CHARS)
    is_timed = file.ending in ("vtt", "srt") or head.lstrip("\ufeff").startswith("WEBVTT")
    if not is_timed and not is_labelled(head):
        return None
    rows = _read_turns(file, name, is_timed=is_timed)
    is_dated = not is_timed and any(_STAMP.match(line.strip(_BLANK)) for line in head.split("\n"))
    columns = DATED_COLUMNS if is_dated else COLUMNS
    return Table(file.name, list(columns), rows, "transcript", encoding=name)


def is_labelled(text: str) -> bool:
    """Tell whether most lines of a text begin with one of a few speakers' names.

    Of two or three lines, whether all do, and the company's side is known by its name.
    """
    lines = [_cut_stamp(line) for line in text.strip("\ufeff\n").split("\n")[:200] if line.strip()]
    found = [match for line in lines if (match := _LABEL.match(line[:_LABEL_CHARS]))]
    speakers = [_ASIDE.sub("", match["speaker"]).casefold() for match in found]
    n_again = sum(speakers.count(speaker) > 1 for speaker in speakers)
    if len(lines) < _MIN_LINES:
        return len(found) == len(lines) and len({*speakers}) >= 2 and _knows_any(speakers)
    return (
        len(found) >= _MIN_SHARE * len(lines)
        and len({*speakers}) >= 2
        and n_again >= _MIN_AGAIN * len(speakers)
    )


def _cut_stamp(line: str) -> str:
    plain = line.strip(_BLANK)
    stamp = _STAMP.match(plain)
    return plain[stamp.end() :].lstrip(_BLANK) if stamp else plain


def _knows_any(speakers: Iterable[str]) -> bool:
    """Whether one of them is by name the company's."""
    rules = [layout.replies for layout in load_layouts() if layout.id == _LAYOUT]
    return any(is_known_speaker(speaker, rule) for speaker in speakers for rule in rules if rule)


def _read_turns(file: InputFile, encoding: str, *, is_timed: bool) -> Iterator[Row | BadRow]:
    with file.open() as stream:
        text = io.TextIOWrapper(stream, encoding, errors="replace")
        lines = iter(lambda: text.readline(_MAX_LINE_CHARS), "")
        turns = _read_cues(lines) if is_timed else _read_lines(lines)
        for turn in _join_turns(turns):
            is_title = not is_timed and not turn.speaker
            yield _reject_title(turn) if is_title else _make_row(turn, file.name)


def _reject_title(turn: _Turn) -> BadRow:
    return make_bad_row(turn.number, "not_a_record", " ".join(turn.said))


def _make_row(turn: _Turn, conversation: str) -> Row | BadRow:
    said = " ".join(filter(None, turn.said))
    if len(said) > MAX_CELL_CHARS:
        return make_bad_row(turn.number, "cell_too_long", said)
    cells = (conversation, turn.speaker, turn.start, turn.end, said, turn.stamp)
    columns = DATED_COLUMNS if turn.stamp else COLUMNS
    return Row(turn.number, dict(zip(columns, cells, strict=False)), "\ufffd" in said)


def _join_turns(turns: Iterable[_Turn]) -> Iterator[_Turn]:
    held: _Turn | None = None
    n_chars = 0
    for turn in turns:
        goes_on = held is not None and _goes_on(held, turn)
        n_chars += sum(map(len, turn.said))
        if held is not None and goes_on and n_chars <= MAX_CELL_CHARS:
            held.said += turn.said
            held.end = turn.end or held.end
            continue
        if held is not None:
            yield held
        held, n_chars = turn, sum(map(len, turn.said))
    if held is not None:
        yield held


def _goes_on(held: _Turn, turn: _Turn) -> bool:
    """Whether a turn is said by who spoke before; of a chat, on the same day."""
    if turn.stamp:
        return bool(turn.speaker) and (turn.speaker, turn.day) == (held.speaker, held.day)
    return turn.speaker in ("", held.speaker)


def _read_lines(lines: Iterable[str]) -> Iterator[_Turn]:
    for number, line in enumerate(lines, 1):
        plain = line.strip(_BLANK)
        if not plain:
            continue
        stamp = _STAMP.match(plain)
        said = plain[stamp.end() :].lstrip(_BLANK) if stamp else plain
        told = {"stamp": stamp["stamp"], "day": stamp["day"]} if stamp else {}
        match = _LABEL.match(said[:_LABEL_CHARS])
        if match is None:
            yield _Turn(number, said=[said], **told)
        else:
            start = match["start"] or match["later"] or ""
            yield _Turn(number, match["speaker"].strip(), start, said=[said[match.end() :]], **told)


def _read_cues(lines: Iterable[str]) -> Iterator[_Turn]:
    """The cues of VTT and SRT; notes, styles and names of cues are no turns."""
    turn: _Turn | None = None
    for number, line in enumerate(lines, 1):
        plain = line.strip("\ufeff\r\n\t ")
        times = _TIMES.match(plain)
        if times is not None:
            if turn is not None:
                yield turn
            turn = _Turn(number, start=times[1], end=times[2])
        elif not plain:
            if turn is not None:
                yield turn
            turn = None
        elif turn is not None:
            turn = yield from _add_line(turn, plain)
    if turn is not None:
        yield turn


def _add_line(turn: _Turn, line: str) -> Generator[_Turn, None, _Turn]:
    voice = _VOICE.search(line)
    said = _TAG.sub("", _VOICE.sub("", line)).strip()
    label = None if voice else _LABEL.match(said[:_LABEL_CHARS])
    speaker = voice[1].strip() if voice else label["speaker"].strip() if label else ""
    if speaker and turn.said:
        yield turn
        turn = _Turn(turn.number, start=turn.start, end=turn.end)
    turn.speaker = speaker or turn.speaker
    turn.said.append(said[label.end() :] if label else said)
    return turn
