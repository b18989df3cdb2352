"""Limits that a JPEG file must keep before it is decoded, found by a walk over its markers.

A progressive file of a few kilobytes can make a decoder pass over all blocks of a large image again and again: with
runs of ends of bands a scan of 32767 blocks takes two bytes. The reader of levels has the same limits
(``csrc/codec/jpeg_reader.cc``); here they protect the decoders of others.
"""

from __future__ import annotations

import struct
from collections.abc import Iterator, Sequence
from typing import Final, NamedTuple

from ..errors import InputError
from .jpeg_header import FRAME_MARKERS
from .segments import EOI, MOST_SEGMENTS, SCAN_MARKER, SOS, Span

__all__ = ["MOST_BLOCKS", "MOST_PASSES", "MOST_SCANS", "check_scans", "frame_sizes"]

MOST_SCANS: Final = 256  # encoders write up to about 20
MOST_PASSES: Final = 24  # over all blocks of a frame; encoders make up to about 12
MOST_BLOCKS: Final = 1 << 26  # in all scans together, where that is more; about a second of a decoder's time

_LARGEST_FACTOR: Final = 4  # T.81, B.2.2


class _Frame(NamedTuple):
    """A frame header (T.81 B.2.2): its size and the sampling factors (h, v) of each component by its id."""

    height: int
    width: int
    factors: dict[int, tuple[int, int]]

    @property
    def blocks(self) -> int:
        """Of all components."""
        return sum(self._blocks_alone(h, v) for h, v in self.factors.values())

    def scan_blocks(self, ids: bytes) -> int:
        """Blocks of a scan; one of a single component has no padding (T.81 A.2.2 and A.2.3)."""
        factors = [self.factors[identity] for identity in ids if identity in self.factors]
        if len(factors) == 1:
            return self._blocks_alone(*factors[0])
        highest, widest = self._largest
        mcus = -(-self.height // (8 * highest)) * -(-self.width // (8 * widest))
        return mcus * sum(h * v for h, v in factors)

    @property
    def _largest(self) -> tuple[int, int]:
        return max(v for _, v in self.factors.values()), max(h for h, _ in self.factors.values())

    def _blocks_alone(self, h: int, v: int) -> int:
        highest, widest = self._largest
        rows, cols = -(-self.height * v // (8 * highest)), -(-self.width * h // (8 * widest))
        return rows * cols


def frame_sizes(jpeg: bytes, spans: Sequence[Span]) -> list[tuple[int, int]]:
    """Returns (width, height) of every frame header before the first scan; a sound file has one.

    Args:
        jpeg: a JPEG file.
        spans: as :func:`.segments.walk` yields them for it.
    """
    return [(frame.width, frame.height) for frame in _frames(jpeg, spans)]


def check_scans(jpeg: bytes, spans: Sequence[Span]) -> None:
    """Checks that the scans of the primary image are as few as encoders write, without decoding them.

    Args:
        jpeg: a JPEG file.
        spans: as :func:`.segments.walk` yields them for it.

    Raises:
        InputError: more than 256 scans, more than 10000 segments behind the first scan, or scans of too many blocks:
            at most 2 ** 26 in all, or 24 times the blocks of the image if that is more.
    """
    frame = next(_frames(jpeg, spans), None)
    if frame is None or not spans or spans[-1][0] != SOS:
        return  # no decoder comes to a scan
    most = max(MOST_BLOCKS, MOST_PASSES * frame.blocks)
    blocks = 0
    for scans, header in enumerate(_scan_headers(jpeg, spans[-1]), 1):
        if scans > MOST_SCANS:
            raise InputError(f"more than {MOST_SCANS} scans are not supported")
        blocks += frame.scan_blocks(header[1 : 1 + 2 * header[0] : 2]) if header else 0
        if blocks > most:
            raise InputError(f"the scans of this JPEG file have too many blocks, at most {most}, got {blocks}")


def _frames(jpeg: bytes, spans: Sequence[Span]) -> Iterator[_Frame]:
    """The frame headers that a decoder can take."""
    for marker, start, end in spans:
        if marker not in FRAME_MARKERS or end - start < 13:
            continue
        height, width, count = struct.unpack_from(">HHB", jpeg, start + 5)
        components = [jpeg[at : at + 2] for at in range(start + 10, end - 2, 3)][:count]
        factors = {component[0]: (component[1] >> 4, component[1] & 15) for component in components}
        if factors and all(1 <= factor <= _LARGEST_FACTOR for pair in factors.values() for factor in pair):
            yield _Frame(height, width, factors)


def _scan_headers(jpeg: bytes, first: Span) -> Iterator[bytes]:
    """The payloads of the SOS segments up to EOI; a length below 2 counts as 2, as libjpeg takes it."""
    _, start, at = first
    yield jpeg[start + 4 : at]
    for _ in range(MOST_SEGMENTS):
        found = SCAN_MARKER.search(jpeg, at)
        if found is None or found[0][1] == EOI:
            return
        at = found.end()
        length = int.from_bytes(jpeg[at : at + 2], "big")
        if found[0][1] == SOS:
            yield jpeg[at + 2 : at + length]
        at += max(length, 2)
    raise InputError(f"more than {MOST_SEGMENTS} segments behind the first scan are not supported")
