"""Which chroma subsampling an image gets when the caller leaves it to us."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Final, Literal, NamedTuple

import numpy as np
from numpy.typing import NDArray

from . import _core, parameters

__all__ = [
    "SUBSAMPLINGS",
    "ChromaContent",
    "Subsampling",
    "SubsamplingName",
    "choose_subsampling",
    "chroma_content",
    "chroma_weights",
    "rounded_weights",
]

SubsamplingName = Literal["4:4:4", "4:2:2", "4:4:0", "4:2:0", "4:1:1"]
Subsampling = Literal["auto", "4:4:4", "4:2:2", "4:2:0", "4:4:0", "4:1:1"]

_BAND_ROWS: Final = 64
_SAMPLES: Final = 128  # along a side, of which the colours are counted

# Luma sampling factors (H, V) of T.81 A.1.1; the chroma has (1, 1).
SUBSAMPLINGS: Final[dict[SubsamplingName, tuple[int, int]]] = {
    "4:4:4": (1, 1),
    "4:2:2": (2, 1),
    "4:4:0": (1, 2),
    "4:2:0": (2, 2),
    "4:1:1": (4, 1),
}


def choose_subsampling(
    asked: Subsampling,
    pixels: NDArray[np.uint8],
    quality: float,
    *,
    target_bytes: int | None = None,
    source: tuple[int, int] | None = None,
    threads: int = 1,
) -> tuple[int, int]:
    """Luma sampling factors (H, V) for a picture.

    Args:
        asked: a name out of ``SUBSAMPLINGS``, or ``"auto"``.
        pixels: uint8 (H, W) or (H, W, 3).
        quality: 0 to 100.
        target_bytes: size of the file where that and not the quality decides.
        source: factors of a JPEG source, which ``"auto"`` keeps.
        threads: that may work on the picture at once.
    """
    if pixels.ndim == 2:
        return 1, 1
    if asked != "auto":
        return SUBSAMPLINGS[asked]
    if source is not None:
        return source
    if target_bytes is not None:
        rate = 8 * target_bytes / (pixels.shape[0] * pixels.shape[1])
        low, fine, high = rate < parameters.LOW_RATE, False, rate >= parameters.HIGH_RATE
    else:
        low, fine, high = (
            quality < parameters.LOW_QUALITY,
            quality >= parameters.FINE_QUALITY,
            quality >= parameters.HIGH_QUALITY,
        )
    return SUBSAMPLINGS["4:4:4" if high or _needs_whole(chroma_content(pixels, threads), low, fine) else "4:2:0"]


def _needs_whole(content: ChromaContent, low: bool, fine: bool) -> bool:
    """Whether averaged chroma would be seen, where steps are coarse (``low``), fine or between."""
    if low:
        return content.edges > parameters.LOW_WHOLE_CHROMA_SHARE
    drawn = content.plain > parameters.DRAWN_SHARE
    share = parameters.DRAWN_WHOLE_CHROMA_SHARE if drawn else parameters.WHOLE_CHROMA_SHARE
    return content.edges > share or (fine and content.has_detail)


class ChromaContent(NamedTuple):
    """What the chroma of a picture holds, as shares of its 2x2 pixel boxes, 0 to 1.

    Attributes:
        edges: boxes whose chroma varies so much that its mean would be seen.
        detail: boxes whose chroma varies so much that fine quantization steps keep more than the mean.
        plain: boxes of one colour, up to lightness.
    """

    edges: float
    detail: float
    plain: float

    @property
    def has_detail(self) -> bool:
        """Whether whole chroma pays where steps are fine."""
        return self.detail > parameters.DETAILED_SHARE


def chroma_content(pixels: NDArray[np.uint8], threads: int = 1) -> ChromaContent:
    """Looks at how much the chroma varies within 2x2 pixel boxes.

    Decoders interpolate chroma within the boxes of the file and across them. So boxes at even rows and columns are
    looked at, and boxes at odd ones, and the higher share counts. A dithered picture has no edges and no detail: its
    chroma varies everywhere, and the mean is what was meant.

    Args:
        pixels: uint8 (H, W, 3).
        threads: that may work on the picture at once.
    """
    missing = [(0, max(0, 3 - side)) for side in pixels.shape[:2]]  # so that there is a box of either kind
    if missing != [(0, 0), (0, 0)]:
        pixels = np.pad(pixels, [*missing, (0, 0)], mode="edge")
    limits = (parameters.COLOURED_EDGE, parameters.CHROMA_DETAIL)
    counts = _core.chroma_boxes(np.ascontiguousarray(pixels), *limits, threads=threads)
    even, odd = (ChromaContent(*(row / _boxes(pixels.shape, first)).tolist()) for first, row in enumerate(counts))
    if _is_dithered(pixels, [even.edges, odd.edges]):
        return ChromaContent(0.0, 0.0, max(even.plain, odd.plain))
    return ChromaContent(*map(max, even, odd))


def _boxes(shape: tuple[int, ...], first: int) -> int:
    """The number of 2x2 boxes of which the first stands at this row and column."""
    return (shape[0] - first) // 2 * ((shape[1] - first) // 2)


def _is_dithered(pixels: NDArray[np.uint8], shares: list[float]) -> bool:
    """Whether a picture has the colours of a palette, and its coloured boxes are mostly noise.

    A box of a drawing or of text holds a straight edge, or lies beside a flat one; noise knows no alignment.

    Args:
        pixels: uint8 (H, W, 3).
        shares: of coloured boxes at even and at odd rows and columns.
    """
    if min(shares) < max(parameters.DITHERED_SHARE, max(shares) / 2) or not _has_palette(pixels):
        return False
    coloured = clean = 0
    for red, blue in _chroma_bands(pixels):
        spread = np.maximum(_box_spread(red), _box_spread(blue))
        is_coloured = spread > parameters.COLOURED_EDGE
        is_straight = 4 * np.maximum(_box_twist(red), _box_twist(blue)) <= spread
        is_clean = is_straight | _beside(spread <= parameters.FLAT_CHROMA)
        coloured += int(np.count_nonzero(is_coloured))
        clean += int(np.count_nonzero(is_coloured & is_clean))
    return clean < parameters.CLEAN_SHARE * coloured


def _has_palette(pixels: NDArray[np.uint8]) -> bool:
    """Whether the picture has at most 256 colours, as far as a sample tells."""
    rows, cols = (max(1, side // _SAMPLES) for side in pixels.shape[:2])
    sample = pixels[::rows, ::cols].astype(np.uint32)
    return np.unique(sample[..., 0] << 16 | sample[..., 1] << 8 | sample[..., 2]).size <= 256


def _chroma_bands(pixels: NDArray[np.uint8]) -> Iterator[tuple[NDArray[np.int16], NDArray[np.int16]]]:
    """Red and blue less green, which is chroma up to scale, in bands that fit the processor's cache; sides are even."""
    height, width = (side // 2 * 2 for side in pixels.shape[:2])
    for top in range(0, height, _BAND_ROWS):
        band = pixels[top : min(top + _BAND_ROWS, height), :width]
        green = band[..., 1].astype(np.int16)
        yield band[..., 0] - green, band[..., 2] - green


def _box_spread(values: NDArray[np.int16]) -> NDArray[np.int16]:
    """Largest less smallest value of each 2x2 box: (H / 2, W / 2) of (H, W), sides even."""
    upper, lower = values[::2], values[1::2]
    highest, lowest = np.maximum(upper, lower), np.minimum(upper, lower)
    spread: NDArray[np.int16] = np.maximum(highest[:, ::2], highest[:, 1::2])
    spread -= np.minimum(lowest[:, ::2], lowest[:, 1::2])
    return spread


def _box_twist(values: NDArray[np.int16]) -> NDArray[np.int16]:
    """Difference of the two diagonals of each 2x2 box, shaped as in :func:`_box_spread`; 0 for a straight edge."""
    across = values[:, ::2] - values[:, 1::2]
    return np.abs(across[::2] - across[1::2])


def _beside(boxes: NDArray[np.bool_]) -> NDArray[np.bool_]:
    """Whether a neighbour of each box, above, below, left or right, is one of these."""
    framed = np.pad(boxes, 1)
    return framed[:-2, 1:-1] | framed[2:, 1:-1] | framed[1:-1, :-2] | framed[1:-1, 2:]


def chroma_weights(weights: NDArray[np.float32], h: int, v: int, rows: int, cols: int) -> NDArray[np.float32]:
    """Returns the weights of chroma blocks: the mean over the luma blocks that each one covers.

    Args:
        weights: float32 (rows, cols) of the luma blocks.
        h: luma samples across for each chroma sample.
        v: the same down.
        rows: of chroma blocks.
        cols: the same across.
    """
    padded = np.pad(weights, ((0, rows * v - weights.shape[0]), (0, cols * h - weights.shape[1])), mode="edge")
    return rounded_weights(padded.reshape(rows, v, cols, h).mean(axis=(1, 3), dtype=np.float64))


def rounded_weights(values: NDArray[np.float64]) -> NDArray[np.float32]:
    """Rounds positive values to 12 significant bits, so that files do not depend on a processor's last bits."""
    mantissa, exponent = np.frexp(values)
    rounded: NDArray[np.float32] = np.ldexp(np.rint(mantissa * 4096) / 4096, exponent).astype(np.float32)
    return rounded
