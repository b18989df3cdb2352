"""The head that says what is seen where, on the features of the shipped backbone.

::

    stride 32  1280 -> 1x1 -> 64 -+- mean over the picture -> dense -> 64 -+
                                  +-> x2 ----------------------------------+
    stride 16   112 -> 1x1 -> 64 ------------------------------------------+-> add -> relu --+
    stride 8     40 -> 3x3, stride 2 -> 32 -> relu ------------------------------------------+-> join
      blocks   3x3 -> 64 -> relu, then x + 3x3 in steps of two cells -> relu
      logits   1x1 -> one for each class                                   (n, rows, cols, classes) at stride 16

The backbone is that of :mod:`saliency_jpeg.saliency.network`, frozen. The graph is pure Keras 3.
"""

from __future__ import annotations

from typing import Any, Final

__all__ = ["CLASSES", "FEATURES", "STRIDE", "build"]

#: Names of the classes, in the order of the channels.
CLASSES: Final = (
    "sky",
    "vegetation",
    "water",
    "ground",
    "building",
    "person",
    "animal",
    "vehicle",
    "object",
    "text",
)

#: Channels of the backbone's features at strides 8, 16 and 32.
FEATURES: Final = (40, 112, 1280)

#: Pixels of the network's input per cell of its output, in both directions.
STRIDE: Final = 16

_WIDTH, _FINE = 64, 32


def build(dropout: float = 0.3) -> Any:
    """Builds the head with random weights.

    Args:
        dropout: share of the features left out in training.

    Returns:
        ``keras.Model`` from the features at strides 8, 16 and 32, of an input whose sides are multiples of 32 plus
        1, to logits (n, rows, cols, classes) of every 16th pixel from the first to the last, float32.
    """
    import keras
    from keras import layers

    from ..saliency.heads.layers import Doubling

    fine, middle, coarse = inputs = [keras.Input((None, None, count)) for count in FEATURES]
    deep = layers.Conv2D(_WIDTH, 1, name="deep")(layers.Dropout(dropout, name="deep_drop")(coarse))
    whole = layers.GlobalAveragePooling2D(keepdims=True, name="whole_mean")(layers.ReLU(name="whole_act")(deep))
    parts = [
        Doubling(name="deep_double")(deep),
        layers.Conv2D(_WIDTH, 1, name="middle")(layers.Dropout(dropout / 2, name="middle_drop")(middle)),
        layers.Conv2D(_WIDTH, 1, name="whole")(whole),
    ]
    x = layers.ReLU(name="sum_act")(layers.Add(name="sum")(parts))
    x = layers.Concatenate(name="join")(
        [x, layers.Conv2D(_FINE, 3, 2, padding="same", activation="relu", name="fine")(fine)]
    )
    x = layers.Dropout(dropout / 2, name="join_drop")(x)
    x = layers.Conv2D(_WIDTH, 3, padding="same", activation="relu", name="block0")(x)
    wide = layers.Conv2D(_WIDTH, 3, padding="same", dilation_rate=2, name="block1")(x)
    x = layers.ReLU(name="block1_act")(layers.Add(name="block1_add")([x, wide]))
    logits = layers.Conv2D(len(CLASSES), 1, name="logits")(layers.Dropout(dropout / 2, name="logits_drop")(x))
    return keras.Model(inputs, logits, name="segmentation")
