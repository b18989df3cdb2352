"""Heads on the backbone: small networks from its features to maps.

``pyramid``, where people look and where objects are::

    class evidence  sum of the positive class activations -+
    stride 32  1280 -> 1x1 -> + context -> two 5x5 --------+-> x2
    stride 16   112 -> 1x1 -----------------------------------+-> two 5x5 -> x2
    stride 8     40 -> 1x1 -----------------------------------------------+-> three 3x3 -> 1x1 -> gaze, objects, faces

``msroi``, several features per channel, each with a say in every class (A. Prakash, N. Moran, S. Garber, A. DiLillo and
J. Storer, "Semantic perceptual image compression using deep convolution networks", DCC 2017)::

    stride 32  1280 -> 1x1 -> x2 -+
    stride 16   112 -> 1x1 -------+-> depthwise 3x3, m maps of each channel -> 1x1 -> one map per further class
    class activations -> x2 -> times 1 + 4 (chance that any of those is here) -> the maps of the backbone's classes

The means of the further maps over the picture are the logits they are trained by, with labels alone.

The network's input has sides of 32 n + 1 pixels: then every layer of stride 2 has its cells on every second cell of the
one before, the outermost on the border, and nothing is shifted. Cell i of a map of stride s lies on pixel s i, so
doubling inserts means between neighbours, and left and right are treated alike.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Literal, get_args

from ..errors import OptionError
from .network import get_arrays, set_arrays

__all__ = ["STRIDES", "HeadArchitecture", "build_head", "get_arrays", "joined", "set_arrays"]

Kind = Literal["pyramid", "msroi"]

#: Pixels of the network's input per cell of the output, by kind of head.
STRIDES = {"pyramid": 8, "msroi": 16}


@dataclass(frozen=True)
class HeadArchitecture:
    """What a head is and its size.

    Attributes:
        kind: ``"pyramid"`` or ``"msroi"``.
        width: channels of its layers.
        outputs: maps; for ``"pyramid"`` two or three, gaze, objects and faces, for ``"msroi"`` one per further class,
            which come behind those of the backbone.
        features: maps that ``"msroi"`` makes of each channel.
        dropout: share of the features left out in training.
        members: pyramids that were trained apart and whose mean is taken.

    Raises:
        OptionError: an unknown kind or a size that is not positive.
    """

    kind: Kind = "pyramid"
    width: int = 64
    outputs: int = 2
    features: int = 4
    dropout: float = 0.2
    members: int = 1

    def __post_init__(self) -> None:
        if self.kind not in get_args(Kind):
            raise OptionError(f"a head must be one of {', '.join(get_args(Kind))}, got {self.kind!r}")
        for name in ("width", "outputs", "features", "members"):
            if not getattr(self, name) > 0:
                raise OptionError(f"{name} must be positive, got {getattr(self, name)!r}")


def build_head(architecture: HeadArchitecture, channels: Sequence[int]) -> Any:
    """The head as a ``keras.Model`` with fresh weights.

    Args:
        architecture: its kind and size.
        channels: of the features at strides 8, 16 and 32.

    Returns:
        Model from a list of features at strides 8, 16 and 32 and class activations, as ``network.build(...,
        features=True)`` gives them, to maps (n, rows, cols, outputs) at the stride of its kind, not bounded.
    """
    import keras

    inputs = [keras.Input((None, None, n)) for n in (*channels, None)]
    kinds = {"pyramid": _pyramid, "msroi": _msroi}
    return keras.Model(inputs, kinds[architecture.kind](architecture, *inputs), name=f"{architecture.kind}_head")


def joined(members: Sequence[Mapping[str, Any]]) -> dict[str, Any]:
    """The weights of a head of several members from those of each, as :func:`get_arrays` gives them."""
    named = ((key.split("/"), _suffix(i), array) for i, member in enumerate(members) for key, array in member.items())
    return {f"{layer}{suffix}/{place}": array for (layer, place), suffix, array in named}


def _suffix(member: int) -> str:
    """What a member's layers are called behind their names."""
    return f"_{member + 1}" if member else ""


def _pyramid(architecture: HeadArchitecture, *inputs: Any) -> Any:
    from keras import layers

    members = [_Pyramid(architecture, _suffix(i))(*inputs) for i in range(architecture.members)]
    return layers.Average(name="members")(members) if len(members) > 1 else members[0]


class _Pyramid:
    """Adds the layers of one member to a graph."""

    def __init__(self, architecture: HeadArchitecture, suffix: str) -> None:
        from keras import layers

        from . import layers as own

        self.layers: Any = layers
        self.own: Any = own
        self.architecture, self.suffix = architecture, suffix

    def __call__(self, fine: Any, middle: Any, coarse: Any, classes: Any) -> Any:
        dropout, known = self.architecture.dropout, self.add("Evidence", "evidence")(classes)
        dropped = self.add("Dropout", "coarse_drop", dropout)(coarse)
        x = self.pointwise(self.add("Concatenate", "coarse_in")([dropped, known]), "coarse", "relu")
        mean = self.add("GlobalAveragePooling2D", "mean", keepdims=True)(x)
        x = self.add("Add", "context_add")([x, self.add("Dense", "context", self.architecture.width)(mean)])
        x = self.refine(self.refine(x, "refine32", 5), "refine32b", 5)
        x = self.below(x, self.add("Dropout", "middle_drop", dropout / 2)(middle), "middle")
        x = self.refine(self.refine(x, "refine16", 5), "refine16b", 5)
        x = self.below(x, fine, "fine")
        for name in ("refine8", "refine8b", "refine8c"):
            x = self.refine(x, name, 3)
        return self.add("Conv2D", "maps", self.architecture.outputs, 1)(self.add("Place", "place")(x))

    def add(self, kind: str, name: str, *settings: Any, **more: Any) -> Any:
        """A layer of Keras's or of one's own."""
        made = getattr(self.own, kind, None) or getattr(self.layers, kind)
        return made(*settings, name=f"{name}{self.suffix}", **more)

    def pointwise(self, x: Any, name: str, activation: str | None = None) -> Any:
        return self.add("Conv2D", name, self.architecture.width, 1, activation=activation)(x)

    def refine(self, x: Any, name: str, kernel: int) -> Any:
        y = self.add("SeparableConv2D", name, self.architecture.width, kernel, padding="same")(x)
        return self.add("ReLU", f"{name}_act")(self.add("Add", f"{name}_add")([x, y]))

    def below(self, x: Any, features: Any, name: str) -> Any:
        doubled = self.add("Doubling", f"{name}_double")(x)
        return self.add("ReLU", f"{name}_act")(
            self.add("Add", f"{name}_add")([doubled, self.pointwise(features, name)])
        )


def _msroi(architecture: HeadArchitecture, fine: Any, middle: Any, coarse: Any, classes: Any) -> Any:
    from keras import layers

    from .layers import Doubling, Extension

    width, dropout = architecture.width, architecture.dropout
    known = layers.Conv2D(width, 1, name="coarse")(layers.Dropout(dropout, name="coarse_drop")(coarse))
    seen = layers.Conv2D(width, 1, name="middle")(layers.Dropout(dropout / 2, name="middle_drop")(middle))
    x = layers.Add(name="middle_add")([Doubling(name="middle_double")(known), seen])
    x = layers.ReLU(name="middle_act")(x)
    x = layers.DepthwiseConv2D(3, depth_multiplier=architecture.features, padding="same", name="features")(x)
    x = layers.Dropout(dropout, name="features_drop")(layers.ReLU(name="features_act")(x))
    further = layers.Conv2D(architecture.outputs, 1, name="maps")(x)
    doubled = Doubling(name="classes_double")(classes)
    return Extension(name="extension")([doubled, further])
