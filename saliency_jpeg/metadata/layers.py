"""Layers: data in a JPEG file for readers that know this library, bound to the levels of the file.

They stand in one JUMBF superbox (:mod:`.jumbf`), behind a description box with our label, in a box ``"uuid"``. Its
content behind our UUID, all numbers big-endian::

    format (1) = 1 | count (1) | digest of the levels (8)
    for each layer:  kind (8, ASCII, zeros behind) | version (2) | length (4) | CRC-32 of the payload (4)
    CRC-32 of all that (4)
    payloads, one behind the other

A layer of another picture is stale, which the digest tells; one that fails its CRC-32 is damaged, one of a kind or
version that is not known here unknown. None of them is used, and none is an error. docs/layers.md draws the bytes.
"""

from __future__ import annotations

import struct
import warnings
import zlib
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, replace
from itertools import compress, islice
from typing import Final, Literal, NamedTuple

import numpy as np
from numpy.typing import NDArray

from ..errors import LayerWarning, SegmentError, caller_level
from . import jumbf
from .layer_kinds import PARSERS, Detail, Latent, Layer
from .segments import Segment

__all__ = [
    "DESCRIBED",
    "VENDOR",
    "LayerInfo",
    "Layers",
    "are_layers",
    "build_layers",
    "describe_layers",
    "layer_segments",
    "own_layers",
    "read_layers",
    "without_layers",
]

State = Literal["valid", "stale", "damaged", "unknown"]

#: The description box of our superbox, behind its length.
DESCRIBED: Final = jumbf.description(b"uuid" + bytes.fromhex("00110010800000aa00389b71"), b"saliency-jpeg.layers")
#: The UUID that begins the box with the layers.
VENDOR: Final = bytes.fromhex("705849f039b14d65b9ff23ffbe21e7ca")
_BOX_NUMBER: Final = 0x534A  # En; c2pa-rs writes 0x0211, other writers of C2PA 0x0001
_FORMAT: Final = 1
_MOST: Final = 255  # layers in a box, and those that are written
_MOST_READ: Final = 4096  # in all boxes of a file
_HEAD: Final = struct.Struct(">BB8s")  # format, count, digest
_ENTRY: Final = struct.Struct(">8sHII")  # kind, version, length, CRC-32
_CRC: Final = struct.Struct(">I")


@dataclass(frozen=True)
class LayerInfo:
    """A layer that a file holds.

    Attributes:
        kind: ``"widths"``, ``"detail"``, ``"size"``, ``"latent"``; empty where the list of layers is itself damaged or
            of an unknown format.
        version: of the layer's layout.
        length: in bytes.
        state: ``"valid"``; ``"stale"``: made for other levels than those in the file; ``"damaged"``; or ``"unknown"``:
            of a kind or version that this library does not know.
    """

    kind: str
    version: int
    length: int
    state: State


@dataclass(frozen=True, eq=False)
class Layers:
    """What the valid layers of a file say; ``None`` for what none says.

    Attributes:
        widths: float32 (components, 4), in quantization steps, how far the coefficients of the original lie from the
            levels of this file, for all but one in 2000 of each kind: AC coefficients to both sides of a level 0;
            below a level, and above it, in its own direction; DC to both sides. Infinite where the layer says 255,
            which stands for all beyond its range.
        preset: name of the preset of restoration that the encoder recommends.
        detail: what the file leaves out.
        size: (height, width) of the picture, of which the file has half on each side.
        latent: of what restoration leaves.
    """

    widths: NDArray[np.float32] | None = None
    preset: str | None = None
    detail: Detail | None = None
    size: tuple[int, int] | None = None
    latent: Latent | None = None


# Writing ------------------------------------------------------------------------------------------------------------


def build_layers(digest: bytes, layers: Sequence[Layer]) -> list[Segment]:
    """Returns the segments that hold layers, to be written in front of the quantization tables.

    Args:
        digest: of the levels they are made for, 8 bytes, see :func:`_core.levels_digest`.
        layers: at most 255.

    Raises:
        SegmentError: a name does not fit, or there are too many layers.
    """
    if len(layers) > _MOST or len(digest) != 8:
        got = f"{len(layers)}, {len(digest)}"
        raise SegmentError(f"a file has at most {_MOST} layers and a digest of 8 bytes, got {got}")
    entries = (_ENTRY.pack(_name(kind), version, len(data), zlib.crc32(data)) for kind, version, data in layers)
    head = _HEAD.pack(_FORMAT, len(layers), digest) + b"".join(entries)
    payloads = b"".join(layer.payload for layer in layers)
    content = VENDOR + head + _CRC.pack(zlib.crc32(head)) + payloads
    return jumbf.split(_BOX_NUMBER, DESCRIBED, jumbf.box(b"uuid", content))


def _is_name(kind: str) -> bool:
    return kind.isascii() and 1 <= len(kind) <= 8 and "\0" not in kind


def _name(kind: str) -> bytes:
    if not _is_name(kind):
        raise SegmentError(f"a kind of layer has 1 to 8 ASCII characters, got {kind!r}")
    return kind.encode("ascii")


# Reading ------------------------------------------------------------------------------------------------------------


class _Stored(NamedTuple):
    """A layer as it stands in a file; ``digest`` is ``None`` where the list of layers cannot be read."""

    info: LayerInfo
    digest: bytes | None = None
    payload: bytes = b""


def describe_layers(
    segments: Sequence[Segment], digest: Callable[[], bytes], components: int | None = None
) -> list[LayerInfo]:
    """Lists the layers of a file.

    Args:
        segments: of the file.
        digest: computes that of its levels; asked only where there are layers.
        components: number of components of the file; ``None`` to take the widths of any number.
    """
    stored = list(_stored_layers(segments))
    current = digest() if stored else b""
    return [replace(layer.info, state=_state(layer, current, components)) for layer in stored]


def read_layers(
    segments: Sequence[Segment], digest: bytes, components: int | None = None, kind: str | None = None
) -> Layers:
    """Reads what the valid layers of a file say; of several of one kind the first counts.

    Args:
        segments: of the file.
        digest: of its levels, see :func:`_core.levels_digest`.
        components: number of components of the file; ``None`` to take the widths of any number.
        kind: to look at alone; ``None`` for all.

    Warns:
        LayerWarning: a layer is damaged, and so ignored.
    """
    result = Layers()
    for layer in _stored_layers(segments):
        if kind not in (None, layer.info.kind):
            continue
        state = _state(layer, digest, components)
        if state == "damaged":
            message = f"a damaged layer of the JPEG file is ignored, kind {layer.info.kind!r}"
            warnings.warn(message, LayerWarning, stacklevel=caller_level())
        elif state == "valid":
            said = PARSERS[layer.info.kind, layer.info.version](layer.payload)
            result = replace(result, **{name: value for name, value in said.items() if getattr(result, name) is None})
    return result


def own_layers(segments: Sequence[Segment], digest: bytes, components: int) -> list[Layer]:
    """Returns the layers that are made for a file as they were written, those of unknown kinds too.

    Of a file with as many as a file may have, or in several boxes more, the last are left out: there is room for one.

    Args:
        segments: of the file.
        digest: of its levels.
        components: number of components of the file.
    """
    fitting = (layer for layer in _stored_layers(segments) if layer.digest == digest)
    intact = (layer for layer in fitting if _state(layer, digest, components) in ("valid", "unknown"))
    return [Layer(layer.info.kind, layer.info.version, layer.payload) for layer in islice(intact, _MOST - 1)]


def _state(layer: _Stored, digest: bytes, components: int | None) -> State:
    """Damage counts most, then another picture. A layer of this picture must be that of all its components."""
    if layer.info.state != "valid":
        return layer.info.state
    parse = PARSERS.get((layer.info.kind, layer.info.version))
    if parse is not None and not parse(layer.payload):
        return "damaged"
    if layer.digest != digest:
        return "stale"
    if parse is None:
        return "unknown"
    return "valid" if components in (None, layer.payload[0]) else "damaged"


def _stored_layers(segments: Sequence[Segment]) -> Iterator[_Stored]:
    """The first layers of a file, at most 4096, with their state as far as their own bytes tell."""
    return islice(_layers_of_boxes(segments), _MOST_READ)


def _layers_of_boxes(segments: Sequence[Segment]) -> Iterator[_Stored]:
    for content in jumbf.superboxes(segments, DESCRIBED):
        own = (data for kind, data in jumbf.boxes(content) if kind == b"uuid" and data.startswith(VENDOR))
        yield from _parse_content(next(own, VENDOR)[len(VENDOR) :])


def _parse_content(content: bytes) -> Iterator[_Stored]:
    if content and content[0] != _FORMAT:
        yield _Stored(LayerInfo("", content[0], len(content), "unknown"))
        return
    count = content[1] if len(content) >= _HEAD.size else 0
    head = content[: _HEAD.size + _ENTRY.size * count]
    at = len(head) + _CRC.size
    if content[len(head) : at] != _CRC.pack(zlib.crc32(head)):
        yield _Stored(LayerInfo("", 0, len(content), "damaged"))
        return
    digest = _HEAD.unpack_from(head)[2]
    for name, version, length, check in _ENTRY.iter_unpack(head[_HEAD.size :]):
        payload, at = content[at : at + length], at + length
        kind = name.rstrip(b"\0").decode("ascii", "replace")
        is_whole = len(payload) == length and zlib.crc32(payload) == check and _is_name(kind)
        yield _Stored(LayerInfo(kind, version, length, "valid" if is_whole else "damaged"), digest, payload)


# Segments -----------------------------------------------------------------------------------------------------------


def are_layers(segments: Sequence[Segment]) -> list[bool]:
    """Returns for each segment of a file whether it holds layers."""
    return jumbf.belonging(segments, DESCRIBED)


def without_layers(segments: Sequence[Segment]) -> list[Segment]:
    """Returns the segments of a file without those that hold layers."""
    return [s for s, is_own in zip(segments, are_layers(segments), strict=True) if not is_own]


def layer_segments(segments: Sequence[Segment]) -> list[Segment]:
    """Returns those segments of a file that hold layers."""
    return list(compress(segments, are_layers(segments)))
