"""What the header of a JPEG file says of its scans (T.81, B.2), read without decoding anything."""

from __future__ import annotations

import struct
from typing import Final, Literal, NamedTuple

from ..errors import SegmentError
from . import segments

__all__ = ["Frame", "read_frame"]

_DQT, _DRI = 0xDB, 0xDD
_SOF: Final = frozenset(range(0xC0, 0xD0)) - {0xC4, 0xC8, 0xCC}  # DHT, JPG and DAC stand among them
_PROGRESSIVE: Final = frozenset({0xC2, 0xC6, 0xCA, 0xCE})
_MCU_BLOCKS: Final = 10  # T.81, B.2.3
_MOST: Final = 4  # sampling factor, T.81, B.2.2

# T.81, table K.1: what libjpeg's qualities scale.
_LUMA: Final = (
    *(16, 11, 10, 16, 24, 40, 51, 61),
    *(12, 12, 14, 19, 26, 58, 60, 55),
    *(14, 13, 16, 24, 40, 57, 69, 56),
    *(14, 17, 22, 29, 51, 87, 80, 62),
    *(18, 22, 37, 56, 68, 109, 103, 77),
    *(24, 35, 55, 64, 81, 104, 113, 92),
    *(49, 64, 78, 87, 103, 121, 120, 101),
    *(72, 92, 95, 98, 112, 100, 103, 99),
)


class Frame(NamedTuple):
    """The frame header and what else in front of the first scan concerns all scans.

    Attributes:
        progressive: progressive or sequential.
        sampling: (h, v) of each component.
        colour: ``"gray"``, ``"ycc"``, ``"rgb"`` or ``"cmyk"`` (YCCK too), as libjpeg decides.
        restart_interval: MCUs between restart markers; 0 is none.
        has_jfif: whether there is a JFIF segment.
        adobe: payload of Adobe's APP14 segment, if there is one.
        luma: 64 steps of the quantization table 0, or nothing.
    """

    progressive: bool
    sampling: tuple[tuple[int, int], ...]
    colour: Literal["gray", "ycc", "rgb", "cmyk"]
    restart_interval: int
    has_jfif: bool
    adobe: bytes | None
    luma: tuple[int, ...]

    @property
    def subsampling(self) -> tuple[int, int] | None:
        """Luma samples across and down for each chroma sample, where the encoder can do the same; else None."""
        if len(self.sampling) != 3 or self.sampling[1] != self.sampling[2]:
            return None
        (luma_h, luma_v), (h, v), _ = self.sampling
        if luma_h % h or luma_v % v:
            return None
        found = luma_h // h, luma_v // v
        return found if max(found) <= _MOST and found[0] * found[1] + 2 <= _MCU_BLOCKS else None

    @property
    def quality(self) -> float:
        """The quality, 0 to 100, whose luma steps would have the same sum in libjpeg; 0 without a table."""
        return float(min(range(1, 101), key=lambda q: abs(_sum_of_steps(q) - sum(self.luma)))) if self.luma else 0.0


def _sum_of_steps(quality: int) -> int:
    percent = 5000 // quality if quality < 50 else 200 - 2 * quality
    return sum(min(max((step * percent + 50) // 100, 1), 255) for step in _LUMA)


def read_frame(jpeg: bytes) -> Frame | None:
    """The header of the first image in a file; None where there is no frame header or it is damaged."""
    found: dict[int, bytes] = {}
    luma: tuple[int, ...] = ()
    try:
        for marker, start, end in segments.walk(jpeg):
            payload = jpeg[start + 4 : end]
            if marker == _DQT:
                luma = _first_table(payload) or luma
            elif marker in (segments.APP0, segments.APP14):
                if payload.startswith((segments.JFIF_HEADER, segments.ADOBE_HEADER)):
                    found[marker] = payload
            else:
                found[marker] = payload
        return _frame(found, luma)
    except (SegmentError, struct.error, IndexError):
        return None


def _frame(found: dict[int, bytes], luma: tuple[int, ...]) -> Frame | None:
    kind = next((marker for marker in found if marker in _SOF), None)
    if kind is None:
        return None
    header = found[kind]
    components = [header[6 + 3 * i : 9 + 3 * i] for i in range(header[5])]
    ids, sampling = bytes(c[0] for c in components), tuple((c[1] >> 4, c[1] & 15) for c in components)
    if not sampling or any(not 1 <= factor <= _MOST for pair in sampling for factor in pair):
        return None
    adobe, has_jfif = found.get(segments.APP14), segments.APP0 in found
    (interval,) = struct.unpack_from(">H", found.get(_DRI, b"\0\0"))
    return Frame(kind in _PROGRESSIVE, sampling, _colour(ids, has_jfif, adobe), interval, has_jfif, adobe, luma)


def _colour(ids: bytes, has_jfif: bool, adobe: bytes | None) -> Literal["gray", "ycc", "rgb", "cmyk"]:
    if len(ids) < 3:
        return "gray"
    if len(ids) > 3:
        return "cmyk"
    if has_jfif:
        return "ycc"
    if adobe is not None and len(adobe) >= 12:
        return "rgb" if adobe[11] == 0 else "ycc"
    return "rgb" if ids == b"RGB" else "ycc"


def _first_table(payload: bytes) -> tuple[int, ...]:
    """The steps of table 0 out of a DQT segment, in file order; nothing if it is not there."""
    at = 0
    while at < len(payload):
        wide, number = payload[at] >> 4, payload[at] & 15
        size = 128 if wide else 64
        if number == 0 and at + 1 + size <= len(payload):
            return struct.unpack_from(">64H" if wide else ">64B", payload, at + 1)
        at += 1 + size
    return ()
