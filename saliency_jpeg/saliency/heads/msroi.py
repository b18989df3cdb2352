"""The head ``msroi``: further classes, each of them from several maps of every channel.

::

    stride 32  1280 -> 1x1 -> x2 -+
    stride 16   112 -> 1x1 -------+-> depthwise 3x3, m maps of each channel -> 1x1 -> one map per further class
    class activations -> x2 -> times 1 + gain * (chance that any of those is here) -> the maps of the backbone's classes

The mean of a further class's map over the image is the logit it is trained by. After A. Prakash, N. Moran, S. Garber,
A. DiLillo and J. Storer, "Semantic perceptual image compression using deep convolution networks", DCC 2017.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from typing import Any, ClassVar, Final, Self

import numpy as np
from numpy.typing import NDArray

from ..maps import Evidence, MapOptions, Reals, class_evidence
from .base import Head, Outputs

__all__ = ["MsRoi"]

_POSITIVE: Final = 4.0  # weight of a class that is in the image against one that is not
_LABELS: Final = 3.0  # weight of the labels' loss against the outlines'


@dataclass(frozen=True, kw_only=True)
class MsRoi(Head):
    """Several feature maps per channel, all of which contribute to every further class.

    Attributes:
        outputs: ``"classes"`` with the constants ``gain`` and ``softness`` of :class:`.layers.RaiseClasses`.
        width: channels of its layers.
        classes: further classes, whose maps follow those of the backbone.
        features: maps that are made of each channel.
        dropout: share of the features left out in training.

    Raises:
        OptionError: a size is not positive.
    """

    stride: ClassVar[int] = 16
    evidence: ClassVar[Evidence] = "classes"
    targets: ClassVar[Mapping[str, int]] = {"labels": 2, "outlines": 3}
    class_arrays: ClassVar[tuple[str, ...]] = ("maps/0", "maps/1")

    outputs: Outputs = field(default_factory=lambda: {"classes": {}})
    width: int = 96
    classes: int = 100
    features: int = 4
    dropout: float = 0.3

    def __post_init__(self) -> None:
        self._check_positive("width", "classes", "features")

    def graph(self, fine: Any, middle: Any, coarse: Any, classes: Any) -> Any:
        """Adds the layers to a graph; see :meth:`.Head.graph`."""
        from keras import layers

        from .layers import Doubling, RaiseClasses

        width, dropout = self.width, self.dropout
        coarse = layers.Conv2D(width, 1, name="coarse")(layers.Dropout(dropout, name="coarse_drop")(coarse))
        middle = layers.Conv2D(width, 1, name="middle")(layers.Dropout(dropout / 2, name="middle_drop")(middle))
        x = layers.Add(name="middle_add")([Doubling(name="middle_double")(coarse), middle])
        x = layers.ReLU(name="middle_act")(x)
        x = layers.DepthwiseConv2D(3, depth_multiplier=self.features, padding="same", name="features")(x)
        x = layers.Dropout(dropout, name="features_drop")(layers.ReLU(name="features_act")(x))
        further = layers.Conv2D(self.classes, 1, name="maps")(x)
        doubled = Doubling(name="classes_double")(classes)
        gain, softness = self.constant("classes", "gain"), self.constant("classes", "softness")
        return RaiseClasses(gain, softness, name="extension")([doubled, further])

    def to_evidence(self, maps: NDArray[np.float32], options: MapOptions) -> Reals:
        """Sums the positive activations of the classes; see :func:`.maps.class_evidence`."""
        return class_evidence(maps, options.classes)

    def losses(self, maps: Any, targets: Mapping[str, Any]) -> list[Any]:
        """Computes two cross entropies: of the labels, and of any class being there by the outlines.

        Args:
            maps: (n, rows, cols, 1 + classes); the first channel is the sum of the backbone's classes.
            targets: ``"labels"`` (n, classes), 1 for a class that is in the image, 0 for one that is not;
                ``"outlines"`` (n, rows, cols), chance of an object; NaN unknown in both.
        """
        import tensorflow as tf

        maps = maps[..., 1:]
        known = tf.cast(tf.math.is_finite(targets["labels"]), tf.float32)
        truth = tf.where(known > 0, targets["labels"], 0.0)
        entropy = tf.nn.weighted_cross_entropy_with_logits(truth, tf.reduce_mean(maps, axis=[1, 2]), _POSITIVE) * known
        by_labels = tf.reduce_mean(tf.reduce_sum(entropy, axis=1) / tf.reduce_sum(known, axis=1))
        drawn = tf.cast(tf.math.is_finite(targets["outlines"]), tf.float32)
        inside = tf.where(drawn > 0, targets["outlines"], 0.0)
        none = tf.clip_by_value(tf.reduce_sum(tf.nn.softplus(maps), axis=-1), 1e-4, 30.0)  # -log of the chance of none
        cells = (none * (1 - inside) - tf.math.log(-tf.math.expm1(-none)) * inside) * drawn
        by_outlines = tf.reduce_mean(tf.reduce_sum(cells, [1, 2]) / tf.maximum(tf.reduce_sum(drawn, [1, 2]), 1.0))
        return [_LABELS * by_labels, by_outlines]

    def resize(self, arrays: Mapping[str, np.ndarray[Any, Any]]) -> Self:
        """Returns the head with as many further classes as the weights have."""
        return replace(self, classes=int(arrays["maps/1"].size))

    def count_classes(self, count: int) -> int:
        """Returns the number of the backbone's classes and of its own."""
        return count + self.classes
