"""A latent as a layer of a file: written for a file that is finished, and added when it is restored."""

from __future__ import annotations

import warnings
from collections.abc import Iterator, Sequence
from itertools import groupby
from operator import attrgetter
from typing import Final, NamedTuple

import numpy as np
from numpy.typing import NDArray

from ..codec import _core
from ..errors import LayerWarning, OptionError, PresetError, caller_level
from ..metadata.layers import Latent, Layers
from ..metrics.ycbcr import to_ycbcr
from . import latent, loading
from .latent_choice import WAYS, Way, gains, rounded, thinned
from .options import DecodeOptions
from .planes import LevelsImage, OutputForm
from .presets import find_latent
from .restoration import Restorer, intervals

__all__ = ["PRESET", "CodedLatent", "code_latents", "restored_with"]

#: Whose latents are written.
PRESET: Final = "gdae"


class CodedLatent(NamedTuple):
    """A latent of a file.

    Attributes:
        latent: for the layer.
        way: in which its integers were made.
        pixels: uint8 (H, W, 3), what a reader shows.
    """

    latent: Latent
    way: Way
    pixels: NDArray[np.uint8]


def code_latents(
    image: LevelsImage,
    pixels: NDArray[np.uint8],
    widths: latent.Floats | None,
    bits: float,
    device: str | None,
    ways: Sequence[Way] = WAYS,
) -> Iterator[CodedLatent]:
    """Codes what restoration leaves of a picture.

    Args:
        image: the file as a reader has it, one that can be restored, of three components.
        pixels: of the original, uint8 (H, W, 3).
        widths: that the file says, if it does, see :meth:`.Restorer.restore`.
        bits: of the file.
        device: where the networks run; None for TensorFlow's choice.
        ways: to make integers, to choose from; those of one threshold one after the other.

    Yields:
        A latent for each way.

    Raises:
        OptionError: TensorFlow is missing or cannot be used, or there is no such device.
        PresetError: weights are missing or damaged.
    """
    coder = latent.load(PRESET, device)
    restorer = loading.load(coder.preset.restoration, device)
    restored, classes = restorer.restore(image, widths=widths), restorer.class_map(image)
    original = list(np.ascontiguousarray(np.moveaxis(to_ycbcr(pixels), -1, 0), np.float32))
    bounds, form = intervals(len(restored), 1.0, widths), OutputForm(is_ycc=True, luma=False, dtype=np.uint8)

    def shown(levels: NDArray[np.int8]) -> list[latent.Floats]:
        return latent.bounded(image, restored, coder.decode(levels, restored, classes), bounds)

    numbers = coder.encode(original, restored)
    for threshold, alike in groupby(ways, attrgetter("threshold")):
        levels = rounded(numbers, threshold)
        planes = shown(levels)
        gained = gains(original, restored, planes)
        for way in alike:
            kept = thinned(levels, gained, way.worth, bits) if way.worth else levels
            decoded = form.pixels(shown(kept) if way.worth else planes, [(1, 1)] * len(restored), image.size)
            yield CodedLatent(Latent(PRESET, _core.encode_latent(kept)), way, decoded)


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
