"""Data after the primary image's EOI: MPF images, Ultra HDR gain maps, motion-photo video.

Such a file shows its primary image everywhere, and more where a reader understands the rest. Multi-picture files (CIPA
DC-007) list the offsets of their images in an APP2 segment of the primary one; XMP counts from the end of the file. So
the primary image can be encoded anew, the trailing data copied verbatim behind it, and the offsets patched.

Large previews that cameras append (class 1 in the list) are renditions of the primary image. They would show the old
picture, so they do not count as trailing images and are left out.
"""

from __future__ import annotations

import re
import struct
from collections.abc import Iterator, Sequence
from typing import Final, NamedTuple

from ..errors import InputError, SegmentError
from . import exif, segments
from .pictures import holds_picture
from .segments import MPF_HEADER, Segment, Span
from .xmp import item_lengths, without_trailing_names
from .xmp_segments import edit_xmp

__all__ = [
    "TrailingImages",
    "end_of_primary",
    "find_notes",
    "find_trailing",
    "refusal",
    "without_listing",
    "without_names",
]

_LIST: Final = 0xB002  # MP Entry
_ENTRY: Final = 16  # bytes: attributes, size, offset (4 each), dependent pictures
_UNDEFINED: Final = 7
_PREVIEW: Final = 1  # class of MP type codes
_MOTION: Final = (b"MotionPhoto", b"MicroVideo")
_CLIP: Final = re.compile(rb"\0\0\0[\x08-\xff]ftyp")  # ISO/IEC 14496-12, 4.3: size of the box, and its type
_PHONE_TRAILER: Final = re.compile(  # how trailers of Samsung, vivo and OnePlus end, as ExifTool knows them
    rb"(?:SEFT|QDIOBS|\xff{4}\x1b\*9HWfu\x84\x93\xa2\xb1|jxrs...\0)\Z", re.DOTALL
)
_PROGRAM_TRAILER: Final = re.compile(  # AFCP, FotoStation, Photo Mechanic, MIE, Canon's Digital Photo Professional
    rb"(?:AXS[!*].{8}|\xa1\xb2\xc3\xd4|cbipcbbl|CANON OPTIONAL DATA\0.{44}"
    rb"|~\0\x04\0zmie~\0\0(?:\x06.{4}[\x10\x18]\x04|\x0a.{8}[\x10\x18]\x08))\Z",
    re.DOTALL,
)
_LONGEST_END: Final = 64  # bytes in which such an end lies
_GAIN_MAP_HEADER: Final = b"urn:iso:std:iso:ts:21496:-1\0"


class TrailingImages(NamedTuple):
    """What follows the primary image in a file.

    Attributes:
        tail: the bytes behind the primary image's EOI.
        listing: payload of the MPF segment, or ``None``.
        base: offset in the old file from which the listing counts.
        end: offset in the old file of ``tail``.
    """

    tail: bytes
    listing: bytes | None
    base: int
    end: int

    @property
    def segments(self) -> list[Segment]:
        """Segments that the primary image needs, so that readers find the rest."""
        return [] if self.listing is None else [(segments.APP2, self.listing)]

    def append_to(self, primary: bytes) -> bytes:
        """Returns the whole file with this primary image, which must have :attr:`segments`."""
        if self.listing is None:
            return primary + self.tail
        base = _listing(primary, segments.walk(primary))[0]
        patched = bytearray(primary + self.tail)
        order, entries = _entries(self.listing)
        for number, at in enumerate(entries):
            (offset,) = struct.unpack_from(order + "I", self.listing, at + 8)
            place = base - len(MPF_HEADER) + at
            if number == 0:
                struct.pack_into(order + "I", patched, place + 4, len(primary))
            elif self.end <= self.base + offset < self.end + len(self.tail):  # others lie outside the file
                moved = offset + self.base - self.end + len(primary) - base
                struct.pack_into(order + "I", patched, place + 8, moved)
        return bytes(patched)


def without_listing(own: Sequence[Segment]) -> list[Segment]:
    """Returns the segments without the list of images, for a file that has only one."""
    return [(marker, payload) for marker, payload in own if not payload.startswith(MPF_HEADER)]


def find_trailing(jpeg: bytes, spans: Sequence[Span], *, everything: bool = False) -> TrailingImages | None:
    """Finds the data behind the primary image that belong to it.

    Args:
        jpeg: the file.
        spans: as :func:`.segments.walk` yields them for it.
        everything: count previews and unknown bytes too.

    Returns:
        ``None`` where nothing follows, or the file is too damaged to tell.
    """
    try:
        end = end_of_primary(jpeg, spans)
    except SegmentError:
        return None
    base, listing = _listing(jpeg, spans)
    tail = jpeg[end:]
    if everything and tail:
        return TrailingImages(tail, listing, base, end)
    if not tail.strip(b"\0"):
        return None
    whole = TrailingImages(tail, listing, base, end)
    if listing is not None and not _lists_previews_only(listing):
        return whole
    rest = _behind_previews(whole)
    is_file = _holds_clip(rest) or (listing is None and _starts_with_picture(rest))
    return whole if is_file or (rest.strip(b"\0") and _is_named(jpeg, spans, len(rest))) else None


def find_notes(jpeg: bytes, spans: Sequence[Span]) -> bytes | None:
    """Returns a trailer of a phone or a program that holds text and numbers only, wherever it stands.

    Args:
        jpeg: the file.
        spans: as :func:`.segments.walk` yields them for it.
    """
    end = jpeg[-_LONGEST_END:]
    is_of_a_program = _PROGRAM_TRAILER.search(end) is not None
    if not (is_of_a_program or _is_of_a_phone(end)) or find_trailing(jpeg, spans) is not None:
        return None
    whole = find_trailing(jpeg, spans, everything=True)
    notes = b"" if whole is None else _behind_previews(whole)
    return None if is_of_a_program and holds_picture(notes) else notes or None


def without_names(own: Sequence[Segment]) -> list[Segment]:
    """Returns the segments without what announces images and clips behind the primary image, for a file without them.

    Args:
        own: the segments of the file.
    """
    gain_map = segments.APP2, _GAIN_MAP_HEADER
    kept = [s for s in without_listing(own) if s[0] != gain_map[0] or not s[1].startswith(gain_map[1])]
    return edit_xmp(kept, without_trailing_names)


def refusal(request: str) -> InputError:
    """Returns the error for a request that would change the trailing images; they would have to be decoded for it."""
    return InputError(f"{request} is not supported for files with trailing images; pass trailing_images='drop'")


def end_of_primary(jpeg: bytes, spans: Sequence[Span], most: int = segments.MOST_SEGMENTS) -> int:
    """Returns the offset behind the primary image's EOI, or the length of a file without EOI.

    Args:
        jpeg: the file.
        spans: as :func:`.segments.walk` yields them for it.
        most: segments behind the first scan that are looked at.

    Raises:
        SegmentError: a later segment reaches beyond the data, or there are more.
    """
    at = spans[-1][2] if spans and spans[-1][0] == segments.SOS else len(jpeg)
    for _ in range(most):
        end = segments.scan_end(jpeg, at)
        if end < 0:
            return len(jpeg)
        if jpeg[end + 1] == segments.EOI:
            return end + 2
        at = segments.segment_end(jpeg, end + 2)
    raise SegmentError(f"a JPEG file with more than {most} segments behind its first scan is not supported")


def _lists_previews_only(listing: bytes) -> bool:
    order, entries = _entries(listing)
    classes = [struct.unpack_from(order + "I", listing, at)[0] >> 16 & 0xFF for at in entries[1:]]
    return bool(classes) and all(each == _PREVIEW for each in classes)


def _behind_previews(whole: TrailingImages) -> bytes:
    """The bytes behind the last preview of a list; nothing where one is said to lie elsewhere, all without a list."""
    if whole.listing is None:
        return whole.tail
    last = 0
    order, entries = _entries(whole.listing)
    for at in entries[1:]:
        size, offset = struct.unpack_from(order + "II", whole.listing, at + 4)
        start = whole.base + offset - whole.end
        if not 0 <= start <= start + size <= len(whole.tail):
            return b""
        last = max(last, start + size)
    return whole.tail[last:]


def _starts_with_picture(tail: bytes) -> bool:
    return tail.lstrip(b"\0").startswith(b"\xff\xd8\xff")


def _holds_clip(tail: bytes) -> bool:
    """Whether there is a clip, or a picture in a phone's trailer."""
    return _CLIP.search(tail) is not None or (_is_of_a_phone(tail) and b"\xff\xd8\xff" in tail)


def _is_of_a_phone(tail: bytes) -> bool:
    return _PHONE_TRAILER.search(tail[-_LONGEST_END:]) is not None


def _is_named(jpeg: bytes, spans: Sequence[Span], size: int) -> bool:
    """Whether XMP says that a clip follows, or an item of any kind that has room in so many bytes."""
    for marker, payload in segments.payloads(jpeg, spans):
        if marker != segments.APP1 or not payload.startswith((segments.XMP_HEADER, segments.XMP_EXTENSION_HEADER)):
            continue
        if any(name in payload for name in _MOTION) or any(0 < each <= size for each in item_lengths(payload)):
            return True
    return False


def _listing(jpeg: bytes, spans: Iterator[Span] | Sequence[Span]) -> tuple[int, bytes | None]:
    """The MPF segment: the offset behind its header, from which it counts, and its payload."""
    for marker, start, end in spans:
        if marker == segments.APP2 and jpeg.startswith(MPF_HEADER, start + 4):
            return start + 4 + len(MPF_HEADER), jpeg[start + 4 : end]
    return 0, None


def _entries(listing: bytes) -> tuple[str, list[int]]:
    """Byte order of an MPF payload, and the offsets in it of the entries of its list."""
    body = listing[len(MPF_HEADER) :]
    directory = exif.first_directory(body)
    if directory is None:
        return "<", []
    return directory.order, list(_offsets(body, directory))


def _offsets(body: bytes, directory: exif.Directory) -> Iterator[int]:
    for at in directory.find(body, _LIST):
        kind, count, start = struct.unpack_from(directory.order + "HII", body, at + 2)
        if kind == _UNDEFINED and start + count <= len(body):
            yield from range(len(MPF_HEADER) + start, len(MPF_HEADER) + start + count - _ENTRY + 1, _ENTRY)
        return
