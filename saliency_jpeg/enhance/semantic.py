"""What a picture shows where: a class for every cell of 16x16 pixels, by a head on the backbone of the saliency model.

The whole picture is resized to one size of network input, so that the cost does not grow with the picture. A decoder
computes the map from the decoded base; so the same file gives the same map wherever the network computes the same.
"""

from __future__ import annotations

import os
from typing import TYPE_CHECKING, Final

import numpy as np
from numpy.typing import NDArray

from ..io import full_package
from ..saliency import forks, litert, network
from ..saliency.grid import input_size, resize
from .network import CELL
from .presets import SegmentationPreset, find_segmentation
from .semantic_network import CLASSES, STRIDE

__all__ = ["CLASSES", "LONG_SIDE", "Segmenter", "load", "to_cells"]

if TYPE_CHECKING:
    from .runtime import LiteRunner
    from .semantic_runtime import Runner

cv2 = full_package.load("cv2", "class maps")

#: Longer side of the network's input.
LONG_SIDE: Final = 512


class Segmenter:
    """The network of a preset, for many pictures. Safe to call from several threads.

    Args:
        preset: weights.
        device: where it runs, such as ``"gpu"``; None for TensorFlow's choice.

    Raises:
        PresetError: the weights are missing or damaged.
        OptionError: TensorFlow is missing or cannot be used, or there is no such device.
    """

    def __init__(self, preset: SegmentationPreset, device: str | None = None) -> None:
        from .runtime import LiteRunner
        from .semantic_runtime import Runner

        self.preset = preset
        self._runner: LiteRunner | Runner
        if litert.replaces_tensorflow():
            litert.check_device(device)
            self._runner = LiteRunner.from_file(litert.find(preset.name), preset.name)
        else:
            self._runner = Runner(preset, device)

    @classmethod
    def from_preset(cls, name: str = "segment", device: str | None = None) -> Segmenter:
        """Loads a preset."""
        return cls(find_segmentation(name), device)

    def logits(self, rgb: NDArray[np.uint8]) -> NDArray[np.float32]:
        """Computes the network's output for a picture.

        Args:
            rgb: uint8 (H, W, 3).

        Returns:
            float32 (rows, cols, classes), at every 16th pixel, from the first to the last, of an input whose longer
            side is :data:`LONG_SIDE` plus 1.

        Raises:
            OptionError: this process was forked from one that had used TensorFlow.
        """
        size = input_size(rgb.shape[0], rgb.shape[1], LONG_SIDE, network.STRIDE, margin=1)
        return self._runner.run_one([resize(rgb, size)])

    def predict(self, rgb: NDArray[np.uint8]) -> NDArray[np.uint8]:
        """Says what a picture shows.

        Args:
            rgb: uint8 (H, W, 3).

        Returns:
            uint8 (ceil(H / 16), ceil(W / 16)), indices of :data:`CLASSES`.

        Raises:
            OptionError: as :meth:`logits`.
        """
        return to_cells(self.logits(rgb), rgb.shape[:2])

    def export(self, path: str | os.PathLike[str]) -> None:
        """Writes the network as a file for LiteRT, as :meth:`Restorer.export <.restoration.Restorer.export>` does.

        Args:
            path: of the file, which is looked for as ``segment.tflite`` beside those of restoration.

        Raises:
            OptionError: this network runs on LiteRT itself.
            OSError: the file cannot be written.
        """
        from .runtime import write_exported

        write_exported(path, self._runner, self.preset.name)


def load(name: str = "segment", device: str | None = None) -> Segmenter:
    """Returns the network of a preset, loaded with the first call; arguments and errors as of :class:`Segmenter`."""
    return _load(name, device)


@forks.LoadOnce
def _load(name: str, device: str | None) -> Segmenter:
    return Segmenter.from_preset(name, device)


def to_cells(logits: NDArray[np.float32], size: tuple[int, ...]) -> NDArray[np.uint8]:
    """Returns the likeliest class of each cell of a picture.

    Args:
        logits: float32 (rows, cols, classes), as from :meth:`Segmenter.logits`.
        size: (height, width) of the picture, in pixels.

    Returns:
        uint8 (ceil(height / 16), ceil(width / 16)).
    """
    places = []
    for side, count in zip(size[:2], logits.shape[:2], strict=True):
        middles = np.minimum(CELL * np.arange(-(-side // CELL)) + CELL / 2, side - 0.5) / side
        pixels = (STRIDE * (count - 1) + 1) * middles - 0.5
        places.append((pixels / STRIDE).astype(np.float32))
    down, across = np.meshgrid(*places, indexing="ij")
    parts = [logits[..., i : i + 4] for i in range(0, logits.shape[-1], 4)]  # as many channels as OpenCV takes
    there = [_at(part, across, down) for part in parts]
    likeliest: NDArray[np.uint8] = np.concatenate(there, -1).argmax(-1).astype(np.uint8)
    return likeliest


def _at(part: NDArray[np.float32], across: NDArray[np.float32], down: NDArray[np.float32]) -> NDArray[np.float32]:
    """Interpolates one to four channels at places."""
    found = cv2.remap(np.ascontiguousarray(part), across, down, cv2.INTER_LINEAR, borderMode=cv2.BORDER_REPLICATE)
    return np.asarray(found, np.float32).reshape(*down.shape, -1)
