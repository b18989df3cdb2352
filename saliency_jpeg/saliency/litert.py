"""The network as LiteRT runs it, for servers and short-lived processes that cannot pay TensorFlow's start.

``SaliencyModel.export`` writes one file: the network with float16 weights, and behind it, as LiteRT keeps what belongs
to a model, a zip archive with the preset's name and the class names. Package ``ai-edge-litert`` (extra ``[lite]``) runs
it without TensorFlow. Where TensorFlow is not installed, presets are looked for as ``NAME.tflite`` in the folder that
the environment variable ``SALIENCY_JPEG_LITE`` names.
"""

from __future__ import annotations

import importlib.util
import io
import json
import os
import threading
import zipfile
from collections.abc import Sequence
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from ..errors import OptionError, PresetError
from .presets import DAMAGED

if TYPE_CHECKING:
    from .tensorflow_runtime import Runner

__all__ = ["SUFFIX", "Exported", "LiteRunner", "export", "find", "pack", "stands_in", "unpack"]

#: Ending of the name of an exported file.
SUFFIX = ".tflite"

_FOLDER = "SALIENCY_JPEG_LITE"
_ENTRY = "saliency_jpeg.json"
_MISSING = "ai-edge-litert is missing: pip install 'saliency-jpeg[lite]'"


class Exported(NamedTuple):
    """A network as a file: what LiteRT reads, the preset it is for and its class names."""

    network: bytes
    preset: str
    names: tuple[str, ...]


def export(runner: Runner) -> bytes:
    """The network of a runner as LiteRT reads it: RGB uint8 (n, h, w, 3) to class activations and the head's maps."""
    from tensorflow.python.framework.convert_to_constants import convert_variables_to_constants_v2

    tf = runner.tensorflow
    signature = tf.TensorSpec((None, None, None, 3), tf.uint8)
    function = tf.function(runner.outputs, input_signature=[signature], autograph=False, jit_compile=False)
    frozen = convert_variables_to_constants_v2(function.get_concrete_function())  # the converter may forget some
    converter = tf.lite.TFLiteConverter.from_concrete_functions([frozen])
    converter.optimizations = [tf.lite.Optimize.DEFAULT]
    converter.target_spec.supported_types = [tf.float16]
    network: bytes = converter.convert()
    return network


def pack(exported: Exported) -> bytes:
    """The bytes of a file; the same network and names give the same bytes."""
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w") as archive:
        text = json.dumps({"preset": exported.preset, "names": exported.names})
        archive.writestr(zipfile.ZipInfo(_ENTRY), text)
    return exported.network + buffer.getvalue()


def unpack(data: bytes, name: str) -> Exported:
    """What :func:`pack` packed; ``name`` is used in the error only.

    Raises:
        PresetError: it is something else.
    """
    try:
        with zipfile.ZipFile(io.BytesIO(data)) as archive:
            told = json.loads(archive.read(_ENTRY))
        return Exported(data, str(told["preset"]), tuple(map(str, told["names"])))
    except (*DAMAGED, KeyError, TypeError, ValueError) as error:
        raise PresetError(f"{name} is not a file that SaliencyModel.export wrote: {error}") from error


def stands_in() -> bool:
    """Whether LiteRT is here and TensorFlow is not."""
    return importlib.util.find_spec("tensorflow") is None and importlib.util.find_spec("ai_edge_litert") is not None


def find(name: str) -> Path:
    """The exported file of the preset called ``name``.

    Raises:
        PresetError: there is none; the message says how to make one.
    """
    folder = os.environ.get(_FOLDER)
    path = Path(folder or ".") / f"{name}{SUFFIX}"
    if folder and path.is_file():
        return path
    raise PresetError(
        f"without TensorFlow, preset {name!r} is read from {name}{SUFFIX} in the folder that {_FOLDER} names, got "
        f"{folder!r}; SaliencyModel.from_preset({name!r}).export(path) writes that file where TensorFlow is installed"
    )


class LiteRunner:
    """An exported network, with the methods of :class:`.tensorflow_runtime.Runner`.

    Safe to call from several threads, in turn.

    Args:
        network: as :func:`export` gives it.
        name: used in errors only.

    Raises:
        OptionError: LiteRT is not installed.
        PresetError: LiteRT cannot read the network.
    """

    def __init__(self, network: bytes, name: str) -> None:
        try:
            self._interpreter = _interpreter_class()(model_content=network, num_threads=os.cpu_count())
        except ValueError as error:
            raise PresetError(f"{name} cannot be read by LiteRT: {error}") from error
        self._shape: tuple[int, ...] | None = None
        self._busy = threading.Lock()

    def classes(self, rgb: NDArray[np.uint8]) -> NDArray[np.float32]:
        """The class activations (n, rows, cols, classes), float32, of images (n, h, w, 3), uint8."""
        return self._run(rgb)[0]

    def head(self, rgb: NDArray[np.uint8]) -> NDArray[np.float32]:
        """The head's maps (n, rows, cols, outputs), float32, of images (n, h, w, 3), uint8."""
        return self._run(rgb)[-1]

    def _run(self, rgb: NDArray[np.uint8]) -> Sequence[NDArray[np.float32]]:
        """All outputs, in their order."""
        run = self._interpreter
        (entry,) = run.get_input_details()
        with self._busy:
            if rgb.shape != self._shape:
                run.resize_tensor_input(entry["index"], rgb.shape)
                run.allocate_tensors()
                self._shape = rgb.shape
            run.set_tensor(entry["index"], rgb)
            run.invoke()
            return [run.get_tensor(output["index"]) for output in run.get_output_details()]


@cache
def _interpreter_class() -> Any:
    try:
        from ai_edge_litert.interpreter import Interpreter
    except ImportError as error:
        raise OptionError(_MISSING) from error
    return Interpreter
