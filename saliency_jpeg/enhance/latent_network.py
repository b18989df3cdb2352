"""The dense auto-encoder that codes what restoration leaves, after GDAE + SPRC (Z. Wang, S. Kamata, J. Sun, 2020).

::

    analysis   (original - restored, restored) in groups of 4x4 -> 3x3 -> 48 -> dense block
                 -> 4x4, stride 2 -> dense block x 2 -> 1x1 -> 16 -+
               original - restored -> blocks of 8x8, linear -------+-> add -> the latent, at 1/8
    synthesis  restored -> 3x3 -> 48 -> relu -+------------------------------------+--> with the class map
                 latent -> 3x3 -> 48 -+       +- 4x4, stride 2 -+                  |      -> 1x1 -> sigmoid: the gate
                                      +-> add -> relu <---------+                  |
                 -> dense block x 2 -> transposed 4x4, stride 2 -> add -> relu <---+
                 -> dense block -> 3x3 -> added to (latent -> blocks of 8x8, linear), times the gate

A dense block is three 3x3 convolutions to 24 channels, each of which sees all before it, joined by a 1x1 convolution
and added to its input. The graphs are pure Keras 3.
"""

from __future__ import annotations

from typing import Any, Final

from .network import GROUP
from .semantic_network import CLASSES

__all__ = ["CHANNELS", "MOST", "REACH", "SCALE", "STRIDE", "build_analysis", "build_synthesis"]

CHANNELS: Final = 16  # of the latent
STRIDE: Final = 8  # pixels per cell of the latent
MOST: Final = 3  # largest integer of a latent; the least is its negative
SCALE: Final = 16.0  # sample values that an input or output of 1 stands for
REACH: Final = 112  # pixels from which a pixel of the output is computed, to each side, rounded up to cells of classes

_WIDTH: Final = 48
_GROWTH: Final = 24
_LAYERS: Final = 3
_PLANES: Final = 3 * GROUP * GROUP


def build_analysis() -> Any:
    """Builds the network that computes a latent, with random weights.

    Returns:
        ``keras.Model`` with the inputs original less restored and restored, float32 (n, h/4, w/4, 48) each, scaled, and
        one output, (n, h/8, w/8, 16), not yet rounded.
    """
    import keras
    from keras import layers

    left, restored = (keras.Input((None, None, _PLANES), name=name) for name in ("left", "restored"))
    x = _convolve(layers.Concatenate(name="seen")([left, restored]), "see", "relu")
    x = layers.ReLU(name="reduce_act")(_halve(_dense(x, "encode4"), "reduce"))
    x = _dense(_dense(x, "encode8"), "encode8b")
    deep = layers.Conv2D(CHANNELS, 1, name="latent")(x)
    direct = layers.Conv2D(CHANNELS, 2, 2, use_bias=False, name="direct")(left)
    return keras.Model([left, restored], layers.Add(name="sum")([direct, deep]), name="analysis")


def build_synthesis() -> Any:
    """Builds the network that computes what a latent adds to the restored picture, with random weights.

    Returns:
        ``keras.Model`` with the inputs latent, float32 (n, h/8, w/8, 16), restored, (n, h/4, w/4, 48), and classes,
        (n, h/4, w/4, 10), and one output, (n, h/4, w/4, 48), in :data:`SCALE`.
    """
    import keras
    from keras import layers

    latent = keras.Input((None, None, CHANNELS), name="latent")
    restored = keras.Input((None, None, _PLANES), name="restored")
    classes = keras.Input((None, None, len(CLASSES)), name="classes")
    known = _convolve(restored, "known4", "relu")
    x = layers.Add(name="enter_add")([_convolve(latent, "enter"), _halve(known, "known8")])
    x = _dense(_dense(layers.ReLU(name="enter_act")(x), "decode8"), "decode8b")
    x = layers.Conv2DTranspose(_WIDTH, 4, 2, padding="same", name="enlarge")(x)
    x = _dense(layers.ReLU(name="enlarge_act")(layers.Add(name="enlarge_add")([x, known])), "decode4")
    deep = layers.Conv2D(_PLANES, 3, padding="same", name="last")(x)
    direct = layers.Conv2DTranspose(_PLANES, 2, 2, use_bias=False, name="back")(latent)
    shown = layers.Concatenate(name="shown")([known, classes])
    gate = layers.Conv2D(_PLANES, 1, activation="sigmoid", name="gate")(shown)
    added = layers.Multiply(name="gated")([layers.Add(name="added")([deep, direct]), gate])
    return keras.Model([latent, restored, classes], added, name="synthesis")


def _convolve(x: Any, name: str, activation: str | None = None) -> Any:
    from keras import layers

    return layers.Conv2D(_WIDTH, 3, padding="same", activation=activation, name=name)(x)


def _halve(x: Any, name: str) -> Any:
    """A convolution of 4x4 in steps of 2 on an input with a border of 1."""
    from keras import layers

    return layers.Conv2D(_WIDTH, 4, 2, name=name)(layers.ZeroPadding2D(1, name=f"{name}_pad")(x))


def _dense(x: Any, name: str) -> Any:
    from keras import layers

    seen = [x]
    for index in range(_LAYERS):
        joined = layers.Concatenate(name=f"{name}_seen{index}")(seen) if index else x
        seen.append(layers.Conv2D(_GROWTH, 3, padding="same", activation="relu", name=f"{name}_{index}")(joined))
    joined = layers.Conv2D(_WIDTH, 1, name=f"{name}_join")(layers.Concatenate(name=f"{name}_seen")(seen))
    return layers.Add(name=f"{name}_add")([x, joined])
