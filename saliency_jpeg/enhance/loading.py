"""Which network restores a file, and networks that are loaded once."""

from __future__ import annotations

import warnings
from typing import TYPE_CHECKING, Final

from ..errors import InputError, LayerWarning, PresetError, caller_level
from ..metadata.jpeg_header import JpegHeader
from ..saliency import forks, presets
from .options import Enhancement

if TYPE_CHECKING:
    from .restoration import Restorer

__all__ = ["choose", "is_restorable", "load", "load_recommended", "preset_name"]

_RESTORED_SAMPLINGS: Final = ((1, 1), (2, 1), (1, 2), (2, 2))


def is_restorable(header: JpegHeader) -> bool:
    """Whether the networks are made for a file: gray, or YCbCr with 4:4:4, 4:2:2, 4:2:0 or 4:4:0."""
    if header.colour == "gray":
        return len(header.sampling) == 1
    return header.colour == "ycc" and header.subsampling in _RESTORED_SAMPLINGS


def preset_name(enhance: Enhancement) -> str:
    """Returns the preset that an enhancement stands for."""
    return "restore" if enhance == "auto" else enhance


def choose(enhance: Enhancement | None, header: JpegHeader) -> str | None:
    """Returns the preset that restores a file, ``None`` for none.

    Raises:
        InputError: ``enhance`` names one that is not made for this file.
    """
    if enhance is None or (enhance == "auto" and not is_restorable(header)):
        return None
    if is_restorable(header):
        return preset_name(enhance)
    raise InputError(
        f"enhance={enhance!r} is for gray files and for YCbCr with 4:4:4, 4:2:2, 4:2:0 or 4:4:0; pass "
        f"enhance='auto' to decode others plainly, got {header.colour} with sampling {header.sampling}"
    )


def load(name: str, device: str | None) -> Restorer:
    """Returns the network of a preset, loaded with the first call.

    Args:
        name: of the preset.
        device: as TensorFlow names it; ``None``: its choice.

    Raises:
        PresetError: the weights are missing or damaged.
        OptionError: TensorFlow is missing or cannot be used, or there is no such device.
    """
    return _load(name, device)


def load_recommended(recommended: str | None, name: str, device: str | None) -> tuple[Restorer, str]:
    """Returns the network that a file recommends, where there is one, or the one of a name; and which it is.

    Args:
        recommended: preset that a layer of the file names; ``None`` for none.
        name: preset to take where that cannot be had.
        device: as for :func:`load`.

    Raises:
        PresetError: the weights of ``name`` are missing or damaged.
        OptionError: as :func:`load`.
    """
    if recommended is not None and recommended != name and recommended in presets.names("restoration"):
        try:
            return load(recommended, device), recommended
        except PresetError as error:
            warnings.warn(
                f"{name} restores the picture instead of {recommended}: {error}", LayerWarning, caller_level()
            )
    return load(name, device), name


@forks.LoadOnce
def _load(name: str, device: str | None) -> Restorer:
    from .restoration import Restorer

    return Restorer.from_preset(name, device=device)
