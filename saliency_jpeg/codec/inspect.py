"""The parts of a JPEG file: its segments and scans by their bytes, and where in the picture its bits went.

:func:`inspect_jpeg` walks over the markers of T.81 B.1.1.3 and accounts for every byte of the file; levels and tables
come from :func:`_core.read_jpeg`, which also says whether the file is sound.
"""

from __future__ import annotations

import struct
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Final

import numpy as np
from numpy.typing import NDArray

from ..metadata import segments
from ..metadata.jpeg_header import JpegHeader
from ..metadata.jpeg_source import JpegSource
from ..metadata.limits import DEFAULT_MAX_PIXELS
from . import _core
from .subsampling import SUBSAMPLINGS
from .symbol_costs import symbol_costs

__all__ = ["Inspection", "Part", "Scan", "bits_map", "block_bits", "inspect_jpeg"]

_MOST_BITS: Final = 99.5  # percentile of the bits of a block that a map shows as the most
_NAMES: Final = {
    **{0xC0: "SOF0", 0xC1: "SOF1", 0xC2: "SOF2", 0xC4: "DHT", 0xD8: "SOI", 0xD9: "EOI", 0xDA: "SOS", 0xDB: "DQT"},
    **{0xDD: "DRI", 0xFE: "COM"},
    **{0xE0 + i: f"APP{i}" for i in range(16)},
}
_KINDS: Final = (  # of application segments, by how their payload begins
    *(
        (segments.JFIF_HEADER, "JFIF"),
        (b"JFXX\0", "JFIF extension"),
        (b"Exif\0", "EXIF"),
        (segments.ICC_HEADER, "ICC profile"),
    ),
    *((segments.XMP_HEADER, "XMP"), (segments.XMP_EXTENSION_HEADER, "extended XMP")),
    *(
        (segments.PHOTOSHOP_HEADER, "Photoshop, IPTC"),
        (segments.ADOBE_HEADER, "Adobe"),
        (segments.MPF_HEADER, "multi-picture"),
    ),
)
_STANDALONE: Final = segments.STANDALONE | {segments.EOI}
_SOS: Final = segments.SOS
_COMPONENTS: Final = {"gray": ("Y",), "ycc": ("Y", "Cb", "Cr"), "rgb": ("R", "G", "B"), "cmyk": ("C", "M", "Y", "K")}


@dataclass(frozen=True)
class Part:
    """A stretch of the file: a marker with its segment, and for a scan its coded data.

    Attributes:
        name: of the marker, such as "DQT"; "" for bytes that belong to none.
        offset: in bytes.
        size: in bytes.
        text: what it holds, in a few words.
    """

    name: str
    offset: int
    size: int
    text: str


@dataclass(frozen=True)
class Scan:
    """One scan (T.81 B.2.3): components by number from 0, Ss, Se, Ah, Al, and its bytes with the header."""

    components: tuple[int, ...]
    ss: int
    se: int
    ah: int
    al: int
    size: int


@dataclass(frozen=True)
class Inspection:
    """The parts of a file.

    Attributes:
        image: levels, tables, sampling, as read.
        header: what the header says of colour and quality; ``None`` where it cannot tell.
        parts: all bytes of the file, in order.
        scans: in order.
    """

    image: _core.JpegImage
    header: JpegHeader | None
    parts: list[Part]
    scans: list[Scan]

    @property
    def component_names(self) -> tuple[str, ...]:
        """Y, Cb, Cr and so on; numbers where the components have no usual names."""
        names = _COMPONENTS[self.header.colour] if self.header else ()
        count = len(self.image.sampling)
        return names if len(names) == count else tuple(str(i) for i in range(1, count + 1))

    @property
    def subsampling(self) -> str:
        """4:2:0 and so on; the factors themselves, as in 2x2,1x1,1x1, where they have no such name."""
        first, *others = self.image.sampling
        if not others:
            return "gray"
        names = {factors: name for name, factors in SUBSAMPLINGS.items()}
        plain = len(others) == 2 and all(other == (1, 1) for other in others)
        return names[first] if plain and first in names else ",".join(f"{h}x{v}" for h, v in self.image.sampling)

    def bytes_by_use(self) -> dict[str, int]:
        """Returns the bytes of the file by their use: picture, headers, metadata, other."""
        uses = dict.fromkeys(("picture", "headers", "metadata", "other"), 0)
        for part in self.parts:
            metadata = part.name.startswith("APP") or part.name == "COM"
            use = "picture" if part.name == "SOS" else "metadata" if metadata else "headers" if part.name else "other"
            uses[use] += part.size
        return uses


def inspect_jpeg(jpeg: bytes, *, max_pixels: int | None = DEFAULT_MAX_PIXELS) -> Inspection:
    """Lists the parts of a file.

    Args:
        jpeg: the file.
        max_pixels: most pixels, by its header; ``None`` for no limit.

    Raises:
        InputError: it is damaged, over a limit, or of a kind of JPEG that is not read; see :func:`_core.read_jpeg`.
    """
    source = JpegSource(jpeg)
    source.check_limits(max_pixels)
    image = _core.read_jpeg(jpeg, max_pixels)
    ids = {identity: index for index, identity in enumerate(image.component_ids)}
    parts, scans = [], []
    for marker, offset, end in _walk(jpeg, image.end):
        payload = jpeg[offset + 4 : end]
        if marker == _SOS:
            scans.append(_scan(payload, ids, end - offset))
        name = _NAMES.get(marker, f"{marker:#04x}") if marker else ""
        parts.append(Part(name, offset, end - offset, _text(marker, payload)))
    if image.end < len(jpeg):
        parts.append(Part("", image.end, len(jpeg) - image.end, "after the end of the image"))
    return Inspection(image, source.header, parts, scans)


def _walk(jpeg: bytes, length: int) -> Iterator[segments.Span]:
    """Marker, start and end of everything up to ``length``; marker 0 for bytes that belong to none."""
    offset = 0
    while offset < length:
        start = segments.next_marker(jpeg, offset, length)
        start = length if start < 0 else start
        if start > offset:
            yield 0, offset, start
        if start >= length:
            return
        marker, end = jpeg[start + 1], start + 2
        if marker not in _STANDALONE:
            end = segments.segment_end(jpeg, end)
        offset = end
        if marker == _SOS:
            following = segments.scan_end(jpeg, end, length)
            offset = length if following < 0 else following
        yield marker, start, offset


def _scan(payload: bytes, ids: dict[int, int], size: int) -> Scan:
    count = payload[0]
    components = tuple(ids.get(payload[1 + 2 * i], -1) for i in range(count))
    ss, se, approximation = payload[1 + 2 * count : 4 + 2 * count]
    return Scan(components, ss, se, approximation >> 4, approximation & 15, size)


def _text(marker: int, payload: bytes) -> str:
    name = _NAMES.get(marker, "")
    if name.startswith("APP"):
        return next((text for start, text in _KINDS if payload.startswith(start)), "")
    if name == "COM":
        return repr(payload[:60].decode("utf-8", "replace"))
    if name.startswith("SOF"):
        return "{} x {} pixels, {} components".format(*struct.unpack_from(">HH", payload, 1)[::-1], payload[5])
    if name == "DRI":
        return f"every {struct.unpack_from('>H', payload)[0]} MCUs"
    return {"DQT": "quantization tables", "DHT": "Huffman tables", "SOS": "scan"}.get(name, "")


# Bits ---------------------------------------------------------------------------------------------------------------


def block_bits(image: _core.JpegImage, total: float) -> NDArray[np.float32]:
    """Returns the bits of each luma block, its share of the chroma's included.

    Levels are priced with the Huffman codes that suit them best, coded one block after the other, and all is scaled to
    the sum of ``total`` bits. For a progressive file, whose scans share the codes of several blocks, that is an
    estimate.

    Args:
        image: as :func:`_core.read_jpeg` returns it.
        total: bits of all coded data.

    Returns:
        float32 (rows, cols).
    """
    highest, widest = (max(factors[i] for factors in image.sampling) for i in (1, 0))
    rows, cols = (-(-side // 8) for side in image.size)
    result = np.zeros((rows, cols), np.float32)
    for levels, (h, v) in zip(image.levels, image.sampling, strict=True):
        bits = _component_bits(levels)
        down = np.minimum(np.arange(rows) * v // highest, bits.shape[0] - 1)
        across = np.minimum(np.arange(cols) * h // widest, bits.shape[1] - 1)
        shares = np.outer(np.bincount(down)[down], np.bincount(across)[across])
        result += bits[np.ix_(down, across)] / shares
    total_priced = float(result.sum())
    if total_priced:
        result *= np.float32(total / total_priced)
    return result


def bits_map(image: _core.JpegImage) -> NDArray[np.float32]:
    """Returns the bits of each block as a map of the image, to be drawn.

    Args:
        image: as :func:`_core.read_jpeg` returns it.

    Returns:
        float32 (H, W) in [0, 1].
    """
    bits = block_bits(image, 1.0)
    most = float(np.percentile(bits, _MOST_BITS)) or 1.0
    height, width = image.size
    return np.repeat(np.repeat(np.clip(bits / most, 0, 1), 8, axis=0), 8, axis=1)[:height, :width]


def _component_bits(levels: NDArray[np.int16]) -> NDArray[np.float32]:
    """(rows, cols) bits of each block: AC by its best code, DC differences by their entropy."""
    ac = _core.block_bits(levels, symbol_costs(_core.ac_histogram(levels)))
    differences = np.diff(levels[..., 0].astype(np.int32).ravel(), prepend=0)
    categories = np.frexp(np.abs(differences).astype(np.float32))[1]
    counts = np.bincount(categories)
    costs = np.arange(counts.size) - np.log2(np.maximum(counts, 1) / counts.sum())
    dc: NDArray[np.float32] = costs[categories].reshape(ac.shape).astype(np.float32)
    return ac + dc
