"""The character encoding of a byte stream, decided from bytes and never from the file's name."""

import codecs
import re
from dataclasses import dataclass
from typing import BinaryIO

from pipelines.errors import InputError

SCAN_BYTES = 64 * 2**20
_BLOCK_BYTES = 2**20
_SAMPLE_BYTES = 2**16
_BOMS = (
    (codecs.BOM_UTF8, "utf-8-sig"),
    (codecs.BOM_UTF32_LE, "utf-32"),
    (codecs.BOM_UTF32_BE, "utf-32"),
    (codecs.BOM_UTF16_LE, "utf-16"),
    (codecs.BOM_UTF16_BE, "utf-16"),
)
# Tried for bytes that are not Unicode; the order settles ties.
_LEGACY = (
    "cp1252 cp1255 cp1256 cp1251 cp1250 cp1253 cp1254 cp1257 cp1258 cp874 koi8_r mac_roman "
    "cp949 big5 gb18030 shift_jis euc_jp"
).split()


@dataclass(frozen=True, slots=True)
class Encoding:
    """How to decode a file.

    :param name: a Python codec name.
    :param n_invalid: byte sequences met in the scan that the codec cannot decode.
    :param is_certain: False where a statistical guess had to be made.
    """

    name: str
    n_invalid: int = 0
    is_certain: bool = True


def detect_encoding(stream: BinaryIO) -> Encoding:
    """Decide the encoding from the first 64 MiB.

    A byte order mark decides; then the pattern of NUL bytes that UTF-16 leaves; then UTF-8, also
    with some invalid sequences as long as valid ones are at least as many; only then a guess
    among the legacy encodings, made on the lines that are not plain ASCII.
    """
    head = stream.read(_BLOCK_BYTES)
    for bom, name in _BOMS:
        if head.startswith(bom):
            return Encoding(name)
    wide = _detect_utf16(head)
    if wide is not None:
        return Encoding(wide)
    n_valid, n_invalid, sample = _scan_utf8(stream, head)
    if n_invalid == 0 or n_valid >= n_invalid:
        return Encoding("utf-8", n_invalid)
    return Encoding(_guess_legacy(bytes(sample)), is_certain=False)


def _detect_utf16(head: bytes) -> str | None:
    pairs = len(head) // 2
    if pairs < 2:
        return None
    low = head[0 : 2 * pairs : 2].count(0)
    high = head[1 : 2 * pairs : 2].count(0)
    # Even all-Hebrew or all-Arabic exports have ASCII separators, digits and line ends.
    for n_zero, n_other, name in ((high, low, "utf-16-le"), (low, high, "utf-16-be")):
        if n_zero >= 0.03 * pairs and n_other <= 0.01 * pairs:
            text = head[: 2 * pairs].decode(name, errors="replace")
            if text.count("\ufffd") <= 0.01 * pairs:
                return name
    return None


def _scan_utf8(stream: BinaryIO, head: bytes) -> tuple[int, int, bytearray]:
    decoder = codecs.getincrementaldecoder("utf-8")(errors="replace")
    n_valid = n_invalid = n_read = 0
    sample = bytearray()
    block = head
    while block:
        n_read += len(block)
        if not block.isascii():
            text = decoder.decode(block)
            lost = text.count("\ufffd") - block.count(b"\xef\xbf\xbd")
            n_invalid += max(lost, 0)
            n_valid += len(re.findall(rb"[\xc2-\xf4][\x80-\xbf]", block))
            if len(sample) < _SAMPLE_BYTES:
                lines = (line for line in block.splitlines(keepends=True) if not line.isascii())
                sample += b"".join(lines)[:_SAMPLE_BYTES]
        elif decoder.getstate()[0]:
            n_invalid += decoder.decode(block).count("\ufffd")
        if n_read >= SCAN_BYTES:
            break
        try:
            block = stream.read(_BLOCK_BYTES)
        except InputError:  # a damaged end: the rows before it are still worth reading
            break
    return n_valid, n_invalid, sample


def _guess_legacy(sample: bytes) -> str:
    from charset_normalizer import from_bytes

    best = from_bytes(sample, cp_isolation=list(_LEGACY), explain=False).best()
    if best is not None:
        return best.encoding
    try:
        sample.decode("cp1252")
    except UnicodeDecodeError:
        return "latin-1"
    return "cp1252"
