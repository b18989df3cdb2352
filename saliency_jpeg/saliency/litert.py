"""Networks for LiteRT, which starts in less than a tenth of TensorFlow's time.

The default network ships as 8-bit integers (``scripts/quantize_network.py``). Where LiteRT is installed it makes the
maps, unless a device of TensorFlow's is asked for.

``SaliencyModel.export`` writes one file: the network with float16 weights, followed by a zip archive with the preset's
name and the class names, which is where LiteRT keeps a model's metadata. The package ``ai-edge-litert`` (extra
``[lite]``) runs it without TensorFlow. Where TensorFlow is not installed, a preset is read from ``NAME.tflite`` in the
folder that the environment variable ``SALIENCY_JPEG_LITE`` names.
"""

from __future__ import annotations

import importlib.util
import io
import json
import os
import threading
import weakref
import zipfile
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from contextvars import ContextVar
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final, NamedTuple

import numpy as np
from numpy.typing import NDArray

from ..errors import OptionError, PresetError
from ..io import available_cpus, full_package
from . import forks
from .weights_file import DAMAGED, open_archive, read_entry

if TYPE_CHECKING:
    from .tensorflow_runtime import Runner

__all__ = [
    "SUFFIX",
    "Exported",
    "LiteNetwork",
    "LiteRunner",
    "QuantizedRunner",
    "at_most_threads",
    "check_device",
    "convert",
    "export",
    "find",
    "has_exported",
    "is_installed",
    "pack",
    "replaces_tensorflow",
    "unpack",
]

#: Ending of the name of an exported file.
SUFFIX = ".tflite"

_FOLDER = "SALIENCY_JPEG_LITE"
_ENTRY = "saliency_jpeg.json"
_MOST_METADATA: Final = 16_000_000  # bytes, inflated; those of a thousand class names are 15000
_MOST_THREADS: Final = 4
_LIMIT: Final[ContextVar[int | None]] = ContextVar("saliency_jpeg_threads", default=None)
_MISSING = "ai-edge-litert is missing: pip install 'saliency-jpeg[lite]'"


class Exported(NamedTuple):
    """Contents of an exported file.

    Attributes:
        network: what LiteRT reads.
        preset: name of the preset that it was exported from.
        names: class names, in the order of the channels.
    """

    network: bytes
    preset: str
    names: tuple[str, ...]


def export(runner: Runner) -> bytes:
    """Converts the network of a runner to LiteRT.

    Args:
        runner: holds the network.

    Returns:
        The network from RGB uint8 (n, h, w, 3) to class activations and, with a head, the head's maps.
    """
    tf = runner.tensorflow
    return convert(tf, runner.outputs, [tf.TensorSpec((None, None, None, 3), tf.uint8)])


def convert(tensorflow: Any, compute: Callable[..., Any], signature: Sequence[Any]) -> bytes:
    """Converts a function with a network's weights to LiteRT, with float16 weights.

    Args:
        tensorflow: the module.
        compute: takes and returns tensors.
        signature: a ``TensorSpec`` of each argument.
    """
    from tensorflow.python.framework.convert_to_constants import convert_variables_to_constants_v2

    tf = tensorflow
    function = tf.function(compute, input_signature=signature, autograph=False, jit_compile=False)
    frozen = convert_variables_to_constants_v2(function.get_concrete_function())  # the converter can drop variables
    converter = tf.lite.TFLiteConverter.from_concrete_functions([frozen])
    converter.optimizations = [tf.lite.Optimize.DEFAULT]
    converter.target_spec.supported_types = [tf.float16]
    network: bytes = converter.convert()
    return network


def pack(exported: Exported) -> bytes:
    """Returns the bytes of an exported file; the same contents give the same bytes."""
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w") as archive:
        text = json.dumps({"preset": exported.preset, "names": exported.names})
        archive.writestr(zipfile.ZipInfo(_ENTRY), text)
    return exported.network + buffer.getvalue()


def unpack(data: bytes, name: str) -> Exported:
    """Returns the contents of a file that :func:`pack` made.

    Args:
        data: the file's bytes; ``network`` of the result is all of them, since LiteRT ignores what follows.
        name: of the file, for the error.

    Raises:
        PresetError: it is another kind of file.
    """
    try:
        with open_archive(data) as archive:
            entry = archive.getinfo(_ENTRY)
            if entry.file_size > _MOST_METADATA:
                raise ValueError(f"its metadata must have at most {_MOST_METADATA} bytes, got {entry.file_size}")
            with read_entry(archive, entry) as file:
                metadata = json.loads(file.read())
        return Exported(data, str(metadata["preset"]), tuple(map(str, metadata["names"])))
    except (*DAMAGED, KeyError, TypeError, ValueError) as error:
        raise PresetError(f"{name} is not a file that export() of a model of this library wrote: {error}") from error


def replaces_tensorflow() -> bool:
    """Returns whether LiteRT is installed and TensorFlow is not."""
    return importlib.util.find_spec("tensorflow") is None and is_installed()


def is_installed() -> bool:
    """Returns whether LiteRT is installed."""
    return importlib.util.find_spec("ai_edge_litert") is not None


def check_device(name: str | None) -> None:
    """Checks the name of a device.

    Raises:
        OptionError: it is not that of the CPU.
    """
    if name is not None and name.lower().strip("/") not in ("cpu", "cpu:0"):
        raise OptionError(f"LiteRT runs on the CPU; device must be None or 'cpu', got {name!r}")


def find(name: str) -> Path:
    """Returns the path of a preset's exported file.

    Raises:
        PresetError: there is none; the message says how to make one.
    """
    if has_exported(name):
        return _path(name)
    folder = os.environ.get(_FOLDER)
    raise PresetError(
        f"preset {name!r} {full_package.HINT}; without TensorFlow, preset {name!r} is read from {name}{SUFFIX} in the "
        f"folder that {_FOLDER} names; write it by from_preset({name!r}).export(path) of SaliencyModel, or of Restorer "
        f"for decoding, where TensorFlow is installed, got {_FOLDER}={folder}"
    )


def has_exported(name: str) -> bool:
    """Returns whether the folder of exported files has one of a preset."""
    return bool(os.environ.get(_FOLDER)) and _path(name).is_file()


def _path(name: str) -> Path:
    return Path(os.environ.get(_FOLDER, ".")) / f"{name}{SUFFIX}"


_NETWORKS: weakref.WeakSet[LiteNetwork] = weakref.WeakSet()


def _renew_networks() -> None:
    for network in list(_NETWORKS):
        network._renew()


forks.renew_in_child(_renew_networks)


class _Interpreter:
    """LiteRT's interpreter with a number of threads, for one caller at a time."""

    def __init__(self, network: bytes, name: str, threads: int) -> None:
        try:
            self._lite = _interpreter_class()(model_content=network, num_threads=threads)
        except ValueError as error:
            raise PresetError(f"{name} cannot be read by LiteRT: {error}") from error
        self._shapes: list[tuple[int, ...]] = []

    def run(self, inputs: Sequence[NDArray[Any]]) -> list[NDArray[np.float32]]:
        """Returns all outputs, see :meth:`LiteNetwork.run`."""
        lite = self._lite
        by_channels = {int(entry["shape"][-1]): entry["index"] for entry in lite.get_input_details()}
        indices = [by_channels[array.shape[-1]] for array in inputs]
        if (shapes := [array.shape for array in inputs]) != self._shapes:
            for index, shape in zip(indices, shapes, strict=True):
                lite.resize_tensor_input(index, shape)
            lite.allocate_tensors()
            self._shapes = shapes
        for index, array in zip(indices, inputs, strict=True):
            lite.set_tensor(index, array)
        lite.invoke()
        return [lite.get_tensor(output["index"]) for output in lite.get_output_details()]


class LiteNetwork:
    """An exported network. Safe to call from several threads.

    Callers take turns, or work side by side where :func:`at_most_threads` leaves cores for more than one. A forked
    process makes interpreters of its own.

    Args:
        network: what LiteRT reads.
        name: of the file, for the error.

    Raises:
        OptionError: LiteRT is not installed.
        PresetError: LiteRT cannot read the network.
    """

    def __init__(self, network: bytes, name: str) -> None:
        self._network, self._name = network, name
        self._renew()
        threads = _thread_count()
        self._free[threads] = [_Interpreter(network, name, threads)]
        self._made[threads] = 1
        _NETWORKS.add(self)

    def _renew(self) -> None:
        """Forgets the interpreters, whose threads a fork does not copy, and a lock that may be held."""
        self._free: dict[int, list[_Interpreter]] = {}  # by their number of threads
        self._made: dict[int, int] = {}
        self._changed = threading.Condition()

    def run(self, inputs: Sequence[NDArray[Any]]) -> list[NDArray[np.float32]]:
        """Returns all outputs.

        Args:
            inputs: with the axis of the batch; no two may have the same number of channels.
        """
        threads = _thread_count()
        changed = self._changed
        interpreter = self._take(threads)
        try:
            return interpreter.run(inputs)
        finally:
            with changed:
                self._free[threads].append(interpreter)
                changed.notify()

    def _take(self, threads: int) -> _Interpreter:
        """Returns an interpreter that nobody uses, a new one if the cores are enough for it."""
        with self._changed:
            free = self._free.setdefault(threads, [])
            most = max(1, available_cpus() // threads)
            self._changed.wait_for(lambda: free or self._made.get(threads, 0) < most)
            if free:
                return free.pop()
            made = _Interpreter(self._network, self._name, threads)
            self._made[threads] = self._made.get(threads, 0) + 1
            return made


class LiteRunner(LiteNetwork):
    """An exported network, with the methods of :class:`.tensorflow_runtime.Runner`; see :class:`LiteNetwork`."""

    def classes(self, rgb: NDArray[np.uint8]) -> NDArray[np.float32]:
        """Computes the backbone's class activations, float32 (n, rows, cols, classes), of uint8 images (n, h, w, 3)."""
        return self.run([rgb])[0]

    def head(self, rgb: NDArray[np.uint8]) -> NDArray[np.float32]:
        """Computes the head's maps, float32 (n, rows, cols, channels), of uint8 images (n, h, w, 3)."""
        return self.run([rgb])[-1]


class QuantizedRunner(LiteNetwork):
    """The head's maps by a network of 8-bit integers, from RGB int8, samples minus 128; see :class:`LiteNetwork`.

    Images are run one by one: a batch is no faster, and changing its size makes LiteRT prepare the network anew.
    """

    def head(self, rgb: NDArray[np.uint8]) -> NDArray[np.float32]:
        """Computes the head's maps, float32 (n, rows, cols, channels), of uint8 images (n, h, w, 3)."""
        signed = (rgb ^ np.uint8(128)).view(np.int8)
        return np.concatenate([self.run([one[None]])[-1] for one in signed])


@contextmanager
def at_most_threads(threads: int | None) -> Iterator[None]:
    """Limits the threads of each network that is run within, by this thread; ``None`` for no limit."""
    token = _LIMIT.set(threads)
    try:
        yield
    finally:
        _LIMIT.reset(token)


def _thread_count() -> int:
    """Returns how many threads run a network: as many as there are cores and are allowed, but not more than pay."""
    allowed = available_cpus()
    limit = _LIMIT.get()
    return max(1, min(allowed if limit is None else min(limit, allowed), _MOST_THREADS))


@cache
def _interpreter_class() -> Any:
    try:
        from ai_edge_litert.interpreter import Interpreter
    except ImportError as error:
        raise OptionError(_MISSING) from error
    return Interpreter
