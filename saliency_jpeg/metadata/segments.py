"""APPn and COM segments: out of a JPEG file, into metadata, and back.

Layout of a segment (T.81, B.1.1.4), the length counting itself but not the marker::

    0xFF  marker  length (2 bytes, big-endian)  payload (length - 2 bytes, at most 65533)

:func:`parse` cuts the segments out of a file, :func:`collect` sorts them into
:class:`.model.Metadata`, :func:`build` makes segments of it again. Order on output: JFIF, EXIF, XMP, ICC, the extras,
the comment.
"""

from __future__ import annotations

import hashlib
import struct
from collections.abc import Iterable, Iterator, Sequence

from ..errors import OptionError, SegmentError
from .exif import EXIF_HEADER, shown
from .model import Metadata, checked_density

__all__ = [
    "MODES",
    "Segment",
    "build",
    "collect",
    "parse",
    "segment_end",
    "size",
    "walk",
    "with_segments",
    "without_metadata",
]

Segment = tuple[int, bytes]

MODES = ("keep", "safe", "strip")

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
# transform of the old scans, MPF holds file offsets of further images.
_DROPPED = ((APP0, JFIF_HEADER), (APP0, b"JFXX\0"), (APP14, ADOBE_HEADER), (APP2, b"MPF\0"))

# Markers without a length (T.81, table B.1): TEM, RST0-RST7 and SOI.
_STANDALONE = frozenset([0x01, *range(0xD0, 0xD9)])
SOS, EOI = 0xDA, 0xD9


def parse(jpeg: bytes | bytearray | memoryview) -> list[Segment]:
    """The APPn and COM segments before the first scan, in file order, each ``(marker, payload)``.

    Tolerated, as decoders do: fill bytes, markers without a length, stray bytes between segments. One pass over the
    header; work and memory are bounded by its length.

    Raises:
        SegmentError: no SOI at the start, a length below 2, or the data end inside or before a segment; the message
            names the offset in bytes.
    """
    data = bytes(jpeg)
    return [(marker, data[start + 4 : end]) for marker, start, end in _spans(data)]


def size(extra: Sequence[Segment]) -> int:
    """The bytes that segments take in a file."""
    return sum(4 + len(payload) for _, payload in extra)


def without_metadata(jpeg: bytes) -> bytes:
    """The same file without the APPn and COM segments that have no part in decoding.

    JFIF and Adobe segments stay, since they name the colour transform. What is left cannot set off a decoder's own
    parsers of EXIF, MPF or Photoshop data.

    Raises:
        SegmentError: as :func:`parse`.
    """
    needed = {APP0: JFIF_HEADER, APP14: ADOBE_HEADER}
    spans = _spans(jpeg)
    return _without(jpeg, [s for s in spans if s[0] not in needed or not jpeg.startswith(needed[s[0]], s[1] + 4)])


def with_segments(jpeg: bytes, segments: list[Segment]) -> bytes:
    """The same scans with these APPn and COM segments behind SOI in place of its own.

    Raises:
        SegmentError: as :func:`parse`.
    """
    bare = _without(jpeg, _spans(jpeg))
    return bare[:2] + b"".join(map(_written, segments)) + bare[2:]


def _written(segment: Segment) -> bytes:
    marker, payload = segment
    return struct.pack(">BBH", 0xFF, marker, len(payload) + 2) + payload


def _without(jpeg: bytes, spans: Iterable[tuple[int, int, int]]) -> bytes:
    kept, position = [], 0
    for _, start, end in spans:
        kept.append(jpeg[position:start])
        position = end
    return b"".join([*kept, jpeg[position:]])


def _spans(data: bytes) -> Iterator[tuple[int, int, int]]:
    """Marker, start (of 0xFF) and end of each APPn and COM segment before the first scan."""
    return (span for span in walk(data) if APP0 <= span[0] <= APP15 or span[0] == COM)


def walk(data: bytes) -> Iterator[tuple[int, int, int]]:
    """Marker, start (of 0xFF) and end of each segment before the first scan, and of that scan's header.

    Raises:
        SegmentError: as :func:`parse`.
    """
    if data[:2] != b"\xff\xd8":
        raise SegmentError("not a JPEG file: no SOI marker at offset 0")
    offset = 2
    while True:
        marker, offset = _next_marker(data, offset)
        if marker == EOI:
            return
        if marker in _STANDALONE:
            continue
        start, offset = offset - 2, segment_end(data, offset)
        yield marker, start, offset
        if marker == SOS:
            return


def _next_marker(data: bytes, offset: int) -> tuple[int, int]:
    """The marker at or after ``offset`` and the offset behind it; 0xFF 0x00 is no marker, 0xFF 0xFF is fill."""
    at = data.find(b"\xff", offset)
    while 0 <= at < len(data) - 1:
        if data[at + 1] not in (0x00, 0xFF):
            return data[at + 1], at + 2
        at = data.find(b"\xff", at + 1)
    raise SegmentError(f"truncated JPEG file: no marker after offset {offset}, and no scan yet")


def segment_end(data: bytes, offset: int) -> int:
    """The offset behind the segment whose length field is at ``offset``; SegmentError as in :func:`parse`."""
    if offset + 2 > len(data):
        raise SegmentError(f"truncated JPEG file: the segment length at offset {offset} is missing")
    (length,) = struct.unpack_from(">H", data, offset)
    if length < 2:
        raise SegmentError(f"segment length {length} at offset {offset} is below 2")
    end = offset + int(length)
    if end > len(data):
        raise SegmentError(f"truncated JPEG file: segment at offset {offset} needs {end - len(data)} bytes more")
    return end


def collect(segments: list[Segment]) -> Metadata:
    """Sort segments, as :func:`parse` gives them, into metadata.

    ICC chunks are put together by their numbers, in whatever order they come; an incomplete set is dropped. Dropped as
    well: JFXX thumbnails, Adobe APP14, MPF (see ``_DROPPED``). The last comment is the comment; earlier ones, further
    EXIF or XMP segments, extended XMP, IPTC (APP13) and all else are kept verbatim as extras.
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


def build(metadata: Metadata, mode: str = "keep") -> list[Segment]:
    """The segments to write behind SOI, JFIF first.

    Args:
        metadata: what to write. Without a density JFIF says aspect ratio 1:1.
        mode: ``"keep"`` writes everything. ``"safe"`` writes nothing that could name a person, place or device: only
            the ICC profile, the density, and an EXIF block with the orientation and, for Adobe RGB, the colour space
            (none where both are default). ``"strip"``
            writes only what the picture needs to be shown right: as ``"safe"``, but the density only where pixels are
            not square.

    Raises:
        OptionError: unknown mode.
        SegmentError: something does not fit: EXIF over 65527 bytes, ICC over 255 chunks of 65519 bytes, a comment or
            extra over 65533, XMP over 65502 that is not one ``x:xmpmeta`` or ``rdf:RDF`` element; or a bad density or
            extra marker.
    """
    if mode not in MODES:
        raise OptionError(f"metadata must be 'keep', 'safe' or 'strip', got {mode!r}")
    kept = metadata if mode == "keep" else _reduced(metadata, mode)
    built = [_jfif(kept.density), *_exif(kept.exif), *_xmp(kept.xmp), *_split_icc(kept.icc)]
    built += [_checked_extra(marker, payload) for marker, payload in kept.extra]
    if kept.comment is not None:
        built.append((COM, _fitting(kept.comment, "comment")))
    return built


def _reduced(metadata: Metadata, mode: str) -> Metadata:
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
