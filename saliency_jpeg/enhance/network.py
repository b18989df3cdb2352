"""The network of restoration: a residual network on 4x4 groups of pixels, conditioned on the file's tables.

::

    planes     (n, h/4, w/4, 48)  Y, Cb, Cr of the decoded picture, 16 samples of a group each
    levels     (n, h/8, w/8, 64)  luma levels, squashed --to 2x2 groups each------+
    condition  (n, 387)           tables, share of levels that are not 0, sampling |
      join      planes, levels, place within the block of 8 and the MCU of 16 <----+
      first     3x3 -> width
      blocks    x + scale * conv3x3(relu(conv3x3(x))) + shift; scale and shift from the condition
      last      3x3 -> 80: 16 corrections of Y, 32 of Cb and Cr, 32 of the detail that chroma lost by averaging

Plain 3x3 convolutions on groups of pixels are what CPUs compute fastest. The network is pure Keras 3: trained on the
torch backend, run by TensorFlow. What its outputs mean, and how the intervals of quantization bound them, is said in
:mod:`.restoration`.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Final

__all__ = ["CONDITION", "GROUP", "OUTPUTS", "PLACES", "PRESETS", "Architecture", "build"]

#: Pixels along the side of a group.
GROUP: Final = 4

#: Length of the condition: 64 logarithms of steps and 64 shares of non-zero levels of each of three components, three
#: flags of the sampling.
CONDITION: Final = 2 * 3 * 64 + 3

#: Channels that say where a group lies in its block and its MCU, see :func:`.restoration.places`.
PLACES: Final = 6

#: Channels of the output: corrections of the three components, detail of the two chroma components.
OUTPUTS: Final = 5 * GROUP * GROUP

_PLANES: Final = 3 * GROUP * GROUP
_HIDDEN: Final = (128, 64)  # units of the layers that read the condition


@dataclass(frozen=True)
class Architecture:
    """Size of the network.

    Attributes:
        width: channels of the convolutions.
        blocks: residual blocks, two convolutions each.
        features: channels that a group gets from the levels of its block.
    """

    width: int = 64
    blocks: int = 4
    features: int = 16

    @property
    def reach(self) -> int:
        """How far away a pixel may be that changes the output, in pixels."""
        return GROUP * (2 * self.blocks + 2) + 8


#: Sizes of the networks that ship.
PRESETS: Final = {"restore": Architecture(64, 5), "restore-fast": Architecture(32, 4, 8)}


def build(architecture: Architecture) -> Any:
    """Builds the network with random weights; its last layer is zero, so that it starts as the plain decoder.

    Args:
        architecture: its size.

    Returns:
        A ``keras.Model`` with the inputs planes, levels, places and condition and one output, float32 (n, h/4, w/4,
        80).
    """
    import keras
    from keras import layers

    width = architecture.width
    planes = keras.Input((None, None, _PLANES), name="planes")
    levels = keras.Input((None, None, 64), name="levels")
    places = keras.Input((None, None, PLACES), name="places")
    condition = keras.Input((CONDITION,), name="condition")
    features = layers.Conv2DTranspose(architecture.features, 2, 2, activation="relu", name="levels_in")(levels)
    x = layers.Concatenate(name="join")([planes, features, places])
    x = layers.Conv2D(width, 3, padding="same", activation="relu", name="first")(x)
    known = condition
    for index, units in enumerate(_HIDDEN):
        known = layers.Dense(units, activation="relu", name=f"known{index}")(known)
    for index in range(architecture.blocks):
        x = _block(x, known, width, f"block{index}")
    last = layers.Conv2D(OUTPUTS, 3, padding="same", kernel_initializer="zeros", name="last")(x)
    return keras.Model([planes, levels, places, condition], last, name="restoration")


def _block(x: Any, known: Any, width: int, name: str) -> Any:
    from keras import layers

    change = layers.Conv2D(width, 3, padding="same", activation="relu", name=f"{name}a")(x)
    change = layers.Conv2D(width, 3, padding="same", name=f"{name}b")(change)
    scale = layers.Dense(width, name=f"{name}scale")(known)
    shift = layers.Dense(width, name=f"{name}shift")(known)
    change = change * layers.Reshape((1, 1, width))(scale) + layers.Reshape((1, 1, width))(shift)
    return layers.Add(name=f"{name}add")([x, change])
