"""The network of the perceptual metric: how features of two images differ, channel by channel.

::

    rgb (n, h, w, 3), 0..255, of both images
      deep        the backbone's features at strides 2, 2, 4, 8 and 16             192 channels
      shallow     opponent colours (X, Y, B - Y) at scales 1:1 to 1:16              15 channels
      maps        local means and deviations in windows of 4x4 -> structure lost,
                  contrast added, contrast lost, difference of the means
      moments     mean of each map and of its fourth power                         (n, 2 x 4 x 207)
      heads       one non-negative weight for each mean and each 4-norm -> distance (n, 1)
      calibration 100 less non-negative multiples of powers of the distance        -> score (n, 1)

The form is that of LPIPS (Zhang et al., CVPR 2018: frozen features, learned non-negative weights of channels), with the
three error maps and two norms of SSIMULACRA2 (Sneyers 2023) in place of squared differences: a difference counts less
where the reference has contrast, and a flat block in texture counts as structure lost. No difference lowers the
distance, and the distance is 0 for identical images.

The graph is pure Keras 3 and differentiable in both images, on any backend.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Final

import numpy as np

from ..errors import PresetError
from ..saliency.network import Architecture, Arrays, load, set_arrays

__all__ = [
    "CHANNELS",
    "DEEP",
    "HEADS",
    "LEAST_SIDE",
    "MULTIPLE",
    "POWERS",
    "build",
    "build_head",
    "build_levels",
    "fill",
    "moments",
    "read_scales",
]

#: Layers of the backbone whose outputs are compared.
DEEP: Final = ("stem_act", "block0_project", "block2_add", "block4_add", "block7_add")

#: Channels of each level: of the layers of the backbone, then of the opponent colours at five scales.
CHANNELS: Final = (32, 16, 24, 40, 80, 3, 3, 3, 3, 3)

#: Smallest height and width of the network's images, in pixels, and what sides must be multiples of.
LEAST_SIDE: Final = 64
MULTIPLE: Final = 16

#: Exponents of the distance in the score.
POWERS: Final = (0.35, 0.6, 0.9, 1.3)

_MAPS: Final = 4
_WINDOW, _STEP = 4, 2
_SCALES: Final = 5
_TINY: Final = 1e-6
_STRUCTURE: Final = 0.05  # variances of features, in units of their mean variance, below which structure is noise
_CONTRAST: Final = 0.2  # likewise of deviations
_ABSORBANCE: Final = (  # of linear RGB by the cones, rows L, M and S, as in SSIMULACRA2
    (0.30, 1 - 0.078 - 0.30, 0.078),
    (0.23, 1 - 0.078 - 0.23, 0.078),
    (0.24342268924547819, 0.20476744424496821, 1 - 0.24342268924547819 - 0.20476744424496821),
)
_BIAS: Final = 0.0037930732552754493

#: Weights of :func:`build_head`: one for each moment.
HEADS: Final = 2 * _MAPS * sum(CHANNELS)


def build_levels(architecture: Architecture, arrays: Arrays, scales: Sequence[Any]) -> Any:
    """Builds the part that sees one image.

    Args:
        architecture: of the backbone.
        arrays: weights of the backbone, with batch normalization.
        scales: factors (channels,) of each level of :data:`CHANNELS`, which make the local variance of photographs 1.

    Returns:
        ``keras.Model`` from RGB (n, h, w, 3), float, 0 to 255, sides multiples of :data:`MULTIPLE` and at least
        :data:`LEAST_SIDE`, to the list of levels.

    Raises:
        PresetError: the weights of the backbone do not fit.
    """
    import keras
    from keras import ops

    backbone = load(architecture, arrays)
    deep = keras.Model(backbone.input, [backbone.get_layer(name).output for name in DEEP], name="deep")
    deep.trainable = False
    rgb = keras.Input((None, None, 3), name="image")
    levels = [*deep(rgb), *_shallow(rgb)]
    scaled = [ops.multiply(level, scale) for level, scale in zip(levels, scales, strict=True)]
    return keras.Model(rgb, scaled, name="levels")


def _shallow(rgb: Any) -> list[Any]:
    """Opponent colours at all scales."""
    from keras import ops

    levels = [_opponent(rgb)]
    for _ in range(_SCALES - 1):
        levels.append(ops.average_pool(levels[-1], 2, 2, data_format="channels_last"))
    return levels


def _opponent(rgb: Any) -> Any:
    """Converts sRGB, 0 to 255, to X (red - green), Y and B - Y of the cube roots of the cones' answers."""
    from keras import ops

    rgb = rgb / 255.0
    curved = ((ops.maximum(rgb, 0.04045) + 0.055) / 1.055) ** 2.4
    linear = ops.where(rgb > 0.04045, curved, rgb / 12.92)
    red, green, blue = (linear[..., i : i + 1] for i in range(3))
    cones = [
        ops.maximum(r * red + g * green + b * blue + _BIAS, 1e-5) ** (1 / 3) - _BIAS ** (1 / 3)
        for r, g, b in _ABSORBANCE
    ]
    long, middle, short = cones
    return ops.concatenate([long - middle, (long + middle) / 2, short - middle], -1)


def build(architecture: Architecture, arrays: Arrays, scales: Sequence[Any]) -> Any:
    """Builds the part that compares two images.

    Args:
        architecture: as for :func:`build_levels`.
        arrays: as for :func:`build_levels`.
        scales: as for :func:`build_levels`.

    Returns:
        ``keras.Model`` from [reference, distorted], each as for :func:`build_levels`, to the moments (n, HEADS).

    Raises:
        PresetError: the weights of the backbone do not fit.
    """
    import keras

    levels = build_levels(architecture, arrays, scales)
    images = [keras.Input((None, None, 3), name=name) for name in ("reference", "distorted")]
    return keras.Model(images, moments(*map(levels, images)), name="moments")


def moments(reference: Sequence[Any], distorted: Sequence[Any]) -> Any:
    """Computes the moments (n, HEADS) of the levels of two images: all means, then all means of fourth powers."""
    from keras import ops

    maps = [part for a, b in zip(reference, distorted, strict=True) for part in _maps(a, b)]
    squares = [ops.square(part) for part in maps]
    means = [ops.mean(part, (1, 2)) for part in maps]
    return ops.concatenate([*means, *(ops.mean(ops.square(part), (1, 2)) for part in squares)], -1)


def _maps(a: Any, b: Any) -> tuple[Any, Any, Any, Any]:
    """Structure lost, contrast added, contrast lost and the difference of the means, in windows."""
    from keras import ops

    mean_a, mean_b = _average(a), _average(b)
    variance_a = ops.relu(_average(a * a) - mean_a * mean_a)
    variance_b = ops.relu(_average(b * b) - mean_b * mean_b)
    covariance = _average(a * b) - mean_a * mean_b
    structure = 1.0 - (2.0 * covariance + _STRUCTURE) / (variance_a + variance_b + _STRUCTURE)
    deviation_a, deviation_b = ops.sqrt(variance_a + _TINY), ops.sqrt(variance_b + _TINY)
    change = (deviation_b - deviation_a) / (_CONTRAST + deviation_a)
    difference = ops.sqrt(ops.square(mean_a - mean_b) + _TINY) - _TINY**0.5
    return ops.relu(structure), ops.relu(change), ops.relu(-change), difference


def _average(x: Any) -> Any:
    from keras import ops

    return ops.average_pool(x, _WINDOW, _STEP, data_format="channels_last")


def build_head() -> Any:
    """Builds the weights of the moments and the calibration, not yet filled.

    Returns:
        ``keras.Model`` from moments (n, HEADS) to [distance (n, 1), score (n, 1)].
    """
    import keras
    from keras import layers, ops

    given = keras.Input((HEADS,), name="moments")
    norms = ops.power(given[:, HEADS // 2 :] + _TINY**2, 0.25) - _TINY**0.5
    parts = ops.concatenate([given[:, : HEADS // 2], norms], -1)
    distance = layers.Dense(1, use_bias=False, kernel_constraint="non_neg", name="heads")(parts)
    powers = ops.concatenate([ops.power(distance + _TINY, p) - _TINY**p for p in POWERS], -1)
    lost = layers.Dense(1, use_bias=False, kernel_constraint="non_neg", name="calibration")(powers)
    return keras.Model(given, [distance, 100.0 - lost], name="head")


def read_scales(arrays: Arrays) -> list[Any]:
    """Returns the factors of each level from the weights of the metric, float32.

    Raises:
        PresetError: one is missing, or has another shape.
    """
    scales = []
    for index, channels in enumerate(CHANNELS):
        scale = arrays.get(f"scales/{index}")
        if scale is None or scale.shape != (channels,):
            raise PresetError(f"scales/{index} must have shape {(channels,)}, got {getattr(scale, 'shape', None)}")
        scales.append(scale.astype(np.float32))
    return scales


def fill(head: Any, arrays: Arrays) -> None:
    """Fills the model of :func:`build_head` with weights.

    Raises:
        PresetError: they do not fit.
    """
    set_arrays(head, {key: arrays[key] for key in arrays if key.partition("/")[0] in ("heads", "calibration")})
