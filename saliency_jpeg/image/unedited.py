"""Whether the pixels of a PIL image are still those of its file.

Pillow reads pixels when they are first asked for and keeps no record of changes. So an image counts as unedited only if
it comes here before its pixels were read, or comes again with the very same pixels.
"""

from __future__ import annotations

import hashlib
from typing import Final

import numpy as np
from numpy.typing import NDArray
from PIL import Image, ImageFile

from ..metadata import refresh
from ..metadata.model import Metadata

__all__ = ["is_described", "is_unread"]

_MARK: Final = "_saliency_jpeg_unedited"


def is_unread(image: Image.Image) -> bool:
    """Whether the pixels are still to be read from the file.

    Args:
        image: as the caller holds it.
    """
    return isinstance(image, ImageFile.ImageFile) and (bool(image.tile) or getattr(image, "_im", image) is None)


def is_described(image: Image.Image, metadata: Metadata, pixels: NDArray[np.uint8], *, was_unread: bool) -> bool:
    """Whether the metadata of an image fit its pixels; a thumbnail must not show what was edited away.

    Args:
        image: the image; it is noted in it that its pixels are those of its file, for the next time.
        metadata: of the image.
        pixels: its pixels, C-contiguous.
        was_unread: as :func:`is_unread` said before they were read.
    """
    seen = refresh.look(metadata, pixels)
    if seen.is_stale or not seen.has_pictures:
        return not seen.is_stale
    digest = hashlib.blake2b(pixels.data, digest_size=16).digest()
    if was_unread:
        setattr(image, _MARK, digest)
    return getattr(image, _MARK, None) == digest
