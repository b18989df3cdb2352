"""XMP in APP1 segments: a packet, and extended XMP in parts that name its MD5 digest (XMP part 3, 1.1.3.1)."""

from __future__ import annotations

import hashlib
import re
import struct
from collections.abc import Callable, Mapping, Sequence
from typing import Final

from .segments import APP1, XMP_EXTENSION_HEADER, XMP_HEADER, Segment

__all__ = ["EXTENSION_CHUNK", "edit_xmp", "split_extended"]

EXTENSION_CHUNK: Final = 65400  # leaves room for the 75 bytes of header
_DIGEST: Final = re.compile(rb"(?<![0-9A-Za-z])[0-9A-Za-z]{32}(?![0-9A-Za-z])")
_PARTS_START: Final = len(XMP_EXTENSION_HEADER) + 40  # behind digest, full length and offset


def split_extended(tree: bytes) -> tuple[bytes, list[Segment]]:
    """Returns the digest that names extended XMP, and its segments.

    Each part carries the digest (32 hexadecimal digits), the full length and its own offset, both 32 bits.

    Args:
        tree: the whole XMP tree without its packet wrapper.
    """
    guid = hashlib.md5(tree, usedforsecurity=False).hexdigest().upper().encode()
    parts = []
    for at in range(0, len(tree), EXTENSION_CHUNK):
        head = XMP_EXTENSION_HEADER + guid + struct.pack(">II", len(tree), at)
        parts.append((APP1, head + tree[at : at + EXTENSION_CHUNK]))
    return guid, parts


def edit_xmp(segments: Sequence[Segment], change: Callable[[bytes], bytes]) -> list[Segment]:
    """Returns the segments with all XMP changed, extended XMP included; unchanged XMP stays byte for byte.

    Extended XMP of which a part is missing cannot be read by anyone. It is left out where the change would cut
    something out of one of its parts.

    Args:
        segments: of a file, each ``(marker, payload)``.
        change: makes a new packet, or new extended XMP, out of the old one.
    """
    gone: set[int] = set()
    new: list[Segment] = []
    renamed: dict[bytes, bytes] = {}
    for guid, numbers in _extensions(segments).items():
        changed = _edit_extension([segments[number][1] for number in numbers], change)
        if changed is None:
            continue
        gone.update(numbers)
        if changed:
            renamed[guid], parts = split_extended(changed)
            new += parts
    kept = [segment for number, segment in enumerate(segments) if number not in gone]
    return [*(_edit_packet(segment, renamed, change) for segment in kept), *new]


def _edit_packet(segment: Segment, renamed: Mapping[bytes, bytes], change: Callable[[bytes], bytes]) -> Segment:
    """A segment with its packet changed, and with the new digests of extended XMP in the place of the old ones."""
    marker, payload = segment
    if marker != APP1 or not payload.startswith(XMP_HEADER):
        return segment
    packet = payload[len(XMP_HEADER) :]
    if renamed:
        packet = _DIGEST.sub(lambda found: renamed.get(found[0], found[0]), packet)
    return marker, XMP_HEADER + change(packet)


def _extensions(segments: Sequence[Segment]) -> dict[bytes, list[int]]:
    """The indices of the segments of each extended XMP, by its digest."""
    found: dict[bytes, list[int]] = {}
    for number, (marker, payload) in enumerate(segments):
        if marker == APP1 and payload.startswith(XMP_EXTENSION_HEADER) and len(payload) >= _PARTS_START:
            found.setdefault(payload[len(XMP_EXTENSION_HEADER) : len(XMP_EXTENSION_HEADER) + 32], []).append(number)
    return found


def _edit_extension(payloads: Sequence[bytes], change: Callable[[bytes], bytes]) -> bytes | None:
    """The changed extended XMP of its parts, empty where it is to be left out, or ``None`` where nothing changed."""
    tree = _joined(payloads)
    if tree is None:
        parts = [payload[_PARTS_START:] for payload in payloads]
        return None if all(change(part) == part for part in parts) else b""
    changed = change(tree)
    return None if changed == tree else changed


def _joined(payloads: Sequence[bytes]) -> bytes | None:
    """The extended XMP of its parts, or ``None`` where one is missing."""
    tree, at = [], 0
    ordered = sorted(payloads, key=lambda p: p[_PARTS_START - 4 : _PARTS_START])
    (full,) = struct.unpack_from(">I", ordered[0], _PARTS_START - 8)
    for payload in ordered:
        (offset,) = struct.unpack_from(">I", payload, _PARTS_START - 4)
        if offset != at:
            return None
        tree.append(payload[_PARTS_START:])
        at += len(tree[-1])
    return b"".join(tree) if at == full else None
