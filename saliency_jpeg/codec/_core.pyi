"""The compiled codec: DCT, quantization, entropy coding (ITU-T T.81), and reading levels from a file.

Blocks are arrays of shape (rows, cols, 64), natural order (row by row) inside a block. Arrays must be C-contiguous and
have the dtype named here; they are never converted or copied. Another dtype or memory layout raises ``TypeError``,
another shape or a value out of range ``ValueError``.

All functions that process blocks release the GIL and may run in several threads at once. ``threads`` of a function is
how many threads it uses itself. Results do not depend on the number of threads or on the CPU.
"""

from collections.abc import Sequence
from typing import NoReturn, TypeAlias

import numpy as np
from numpy.typing import NDArray

_Float: TypeAlias = NDArray[np.float32]
_Levels: TypeAlias = NDArray[np.int16]
_Band: TypeAlias = tuple[int, int]
_Scan: TypeAlias = tuple[Sequence[int], int, int, int, int]

ZIGZAG: tuple[int, ...]
"""Natural index of the k-th coefficient in zigzag order (T.81, figure A.6)."""

class ChromaErrors:
    """The errors that sampling and quantization make in the chroma, for luma that makes up for them.

    Errors of the chroma change red, green and blue. They change the lightness of a pixel too, because light grows
    faster than the sample value. Luma that is computed with these errors decodes and interpolates the chroma as
    decoders do, and takes ``strength`` times the change from each sample.
    """

    def __init__(self, levels: Sequence[_Levels], tables: NDArray[np.uint16], h: int, v: int, strength: float) -> None:
        """Takes the chroma of a file.

        Args:
            levels: the levels of Cb and Cr, each (rows, cols, 64).
            tables: (2, 64) steps of Cb and Cr, natural order.
            h: horizontal pixels per chroma sample, 1 to 4.
            v: vertical pixels per chroma sample, 1 to 4.
            strength: 0 leaves the luma unchanged; 1 keeps the light of each pixel, to first order.
        """

def forward_dct(image: NDArray[np.uint8], h: int = 1, v: int = 1, threads: int = 1) -> list[_Float]:
    """Computes the DCT coefficients of every component (T.81, A.3.3).

    RGB becomes JFIF YCbCr in floating point. Samples are level-shifted by 128, so DC is eight times the mean of the
    block less 128. Samples beyond the right and lower edge repeat the last ones.

    Args:
        image: (H, W, 3) RGB or (H, W) gray; sides from 1 to 65535.
        h: horizontal pixels per chroma sample, 1 to 4; ignored for gray. A factor of 2 uses the filter
            (-1, 6, 6, -1) / 10, which compensates for the blur of decoders that interpolate. Factors of 3 and 4 use
            the mean.
        v: vertical pixels per chroma sample, likewise.
        threads: that share the work, 1 to 1024.

    Returns:
        One (rows, cols, 64) array for a gray image, three (Y, Cb, Cr) for RGB.
    """

def analyze(
    image: NDArray[np.uint8], h: int = 1, v: int = 1, threads: int = 1
) -> tuple[_Float, NDArray[np.float64], list[_Float]]:
    """Computes the same coefficients, but keeps of the luma what block weights need.

    Args:
        image: as for :func:`forward_dct`.
        h: horizontal pixels per chroma sample.
        v: vertical pixels per chroma sample.
        threads: that share the work.

    Returns:
        (rows, cols) DC coefficients of the luma, (rows, cols) sums of the squares of its AC coefficients, and the
        coefficients of Cb and Cr, none for a gray image.
    """

def luma_blocks(
    image: NDArray[np.uint8], every: int = 1, chroma: ChromaErrors | None = None, threads: int = 1
) -> _Float:
    """Computes luma coefficients, those of :func:`forward_dct`, or with ``chroma`` such as make up for its errors.

    Args:
        image: (H, W, 3) RGB or, without ``chroma``, (H, W) gray.
        every: rows of blocks 0, ``every``, 2 * ``every`` and so on are computed.
        chroma: of the file.
        threads: that share the work.

    Returns:
        (rows, cols, 64) luma coefficients.
    """

def chroma_boxes(image: NDArray[np.uint8], first_limit: int, second_limit: int, threads: int = 1) -> NDArray[np.uint64]:
    """Counts boxes of 2x2 pixels by the spread of their chroma.

    The spread is the largest less the smallest value in a box of red less green or of blue less green, whichever is
    more.

    Args:
        image: (H, W, 3) RGB, sides from 2.
        first_limit: 0 to 510.
        second_limit: 0 to 510.
        threads: that share the work.

    Returns:
        (2, 3): boxes whose spread is above the first limit, above the second, and 0; in the first row those at even
        rows and columns, in the second those at odd ones.
    """

def clipped_blocks(coefficients: _Float) -> NDArray[np.uint32]:
    """Finds the blocks with white (255) or black (0) samples, except those that are all white or all black.

    Args:
        coefficients: (rows, cols, 64).

    Returns:
        (n,) indices in raster order.
    """

def overshoot(coefficients: _Float, table: NDArray[np.uint16], blocks: NDArray[np.uint32], out: _Float) -> None:
    """Moves white and black samples beyond the end of the range, where decoders clip them, to reduce ringing.

    A few alternating projections find values that suit the steps of ``table``, at most 64 beyond the end of the range.
    All other samples keep their values.

    Args:
        coefficients: (rows, cols, 64).
        table: (64,) steps, at least 1, natural order.
        blocks: (n,) indices in raster order, see :func:`clipped_blocks`.
        out: (rows, cols, 64), written at these blocks only; may be ``coefficients``.
    """

def quantize_plain(coefficients: _Float, table: NDArray[np.uint16], threads: int = 1) -> _Levels:
    """Rounds ``coefficients / table`` half away from zero and clips it to the range of 8-bit JPEG.

    Args:
        coefficients: (rows, cols, 64).
        table: (64,) steps, at least 1, natural order.
        threads: that share the work.

    Returns:
        (rows, cols, 64) levels: DC in -1024..1023, AC in -1023..1023 (T.81, F.1.2).
    """

def quantize(
    coefficients: _Float,
    table: NDArray[np.uint16],
    block_lambda: _Float,
    symbol_costs: _Float,
    sensitivity: _Float,
    bands: Sequence[_Band] = [(1, 63)],
    threads: int = 1,
) -> _Levels:
    """Chooses the levels that minimise distortion plus lambda times bits, block by block (trellis quantization).

    The cost of a block is ``sum(sensitivity * (coefficients / table - levels)**2) + lambda * bits``. Each AC level lies
    between 0 and the rounded one. DC is rounded.

    Args:
        coefficients: (rows, cols, 64).
        table: (64,) steps, at least 1, natural order.
        block_lambda: (rows, cols) lambda of each block, in squared steps per bit. Blocks with 0 or less are rounded.
        symbol_costs: (bands, 257) bits of each run/size symbol, raw bits included (T.81, F.1.2.2). ``[256]`` is the
            cost of an end of band that is the only symbol of its block in the band. A cost that falls when the run
            grows is raised to that of the shorter run.
        sensitivity: (64,) cost of one squared step of error, natural order.
        bands: (Ss, Se) of each scan of AC levels, one after the other from 1 to 63 (T.81, G.1.1.1.1).
        threads: that share the work.

    Returns:
        (rows, cols, 64) levels.
    """

def quantize_luma(
    image: NDArray[np.uint8],
    table: NDArray[np.uint16],
    block_lambda: _Float,
    symbol_costs: _Float,
    sensitivity: _Float,
    bands: Sequence[_Band],
    chroma: ChromaErrors | None,
    overshoots: bool,
    offsets: _Float | None = None,
    threads: int = 1,
) -> tuple[_Levels, _Float]:
    """Quantizes the luma of an image as :func:`quantize` does, without an array of its coefficients.

    Args:
        image: (H, W, 3) RGB or, without ``chroma``, (H, W) gray.
        table: as for :func:`quantize`, as are the next four.
        block_lambda: lambda of each block.
        symbol_costs: bits of each symbol.
        sensitivity: cost of one squared step of error.
        bands: of the scans.
        chroma: whose errors the luma makes up for, or ``None``.
        overshoots: move white and black samples beyond the range, see :func:`overshoot`.
        offsets: (rows, cols, 64), added to the coefficients last; ``None`` for none.
        threads: that share the work.

    Returns:
        (rows, cols, 64) levels, DC rounded, and the (rows, cols) DC coefficients.
    """

def quantize_dc(
    coefficients: _Float,
    step: int,
    sensitivity: float,
    block_lambda: _Float,
    symbol_costs: _Float,
    levels: _Levels,
) -> None:
    """Replaces the DC level of each block by the integer below or above ``coefficient / step``.

    Minimises ``sum(sensitivity * error**2 + lambda * bits)`` over all blocks together. The bits are those of the
    differences from block to block in raster order (T.81, F.1.2.1); the first difference is against 0.

    Args:
        coefficients: (rows, cols) DC coefficients; a view of DC in an array of blocks will do.
        step: step of DC, 1 to 65535.
        sensitivity: cost of one squared step of error.
        block_lambda: (rows, cols) lambda of each block, in squared steps per bit; less than 0 counts as 0.
        symbol_costs: (12,) bits of each category of difference, raw bits included.
        levels: (rows, cols, 64), changed in place.
    """

def ac_histogram(levels: _Levels, eob_runs: bool = False, ss: int = 1, se: int = 63) -> NDArray[np.uint32]:
    """Counts the run/size symbols of one scan of the AC coefficients ss to se (T.81, F.1.2.2).

    Args:
        levels: (rows, cols, 64).
        eob_runs: let one symbol (0x00, 0x10 ... 0xE0) end a run of blocks, as in a progressive scan (T.81, G.1.2.2).
        ss: first coefficient, zigzag order, 1 to 63.
        se: last coefficient, ss to 63.

    Returns:
        (257,) counts. ``[256]`` is the number of blocks without levels in the band; the symbols that end them are
        counted too.
    """

def learn_costs(
    levels: Sequence[_Levels],
    progressive: bool,
    choice_blocks: int = 0,
    bands: Sequence[Sequence[_Band]] | None = None,
    unseen_bits: float = 0.0,
    threads: int = 1,
) -> tuple[list[tuple[list[_Band], _Float, _Float]], float, float]:
    """Learns from levels what symbols cost.

    In a progressive file, each component has scans of its own, whose bands take the fewest bits out of a fixed list of
    divisions, each with its own Huffman code. In a sequential file, luma and chroma have a code each.

    Args:
        levels: (rows, cols, 64) of each component.
        progressive: which of these.
        choice_blocks: compare the divisions on about this many blocks of the first component, in whole rows of blocks,
            and on every n-th row of the others with the same n; 0 means all blocks.
        bands: of each component in a progressive file, (Ss, Se) from 1 to 63; ``None`` to choose them.
        unseen_bits: of symbols that do not occur, beyond the longest code; 16 bits at most.
        threads: that share the work.

    Returns:
        For each component, or for luma and for chroma: (Ss, Se) of each band, (bands, 257) bits of its symbols as of
        :func:`symbol_costs`, and (12,) bits of each category of DC differences, from the entropy of their counts. Then
        the bits of all levels under optimal codes, and at most those of their tables (T.81, B.2.4.2) and, in a
        progressive file, of the headers of its AC scans.
    """

def symbol_costs(histogram: NDArray[np.uint32], unseen_bits: float = 0.0) -> _Float:
    """Returns the bits of every run/size symbol under the optimal code for counts, its raw bits included.

    An end of band costs the mean of the runs that were sent. What a block without levels costs follows from the entropy
    of runs of geometric length: R runs over T blocks take about R (a + log2(T / R)) bits, so one run less saves the
    mean less 1 / ln 2.

    Args:
        histogram: (257,), see :func:`ac_histogram`.
        unseen_bits: of symbols that do not occur, beyond the longest code; 16 bits at most.

    Returns:
        (257,) bits. ``[0]`` is the end of a block with levels, ``[256]`` that of a block without any.
    """

def block_bits(levels: _Levels, symbol_costs: _Float) -> _Float:
    """Computes the bits of the AC levels of each block.

    Args:
        levels: (rows, cols, 64).
        symbol_costs: (257,) bits of each symbol as in :func:`quantize`, for one band from 1 to 63.

    Returns:
        (rows, cols) bits.
    """

def code_lengths(histogram: NDArray[np.uint32]) -> NDArray[np.uint8]:
    """Computes an optimal Huffman code under the limits of T.81: at most 16 bits, and no code of one-bits only.

    Args:
        histogram: (256,) counts.

    Returns:
        (256,) lengths in bits; 0 for symbols with a count of 0.
    """

def offset_histograms(coefficients: _Float, levels: _Levels, table: NDArray[np.uint16]) -> NDArray[np.uint64]:
    """Counts how far coefficients lie from the levels that they became, in 1/64 of their steps.

    Bin ``i`` counts offsets above ``(i - 1) / 64`` step, up to ``i / 64`` step; the last one all that are farther.

    Args:
        coefficients: (rows, cols, 64).
        levels: (rows, cols, 64).
        table: (64,) steps, at least 1, natural order.

    Returns:
        (4, 256) counts: AC coefficients whose level is 0; those of other levels, by how far they lie below the level
        in its own direction (bin 0 where they do not), and by how far above; DC.
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
    threads: int = 1,
) -> bytes:
    """Writes a JPEG file with optimal Huffman tables: SOF2 if progressive, SOF1 if a step is above 255, else SOF0.

    Args:
        levels: 1 to 4 components, each (rows, cols, 64) with rows = ceil(ceil(H * v / max v) / 8), cols likewise.
        tables: (n, 64) steps, at least 1, n from 1 to 4, natural order. T.81 (B.2.4.1) does not allow steps above 255
            in 8-bit files, but decoders read them.
        size: (height, width), each from 1 to 65535.
        sampling: (h, v) of each component, each from 1 to 4.
        progressive: write several scans (spectral selection, successive approximation) instead of one.
        scans: (components, Ss, Se, Ah, Al) of each scan (T.81, B.2.3); components are indices into ``levels``. None
            means the default: one scan, or the smallest of several progressive scripts.
        restart_interval: MCUs between restart markers, 0 to 65535; 0 means no restart markers.
        segments: (marker, payload) of the segments after SOI: marker 0xE0 to 0xEF or 0xFE, payload at most 65533
            bytes.
        component_tables: row of ``tables`` for each component; by default its index, or the last row.
        component_ids: ids of the components in the file, 0 to 255; by default 1, 2, ...
        choice_blocks: compare progressive scripts on about this many blocks of the first component, and on as many
            rows in proportion of the others; 0 means all blocks.
        threads: that share the work.

    Returns:
        The bytes of the file.

    Raises:
        ValueError: T.81 does not allow the frame, a level or a scan; the message says which, and its value.
    """

def levels_digest(
    levels: Sequence[_Levels],
    tables: NDArray[np.uint16],
    size: tuple[int, int],
    sampling: Sequence[tuple[int, int]],
    component_tables: Sequence[int] | None = None,
) -> bytes:
    """Computes a digest of what is in a picture: size, sampling, steps and levels.

    Files that hold the same levels have the same digest, whatever their scans, Huffman codes, segments and restart
    markers. It is XXH64, which finds changes but does not withstand forgery.

    Args:
        levels: of each component, (rows, cols, 64).
        tables: (n, 64) steps, natural order.
        size: (height, width).
        sampling: (h, v) of each component; of a single one they do not matter.
        component_tables: row of ``tables`` for each component; by default its index, or the last row.

    Returns:
        8 bytes.
    """

class JpegImage:
    """The contents of a JPEG file as :func:`read_jpeg` returns them, in the terms of :func:`write_jpeg`."""

    def __init__(self, /, *args: object, **kwargs: object) -> NoReturn:
        """Raises ``TypeError``: only :func:`read_jpeg` makes objects of this class."""
    @property
    def size(self) -> tuple[int, int]:
        """(height, width)."""
    @property
    def levels(self) -> list[_Levels]:
        """(rows, cols, 64) of each component, without the blocks that only pad an MCU."""
    @property
    def tables(self) -> NDArray[np.uint16]:
        """(n, 64) quantization tables in use, steps from 1 to 65535, natural order."""
    @property
    def component_tables(self) -> list[int]:
        """Row of ``tables`` for each component."""
    @property
    def component_ids(self) -> list[int]:
        """Ids of the components in the file."""
    @property
    def sampling(self) -> list[tuple[int, int]]:
        """(h, v) of each component."""
    @property
    def progressive(self) -> bool:
        """True for SOF2, False for SOF0 and SOF1."""
    @property
    def restart_interval(self) -> int:
        """MCUs between restart markers in the first scan; 0 means no restart markers."""
    @property
    def segments(self) -> list[tuple[int, bytes]]:
        """(marker, payload) of all APPn and COM segments, in file order."""
    @property
    def end(self) -> int:
        """Offset of the first byte after EOI. The reader does not read the data there, such as other MPF images."""
    @property
    def unread(self) -> int:
        """Bytes that belong to no block and no segment: behind the last block of a scan or restart interval."""
    def with_levels(self, levels: Sequence[_Levels]) -> JpegImage:
        """Returns the same with other levels, of the same shapes.

        Raises:
            ValueError: there are more or fewer components, or they have other shapes.
        """

def read_jpeg(data: bytes, max_pixels: int | None = 178956970) -> JpegImage:
    """Reads the levels, tables and segments of a JPEG file without decoding it to pixels.

    Reads baseline, extended sequential and progressive files (T.81, SOF0, SOF1, SOF2) with 8-bit samples and Huffman
    codes: 1 to 4 components, any sampling, up to 256 scans (of at most 2 ** 26 blocks in all, or 24 times
    the blocks of the image if that is more), restart markers, 8- and 16-bit tables. A component gets the
    quantization table in force at its first scan. Fill bytes and stray bytes before a marker are skipped. Memory is
    bounded by the length of ``data``.

    Args:
        data: the file.
        max_pixels: most pixels by the frame header; ``None`` for no limit.

    Returns:
        Its contents.

    Raises:
        saliency_jpeg.errors.InputError: the data is truncated or damaged, has more than ``max_pixels``, or the kind
            of JPEG is not supported (arithmetic coding, lossless, hierarchical, 12 bits, DNL). The message ends with
            the offset in bytes.
    """

def inverse_dct(levels: _Levels, table: NDArray[np.uint16], clip: bool = False) -> _Float:
    """Decodes a component to samples in float: dequantization and the inverse DCT (T.81, A.3.3), nothing rounded.

    Args:
        levels: (rows, cols, 64).
        table: (64,) steps, at least 1, natural order.
        clip: limit the samples to 0..255, as decoders do before they upsample.

    Returns:
        (8 * rows, 8 * cols) samples, level shift undone: 0 is black, 255 white, and values beyond both occur.
    """

def correct_samples(
    levels: _Levels, table: NDArray[np.uint16], correction: _Float, bounds: _Float | None = None
) -> _Float:
    """Decodes a component and adds a correction, as far as the levels allow.

    The correction is transformed block by block. Each of its coefficients is limited to the interval of the level, so
    that the result is a picture that the levels may stand for.

    Args:
        levels: (rows, cols, 64).
        table: (64,) steps, at least 1, natural order.
        correction: (8 * rows, 8 * cols), added to the samples.
        bounds: (4,) half-widths (zero, below, above, dc) in steps, 0 to infinity. A level of 0 moves by at most
            ``zero``; another one by ``below`` towards 0 and by ``above`` away from 0; DC by ``dc`` either way. ``None``
            for no limits.

    Returns:
        (8 * rows, 8 * cols) samples as of :func:`inverse_dct`, not clipped.
    """

def encode_detail(levels: Sequence[_Levels], firsts: Sequence[int]) -> bytes:
    """Codes the levels of high frequencies, in fewer bits than the Huffman codes of T.81.

    Each decision (whether a level other than 0 follows, whether this one is, its sign, its size) has a probability that
    eight contexts tell, mixed by weights that learn (M. Mahoney, "Adaptive Weighing of Context Models for Lossless Data
    Compression", 2005): the levels of low frequencies and of the blocks around, and what was coded before. The code
    is that of a binary range coder. All of it is computed with integers, so every machine writes and reads the same.

    Args:
        levels: (rows, cols, 64) of each component.
        firsts: where the coded levels of each component begin in zigzag order, 1 to 64. A decoder must know those
            before.

    Returns:
        The code.

    Raises:
        ValueError: an argument is out of range.
    """

def decode_detail(code: bytes, levels: Sequence[_Levels], firsts: Sequence[int]) -> list[_Levels]:
    """Decodes what :func:`encode_detail` coded.

    Any bytes are a code of something, and take no more time than as many levels do.

    Args:
        code: as returned.
        levels: (rows, cols, 64) of each component, of which those before ``firsts`` are used.
        firsts: as they were when it was coded.

    Returns:
        All levels, in new arrays.

    Raises:
        ValueError: an argument is out of range.
    """

def encode_latent(latent: NDArray[np.int8]) -> bytes:
    """Codes a latent: small integers of a network.

    Each decision (whether an integer is other than 0, its sign, its size) has a probability that eight contexts tell,
    mixed by weights that learn, as for :func:`encode_detail`: the neighbours in the channel and the channels before it.
    All of it is computed with integers, so every machine writes and reads the same.

    Args:
        latent: (channels, rows, cols), -15 to 15, 1 to 64 channels.

    Returns:
        The code.

    Raises:
        ValueError: an argument is out of range.
    """

def decode_latent(code: bytes, shape: tuple[int, int, int]) -> NDArray[np.int8]:
    """Decodes what :func:`encode_latent` coded.

    Any bytes are a code of some latent, and take no more time than as many integers do.

    Args:
        code: as returned.
        shape: (channels, rows, cols), as it was when it was coded.

    Returns:
        The latent.

    Raises:
        ValueError: an argument is out of range.
    """

def upsample(plane: _Float, h: int, v: int, size: tuple[int, int]) -> _Float:
    """Brings a component to the resolution of the image, as libjpeg-turbo does, but without rounding.

    With factors of 1 and 2, each new sample is 3/4 of the nearest one and 1/4 of the next; samples repeat with other
    factors, and where a component with ``h`` of 2 is at most two samples wide ("fancy upsampling" has that exception).

    Args:
        plane: (ceil(height / v), ceil(width / h)); rows may be apart in memory, so the view that leaves out what pads
            the last blocks will do.
        h: horizontal pixels per sample, 1 to 4.
        v: vertical pixels per sample, 1 to 4.
        size: (height, width) of the image.

    Returns:
        (height, width).
    """

def to_pixels(
    planes: Sequence[_Float],
    factors: Sequence[tuple[int, int]],
    ycc: bool,
    out: NDArray[np.uint8] | NDArray[np.uint16] | _Float,
) -> None:
    """Upsamples components row by row, converts them to RGB and writes pixels.

    Samples are limited to 0..255 before and after the conversion. Integers are rounded to the nearest one.

    Args:
        planes: 1 or 3 components as for :func:`upsample`.
        factors: (h, v) pixels per sample of each.
        ycc: the components are YCbCr (JFIF), else they are written as they are.
        out: (H, W) for one component, (H, W, 3) for three: uint8; uint16, where 65535 is white; or float32, where 1 is.
    """
