"""The saliency model: from pixels to class activations and to a saliency map."""

from __future__ import annotations

import threading
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ..errors import InputError, OptionError, PresetError
from ..io import write
from . import grid, heads, litert, network, presets
from .activations import Activations
from .maps import MapOptions, class_evidence, learned_evidence, saliency_grid
from .tensorflow_runtime import Runner, check_device

__all__ = ["SaliencyModel"]

_LARGEST = 65535

Array = np.ndarray[Any, Any]
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
        arrays: Mapping[str, Array],
        names: Sequence[str],
        preset: presets.Preset,
        *,
        head: Mapping[str, Array] | None = None,
        device: str | None = None,
        options: MapOptions | None = None,
    ) -> None:
        self.names = tuple(names)
        self.options = MapOptions(**preset.map) if options is None else options
        self.device = check_device(device)
        self._arrays = dict(arrays)
        self._preset = preset
        self._head = None if preset.head is None else heads.HeadArchitecture(**preset.head.architecture)
        self._head_arrays = dict(head or {})
        self._network: bytes | None = None
        self._runner: Runner | litert.LiteRunner | None = None
        self._building = threading.Lock()
        if self.options.evidence == "learned" and not self._learned:
            raise OptionError(f"preset {preset.name!r} has no learned evidence, got 'learned'")

    @classmethod
    def from_preset(
        cls, name: str = "default", *, device: str | None = None, options: MapOptions | None = None
    ) -> SaliencyModel:
        """A model that comes with the library.

        Args:
            name: preset name, see :func:`.presets.names`.
            device: ``"cpu"``, ``"gpu"``, ``"gpu:1"``, or None for TensorFlow's choice.
            options: how to make the map, None for the preset's way. ``MapOptions()`` is the way of the plain class
                activation map; to change one thing of a preset's, use ``dataclasses.replace(model.options, ...)``.

        Raises:
            PresetError: unknown name, missing or damaged weights.
            OptionError: unknown device, or options that the preset cannot follow.
        """
        preset = presets.find(name)
        if litert.stands_in():
            return cls._from_exported(litert.find(preset.name), device, options)
        arrays, head = presets.read_arrays(preset), presets.read_head(preset)
        return cls(arrays, presets.read_class_names(preset), preset, head=head, device=device, options=options)

    @classmethod
    def from_file(
        cls,
        path: str | Path,
        *,
        preset: str | None = None,
        device: str | None = None,
        options: MapOptions | None = None,
    ) -> SaliencyModel:
        """A model with weights of your own, for the architecture of ``preset``; the number of classes may differ.

        Args:
            path: NumPy ``.npz`` archive with the arrays that :func:`.network.get_arrays` gives for a model made by
                :func:`.network.build`, for a head made by :func:`.heads.build_head`, or for both (what is not there is
                the preset's), and optionally ``class_names``, an array of strings, and ``preset``, a string;
                :meth:`save` writes one. Or a file that :meth:`export` wrote, with the suffix ``.tflite``, which
                LiteRT runs on the processor, without TensorFlow.
            preset: what the weights are for; None for what the file says, or else the default.
            device, options: as for :meth:`from_preset`.

        Raises:
            PresetError: no such file, not such an archive, or arrays that do not fit.
            OptionError: unknown device, or options that the preset cannot follow.
        """
        if Path(path).suffix == litert.SUFFIX:
            return cls._from_exported(Path(path), device, options)
        own = presets.unpack(_read(Path(path)), str(path))
        told = str(own.pop(presets.PRESET, "default"))
        base = presets.find(told if preset is None else preset)
        names = own.pop(presets.CLASS_NAMES, None)
        arrays, head = _parts(own, presets.read_arrays(base), presets.read_head(base), str(path))
        base, count = _resized(base, arrays, head)
        known = presets.read_class_names(base)
        if names is None:
            names = np.array(known if count == len(known) else [f"class {i}" for i in range(count)])
        if names.shape != (count,):
            raise PresetError(f"{path} has {names.size} class names for {count} classes")
        return cls(arrays, names.tolist(), base, head=head, device=device, options=options)

    def save(self, path: str | Path) -> None:
        """Write a file for :meth:`from_file`: weights (float16), class names, preset; whole or not at all."""
        self._check_has_weights()
        texts = {presets.CLASS_NAMES: np.array(self.names), presets.PRESET: np.array(self._preset.name)}
        write(str(Path(path).absolute()), presets.write_arrays({**self._arrays, **self._head_arrays, **texts}))

    def export(self, path: str | Path) -> None:
        """Write the network as a file for LiteRT and :meth:`from_file`, suffix ``.tflite``; needs TensorFlow.

        Raises:
            OptionError: another suffix.
            PresetError: the model was read from such a file.
        """
        self._check_has_weights()
        if Path(path).suffix != litert.SUFFIX:
            raise OptionError(f"an exported model needs the suffix {litert.SUFFIX}, got {str(path)!r}")
        runner = self._run()
        assert isinstance(runner, Runner)
        exported = litert.Exported(litert.export(runner), self._preset.name, self.names)
        write(str(Path(path).absolute()), litert.pack(exported))

    @classmethod
    def _from_exported(cls, path: Path, device: str | None, options: MapOptions | None) -> SaliencyModel:
        network, preset, names = litert.unpack(_read(path), str(path))
        if device is not None and device.lower().strip("/") not in ("cpu", "cpu:0"):
            raise OptionError(f"LiteRT runs on the processor, device must be None or 'cpu', got {device!r}")
        model = cls({}, names, presets.find(preset), options=options)
        model._network = network
        return model

    def _check_has_weights(self) -> None:
        if self._network is not None:
            raise PresetError("a model that was exported to LiteRT holds no weights to write")

    def predict(self, rgb: Image) -> Map:
        """Saliency of every pixel.

        Args:
            rgb: uint8 (H, W, 3), or gray (H, W); any size and aspect ratio from 1x1 on.

        Returns:
            float32 (H, W) in [0, 1], multiples of 1/255: the same for the same image, every run, in any thread.

        Raises:
            InputError: another shape or dtype, empty, or a side over 65535.
        """
        return self._maps([rgb])[0]

    def activations(self, rgb: Image) -> Activations:
        """Multi-class activation map: evidence for each class in each cell of a grid that covers the image.

        Args:
            rgb: as for :meth:`predict`.

        Returns:
            maps float32 (rows, cols, classes) and class names; ten cells along the longer side for ``cam``.
        """
        _check_image(rgb)
        return self._activations(self._input(rgb)[None])[0]

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
        for image in images:
            _check_image(image)
        maps: dict[int, Map] = {}
        for places in _buckets([self._input_size(image) for image in images]):
            for start in range(0, len(places), batch_size):
                chunk = places[start : start + batch_size]
                maps |= dict(zip(chunk, self._maps([images[i] for i in chunk]), strict=True))
        return [maps[i] for i in range(len(images))]

    @property
    def _learned(self) -> bool:
        """Whether the head gives evidence of its own rather than class activations."""
        return self._head is not None and self._head.kind == "pyramid"

    def _input_size(self, rgb: Image) -> tuple[int, int]:
        height, width = rgb.shape[:2]
        return grid.input_size(height, width, self._preset.long_side, network.STRIDE, margin=self._preset.margin)

    def _input(self, rgb: Image) -> Image:
        """The image as the network takes it, uint8 (h, w, 3)."""
        return grid.resize(rgb, self._input_size(rgb))

    def _activations(self, pixels: Image) -> list[Activations]:
        run = self._run()
        output = run.classes if self._head is None or self._learned else run.head
        return [Activations(maps, self.names) for maps in output(pixels)]

    def _evidence(self, pixels: Image) -> list[NDArray[np.float64]]:
        if self.options.evidence == "learned":
            return [learned_evidence(logits, self.options.gaze) for logits in self._run().head(pixels)]
        return [class_evidence(activations, self.options.classes) for activations in self._activations(pixels)]

    def _maps(self, images: Sequence[Image]) -> list[Map]:
        """Maps of images that have one input size."""
        for image in images:
            _check_image(image)
        evidence = self._evidence(np.stack([self._input(image) for image in images]))
        contrast = self._preset.contrast if self.options.evidence == "classes" else 0.0
        grids = [saliency_grid(cells, self.options, contrast=contrast) for cells in evidence]
        lattice = grid.Lattice.of(self._stride(), margin=self._preset.margin, offset=self._preset.offset)
        sigma = self.options.smoothing
        return [
            grid.enlarge(cells, image.shape[:2], lattice=lattice, sigma=sigma)
            for cells, image in zip(grids, images, strict=True)
        ]

    def _stride(self) -> int:
        """Pixels of the input per cell of the evidence."""
        if self._head is None or (self._learned and self.options.evidence == "classes"):
            return network.STRIDE
        return heads.STRIDES[self._head.kind]

    def _run(self) -> Runner | litert.LiteRunner:
        with self._building:
            if self._runner is None and self._network is not None:
                self._runner = litert.LiteRunner(self._network, self._preset.name + litert.SUFFIX)
            elif self._runner is None:
                architecture = network.Architecture(**self._preset.architecture)  # type: ignore[arg-type]
                mirror = self._preset.mirror
                self._runner = Runner(architecture, self._arrays, self._head, self._head_arrays, mirror, self.device)
            return self._runner

    def __getstate__(self) -> dict[str, Any]:
        return {key: value for key, value in self.__dict__.items() if key not in ("_runner", "_building")}

    def __setstate__(self, state: dict[str, Any]) -> None:
        self.__dict__.update(state, _runner=None, _building=threading.Lock())

    def __repr__(self) -> str:
        return f"SaliencyModel({self._preset.name!r}, {len(self.names)} classes, device={self.device!r})"


def _read(path: Path) -> bytes:
    try:
        return path.read_bytes()
    except OSError as error:
        raise PresetError(f"cannot read the weights file {path}: {error}") from error


def _buckets(keys: Sequence[Any]) -> Iterator[list[int]]:
    """Places of equal keys."""
    places: dict[Any, list[int]] = {}
    for i, key in enumerate(keys):
        places.setdefault(key, []).append(i)
    yield from places.values()


def _parts(
    own: Mapping[str, Array], arrays: Mapping[str, Array], head: Mapping[str, Array], path: str
) -> tuple[Mapping[str, Array], Mapping[str, Array]]:
    """Weights of backbone and head, each the file's own or the preset's."""
    if not own or (strange := sorted(set(own) - set(arrays) - set(head))):
        raise PresetError(f"{path} does not fit the network: {', '.join(strange[:3]) if own else 'nothing'} in it")
    if strange := sorted(key for key, array in own.items() if array.dtype.kind not in "fiu"):
        raise PresetError(f"{path} does not fit the network: {', '.join(strange[:3])} must be numbers")
    parts = []
    for base in (arrays, head):
        if missing := sorted(set(base) - set(own)) if set(base) & set(own) else []:
            raise PresetError(f"{path} does not fit the network: {', '.join(missing[:3])} missing")
        parts.append({key: own[key] for key in base} if set(base) & set(own) else base)
    return parts[0], parts[1]


def _resized(
    preset: presets.Preset, arrays: Mapping[str, Array], head: Mapping[str, Array]
) -> tuple[presets.Preset, int]:
    """The preset for the number of classes that the weights have, and the number that it gives names to."""
    count = int(arrays["cam/1"].size)
    preset = replace(preset, architecture={**preset.architecture, "classes": count})
    if preset.head is None or preset.head.architecture["kind"] != "msroi":
        return preset, count
    further = int(head["maps/1"].size)
    architecture = {**preset.head.architecture, "outputs": further}
    return replace(preset, head=replace(preset.head, architecture=architecture)), count + further


def _check_image(rgb: object) -> None:
    if not isinstance(rgb, np.ndarray) or rgb.dtype != np.uint8:
        raise InputError(f"an image must be a uint8 array, got {getattr(rgb, 'dtype', type(rgb).__name__)}")
    if rgb.ndim not in (2, 3) or rgb.shape[2:] not in ((), (3,)):
        raise InputError(f"an image must have shape (H, W, 3) or (H, W), got {rgb.shape}")
    if not all(1 <= side <= _LARGEST for side in rgb.shape[:2]):
        raise InputError(f"an image must have 1 to {_LARGEST} rows and columns, got {rgb.shape}")
