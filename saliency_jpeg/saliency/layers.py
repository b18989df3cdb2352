"""Layers of the heads that Keras does not have. Loads Keras: imported on first use."""

from __future__ import annotations

from typing import Any

from keras import layers, ops

__all__ = ["Doubling", "Evidence", "Extension", "Place"]

_GAIN, _SOFTNESS = 4.0, 4.0  # of further classes on the backbone's: measured, see CARD-msroi.md


class Doubling(layers.Layer):  # type: ignore[misc]
    """(n, h, w, c) to (n, 2 h - 1, 2 w - 1, c): means between neighbours."""

    def call(self, x: Any) -> Any:
        n, rows, cols = (ops.shape(x)[i] for i in range(3))
        channels = x.shape[3] or ops.shape(x)[3]
        taller = ops.stack([x[:, :-1], (x[:, :-1] + x[:, 1:]) / 2], axis=2)
        taller = ops.reshape(taller, (n, 2 * rows - 2, cols, channels))
        taller = ops.concatenate([taller, x[:, -1:]], axis=1)
        wider = ops.stack([taller[:, :, :-1], (taller[:, :, :-1] + taller[:, :, 1:]) / 2], axis=3)
        wider = ops.reshape(wider, (n, 2 * rows - 1, 2 * cols - 2, channels))
        return ops.concatenate([wider, taller[:, :, -1:]], axis=2)

    def compute_output_shape(self, shape: Any) -> Any:
        return shape[0], None, None, shape[3]


class Evidence(layers.Layer):  # type: ignore[misc]
    """Class activations (n, h, w, classes) to the logarithm of the sum of the positive ones (n, h, w, 1)."""

    def call(self, x: Any) -> Any:
        return ops.log(1 + ops.sum(ops.relu(x), axis=-1, keepdims=True)) / 8

    def compute_output_shape(self, shape: Any) -> Any:
        return *shape[:3], 1


class Extension(layers.Layer):  # type: ignore[misc]
    """Class activations, stronger where any further class is, and those of the further classes."""

    def call(self, x: Any) -> Any:
        known, further = x
        none = ops.sum(ops.softplus(further), axis=-1, keepdims=True) / _SOFTNESS
        return ops.concatenate([known * (1 + _GAIN * (1 - ops.exp(-none))), further], axis=-1)

    def compute_output_shape(self, shape: Any) -> Any:
        known, further = shape
        return *further[:3], None if known[3] is None else known[3] + further[3]


class Place(layers.Layer):  # type: ignore[misc]
    """Appends where a cell lies: x squared, y and y squared, with the borders at -1 and 1."""

    def call(self, x: Any) -> Any:
        like = ops.zeros_like(x[..., :1])
        down, across = (
            ops.reshape(2 * ops.cast(ops.arange(n), "float32") / (ops.cast(n, "float32") - 1) - 1, shape) + like
            for n, shape in ((ops.shape(x)[1], (1, -1, 1, 1)), (ops.shape(x)[2], (1, 1, -1, 1)))
        )
        return ops.concatenate([x, across * across, down, down * down], axis=-1)

    def compute_output_shape(self, shape: Any) -> Any:
        return *shape[:3], shape[3] + 3
