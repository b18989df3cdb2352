"""The header of a JPEG file: what its segments before the first scan say of all scans (T.81 B.2)."""

from __future__ import annotations

import struct
from collections.abc import Iterable
from typing import Final, Literal, NamedTuple

from ..errors import SegmentError
from . import segments
from .libjpeg_quality import estimate_quality

__all__ = ["FRAME_MARKERS", "JpegHeader", "parse_header", "read_header"]

_DQT, _DRI = 0xDB, 0xDD
FRAME_MARKERS: Final = frozenset(range(0xC0, 0xD0)) - {0xC4, 0xC8, 0xCC}  # DHT, JPG and DAC stand among them
_PROGRESSIVE: Final = frozenset({0xC2, 0xC6, 0xCA, 0xCE})
_MCU_BLOCKS: Final = 10  # T.81, B.2.3
_MOST: Final = 4  # sampling factor, T.81, B.2.2


class JpegHeader(NamedTuple):
    """The frame header and the other segments before the first scan that concern all scans.

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
        across, down = luma_h // h, luma_v // v
        is_legal = max(across, down) <= _MOST and across * down + 2 <= _MCU_BLOCKS
        return (across, down) if is_legal else None

    @property
    def quality(self) -> float:
        """The quality, 0 to 100, whose luma steps would have the same sum in libjpeg; 0 without a table."""
        return estimate_quality(self.luma)

    def has_form(self, progressive: bool, restart_interval: int) -> bool:
        """Whether the scans are as asked for, so that they need not be written again.

        Args:
            progressive: may the file be progressive; a sequential one always suits.
            restart_interval: MCUs between restart markers; 0 if any will do.
        """
        return (progressive or not self.progressive) and restart_interval in (0, self.restart_interval)


def read_header(jpeg: bytes) -> JpegHeader | None:
    """Reads the header of the first image in a file; ``None`` where it has no frame header or is damaged."""
    try:
        return parse_header(jpeg, segments.walk(jpeg))
    except SegmentError:
        return None


def parse_header(jpeg: bytes, spans: Iterable[segments.Span]) -> JpegHeader | None:
    """Reads the header of a file whose segments are known; ``None`` where it has no frame header or is damaged.

    Args:
        jpeg: the file.
        spans: as :func:`.segments.walk` yields them for it.
    """
    by_marker: dict[int, bytes] = {}
    luma: tuple[int, ...] = ()
    try:
        for marker, start, end in spans:
            payload = jpeg[start + 4 : end]
            if marker == _DQT:
                luma = _first_table(payload) or luma
            elif marker in (segments.APP0, segments.APP14):
                if segments.names_colours(marker, payload):
                    by_marker[marker] = payload
            else:
                by_marker[marker] = payload
        return _header(by_marker, luma)
    except (struct.error, IndexError):
        return None


def _header(by_marker: dict[int, bytes], luma: tuple[int, ...]) -> JpegHeader | None:
    kind = next((marker for marker in by_marker if marker in FRAME_MARKERS), None)
    if kind is None:
        return None
    header = by_marker[kind]
    components = [header[6 + 3 * i : 9 + 3 * i] for i in range(header[5])]
    ids, sampling = bytes(c[0] for c in components), tuple((c[1] >> 4, c[1] & 15) for c in components)
    if not sampling or any(not 1 <= factor <= _MOST for pair in sampling for factor in pair):
        return None
    adobe, has_jfif = by_marker.get(segments.APP14), segments.APP0 in by_marker
    (interval,) = struct.unpack_from(">H", by_marker.get(_DRI, b"\0\0"))
    return JpegHeader(kind in _PROGRESSIVE, sampling, _colour(ids, has_jfif, adobe), interval, has_jfif, adobe, luma)


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
