"""Step 5: pixels, or the levels of a file, as DCT coefficients."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from functools import cached_property

import numpy as np
from numpy.typing import NDArray

from . import _core
from .block_sample import BlockSample
from .parameters import BT601_LUMA, BUSY_AMPLITUDE, BUSY_LEAST

__all__ = ["Blocks", "Coefficients", "LumaStatistics"]

Blocks = NDArray[np.float32]


@dataclass(frozen=True, eq=False)
class LumaStatistics:
    """What block weights are made of.

    Attributes:
        dc: float32 (rows, cols), DC coefficient of each luma block.
        activity: float64 (rows, cols), sum of the squares of its AC coefficients.
    """

    dc: NDArray[np.float32]
    activity: NDArray[np.float64]

    @classmethod
    def of(cls, luma: Blocks) -> LumaStatistics:
        """Computes them from coefficients.

        Args:
            luma: float32 (rows, cols, 64).
        """
        ac = luma[..., 1:]
        return cls(luma[..., 0], np.einsum("rck,rck->rc", ac, ac, dtype=np.float64))


@dataclass(frozen=True, eq=False)
class Coefficients:
    """The DCT coefficients of an image.

    Those of the luma are more than all others together, and are needed a row of blocks at a time. So those of pixels
    are computed where they are needed, and kept only if :attr:`components` or :attr:`luma` is asked for.

    Attributes:
        others: float32 (rows, cols, 64) of the components behind the first, natural order.
        statistics: of the luma.
        sampling: luma samples (across, down) for each chroma sample.
        pixels: uint8 (H, W, 3) or (H, W), which the luma is computed from; ``None`` where :attr:`stored` holds the
            first component.
        stored: float32 (rows, cols, 64) of the first component, or ``None``.
        is_rgb: whether the components are red, green and blue.
        threads: that may work on the image at once.
        offsets: float32 (rows, cols, 64) of each component, or none at all; the quantizer adds them to the
            coefficients before it looks for their levels.
    """

    others: list[Blocks]
    statistics: LumaStatistics
    sampling: tuple[int, int]
    pixels: NDArray[np.uint8] | None = None
    stored: Blocks | None = None
    is_rgb: bool = False
    threads: int = 1
    offsets: Sequence[Blocks] = ()

    @classmethod
    def from_pixels(
        cls, pixels: NDArray[np.uint8], sampling: tuple[int, int] = (1, 1), *, threads: int = 1
    ) -> Coefficients:
        """Transforms an image, RGB by way of YCbCr.

        Args:
            pixels: uint8 (H, W, 3) RGB or (H, W) gray.
            sampling: luma samples (across, down) for each chroma sample.
            threads: that may work on the image at once.
        """
        dc, activity, chroma = _core.analyze(pixels, *sampling, threads=threads)
        return cls(chroma, LumaStatistics(dc, activity), sampling, pixels, threads=threads)

    @classmethod
    def from_rgb(cls, pixels: NDArray[np.uint8], *, threads: int = 1) -> Coefficients:
        """Transforms red, green and blue, uint8 (H, W, 3), as they are."""
        first, *others = (_core.luma_blocks(np.ascontiguousarray(pixels[..., i]), threads=threads) for i in range(3))
        statistics = LumaStatistics.of(_mixed([first, *others]))
        return cls(others, statistics, (1, 1), stored=first, is_rgb=True, threads=threads)

    @classmethod
    def from_levels(
        cls,
        levels: Sequence[NDArray[np.int16]],
        tables: NDArray[np.uint16],
        sampling: tuple[int, int],
        *,
        threads: int = 1,
    ) -> Coefficients:
        """Multiplies the levels of a file by its tables.

        Args:
            levels: int16 (rows, cols, 64) of each component.
            tables: uint16 (components, 64).
            sampling: luma samples (across, down) for each chroma sample.
            threads: that may work on the image at once.
        """
        first, *others = (each * table.astype(np.float32) for each, table in zip(levels, tables, strict=True))
        return cls(others, LumaStatistics.of(first), sampling, stored=first, threads=threads)

    @property
    def count(self) -> int:
        """The number of components."""
        return 1 + len(self.others)

    @cached_property
    def components(self) -> list[Blocks]:
        """float32 (rows, cols, 64) of each component."""
        return [self.first_rows(1), *self.others]

    @property
    def luma(self) -> Blocks:
        """The luma, float32 (rows, cols, 64): the first component of gray and YCbCr."""
        return _mixed(self.components) if self.is_rgb else self.components[0]

    def busyness(self, scale: float) -> float:
        """Returns a number that grows from block to block about as their bits do, to compare an image and its parts.

        Args:
            scale: of the quantization steps.
        """
        amplitudes = np.sqrt(self.statistics.activity) / (BUSY_AMPLITUDE * scale)
        return float((BUSY_LEAST + np.log1p(amplitudes)).sum())

    @property
    def complete_mcus(self) -> tuple[int, int]:
        """Rows and columns of MCUs that no repeated pixels pad."""
        height, width = self._luma_size
        return height // (8 * self.sampling[1]), width // (8 * self.sampling[0])

    @property
    def _luma_size(self) -> tuple[int, int]:
        """Height and width of the image in pixels, or of its blocks where pixels are not known."""
        if self.pixels is not None:
            return self.pixels.shape[0], self.pixels.shape[1]
        rows, cols = self.statistics.dc.shape
        return 8 * rows, 8 * cols

    def with_luma_kept(self) -> Coefficients:
        """Returns the same coefficients without the pixels, their offsets added."""
        return replace(self, stored=self.target_rows(1), others=self.other_targets, pixels=None, offsets=())

    @property
    def other_targets(self) -> list[Blocks]:
        """The components behind the first with their offsets, as the quantizer takes them."""
        if not self.offsets:
            return self.others
        return [blocks + added for blocks, added in zip(self.others, self.offsets[1:], strict=True)]

    def target_rows(self, every: int) -> Blocks:
        """Returns :meth:`first_rows` with their offsets."""
        rows = self.first_rows(every)
        return rows + self.offsets[0][::every] if self.offsets else rows

    def part(self, part: BlockSample) -> Coefficients:
        """Returns the coefficients of a sample of the complete MCUs, with its luma kept and its offsets added."""
        h, v = self.sampling
        if self.pixels is None:
            assert self.stored is not None
            first = part.take(self.stored, h, v)
        else:
            first = _core.luma_blocks(part.take(self.pixels, 8 * h, 8 * v), threads=self.threads)
        statistics = LumaStatistics.of(first)
        if self.offsets:
            first = first + part.take(self.offsets[0], h, v)
        others = [part.take(each) for each in self.other_targets]
        return replace(self, others=others, statistics=statistics, pixels=None, stored=first, offsets=())

    def first_rows(self, every: int) -> Blocks:
        """Returns every n-th row of blocks of the first component, float32 (rows, cols, 64)."""
        if self.stored is not None:
            return np.ascontiguousarray(self.stored[::every])
        assert self.pixels is not None
        return _core.luma_blocks(self.pixels, every, threads=self.threads)


def _mixed(rgb: Sequence[Blocks]) -> Blocks:
    """The luma of red, green and blue."""
    luma = sum((np.float32(share) * plane for share, plane in zip(BT601_LUMA, rgb, strict=True)), np.float32(0))
    return np.asarray(luma, np.float32)
