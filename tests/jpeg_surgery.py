"""Small JPEG files of every mode, and ways to cut them up and put them together again."""

from __future__ import annotations

from collections.abc import Callable, Iterable

from helpers import photo, quantized

SOF0, SOF2, DHT = b"\xff\xc0", b"\xff\xc2", b"\xff\xc4"
EOI, SOS, DQT, DRI = b"\xff\xd9", b"\xff\xda", b"\xff\xdb", b"\xff\xdd"


def change(jpeg: bytes, marker: bytes, edit: Callable[[bytes], bytes], nth: int = 0) -> bytes:
    """``jpeg`` with ``edit(payload)``, whole segments or nothing, in place of the nth segment of that marker."""
    at = -1
    for _ in range(nth + 1):
        at = jpeg.index(marker, at + 1)
    end = at + 2 + int.from_bytes(jpeg[at + 2 : at + 4], "big")
    return jpeg[:at] + edit(jpeg[at + 4 : end]) + jpeg[end:]


def segment(marker: bytes, payload: bytes) -> bytes:
    return marker + (len(payload) + 2).to_bytes(2, "big") + payload


def join(segments: Iterable[tuple[int, bytes]]) -> bytes:
    """Segments given by the second byte of their marker and their payload, written without the package."""
    return b"".join(segment(bytes([0xFF, marker]), payload) for marker, payload in segments)


def splice(jpeg: bytes, segments: Iterable[tuple[int, bytes]]) -> bytes:
    """``jpeg`` with segments in front of all others."""
    return jpeg[:2] + join(segments) + jpeg[2:]


def insert(jpeg: bytes, marker: bytes, extra: bytes, nth: int = 0) -> bytes:
    """``jpeg`` with ``extra`` in front of the nth segment of that marker."""
    return change(jpeg, marker, lambda payload: extra + segment(marker, payload), nth)


BASE = quantized(photo(40, 56), 2, 2)
SEQUENTIAL = BASE.jpeg(progressive=False)
PROGRESSIVE = BASE.jpeg()
RESTARTS = BASE.jpeg(progressive=False, restart_interval=2)
SEPARATE = BASE.jpeg(progressive=False, scans=[((c,), 0, 63, 0, 0) for c in range(3)])
