"""TensorFlow, loaded on first use: backend, device, and the network as one function on arrays.

The network is traced once, for any batch and image size, so a new size never waits for a new trace. It is never
compiled by XLA and never run eagerly: both were measured to be slower on CPUs.
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
from . import network

__all__ = ["Runner", "check_device"]

_DEVICE = re.compile(r"(?:/(?:device:)?)?(cpu|gpu)(?::(\d+))?", re.IGNORECASE)
_loading = threading.Lock()  # importing TensorFlow from two threads at once is not safe
_running = threading.Lock()


def _tensorflow() -> Any:
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
    return [device.name.replace("/device:", "/") for device in _tensorflow().config.list_logical_devices(kind)]


class Runner:
    """The network with its weights on a device. Safe to call from several threads.

    Args:
        architecture: of the network.
        arrays: weights as :mod:`.presets` reads them, with batch normalization; it is folded away here.
        device: TensorFlow's name, or None for TensorFlow's choice.
    """

    def __init__(self, architecture: network.Architecture, arrays: network.Arrays, device: str | None = None) -> None:
        self._tensorflow = _tensorflow()
        with self._tensorflow.device(device):
            self._model = network.build(architecture, folded=True)
            network.set_arrays(self._model, network.fold(arrays))
        self._device = device
        self._function = self._trace()

    def _trace(self) -> Any:
        tf = self._tensorflow

        def activations(rgb: Any) -> Any:
            return self._model(tf.cast(rgb, tf.float32), training=False)

        function = tf.function(activations, autograph=False, jit_compile=False)
        with tf.device(self._device):
            return function.get_concrete_function(tf.TensorSpec((None, None, None, 3), tf.uint8))

    def __call__(self, rgb: NDArray[np.uint8]) -> NDArray[np.float32]:
        """Class activations (n, rows, cols, classes), float32, of images (n, h, w, 3), uint8."""
        tf = self._tensorflow
        with _full_precision(tf), tf.device(self._device):
            result: NDArray[np.float32] = self._function(tf.constant(rgb)).numpy()
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
