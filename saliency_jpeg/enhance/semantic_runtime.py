"""The network of class maps as a function on arrays, run by TensorFlow."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ..saliency import forks, litert, network
from ..saliency import presets as backbones
from ..saliency.tensorflow_runtime import check_device, load_tensorflow
from . import semantic_network
from .presets import SegmentationPreset
from .traced import Traced

__all__ = ["Runner"]


class Runner:
    """Backbone and head with their weights on a device, traced once for all sizes. Safe to call from several threads.

    Args:
        preset: weights.
        device: such as ``"gpu"``; None for TensorFlow's choice.

    Raises:
        PresetError: the weights are missing or damaged.
        OptionError: TensorFlow is missing or cannot be used, or there is no such device.
    """

    def __init__(self, preset: SegmentationPreset, device: str | None = None) -> None:
        self._tensorflow = tf = load_tensorflow()
        forks.mark_in_use()
        self._device = check_device(device)
        backbone = backbones.find(preset.backbone)
        with tf.device(self._device):
            self._backbone = network.load(backbone.architecture, backbones.read_arrays(backbone), features=True)
            self._head = semantic_network.build()
            network.set_arrays(self._head, preset.read_weights())
        self._signature = [tf.TensorSpec((1, None, None, 3), tf.uint8)]
        self._run = Traced(tf, self._call, self._signature, self._device)

    def run_one(self, inputs: Sequence[NDArray[np.uint8]]) -> NDArray[np.float32]:
        """Runs the network on one picture.

        Args:
            inputs: the picture alone, RGB uint8 (h, w, 3), sides multiples of 32 plus 1.

        Returns:
            float32 (rows, cols, classes).

        Raises:
            OptionError: this process was forked from one that had used TensorFlow.
            MemoryError: there is not enough memory.
        """
        return self._run(*inputs)

    def export(self) -> bytes:
        """Converts the network to LiteRT."""
        return litert.convert(self._tensorflow, self._call, self._signature)

    def _call(self, rgb: Any) -> Any:
        features = self._backbone(self._tensorflow.cast(rgb, self._tensorflow.float32), training=False)
        return self._head(features[:3], training=False)
