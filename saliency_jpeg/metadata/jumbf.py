"""JUMBF superboxes in APP11 segments (ISO/IEC 19566-5), as far as this library reads and writes them.

A superbox may be longer than a segment. Each segment holds a part of it behind the same header, all numbers
big-endian::

    "JP"  En (2)  Z (4)  LBox (4)  "jumb"  part of the content

En is the number of the box, Z that of the part, from 1, and LBox the length of the whole box with its own 8 bytes. The
content is a description box, ``"jumd"``, and the boxes that it describes. Lengths of 64 bits (XLBox) and boxes to the
end of the file (LBox 0) are neither written nor read.

Work and memory are bounded by the length of the segments, whatever their lengths say.
"""

from __future__ import annotations

import struct
from collections.abc import Iterator, Sequence
from typing import Final

from .segments import MAX_PAYLOAD, Segment

__all__ = ["APP11", "belonging", "box", "boxes", "description", "split", "starts_box", "superboxes"]

APP11: Final = 0xEB
_JUMBF: Final = b"JP"
_HEAD: Final = struct.Struct(">2sHII4s")  # "JP", En, Z, LBox, TBox
_BOX: Final = struct.Struct(">I4s")  # LBox, TBox
_SUPERBOX, _DESCRIPTION = b"jumb", b"jumd"
_REQUESTABLE_WITH_LABEL: Final = b"\x03"

MOST: Final = 64_000  # bytes of a payload, as c2pa-rs splits boxes; it refuses a file with one of 17 to 27 bytes


# Writing ------------------------------------------------------------------------------------------------------------


def box(kind: bytes, content: bytes) -> bytes:
    """Returns a box: length, type of four bytes, content."""
    return _BOX.pack(_BOX.size + len(content), kind) + content


def description(kind: bytes, label: bytes) -> bytes:
    """Returns the beginning of a description box behind its length: how :func:`superboxes` knows a superbox.

    Args:
        kind: UUID of the content's type, 16 bytes.
        label: name of the superbox.
    """
    return _DESCRIPTION + kind + _REQUESTABLE_WITH_LABEL + label + b"\0"


def split(number: int, described: bytes, content: bytes) -> list[Segment]:
    """Returns the segments of a superbox, each of 28 to 64,000 bytes, to be written one behind the other.

    Args:
        number: En, which no other box of the file may have.
        described: as :func:`description` returns it.
        content: the boxes behind the description box.
    """
    whole = box(_DESCRIPTION, described[len(_DESCRIPTION) :]) + content
    count = -(-len(whole) // (MOST - _HEAD.size))
    size = -(-len(whole) // count)  # parts of one length, so that none is short
    parts = (whole[at : at + size] for at in range(0, len(whole), size))
    length = _BOX.size + len(whole)
    return [(APP11, _HEAD.pack(_JUMBF, number, n, length, _SUPERBOX) + part) for n, part in enumerate(parts, 1)]


# Reading ------------------------------------------------------------------------------------------------------------


def superboxes(segments: Sequence[Segment], described: bytes) -> list[bytes]:
    """Returns the content of each superbox of one kind, behind its description box.

    Parts are joined in the order of the file up to the first that is missing, so a content may be cut off.

    Args:
        segments: of a file.
        described: how its description box begins, behind the length.
    """
    found: list[list[bytes]] = []
    current, following = b"", 0
    for marker, payload in segments:
        if marker != APP11 or not payload.startswith(_JUMBF) or len(payload) < _HEAD.size:
            continue
        number = _HEAD.unpack_from(payload)[2]
        if starts_box(payload, described):
            found.append([payload[_HEAD.size :]])
            current, following = _identity(payload), number + 1
        elif found and _identity(payload) == current:
            if number == following:
                found[-1].append(payload[_HEAD.size :])
            following = number + 1 if number == following else -1  # nothing follows a gap
    return [_behind_description(b"".join(parts)) for parts in found]


def boxes(content: bytes) -> Iterator[tuple[bytes, bytes]]:
    """Yields type and content of each box; the last may be cut off, and a length below 8 ends the walk.

    Args:
        content: boxes, one behind the other.
    """
    at = 0
    while at + _BOX.size <= len(content):
        length, kind = _BOX.unpack_from(content, at)
        if length < _BOX.size:
            return
        yield kind, content[at + _BOX.size : at + length]
        at += length


def starts_box(payload: bytes, described: bytes) -> bool:
    """Whether the payload of an APP11 segment begins a superbox of one kind.

    Args:
        payload: of the segment.
        described: how its description box begins, behind the length.
    """
    at = _HEAD.size + 4
    return payload.startswith(_JUMBF) and payload[12:16] == _SUPERBOX and payload.startswith(described, at)


def belonging(segments: Sequence[Segment], described: bytes) -> list[bool]:
    """Returns for each segment whether it holds a part of a superbox of one kind.

    GraphicsMagick joins the segments of all boxes and splits them into the longest possible ones, so a part may lack
    its header: it then stands directly behind a segment of :data:`.segments.MAX_PAYLOAD` bytes.

    Args:
        segments: of a file.
        described: how its description box begins, behind the length.
    """
    own = {_identity(payload) for marker, payload in segments if marker == APP11 and starts_box(payload, described)}
    found, missing, goes_on = [], 0, False
    for marker, payload in segments:
        is_part = marker == APP11 and payload.startswith(_JUMBF) and _identity(payload) in own
        is_rest = marker == APP11 and not payload.startswith(_JUMBF) and missing > 0 and goes_on
        if is_part and starts_box(payload, described):
            missing = _BOX.unpack_from(payload, 8)[0] - _BOX.size
        missing -= len(payload) - _HEAD.size if is_part else len(payload) if is_rest else 0
        goes_on = (is_part or is_rest) and len(payload) == MAX_PAYLOAD
        found.append(is_part or is_rest)
    return found


def _identity(payload: bytes) -> bytes:
    """The number, length and type of the box that a segment holds a part of."""
    return payload[2:4] + payload[8:16]


def _behind_description(content: bytes) -> bytes:
    return content[_BOX.unpack_from(content)[0] :]
