"""Metadata of a JPEG file: sorted out of its segments, and built again.

Order on output: JFIF, EXIF, XMP, ICC, other segments, comment.
"""

from __future__ import annotations

import re
import struct
from collections.abc import Callable, Sequence
from dataclasses import replace
from typing import Final, Literal, get_args

from ..errors import OptionError, SegmentError
from .content_credentials import without_credentials
from .density import checked_density
from .exif import EXIF_HEADER, shown
from .exif_resolution import resolution
from .exif_segments import join_exif, split_exif
from .jpeg_header import JpegHeader
from .layers import without_layers
from .model import Metadata
from .segments import (
    ADOBE_HEADER,
    APP0,
    APP1,
    APP2,
    APP14,
    COM,
    ICC_HEADER,
    JFIF_HEADER,
    MAX_PAYLOAD,
    MPF_HEADER,
    XMP_EXTENSION_HEADER,
    XMP_HEADER,
    Segment,
    SegmentPattern,
    checked_segment,
    fit_payload,
)
from .xmp_segments import split_extended

__all__ = ["MODES", "MetadataMode", "build", "build_for_scans", "checked_density", "collect"]

MetadataMode = Literal["keep", "safe", "strip"]
MODES: Final[tuple[MetadataMode, ...]] = get_args(MetadataMode)

ICC_CHUNK: Final = MAX_PAYLOAD - len(ICC_HEADER) - 2  # 65519: sequence number and count take a byte each
_ICC_HEADER_BYTES: Final = 128
MAX_XMP_PACKET: Final = 65502  # XMP part 3, 1.1.3

# Valid only in the file they came from: JFXX is a thumbnail of the old pixels, Adobe's segment names the colour
# transform of the old scans, MPF holds file offsets of trailing images.
_ADOBE_BYTES: Final = 12  # that decoders read of Adobe's segment
_DROPPED = ((APP0, JFIF_HEADER), (APP0, b"JFXX\0"), (APP14, ADOBE_HEADER), (APP2, MPF_HEADER))


def collect(segments: list[Segment]) -> Metadata:
    """Sorts segments, as :func:`.segments.parse` returns them, into metadata.

    ICC chunks are joined by their numbers, in whatever order they come; an incomplete set is dropped. JFXX thumbnails,
    Adobe's APP14 and MPF are dropped as well, since they describe the old file. The last comment is the comment. All
    else is kept verbatim in ``extra``: earlier comments, further EXIF or XMP segments, extended XMP, IPTC (APP13).
    """
    exif = xmp = None
    segments = join_exif(segments)
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


def build(metadata: Metadata, mode: MetadataMode = "keep", keep: Sequence[SegmentPattern] = ()) -> list[Segment]:
    """Builds the segments to write behind SOI, JFIF first.

    Args:
        metadata: what to write. Without a density JFIF says aspect ratio 1:1.
        mode: ``"keep"`` writes everything but layers, which are for the levels of another file, and
            Content Credentials, whose signature would not match. ``"safe"`` writes
            nothing that could name a person, place or device: only the ICC profile, the density (of EXIF where JFIF
            has none), and an EXIF block with the orientation and, for Adobe RGB, the colour space (none where both are
            default). ``"strip"`` writes only what the picture needs to be shown right: as ``"safe"``, but the density
            only where pixels are not square.
        keep: segments that stay in every mode.

    Raises:
        OptionError: unknown mode.
        SegmentError: something does not fit: EXIF over 65527 bytes that is no TIFF body, ICC over 255 chunks of 65519
            bytes, a comment or extra over 65533, XMP over 65502 that is no XMP element;
            or a bad density or extra marker.
    """
    if mode not in MODES:
        raise OptionError(f"metadata must be 'keep', 'safe' or 'strip', got {mode!r}")
    if mode == "keep":
        return without_credentials(_all_segments(metadata), keep)
    reduction = _REDUCTIONS[mode]
    reduced = _all_segments(reduction(metadata))
    kept = _kept(_all_segments(metadata), keep) if keep else []
    if any(marker == APP1 and payload.startswith(EXIF_HEADER) for marker, payload in kept):
        reduced = [s for s in reduced if s[0] != APP1]  # the whole block stands for the one with the orientation alone
    return [*reduced, *(s for s in kept if s not in reduced)]


def _kept(built: list[Segment], keep: Sequence[SegmentPattern]) -> list[Segment]:
    """The segments that a caller keeps; with an XMP packet go the segments that continue it."""
    is_named = [any(pattern.matches(segment) for pattern in keep) for segment in built]
    named = [segment for segment, each in zip(built, is_named, strict=True) if each]
    has_xmp = any(marker == APP1 and payload.startswith(XMP_HEADER) for marker, payload in named)
    is_extension = [has_xmp and s[0] == APP1 and s[1].startswith(XMP_EXTENSION_HEADER) for s in built]
    return [s for s, *each in zip(built, is_named, is_extension, strict=True) if any(each)]


def build_for_scans(
    metadata: Metadata, mode: MetadataMode, keep: Sequence[SegmentPattern], header: JpegHeader
) -> list[Segment]:
    """Builds the segments to write before the scans of an existing file.

    JFIF and Adobe segments name the colour transform of the scans, so the one is written only where it was, or where it
    names no other and holds a density, and the other is kept.

    Args:
        metadata: of the file.
        mode: as for :func:`build`.
        keep: as for :func:`build`.
        header: of the file.
    """
    built = build(metadata, mode, keep)
    adobe = [] if header.adobe is None else [(APP14, header.adobe[: _ADOBE_BYTES if mode != "keep" else None])]
    may_add = header.colour in ("gray", "ycc") and built[0] != _NO_DENSITY
    return [*(built if header.has_jfif or may_add else built[1:]), *adobe]


def _all_segments(metadata: Metadata) -> list[Segment]:
    """All that is in the metadata, but for layers: those are for the levels of the old file."""
    return without_layers([segment for write in _WRITERS for segment in write(metadata)])


# Modes: what is left of the metadata ---------------------------------------------------------------------------------


def _safe(metadata: Metadata) -> Metadata:
    density = metadata.density
    if density is None or (density[0] == 0 and density[1] == density[2]):
        density = resolution(metadata.exif) or density
    profile = None if metadata.icc_space is None else _without_rest(metadata.icc or b"")
    return Metadata(exif=shown(metadata.exif), icc=profile, density=density)


def _without_rest(icc: bytes) -> bytes:
    """The profile as long as its header says it is (ICC.1, 7.2.2)."""
    size = int.from_bytes(icc[:4], "big")
    return icc[:size] if size >= _ICC_HEADER_BYTES else icc


def _stripped(metadata: Metadata) -> Metadata:
    safe = _safe(metadata)
    is_square = safe.density is not None and safe.density[1] == safe.density[2]
    return replace(safe, density=None) if is_square else safe


_REDUCTIONS: Final[dict[MetadataMode, Callable[[Metadata], Metadata]]] = {"safe": _safe, "strip": _stripped}


# Writers: one for each kind of metadata, in the order of the file


def _jfif(metadata: Metadata) -> list[Segment]:
    """JFIF 1.01: identifier, version, unit and density, no thumbnail."""
    unit, x, y = (0, 1, 1) if metadata.density is None else metadata.density
    if checked_density(unit, x, y) != (unit, x, y):
        raise SegmentError(f"density must be (unit 0 to 2, x and y 1 to 65535), got {metadata.density!r}")
    return [(APP0, JFIF_HEADER + struct.pack(">HBHHBB", 0x0101, unit, x, y, 0, 0))]


_NO_DENSITY: Final = _jfif(Metadata())[0]


def _exif(metadata: Metadata) -> list[Segment]:
    return split_exif(metadata.exif or b"")


def _xmp(metadata: Metadata) -> list[Segment]:
    """One APP1 segment, or a stub that points to extended XMP (XMP part 3, 1.1.3.1).

    Extended XMP holds the whole tree without its packet wrapper.
    """
    xmp = metadata.xmp
    if not xmp:
        return []
    if len(xmp) <= MAX_XMP_PACKET:
        return [(APP1, XMP_HEADER + xmp)]
    guid, parts = split_extended(_unwrapped(xmp))
    return [(APP1, XMP_HEADER + _xmp_stub(guid)), *parts]


def _icc(metadata: Metadata) -> list[Segment]:
    """APP2 chunks as ICC.1, B.4 lays them out: header, number from 1, count, part of the profile."""
    icc = metadata.icc or b""
    parts = [icc[at : at + ICC_CHUNK] for at in range(0, len(icc), ICC_CHUNK)]
    if len(parts) > 255:
        raise SegmentError(f"ICC profile of {len(icc)} bytes does not fit 255 segments, at most {255 * ICC_CHUNK}")
    return [(APP2, ICC_HEADER + bytes([i, len(parts)]) + part) for i, part in enumerate(parts, 1)]


def _extra(metadata: Metadata) -> list[Segment]:
    built: list[Segment] = []
    for marker, payload in metadata.extra:
        is_exif = marker == APP1 and payload.startswith(EXIF_HEADER)
        built += split_exif(payload[len(EXIF_HEADER) :]) if is_exif else [checked_segment(marker, payload)]
    return built


def _comment(metadata: Metadata) -> list[Segment]:
    return [] if metadata.comment is None else [(COM, fit_payload(metadata.comment, "comment"))]


_WRITERS: Final[tuple[Callable[[Metadata], list[Segment]], ...]] = (_jfif, _exif, _xmp, _icc, _extra, _comment)


#: The outermost element of a packet: ``x:xmpmeta``, before 2004 ``x:xapmeta``, or ``rdf:RDF`` alone; of any prefix.
_XMP_ROOT: Final = re.compile(rb"<((?:[\w.-]{1,64}:)?(?:xmpmeta|xapmeta|RDF))[\s>]")


def _unwrapped(xmp: bytes) -> bytes:
    """The one element of an XMP packet without ``<?xpacket?>`` and padding."""
    root = _XMP_ROOT.search(xmp)
    end = b"</" + root[1] + b">" if root is not None else b""
    last = xmp.rfind(end) if root is not None else -1
    if root is None or last < root.end():
        raise SegmentError(
            "XMP that does not fit one segment must be one XMP element; pass metadata='safe' to leave it out, "
            f"got {len(xmp)} bytes without one"
        )
    return xmp[root.start() : last + len(end)]


def _xmp_stub(guid: bytes) -> bytes:
    """The packet for readers to start from: one property, ``xmpNote:HasExtendedXMP``."""
    return (
        b'<x:xmpmeta xmlns:x="adobe:ns:meta/"><rdf:RDF xmlns:rdf="http://www.w3.org/1999/02/22-rdf-syntax-ns#">'
        b'<rdf:Description rdf:about="" xmlns:xmpNote="http://ns.adobe.com/xmp/note/" xmpNote:HasExtendedXMP="'
        + guid
        + b'"/></rdf:RDF></x:xmpmeta>'
    )
