"""Step 3: how much an error in each block matters. This is where saliency enters the encoder, and nowhere else.

The quantizer minimises ``sum(weight_b * distortion_b) + lambda * bits``; the weight of block b is what saliency says of
it times what visual masking says of it, scaled to mean 1.

The last bits of sums, powers and logarithms depend on the processor. So everything here is computed in double
precision and the weights are then rounded to 12 bits, so that files are the same on every machine.
"""

from __future__ import annotations

import math
from typing import Protocol

import numpy as np
from numpy.typing import NDArray

from ..codec import parameters
from ..codec.coefficients import Coefficients, LumaStatistics
from ..codec.parameters import TUNINGS, Tuning
from ..codec.subsampling import rounded_weights
from ..errors import InputError
from ..saliency.confidence import confidence
from ..saliency.grid import block_means
from ..saliency.lazy_map import SaliencyMap

__all__ = [
    "BlockWeights",
    "block_means",
    "block_weights",
    "check_weights",
    "light_masking",
    "make_weights",
    "saliency_and_masking",
    "saliency_gain",
    "strength_at",
    "texture_masking",
    "trust",
]


def texture_masking(activity: NDArray[np.float64], tuning: Tuning) -> NDArray[np.float64]:
    """Returns the weight of each block by what its texture hides: less, the busier it is.

    Args:
        activity: float64 (rows, cols), see :class:`LumaStatistics`.
        tuning: exponent and floor.

    Returns:
        float64 (rows, cols).
    """
    texture = np.log(activity + tuning.masking_floor)
    weight: NDArray[np.float64] = np.exp(-tuning.masking_exponent * (texture - texture.mean()))
    return weight


def light_masking(dc: NDArray[np.float32], tuning: Tuning) -> NDArray[np.float64]:
    """Returns the weight of each block by its light: less where it is bright.

    Sample values are gamma coded, but the eye's response to light is nearer to a cube root: equal steps of the samples
    are seen more easily where it is dark.

    Args:
        dc: float32 (rows, cols), DC coefficients of the luma.
        tuning: exponent.

    Returns:
        float64 (rows, cols).
    """
    light = np.maximum(dc.astype(np.float64) / 8 + 128, 0) / 255
    weight: NDArray[np.float64] = (light + parameters.DARKEST) ** -tuning.light_exponent
    return weight


def strength_at(scale: float, strength: float) -> float:
    """Returns the strength, 0 to 1, to use for files of about a scale: less where bytes are scarce.

    At few bits a pixel the blocks that are not salient are close to losing all detail, and what is taken from them
    shows. Strengths 0 and 1 stay what they are.

    Args:
        scale: expected scale of the quantization steps.
        strength: 0 to 1, what was asked for.
    """
    growth = parameters.SCARCITY * math.log(scale / parameters.USUAL_SCALE)
    low, high = parameters.EXPONENTS
    exponent = min(max(parameters.USUAL_EXPONENT + growth, low), high)
    return float(strength**exponent)


def trust(saliency: NDArray[np.float64]) -> float:
    """Returns the share of the strength, 0.3 to 1, that a map deserves; less where it marks a bit of everything.

    Args:
        saliency: float64 (rows, cols), means in [0, 1].
    """
    return min(max(confidence(saliency) / parameters.TRUSTED, parameters.LEAST_TRUST), 1.0)


def saliency_gain(saliency: NDArray[np.float64], strength: float) -> NDArray[np.float64]:
    """Returns the weight of each block by its saliency: ``FULL_GAIN ** (strength * saliency ** 2)``.

    Where the evidence is weak or spread, saliency is low: the power makes such a map nearly flat, and leaves the bytes
    with the whole picture.

    Args:
        saliency: float64 (rows, cols), means in [0, 1].
        strength: 0 to 1.
    """
    gain: NDArray[np.float64] = np.exp(np.log(parameters.FULL_GAIN) * strength * saliency**parameters.SALIENCY_POWER)
    return gain


def block_weights(
    saliency: SaliencyMap | NDArray[np.float32] | None,
    luma: LumaStatistics,
    strength: float = 0.5,
    tuning: Tuning = TUNINGS["default"],
) -> NDArray[np.float32]:
    """Returns the weight of every luma block.

    Args:
        saliency: map or float32 (H, W) in [0, 1], as large as the image, or ``None`` where nothing is preferred.
        luma: statistics of the luma of its blocks.
        strength: 0 to 1; the most salient block weighs ``FULL_GAIN ** strength`` times the least, masking aside, if the
            map is one to :func:`trust`.
        tuning: how much texture and light mask.

    Returns:
        float32 (rows, cols), mean 1, positive.
    """
    weights = light_masking(luma.dc, tuning) * texture_masking(luma.activity, tuning)
    if saliency is not None and strength > 0:
        means = SaliencyMap.of(saliency).block_means(*luma.dc.shape)
        weights = weights * saliency_gain(means, strength * trust(means))
    return rounded_weights(weights / weights.mean())


class BlockWeights(Protocol):
    """Says how much an error in each luma block matters; :func:`saliency_and_masking` is the encoder's own."""

    def __call__(
        self, coefficients: Coefficients, saliency: NDArray[np.float32] | None, *, strength: float, tuning: Tuning
    ) -> NDArray[np.float32]:
        """Weighs the blocks of an image.

        Args:
            coefficients: of the image.
            saliency: float32 (H, W) in [0, 1], as large as the image, or ``None`` where nothing is preferred.
            strength: 0 to 1, how much saliency counts at the expected rate.
            tuning: numbers of the ``tune`` that was asked for.

        Returns:
            float32 (rows, cols), positive, mean 1, one for each luma block.
        """
        ...


def saliency_and_masking(
    coefficients: Coefficients,
    saliency: SaliencyMap | NDArray[np.float32] | None,
    *,
    strength: float,
    tuning: Tuning,
) -> NDArray[np.float32]:
    """Weighs blocks by their saliency and by what texture and light mask, see :class:`BlockWeights`.

    Args:
        coefficients: of the image; their luma counts.
        saliency: map or float32 (H, W) in [0, 1], or ``None``.
        strength: 0 to 1.
        tuning: how much texture and light mask.
    """
    return block_weights(saliency, coefficients.statistics, strength, tuning)


def make_weights(
    make: BlockWeights, coefficients: Coefficients, saliency: SaliencyMap | None, *, strength: float, tuning: Tuning
) -> NDArray[np.float32]:
    """Returns the block weights that the encoder's own code makes, or other code, which gets the map as pixels.

    Args:
        make: weighs the blocks.
        coefficients: of the image.
        saliency: of the image, or ``None`` where nothing is preferred.
        strength: 0 to 1, how much saliency counts at the expected rate.
        tuning: numbers of the ``tune`` that was asked for.

    Returns:
        float32 (rows, cols), positive, mean 1, one for each luma block.

    Raises:
        InputError: as :func:`check_weights`.
    """
    if make is saliency_and_masking:
        return saliency_and_masking(coefficients, saliency, strength=strength, tuning=tuning)
    pixels = None if saliency is None else saliency.pixels
    return check_weights(make(coefficients, pixels, strength=strength, tuning=tuning), coefficients.statistics.dc.shape)


def check_weights(weights: NDArray[np.float32], shape: tuple[int, ...]) -> NDArray[np.float32]:
    """Checks block weights that other code made, and gives them mean 1 at 12 significant bits.

    Args:
        weights: one for each luma block.
        shape: (rows, cols) of these blocks.

    Returns:
        float32 (rows, cols).

    Raises:
        InputError: another shape, or a weight that is not a positive finite number.
    """
    values = np.asarray(weights, np.float64)
    if values.shape != shape:
        raise InputError(f"block weights must have shape {shape}, got {values.shape}")
    if not (np.isfinite(values).all() and values.min() > 0):
        raise InputError(f"block weights must be positive and finite, got {values.min()} to {values.max()}")
    return rounded_weights(values / values.mean())
