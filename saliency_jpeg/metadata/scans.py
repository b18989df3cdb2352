"""The scans of a JPEG file on their own: between other segments, and without what else stands among them."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from typing import Final

from ..errors import SegmentError
from . import segments
from .jpeg_header import FRAME_MARKERS
from .segments import Segment, Span

__all__ = ["with_only"]

_SOI: Final = 0xD8
_DHT, _DAC, _DQT, _DNL, _DRI, _DHP, _EXP = 0xC4, 0xCC, 0xDB, 0xDC, 0xDD, 0xDE, 0xDF
_MOST: Final = 4  # components of a scan, a sampling factor and the slots of tables: T.81, B.2.2 to B.2.4


def with_only(jpeg: bytes, spans: Sequence[Span], own: Sequence[Segment]) -> bytes:
    """Returns the scans of a file with these APPn and COM segments and nothing else that is not needed to decode it.

    Other such segments go, those between scans too, and so do those of reserved markers, stray bytes between segments
    and all that follows EOI. What stands in a frame, table or scan header behind its last field goes too, and so does
    a segment that is none of the kind its marker names. A second SOI ends a file whose EOI is missing.

    Args:
        jpeg: the file.
        spans: as :func:`.segments.walk` yields them for it.
        own: the segments, which go behind SOI.

    Raises:
        SegmentError: there is no scan, the header of a scan is damaged, or a segment behind the first scan.
    """
    if not spans or spans[-1][0] != segments.SOS:
        raise SegmentError("it has no scan")
    tables = [_cut(jpeg[start:end]) for _, start, end in spans]
    return b"".join([segments.replace_segments(b"\xff\xd8", own, []), *tables, *_scans(jpeg, spans[-1][2])])


def _scans(jpeg: bytes, at: int) -> Iterator[bytes]:
    """What follows the header of the first scan, to EOI."""
    is_scan = True
    while (start := segments.scan_end(jpeg, at)) >= 0:
        marker = jpeg[start + 1]
        if is_scan:
            yield jpeg[at:start]
        if marker in (segments.EOI, _SOI):
            yield b"\xff\xd9"
            return
        at = segments.segment_end(jpeg, start + 2)
        is_scan = marker == segments.SOS or (is_scan and marker not in _SIZES)
        yield _cut(jpeg[start:at])
    if is_scan:
        yield jpeg[at:]


# What decoders need of a segment --------------------------------------------------------------------------------------


def _cut(segment: bytes) -> bytes:
    """A segment up to the end of its last field; nothing where it is not needed, or damaged and no scan's."""
    marker, payload = segment[1], segment[4:]
    size = _SIZES[marker](payload) if marker in _SIZES else 0
    if not 0 < size <= len(payload):
        if marker == segments.SOS:
            raise SegmentError("the header of a scan is damaged")
        return b""
    return segment[:2] + (size + 2).to_bytes(2, "big") + payload[:size]


def _frame_size(payload: bytes) -> int:
    """P, Y, X, Nf, and three bytes for each component: B.2.2."""
    size = 6 + 3 * payload[5] if len(payload) > 5 else 0
    factors = payload[7:size:3]
    return size if factors and all(1 <= each >> 4 <= _MOST and 1 <= each & 15 <= _MOST for each in factors) else 0


def _scan_size(payload: bytes) -> int:
    """Ns, two bytes for each component, and the band: B.2.3."""
    return 4 + 2 * payload[0] if payload and 1 <= payload[0] <= _MOST else 0


def _tables_size(payload: bytes, size_at: Callable[[int], int]) -> int:
    """Of whole tables that follow one another, each behind a byte of its class or precision and its slot."""
    at = 0
    while at < len(payload) and payload[at] >> 4 <= 1 and payload[at] & 15 < _MOST:
        end = at + size_at(at)
        if end > len(payload):
            break
        at = end
    return at


def _quantization_size(payload: bytes) -> int:
    """64 steps of one or two bytes: B.2.4.1."""
    return _tables_size(payload, lambda at: 1 + 64 * (1 + (payload[at] >> 4)))


def _huffman_size(payload: bytes) -> int:
    """How many codes there are of each of 16 lengths, and their symbols: B.2.4.2."""
    return _tables_size(payload, lambda at: 17 + sum(payload[at + 1 : at + 17]))


def _arithmetic_size(payload: bytes) -> int:
    """One byte: B.2.4.3."""
    return _tables_size(payload, lambda _: 2)


_SIZES: Final[dict[int, Callable[[bytes], int]]] = {
    **dict.fromkeys((*FRAME_MARKERS, _DHP), _frame_size),
    _DHT: _huffman_size,
    _DAC: _arithmetic_size,
    segments.SOS: _scan_size,
    _DQT: _quantization_size,
    **dict.fromkeys((_DNL, _DRI), lambda _: 2),
    _EXP: lambda _: 1,
}
