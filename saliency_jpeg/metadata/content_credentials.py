"""Content Credentials (C2PA): a signed manifest about the bytes of a file, in APP11 segments.

The manifest is a JUMBF superbox, see :mod:`.jumbf`. Its signature covers the scans and the other segments, so it only
holds while not a byte of them changes.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

from . import jumbf
from .segments import Segment, SegmentPattern

__all__ = ["without_credentials"]

_DESCRIBED: Final = b"jumdc2pa\x00\x11\x00\x10\x80\x00\x00\xaa\x00\x38\x9b\x71"  # description box and its type


def without_credentials(segments: Sequence[Segment], keep: Sequence[SegmentPattern] = ()) -> list[Segment]:
    """Returns the segments without C2PA manifests, for a file of other bytes than those that were signed.

    Args:
        segments: of a file.
        keep: names segments that stay whatever they hold.
    """
    signed = jumbf.belonging(segments, _DESCRIBED)
    is_named = (any(pattern.matches(segment) for pattern in keep) for segment in segments)
    return [s for s, *flags in zip(segments, signed, is_named, strict=True) if flags != [True, False]]
