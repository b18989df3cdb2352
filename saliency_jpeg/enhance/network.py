"""The network of restoration: a residual network on 4x4 groups of pixels, conditioned on the file's tables.

::

    planes     (n, h/4, w/4, 96)  Y, Cb, Cr of the decoded picture, 16 samples of a group each, then their
                                  contrast to the surroundings in steps of quantization
    levels     (n, h/8, w/8, 64)  luma levels, squashed --to 2x2 groups each------+
    condition  (n, 387)           tables, share of levels that are not 0, sampling |
      join      planes, levels, place within the block of 8 and the MCU of 16 <----+
      first     3x3 -> width
      blocks    x + scale * conv3x3(relu(conv3x3(x))) + shift; scale and shift from the condition
    classes    (n, h/4, w/4, classes)  only in networks with classes: what is seen, 0 to 1; adds to scale and shift
      last      3x3 -> 80: 16 corrections of Y, 32 of Cb and Cr, 32 of the detail that chroma lost by averaging

Plain 3x3 convolutions on groups of pixels are what CPUs compute fastest. The network is pure Keras 3: trained on the
torch backend, run by TensorFlow. What its outputs mean, and how the intervals of quantization bound them, is said in
:mod:`.restoration`.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Final

from .semantic_network import CLASSES

__all__ = ["CELL", "CONDITION", "GROUP", "OUTPUTS", "PLACES", "PRESETS", "Architecture", "build"]

#: Pixels along the side of a group.
GROUP: Final = 4

#: Pixels along the side of a cell of the class map.
CELL: Final = 16

#: Length of the condition: 64 logarithms of steps and 64 shares of non-zero levels of each of three components, three
#: flags of the sampling.
CONDITION: Final = 2 * 3 * 64 + 3

#: Channels that say where a group lies in its block and its MCU, see :func:`.restoration.places`.
PLACES: Final = 6

#: Channels of the output: corrections of the three components, detail of the two chroma components.
OUTPUTS: Final = 5 * GROUP * GROUP

_PLANES: Final = 6 * GROUP * GROUP
_HIDDEN: Final = (128, 64)  # units of the layers that read the condition


@dataclass(frozen=True)
class Architecture:
    """Size of the network.

    Attributes:
        width: channels of the convolutions.
        blocks: residual blocks, two convolutions each.
        features: channels that a group gets from the levels of its block.
        classes: of the class map that the blocks are told of; 0 for a network without one.
    """

    width: int = 64
    blocks: int = 4
    features: int = 16
    classes: int = 0

    @property
    def reach(self) -> int:
        """How far away a pixel may be that changes the output, in pixels."""
        reach = GROUP * (2 * self.blocks + 3) + 8  # convolutions, the surroundings of a group, the rest of a block
        return reach + CELL if self.classes else reach


#: Sizes of the networks that are trained; ``weights/presets.json`` says which of them ship.
PRESETS: Final = {
    "restore": Architecture(64, 5),
    "restore-fast": Architecture(32, 4, 8),
    "fine": Architecture(64, 8, classes=len(CLASSES)),
}


def build(architecture: Architecture, dtype: str = "float32") -> Any:
    """Builds the network with random weights; its last layer is zero, so that it starts as the plain decoder.

    Args:
        architecture: its size.
        dtype: Keras' policy of the layers between inputs and output, such as ``"mixed_bfloat16"``.

    Returns:
        A ``keras.Model`` with the inputs planes, levels, places and condition, then classes where the network has any,
        and one output, float32 (n, h/4, w/4, 80).
    """
    import keras
    from keras import layers

    planes = keras.Input((None, None, _PLANES), name="planes")
    levels = keras.Input((None, None, 64), name="levels")
    places = keras.Input((None, None, PLACES), name="places")
    condition = keras.Input((CONDITION,), name="condition")
    known = condition
    for index, units in enumerate(_HIDDEN):
        known = layers.Dense(units, activation="relu", name=f"known{index}")(known)
    inputs = [planes, levels, places, condition]
    seen = None
    if architecture.classes:
        seen = keras.Input((None, None, architecture.classes), name="classes")
        inputs.append(seen)
    builder = _Builder(architecture.width, dtype)
    features = layers.Conv2DTranspose(architecture.features, 2, 2, activation="relu", dtype=dtype, name="levels_in")(
        levels
    )
    x = layers.Concatenate(dtype=dtype, name="join")([planes, features, places])
    x = builder.convolve(x, "first", "relu")
    for index in range(architecture.blocks):
        x = builder.block(x, known, seen, f"block{index}")
    last = layers.Conv2D(OUTPUTS, 3, padding="same", kernel_initializer="zeros", dtype=dtype, name="last")(x)
    out = layers.Activation("linear", dtype="float32", name="out")(last)
    return keras.Model(inputs, out, name="restoration")


class _Builder:
    """Adds layers of one width and one policy."""

    def __init__(self, width: int, dtype: str) -> None:
        self._width, self._dtype = width, dtype

    def convolve(self, x: Any, name: str, activation: str | None = None) -> Any:
        from keras import layers

        return layers.Conv2D(self._width, 3, padding="same", activation=activation, dtype=self._dtype, name=name)(x)

    def block(self, x: Any, known: Any, seen: Any, name: str) -> Any:
        """Adds a residual block.

        Args:
            x: (n, rows, cols, width).
            known: numbers from the condition, (n, units).
            seen: class map, (n, rows, cols, classes), or None.
            name: of the block.
        """
        from keras import layers

        change = self.convolve(self.convolve(x, f"{name}a", "relu"), f"{name}b")
        scale, shift = (self._from_condition(known, f"{name}{part}") for part in ("scale", "shift"))
        if seen is not None:
            scale, shift = (
                layers.Add(dtype=self._dtype, name=f"{name}{part}_there")([
                    whole, self._from_classes(seen, f"{name}{part}_class")
                ])
                for part, whole in (("scale", scale), ("shift", shift))
            )  # fmt: skip
        change = layers.Multiply(dtype=self._dtype, name=f"{name}scaled")([change, scale])
        return layers.Add(dtype=self._dtype, name=f"{name}add")([x, change, shift])

    def _from_condition(self, known: Any, name: str) -> Any:
        """One number for each channel, (n, 1, 1, width)."""
        from keras import layers

        numbers = layers.Dense(self._width, name=name)(known)
        return layers.Reshape((1, 1, self._width), name=f"{name}_all")(numbers)

    def _from_classes(self, seen: Any, name: str) -> Any:
        """One number for each channel and place, (n, rows, cols, width); 0 before training."""
        from keras import layers

        return layers.Conv2D(self._width, 1, use_bias=False, kernel_initializer="zeros", dtype=self._dtype, name=name)(
            seen
        )
