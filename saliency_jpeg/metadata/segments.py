"""APPn and COM segments of a JPEG file: found, cut out, and replaced.

Layout of a segment (T.81 B.1.1.4), the length counting itself but not the marker::

    0xFF  marker  length (2 bytes, big-endian)  payload (length - 2 bytes, at most 65533)

:func:`walk` is the only loop over the markers of a header. What needs the segments of a file takes the spans that it
yields, so a file is walked once. :mod:`.jpeg_metadata` sorts segments into metadata and builds them again.
"""

from __future__ import annotations

import re
import struct
from collections.abc import Iterable, Iterator, Sequence
from typing import Final, NamedTuple

from ..errors import OptionError, SegmentError

__all__ = [
    "Segment",
    "SegmentPattern",
    "Span",
    "encoded_size",
    "next_marker",
    "parse",
    "payloads",
    "replace_segments",
    "segment_end",
    "walk",
    "without_metadata",
]

Segment = tuple[int, bytes]
Span = tuple[int, int, int]  # marker, offset of its 0xFF, offset behind its segment

APP0, APP1, APP2, APP14, APP15, COM = 0xE0, 0xE1, 0xE2, 0xEE, 0xEF, 0xFE
JFIF_HEADER = b"JFIF\0"
ADOBE_HEADER = b"Adobe"
XMP_HEADER = b"http://ns.adobe.com/xap/1.0/\0"
ICC_HEADER = b"ICC_PROFILE\0"

MAX_PAYLOAD = 65533

# Markers without a length (T.81, table B.1): TEM, RST0-RST7 and SOI.
STANDALONE = frozenset([0x01, *range(0xD0, 0xD9)])
SOS, EOI = 0xDA, 0xD9


# In a header 0xFF 0xFF is fill and 0xFF 0x00 is no marker (T.81 B.1.1.2, B.1.1.5).
_MARKER: Final = re.compile(rb"\xff[^\x00\xff]", re.DOTALL)
_PATTERN: Final = re.compile(r"(?:APP([0-9]|1[0-5])|COM)(?::([\x20-\xff]+))?", re.DOTALL)


# Reading ------------------------------------------------------------------------------------------------------------


def walk(data: bytes) -> Iterator[Span]:
    """Yields the span of each segment before the first scan, and of that scan's header.

    Tolerated, as decoders do: fill bytes, markers without a length, stray bytes between segments. One pass; work and
    memory are bounded by the length of the header.

    Raises:
        SegmentError: no SOI at the start, a length below 2, or the data end inside or before a segment; the message
            names the offset in bytes.
    """
    if data[:2] != b"\xff\xd8":
        raise SegmentError("not a JPEG file: no SOI marker at offset 0")
    offset = 2
    while True:
        start = next_marker(data, offset)
        if start < 0:
            raise SegmentError(f"truncated JPEG file: no marker after offset {offset}, and no scan yet")
        marker, offset = data[start + 1], start + 2
        if marker == EOI:
            return
        if marker in STANDALONE:
            continue
        offset = segment_end(data, offset)
        yield marker, start, offset
        if marker == SOS:
            return


def next_marker(data: bytes, offset: int, stop: int | None = None) -> int:
    """Returns the offset of the 0xFF of the next marker, or -1; 0xFF 0x00 is no marker, 0xFF 0xFF is fill."""
    found = _MARKER.search(data, offset, len(data) if stop is None else stop)
    return -1 if found is None else found.start()


def segment_end(data: bytes, offset: int) -> int:
    """Returns the offset behind the segment whose length field is at ``offset``.

    Raises:
        SegmentError: the length is missing, below 2, or reaches beyond the data.
    """
    if offset + 2 > len(data):
        raise SegmentError(f"truncated JPEG file: the segment length at offset {offset} is missing")
    (length,) = struct.unpack_from(">H", data, offset)
    if length < 2:
        raise SegmentError(f"segment length {length} at offset {offset} is below 2")
    end = offset + int(length)
    if end > len(data):
        raise SegmentError(f"truncated JPEG file: segment at offset {offset} needs {end - len(data)} bytes more")
    return end


def parse(jpeg: bytes | bytearray | memoryview) -> list[Segment]:
    """Returns the APPn and COM segments before the first scan, in file order, each ``(marker, payload)``.

    Raises:
        SegmentError: as :func:`walk`.
    """
    data = bytes(jpeg)
    return payloads(data, walk(data))


def payloads(data: bytes, spans: Iterable[Span]) -> list[Segment]:
    """Returns the APPn and COM segments among the spans, each ``(marker, payload)``.

    Args:
        data: a JPEG file.
        spans: as :func:`walk` yields them for it.
    """
    return [(marker, data[start + 4 : end]) for marker, start, end in _metadata_spans(spans)]


def encoded_size(segments: Sequence[Segment]) -> int:
    """Returns the bytes that segments take in a file."""
    return sum(4 + len(payload) for _, payload in segments)


# Replacing ----------------------------------------------------------------------------------------------------------


def without_metadata(jpeg: bytes, spans: Iterable[Span] | None = None) -> bytes:
    """Returns the file without the APPn and COM segments that decoding does not need.

    JFIF and Adobe segments stay, since they name the colour transform. What is left cannot set off a decoder's own
    parsers of EXIF, MPF or Photoshop data.

    Args:
        jpeg: a JPEG file.
        spans: as :func:`walk` yields them for it; ``None`` to walk it here.

    Raises:
        SegmentError: as :func:`walk`.
    """
    needed = {APP0: JFIF_HEADER, APP14: ADOBE_HEADER}
    found = _metadata_spans(walk(jpeg) if spans is None else spans)
    return _cut(jpeg, [s for s in found if s[0] not in needed or not jpeg.startswith(needed[s[0]], s[1] + 4)])


def replace_segments(jpeg: bytes, segments: Sequence[Segment], spans: Iterable[Span] | None = None) -> bytes:
    """Returns the same scans with other APPn and COM segments, which stand behind SOI.

    Args:
        jpeg: a JPEG file.
        segments: the new segments, in order.
        spans: as :func:`walk` yields them for it; ``None`` to walk it here.

    Raises:
        SegmentError: as :func:`walk`.
    """
    bare = _cut(jpeg, _metadata_spans(walk(jpeg) if spans is None else spans))
    return bare[:2] + b"".join(map(_encoded, segments)) + bare[2:]


def _encoded(segment: Segment) -> bytes:
    marker, payload = segment
    return struct.pack(">BBH", 0xFF, marker, len(payload) + 2) + payload


def _cut(jpeg: bytes, spans: Iterable[Span]) -> bytes:
    kept, position = [], 0
    for _, start, end in spans:
        kept.append(jpeg[position:start])
        position = end
    return b"".join([*kept, jpeg[position:]])


def _metadata_spans(spans: Iterable[Span]) -> Iterator[Span]:
    return (span for span in spans if APP0 <= span[0] <= APP15 or span[0] == COM)


class SegmentPattern(NamedTuple):
    """Names segments by their marker and by how their payload begins.

    Attributes:
        marker: second byte of the marker, 0xE0 to 0xEF or 0xFE.
        identifier: first bytes of the payload; empty for any payload.
    """

    marker: int
    identifier: bytes = b""

    @classmethod
    def from_name(cls, name: object) -> SegmentPattern:
        """Reads ``"APP11"``, ``"APP1:http://ns.adobe.com/xap/1.0/"`` or ``"COM"``.

        Raises:
            OptionError: the name has another form.
        """
        found = _PATTERN.fullmatch(name) if isinstance(name, str) else None
        if found is None:
            raise OptionError(f"a segment is named as in 'APP11', 'APP1:http://ns.adobe.com/xap/1.0/', got {name!r}")
        return cls(COM if found[1] is None else APP0 + int(found[1]), (found[2] or "").encode("latin-1"))

    def matches(self, segment: Segment) -> bool:
        """Whether a segment is one of those that are named."""
        return segment[0] == self.marker and segment[1].startswith(self.identifier)
