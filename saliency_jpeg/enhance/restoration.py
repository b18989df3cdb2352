"""Restoration: a network undoes what quantization and the averaging of chroma did, inside what the file allows.

The network (:mod:`.network`) sees the decoded planes and the levels. Its corrections of a component are transformed to
coefficients, and each is limited to the interval in which the coefficient can have been; so the result never
contradicts the file. Chroma that was stored at half the resolution gets a correction there, and at the resolution of
the image the detail that interpolation does not bring back; no interval is known for that.

An image is restored in tiles, which overlap by more than the network's reach, so that memory does not grow with the
image and no seam shows.
"""

from __future__ import annotations

import os
from collections.abc import Iterator
from typing import Final

import numpy as np
from numpy.typing import NDArray

from ..errors import InputError
from ..saliency import litert
from .planes import LevelsImage, OutputForm, decode_planes, sampling_factors
from .presets import RestorationPreset, find, read_arrays
from .tiles import MCU, Floats, Part, SharedInputs, Tile

__all__ = ["DEFAULT_WIDTHS", "Restorer", "can_restore", "intervals"]

#: Half-widths of the intervals in steps, for files of any encoder: levels of 0, others towards 0, others away from 0,
#: DC. Encoders that decide by rate and distortion round many coefficients down that are beyond half a step.
DEFAULT_WIDTHS: Final = (1.0, 0.5, 0.6, 0.8)

_LEAST_FIDELITY: Final = 1e-6  # below it intervals are wider than any coefficient
_TILE_PIXELS: Final = 2_000_000  # of a tile without its margin
_TILE_SIDE: Final = 3072  # most of its width


def can_restore(image: LevelsImage) -> bool:
    """Returns whether a file is of a kind that was trained on: gray, or YCbCr with averaged chroma or not.

    Args:
        image: as :func:`_core.read_jpeg` returns it. Whether its three components are YCbCr is not looked at.
    """
    try:
        factors = sampling_factors(image)
    except InputError:  # ratios that are no integers
        return False
    if len(factors) == 1:
        return True
    return len(factors) == 3 and factors[0] == (1, 1) and factors[1] == factors[2] and max(factors[1]) <= 2


class Restorer:
    """The network of a preset, for many images. Safe to call from several threads.

    Args:
        preset: sizes and weights.
        device: where it runs, such as ``"gpu"``; None for TensorFlow's choice.

    Raises:
        PresetError: the weights are missing or damaged.
        OptionError: TensorFlow is missing, or the device.
    """

    def __init__(self, preset: RestorationPreset, device: str | None = None) -> None:
        from .runtime import LiteRunner, Runner

        self.preset, self._device = preset, device
        self._runner: LiteRunner | Runner
        if litert.replaces_tensorflow():
            litert.check_device(device)
            self._runner = LiteRunner.from_file(litert.find(preset.name), preset.name)
        else:
            self._runner = Runner(preset.architecture, read_arrays(preset), device)

    @classmethod
    def from_preset(cls, name: str = "restore", device: str | None = None) -> Restorer:
        """Loads a preset: ``"restore"``, ``"restore-fast"`` or ``"fine"``."""
        return cls(find(name), device)

    def export(self, path: str | os.PathLike[str]) -> None:
        """Writes the network as a file for LiteRT, which runs it without TensorFlow.

        Args:
            path: of the file; :mod:`saliency_jpeg.saliency.litert` says where it is looked for.

        Raises:
            OptionError: this restorer runs on LiteRT itself.
            OSError: the file cannot be written.
        """
        from .runtime import write_exported

        write_exported(path, self._runner, self.preset.name)

    def restore(
        self, image: LevelsImage, *, amount: float = 1.0, fidelity: float = 1.0, widths: Floats | None = None
    ) -> list[Floats]:
        """Restores an image.

        Args:
            image: the file, as :func:`_core.read_jpeg` returns it.
            amount: factor of the corrections, 0 for the plain picture.
            fidelity: 1 keeps every coefficient in its interval, half of it doubles the intervals, 0 drops them.
            widths: float32 (components, 4), half-widths of the intervals in steps as :func:`_core.correct_samples`
                takes them; by default those that hold for any encoder.

        Returns:
            float32 (H, W) samples of each component, 0 to 255, not clipped.

        Raises:
            InputError: the file is not gray or YCbCr, or has another sampling than 4:4:4, 4:2:2, 4:4:0 and 4:2:0.
        """
        planes = [np.empty(image.size, np.float32) for _ in image.levels]
        for tile in self.tiles(image, amount=amount, fidelity=fidelity, widths=widths):
            for plane, part in zip(planes, tile.planes, strict=True):
                plane[tile.rows, tile.cols] = part
        return planes

    def tiles(
        self,
        image: LevelsImage,
        *,
        amount: float = 1.0,
        fidelity: float = 1.0,
        widths: Floats | None = None,
        classes: NDArray[np.uint8] | None = None,
        tile_size: tuple[int, int] | None = None,
    ) -> Iterator[Tile]:
        """Restores an image in parts, from the top.

        Args:
            image: as for :meth:`restore`.
            amount: as for :meth:`restore`.
            fidelity: as for :meth:`restore`.
            widths: as for :meth:`restore`.
            classes: for a network with classes, uint8 (ceil(H / 16), ceil(W / 16)), what is seen where; by default as
                :meth:`class_map` says.
            tile_size: (rows, cols) of pixels of a part, multiples of 16; by default about two million pixels.

        Raises:
            InputError: as :meth:`restore`.
        """
        if not can_restore(image):
            raise InputError(
                "only gray and YCbCr files with whole or halved chroma can be restored; pass enhance=None, got "
                f"{len(image.levels)} components with sampling {list(image.sampling)}"
            )
        file = SharedInputs(
            image, amount, intervals(len(image.levels), fidelity, widths), self._chances(image, classes)
        )
        rows, cols = tile_size or _tile_size(image.size)
        for top in range(0, image.size[0], rows):
            for left in range(0, image.size[1], cols):
                yield self._tile(file, (top, left), (rows, cols))

    def class_map(self, image: LevelsImage) -> NDArray[np.uint8]:
        """Says what the plainly decoded image shows where, for a network with classes.

        Args:
            image: as for :meth:`restore`.

        Returns:
            uint8 (ceil(H / 16), ceil(W / 16)), indices of :data:`.semantic_network.CLASSES`.

        Raises:
            OptionError: TensorFlow is missing or cannot be used.
        """
        from .semantic import load

        form = OutputForm(is_ycc=len(image.levels) == 3, luma=False, dtype=np.uint8)
        pixels = form.pixels(decode_planes(image), sampling_factors(image), image.size)
        rgb = np.repeat(pixels[..., None], 3, axis=2) if pixels.ndim == 2 else pixels
        return load(self.preset.segmentation, self._device).predict(rgb)

    def _chances(self, image: LevelsImage, classes: NDArray[np.uint8] | None) -> Floats | None:
        """The class map as the network gets it; None for a network without classes."""
        count = self.preset.architecture.classes
        if not count:
            return None
        return np.eye(count, dtype=np.float32)[self.class_map(image) if classes is None else classes]

    def _tile(self, file: SharedInputs, start: tuple[int, int], size: tuple[int, int]) -> Tile:
        reach = -(-self.preset.architecture.reach // MCU) * MCU + MCU
        part = Part.around(file, start, size, reach)
        components = [part.levels(file, index) for index in range(len(file.levels))]
        return part.finish(file, components, self._runner.run_one(part.inputs(file, components)))


def _tile_size(size: tuple[int, int]) -> tuple[int, int]:
    height, width = (-(-side // MCU) * MCU for side in size)
    across = -(-width // _TILE_SIDE)
    cols = -(-width // across // MCU) * MCU
    down = -(-height * cols // _TILE_PIXELS)
    return -(-height // down // MCU) * MCU, cols


def intervals(components: int, fidelity: float, widths: Floats | None) -> list[Floats | None]:
    """Returns the intervals of each component as :func:`_core.correct_samples` takes them.

    Args:
        components: number of them.
        fidelity: as for :meth:`Restorer.restore`.
        widths: likewise.
    """
    if fidelity < _LEAST_FIDELITY:
        return [None] * components
    if widths is None:
        widths = np.tile(np.array(DEFAULT_WIDTHS, np.float32), (components, 1))
    return list(np.ascontiguousarray(widths / np.float32(fidelity), np.float32))
