"""Photoshop's image resources, IPTC among them, in APP13 segments.

A resource: "8BIM", number (2 bytes), name (length and text, padded to even), length (4 bytes), data (to even).
"""

from __future__ import annotations

import struct
from collections.abc import Mapping, Sequence
from typing import Final

from . import iptc
from .pictures import holds_picture
from .segments import APP13, MAX_PAYLOAD, PHOTOSHOP_HEADER, Segment

__all__ = [
    "IPTC",
    "blanked",
    "parse_resources",
    "resource_segments",
    "with_swapped_resolution",
    "without_pictures",
]

IPTC: Final = 0x0404
_SIGNATURE: Final = b"8BIM"
_SIGNATURES: Final = (_SIGNATURE, b"PHUT", b"DCSR", b"AgHg", b"MeSa")  # of other programs too, as ExifTool knows them
_HEADERS: Final = (PHOTOSHOP_HEADER, b"Adobe_Photoshop2.5:")
_THUMBNAILS: Final = (1033, 1036)
_MOST_JOINED: Final = 64  # segments of one block
_RESOLUTION: Final = 1005  # horizontal: value, unit, unit of the width; vertical: the same (4, 2 and 2 bytes each)
_MOST: Final = MAX_PAYLOAD - len(PHOTOSHOP_HEADER)  # bytes of resources in one segment


def parse_resources(data: bytes) -> dict[int, bytes]:
    """Returns the resources of a block by their numbers, up to the first that is damaged.

    Args:
        data: resources one after another, without the segment's header.
    """
    found: dict[int, bytes] = {}
    for number, _, start, end in _walk(data):
        found[number] = data[start:end]
    return found


def resource_segments(resources: Mapping[int, bytes]) -> list[Segment]:
    """Returns APP13 segments with resources, without thumbnails and what fits no segment.

    Args:
        resources: by their numbers.
    """
    bodies: list[bytes] = []
    for number, data in resources.items():
        body = _SIGNATURE + struct.pack(">HHI", number, 0, len(data)) + data + b"\0" * (len(data) % 2)
        if number in _THUMBNAILS or len(body) > _MOST:
            continue
        if bodies and len(bodies[-1]) + len(body) <= _MOST:
            bodies[-1] += body
        else:
            bodies.append(body)
    return [(APP13, PHOTOSHOP_HEADER + body) for body in bodies]


def without_pictures(own: Sequence[Segment]) -> list[Segment]:
    """Returns the segments of a file without thumbnails and other pictures in Photoshop's resources.

    Resources may go on in the next segment. Where nothing is cut out, all stay as they are.

    Args:
        own: of any kind, in order.
    """
    kept: list[Segment] = []
    block: list[Segment] = []
    open_end = b""  # of the block: a resource that goes on in the next segment
    for segment in own:
        header = _header(segment)
        if not header:
            kept.append(segment)
            continue
        block.append(segment)
        open_end += segment[1][len(header) :]
        open_end = open_end[_end(open_end) :]
        if not open_end or len(block) == _MOST_JOINED:
            kept += _without_pictures(block) if not open_end else _without_pictures_unfinished(block, open_end)
            block, open_end = [], b""
    return [*kept, *_without_pictures_unfinished(block, open_end)]


def _header(segment: Segment) -> bytes:
    headers = (header for header in _HEADERS if segment[0] == APP13 and segment[1].startswith(header))
    return next(headers, b"")


def _end(data: bytes) -> int:
    """The offset behind the last resource that is whole, with the byte that pads it."""
    walked = _walk(data)
    if not walked:
        return 0
    _, _, start, end = walked[-1]
    return min(end + (end - start) % 2, len(data))


def _without_pictures(block: Sequence[Segment]) -> list[Segment]:
    """The segments of one block of resources."""
    data = b"".join(segment[1][len(_header(segment)) :] for segment in block)
    cut = _cut(data)
    if cut == data:
        return list(block)
    return [(APP13, PHOTOSHOP_HEADER + cut[at : at + _MOST]) for at in range(0, len(cut), _MOST)]


def _without_pictures_unfinished(block: Sequence[Segment], open_end: bytes) -> list[Segment]:
    """The segments of a block that does not come to an end: each for itself, unless a picture goes on in them."""
    if holds_picture(open_end):
        return _without_pictures(block)
    return [left for segment in block for left in _without_pictures([segment])]


def _cut(data: bytes) -> bytes:
    """A block of resources without pictures; what is damaged stays unless a picture is in it."""
    kept: list[bytes] = []
    has_changed = False
    for number, at, start, end in _walk(data):
        value = data[start:end]
        left = iptc.without_pictures(value) if number == IPTC else value
        is_gone = number in _THUMBNAILS or (number != IPTC and holds_picture(value)) or not (left or not value)
        has_changed |= is_gone or left != value
        if not is_gone:
            head = data[at : start - 4] + struct.pack(">I", len(left))
            kept += [head, left, b"\0" * (len(left) % 2) if left != value else data[end : end + (end - start) % 2]]
    rest = data[_end(data) :]
    is_rest_gone = holds_picture(rest)
    if not has_changed and not is_rest_gone:
        return data
    return b"".join(kept) + (b"" if is_rest_gone else rest)


def blanked(data: bytes) -> bytes:
    """Returns resources with zeros for pictures; nothing moves.

    Args:
        data: resources one after another, without a segment's header.
    """
    patched = bytearray(data)
    for number, _, start, end in _walk(data):
        if number == IPTC:
            patched[start:end] = iptc.blanked(data[start:end])
        elif number in _THUMBNAILS or holds_picture(data[start:end]):
            patched[start:end] = bytes(end - start)
    rest = _end(data)
    if holds_picture(data[rest:]):
        patched[rest:] = bytes(len(data) - rest)
    return bytes(patched)


def with_swapped_resolution(payload: bytes) -> bytes:
    """Returns an APP13 segment with the horizontal and vertical resolution of its resources exchanged.

    Args:
        payload: of the segment.
    """
    if not payload.startswith(PHOTOSHOP_HEADER):
        return payload
    patched, header = bytearray(payload), len(PHOTOSHOP_HEADER)
    for number, _, start, end in _walk(payload[header:]):
        if number == _RESOLUTION and end - start == 16:
            across, down = slice(header + start, header + start + 8), slice(header + start + 8, header + end)
            patched[across], patched[down] = payload[down], payload[across]
    return bytes(patched)


def _walk(data: bytes) -> list[tuple[int, int, int, int]]:
    """Number, offset, offset of the data and offset behind the data of each resource."""
    found, at = [], 0
    while data[at : at + 4] in _SIGNATURES and at + 7 <= len(data):
        (number,) = struct.unpack_from(">H", data, at + 4)
        start = at + 6 + (data[at + 6] + 2) // 2 * 2 + 4
        if start > len(data):
            break
        (length,) = struct.unpack_from(">I", data, start - 4)
        end = start + int(length)
        if end > len(data):
            break
        found.append((int(number), at, start, end))
        at = end + (end - start) % 2
    return found
