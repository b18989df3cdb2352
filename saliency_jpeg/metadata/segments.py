"""Finds, removes and replaces the APPn and COM segments of a JPEG file.

Layout of a segment (T.81 B.1.1.4), the length counting itself but not the marker::

    0xFF  marker  length (2 bytes, big-endian)  payload (length - 2 bytes, at most 65533)

:func:`walk` is the loop over the markers of a header. What needs the segments of a file takes the spans that it yields,
so a file is walked once; :mod:`saliency_jpeg.codec.inspect` walks over whole files with the same functions.
:mod:`.jpeg_metadata` sorts segments into metadata and builds them again.
"""

from __future__ import annotations

import re
import struct
from collections.abc import Iterable, Iterator, Sequence
from typing import Final, NamedTuple

from ..checks import shown
from ..errors import OptionError, SegmentError

__all__ = [
    "MOST_SEGMENTS",
    "SCAN_MARKER",
    "Segment",
    "SegmentPattern",
    "Span",
    "checked_segment",
    "encoded_size",
    "fit_payload",
    "is_metadata",
    "names_colours",
    "next_marker",
    "parse",
    "payloads",
    "replace_segments",
    "scan_end",
    "segment_end",
    "walk",
    "without_metadata",
]

Segment = tuple[int, bytes]
Span = tuple[int, int, int]  # marker, offset of its 0xFF, offset behind its segment

APP0, APP1, APP2, APP13, APP14, APP15, COM = 0xE0, 0xE1, 0xE2, 0xED, 0xEE, 0xEF, 0xFE
JFIF_HEADER = b"JFIF\0"
ADOBE_HEADER = b"Adobe"
XMP_HEADER = b"http://ns.adobe.com/xap/1.0/\0"
XMP_EXTENSION_HEADER = b"http://ns.adobe.com/xmp/extension/\0"
ICC_HEADER = b"ICC_PROFILE\0"
MPF_HEADER = b"MPF\0"
PHOTOSHOP_HEADER = b"Photoshop 3.0\0"

MAX_PAYLOAD = 65533

# Segments that name the colour transform, and the shortest payload that decoders read.
_NEEDED: Final = {APP0: (JFIF_HEADER, 14), APP14: (ADOBE_HEADER, 12)}

# Markers without a length (T.81, table B.1): TEM, RST0-RST7 and SOI.
STANDALONE = frozenset([0x01, *range(0xD0, 0xD9)])
SOS, EOI = 0xDA, 0xD9

MOST_SEGMENTS: Final = 10_000  # of a header; an extended XMP of 100 MB takes 1600


# In a header 0xFF 0xFF is fill and 0xFF 0x00 is no marker (T.81 B.1.1.2, B.1.1.5).
_MARKER: Final = re.compile(rb"\xff[^\x00\xff]", re.DOTALL)
#: The next marker behind coded data: stuffed bytes, TEM and RSTn do not end a scan.
SCAN_MARKER: Final = re.compile(rb"\xff[^\x00\x01\xd0-\xd7\xff]", re.DOTALL)
_OWN: Final = ((APP14, b""), (APP14, ADOBE_HEADER), (APP2, MPF_HEADER), (APP2, b"MPF"))
_PATTERN: Final = re.compile(r"(?:APP([0-9]|1[0-5])|COM)(?::([\x20-\xff]+))?", re.DOTALL)


# Reading ------------------------------------------------------------------------------------------------------------


def walk(data: bytes) -> Iterator[Span]:
    """Yields the span of each segment before the first scan, and of that scan's header.

    Tolerated, as decoders do: fill bytes, markers without a length, stray bytes between segments and behind SOI, as a
    segment leaves them that names too small a length, and APPn and COM segments with a length below 2. One pass; work
    and memory are bounded by the length of the header.

    Raises:
        SegmentError: no SOI at the start, a length below 2, the data end inside or before a segment (the message
            names the offset in bytes), or more than 10000 markers.
    """
    if data[:2] != b"\xff\xd8":
        raise SegmentError("not a JPEG file: no SOI marker at offset 0")
    offset = 2
    for _ in range(MOST_SEGMENTS):
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
    raise SegmentError(f"a JPEG file with more than {MOST_SEGMENTS} segments before its first scan is not supported")


def next_marker(data: bytes, offset: int, stop: int | None = None) -> int:
    """Returns the offset of the 0xFF of the next marker, or -1; 0xFF 0x00 is no marker, 0xFF 0xFF is fill.

    Args:
        data: a JPEG file.
        offset: where to begin.
        stop: where to end the search; ``None`` for the end of the file.
    """
    found = _MARKER.search(data, offset, len(data) if stop is None else stop)
    return -1 if found is None else found.start()


def scan_end(data: bytes, offset: int, stop: int | None = None) -> int:
    """Returns the offset of the marker that ends coded data, or -1; RSTn and stuffed bytes do not (T.81 B.1.1.5).

    Args:
        data: a JPEG file.
        offset: inside or before the coded data.
        stop: where to end the search; ``None`` for the end of the file.
    """
    found = SCAN_MARKER.search(data, offset, len(data) if stop is None else stop)
    return -1 if found is None else found.start()


def segment_end(data: bytes, offset: int) -> int:
    """Returns the offset behind the segment whose length field is at ``offset``, behind its marker.

    As for libjpeg, an APPn or COM segment with a length below 2 is an empty one.

    Args:
        data: a JPEG file.
        offset: behind the marker.

    Raises:
        SegmentError: the length is missing, below 2, or reaches beyond the data.
    """
    if offset + 2 > len(data):
        raise SegmentError(f"truncated JPEG file: the segment length at offset {offset} is missing")
    (length,) = struct.unpack_from(">H", data, offset)
    if length < 2 and not is_metadata(data[offset - 1]):
        raise SegmentError(f"segment length {length} at offset {offset} is below 2")
    end = offset + max(2, int(length))
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
    parsers of EXIF, MPF or Photoshop data. Stray bytes between segments go too.

    Args:
        jpeg: a JPEG file.
        spans: as :func:`walk` yields them for it; ``None`` to walk it here.

    Raises:
        SegmentError: as :func:`walk`.
    """
    found = list(walk(jpeg) if spans is None else spans)
    kept = [s for s in found if not is_metadata(s[0]) or names_colours(s[0], jpeg[s[1] + 4 : s[2]])]
    return _joined(jpeg, found, [], kept)


def names_colours(marker: int, payload: bytes) -> bool:
    """Whether a segment is JFIF's or Adobe's; decoders take no notice of one that is too short."""
    header, size = _NEEDED.get(marker, (b"", MAX_PAYLOAD + 1))
    return len(payload) >= size and payload.startswith(header)


def replace_segments(jpeg: bytes, segments: Sequence[Segment], spans: Iterable[Span] | None = None) -> bytes:
    """Returns the same scans with other APPn and COM segments, which stand behind SOI.

    Stray bytes between segments are left out.

    Args:
        jpeg: a JPEG file.
        segments: the new segments, in order.
        spans: as :func:`walk` yields them for it; ``None`` to walk it here.

    Raises:
        SegmentError: as :func:`walk`.
    """
    found = list(walk(jpeg) if spans is None else spans)
    return _joined(jpeg, found, segments, [span for span in found if not is_metadata(span[0])])


def _joined(jpeg: bytes, spans: Sequence[Span], new: Iterable[Segment], kept: Iterable[Span]) -> bytes:
    """The file with new segments, those of its own that are kept, and all that follows the last of its spans."""
    rest = spans[-1][2] if spans else 2
    return b"".join([jpeg[:2], *map(_encoded, new), *(jpeg[start:end] for _, start, end in kept), jpeg[rest:]])


def _encoded(segment: Segment) -> bytes:
    marker, payload = segment
    return struct.pack(">BBH", 0xFF, marker, len(payload) + 2) + payload


def _metadata_spans(spans: Iterable[Span]) -> Iterator[Span]:
    return (span for span in spans if is_metadata(span[0]))


def is_metadata(marker: int) -> bool:
    """Whether a marker is APPn or COM."""
    return APP0 <= marker <= APP15 or marker == COM


def checked_segment(marker: int, payload: bytes) -> Segment:
    """Returns a segment that can be written.

    Args:
        marker: second byte of the marker.
        payload: without marker and length.

    Raises:
        SegmentError: the marker is neither APPn nor COM, or the payload does not fit.
    """
    if not APP0 <= marker <= APP15 and marker != COM:
        raise SegmentError(f"an extra segment must have a marker 0xE0 to 0xEF or 0xFE, got {marker:#x}")
    return marker, fit_payload(payload, f"extra segment {marker:#x}")


def fit_payload(payload: bytes, name: str, header: bytes = b"") -> bytes:
    """Returns a payload behind its header.

    Args:
        payload: bytes behind the header.
        name: what it is, for the message.
        header: bytes by which readers know it.

    Raises:
        SegmentError: both together are over 65533 bytes.
    """
    room = MAX_PAYLOAD - len(header)
    if len(payload) > room:
        raise SegmentError(f"{name} of {len(payload)} bytes does not fit one segment, at most {room}")
    return header + bytes(payload)


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
            examples = "'APP11', 'APP1:http://ns.adobe.com/xap/1.0/'"
            raise OptionError(f"a segment is named as in {examples}, got {shown(name)}")
        pattern = cls(COM if found[1] is None else APP0 + int(found[1]), (found[2] or "").encode("latin-1"))
        if pattern.marker == APP0 or (pattern.marker, pattern.identifier) in _OWN:
            raise OptionError(f"a segment that describes the file itself cannot be kept in another one, got {name!r}")
        return pattern

    def matches(self, segment: Segment) -> bool:
        """Whether a segment is one of those that are named."""
        return segment[0] == self.marker and segment[1].startswith(self.identifier)
