"""A second reader of layers, written from the byte layout in docs/layers.md; it shares no code with the library's."""

from __future__ import annotations

import struct
import zlib
from typing import NamedTuple

UUID_TYPE = bytes.fromhex("7575696400110010800000aa00389b71")
VENDOR = bytes.fromhex("705849f039b14d65b9ff23ffbe21e7ca")


class Container(NamedTuple):
    digest: bytes
    layers: list[tuple[bytes, int, bytes]]  # name, version, payload


def app_segments(jpeg: bytes) -> list[tuple[int, bytes]]:
    """Marker and payload of all segments in front of the first scan."""
    assert jpeg[:2] == b"\xff\xd8"
    at, found = 2, []
    while jpeg[at + 1] != 0xDA:
        assert jpeg[at] == 0xFF
        (length,) = struct.unpack_from(">H", jpeg, at + 2)
        found.append((jpeg[at + 1], jpeg[at + 4 : at + 2 + length]))
        at += 2 + length
    return found


def read_container(jpeg: bytes) -> Container:
    """The one container of a file, every byte of it checked."""
    payloads = [p for m, p in app_segments(jpeg) if m == 0xEB]
    box = b""
    for number, payload in enumerate(payloads, 1):
        assert 28 <= len(payload) <= 64_000
        assert payload[:4] == b"JPSJ"
        assert struct.unpack(">I", payload[4:8]) == (number,)
        assert payload[8:16] == payloads[0][8:16]
        box += payload[16:]
    length, kind = struct.unpack(">I4s", payloads[0][8:16])
    assert (length, kind) == (len(box) + 8, b"jumb")
    length, kind, uuid, toggles = struct.unpack(">I4s16sB", box[:25])
    assert (kind, uuid, toggles) == (b"jumd", UUID_TYPE, 3)
    assert box[25:length] == b"saliency-jpeg.layers\0"
    size, kind, vendor = struct.unpack(">I4s16s", box[length : length + 24])
    assert (size + length, kind, vendor) == (len(box), b"uuid", VENDOR)
    return read_content(box[length + 24 :])


def read_content(content: bytes) -> Container:
    version, count, digest = struct.unpack(">BB8s", content[:10])
    assert version == 1
    end = 10 + 18 * count
    assert struct.unpack(">I", content[end : end + 4]) == (zlib.crc32(content[:end]),)
    at, layers = end + 4, []
    for entry in range(10, end, 18):
        name, version, length, check = struct.unpack(">8sHII", content[entry : entry + 18])
        payload = content[at : at + length]
        assert len(payload) == length
        assert zlib.crc32(payload) == check
        layers.append((name.rstrip(b"\0"), version, payload))
        at += length
    assert at == len(content)
    return Container(digest, layers)


def xxh64(data: bytes) -> bytes:
    """XXH64 with seed 0 of whole stripes of 32 bytes, by its specification."""
    mask, p1, p2, p3, p4 = (
        (1 << 64) - 1,
        0x9E3779B185EBCA87,
        0xC2B2AE3D27D4EB4F,
        0x165667B19E3779F9,
        0x85EBCA77C2B2AE63,
    )

    def rotated(x: int, bits: int) -> int:
        return (x << bits | x >> (64 - bits)) & mask

    def mixed(lane: int, word: int) -> int:
        return rotated((lane + word * p2) & mask, 31) * p1 & mask

    lanes = [(p1 + p2) & mask, p2, 0, -p1 & mask]
    assert data
    assert len(data) % 32 == 0
    for words in struct.iter_unpack("<4Q", data):
        lanes = [mixed(lane, word) for lane, word in zip(lanes, words, strict=True)]
    value = sum(rotated(lane, bits) for lane, bits in zip(lanes, (1, 7, 12, 18), strict=True)) & mask
    for lane in lanes:
        value = ((value ^ mixed(0, lane)) * p1 + p4) & mask
    value = (value + len(data)) & mask
    value = (value ^ value >> 33) * p2 & mask
    value = (value ^ value >> 29) * p3 & mask
    return struct.pack(">Q", value ^ value >> 32)
