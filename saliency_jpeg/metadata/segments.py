"""APPn and COM segments: cut out of a JPEG file, sorted into metadata, and built again.

Layout of a segment (T.81 B.1.1.4), the length counting itself but not the marker::

    0xFF  marker  length (2 bytes, big-endian)  payload (length - 2 bytes, at most 65533)

:func:`walk` is the only loop over the markers of a header. What needs the segments of a file takes the spans that it
yields, so a file is walked once. Order on output: JFIF, EXIF, XMP, ICC, other segments, comment.
"""

from __future__ import annotations

import hashlib
import re
import struct
from collections.abc import Iterable, Iterator, Sequence
from typing import Any, Final, Literal, NamedTuple, Protocol, get_args

from ..errors import OptionError, SegmentError
from .exif import EXIF_HEADER, shown
from .model import Metadata

__all__ = [
    "MODES",
    "MOST_SEGMENTS",
    "SCAN_MARKER",
    "MetadataMode",
    "Segment",
    "SegmentPattern",
    "Span",
    "build",
    "build_for_scans",
    "checked_density",
    "collect",
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

MetadataMode = Literal["keep", "safe", "strip"]
MODES: Final[tuple[MetadataMode, ...]] = get_args(MetadataMode)

APP0, APP1, APP2, APP14, APP15, COM = 0xE0, 0xE1, 0xE2, 0xEE, 0xEF, 0xFE
JFIF_HEADER = b"JFIF\0"
ADOBE_HEADER = b"Adobe"
XMP_HEADER = b"http://ns.adobe.com/xap/1.0/\0"
XMP_EXTENSION_HEADER = b"http://ns.adobe.com/xmp/extension/\0"
ICC_HEADER = b"ICC_PROFILE\0"

MAX_PAYLOAD = 65533
ICC_CHUNK = MAX_PAYLOAD - len(ICC_HEADER) - 2  # 65519: sequence number and count take a byte each
MAX_XMP_PACKET = 65502  # XMP part 3, 1.1.3
XMP_EXTENSION_CHUNK = 65400  # XMP part 3, 1.1.3.1, leaves room for the 75 bytes of header

# Valid only in the file they came from: JFXX is a thumbnail of the old pixels, Adobe's segment names the colour
# transform of the old scans, MPF holds file offsets of trailing images.
_DROPPED = ((APP0, JFIF_HEADER), (APP0, b"JFXX\0"), (APP14, ADOBE_HEADER), (APP2, b"MPF\0"))

# Markers without a length (T.81, table B.1): TEM, RST0-RST7 and SOI.
STANDALONE = frozenset([0x01, *range(0xD0, 0xD9)])
SOS, EOI = 0xDA, 0xD9

MOST_SEGMENTS: Final = 10_000  # of a header; an extended XMP of 100 MB takes 1600


# In a header 0xFF 0xFF is fill and 0xFF 0x00 is no marker (T.81 B.1.1.2, B.1.1.5).
_MARKER: Final = re.compile(rb"\xff[^\x00\xff]", re.DOTALL)
#: The next marker behind coded data: stuffed bytes, TEM and RSTn do not end a scan.
SCAN_MARKER: Final = re.compile(rb"\xff[^\x00\x01\xd0-\xd7\xff]", re.DOTALL)
_PATTERN: Final = re.compile(r"(?:APP([0-9]|1[0-5])|COM)(?::([\x20-\xff]+))?", re.DOTALL)


# Reading ------------------------------------------------------------------------------------------------------------


def walk(data: bytes) -> Iterator[Span]:
    """Yields the span of each segment before the first scan, and of that scan's header.

    Tolerated, as decoders do: fill bytes, markers without a length, stray bytes between segments. One pass; work and
    memory are bounded by the length of the header.

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


# Metadata -----------------------------------------------------------------------------------------------------------


def collect(segments: list[Segment]) -> Metadata:
    """Sorts segments, as :func:`parse` returns them, into metadata.

    ICC chunks are joined by their numbers, in whatever order they come; an incomplete set is dropped. JFXX thumbnails,
    Adobe's APP14 and MPF are dropped as well, since they describe the old file. The last comment is the comment. All
    else is kept verbatim in ``extra``: earlier comments, further EXIF or XMP segments, extended XMP, IPTC (APP13).
    """
    exif = xmp = None
    last_comment = max((i for i, (marker, _) in enumerate(segments) if marker == COM), default=-1)
    density: tuple[int, int, int] | None = None
    chunks: list[bytes] = []
    extra: list[Segment] = []
    for index, (marker, payload) in enumerate(segments):
        if any(marker == m and payload.startswith(header) for m, header in _DROPPED):
            density = density or _jfif_density(payload)
        elif marker == APP1 and payload.startswith(EXIF_HEADER) and exif is None:
            exif = payload[len(EXIF_HEADER) :] or None
        elif marker == APP1 and payload.startswith(XMP_HEADER) and xmp is None:
            xmp = payload[len(XMP_HEADER) :] or None
        elif marker == APP2 and payload.startswith(ICC_HEADER):
            chunks.append(payload[len(ICC_HEADER) :])
        elif index != last_comment:
            extra.append((marker, payload))
    comment = segments[last_comment][1] if last_comment >= 0 else None
    return Metadata(exif, _join_icc(chunks), xmp, comment, density, tuple(extra))


def checked_density(unit: Any, x: Any, y: Any) -> tuple[int, int, int] | None:
    """Returns ``(unit, x, y)`` in whole dots if JFIF can hold it, else ``None``.

    Args:
        unit: 0 to 2, see :class:`.model.Metadata`.
        x: 1 to 65535 after rounding.
        y: the same.
    """
    try:
        density = int(unit), round(float(x)), round(float(y))
    except (TypeError, ValueError, OverflowError, ArithmeticError):
        return None
    valid = 0 <= density[0] <= 2 and all(1 <= dots <= 65535 for dots in density[1:])
    return density if valid else None


def _jfif_density(payload: bytes) -> tuple[int, int, int] | None:
    if not payload.startswith(JFIF_HEADER) or len(payload) < 12:
        return None
    return checked_density(*struct.unpack_from(">BHH", payload, 7))


def _join_icc(chunks: list[bytes]) -> bytes | None:
    """The profile from chunks that each start with number and count; None unless every number is there once."""
    ordered = sorted(chunks, key=lambda chunk: chunk[:1])
    total = len(ordered)
    complete = 0 < total <= 255 and all(chunk[:2] == bytes([i, total]) for i, chunk in enumerate(ordered, 1))
    return b"".join(chunk[2:] for chunk in ordered) or None if complete else None


def build(metadata: Metadata, mode: MetadataMode = "keep", keep: Sequence[SegmentPattern] = ()) -> list[Segment]:
    """Builds the segments to write behind SOI, JFIF first.

    Args:
        metadata: what to write. Without a density JFIF says aspect ratio 1:1.
        mode: ``"keep"`` writes everything. ``"safe"`` writes nothing that could name a person, place or device: only
            the ICC profile, the density, and an EXIF block with the orientation and, for Adobe RGB, the colour space
            (none where both are default). ``"strip"`` writes only what the picture needs to be shown right: as
            ``"safe"``, but the density only where pixels are not square.
        keep: segments that stay in every mode.

    Raises:
        OptionError: unknown mode.
        SegmentError: something does not fit: EXIF over 65527 bytes, ICC over 255 chunks of 65519 bytes, a comment or
            extra over 65533, XMP over 65502 that is not one ``x:xmpmeta`` or ``rdf:RDF`` element; or a bad density or
            extra marker.
    """
    if mode not in MODES:
        raise OptionError(f"metadata must be 'keep', 'safe' or 'strip', got {mode!r}")
    if mode == "keep":
        return _all_segments(metadata)
    reduced = _all_segments(_reduced(metadata, mode))
    kept = [s for s in _all_segments(metadata)[1:] if any(pattern.matches(s) for pattern in keep)] if keep else []
    if any(marker == APP1 and payload.startswith(EXIF_HEADER) for marker, payload in kept):
        reduced = [s for s in reduced if s[0] != APP1]  # the whole block stands for the one with the orientation alone
    return [*reduced, *(s for s in kept if s not in reduced)]


class ScanHeader(Protocol):
    """What the header of existing scans says of their colours; :class:`.jpeg_header.JpegHeader` is meant."""

    @property
    def has_jfif(self) -> bool:
        """Whether the file has a JFIF segment."""
        ...

    @property
    def adobe(self) -> bytes | None:
        """Payload of Adobe's APP14 segment."""
        ...


def build_for_scans(
    metadata: Metadata, mode: MetadataMode, keep: Sequence[SegmentPattern], header: ScanHeader
) -> list[Segment]:
    """Builds the segments to write before the scans of an existing file.

    JFIF and Adobe segments name the colour transform of the scans, so the one is written only where it was and the
    other is kept.

    Args:
        metadata: of the file.
        mode: as for :func:`build`.
        keep: as for :func:`build`.
        header: of the file.
    """
    built = build(metadata, mode, keep)
    adobe = [] if header.adobe is None else [(APP14, header.adobe)]
    return [*(built if header.has_jfif else built[1:]), *adobe]


def _all_segments(metadata: Metadata) -> list[Segment]:
    built = [_jfif(metadata.density), *_exif(metadata.exif), *_xmp(metadata.xmp), *_split_icc(metadata.icc)]
    built += [_checked_extra(marker, payload) for marker, payload in metadata.extra]
    if metadata.comment is not None:
        built.append((COM, _fitting(metadata.comment, "comment")))
    return built


def _reduced(metadata: Metadata, mode: MetadataMode) -> Metadata:
    density = metadata.density
    if mode == "strip" and density is not None and density[1] == density[2]:
        density = None
    return Metadata(exif=shown(metadata.exif), icc=metadata.icc, density=density)


def _jfif(density: tuple[int, int, int] | None) -> Segment:
    """JFIF 1.01: identifier, version, unit and density, no thumbnail."""
    unit, x, y = (0, 1, 1) if density is None else density
    if checked_density(unit, x, y) != (unit, x, y):
        raise SegmentError(f"density must be (unit 0 to 2, x and y 1 to 65535), got {density!r}")
    return APP0, JFIF_HEADER + struct.pack(">HBHHBB", 0x0101, unit, x, y, 0, 0)


def _fitting(payload: bytes, name: str, header: bytes = b"") -> bytes:
    room = MAX_PAYLOAD - len(header)
    if len(payload) > room:
        raise SegmentError(f"{name} of {len(payload)} bytes does not fit one segment, at most {room}")
    return header + bytes(payload)


def _exif(exif: bytes | None) -> list[Segment]:
    return [(APP1, _fitting(exif, "EXIF", EXIF_HEADER))] if exif else []


def _checked_extra(marker: int, payload: bytes) -> Segment:
    if not APP0 <= marker <= APP15 and marker != COM:
        raise SegmentError(f"an extra segment must have a marker 0xE0 to 0xEF or 0xFE, got {marker:#x}")
    return marker, _fitting(payload, f"extra segment {marker:#x}")


def _split_icc(icc: bytes | None) -> list[Segment]:
    """APP2 chunks as ICC.1, B.4 lays them out: header, number from 1, count, part of the profile."""
    if not icc:
        return []
    parts = [icc[at : at + ICC_CHUNK] for at in range(0, len(icc), ICC_CHUNK)]
    if len(parts) > 255:
        raise SegmentError(f"ICC profile of {len(icc)} bytes does not fit 255 segments, at most {255 * ICC_CHUNK}")
    return [(APP2, ICC_HEADER + bytes([i, len(parts)]) + part) for i, part in enumerate(parts, 1)]


def _xmp(xmp: bytes | None) -> list[Segment]:
    """One APP1 segment, or a stub that points to extended XMP (XMP part 3, 1.1.3.1).

    Extended XMP holds the whole tree without its packet wrapper; its name is the MD5 of these bytes. Each part carries
    that name (32 hexadecimal digits), the full length and its own offset, both 32 bits.
    """
    if not xmp:
        return []
    if len(xmp) <= MAX_XMP_PACKET:
        return [(APP1, XMP_HEADER + xmp)]
    tree = _unwrapped(xmp)
    guid = hashlib.md5(tree, usedforsecurity=False).hexdigest().upper().encode()
    parts = []
    for at in range(0, len(tree), XMP_EXTENSION_CHUNK):
        head = XMP_EXTENSION_HEADER + guid + struct.pack(">II", len(tree), at)
        parts.append((APP1, head + tree[at : at + XMP_EXTENSION_CHUNK]))
    return [(APP1, XMP_HEADER + _xmp_stub(guid)), *parts]


def _unwrapped(xmp: bytes) -> bytes:
    """The one element of an XMP packet, ``x:xmpmeta`` or ``rdf:RDF``, without ``<?xpacket?>`` and padding."""
    for start, end in ((b"<x:xmpmeta", b"</x:xmpmeta>"), (b"<rdf:RDF", b"</rdf:RDF>")):
        first, last = xmp.find(start), xmp.rfind(end)
        if 0 <= first < last:
            return xmp[first : last + len(end)]
    raise SegmentError(f"XMP of {len(xmp)} bytes does not fit one segment and holds no XMP element to split")


def _xmp_stub(guid: bytes) -> bytes:
    """The packet for readers to start from: one property, ``xmpNote:HasExtendedXMP``."""
    return (
        b'<x:xmpmeta xmlns:x="adobe:ns:meta/"><rdf:RDF xmlns:rdf="http://www.w3.org/1999/02/22-rdf-syntax-ns#">'
        b'<rdf:Description rdf:about="" xmlns:xmpNote="http://ns.adobe.com/xmp/note/" xmpNote:HasExtendedXMP="'
        + guid
        + b'"/></rdf:RDF></x:xmpmeta>'
    )
