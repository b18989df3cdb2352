"""Profiles in PNG's text chunks "Raw profile type ...", as ImageMagick and ExifTool write them.

The text is a name, the length of the profile in bytes, and the profile in hexadecimal digits, with line breaks.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any, Final, NamedTuple

from .exif_directory import BYTE_ORDERS, EXIF_HEADER
from .photoshop import IPTC, parse_resources, resource_segments
from .segments import PHOTOSHOP_HEADER, XMP_HEADER

__all__ = ["RawProfiles", "read_profiles"]

_TEXT: Final = re.compile(  # ExifTool's names are of two words, such as "IPTC profile"
    r"\s{0,16}(?:[\w.]{1,32}\s{1,16}|[^\n]{1,80}\n\s{0,16})(\d{1,9})\s(?P<hex>[\s0-9a-fA-F]*)"
)
_MOST: Final = 32_000_000  # bytes of a profile
_EXIF_NAMES, _PHOTOSHOP_NAMES, _ICC_NAMES = ("exif", "APP1", "app1"), ("8bim", "8BIM", "iptc", "APP13"), ("icc", "icm")


class RawProfiles(NamedTuple):
    """What the profiles hold, each as :class:`.model.Metadata` has it."""

    exif: bytes | None
    xmp: bytes | None
    icc: bytes | None
    extra: tuple[tuple[int, bytes], ...]


def read_profiles(info: Mapping[Any, Any]) -> RawProfiles:
    """Reads the raw profiles of a PNG file; what is damaged counts as absent.

    Args:
        info: Pillow's ``image.info``.
    """
    blocks = [_profile(info, name) for name in _EXIF_NAMES]
    exif = next((b for b in (block.removeprefix(EXIF_HEADER) for block in blocks) if b[:4] in BYTE_ORDERS), None)
    packets = [block[len(XMP_HEADER) :] for block in blocks if block.startswith(XMP_HEADER)]
    xmp = _profile(info, "xmp").removeprefix(XMP_HEADER) or next(iter(packets), None)
    icc = next((profile for profile in (_profile(info, name) for name in _ICC_NAMES) if profile), None)
    resources: dict[int, bytes] = {}
    for name in _PHOTOSHOP_NAMES:
        data = _profile(info, name).removeprefix(PHOTOSHOP_HEADER)
        resources |= {IPTC: data} if data.startswith(b"\x1c") else parse_resources(data)
    return RawProfiles(exif, xmp or None, icc, tuple(resource_segments(resources)))


def _profile(info: Mapping[Any, Any], name: str) -> bytes:
    """The bytes of one profile, empty where it is absent, damaged or longer than it says."""
    text = info.get(f"Raw profile type {name}")
    if not isinstance(text, str) or len(text) > 3 * _MOST:
        return b""
    found = _TEXT.fullmatch(text)
    if found is None:
        return b""
    try:
        data = bytes.fromhex(found["hex"])
    except ValueError:  # an odd number of digits
        return b""
    return data if len(data) == int(found[1]) else b""
