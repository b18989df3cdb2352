"""The head ``pyramid``: where people look, where objects are, and where faces are.

::

    class evidence  sum of the positive class activations -+
    stride 32  320 or 1280 -> 1x1 -> + context -> two 5x5 -+-> x2
    stride 16   112 -> 1x1 -----------------------------------+-> two 5x5 -> x2
    stride 8     40 -> 1x1 -----------------------------------------------+-> three 3x3 -> 1x1 -> gaze, objects, faces

Its features at stride 32 are the backbone's 1280, or those of a tail: a second copy of the backbone's last blocks,
which takes the features at stride 16 and is trained together with the head.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, ClassVar, Final

import numpy as np
from numpy.typing import NDArray

from ...errors import OptionError
from .. import network
from ..maps import Evidence, MapOptions, Reals
from . import faces
from .base import MaskHead, Outputs

__all__ = ["Pyramid", "fill_tail"]

_TAIL: Final = "tail_"  # prefix of the names of a tail's layers


@dataclass(frozen=True, kw_only=True)
class Pyramid(MaskHead):
    """A feature pyramid with one map per output.

    Attributes:
        outputs: ``"gaze"`` (logits of the density of looks), ``"objects"`` (logit of the chance of an object) and,
            optionally, ``"faces"`` (logit of the chance of a face), in the order of the channels. Constants of
            ``"gaze"``: ``peak``, the density, in multiples of an even spread, from which it counts fully, and
            ``anywhere``, the weight of looks outside objects; of ``"faces"``: those of :class:`.HeadShape`.
            ``"classes"`` is the backbone's output.
        width: channels of its layers.
        dropout: share of the features left out in training.
        tail: whether it has the last blocks of the backbone for itself.

    Raises:
        OptionError: a size is not positive, or an output is unknown or missing.
    """

    stride: ClassVar[int] = 8
    evidence: ClassVar[Evidence] = "learned"
    targets: ClassVar[Mapping[str, int]] = {"objects": 3, "gaze": 3, "faces": 3}

    outputs: Outputs = field(default_factory=lambda: {"gaze": {}, "objects": {}, "faces": {}})
    width: int = 64
    dropout: float = 0.2
    tail: bool = False

    def __post_init__(self) -> None:
        self._check_positive("width")
        if not {"gaze", "objects"} <= set(self.channels) <= set(self.targets):
            raise OptionError(
                f"the outputs of a pyramid are gaze, objects and optionally faces, got {', '.join(self.channels)}"
            )

    @property
    def channels(self) -> tuple[str, ...]:
        """Its outputs, in the order of its channels."""
        return tuple(name for name in self.outputs if name != "classes")

    def is_pretrained(self, variable: Any) -> bool:
        """Returns whether a variable belongs to the tail."""
        return bool(variable.path.startswith(_TAIL))

    # Graph ----------------------------------------------------------------------------------------------------------

    def graph(self, fine: Any, middle: Any, coarse: Any, classes: Any) -> Any:
        """Adds the layers to a graph; see :meth:`.Head.graph`."""
        from keras import layers

        from .layers import AppendPosition, LogEvidence

        builder = _Builder(self.width)
        if self.tail:
            coarse = network.add_tail(middle, network.Architecture(), f"{_TAIL}{{}}")
        dropped = layers.Dropout(self.dropout, name="coarse_drop")(coarse)
        joined = layers.Concatenate(name="coarse_in")([dropped, LogEvidence(name="evidence")(classes)])
        x = builder.pointwise(joined, "coarse", "relu")
        mean = layers.GlobalAveragePooling2D(keepdims=True, name="mean")(x)
        x = layers.Add(name="context_add")([x, layers.Dense(self.width, name="context")(mean)])
        x = builder.refine(builder.refine(x, "refine32", 5), "refine32b", 5)
        x = builder.add_level(x, layers.Dropout(self.dropout / 2, name="middle_drop")(middle), "middle")
        x = builder.refine(builder.refine(x, "refine16", 5), "refine16b", 5)
        x = builder.add_level(x, fine, "fine")
        for name in ("refine8", "refine8b", "refine8c"):
            x = builder.refine(x, name, 3)
        return layers.Conv2D(len(self.channels), 1, name="maps")(AppendPosition(name="place")(x))

    # Evidence -------------------------------------------------------------------------------------------------------

    def to_evidence(self, maps: NDArray[np.float32], options: MapOptions) -> Reals:
        """Joins gaze, objects and faces to one evidence in [0, 1].

        Three chances are joined as independent ones: of an object, ``(1 - gaze) * chance``; of looks at an object,
        ``gaze * (density / peak) ** 2 * chance``; and of looks anywhere, ``gaze * anywhere * (density - 1) / (peak -
        1)`` where that is positive. ``gaze`` is ``options.gaze``; ``density`` is that of looks, 1 for an even spread
        and at most ``peak``. So an object counts as a whole, and the part of it that people look at stands out. A face
        and its hair have at least ``level`` (:mod:`.faces`): people look at the eyes, but all of it matters.

        Args:
            maps: float32 (rows, cols, channels), logits of the outputs.
            options: ``gaze`` is read.

        Returns:
            float64 (rows, cols).
        """
        gaze, peak, anywhere = options.gaze, self.constant("gaze", "peak"), self.constant("gaze", "anywhere")
        logits, chance = self._channel(maps, "gaze").astype(np.float64), _sigmoid(self._channel(maps, "objects"))
        density = np.exp(logits - logits.max())
        density = np.minimum(density * (density.size / density.sum()), peak)
        object_looks = gaze * (density / peak) ** 2 * chance
        any_looks = gaze * anywhere * np.maximum(density - 1, 0) / (peak - 1)
        evidence: Reals = 1 - (1 - (1 - gaze) * chance) * (1 - object_looks) * (1 - any_looks)
        return np.maximum(evidence, self.face_evidence(maps)) if "faces" in self.channels else evidence

    def face_evidence(self, maps: NDArray[np.float32]) -> Reals:
        """Computes the evidence of faces alone, as :meth:`to_evidence` computes that of all outputs."""
        shape = faces.HeadShape(**{name: self.constant("faces", name) for name in faces.HeadShape._fields})
        return faces.face_evidence(_sigmoid(self._channel(maps, "faces")), shape)

    def _channel(self, maps: Any, output: str) -> Any:
        return maps[..., self.channels.index(output)]

    # Training -------------------------------------------------------------------------------------------------------

    def losses(self, maps: Any, targets: Mapping[str, Any]) -> list[Any]:
        """Computes two losses for each output.

        Args:
            maps: logits (n, rows, cols, channels).
            targets: (n, rows, cols) each: ``"objects"`` and ``"faces"`` are chances, NaN unknown; ``"gaze"`` is a
                density of any scale, all 0 where nobody looked.
        """
        kinds = {"objects": _chance_losses, "gaze": _density_losses, "faces": _chance_losses}
        return [
            loss
            for output, losses in kinds.items()
            if output in self.channels
            for loss in losses(self._channel(maps, output), targets[output])
        ]

    def mask_targets(self, mask: NDArray[np.float16]) -> dict[str, NDArray[np.float16]]:
        """Returns the mask as objects and as density of looks, and no faces: what matters is what the mask says."""
        return {"objects": mask, "gaze": mask, "faces": np.zeros_like(mask)}


def fill_tail(model: Any, backbone: network.Arrays) -> None:
    """Copies the backbone's weights to the tail of a pyramid.

    Args:
        model: ``keras.Model`` of a pyramid with a tail.
        backbone: weights of the backbone, as :mod:`.presets` reads them.
    """
    copies = {f"{_TAIL}{key}": array for key, array in network.fold(backbone).items()}
    network.set_arrays(model, {key: copies.get(key, array) for key, array in network.get_arrays(model).items()})


class _Builder:
    """Adds to a graph what the levels of a pyramid have in common."""

    def __init__(self, width: int) -> None:
        from keras import layers

        self.layers: Any = layers
        self.width = width

    def pointwise(self, x: Any, name: str, activation: str | None = None) -> Any:
        return self.layers.Conv2D(self.width, 1, activation=activation, name=name)(x)

    def refine(self, x: Any, name: str, kernel: int) -> Any:
        y = self.layers.SeparableConv2D(self.width, kernel, padding="same", name=name)(x)
        return self._sum([x, y], name)

    def add_level(self, x: Any, features: Any, name: str) -> Any:
        """Adds the features of the next finer level to the doubled maps of the coarser one."""
        from .layers import Doubling

        return self._sum([Doubling(name=f"{name}_double")(x), self.pointwise(features, name)], name)

    def _sum(self, parts: list[Any], name: str) -> Any:
        return self.layers.ReLU(name=f"{name}_act")(self.layers.Add(name=f"{name}_add")(parts))


def _sigmoid(logits: NDArray[np.float32]) -> Reals:
    chance: Reals = 1 / (1 + np.exp(-np.clip(logits.astype(np.float64), -50, 50)))
    return chance


def _chance_losses(logits: Any, chances: Any) -> tuple[Any, Any]:
    """Computes cross entropy and overlap (soft intersection over union) where the chances are known."""
    import tensorflow as tf

    known = tf.cast(tf.math.is_finite(chances), tf.float32)
    truth = tf.where(known > 0, chances, 0.0)
    entropy = tf.nn.sigmoid_cross_entropy_with_logits(truth * 0.98 + 0.01, logits) * known
    mean = tf.reduce_sum(entropy, [1, 2]) / tf.maximum(tf.reduce_sum(known, [1, 2]), 1.0)
    predicted = tf.sigmoid(logits) * known
    both = tf.reduce_sum(predicted * truth, [1, 2])
    either = tf.reduce_sum(predicted + truth - predicted * truth, [1, 2])
    inside, outside = tf.reduce_sum(truth, [1, 2]), tf.reduce_sum(known - truth, [1, 2])
    counts = tf.cast((inside > 1) & (outside > 1), tf.float32)
    return tf.reduce_mean(mean), 0.5 * tf.reduce_mean(counts * (1 - both / (either + 1e-3)))


def _density_losses(logits: Any, density: Any) -> tuple[Any, Any]:
    """Computes Kullback-Leibler divergence and correlation of images that people looked at."""
    import tensorflow as tf

    fixated = tf.cast(tf.reduce_max(density, [1, 2]) > 0, tf.float32)
    truth = density / (tf.reduce_sum(density, [1, 2], keepdims=True) + 1e-6)
    shape = tf.shape(logits)
    logs = tf.reshape(tf.nn.log_softmax(tf.reshape(logits, (shape[0], -1))), shape)
    divergence = tf.reduce_sum(truth * (tf.math.log(truth + 1e-9) - logs), [1, 2])
    correlation = tf.reduce_mean(_standardize(tf.exp(logs)) * _standardize(truth), [1, 2])
    return tf.reduce_mean(fixated * divergence), 0.5 * tf.reduce_mean(fixated * (1 - correlation))


def _standardize(values: Any) -> Any:
    import tensorflow as tf

    centred = values - tf.reduce_mean(values, [1, 2], keepdims=True)
    return centred / (tf.sqrt(tf.reduce_mean(centred**2, [1, 2], keepdims=True)) + 1e-9)
