"""The saliency model: from pixels to class activations and to a saliency map."""

from __future__ import annotations

import threading
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ..errors import InputError, OptionError, PresetError
from . import grid, network, presets
from .classes import Activations
from .maps import MapOptions, saliency_grid
from .runtime import Runner, check_device

__all__ = ["SaliencyModel"]

_LARGEST = 65535

Image = NDArray[np.uint8]
Map = NDArray[np.float32]


class SaliencyModel:
    """A network with weights, class names and the options that turn its output into a map.

    Made by :meth:`from_preset` or :meth:`from_file`; TensorFlow is loaded by the first prediction. One model may be
    used from several threads. It can be pickled: the weights travel, TensorFlow is loaded again on the other side.

    Attributes:
        names: class names, in the order of the channels of :meth:`activations`.
        options: how class activations become a map.
        device: TensorFlow's name of the device, None for TensorFlow's choice.
    """

    def __init__(
        self,
        arrays: Mapping[str, np.ndarray[Any, Any]],
        names: Sequence[str],
        preset: presets.Preset,
        *,
        device: str | None = None,
        options: MapOptions | None = None,
    ) -> None:
        self.names = tuple(names)
        self.options = MapOptions(**preset.map) if options is None else options
        self.device = check_device(device)
        self._arrays = dict(arrays)
        self._preset = preset
        self._runner: Runner | None = None
        self._building = threading.Lock()

    @classmethod
    def from_preset(
        cls, name: str = "default", *, device: str | None = None, options: MapOptions | None = None
    ) -> SaliencyModel:
        """A model that comes with the library.

        Args:
            name: preset name, see :func:`.presets.names`.
            device: ``"cpu"``, ``"gpu"``, ``"gpu:1"``, or None for TensorFlow's choice.
            options: how to make the map, None for the preset's way.

        Raises:
            PresetError: unknown name, missing or damaged weights.
            OptionError: unknown device.
        """
        preset = presets.find(name)
        return cls(
            presets.read_arrays(preset), presets.read_class_names(preset), preset, device=device, options=options
        )

    @classmethod
    def from_file(
        cls,
        path: str | Path,
        *,
        preset: str = "default",
        device: str | None = None,
        options: MapOptions | None = None,
    ) -> SaliencyModel:
        """A model with weights of your own, for the architecture of ``preset``; the number of classes may differ.

        Args:
            path: NumPy ``.npz`` archive with the arrays that :func:`.network.get_arrays` gives for a model made by
                :func:`.network.build`, and optionally ``class_names``, an array of strings; :meth:`save` writes one.
            preset, device, options: as for :meth:`from_preset`.

        Raises:
            PresetError: no such file, not such an archive, or arrays that do not fit.
            OptionError: unknown device.
        """
        try:
            arrays = presets.unpack(Path(path).read_bytes(), str(path))
        except OSError as error:
            raise PresetError(f"cannot read the weights file {path}: {error}") from error
        base = presets.find(preset)
        names = arrays.pop(presets.CLASS_NAMES, None)
        count = _class_count(arrays)
        known = presets.read_class_names(base)
        if names is None:
            names = np.array(known if count == len(known) else [f"class {i}" for i in range(count)])
        if len(names) != count:
            raise PresetError(f"{path} has {len(names)} class names for {count} classes")
        base = replace(base, architecture={**base.architecture, "classes": count})
        return cls(arrays, names.tolist(), base, device=device, options=options)

    def save(self, path: str | Path) -> None:
        """Write the weights (float16) and class names as a file for :meth:`from_file`."""
        Path(path).write_bytes(presets.write_arrays({**self._arrays, presets.CLASS_NAMES: np.array(self.names)}))

    def predict(self, rgb: Image) -> Map:
        """Saliency of every pixel.

        Args:
            rgb: uint8 (H, W, 3), or gray (H, W); any size and aspect ratio from 1x1 on.

        Returns:
            float32 (H, W) in [0, 1], multiples of 1/255: the same for the same image, every run, in any thread.

        Raises:
            InputError: another shape or dtype, empty, or a side over 65535.
        """
        return self._map(self.activations(rgb), rgb)

    def activations(self, rgb: Image) -> Activations:
        """Multi-class activation map: evidence for each class in each cell of a grid that covers the image.

        Args:
            rgb: as for :meth:`predict`.

        Returns:
            maps float32 (rows, cols, classes), ten cells along the longer side, and class names.
        """
        pixels = self._input(rgb)
        return Activations(self._run(pixels[None])[0], self.names)

    def predict_batch(self, images: Iterable[Image], *, batch_size: int = 16) -> list[Map]:
        """Maps of several images, in their order, as :meth:`predict` gives them.

        Images of about the same aspect ratio go through the network together, ``batch_size`` at most. A processor may
        round differently for a batch than for one image; a cell of the grid that happens to lie between two of its 52
        levels can then go to the other one.

        Raises:
            InputError: an image is not one :meth:`predict` would take.
            OptionError: ``batch_size`` is below 1.
        """
        if batch_size < 1:
            raise OptionError(f"batch_size must be at least 1, got {batch_size!r}")
        images = list(images)
        inputs = [self._input(image) for image in images]
        maps: dict[int, Map] = {}
        for size in dict.fromkeys(pixels.shape for pixels in inputs):
            same = [i for i, pixels in enumerate(inputs) if pixels.shape == size]
            for start in range(0, len(same), batch_size):
                chunk = same[start : start + batch_size]
                outputs = self._run(np.stack([inputs[i] for i in chunk]))
                maps |= {
                    i: self._map(Activations(output, self.names), images[i])
                    for i, output in zip(chunk, outputs, strict=True)
                }
        return [maps[i] for i in range(len(images))]

    def _input(self, rgb: Image) -> Image:
        """The image as the network takes it, uint8 (h, w, 3)."""
        _check_image(rgb)
        height, width = rgb.shape[:2]
        return grid.resize(rgb, grid.input_size(height, width, self._preset.long_side, network.STRIDE))

    def _map(self, activations: Activations, rgb: Image) -> Map:
        cells = saliency_grid(activations, self.options)
        height, width = rgb.shape[:2]
        offset = self._preset.offset / network.STRIDE
        return grid.enlarge(cells, (height, width), offset=offset, sigma=self.options.smoothing)

    def _run(self, pixels: Image) -> NDArray[np.float32]:
        with self._building:
            if self._runner is None:
                architecture = network.Architecture(**self._preset.architecture)  # type: ignore[arg-type]
                self._runner = Runner(architecture, self._arrays, self.device)
        return self._runner(pixels)

    def __getstate__(self) -> dict[str, Any]:
        return {key: value for key, value in self.__dict__.items() if key not in ("_runner", "_building")}

    def __setstate__(self, state: dict[str, Any]) -> None:
        self.__dict__.update(state, _runner=None, _building=threading.Lock())

    def __repr__(self) -> str:
        return f"SaliencyModel({self._preset.name!r}, {len(self.names)} classes, device={self.device!r})"


def _class_count(arrays: Mapping[str, np.ndarray[Any, Any]]) -> int:
    bias = arrays.get("cam/1")
    if bias is None or bias.ndim != 1 or not bias.size:
        raise PresetError("the weights have no class layer 'cam'")
    return int(bias.size)


def _check_image(rgb: object) -> None:
    if not isinstance(rgb, np.ndarray) or rgb.dtype != np.uint8:
        raise InputError(f"an image must be a uint8 array, got {getattr(rgb, 'dtype', type(rgb).__name__)}")
    if rgb.ndim not in (2, 3) or rgb.shape[2:] not in ((), (3,)):
        raise InputError(f"an image must have shape (H, W, 3) or (H, W), got {rgb.shape}")
    if not all(1 <= side <= _LARGEST for side in rgb.shape[:2]):
        raise InputError(f"an image must have 1 to {_LARGEST} rows and columns, got {rgb.shape}")
