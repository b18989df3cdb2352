"""The network of the metric as a function on arrays, run by TensorFlow."""

from __future__ import annotations

import functools
import threading
from collections.abc import Callable, Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ..saliency import forks
from ..saliency import presets as backbones
from ..saliency.tensorflow_runtime import full_precision, load_tensorflow
from . import network
from .presets import find, read_arrays

__all__ = ["Runner", "load"]


class Runner:
    """The network with its weights, traced once for all sizes. Safe to call from several threads.

    Attributes:
        tensorflow: the module.
        moments: ``keras.Model`` from two images to their moments, see :func:`.network.build`.
        head: ``keras.Model`` from moments to distance and score, see :func:`.network.build_head`.

    Raises:
        PresetError: the weights are missing or damaged.
        OptionError: TensorFlow is missing or cannot be used.
    """

    def __init__(self) -> None:
        self.tensorflow = load_tensorflow()
        forks.mark_in_use()
        preset = find()
        backbone, arrays = read_arrays(preset)
        architecture = backbones.find(preset.backbone).architecture
        scales = network.read_scales(arrays)
        self.moments = network.build(architecture, backbone, scales)
        self.head = network.build_head()
        network.fill(self.head, arrays)
        self._function: Any = None
        self._gradient: tuple[Any, Any] | None = None
        self._tracing = threading.Lock()

    def run(self, reference: NDArray[np.uint8], distorted: NDArray[np.uint8]) -> NDArray[np.float32]:
        """Computes the moments, float32 (HEADS,), of two images of a size that the network takes.

        Raises:
            OptionError: this process was forked from one that had used TensorFlow.
            MemoryError: there is not enough memory.
        """
        images = self.tensorflow.constant(np.stack([reference, distorted]))
        result: NDArray[np.float32] = self._guarded(lambda: self._traced()(images)).numpy()[0]
        return result

    def levels(self, reference: NDArray[np.float32]) -> list[Any]:
        """Computes the features of an image, for :meth:`gradient`.

        Args:
            reference: float32 (h, w, 3), 0 to 255, of a size that the network takes.

        Raises:
            OptionError: this process was forked from one that had used TensorFlow.
            MemoryError: there is not enough memory.
        """
        image = self.tensorflow.constant(reference[None])
        return list(self._guarded(lambda: self._traced_gradient()[0](image)))

    def gradient(self, levels: Sequence[Any], distorted: NDArray[np.float32]) -> tuple[float, NDArray[np.float32]]:
        """Computes the score of an image and its derivatives.

        Args:
            levels: of the reference, see :meth:`levels`.
            distorted: float32 (h, w, 3), 0 to 255, of its size.

        Returns:
            The score, and float32 (h, w, 3), its derivatives by ``distorted``.

        Raises:
            OptionError: this process was forked from one that had used TensorFlow.
            MemoryError: there is not enough memory.
        """
        image = self.tensorflow.constant(distorted[None])
        score, gradient = self._guarded(lambda: self._traced_gradient()[1](list(levels), image))
        return float(score.numpy()), gradient.numpy()[0]

    def _guarded(self, run: Callable[[], Any]) -> Any:
        forks.check()
        tf = self.tensorflow
        with full_precision(tf):
            try:
                return run()
            except tf.errors.ResourceExhaustedError as error:
                raise MemoryError("TensorFlow has not enough memory for a part of the picture") from error

    def score(self, moments: NDArray[np.float32]) -> float:
        """Computes the score of moments (HEADS,)."""
        return float(self.head(moments[None], training=False)[1][0, 0])

    def _traced(self) -> Any:
        tf = self.tensorflow
        with self._tracing:
            if self._function is None:
                function = tf.function(self._call, autograph=False, jit_compile=False)
                self._function = function.get_concrete_function(tf.TensorSpec((2, None, None, 3), tf.uint8))
            return self._function

    def _traced_gradient(self) -> tuple[Any, Any]:
        """The features of an image, and score and derivatives, as functions of tensors of any size."""
        tf = self.tensorflow
        with self._tracing:
            if self._gradient is None:
                image = tf.TensorSpec((1, None, None, 3), tf.float32)
                levels = [tf.TensorSpec((1, None, None, channels), tf.float32) for channels in network.CHANNELS]
                see = tf.function(self._see, autograph=False, jit_compile=False).get_concrete_function(image)
                compare = tf.function(self._score_and_gradient, autograph=False, jit_compile=False)
                self._gradient = see, compare.get_concrete_function(levels, image)
            return self._gradient

    def _see(self, image: Any) -> list[Any]:
        return list(self.moments.get_layer("levels")(image, training=False))

    def _score_and_gradient(self, levels: Sequence[Any], distorted: Any) -> tuple[Any, Any]:
        with self.tensorflow.GradientTape() as tape:
            tape.watch(distorted)
            moments = network.moments(levels, self._see(distorted))
            score = self.head(moments, training=False)[1][0, 0]
        return score, tape.gradient(score, distorted)

    def _call(self, images: Any) -> Any:
        images = self.tensorflow.cast(images, self.tensorflow.float32)
        return self.moments([images[:1], images[1:]], training=False)


_loading = threading.Lock()


def _renew_lock() -> None:
    """In a forked child: another thread of the parent may have held the lock."""
    global _loading
    _loading = threading.Lock()


forks.renew_in_child(_renew_lock)


def load() -> Runner:
    """Returns the network, loaded with the first call.

    Raises:
        PresetError: the weights are missing or damaged.
        OptionError: TensorFlow is missing or cannot be used.
    """
    with _loading:
        return _load()


@functools.cache
def _load() -> Runner:
    return Runner()


def average(moments: Sequence[NDArray[np.float32]], pixels: Sequence[int]) -> NDArray[np.float32]:
    """Returns the moments of a picture from those of its parts, which count by their pixels."""
    return np.average(np.stack(moments), axis=0, weights=pixels).astype(np.float32)
