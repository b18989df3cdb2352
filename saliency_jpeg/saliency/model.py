"""The saliency model: from pixels to class activations and to a saliency map."""

from __future__ import annotations

import threading
import weakref
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ..checks import check_count
from ..errors import InputError, OptionError, PresetError
from ..io import write
from . import forks, grid, litert, network, presets, weights_file
from .activations import Activations
from .evidence import Reading, readings
from .lazy_map import Cells, Map, SaliencyMap
from .maps import MapOptions, saliency_grid
from .mirroring import join_views, views
from .tensorflow_runtime import Runner, check_device
from .weights_file import WeightsFile

__all__ = ["SaliencyModel"]

_LARGEST = 65535
_LOADED = ("_runner", "_quantized_runner", "_building")  # what a copy makes anew

Array = np.ndarray[Any, Any]
Image = NDArray[np.uint8]


class SaliencyModel:
    """A network with its weights, class names and the options that turn its output into a map.

    Made by :meth:`from_preset` or :meth:`from_file`; the first prediction loads LiteRT or TensorFlow. One model may be
    used from several threads. It can be pickled: the weights are stored (of a network in integers those alone), and
    what runs them is loaded again where it is unpickled.

    Args:
        arrays: weights of the backbone, by ``"layer/index"``.
        names: class names, in the order of the channels.
        preset: sizes of the network, its outputs and its map.
        head: weights of the head; None or empty without a head.
        device: ``"cpu"``, ``"gpu"``, ``"gpu:1"`` of TensorFlow's, or None for TensorFlow's choice.
        options: how a map is made; None for the preset's.
        quantized: the same network as 8-bit integers, by which LiteRT makes the maps; None where TensorFlow does.

    Attributes:
        names: class names, in the order of the channels of :meth:`activations`.
        options: how a map is made.
        device: TensorFlow's name of the device, None where none was asked for.

    Raises:
        OptionError: unknown device, or the preset does not give the evidence that the options ask for.
    """

    def __init__(
        self,
        arrays: Mapping[str, Array],
        names: Sequence[str],
        preset: presets.Preset,
        *,
        head: Mapping[str, Array] | None = None,
        device: str | None = None,
        options: MapOptions | None = None,
        quantized: bytes | None = None,
    ) -> None:
        self.names = tuple(names)
        self.options = preset.map if options is None else options
        self.device = check_device(device)
        self._arrays = dict(arrays)
        self._preset = preset
        self._head_arrays = dict(head or {})
        self._exported: bytes | None = None
        self._quantized = quantized
        self._runner: Runner | litert.LiteRunner | None = None
        self._quantized_runner: litert.QuantizedRunner | None = None
        self._building = threading.Lock()
        _MODELS.add(self)
        if self.options.evidence not in readings(preset):
            evidence = self.options.evidence
            raise OptionError(f"preset {preset.name!r} gives no {evidence} evidence, got {evidence!r}")

    @classmethod
    def from_preset(
        cls, name: str = "default", *, device: str | None = None, options: MapOptions | None = None
    ) -> SaliencyModel:
        """Creates a model that ships with the library.

        Args:
            name: preset name, see :func:`.presets.names`.
            device: ``"cpu"``, ``"gpu"``, ``"gpu:1"`` to run by TensorFlow in floating point. None: LiteRT makes the
                maps where it is installed and the preset's network ships as 8-bit integers; otherwise TensorFlow, on
                the device that it chooses.
            options: how a map is made; None for the preset's options. ``MapOptions()`` makes the plain class activation
                map; to change one of a preset's options, use ``dataclasses.replace(model.options, ...)``.

        Raises:
            PresetError: unknown name, a preset for another task, missing or damaged weights.
            OptionError: unknown device, or the preset does not give the evidence that the options ask for.
        """
        preset = presets.find(name)
        without_tensorflow = litert.replaces_tensorflow()
        if without_tensorflow and litert.has_exported(preset.name):
            return cls._from_exported(litert.find(preset.name), device, options)
        quantized = presets.read_quantized(preset) if device is None and litert.is_installed() else None
        if without_tensorflow and quantized is None:
            return cls._from_exported(litert.find(preset.name), device, options)
        arrays, head = ({}, {}) if quantized else (presets.read_arrays(preset), presets.read_head(preset))
        names = presets.read_class_names(preset)
        return cls(arrays, names, preset, head=head, device=device, options=options, quantized=quantized)

    @classmethod
    def from_file(
        cls,
        path: str | Path,
        *,
        preset: str | None = None,
        device: str | None = None,
        options: MapOptions | None = None,
    ) -> SaliencyModel:
        """Creates a model with your own weights for the architecture of a preset; the number of classes may differ.

        Args:
            path: weights file, as :meth:`save` writes it (:mod:`.weights_file`): arrays of the backbone, of the head,
                or of both (the preset's are taken for those that it does not hold), and optionally class names and the
                preset's name. Or a file with the suffix ``.tflite`` that :meth:`export` wrote; LiteRT runs it on the
                CPU, without TensorFlow.
            preset: name of the preset that the weights are for; None for the one that the file names, or the default.
            device: as for :meth:`from_preset`.
            options: as for :meth:`from_preset`.

        Raises:
            PresetError: the file cannot be read, is not a weights file, or its arrays do not fit the preset.
            OptionError: unknown device, or the preset does not give the evidence that the options ask for.
        """
        if Path(path).suffix == litert.SUFFIX:
            return cls._from_exported(Path(path), device, options)
        file = weights_file.read(Path(path))
        base = presets.find((file.preset or "default") if preset is None else preset)
        arrays, head = weights_file.split(
            file.arrays, presets.read_arrays(base), presets.read_head(base), str(path), base.class_arrays
        )
        resized = base.resize(arrays, head)
        names = presets.choose_class_names(file, base, resized.class_count, str(path))
        return cls(arrays, names, resized, head=head, device=device, options=options)

    @classmethod
    def _from_exported(cls, path: Path, device: str | None, options: MapOptions | None) -> SaliencyModel:
        exported = litert.unpack(weights_file.read_bytes(path), str(path))
        litert.check_device(device)
        model = cls({}, exported.names, presets.find(exported.preset), options=options)
        model._exported = exported.network
        return model

    def save(self, path: str | Path) -> None:
        """Writes a file for :meth:`from_file`, whole or not at all: weights (float16), class names, preset.

        Raises:
            PresetError: the model was read from an exported file.
        """
        self._read_weights()
        file = WeightsFile({**self._arrays, **self._head_arrays}, np.array(self.names), self._preset.name)
        write(str(Path(path).absolute()), weights_file.pack(file))

    def export(self, path: str | Path) -> None:
        """Writes the network as a ``.tflite`` file for LiteRT and :meth:`from_file`; needs TensorFlow.

        Raises:
            OptionError: another suffix.
            PresetError: the model was read from an exported file.
        """
        self._read_weights()
        if Path(path).suffix != litert.SUFFIX:
            raise OptionError(f"an exported model needs the suffix {litert.SUFFIX}, got {str(path)!r}")
        runner = self._load_runner()
        assert isinstance(runner, Runner)
        exported = litert.Exported(litert.export(runner), self._preset.name, self.names)
        write(str(Path(path).absolute()), litert.pack(exported))

    def _read_weights(self) -> None:
        """Reads the preset's weights in floating point, which a quantized network makes no use of."""
        if self._exported is not None:
            raise PresetError("a model that was exported to LiteRT holds no weights to write; use the original model")
        if not self._arrays:
            self._arrays, self._head_arrays = presets.read_arrays(self._preset), presets.read_head(self._preset)

    def predict(self, rgb: Image) -> Map:
        """Computes the saliency of every pixel.

        Args:
            rgb: uint8 (H, W, 3), or gray (H, W); any size and aspect ratio from 1x1 on.

        Returns:
            float32 (H, W) in [0, 1], multiples of 1/255: the same for the same image, every run, in any thread.

        Raises:
            InputError: another shape or dtype, empty, or a side over 65535.
        """
        return self.lazy_map(rgb).pixels

    def lazy_map(self, rgb: Image) -> SaliencyMap:
        """Computes the map of :meth:`predict`, but enlarges it to pixels when they are asked for.

        Args:
            rgb: as for :meth:`predict`.

        Raises:
            InputError: as for :meth:`predict`.
        """
        _check_image(rgb)
        return self._predict([rgb])[0]

    def activations(self, rgb: Image) -> Activations:
        """Computes the multi-class activation map: evidence for each class in each cell of a grid over the image.

        Args:
            rgb: as for :meth:`predict`.

        Returns:
            maps float32 (rows, cols, classes) and class names; ten cells along the longer side for ``cam``.

        Raises:
            InputError: as for :meth:`predict`.
        """
        _check_image(rgb)
        reading = readings(self._preset)["classes"]
        return Activations(self._run(reading, [rgb])[0], self.names)

    def predict_batch(self, images: Iterable[Image], *, batch_size: int = 16) -> list[Map]:
        """Computes the maps of several images, in their order, as :meth:`predict` does.

        Images of about the same aspect ratio share a batch of TensorFlow's; LiteRT runs the default network on each
        alone. TensorFlow may round differently for a batch than for one image: a cell of the grid that happens to
        lie between two of its 52 levels can then get the other one.

        Args:
            images: as for :meth:`predict`.
            batch_size: most images that go through the network at once.

        Raises:
            InputError: as for :meth:`predict`.
            OptionError: ``batch_size`` is no positive integer.
        """
        return [made.pixels for made in self.lazy_maps(images, batch_size=batch_size)]

    def lazy_maps(self, images: Iterable[Image], *, batch_size: int = 16) -> list[SaliencyMap]:
        """Computes the maps of :meth:`predict_batch`, but enlarges each to pixels when they are asked for.

        Args:
            images: as for :meth:`predict`.
            batch_size: most images that go through the network at once.

        Raises:
            InputError: as for :meth:`predict`.
            OptionError: ``batch_size`` is no positive integer.
        """
        check_count("batch_size", batch_size)
        images = list(images)
        for image in images:
            _check_image(image)
        maps: dict[int, SaliencyMap] = {}
        for indices in grid.group_equal(self._input_size(image) for image in images):
            for start in range(0, len(indices), batch_size):
                batch = indices[start : start + batch_size]
                maps |= dict(zip(batch, self._predict([images[i] for i in batch]), strict=True))
        return [maps[i] for i in range(len(images))]

    def _predict(self, images: Sequence[Image]) -> list[SaliencyMap]:
        """Computes the maps of images that have one input size."""
        preset, options = self._preset, self.options
        reading = readings(preset)[options.evidence]
        lattice = grid.Lattice.of(reading.stride, margin=preset.margin, offset=preset.offset)
        maps = []
        for image, output in zip(images, self._run(reading, images), strict=True):
            cells = saliency_grid(reading.to_evidence(output, options), options, contrast=reading.contrast)
            maps.append(SaliencyMap(image.shape[:2], Cells(cells, lattice, lattice, options.smoothing)))
        return maps

    def _input_size(self, rgb: Image) -> tuple[int, int]:
        height, width = rgb.shape[:2]
        return grid.input_size(height, width, self._preset.long_side, network.STRIDE, margin=self._preset.margin)

    def _run(self, reading: Reading, images: Sequence[Image]) -> Map:
        """Returns the output (n, rows, cols, channels) that is read, for images that have one input size."""
        runner: Any
        if self._quantized is not None and reading.output == "head":
            runner = self._load_quantized(self._quantized)
        else:
            runner = self._load_runner()
        seen = views(images, self._preset.mirror if reading.output == "head" else False)
        size = self._input_size(images[0])
        pixels = np.stack([grid.resize(images[view.number], size, mirrored=view.is_mirrored) for view in seen])
        return join_views(getattr(runner, reading.output)(pixels), seen, len(images))

    def _load_quantized(self, network: bytes) -> litert.QuantizedRunner:
        with self._building:
            if self._quantized_runner is None:
                file = f"{self._preset.name}, quantized"
                self._quantized_runner = litert.QuantizedRunner(network, file)
            return self._quantized_runner

    def _load_runner(self) -> Runner | litert.LiteRunner:
        if self._exported is None:
            forks.check()  # before the lock, which a thread of the parent may have held
        with self._building:
            if self._runner is None and self._exported is not None:
                self._runner = litert.LiteRunner(self._exported, self._preset.name + litert.SUFFIX)
            elif self._runner is None:
                self._read_weights()
                self._runner = Runner(self._preset, self._arrays, self._head_arrays, self.device)
            return self._runner

    def __getstate__(self) -> dict[str, Any]:
        state = {key: value for key, value in self.__dict__.items() if key not in _LOADED}
        return state if self._quantized is None else {**state, "_arrays": {}, "_head_arrays": {}}

    def __setstate__(self, state: dict[str, Any]) -> None:
        self.__dict__.update({**state, **dict.fromkeys(_LOADED), "_building": threading.Lock()})
        _MODELS.add(self)

    def __repr__(self) -> str:
        return f"SaliencyModel({self._preset.name!r}, {len(self.names)} classes, device={self.device!r})"


_MODELS: weakref.WeakSet[SaliencyModel] = weakref.WeakSet()


def _renew_locks() -> None:
    for model in list(_MODELS):
        model._building = threading.Lock()


forks.renew_in_child(_renew_locks)  # another thread of the parent may have held it


def _check_image(rgb: object) -> None:
    if not isinstance(rgb, np.ndarray) or rgb.dtype != np.uint8:
        raise InputError(f"an image must be a uint8 array, got {getattr(rgb, 'dtype', type(rgb).__name__)}")
    if rgb.ndim not in (2, 3) or rgb.shape[2:] not in ((), (3,)):
        raise InputError(f"an image must have shape (H, W, 3) or (H, W), got {rgb.shape}")
    if not all(1 <= side <= _LARGEST for side in rgb.shape[:2]):
        raise InputError(f"an image must have 1 to {_LARGEST} rows and columns, got {rgb.shape}")
