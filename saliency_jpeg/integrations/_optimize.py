"""JPEG file in, smaller JPEG file out: what optimizers, storages and pipelines share."""

from __future__ import annotations

from dataclasses import replace

from .. import _core
from ..encoder import Encoder
from ..errors import InputError
from ..options import SUBSAMPLINGS, Options

__all__ = ["kept_sampling", "optimized"]

_SOI = b"\xff\xd8\xff"


def optimized(data: bytes, options: Options) -> bytes:
    """The same picture in fewer bytes, or the very bytes that came in.

    They come back where they are no JPEG file that can be read, where the file is CMYK or something follows the picture
    (the further pictures of MPO and Ultra HDR, the film of a motion photograph), where it fits the target already, and
    where it would not get smaller.  The chroma keeps its sampling unless the options name one.

    Raises:
        TargetError: the target is too small; ``.best`` is the smallest file.
    """
    sampling = kept_sampling(data)
    if sampling is None:
        return data
    target = options.target_bytes
    if target is not None and len(data) <= target:
        return data
    if options.subsampling == "auto":
        options = replace(options, subsampling=sampling)
    try:
        jpeg = Encoder(options).compress(data).jpeg
    except InputError:
        return data
    return jpeg if len(jpeg) < len(data) else data


def kept_sampling(data: bytes) -> str | None:
    """Name of a file's chroma sampling, ``"auto"`` if it has no name; ``None`` for a file that is to be left alone."""
    if not data.startswith(_SOI):
        return None
    try:
        image = _core.read_jpeg(data)
    except InputError:
        return None
    if len(image.sampling) not in (1, 3) or data[image.end :].strip(b"\0"):
        return None
    for name, factors in SUBSAMPLINGS.items():
        if image.sampling == [factors, (1, 1), (1, 1)]:
            return name
    return "auto"
