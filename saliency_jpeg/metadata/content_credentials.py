"""Content Credentials (C2PA): a signed manifest about the bytes of a file, in APP11 segments.

The manifest is a JUMBF superbox (ISO/IEC 19566-5) over one or more APP11 segments: "JP", the number of the box (2
bytes), the number of the part (4 bytes), then the box or a part of it behind its own length and type. Its signature
covers the scans and the other segments, so it only holds while not a byte of them changes.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final, Protocol

__all__ = ["without_credentials"]

Segment = tuple[int, bytes]  # marker, payload

_APP11: Final = 0xEB
_JUMBF: Final = b"JP"
_BOX: Final = slice(8, 16)  # length and type, the same in every part
_TYPE: Final = b"c2pa\x00\x11\x00\x10\x80\x00\x00\xaa\x00\x38\x9b\x71"  # in the description box


class _Pattern(Protocol):
    """Names segments; :class:`.segments.SegmentPattern` is meant."""

    def matches(self, segment: Segment, /) -> bool: ...


def without_credentials(segments: Sequence[Segment], keep: Sequence[_Pattern] = ()) -> list[Segment]:
    """Returns the segments without C2PA manifests, for a file of other bytes than those that were signed.

    Args:
        segments: of a file.
        keep: names segments that stay whatever they hold.
    """
    signed = {_box(payload) for marker, payload in segments if marker == _APP11 and _starts_manifest(payload)}
    if not signed:
        return list(segments)

    def stays(segment: Segment) -> bool:
        marker, payload = segment
        is_part = marker == _APP11 and payload.startswith(_JUMBF) and _box(payload) in signed
        return not is_part or any(pattern.matches(segment) for pattern in keep)

    return list(filter(stays, segments))


def _box(payload: bytes) -> bytes:
    """The number, length and type of the box that a segment holds a part of."""
    return payload[2:4] + payload[_BOX]


def _starts_manifest(payload: bytes) -> bool:
    """Whether a segment begins a superbox whose description box ("jumd") names C2PA."""
    return (
        payload.startswith(_JUMBF)
        and payload[12:16] == b"jumb"
        and payload[20:24] == b"jumd"
        and payload[24:40] == _TYPE
    )
