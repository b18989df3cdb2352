"""TensorFlow, loaded on first use: backend, devices, and the network as a function on arrays.

Each output of the network is traced once, for any batch and image size, so that a new size needs no new trace. It is
not compiled by XLA and not run eagerly: both were measured to be slower on CPUs.
"""

from __future__ import annotations

import contextlib
import importlib.util
import os
import re
import sys
import threading
from collections.abc import Callable, Iterator
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ..errors import OptionError
from . import forks, network
from .presets import Preset

__all__ = ["Runner", "check_device", "full_precision", "has_gpu", "load_tensorflow"]

_DEVICE = re.compile(r"(?:/(?:device:)?)?(cpu|gpu)(?::(\d+))?", re.IGNORECASE)
_loading = threading.Lock()  # importing TensorFlow from two threads at once is not safe
_running = threading.Lock()


def _renew_locks() -> None:
    global _loading, _running
    if _loading.locked():  # by a thread that is not in this process; the import would never end
        forks.mark_lost()
    _loading, _running = threading.Lock(), threading.Lock()


forks.renew_in_child(_renew_locks)


def load_tensorflow() -> Any:
    """Loads TensorFlow, with Keras on top of it, and returns the module.

    Raises:
        OptionError: TensorFlow is not installed; Keras is, or would be, loaded with another backend; or this process
            was forked from one that had used TensorFlow.
    """
    forks.check()
    with _loading:
        if importlib.util.find_spec("tensorflow") is None:
            raise OptionError(
                "the networks need TensorFlow, which saliency-jpeg-lite and Macs with Intel processors do not have; "
                "pip install saliency-jpeg, or do without: saliency=None or your own map to encode, enhance=None to "
                "decode, got no module 'tensorflow'"
            )
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
            "the networks need Keras with its TensorFlow backend; set KERAS_BACKEND=tensorflow before Keras "
            f"is imported, or pass saliency=None or your own map, got {name!r}"
        )


def check_device(name: str | None) -> str | None:
    """Returns TensorFlow's name of a device.

    Loads TensorFlow to look for the device, except for the CPU, which is always there.

    Args:
        name: ``"cpu"``, ``"gpu"``, ``"gpu:1"``, ``"/GPU:0"``, or None.

    Returns:
        For example ``"/GPU:0"``; None for None.

    Raises:
        OptionError: the name is not of this form, or this machine has no such device.
    """
    if name is None:
        return None
    match = _DEVICE.fullmatch(name) if isinstance(name, str) else None
    if match is None:
        raise OptionError(f"device must be None, 'cpu', 'gpu', or one with a number such as 'gpu:0', got {name!r}")
    kind, index = match[1].upper(), int(match[2] or 0)
    available = ["/CPU:0"] if kind == "CPU" else _devices(kind)
    if f"/{kind}:{index}" not in available:
        raise OptionError(f"no such device; this machine has {', '.join(available) or 'no ' + kind}, got {name!r}")
    return f"/{kind}:{index}"


def has_gpu() -> bool:
    """Returns whether TensorFlow is installed and finds a GPU; loads it."""
    return importlib.util.find_spec("tensorflow") is not None and bool(_devices("GPU"))


def _devices(kind: str) -> list[str]:
    tensorflow = load_tensorflow()
    forks.mark_in_use()
    return [device.name.replace("/device:", "/") for device in tensorflow.config.list_logical_devices(kind)]


class Runner:
    """The network of a preset with its weights on a device. Safe to call from several threads.

    Args:
        preset: sizes of backbone and head.
        arrays: weights of the backbone, with batch normalization, as :mod:`.presets` reads them.
        head_arrays: weights of the head, empty without a head.
        device: TensorFlow's name, or None for TensorFlow's choice.

    Attributes:
        tensorflow: the module.
        backbone: the ``keras.Model``.
        head_model: the ``keras.Model`` of the head, if there is one.

    Raises:
        PresetError: the weights do not fit.
        OptionError: as :func:`load_tensorflow`; likewise when the network is run.
    """

    def __init__(
        self, preset: Preset, arrays: network.Arrays, head_arrays: network.Arrays, device: str | None = None
    ) -> None:
        self.tensorflow = load_tensorflow()
        forks.mark_in_use()
        self._device = device
        self.head_model: Any = None
        with self.tensorflow.device(device):
            self.backbone = network.load(preset.architecture, arrays, features=True, half=True)
            if preset.head is not None:
                self.head_model = preset.head.network.build([level.shape[-1] for level in self.backbone.outputs[:3]])
                network.set_arrays(self.head_model, head_arrays)
        self._functions: dict[Callable[[Any], Any], Any] = {}
        self._tracing = threading.Lock()

    def outputs(self, rgb: Any) -> list[Any]:
        """Computes all outputs of the network.

        Args:
            rgb: tensor (n, h, w, 3), uint8.

        Returns:
            The class activations, then the head's maps if there is a head.
        """
        levels = self.backbone(self._to_float(rgb), training=False)
        return [levels[-1]] if self.head_model is None else [levels[-1], self.head_model(levels, training=False)]

    def classes(self, rgb: NDArray[np.uint8]) -> NDArray[np.float32]:
        """Computes the backbone's class activations, float32 (n, rows, cols, classes), of uint8 images (n, h, w, 3)."""
        return self._run(self._class_activations, rgb)

    def head(self, rgb: NDArray[np.uint8]) -> NDArray[np.float32]:
        """Computes the head's maps, float32 (n, rows, cols, channels), of uint8 images (n, h, w, 3)."""
        return self._run(self._head_maps, rgb)

    def _class_activations(self, rgb: Any) -> Any:
        return self.backbone(self._to_float(rgb), training=False)[-1]

    def _head_maps(self, rgb: Any) -> Any:
        return self.outputs(rgb)[-1]

    def _to_float(self, rgb: Any) -> Any:
        return self.tensorflow.cast(rgb, self.tensorflow.float32)

    def _run(self, compute: Callable[[Any], Any], rgb: NDArray[np.uint8]) -> NDArray[np.float32]:
        forks.check()
        tf = self.tensorflow
        with full_precision(tf), tf.device(self._device):
            result: NDArray[np.float32] = self._trace(compute)(tf.constant(rgb)).numpy()
        return result

    def _trace(self, compute: Callable[[Any], Any]) -> Any:
        """Returns a method as a concrete function, traced on its first call."""
        tf = self.tensorflow
        with self._tracing:
            if compute not in self._functions:
                function = tf.function(compute, autograph=False, jit_compile=False)
                signature = tf.TensorSpec((None, None, None, 3), tf.uint8)
                with tf.device(self._device):
                    self._functions[compute] = function.get_concrete_function(signature)
            return self._functions[compute]


@contextlib.contextmanager
def full_precision(tf: Any) -> Iterator[None]:
    """Turns off TF32, the ten-bit multiplication that is the default on newer GPUs, so that maps match a CPU's."""
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
