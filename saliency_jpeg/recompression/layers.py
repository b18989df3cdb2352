"""Lists the layers of a JPEG file, and removes them."""

from __future__ import annotations

import os
from itertools import compress
from typing import IO, TypeAlias

from ..codec import _core
from ..codec.layers import list_layers_in
from ..errors import InputError, SegmentError
from ..image.read import read_bytes
from ..metadata import multi_picture, segments
from ..metadata.jpeg_source import is_jpeg
from ..metadata.layers import LayerInfo, are_layers
from ..metadata.limits import DEFAULT_MAX_PIXELS
from ..metadata.segments import Span

__all__ = ["FileInput", "list_layers", "read_file", "strip_layers"]

FileInput: TypeAlias = str | os.PathLike[str] | bytes | bytearray | memoryview | IO[bytes]


def list_layers(jpeg: FileInput, *, max_pixels: int | None = DEFAULT_MAX_PIXELS) -> list[LayerInfo]:
    """Lists the layers of a JPEG file: data for readers that know this library, see docs/layers.md.

    >>> list_layers(compress("photo.png", layers="widths"))  # doctest: +SKIP
    [LayerInfo(kind='widths', version=1, length=20, state='valid')]

    Args:
        jpeg: path, bytes or binary file object.
        max_pixels: most pixels of the file, checked by its header; ``None`` for no limit.

    Returns:
        Each layer with its kind, version, length in bytes and state; in the order of the file.

    Raises:
        InputError: not a JPEG file, damaged, over a limit, or it has layers and is of a kind that is not read.
        OSError: a path cannot be read.
    """
    data, spans = read_file(jpeg)
    has_layers = any(are_layers(segments.payloads(data, spans)))
    return list_layers_in(_core.read_jpeg(data, max_pixels)) if has_layers else []


def strip_layers(jpeg: FileInput) -> bytes:
    """Removes the layers of a JPEG file and leaves all else as it is.

    Detail that the file leaves out is gone with them; :func:`merge_layers` keeps it. Else the file is, byte for byte,
    what it would have been without layers, at the same quality. Where images follow behind
    the primary one (MPO, Ultra HDR), the list of their offsets is corrected.

    Args:
        jpeg: path, bytes or binary file object.

    Returns:
        The file.

    Raises:
        InputError: not a JPEG file, or its header is damaged.
        OSError: a path cannot be read.
    """
    data, spans = read_file(jpeg)
    metadata = [span for span in spans if segments.is_metadata(span[0])]
    cut = list(compress(metadata, are_layers(segments.payloads(data, metadata))))
    if not cut:
        return data
    trailing = multi_picture.find_trailing(data, spans, everything=True)
    if trailing is None:
        return _without(data, cut)
    return trailing.append_to(_without(data[: trailing.end], cut))


def read_file(jpeg: FileInput) -> tuple[bytes, list[Span]]:
    """Reads a file, and where its segments lie.

    Raises:
        InputError: not a JPEG file, or its header is damaged.
        OSError: a path cannot be read.
    """
    data = read_bytes(jpeg)
    if not is_jpeg(data):
        raise InputError(f"only a JPEG file has layers; these {len(data)} bytes are none")
    try:
        return data, list(segments.walk(data))
    except SegmentError as error:
        raise InputError(f"cannot read the JPEG file: {error}") from error


def _without(data: bytes, cut: list[Span]) -> bytes:
    starts = [0, *(end for _, _, end in cut)]
    ends = [*(start for _, start, _ in cut), len(data)]
    return b"".join(data[start:end] for start, end in zip(starts, ends, strict=True))
