"""The network of restoration as a function on arrays, run by TensorFlow."""

from __future__ import annotations

import threading
from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ..saliency import forks
from ..saliency.network import Arrays, set_arrays
from ..saliency.tensorflow_runtime import check_device, full_precision, load_tensorflow
from . import network

__all__ = ["Runner"]


class Runner:
    """A network with its weights on a device, traced once for all sizes. Safe to call from several threads.

    Args:
        architecture: its size.
        arrays: its weights by ``"layer/index"``.
        device: such as ``"gpu"``; None for TensorFlow's choice.

    Raises:
        PresetError: the weights do not fit.
        OptionError: TensorFlow is missing or cannot be used, or there is no such device.
    """

    def __init__(self, architecture: network.Architecture, arrays: Arrays, device: str | None = None) -> None:
        self._tensorflow = load_tensorflow()
        forks.mark_in_use()
        self._device = check_device(device)
        self._tracing = threading.Lock()
        self._function: Any = None
        with self._tensorflow.device(self._device):
            self._model = network.build(architecture)
            set_arrays(self._model, arrays)

    def run(self, inputs: Sequence[NDArray[np.float32]]) -> NDArray[np.float32]:
        """Runs the network on one tile.

        Args:
            inputs: of the network, float32, without the axis of the batch.

        Returns:
            Its output, float32 (rows, cols, channels).

        Raises:
            OptionError: this process was forked from one that had used TensorFlow.
        """
        forks.check()
        tf = self._tensorflow
        with full_precision(tf), tf.device(self._device):
            result: NDArray[np.float32] = self._traced()(*(tf.constant(array[None]) for array in inputs)).numpy()
        return result[0]

    def _traced(self) -> Any:
        tf = self._tensorflow
        with self._tracing:
            if self._function is None:
                signature = [tf.TensorSpec(part.shape, tf.float32) for part in self._model.inputs]
                function = tf.function(self._call, autograph=False, jit_compile=False)
                with tf.device(self._device):
                    self._function = function.get_concrete_function(*signature)
            return self._function

    def _call(self, *inputs: Any) -> Any:
        return self._model(list(inputs), training=False)
