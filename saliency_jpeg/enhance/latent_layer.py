"""A latent as a layer of a file: written for a file that is finished, and added when it is restored."""

from __future__ import annotations

import warnings
from collections.abc import Iterator, Sequence
from typing import Final, NamedTuple

import numpy as np
from numpy.typing import NDArray

from ..codec import _core
from ..errors import LayerWarning, OptionError, PresetError, caller_level
from ..metadata.layer_kinds import Latent
from ..metadata.layers import Layers
from ..metrics.ycbcr import to_ycbcr
from . import latent, loading
from .latent_network import MOST
from .options import DecodeOptions
from .planes import LevelsImage, OutputForm
from .presets import find_latent
from .restoration import Restorer, intervals

__all__ = ["PRESET", "THRESHOLDS", "CodedLatent", "code_latents", "restored_with"]

#: Whose latents are written.
PRESET: Final = "gdae"

#: From which a number becomes an integer other than 0; 0.5 is rounding. Which is best for its bytes the encoder tries.
THRESHOLDS: Final = (0.5, 0.65)


class CodedLatent(NamedTuple):
    """A latent of a file.

    Attributes:
        latent: for the layer.
        threshold: by which its integers were made.
        pixels: uint8 (H, W, 3), what a reader shows.
    """

    latent: Latent
    threshold: float
    pixels: NDArray[np.uint8]


def code_latents(
    image: LevelsImage,
    pixels: NDArray[np.uint8],
    widths: latent.Floats | None,
    device: str | None,
    thresholds: Sequence[float] = THRESHOLDS,
) -> Iterator[CodedLatent]:
    """Codes what restoration leaves of a picture.

    Args:
        image: the file as a reader has it, one that can be restored, of three components.
        pixels: of the original, uint8 (H, W, 3).
        widths: that the file says, if it does, see :meth:`.Restorer.restore`.
        device: where the networks run; None for TensorFlow's choice.
        thresholds: to choose from.

    Yields:
        A latent for each threshold.

    Raises:
        OptionError: TensorFlow is missing or cannot be used, or there is no such device.
        PresetError: weights are missing or damaged.
    """
    coder = latent.load(PRESET, device)
    restorer = loading.load(coder.preset.restoration, device)
    restored, classes = restorer.restore(image, widths=widths), restorer.class_map(image)
    original = list(np.ascontiguousarray(np.moveaxis(to_ycbcr(pixels), -1, 0), np.float32))
    bounds, form = intervals(len(restored), 1.0, widths), OutputForm(is_ycc=True, luma=False, dtype=np.uint8)

    numbers = coder.encode(original, restored)
    for threshold in thresholds:
        levels = _rounded(numbers, threshold)
        planes = latent.bounded(image, restored, coder.decode(levels, restored, classes), bounds)
        shown = form.pixels(planes, [(1, 1)] * len(planes), image.size)
        yield CodedLatent(Latent(PRESET, _core.encode_latent(levels)), threshold, shown)


def _rounded(numbers: latent.Floats, threshold: float) -> NDArray[np.int8]:
    sizes = np.clip(np.floor(np.abs(numbers) + np.float32(1 - threshold)), 0, MOST)
    return np.asarray(np.copysign(sizes, numbers), np.int8)


def restored_with(
    image: LevelsImage, layers: Layers, restorer: Restorer, options: DecodeOptions
) -> list[latent.Floats] | None:
    """Restores a file and adds what its latent says.

    Args:
        image: the file.
        layers: of it, with a latent.
        restorer: that restores it.
        options: amount, fidelity and device are used.

    Returns:
        float32 (H, W) of each component; None where the latent cannot be used.

    Warns:
        LayerWarning: the latent is for networks that are not known here, or cannot be run.
    """
    if layers.latent is None or len(image.levels) != 3:
        return None
    name = layers.latent.preset
    try:
        if find_latent(name).restoration != restorer.preset.name:
            return None  # made for a picture that another network restores
        coder = latent.load(name, options.device)
        classes = restorer.class_map(image)
    except (PresetError, OptionError) as error:
        warnings.warn(f"the picture is restored without the latent of the file: {error}", LayerWarning, caller_level())
        return None
    amount, fidelity = float(options.amount), float(options.fidelity)
    restored = restorer.restore(image, amount=amount, fidelity=fidelity, widths=layers.widths)
    levels = _core.decode_latent(layers.latent.code, latent.latent_shape(image.size))
    added = [np.float32(amount) * plane for plane in coder.decode(levels, restored, classes)]
    if not all(np.isfinite(plane).all() for plane in added):
        warnings.warn("the latent of the file says no numbers and is ignored", LayerWarning, caller_level())
        return None
    return latent.bounded(image, restored, added, intervals(len(restored), fidelity, layers.widths))
