"""Photoshop's image resources, IPTC among them, in APP13 segments.

A resource: "8BIM", number (2 bytes), name (length and text, padded to even), length (4 bytes), data (to even).
"""

from __future__ import annotations

import struct
from collections.abc import Mapping
from typing import Final

from .segments import APP13, MAX_PAYLOAD, PHOTOSHOP_HEADER, Segment

__all__ = ["IPTC", "parse_resources", "resource_segments", "with_swapped_resolution", "without_thumbnails"]

IPTC: Final = 0x0404
_SIGNATURE: Final = b"8BIM"
_THUMBNAILS: Final = (1033, 1036)
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


def without_thumbnails(payload: bytes) -> bytes:
    """Returns an APP13 segment without its thumbnails; unchanged if it is another kind or does not parse to its end.

    Args:
        payload: of the segment.
    """
    if not payload.startswith(PHOTOSHOP_HEADER):
        return payload
    data = payload[len(PHOTOSHOP_HEADER) :]
    kept, at = [PHOTOSHOP_HEADER], 0
    for number, start, value, end in _walk(data):
        at = min(end + (end - value) % 2, len(data))
        if number not in _THUMBNAILS:
            kept.append(data[start:at])
    return b"".join(kept) if at == len(data) else payload


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
    while data[at : at + 4] == _SIGNATURE and at + 7 <= len(data):
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
