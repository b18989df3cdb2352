"""A network of TensorFlow as a function on arrays."""

from __future__ import annotations

import threading
from collections.abc import Callable, Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ..saliency import forks
from ..saliency.tensorflow_runtime import full_precision

__all__ = ["Traced"]


class Traced:
    """A function on arrays of one picture, traced once for all sizes. Safe to call from several threads.

    Args:
        tensorflow: the module.
        call: of tensors with the axis of the batch.
        signature: ``TensorSpec`` of each of them.
        device: where it runs; None for TensorFlow's choice.
    """

    def __init__(self, tensorflow: Any, call: Callable[..., Any], signature: Sequence[Any], device: str | None) -> None:
        self._tensorflow, self._signature, self._device = tensorflow, signature, device
        self._function: Any = tensorflow.function(call, autograph=False, jit_compile=False)
        self._concrete: Any = None
        self._tracing = threading.Lock()

    @classmethod
    def of_model(cls, tensorflow: Any, model: Any, device: str | None) -> Traced:
        """Returns a Keras model as such a function; arguments are otherwise those of the class."""
        signature = [tensorflow.TensorSpec(part.shape, tensorflow.float32) for part in model.inputs]
        return cls(tensorflow, lambda *inputs: model(list(inputs), training=False), signature, device)

    def __call__(self, *inputs: NDArray[Any]) -> NDArray[np.float32]:
        """Calls the function.

        Args:
            inputs: of the function, without the axis of the batch.

        Returns:
            Its output, without that axis.

        Raises:
            OptionError: this process was forked from one that had used TensorFlow.
            MemoryError: there is not enough memory.
        """
        forks.check()
        tf = self._tensorflow
        with full_precision(tf), tf.device(self._device):
            try:
                result: NDArray[np.float32] = self._traced()(*(tf.constant(array[None]) for array in inputs)).numpy()[0]
            except tf.errors.ResourceExhaustedError as error:
                raise MemoryError("TensorFlow has not enough memory for a tile of the picture") from error
        return result

    def _traced(self) -> Any:
        with self._tracing:
            if self._concrete is None:
                with self._tensorflow.device(self._device):
                    self._concrete = self._function.get_concrete_function(*self._signature)
            return self._concrete
