"""Which network restores a file, and networks that are loaded once."""

from __future__ import annotations

import functools
import threading
from collections.abc import Iterable, Sequence
from typing import Final, Protocol

import numpy as np
from numpy.typing import NDArray

from ..codec import _core
from ..errors import InputError
from ..metadata.jpeg_header import JpegHeader
from ..saliency import presets
from .options import Enhancement
from .planes import Plane

__all__ = ["RestoredTile", "Restoring", "choose", "is_restorable", "load", "names", "preset_name"]

_RESTORED_SAMPLINGS: Final = ((1, 1), (2, 1), (1, 2), (2, 2))


class RestoredTile(Protocol):
    """A part of a restored picture."""

    @property
    def rows(self) -> slice:
        """Of the picture."""
        ...

    @property
    def cols(self) -> slice:
        """Of the picture."""
        ...

    @property
    def planes(self) -> Sequence[Plane]:
        """Its components, float32 samples from 0 to 255 at the resolution of the picture."""
        ...


class Restoring(Protocol):
    """A network that restores pictures, with its weights loaded; may be used from several threads at once."""

    def tiles(
        self, image: _core.JpegImage, *, amount: float, fidelity: float, widths: NDArray[np.float32] | None
    ) -> Iterable[RestoredTile]:
        """Yields the parts of a picture, which cover it."""
        ...


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


def names() -> tuple[str, ...]:
    """Returns the presets that restore."""
    return presets.names("restoration")


_loading: Final = threading.Lock()


def load(name: str, device: str | None) -> Restoring:
    """Returns the network of a preset, loaded with the first call.

    Args:
        name: of the preset.
        device: as TensorFlow names it; ``None``: its choice.

    Raises:
        PresetError: the weights are missing or damaged.
    """
    with _loading:
        return _load(name, device)


@functools.cache
def _load(name: str, device: str | None) -> Restoring:
    from .restoration import Restorer

    restorer: Restoring = Restorer.from_preset(name, device=device)
    return restorer
