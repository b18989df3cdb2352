"""An EXIF block built from tags that Pillow has parsed, for files that have tags but no block of their own.

TIFF keeps EXIF's tags in its own directories, and PNG has text chunks for some of them. piexif writes the block, from
dictionaries that are made here and bounded; it never reads foreign bytes (it hangs on crafted blocks).
"""

from __future__ import annotations

import struct
from collections.abc import Callable, Iterable, Mapping
from typing import Any, Final

from PIL import Image

from .exif_directory import EXIF_IFD, GPS_IFD
from .photoshop import IPTC, parse_resources, resource_segments

__all__ = ["DESCRIPTIVE", "exif_from_text", "exif_from_tiff", "photoshop_from_tiff"]

Tags = Mapping[int, Any]

_INTEROPERABILITY_IFD = 0xA005
_IPTC_TAG, _PHOTOSHOP_TAG = 0x83BB, 0x8649
_IPTC_MARK: Final = b"\x1c"
_RESOLUTION: Final = frozenset((0x011A, 0x011B, 0x0128))
_MOST_VALUE, _MOST_BLOCK = 60_000, 64_000  # bytes; a block is to fit one segment
_MOST_TEXT: Final = 10_000  # characters
#: Tags of IFD0 that describe a picture and not how its samples are stored: title to model, then resolution to artist.
DESCRIPTIVE: Final = frozenset(
    (
        *(0x000B, 0x010D, 0x010E, 0x010F, 0x0110, 0x011A, 0x011B, 0x011D, 0x0128, 0x0131, 0x0132, 0x013B, 0x013C),
        *(0x013E, 0x013F, 0x4746, 0x4749, 0x8298, 0x9C9B, 0x9C9C, 0x9C9D, 0x9C9E, 0x9C9F, 0xC62F),
    )
)
_TEXTS: Final = {"Description": 0x010E, "Title": 0x010D, "Author": 0x013B, "Copyright": 0x8298, "Software": 0x0131}


def exif_from_tiff(image: Image.Image) -> bytes | None:
    """Returns an EXIF block with the tags of a TIFF file, or ``None`` where it has none beside the resolution.

    Left out are the orientation, which Pillow has applied to the pixels, the tags of how a TIFF file stores samples,
    and what does not fit one segment.

    Args:
        image: loaded by Pillow from a TIFF file.
    """
    if not hasattr(image, "tag_v2"):
        return None
    first, parts = _first_directory(image, DESCRIPTIVE), _directory(image, EXIF_IFD)
    found = {"0th": first, "Exif": parts, "GPS": _directory(image, GPS_IFD)}
    found["Interop"] = _directory(image, _INTEROPERABILITY_IFD) if _INTEROPERABILITY_IFD in parts else {}
    if not any(found.values()) or (first.keys() <= _RESOLUTION and not any((found["Exif"], found["GPS"]))):
        return None
    return _block(found)


def exif_from_text(info: Mapping[Any, Any]) -> bytes | None:
    """Returns an EXIF block with PNG's predefined text chunks, or ``None`` where there is none.

    Args:
        info: Pillow's ``image.info``; keywords as the PNG standard spells them (11.3.3.2).
    """
    found = ((tag, info.get(name)) for name, tag in _TEXTS.items())
    texts = {tag: text[:_MOST_TEXT].encode("utf-8", "replace") for tag, text in found if isinstance(text, str)}
    return _block({"0th": texts}) if texts else None


def photoshop_from_tiff(image: Image.Image) -> list[tuple[int, bytes]]:
    """Returns APP13 segments with the Photoshop resources and the IPTC data of a TIFF file.

    Args:
        image: loaded by Pillow from a TIFF file.
    """
    resources = parse_resources(_raw(_first_directory(image, (_PHOTOSHOP_TAG,)).get(_PHOTOSHOP_TAG)))
    iptc = _iptc(image)
    if iptc:
        resources = {IPTC: iptc, **{number: data for number, data in resources.items() if number != IPTC}}
    return resource_segments(resources)


def _first_directory(image: Image.Image, wanted: Iterable[int]) -> dict[int, Any]:
    """Some tags of IFD0 as Pillow parses them; without those that it cannot."""
    found = {}
    for tag in wanted:
        try:
            value = image.getexif().get(tag)
        except Exception:  # Pillow's parser raises many kinds on damaged values
            continue
        if value is not None:
            found[tag] = value
    return found


def _directory(image: Image.Image, pointer: int) -> dict[int, Any]:
    """Another directory as Pillow parsed it; empty where it did not."""
    try:
        return dict(image.getexif().get_ifd(pointer))
    except Exception:
        return {}


def _iptc(image: Image.Image) -> bytes:
    """IPTC data as they stand in the file; often declared as LONGs, of which Pillow keeps the first, and swapped so."""
    stored = getattr(getattr(image, "tag_v2", None), "_tagdata", {}).get(_IPTC_TAG)
    data = _raw(stored) or _raw(_first_directory(image, (_IPTC_TAG,)).get(_IPTC_TAG))
    if data[:1] != _IPTC_MARK and data[3:4] == _IPTC_MARK and len(data) % 4 == 0:
        count = len(data) // 4
        return struct.pack(f">{count}I", *struct.unpack(f"<{count}I", data))
    return data


def _raw(value: Any) -> bytes:
    return value if isinstance(value, bytes) else b""


# The block ----------------------------------------------------------------------------------------------------------


def _block(directories: Mapping[str, Tags]) -> bytes | None:
    """The block of what piexif knows and what fits, small values first; ``None`` where nothing is left."""
    import piexif  # loaded only where a block must be built

    candidates = []
    for name, tags in directories.items():
        for tag, value in tags.items():
            kind = piexif.TAGS[name].get(tag, {}).get("type")
            converted = _CONVERSIONS[kind](value) if kind in _CONVERSIONS else None
            if converted is not None and _size(converted) <= _MOST_VALUE:
                candidates.append((_size(converted), name, tag, converted))
    chosen: dict[str, dict[int, Any]] = {name: {} for name in ("0th", "Exif", "GPS", "Interop")}
    room = _MOST_BLOCK
    for size, name, tag, value in sorted(candidates, key=lambda candidate: candidate[:3]):
        room -= 12 + size
        if room >= 0:
            chosen[name][tag] = value
    try:
        return bytes(piexif.dump(chosen))[len(b"Exif\0\0") :] if any(chosen.values()) else None
    except Exception:  # piexif raises whatever it met in a value of an odd shape
        return None


def _size(value: Any) -> int:
    """About the bytes of a converted value."""
    return len(value) if isinstance(value, bytes) else 8 * len(value)


def _text(value: Any) -> bytes | None:
    if isinstance(value, str):  # which Pillow has decoded as Latin-1, whatever it was
        value = value.encode("latin-1", "replace")
    return value.rstrip(b"\0") if isinstance(value, bytes) and len(value) <= _MOST_VALUE else None


def _undefined(value: Any) -> bytes | None:
    if isinstance(value, str):
        return value.encode("latin-1", "replace")
    return value if isinstance(value, bytes) else _bytes(value)


def _bytes(value: Any) -> bytes | None:
    numbers = _integers(0, 255)(value)
    return None if numbers is None else bytes(numbers)


def _integers(low: int, high: int) -> Callable[[Any], tuple[int, ...] | None]:
    def convert(value: Any) -> tuple[int, ...] | None:
        numbers = tuple(value) if isinstance(value, tuple | bytes) else (value,)
        good = 0 < len(numbers) <= _MOST_VALUE and all(isinstance(n, int) and low <= n <= high for n in numbers)
        return numbers if good else None

    return convert


def _rationals(low: int, high: int) -> Callable[[Any], tuple[tuple[int, int], ...] | None]:
    def convert(value: Any) -> tuple[tuple[int, int], ...] | None:
        numbers = value if isinstance(value, tuple) else (value,)
        if not 0 < len(numbers) <= _MOST_VALUE // 8:
            return None
        pairs = [_pair(number) for number in numbers]
        good = all(low <= number <= high for pair in pairs if pair for number in pair)
        return tuple(pair for pair in pairs if pair) if good and None not in pairs else None

    return convert


def _pair(number: Any) -> tuple[int, int] | None:
    """Numerator and denominator of what Pillow makes of a rational, 0/0 among it."""
    try:
        numerator, denominator = number.numerator, number.denominator
        return int(numerator), int(denominator)
    except (AttributeError, TypeError, ValueError, OverflowError):
        return None


_CONVERSIONS: Final[dict[int | None, Callable[[Any], Any]]] = {
    1: _integers(0, 255),
    2: _text,
    3: _integers(0, 65535),
    4: _integers(0, 2**32 - 1),
    5: _rationals(0, 2**32 - 1),
    7: _undefined,
    9: _integers(-(2**31), 2**31 - 1),
    10: _rationals(-(2**31), 2**31 - 1),
}
