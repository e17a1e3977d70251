"""How the bytes of a table become text: which encoding, and lines without any surprise.

Files come from Excel, from Vietnamese Windows and from tools nobody remembers. One pass over the
bytes finds what they are and their digest; nothing is ever held in memory as a whole.
"""

import codecs
import hashlib
import io
from dataclasses import dataclass
from typing import BinaryIO

from nurture.errors import Invalid

CHUNK_BYTES = 1 << 20

_BOMS = (
    (codecs.BOM_UTF8, "utf-8-sig"),
    # The mark of UTF-32 begins with that of UTF-16, so the longer one is looked for first.
    (codecs.BOM_UTF32_LE, "utf-32"),
    (codecs.BOM_UTF32_BE, "utf-32"),
    (codecs.BOM_UTF16_LE, "utf-16"),
    (codecs.BOM_UTF16_BE, "utf-16"),
)
_NOT_TEXT = (
    (b"PK\x03\x04", "this is an Excel workbook or another archive"),
    (b"\xd0\xcf\x11\xe0", "this is an old Excel workbook"),
    (b"%PDF", "this is a PDF"),
)

# Up to one broken character for this many good ones still is UTF-8 with some damage.
_GOOD_FOR_ONE_BROKEN = 20

# Windows-1258 writes most Vietnamese vowels as a letter and a mark behind it. These are the
# marks, and the letters they may stand behind, in its bytes.
_MARKS_1258 = frozenset(b"\xcc\xd2\xde\xec\xf2")
_VOWELS_1258 = frozenset(b"aeiouyAEIOUY\xc2\xc3\xca\xd4\xd5\xdd\xe2\xe3\xea\xf4\xf5\xfd")
_D_1258 = frozenset(b"\xd0\xf0")


@dataclass(frozen=True, slots=True)
class Source:
    """What a file is: the SHA-256 of its bytes, how many there are, and their encoding."""

    digest: str
    size: int
    encoding: str


def examine(stream: BinaryIO) -> Source:
    """Read all of `stream` once, from its beginning, and leave it there again.

    Raises Invalid for a stream that cannot be read twice, and for one that is no text at all.
    """
    if not stream.seekable():
        raise Invalid("the file cannot be read twice", remedy="Save it to disk and give its name.")
    stream.seek(0)
    head = stream.read(4096)
    for beginning, told in _NOT_TEXT:
        if head.startswith(beginning):
            raise Invalid(f"{told}, not a CSV file", remedy="Save it as CSV UTF-8 and try again.")
    stream.seek(0)
    digest = hashlib.sha256()
    judge = _Judge()
    size = 0
    while block := stream.read(CHUNK_BYTES):
        digest.update(block)
        judge.see(block)
        size += len(block)
    stream.seek(0)
    marked = next((name for mark, name in _BOMS if head.startswith(mark)), "")
    return Source(digest.hexdigest(), size, marked or _wide(head) or judge.verdict())


def decoded(stream: BinaryIO, encoding: str) -> io.TextIOWrapper:
    """Return `stream` as text whose lines all end in a plain line feed.

    Bytes that mean nothing become U+FFFD, which the reader of rows finds and names.
    """
    return io.TextIOWrapper(stream, encoding=encoding, errors="replace", newline=None)


def _wide(head: bytes) -> str:
    """Return the UTF-16 that text without a mark looks like: every other byte of it is zero."""
    pairs = len(head) // 2
    if pairs < 8:
        return ""
    even, odd = head[0 : pairs * 2 : 2].count(0), head[1 : pairs * 2 : 2].count(0)
    if odd > pairs * 0.4 and even < pairs * 0.05:
        return "utf-16-le"
    return "utf-16-be" if even > pairs * 0.4 and odd < pairs * 0.05 else ""


class _Judge:
    """Tells UTF-8 from the two Windows encodings, block by block."""

    def __init__(self) -> None:
        self._decoder = codecs.getincrementaldecoder("utf-8")(errors="replace")
        self._good = 0
        self._broken = 0
        self._marks = 0
        self._stray = 0
        self._d = 0
        self._last = 0

    def see(self, block: bytes) -> None:
        text = self._decoder.decode(block)
        if text.isascii() and block.isascii():
            self._last = block[-1]
            return
        # A character that was U+FFFD in the file itself is damage all the same.
        broken = text.count("\ufffd")
        self._broken += broken
        self._good += len(text) - len(text.encode("ascii", "ignore")) - broken
        if self._broken:
            self._weigh(block)
        self._last = block[-1]

    def _weigh(self, block: bytes) -> None:
        last = self._last
        for byte in block:
            if byte in _MARKS_1258:
                if last in _VOWELS_1258:
                    self._marks += 1
                else:
                    self._stray += 1
            elif byte in _D_1258:
                self._d += 1
            last = byte

    def verdict(self) -> str:
        self._broken += self._decoder.decode(b"", final=True).count("\ufffd")
        if self._broken * _GOOD_FOR_ONE_BROKEN <= self._good:
            return "utf-8"
        return "cp1258" if self._marks + self._d > self._stray else "cp1252"
