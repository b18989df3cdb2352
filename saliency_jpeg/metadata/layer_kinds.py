"""The kinds of layers: what a payload of each says, and how it is written.

Every payload begins with the number of components of the file. docs/layers.md draws the bytes.
"""

from __future__ import annotations

import struct
from collections.abc import Callable
from typing import Any, Final, NamedTuple

import numpy as np
from numpy.typing import NDArray

__all__ = [
    "PARSERS",
    "UNITS_PER_STEP",
    "Detail",
    "Latent",
    "Layer",
    "detail_layer",
    "latent_layer",
    "size_layer",
    "widths_layer",
]

UNITS_PER_STEP: Final = 64  # of the numbers in a layer of widths
_NO_LIMIT: Final = 255  # such a number: that wide or wider
_WIDTHS: Final = ("widths", 1)
_DETAIL: Final = ("detail", 1)
_SIZE: Final = ("size", 1)
_LATENT: Final = ("latent", 1)
_SIDES: Final = struct.Struct(">BII")  # components, height, width
_LAST: Final = 64  # coefficients of a block; a component without detail begins there


class Layer(NamedTuple):
    """A layer to write.

    Attributes:
        kind: at most 8 ASCII characters.
        version: of the payload's layout, to 65535.
        payload: bytes.
    """

    kind: str
    version: int
    payload: bytes


class Detail(NamedTuple):
    """Levels of high frequencies that the file itself leaves out.

    Attributes:
        firsts: of each component, where they begin in zigzag order, 1 to 64; 64 for none.
        code: of the levels, see :func:`_core.decode_detail`.
    """

    firsts: tuple[int, ...]
    code: bytes


class Latent(NamedTuple):
    """Integers of which a network computes what is to be added to the restored picture.

    Attributes:
        preset: name of the network.
        code: of the integers, see :func:`_core.decode_latent`.
    """

    preset: str
    code: bytes


# Writing ------------------------------------------------------------------------------------------------------------


def widths_layer(widths: NDArray[np.uint8], preset: str) -> Layer:
    """Returns the layer that :attr:`.layers.Layers.widths` and :attr:`.layers.Layers.preset` are read from.

    Args:
        widths: (components, 4), in units of 1/64 step.
        preset: name, ASCII; a preset with other weights has another name.
    """
    return Layer(*_WIDTHS, bytes([len(widths)]) + widths.tobytes() + preset.encode("ascii"))


def detail_layer(detail: Detail) -> Layer:
    """Returns the layer that :attr:`.layers.Layers.detail` is read from."""
    return Layer(*_DETAIL, bytes([len(detail.firsts), *detail.firsts]) + detail.code)


def size_layer(components: int, size: tuple[int, int]) -> Layer:
    """Returns the layer that :attr:`.layers.Layers.size` is read from.

    Args:
        components: of the file.
        size: (height, width) of the picture.
    """
    return Layer(*_SIZE, _SIDES.pack(components, *size))


def latent_layer(components: int, latent: Latent) -> Layer:
    """Returns the layer that :attr:`.layers.Layers.latent` is read from.

    Args:
        components: of the file.
        latent: the name of its preset is ASCII, 1 to 255 characters.
    """
    name = latent.preset.encode("ascii")
    return Layer(*_LATENT, bytes([components, len(name)]) + name + latent.code)


# Reading ------------------------------------------------------------------------------------------------------------


def _parse_widths(payload: bytes) -> dict[str, Any]:
    count = payload[0] if payload else 0
    preset = payload[1 + 4 * count :]
    if not 1 <= count <= 4 or len(payload) < 1 + 4 * count or not preset.isascii():
        return {}
    units = np.frombuffer(payload, np.uint8, 4 * count, offset=1).reshape(count, 4)
    widths = units.astype(np.float32) / np.float32(UNITS_PER_STEP)
    widths[units == _NO_LIMIT] = np.inf
    return {"widths": widths, "preset": preset.decode("ascii") or None}


def _parse_detail(payload: bytes) -> dict[str, Any]:
    count = payload[0] if payload else 0
    firsts = tuple(payload[1 : 1 + count])
    if not 1 <= count <= 4 or len(firsts) < count or not all(1 <= first <= _LAST for first in firsts):
        return {}
    return {"detail": Detail(firsts, payload[1 + count :])}


def _parse_size(payload: bytes) -> dict[str, Any]:
    if len(payload) != _SIDES.size:
        return {}
    _, height, width = _SIDES.unpack(payload)
    return {"size": (height, width)} if height and width else {}


def _parse_latent(payload: bytes) -> dict[str, Any]:
    length = payload[1] if len(payload) > 1 else 0
    name = payload[2 : 2 + length]
    if not 1 <= length == len(name) or not name.isascii():
        return {}
    return {"latent": Latent(name.decode("ascii"), payload[2 + length :])}


#: By kind and version: what a payload says, by field of :class:`.layers.Layers`; nothing where it makes no sense.
PARSERS: Final[dict[tuple[str, int], Callable[[bytes], dict[str, Any]]]] = {
    _WIDTHS: _parse_widths,
    _DETAIL: _parse_detail,
    _SIZE: _parse_size,
    _LATENT: _parse_latent,
}
