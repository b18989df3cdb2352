"""What stands in a JPEG file behind its first picture and belongs to it.

The other eye of a stereo pair, the gain map of an Ultra HDR photograph, the clip of a motion photograph: files that
show the first picture everywhere and more where the rest is understood. Multi-picture files (CIPA DC-007) list the
offsets of their pictures in an APP2 segment of the first one; XMP counts from the end of the file. So the first picture
can be written anew, with the rest carried along verbatim behind it and the offsets set right.

Large previews that cameras append (class 1 in the list) are renditions of the first picture. They are no further
pictures and are left out, as they would show what the picture was.
"""

from __future__ import annotations

import re
import struct
from collections.abc import Iterator
from typing import Final, NamedTuple

from ..errors import InputError, SegmentError
from . import exif, segments

__all__ = ["Further", "check_metadata", "end_of_first", "find", "refusal", "unlisted"]

MPF_HEADER: Final = b"MPF\0"
_LIST: Final = 0xB002  # MP Entry
_ENTRY: Final = 16  # bytes: attributes, size, offset (4 each), dependent pictures
_UNDEFINED: Final = 7
_PREVIEW: Final = 1  # class of MP type codes
_MARKER: Final = re.compile(rb"\xff[^\x00\x01\xd0-\xd7\xff]")  # in a scan; RSTn and stuffed bytes are no end
_MOTION: Final = (b"MotionPhoto", b"MicroVideo")


class Further(NamedTuple):
    """The rest of a file.

    Attributes:
        tail: the bytes behind the first picture's EOI.
        listing: payload of the MPF segment, or ``None``.
        base: offset in the old file from which the listing counts.
        end: offset in the old file of ``tail``.
    """

    tail: bytes
    listing: bytes | None
    base: int
    end: int

    @property
    def segments(self) -> list[segments.Segment]:
        """What the first picture has to have for the rest to be found."""
        return [] if self.listing is None else [(segments.APP2, self.listing)]

    def behind(self, first: bytes) -> bytes:
        """The whole file with this first picture, which has our segments."""
        if self.listing is None:
            return first + self.tail
        base = _index(first)[0]
        patched = bytearray(first + self.tail)
        order, entries = _entries(self.listing)
        for number, at in enumerate(entries):
            (offset,) = struct.unpack_from(order + "I", self.listing, at + 8)
            place = base - len(MPF_HEADER) + at
            if number == 0:
                struct.pack_into(order + "I", patched, place + 4, len(first))
            elif self.base + offset >= self.end:
                moved = offset + self.base - self.end + len(first) - base
                struct.pack_into(order + "I", patched, place + 8, moved)
        return bytes(patched)

    def first(self, jpeg: bytes) -> bytes:
        """The first picture of the old file alone."""
        return segments.with_segments(jpeg[: self.end], unlisted(segments.parse(jpeg)))


def unlisted(own: list[segments.Segment]) -> list[segments.Segment]:
    """The segments without the list of pictures, for a file that has but one."""
    return [(marker, payload) for marker, payload in own if not payload.startswith(MPF_HEADER)]


def find(jpeg: bytes, *, everything: bool = False) -> Further | None:
    """What belongs to the first picture of a file, or None; ``everything`` counts previews and unknown bytes too."""
    try:
        end = end_of_first(jpeg)
        base, index = _index(jpeg)
    except SegmentError:
        return None
    tail = jpeg[end:]
    if everything and tail:
        return Further(tail, index, base, end)
    if not tail.strip(b"\0"):
        return None
    if index is not None:
        order, entries = _entries(index)
        kinds = [struct.unpack_from(order + "I", index, at)[0] >> 16 & 0xFF for at in entries[1:]]
        if not kinds or any(kind != _PREVIEW for kind in kinds):
            return Further(tail, index, base, end)
    is_file = index is None and (tail.lstrip(b"\0").startswith(b"\xff\xd8\xff") or tail[4:8] == b"ftyp")
    return Further(tail, None, 0, end) if is_file or _says_motion(jpeg) else None


def check_metadata(further: Further | None, mode: str) -> None:
    """Refuses a metadata mode other than ``"keep"`` for files with more behind the first picture: it has some as well.

    Raises:
        InputError: the reason, and what can be done.
    """
    if further is not None and mode != "keep":
        raise InputError(refusal(f"metadata={mode!r}"))


def refusal(wish: str) -> str:
    """Why something cannot be done to a file of several pictures."""
    return (
        f"{wish} cannot be done to the pictures or the clip behind the first picture of this file;"
        " compress(further_images='drop') leaves them out"
    )


def _says_motion(jpeg: bytes) -> bool:
    packets = (payload for marker, payload in segments.parse(jpeg) if marker == segments.APP1)
    return any(p.startswith(segments.XMP_HEADER) and any(name in p for name in _MOTION) for p in packets)


def end_of_first(jpeg: bytes) -> int:
    """The offset behind the first picture's EOI, or the length of a file that has none.

    Raises:
        SegmentError: as :func:`segments.parse`.
    """
    at = len(jpeg)
    for marker, _, end in segments.walk(jpeg):
        if marker == segments.SOS:
            at = end
    while (found := _MARKER.search(jpeg, at)) is not None:
        if found[0][1] == segments.EOI:
            return found.end()
        at = segments.segment_end(jpeg, found.end())
    return len(jpeg)


def _index(jpeg: bytes) -> tuple[int, bytes | None]:
    """The MPF segment: the offset behind its header, from which it counts, and its payload."""
    for marker, start, end in segments.walk(jpeg):
        if marker == segments.APP2 and jpeg.startswith(MPF_HEADER, start + 4):
            return start + 4 + len(MPF_HEADER), jpeg[start + 4 : end]
    return 0, None


def _entries(index: bytes) -> tuple[str, list[int]]:
    """Byte order of an MPF payload, and where in it the entries of its list stand."""
    body = index[len(MPF_HEADER) :]
    directory = exif.first_directory(body)
    if directory is None:
        return "<", []
    return directory.order, list(_places(body, directory))


def _places(body: bytes, directory: exif.Directory) -> Iterator[int]:
    for at in directory.find(body, _LIST):
        kind, count, start = struct.unpack_from(directory.order + "HII", body, at + 2)
        if kind == _UNDEFINED and start + count <= len(body):
            yield from range(len(MPF_HEADER) + start, len(MPF_HEADER) + start + count - _ENTRY + 1, _ENTRY)
        return
