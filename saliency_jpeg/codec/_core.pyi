"""Steps 5 to 7 of the encoder, compiled: DCT, quantization, entropy coding (ITU-T T.81), and the way back to levels.

Blocks are arrays of shape (rows, cols, 64), C-contiguous, natural (row by row) order inside a block. Arrays have to
come with the dtype and layout named here: nothing is converted, a wrong one raises ``TypeError``, a wrong shape or
value ``ValueError``. All functions that walk over blocks release the GIL while they work and may run in several
threads at once; no result depends on how many.
"""

from collections.abc import Sequence
from typing import TypeAlias

import numpy as np
from numpy.typing import NDArray

_Float: TypeAlias = NDArray[np.float32]
_Levels: TypeAlias = NDArray[np.int16]
_Band: TypeAlias = tuple[int, int]
_Scan: TypeAlias = tuple[Sequence[int], int, int, int, int]

ZIGZAG: tuple[int, ...]
"""Natural index of the k-th coefficient in zigzag order (T.81, figure A.6)."""

def forward_dct(image: NDArray[np.uint8], h: int = 1, v: int = 1) -> list[_Float]:
    """DCT coefficients of every component (T.81, A.3.3), DC eight times the mean of the block's samples less 128.

    Args:
        image: (H, W, 3) RGB or (H, W) gray, sides 1 to 65535. RGB becomes JFIF YCbCr in float.
        h: pixels across that one chroma sample stands for, 1 to 4; ignored for gray. Two are weighed with their
            neighbours (-1, 6, 6, -1) / 10, against the blur of decoders that interpolate; of 3 or 4 it is the mean.
        v: the same down.

    Returns:
        One (rows, cols, 64) array for a gray image, three (Y, Cb, Cr) for RGB. Samples beyond the right and lower edge
        repeat the last ones.
    """

def compensated_luma(
    image: NDArray[np.uint8],
    levels: Sequence[_Levels],
    tables: NDArray[np.uint16],
    h: int,
    v: int,
    strength: float,
) -> _Float:
    """Luma coefficients (rows, cols, 64), the luma moved to where it makes up for what the chroma loses.

    Subsampling and quantization of chroma shift red, green and blue, and by that the lightness of a pixel, as its light
    grows faster than its sample values. The chroma is decoded and interpolated as decoders do; ``strength`` times the
    shift is taken from the luma.

    Args:
        image: (H, W, 3) RGB.
        levels: (rows, cols, 64) of Cb and Cr.
        tables: (2, 64) their steps, natural order.
        h: pixels across that one chroma sample stands for, 1 to 4.
        v: the same down.
        strength: 0 is the plain luma, 1 keeps the light to the first order.
    """

def clipped_blocks(coefficients: _Float) -> NDArray[np.uint32]:
    """(n,) indices, in raster order, of the blocks that have samples at 0 or 255, and others too.

    Args:
        coefficients: (rows, cols, 64).
    """

def overshoot(coefficients: _Float, table: NDArray[np.uint16], blocks: NDArray[np.uint32], out: _Float) -> None:
    """Moves samples at 0 and 255 beyond the end of the range, where decoders clip them: edges ring less.

    By a few alternating projections, the samples go to where the block is nearest to one that the table represents, 64
    beyond the end at most; all other samples keep their values.

    Args:
        coefficients: (rows, cols, 64).
        table: (64,) steps, at least 1, natural order.
        blocks: (n,) indices in raster order, see :func:`clipped_blocks`.
        out: (rows, cols, 64); these blocks are written, the others left alone.
    """

def quantize_plain(coefficients: _Float, table: NDArray[np.uint16]) -> _Levels:
    """``coefficients / table`` rounded half away from zero and clipped to what 8-bit JPEG holds.

    DC levels lie in -1024..1023, AC levels in -1023..1023 (T.81, F.1.2).

    Args:
        coefficients: (rows, cols, 64).
        table: (64,) steps, at least 1, natural order.
    """

def quantize(
    coefficients: _Float,
    table: NDArray[np.uint16],
    block_lambda: _Float,
    prices: _Float,
    sensitivity: _Float,
    bands: Sequence[_Band] = [(1, 63)],
) -> _Levels:
    """Levels that minimise, block by block, ``sum(sensitivity * (coefficients / table - levels)**2) + lambda * bits``.

    AC levels are chosen between 0 and the rounded one; DC is rounded.

    Args:
        coefficients: (rows, cols, 64).
        table: (64,) steps, at least 1, natural order.
        block_lambda: (rows, cols), squared steps per bit; where it is 0 or less the block is rounded.
        prices: (bands, 257) bits of each run/size symbol with its raw bits (T.81, F.1.2.2); ``[256]`` is an end of
            band that is the block's only symbol in it. Prices that fall as the run grows are raised to that of the
            shorter run.
        sensitivity: (64,) cost of one squared step of error, natural order.
        bands: (Ss, Se) of the scans that send the AC levels, one after the other from 1 to 63 (T.81, G.1.1.1.1).
    """

def quantize_dc(
    coefficients: _Float,
    step: int,
    sensitivity: float,
    block_lambda: _Float,
    prices: _Float,
    levels: _Levels,
) -> None:
    """Replaces the DC level of each block, in place, by the integer below or above ``coefficient / step``.

    Minimises ``sum(sensitivity * error**2 + lambda * bits)`` over all blocks together, where the bits are those of the
    differences from block to block in raster order (T.81, F.1.2.1), the first against 0.

    Args:
        coefficients: (rows, cols, 64); only DC is read.
        step: step of DC, 1 to 65535.
        sensitivity: cost of one squared step of error.
        block_lambda: (rows, cols), squared steps per bit; below 0 counts as 0.
        prices: (12,) bits of each category of difference with its raw bits.
        levels: (rows, cols, 64), written to.
    """

def ac_histogram(levels: _Levels, eob_runs: bool = False, ss: int = 1, se: int = 63) -> NDArray[np.uint32]:
    """(257,) counts of the run/size symbols of one scan over the AC coefficients ss to se (T.81, F.1.2.2).

    ``[256]`` is the number of blocks without any level in that band; their ends of band are counted in ``[0]`` as well.

    Args:
        levels: (rows, cols, 64).
        eob_runs: as in a progressive scan, one symbol (0x00, 0x10 ... 0xE0) ends a run of blocks (T.81, G.1.2.2).
        ss: first coefficient, zigzag order.
        se: last coefficient.
    """

def best_bands(levels: Sequence[_Levels], choice_blocks: int = 0) -> tuple[list[_Band], NDArray[np.uint32]]:
    """The bands in which progressive scans, each with a code of its own, send these AC levels in the fewest bits.

    Args:
        levels: (rows, cols, 64) of each component that shares the codes.
        choice_blocks: about how many blocks of a component, in rows of blocks, the bands are chosen by; 0: all.

    Returns:
        (Ss, Se) of the bands, and the (bands, 257) counts of their symbols, components added up; see
        :func:`ac_histogram`.
    """

def block_bits(levels: _Levels, prices: _Float) -> _Float:
    """(rows, cols) AC bits of each block; ``prices`` as for :func:`quantize`."""

def code_lengths(histogram: NDArray[np.uint32]) -> NDArray[np.uint8]:
    """(256,) lengths of an optimal Huffman code for (256,) counts; 0 where a symbol does not occur.

    As T.81 limits it: 16 bits at most, and the code of ones only stays unused.
    """

def write_jpeg(
    levels: Sequence[_Levels],
    tables: NDArray[np.uint16],
    size: tuple[int, int],
    sampling: Sequence[tuple[int, int]],
    *,
    progressive: bool = True,
    scans: Sequence[_Scan] | None = None,
    restart_interval: int = 0,
    segments: Sequence[tuple[int, bytes]] = (),
    component_tables: Sequence[int] | None = None,
    component_ids: Sequence[int] | None = None,
    choice_blocks: int = 0,
) -> bytes:
    """A JPEG file (SOF0, or SOF2 if progressive, or SOF1 if a step is above 255) with optimal Huffman tables.

    Args:
        levels: 1 to 4 components, each (rows, cols, 64) with ceil(ceil(H * v / max v) / 8) rows, columns likewise.
        tables: (n, 64) steps, at least 1, n from 1 to 4, natural order. Decoders take steps above 255 in any mode,
            though T.81 (B.2.4.1) does not allow them in 8-bit files.
        size: (height, width), each 1 to 65535.
        sampling: (h, v) of each component, 1 to 4.
        progressive: spectral selection and successive approximation instead of one sequential scan.
        scans: (components, Ss, Se, Ah, Al) of each scan (T.81, B.2.3), components as indices; None chooses.
        restart_interval: MCUs between restart markers, 0 to 65535; 0 is none.
        segments: (marker, payload) written behind SOI, marker 0xE0 to 0xEF or 0xFE, payload at most 65533 bytes.
        component_tables: row of ``tables`` that each component uses; by default its own number, or the last row.
        component_ids: names of the components in the file; by default 1, 2, ...
        choice_blocks: about how many blocks of a component the scans are chosen by, where we choose; 0: all.

    Raises:
        ValueError: a frame, level or progression that T.81 does not allow; the message says which.
    """

class JpegImage:
    """What :func:`read_jpeg` finds in a file, in the terms of :func:`write_jpeg`."""

    @property
    def size(self) -> tuple[int, int]:
        """(height, width)."""
    @property
    def levels(self) -> list[_Levels]:
        """(rows, cols, 64) of each component; blocks that only complete an MCU are dropped."""
    @property
    def tables(self) -> NDArray[np.uint16]:
        """(n, 64) quantization tables in use, steps 1 to 65535, natural order."""
    @property
    def component_tables(self) -> list[int]:
        """Row of ``tables`` that each component uses."""
    @property
    def component_ids(self) -> list[int]:
        """Names of the components in the file."""
    @property
    def sampling(self) -> list[tuple[int, int]]:
        """(h, v) of each component."""
    @property
    def progressive(self) -> bool:
        """True for SOF2, False for SOF0 and SOF1."""
    @property
    def restart_interval(self) -> int:
        """MCUs between restart markers in the first scan; 0 is none."""
    @property
    def segments(self) -> list[tuple[int, bytes]]:
        """(marker, payload) of all APPn and COM segments, in file order."""
    @property
    def end(self) -> int:
        """Offset behind EOI. What follows (the further images of an MPO file, say) was not looked at."""

def read_jpeg(data: bytes) -> JpegImage:
    """Quantized levels, tables and segments of a JPEG file, without decoding to pixels.

    Reads baseline, extended sequential and progressive files (T.81, SOF0, SOF1, SOF2) with 8-bit samples, Huffman
    codes, 1 to 4 components, any sampling and number of scans, restart markers, 8- and 16-bit tables. A component
    gets the quantization table in force at its first scan. Fill bytes and stray bytes before a marker are passed
    over. Memory is bounded by the length of ``data``.

    Raises:
        saliency_jpeg.errors.InputError: truncated or damaged data, or another kind of JPEG (arithmetic coding,
            lossless, hierarchical, 12 bits, DNL); the message ends with the offset in bytes.
    """
