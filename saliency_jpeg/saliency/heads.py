"""Heads on the backbone: small networks from its features to maps.

``pyramid``, where people look and where objects are::

    class evidence  sum of the positive class activations -+
    stride 32  320 or 1280 -> 1x1 -> + context -> two 5x5 -+-> x2
    stride 16   112 -> 1x1 -----------------------------------+-> two 5x5 -> x2
    stride 8     40 -> 1x1 -----------------------------------------------+-> three 3x3 -> 1x1 -> gaze, objects, faces

Its features at stride 32 are the backbone's 1280, or those of a tail: the backbone's last blocks a second time, on its
features at stride 16, trained on together with the head.

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

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Literal, get_args

from ..errors import OptionError
from . import network
from .network import get_arrays, set_arrays

__all__ = ["STRIDES", "HeadArchitecture", "build_head", "get_arrays", "is_of_tail", "set_arrays", "set_tail"]

Kind = Literal["pyramid", "msroi"]

#: Pixels of the network's input per cell of the output, by kind of head.
STRIDES = {"pyramid": 8, "msroi": 16}

_TAIL = "tail_"  # what the names of a tail's layers begin with


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
        tail: whether a pyramid has the last blocks of the backbone for itself.

    Raises:
        OptionError: an unknown kind, a size that is not positive, or a tail of something else than a pyramid.
    """

    kind: Kind = "pyramid"
    width: int = 64
    outputs: int = 2
    features: int = 4
    dropout: float = 0.2
    tail: bool = False

    def __post_init__(self) -> None:
        if self.kind not in get_args(Kind):
            raise OptionError(f"a head must be one of {', '.join(get_args(Kind))}, got {self.kind!r}")
        for name in ("width", "outputs", "features"):
            if not getattr(self, name) > 0:
                raise OptionError(f"{name} must be positive, got {getattr(self, name)!r}")
        if self.tail and self.kind != "pyramid":
            raise OptionError(f"only a pyramid has a tail, got {self.kind!r}")


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


def set_tail(model: Any, backbone: network.Arrays) -> None:
    """Lets the tail of a head begin with the backbone's weights, which are given as :mod:`.presets` reads them."""
    own = {f"{_TAIL}{key}": array for key, array in network.fold(backbone).items()}
    set_arrays(model, {key: own.get(key, array) for key, array in get_arrays(model).items()})


def is_of_tail(variable: Any) -> bool:
    """Whether a ``keras.Variable`` of a head belongs to its tail."""
    return bool(variable.path.startswith(_TAIL))


def _pyramid(architecture: HeadArchitecture, fine: Any, middle: Any, coarse: Any, classes: Any) -> Any:
    from keras import layers

    from .layers import Evidence, Place

    make, dropout = _Levels(architecture.width), architecture.dropout
    if architecture.tail:
        coarse = network.add_tail(middle, network.Architecture(), f"{_TAIL}{{}}")
    dropped = layers.Dropout(dropout, name="coarse_drop")(coarse)
    known = layers.Concatenate(name="coarse_in")([dropped, Evidence(name="evidence")(classes)])
    x = make.pointwise(known, "coarse", "relu")
    mean = layers.GlobalAveragePooling2D(keepdims=True, name="mean")(x)
    x = layers.Add(name="context_add")([x, layers.Dense(architecture.width, name="context")(mean)])
    x = make.refine(make.refine(x, "refine32", 5), "refine32b", 5)
    x = make.below(x, layers.Dropout(dropout / 2, name="middle_drop")(middle), "middle")
    x = make.refine(make.refine(x, "refine16", 5), "refine16b", 5)
    x = make.below(x, fine, "fine")
    for name in ("refine8", "refine8b", "refine8c"):
        x = make.refine(x, name, 3)
    return layers.Conv2D(architecture.outputs, 1, name="maps")(Place(name="place")(x))


class _Levels:
    """Adds what the levels of a pyramid have in common to a graph."""

    def __init__(self, width: int) -> None:
        from keras import layers

        self.layers: Any = layers
        self.width = width

    def pointwise(self, x: Any, name: str, activation: str | None = None) -> Any:
        return self.layers.Conv2D(self.width, 1, activation=activation, name=name)(x)

    def refine(self, x: Any, name: str, kernel: int) -> Any:
        y = self.layers.SeparableConv2D(self.width, kernel, padding="same", name=name)(x)
        return self._sum([x, y], name)

    def below(self, x: Any, features: Any, name: str) -> Any:
        from .layers import Doubling

        return self._sum([Doubling(name=f"{name}_double")(x), self.pointwise(features, name)], name)

    def _sum(self, parts: list[Any], name: str) -> Any:
        return self.layers.ReLU(name=f"{name}_act")(self.layers.Add(name=f"{name}_add")(parts))


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
