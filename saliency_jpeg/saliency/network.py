"""The backbone: EfficientNet-Lite as a fully convolutional classifier; :mod:`.heads` adds layers to it.

::

    rgb (n, h, w, 3), 0..255
      stem        3x3, stride 2
      16 blocks   expand 1x1 -> depthwise 3x3 or 5x5 -> project 1x1, strides 4 to 32
      head        1x1 to 1280 channels
      cam         1x1 to one map per class      -> (n, h/32, w/32, classes)

The last layer is the classifier of the published network, applied before its global average pooling instead of after
it: the mean of a class's map is exactly that class's logit, so the map shows where the evidence lies (class activation
mapping, Zhou et al., CVPR 2016). Architecture: Tan and Le, EfficientNet, ICML 2019; the Lite variants have no
squeeze-and-excitation and use ReLU6.

Weights are a mapping from ``"layer/0"``, ``"layer/1"``, ... to arrays in Keras layout, as :mod:`.presets` reads them.
The graph is pure Keras 3, so a network with batch normalization can be trained on any backend.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, NamedTuple

import numpy as np

from ..errors import OptionError, PresetError

__all__ = ["CLASS_ARRAYS", "STRIDE", "Architecture", "add_tail", "build", "fold", "get_arrays", "load", "set_arrays"]

#: Pixels of the network's input per cell of its output, in both directions.
STRIDE = 32

#: Weights whose last axis counts classes.
CLASS_ARRAYS = ("cam/0", "cam/1")

_EPSILON = 1e-3  # of the batch normalization the published weights were trained with
_STEM, _HEAD = 32, 1280

Arrays = Mapping[str, np.ndarray[Any, Any]]


class _Stage(NamedTuple):
    repeats: int
    kernel: int
    stride: int
    expansion: int
    filters: int


_STAGES = (
    _Stage(1, 3, 1, 1, 16),
    _Stage(2, 3, 2, 6, 24),
    _Stage(2, 5, 2, 6, 40),
    _Stage(3, 3, 2, 6, 80),
    _Stage(3, 5, 1, 6, 112),
    _Stage(4, 5, 2, 6, 192),
    _Stage(1, 3, 1, 6, 320),
)
_LEVELS = (3, 5)  # stages whose input is the last at strides 8 and 16


@dataclass(frozen=True)
class Architecture:
    """Size of an EfficientNet-Lite.

    Attributes:
        width: multiplier of the number of channels.
        depth: multiplier of the number of blocks in a stage.
        classes: number of class activation maps.

    Raises:
        OptionError: a value is not positive.
    """

    width: float = 1.0
    depth: float = 1.0
    classes: int = 1000

    def __post_init__(self) -> None:
        for name in ("width", "depth", "classes"):
            if not getattr(self, name) > 0:
                raise OptionError(f"{name} must be positive, got {getattr(self, name)!r}")

    def filters(self, count: int) -> int:
        """Returns ``count`` times the width, rounded to a multiple of 8, but never down by more than a tenth."""
        scaled = count * self.width
        rounded = max(8, int(scaled + 4) // 8 * 8)
        return rounded + 8 if rounded < 0.9 * scaled else rounded

    def repeats(self, stage: int) -> int:
        """Returns the number of blocks in a stage; the first and the last stage do not grow with the depth."""
        grows = 0 < stage < len(_STAGES) - 1
        return math.ceil(_STAGES[stage].repeats * self.depth) if grows else _STAGES[stage].repeats


class _Builder:
    """Adds layers to a graph.

    Args:
        folded: give convolutions a bias instead of batch normalization.
        names: pattern of the layers' names; ``{}`` stands for the name in the network.
    """

    def __init__(self, *, folded: bool, names: str = "{}") -> None:
        from keras import layers

        self.layers: Any = layers
        self.folded, self.names = folded, names

    def convolution(self, x: Any, name: str, filters: int, kernel: int = 1, stride: int = 1) -> Any:
        return self._normalize(self._add("Conv2D", name, filters, kernel, stride, **self._same())(x), name)

    def depthwise(self, x: Any, name: str, kernel: int, stride: int) -> Any:
        return self._normalize(self._add("DepthwiseConv2D", name, kernel, stride, **self._same())(x), name)

    def relu6(self, x: Any, name: str) -> Any:
        return self._add("ReLU", name, 6.0)(x)

    def stage(self, x: Any, number: int, architecture: Architecture) -> Any:
        """Adds all blocks of a stage."""
        before = sum(architecture.repeats(i) for i in range(number))
        filters = architecture.filters(_STAGES[number].filters)
        for i in range(architecture.repeats(number)):
            x = self.block(x, f"block{before + i}", _STAGES[number], filters, first=i == 0)
        return x

    def block(self, x: Any, name: str, stage: _Stage, filters: int, first: bool) -> Any:
        """Adds an inverted residual block; all but the first of a stage add their input to their output."""
        y = x
        if stage.expansion != 1:
            y = self.relu6(self.convolution(y, f"{name}_expand", x.shape[-1] * stage.expansion), f"{name}_expand_act")
        y = self.depthwise(y, f"{name}_dw", stage.kernel, stage.stride if first else 1)
        y = self.convolution(self.relu6(y, f"{name}_dw_act"), f"{name}_project", filters)
        return y if first else self._add("Add", f"{name}_add")([y, x])

    def _add(self, layer: str, name: str, *settings: Any, **keywords: Any) -> Any:
        return getattr(self.layers, layer)(*settings, name=self.names.format(name), **keywords)

    def _same(self) -> dict[str, Any]:
        return {"padding": "same", "use_bias": self.folded}

    def _normalize(self, x: Any, name: str) -> Any:
        return x if self.folded else self._add("BatchNormalization", f"{name}_bn", epsilon=_EPSILON)(x)


def build(architecture: Architecture, *, folded: bool = False, features: bool = False) -> Any:
    """Builds the network with fresh weights.

    Args:
        architecture: its size.
        folded: give every convolution a bias instead of batch normalization, for the weights that :func:`fold` makes;
            a third faster, for inference only.
        features: return the features that a head needs too.

    Returns:
        ``keras.Model`` from RGB (n, h, w, 3), float, 0 to 255, any h and w, to class activations (n, ceil(h/32),
        ceil(w/32), classes), float32. With ``features`` to a list: the features at strides 8 and 16, the last features
        (1280 channels at stride 32), and the class activations.
    """
    import keras

    builder = _Builder(folded=folded)
    rgb = keras.Input((None, None, 3), name="rgb")
    x = keras.layers.Rescaling(1 / 128, offset=-127 / 128, name="scale")(rgb)
    x = builder.relu6(builder.convolution(x, "stem", _STEM, kernel=3, stride=2), "stem_act")
    x, *levels = _stages(builder, x, architecture)
    x = builder.relu6(builder.convolution(x, "head", _HEAD), "head_act")
    cam = keras.layers.Conv2D(architecture.classes, 1, name="cam")(x)
    return keras.Model(rgb, [*levels, x, cam] if features else cam, name="efficientnet_lite_cam")


def load(architecture: Architecture, arrays: Arrays, *, features: bool = False, half: bool = False) -> Any:
    """Builds the network for inference and fills it.

    Args:
        architecture: its size.
        arrays: weights with batch normalization, as :mod:`.presets` reads them; they are folded here.
        features: as for :func:`build`.
        half: round the folded weights to 16 bits, as an exported network stores them (:mod:`.litert`).

    Returns:
        ``keras.Model`` as from :func:`build`.

    Raises:
        PresetError: the weights do not fit.
    """
    model = build(architecture, folded=True, features=features)
    folded = fold(arrays)
    set_arrays(model, {key: a.astype(np.float16) for key, a in folded.items()} if half else folded)
    return model


def _stages(builder: _Builder, x: Any, architecture: Architecture) -> tuple[Any, Any, Any]:
    """Adds the blocks; returns their output and the last features at strides 8 and 16."""
    levels = []
    for number in range(len(_STAGES)):
        if number in _LEVELS:
            levels.append(x)
        x = builder.stage(x, number, architecture)
    return x, levels[0], levels[1]


def add_tail(x: Any, architecture: Architecture, names: str) -> Any:
    """Adds a second copy of the blocks from stride 16 to stride 32 to a graph, folded, with weights of its own.

    Args:
        x: features at stride 16.
        architecture: of the network they come from.
        names: pattern of the layers' names; ``{}`` stands for the name in the network.

    Returns:
        Features at stride 32, 320 channels for EfficientNet-Lite0.
    """
    builder = _Builder(folded=True, names=names)
    for number in range(_LEVELS[-1], len(_STAGES)):
        x = builder.stage(x, number, architecture)
    return x


def fold(arrays: Arrays) -> dict[str, np.ndarray[Any, Any]]:
    """Multiplies every batch normalization into its convolution.

    Args:
        arrays: weights of a network that :func:`build` made without ``folded``.

    Returns:
        float32 weights for ``build(..., folded=True)``.

    Raises:
        PresetError: an array is missing, or those of a layer do not fit each other.
    """
    folded = {}
    for layer in dict.fromkeys(key.rpartition("/")[0] for key in arrays):
        kernel, bias = _float32(arrays, f"{layer}/0"), None
        if f"{layer}_bn/0" in arrays:
            gamma, beta, mean, variance = (_float32(arrays, f"{layer}_bn/{i}") for i in range(4))
            try:
                scale = gamma / np.sqrt(variance + np.float32(_EPSILON))
                kernel = kernel * (scale[:, None] if layer.endswith("_dw") else scale)
                bias = beta - mean * scale
            except (ValueError, IndexError) as error:
                raise PresetError(f"the arrays of layer {layer!r} do not fit each other: {error}") from error
        elif f"{layer}/1" in arrays:
            bias = _float32(arrays, f"{layer}/1")
        if not layer.endswith("_bn"):
            folded[f"{layer}/0"] = kernel
            if bias is not None:
                folded[f"{layer}/1"] = bias
    return folded


def _float32(arrays: Arrays, key: str) -> np.ndarray[Any, Any]:
    if key not in arrays:
        raise PresetError(f"the weights have no array {key!r}")
    return arrays[key].astype(np.float32)


def get_arrays(model: Any) -> dict[str, np.ndarray[Any, Any]]:
    """Returns all weights of a ``keras.Model`` by ``"layer/index"``."""
    return {f"{layer.name}/{i}": array for layer in model.layers for i, array in enumerate(layer.get_weights())}


def set_arrays(model: Any, arrays: Arrays) -> None:
    """Fills a model with weights.

    Args:
        model: ``keras.Model`` from :func:`build` or :func:`.heads.build`.
        arrays: its weights by ``"layer/index"``, of any float type.

    Raises:
        PresetError: an array is missing, left over, or has another shape than the layer.
    """
    expected = get_arrays(model)
    if different := sorted(set(expected) ^ set(arrays)):
        raise PresetError(f"the weights do not fit the network: {', '.join(different[:3])} missing or left over")
    for key, array in expected.items():
        if arrays[key].shape != array.shape:
            raise PresetError(f"{key} must have shape {array.shape}, got {arrays[key].shape}")
    for layer in model.layers:
        count = len(layer.get_weights())
        layer.set_weights([arrays[f"{layer.name}/{i}"].astype(np.float32) for i in range(count)])
