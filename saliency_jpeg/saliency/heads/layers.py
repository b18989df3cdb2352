"""Layers of the heads that Keras does not have. Loads Keras: imported on first use."""

from __future__ import annotations

from typing import Any

from keras import layers, ops

__all__ = ["AppendPosition", "Doubling", "LogEvidence", "RaiseClasses"]


class Doubling(layers.Layer):  # type: ignore[misc]
    """(n, h, w, c) to (n, 2 h - 1, 2 w - 1, c): means between neighbours."""

    def call(self, x: Any) -> Any:
        """Inserts the means, first between rows, then between columns."""
        n, rows, cols = (ops.shape(x)[i] for i in range(3))
        channels = x.shape[3] or ops.shape(x)[3]
        taller = ops.stack([x[:, :-1], (x[:, :-1] + x[:, 1:]) / 2], axis=2)
        taller = ops.reshape(taller, (n, 2 * rows - 2, cols, channels))
        taller = ops.concatenate([taller, x[:, -1:]], axis=1)
        wider = ops.stack([taller[:, :, :-1], (taller[:, :, :-1] + taller[:, :, 1:]) / 2], axis=3)
        wider = ops.reshape(wider, (n, 2 * rows - 1, 2 * cols - 2, channels))
        return ops.concatenate([wider, taller[:, :, -1:]], axis=2)

    def compute_output_shape(self, shape: Any) -> Any:
        """Returns the shape with unknown rows and columns."""
        return shape[0], None, None, shape[3]


class LogEvidence(layers.Layer):  # type: ignore[misc]
    """Class activations (n, h, w, classes) to the logarithm of the sum of the positive ones (n, h, w, 1)."""

    def call(self, x: Any) -> Any:
        """Computes log(1 + sum) / 8, which lies around 1."""
        return ops.log(1 + ops.sum(ops.relu(x), axis=-1, keepdims=True)) / 8

    def compute_output_shape(self, shape: Any) -> Any:
        """Returns the shape with one channel."""
        return *shape[:3], 1


class RaiseClasses(layers.Layer):  # type: ignore[misc]
    """Multiplies class activations by 1 + ``gain`` where a further class is likely, and appends the further classes.

    Args:
        gain: what the factor rises by where a further class is certain.
        softness: divisor of the further classes' evidence.
        name: of the layer.
    """

    def __init__(self, gain: float, softness: float, name: str | None = None) -> None:
        super().__init__(name=name)
        self.gain, self.softness = gain, softness

    def call(self, x: Any) -> Any:
        """Joins [class activations, activations of the further classes], each (n, h, w, channels)."""
        classes, further = x
        none = ops.sum(ops.softplus(further), axis=-1, keepdims=True) / self.softness
        return ops.concatenate([classes * (1 + self.gain * (1 - ops.exp(-none))), further], axis=-1)

    def compute_output_shape(self, shape: Any) -> Any:
        """Returns the shape with the channels of both."""
        classes, further = shape
        return *further[:3], None if classes[3] is None else classes[3] + further[3]


class AppendPosition(layers.Layer):  # type: ignore[misc]
    """Appends the position of each cell as three channels: x squared, y, y squared, with the borders at -1 and 1."""

    def call(self, x: Any) -> Any:
        """Appends the channels; x itself is left out, so that left and right are alike."""
        like = ops.zeros_like(x[..., :1])
        down, across = (
            ops.reshape(2 * ops.cast(ops.arange(n), "float32") / (ops.cast(n, "float32") - 1) - 1, shape) + like
            for n, shape in ((ops.shape(x)[1], (1, -1, 1, 1)), (ops.shape(x)[2], (1, 1, -1, 1)))
        )
        return ops.concatenate([x, across * across, down, down * down], axis=-1)

    def compute_output_shape(self, shape: Any) -> Any:
        """Returns the shape with three channels more."""
        return *shape[:3], shape[3] + 3
