"""A latent: what a network of a few hundred kilobytes says of an original, for a reader that has the restored picture.

The layer holds small integers at an eighth of the resolution. The reader's network (:mod:`.latent_network`) makes of
them, of the restored planes and of a class map, which it computes itself, what is to be added to the planes; and at
``fidelity=1`` no coefficient of the result leaves the interval in which the file allows it.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from functools import partial
from typing import Final, NamedTuple

import numpy as np
from numpy.typing import NDArray

from ..codec import _core
from ..io import full_package
from ..saliency import forks, network
from ..saliency.tensorflow_runtime import check_device, load_tensorflow
from .latent_network import CHANNELS, REACH, SCALE, STRIDE, build_analysis, build_synthesis
from .network import CELL, GROUP
from .planes import LevelsImage, sampling_factors
from .presets import LatentPreset, find_latent
from .semantic_network import CLASSES
from .traced import Traced

cv2 = full_package.load("cv2", "latents")

__all__ = ["LatentCoder", "bounded", "latent_shape", "load"]

Floats = NDArray[np.float32]

_TILE: Final = 1024  # most pixels of a side of a tile without its margin


class _Part(NamedTuple):
    """A tile: pixels of the padded picture with the margin, and its own among these."""

    rows: slice
    cols: slice
    own: tuple[slice, slice]
    inner: tuple[slice, slice]


class LatentCoder:
    """The networks of a preset, for many pictures of three components. Safe to call from several threads.

    Args:
        preset: weights.
        device: where it runs, such as ``"gpu"``; None for TensorFlow's choice.

    Raises:
        PresetError: the weights are missing or damaged.
        OptionError: TensorFlow is missing or cannot be used, or there is no such device.
    """

    def __init__(self, preset: LatentPreset, device: str | None = None) -> None:
        tf = load_tensorflow()
        forks.mark_in_use()
        self.preset, self._device = preset, check_device(device)
        arrays = preset.read_weights()
        self._run: dict[str, Traced] = {}
        with tf.device(self._device):
            models = {"analysis": build_analysis(), "synthesis": build_synthesis()}
        names = {name: set(network.get_arrays(model)) for name, model in models.items()}
        for name, model in models.items():
            others = set().union(*(known for other, known in names.items() if other != name))
            network.set_arrays(model, {key: array for key, array in arrays.items() if key not in others})
            self._run[name] = Traced.of_model(tf, model, self._device)

    @classmethod
    def from_preset(cls, name: str = "gdae", device: str | None = None) -> LatentCoder:
        """Loads a preset."""
        return cls(find_latent(name), device)

    def encode(self, original: Sequence[Floats], restored: Sequence[Floats]) -> Floats:
        """Computes the latent of a picture, not yet rounded.

        Args:
            original: Y, Cb, Cr, each float32 (H, W), 0 to 255.
            restored: likewise, as a reader restores the file.

        Returns:
            float32 of the shape that :func:`latent_shape` tells.

        Raises:
            OptionError: this process was forked from one that had used TensorFlow.
            MemoryError: there is not enough memory.
        """
        size = restored[0].shape
        numbers = np.zeros(latent_shape(size), np.float32)
        known = _padded(restored)
        left = (_padded(original) - known) / np.float32(SCALE)
        known = _seen(known)
        for part in _parts(known.shape[:2]):
            z = self._run["analysis"](_groups(left[part.rows, part.cols]), _groups(known[part.rows, part.cols]))
            own, inner = (tuple(_cells(side, STRIDE) for side in place) for place in (part.own, part.inner))
            numbers[:, own[0], own[1]] = np.moveaxis(z[inner], -1, 0)
        return numbers

    def decode(self, levels: NDArray[np.int8], restored: Sequence[Floats], classes: NDArray[np.uint8]) -> list[Floats]:
        """Computes what a latent adds to the restored planes.

        Args:
            levels: integers of what :meth:`encode` returns.
            restored: Y, Cb, Cr, each float32 (H, W), 0 to 255.
            classes: what is seen where, uint8 (ceil(H / 16), ceil(W / 16)), as from :meth:`.Restorer.class_map`.

        Returns:
            float32 (H, W) for each plane.

        Raises:
            OptionError: this process was forked from one that had used TensorFlow.
            MemoryError: there is not enough memory.
        """
        height, width = restored[0].shape
        known = _seen(_padded(restored))
        latent = np.ascontiguousarray(np.moveaxis(levels, 0, -1), np.float32)
        chances = np.eye(len(CLASSES), dtype=np.float32)[classes]
        added = np.empty(known.shape, np.float32)
        for part in _parts(known.shape[:2]):
            rows, cols = (_cells(side, STRIDE) for side in (part.rows, part.cols))
            groups = _groups(known[part.rows, part.cols])
            shown = chances[_cells(part.rows, CELL), _cells(part.cols, CELL)]
            shown = cv2.resize(shown, (groups.shape[1], groups.shape[0]), interpolation=cv2.INTER_LINEAR)
            out = _from_groups(self._run["synthesis"](latent[rows, cols], groups, shown))
            added[part.own] = out[part.inner]
        added *= np.float32(SCALE)
        return [np.ascontiguousarray(added[:height, :width, index]) for index in range(len(restored))]


def latent_shape(size: tuple[int, ...]) -> tuple[int, int, int]:
    """Returns the shape of the latent of a picture of (height, width): channels, rows, columns."""
    rows, cols = (-(-side // CELL) * CELL // STRIDE for side in size[:2])
    return CHANNELS, rows, cols


def bounded(
    image: LevelsImage, restored: Sequence[Floats], added: Sequence[Floats], intervals: Sequence[Floats | None]
) -> list[Floats]:
    """Adds to restored planes what a latent says, as far as the levels of the file allow.

    Of chroma at half the resolution the mean of the addition is limited, as of the restoration's own correction.

    Args:
        image: the file.
        restored: float32 (H, W) of each component.
        added: likewise.
        intervals: of each component, half-widths as :func:`_core.correct_samples` takes them; None for no limits.

    Returns:
        float32 (H, W) of each component.
    """
    planes = []
    for index, (plane, extra) in enumerate(zip(restored, added, strict=True)):
        h, v = sampling_factors(image)[index]
        levels, table = image.levels[index], image.tables[image.component_tables[index]]
        start = _core.inverse_dct(levels, table)
        before, more = (_reduced(part, (h, v), start.shape) for part in (plane, extra))
        limit = partial(_core.correct_samples, levels, np.ascontiguousarray(table), bounds=intervals[index])
        kept = limit(np.ascontiguousarray(before + more - start)) - limit(np.ascontiguousarray(before - start))
        planes.append(plane + extra + _core.upsample(_own(kept - more, (h, v), plane.shape), h, v, plane.shape))
    return planes


def _own(part: Floats, factors: tuple[int, int], size: tuple[int, ...]) -> Floats:
    """The samples of a component that are the picture's, without what fills its blocks."""
    (h, v), (height, width) = factors, size
    return np.ascontiguousarray(part[: -(-height // v), : -(-width // h)])


def _reduced(plane: Floats, factors: tuple[int, int], shape: tuple[int, ...]) -> Floats:
    """Means of v x h samples, the last ones again as far as a component's blocks go."""
    h, v = factors
    whole = np.pad(plane, ((0, shape[0] * v - plane.shape[0]), (0, shape[1] * h - plane.shape[1])), mode="edge")
    return np.asarray(cv2.resize(whole, shape[::-1], interpolation=cv2.INTER_AREA), np.float32)


def _padded(planes: Sequence[Floats]) -> Floats:
    """Planes side by side, (H, W, 3), the last samples again up to whole cells of the class map."""
    height, width = planes[0].shape
    missing = (0, -height % CELL), (0, -width % CELL)
    return np.stack([np.pad(plane, missing, mode="edge") for plane in planes], -1)


def _seen(planes: Floats) -> Floats:
    return (planes - np.float32(128)) / np.float32(64)


def _parts(size: tuple[int, ...]) -> Iterator[_Part]:
    """Tiles with margins wider than the networks' reach."""
    for top in range(0, size[0], _TILE):
        for left in range(0, size[1], _TILE):
            sides = [
                (slice(max(0, start - REACH), min(end, start + _TILE + REACH)), slice(start, min(end, start + _TILE)))
                for start, end in zip((top, left), size, strict=True)
            ]
            rows, cols = (around for around, _ in sides)
            inner = tuple(slice(own.start - around.start, own.stop - around.start) for around, own in sides)
            yield _Part(rows, cols, (sides[0][1], sides[1][1]), (inner[0], inner[1]))


def _cells(pixels: slice, side: int) -> slice:
    return slice(pixels.start // side, pixels.stop // side)


def _groups(planes: Floats) -> Floats:
    """Groups of 4x4 samples of each plane, (rows, cols, 48)."""
    height, width, count = planes.shape
    split = planes.reshape(height // GROUP, GROUP, width // GROUP, GROUP, count).transpose(0, 2, 4, 1, 3)
    return np.ascontiguousarray(split).reshape(height // GROUP, width // GROUP, -1)


def _from_groups(groups: Floats) -> Floats:
    rows, cols = groups.shape[:2]
    split = groups.reshape(rows, cols, -1, GROUP, GROUP).transpose(0, 3, 1, 4, 2)
    return split.reshape(rows * GROUP, cols * GROUP, -1)


def load(name: str = "gdae", device: str | None = None) -> LatentCoder:
    """Returns the networks of a preset, loaded with the first call; arguments and errors as of :class:`LatentCoder`."""
    return _load(name, device)


@forks.LoadOnce
def _load(name: str, device: str | None) -> LatentCoder:
    return LatentCoder.from_preset(name, device)
