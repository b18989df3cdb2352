"""TensorFlow, loaded on first use: backend, device, and the network as one function on arrays.

Each output of the network is traced once, for any batch and image size: a new size never waits for a new trace. It is
never compiled by XLA and never run eagerly: both were measured to be slower on CPUs.
"""

from __future__ import annotations

import contextlib
import os
import re
import sys
import threading
from collections.abc import Iterator
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ..errors import OptionError
from . import heads, network

__all__ = ["Runner", "check_device", "load_tensorflow"]

_DEVICE = re.compile(r"(?:/(?:device:)?)?(cpu|gpu)(?::(\d+))?", re.IGNORECASE)
_loading = threading.Lock()  # importing TensorFlow from two threads at once is not safe
_running = threading.Lock()


def load_tensorflow() -> Any:
    """The TensorFlow module, with Keras on top of it.

    Raises:
        OptionError: Keras is, or would be, loaded with another backend.
    """
    with _loading:
        if "keras" not in sys.modules:
            _check_backend(os.environ.get("KERAS_BACKEND") or "tensorflow")
        os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")  # errors still come as exceptions
        import keras

        _check_backend(keras.config.backend())
        import tensorflow

        return tensorflow


def _check_backend(name: str) -> None:
    if name != "tensorflow":
        raise OptionError(
            "the saliency network needs Keras with its TensorFlow backend (KERAS_BACKEND=tensorflow, set before Keras "
            f"is imported); pass saliency=None or a map of your own to do without it, got {name!r}"
        )


def check_device(name: str | None) -> str | None:
    """TensorFlow's name of the device called ``name`` ("cpu", "gpu", "gpu:1", "/GPU:0"), None for None.

    Looks for the device, and for that loads TensorFlow, unless it is the CPU, which is always there.

    Raises:
        OptionError: the name cannot be understood or this machine has no such device.
    """
    if name is None:
        return None
    match = _DEVICE.fullmatch(name) if isinstance(name, str) else None
    if match is None:
        raise OptionError(f"device must be None, 'cpu' or 'gpu', with a number if need be as in 'gpu:0', got {name!r}")
    kind, index = match[1].upper(), int(match[2] or 0)
    known = ["/CPU:0"] if kind == "CPU" else _devices(kind)
    if f"/{kind}:{index}" not in known:
        raise OptionError(f"no such device here, there is {', '.join(known) or 'no ' + kind}, got {name!r}")
    return f"/{kind}:{index}"


def _devices(kind: str) -> list[str]:
    return [device.name.replace("/device:", "/") for device in load_tensorflow().config.list_logical_devices(kind)]


class Runner:
    """The network with its weights on a device. Safe to call from several threads.

    Args:
        architecture: of the backbone.
        arrays: weights as :mod:`.presets` reads them, with batch normalization; it is folded away here.
        head: architecture of the head, None for none.
        head_arrays: its weights.
        mirror: give the mean of the head's maps of an image and of its mirror image.
        device: TensorFlow's name, or None for TensorFlow's choice.

    Attributes:
        tensorflow: the module.
        backbone: the ``keras.Model``.
    """

    def __init__(
        self,
        architecture: network.Architecture,
        arrays: network.Arrays,
        head: heads.HeadArchitecture | None = None,
        head_arrays: network.Arrays | None = None,
        mirror: bool = False,
        device: str | None = None,
    ) -> None:
        self.tensorflow = load_tensorflow()
        self._device = device
        self._head: Any = None
        self._mirror = mirror
        with self.tensorflow.device(device):
            self.backbone = network.build(architecture, folded=True, features=True)
            network.set_arrays(self.backbone, _rounded(network.fold(arrays)))
            if head is not None:
                channels = [level.shape[-1] for level in self.backbone.outputs[:3]]
                self._head = heads.build_head(head, channels)
                heads.set_arrays(self._head, head_arrays or {})
        self._functions: dict[str, Any] = {}
        self._tracing = threading.Lock()

    def outputs(self, rgb: Any) -> list[Any]:
        """Class activations, and behind them the head's maps if there is a head, of a tensor (n, h, w, 3), uint8."""
        pixels = self.tensorflow.cast(rgb, self.tensorflow.float32)
        if self._head is None:
            return [self.backbone(pixels, training=False)[-1]]
        if not self._mirror:
            levels = self.backbone(pixels, training=False)
            return [levels[-1], self._head(levels, training=False)]
        levels = self.backbone(self.tensorflow.concat([pixels, pixels[:, :, ::-1]], axis=0), training=False)
        there, back = self.tensorflow.split(self._head(levels, training=False), 2)
        return [self.tensorflow.split(levels[-1], 2)[0], (there + back[:, :, ::-1]) / 2]

    def _output(self, rgb: Any, name: str) -> Any:
        if name == "head":
            return self.outputs(rgb)[-1]
        return self.backbone(self.tensorflow.cast(rgb, self.tensorflow.float32), training=False)[-1]

    def _traced(self, name: str) -> Any:
        tf = self.tensorflow
        with self._tracing:
            if name not in self._functions:
                function = tf.function(lambda rgb: self._output(rgb, name), autograph=False, jit_compile=False)
                signature = tf.TensorSpec((None, None, None, 3), tf.uint8)
                with tf.device(self._device):
                    self._functions[name] = function.get_concrete_function(signature)
            return self._functions[name]

    def classes(self, rgb: NDArray[np.uint8]) -> NDArray[np.float32]:
        """The backbone's class activations (n, rows, cols, classes), float32, of images (n, h, w, 3), uint8."""
        return self._run("classes", rgb)

    def head(self, rgb: NDArray[np.uint8]) -> NDArray[np.float32]:
        """The head's maps (n, rows, cols, outputs), float32, of images (n, h, w, 3), uint8."""
        return self._run("head", rgb)

    def _run(self, name: str, rgb: NDArray[np.uint8]) -> NDArray[np.float32]:
        tf = self.tensorflow
        with _full_precision(tf), tf.device(self._device):
            result: NDArray[np.float32] = self._traced(name)(tf.constant(rgb)).numpy()
        return result


@contextlib.contextmanager
def _full_precision(tf: Any) -> Iterator[None]:
    """Ten-bit multiplication (TF32, the default on newer GPUs) off, so that maps match those of a CPU."""
    precision = tf.config.experimental
    if not tf.config.list_physical_devices("GPU"):
        yield
        return
    with _running:
        before = precision.tensor_float_32_execution_enabled()
        precision.enable_tensor_float_32_execution(False)
        try:
            yield
        finally:
            precision.enable_tensor_float_32_execution(before)


def _rounded(arrays: network.Arrays) -> network.Arrays:
    """The weights as 16 bits hold them, which is what an exported network is made of (:mod:`.litert`)."""
    return {key: array.astype(np.float16).astype(np.float32) for key, array in arrays.items()}
