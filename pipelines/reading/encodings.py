"""The character encoding of a byte stream, decided from bytes and never from the file's name."""

import codecs
import io
import re
from dataclasses import dataclass, field
from functools import partial

from pipelines.errors import InputError

SCAN_BYTES = 64 * 2**20
_BLOCK_BYTES = 2**20
_SAMPLE_BYTES = 2**16
MAX_STRAY_BYTES = 2
"""So many invalid bytes in a file do not make it a legacy one: a broken copy is likelier."""
_BOMS = (
    (codecs.BOM_UTF8, "utf-8-sig"),
    (codecs.BOM_UTF32_LE, "utf-32"),
    (codecs.BOM_UTF32_BE, "utf-32"),
    (codecs.BOM_UTF16_LE, "utf-16"),
    (codecs.BOM_UTF16_BE, "utf-16"),
)
# Tried for bytes that are not Unicode; the order settles ties.
_LEGACY = (
    *("cp1252", "cp1255", "cp1256", "cp1251", "cp1250", "cp1253", "cp1254", "cp1257", "cp1258"),
    *("cp874", "koi8_r", "mac_roman", "cp949", "big5", "gb18030", "shift_jis", "euc_jp"),
)


@dataclass(frozen=True, slots=True)
class Encoding:
    """How to decode a file.

    :param name: a Python codec name.
    :param n_invalid: byte sequences met in the scan that the codec cannot decode.
    :param first_invalid: 1-based line of the first of them; 0 where there is none.
    :param is_certain: False where a statistical guess had to be made.
    """

    name: str
    n_invalid: int = 0
    first_invalid: int = 0
    is_certain: bool = True

    def list_notes(self) -> list[str]:
        """What a person should know about it."""
        notes = []
        if self.n_invalid:
            what = "sequence is" if self.n_invalid == 1 else "sequences are"
            notes.append(
                f"{self.n_invalid:,} byte {what} not valid {self.name} "
                f"(first: line {self.first_invalid:,}) and read as \ufffd"
            )
        if not self.is_certain:
            notes.append(
                f"the encoding is a guess ({self.name}); where letters look wrong in earful "
                "inspect, save the file as UTF-8 and read that"
            )
        return notes


def detect_encoding(stream: io.BufferedReader) -> Encoding:
    """Decide the encoding from the first 64 MiB.

    A byte order mark decides; then the pattern of NUL bytes that UTF-16 leaves; then UTF-8, also
    with some invalid sequences as long as valid ones are at least as many, or they are one or two
    stray bytes of a whole file; only then a guess among the legacy encodings, made on the lines
    that are not plain ASCII.
    """
    head = _read_block(stream, is_first=True)
    for bom, name in _BOMS:
        if head.startswith(bom):
            return Encoding(name)
    wide = _detect_utf16(head)
    if wide is not None:
        return Encoding(wide)
    scan = _scan_utf8(stream, head)
    if scan.n_valid >= scan.n_invalid or _is_stray(scan):
        return Encoding("utf-8", scan.n_invalid, scan.first_invalid)
    return Encoding(_guess_legacy(bytes(scan.sample)), is_certain=False)


def _is_stray(scan: "_Scan") -> bool:
    r"""Tell whether the invalid bytes are too few to say anything: at most two, apart.

    Unless each ends or continues a word of Western Europe, as in "caf\xe9" and "don\x92t".
    """
    rest = re.sub(rb"[\xc2-\xf4][\x80-\xbf]+", b" ", scan.sample)
    is_pair = re.search(rb"[\x80-\xff]{2}", rest) is not None
    is_few = scan.n_invalid <= MAX_STRAY_BYTES and not is_pair
    text = bytes(scan.sample).decode("cp1252", errors="replace")
    is_spelt = all(_WESTERN_INSIDE.match(text, match.start()) for match in _MARK.finditer(text))
    return is_few and not is_spelt


def _read_block(stream: io.BufferedReader, *, is_first: bool = False) -> bytes:
    # A damaged end is told when the rows are read: those before it are still worth having.
    block = b""
    try:
        while len(block) < _BLOCK_BYTES and (more := stream.read1(_BLOCK_BYTES - len(block))):
            block += more
    except InputError:
        if is_first and not block:
            raise
    return block


def read_head(text: io.TextIOWrapper, n_chars: int) -> str:
    """Read the first characters, or as many as a damaged stream gives.

    :raises InputError: where the stream gives none.
    """
    head = ""
    try:
        while len(head) < n_chars and (more := text.read(min(n_chars - len(head), 2**13))):
            head += more
    except InputError:
        if not head:
            raise
    return head


def _detect_utf16(head: bytes) -> str | None:
    pairs = len(head) // 2
    if pairs < 2:
        return None
    low = head[0 : 2 * pairs : 2].count(0)
    high = head[1 : 2 * pairs : 2].count(0)
    # Even all-Hebrew or all-Arabic exports have ASCII separators, digits and line ends.
    for parity, n_zero, n_other, name in ((1, high, low, "utf-16-le"), (0, low, high, "utf-16-be")):
        if n_zero >= 0.03 * pairs and 10 * n_other <= n_zero:
            text = head[: 2 * pairs].decode(name, errors="replace")
            n_control = sum(head[parity : 2 * pairs : 2].count(byte) for byte in range(8))
            # A stray NUL in UTF-8 must not decide: control bytes fill every second place of
            # UTF-16 that happens to be valid UTF-8.
            is_wide = n_control >= 0.5 * pairs or not _is_utf8(head)
            if text.count("\ufffd") <= 0.01 * pairs and is_wide:
                return name
    return None


def _is_utf8(head: bytes) -> bool:
    try:
        head[:-4].decode("utf-8")  # the last character may be cut
    except UnicodeDecodeError:
        return False
    return True


@dataclass(slots=True)
class _Scan:
    """What reading a stream as UTF-8 met; sample holds lines that are not plain ASCII."""

    n_valid: int = 0
    n_invalid: int = 0
    first_invalid: int = 0
    sample: bytearray = field(default_factory=bytearray)


def _scan_utf8(stream: io.BufferedReader, head: bytes) -> _Scan:
    decoder = codecs.getincrementaldecoder("utf-8")(errors="replace")
    scan = _Scan()
    n_read = n_lines = 0
    block = head
    while block:
        n_read += len(block)
        pending = decoder.getstate()[0]
        if pending or not block.isascii():
            lost = decoder.decode(block).count("\ufffd") - block.count(b"\xef\xbf\xbd")
            if lost > 0 and not scan.n_invalid:
                scan.first_invalid = n_lines + _find_invalid_line(pending + block)
            scan.n_invalid += max(lost, 0)
            scan.n_valid += len(re.findall(rb"[\xc2-\xf4][\x80-\xbf]", block))
            if len(scan.sample) < _SAMPLE_BYTES:
                lines = (line for line in block.splitlines(keepends=True) if not line.isascii())
                scan.sample += b"".join(lines)[:_SAMPLE_BYTES]
        n_lines += block.count(b"\n")
        if n_read >= SCAN_BYTES:
            return scan
        block = _read_block(stream)
    if decoder.decode(b"", final=True):
        scan.first_invalid = scan.first_invalid or n_lines + 1
        scan.n_invalid += 1
    return scan


def _find_invalid_line(data: bytes) -> int:
    try:
        data.decode("utf-8")
    except UnicodeDecodeError as error:
        return data.count(b"\n", 0, error.start) + 1
    return 1


def _guess_legacy(sample: bytes) -> str:
    # charset-normalizer takes short Western, Hebrew and Japanese samples for cp1250, cp1251 and
    # cp949 (seen on samples of one or two sentences), so these three are looked at first.
    for is_fitting, name in _FIRST_GUESSES:
        if is_fitting(sample):
            return name
    from charset_normalizer import from_bytes

    best = from_bytes(sample, cp_isolation=list(_LEGACY)).best()
    return best.encoding if best is not None else "latin-1"


def _is_hebrew(sample: bytes) -> bool:
    # cp1255 letters are E0-FA, and final letters end words; Cyrillic uses the same bytes freely.
    letters = re.findall(rb"[\x80-\xff]", sample)
    hebrew = [byte for byte in letters if b"\xe0" <= byte <= b"\xfa"]
    is_final_inside = re.search(rb"[\xea\xed\xef\xf3\xf5][\xe0-\xfa]", sample)
    return len(hebrew) >= 0.9 * len(letters) and not is_final_inside


def _is_western(sample: bytes) -> bool:
    try:
        text = sample.decode("cp1252")
    except UnicodeDecodeError:
        return False
    marks = [char for char in text if not char.isascii()]
    n_runs = len(re.findall(r"[^\W\d_a-zA-Z]{3,}", text))
    return set(marks) <= _WESTERN and n_runs <= 0.05 * len(marks) and not _NOT_WESTERN.search(text)


def _is_turkish(sample: bytes) -> bool:
    text = sample.decode("cp1254", errors="replace")
    marks = {char for char in text if not char.isascii()}
    return marks <= _TURKISH and bool(marks & set("ğışĞİŞ"))


def _is_kana(sample: bytes, codec: str) -> bool:
    text = sample.decode(codec, errors="replace")
    n_wide = sum(not char.isascii() for char in text)
    n_kana = len(re.findall("[\u3041-\u3093\u30a1-\u30f6]", text))
    return n_kana >= 0.2 * n_wide and text.count("\ufffd") <= 0.01 * n_wide


_WESTERN = frozenset(
    "àáâãäåæçèéêëìíîïñòóôõöøùúûüÿßœÀÁÂÃÄÅÆÇÈÉÊËÌÍÎÏÑÒÓÔÕÖØÙÚÛÜŒ"
    "\u2018\u2019\u201c\u201d\u201e\u2013\u2014\u2026\u2022\u2122\xa0€£¥«»¿¡°§©®´·ª½¼²"
)
_TURKISH = frozenset("çğıöşüÇĞİÖŞÜâîûÂ\u2018\u2019\u201c\u201d\u2013\u2026\xa0€")
# Combinations that cp1252 shows only where the bytes were written in cp1250 (Polish, Hungarian).
_MARK = re.compile(r"[^\x00-\x7f]")
_WESTERN_INSIDE = re.compile(r"(?<=[a-zA-Z])[ßà-öø-ÿ’](?=[a-z\s.,;!?]|$)")
_NOT_WESTERN = re.compile(r"\w¿|õ(?!e)|\w[²½¼]\w")
_FIRST_GUESSES = (
    (_is_western, "cp1252"),
    (_is_hebrew, "cp1255"),
    (_is_turkish, "cp1254"),
    (partial(_is_kana, codec="shift_jis"), "cp932"),
    (partial(_is_kana, codec="euc_jp"), "euc_jp"),
)
