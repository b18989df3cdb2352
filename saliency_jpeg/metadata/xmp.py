"""Properties of XMP packets, changed in the text: sizes, embedded pictures, and what names trailing images.

A packet is edited by patterns that take time in proportion to its length, never parsed: packets of cameras are often no
well-formed XML, and everything that is not meant stays byte for byte. A namespace may have any prefix; the usual one
counts even where its declaration is missing. Only whole attributes and whole elements are cut out.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from typing import Final, NamedTuple

__all__ = ["with_size", "without_pictures", "without_trailing_names"]


class _Properties(NamedTuple):
    """Properties of one namespace: its address, its usual prefix, and a pattern for the local names."""

    address: bytes
    prefix: bytes
    names: bytes = rb"[\w.-]{1,64}"


_DECLARATION: Final = re.compile(rb"xmlns:([A-Za-z_][\w.-]{0,63})\s{0,8}=\s{0,8}[\"']([^\"'<>]{0,200})[\"']")
_EXIF: Final = b"http://ns.adobe.com/exif/1.0/"
_TIFF: Final = b"http://ns.adobe.com/tiff/1.0/"
_PANORAMA: Final = b"http://ns.google.com/photos/1.0/panorama/"
_WIDTHS: Final = (_Properties(_EXIF, b"exif", b"PixelXDimension"), _Properties(_TIFF, b"tiff", b"ImageWidth"))
_HEIGHTS: Final = (_Properties(_EXIF, b"exif", b"PixelYDimension"), _Properties(_TIFF, b"tiff", b"ImageLength"))
_PANORAMA_X: Final = _Properties(
    _PANORAMA,
    b"GPano",
    b"(?:FullPanoWidthPixels|CroppedArea(?:ImageWidth|Left)Pixels|LargestValidInteriorRect(?:Width|Left))",
)
_PANORAMA_Y: Final = _Properties(
    _PANORAMA,
    b"GPano",
    b"(?:FullPanoHeightPixels|CroppedArea(?:ImageHeight|Top)Pixels|LargestValidInteriorRect(?:Height|Top))",
)
_PANORAMA_SIZE: Final = tuple(
    _Properties(_PANORAMA, b"GPano", b"CroppedAreaImage" + side + b"Pixels") for side in (b"Width", b"Height")
)
_PICTURES: Final = (
    _Properties(b"http://ns.adobe.com/xap/1.0/", b"xmp", b"Thumbnails"),
    _Properties(b"http://ns.adobe.com/xap/1.0/", b"xap", b"Thumbnails"),
    _Properties(b"http://ns.adobe.com/xap/1.0/g/img/", b"xmpGImg"),
    _Properties(b"http://ns.google.com/photos/1.0/image/", b"GImage"),
    _Properties(b"http://ns.google.com/photos/1.0/depthmap/", b"GDepth"),
)
_TRAILING: Final = (
    _Properties(b"http://ns.google.com/photos/1.0/container/", b"Container"),
    _Properties(b"http://ns.google.com/photos/1.0/container/", b"GContainer"),
    _Properties(b"http://ns.google.com/photos/1.0/container/item/", b"Item"),
    _Properties(b"http://ns.google.com/photos/1.0/container/item/", b"GContainerItem"),
    _Properties(b"http://ns.google.com/photos/1.0/camera/", b"GCamera", rb"(?:MotionPhoto|MicroVideo)\w{0,64}"),
    _Properties(b"http://ns.google.com/photos/1.0/camera/", b"Camera", rb"(?:MotionPhoto|MicroVideo)\w{0,64}"),
    _Properties(b"http://ns.google.com/photos/dd/1.0/device/", b"Device", rb"Container"),
    _Properties(b"http://ns.oplus.com/photos/1.0/camera/", b"OpCamera"),
    _Properties(b"http://ns.xiaomi.com/photos/1.0/camera/", b"MiCamera"),
    _Properties(b"http://ns.adobe.com/hdr-gain-map/1.0/", b"hdrgm"),
    _Properties(b"http://ns.apple.com/HDRGainMap/1.0/", b"HDRGainMap"),
    _Properties(b"http://ns.apple.com/pixeldatainfo/1.0/", b"apdi"),
)


def without_trailing_names(xmp: bytes) -> bytes:
    """Returns the packet without what names clips, gain maps and other trailing images.

    Args:
        xmp: a packet, or the data of extended XMP.
    """
    return _without(xmp, _TRAILING)


def without_pictures(xmp: bytes) -> bytes:
    """Returns the packet without thumbnails and embedded pictures, which show what the picture was before.

    Args:
        xmp: a packet, or the data of extended XMP.
    """
    return _without(xmp, _PICTURES)


def with_size(xmp: bytes, height: int, width: int) -> bytes:
    """Returns the packet with its sizes, where it has them, set to those of the picture.

    A panorama's sizes and offsets are scaled with it. Where width and height did not change alike, the picture is
    another part of the panorama, or was turned, and they are left out.

    Args:
        xmp: a packet.
        height: of the picture in pixels.
        width: the same.
    """
    for properties, value in ((_WIDTHS, width), (_HEIGHTS, height)):
        for each in properties:
            xmp = _value_pattern(xmp, each).sub(rb"\g<head>" + str(value).encode(), xmp)
    old_width, old_height = (_value_pattern(xmp, each).search(xmp) for each in _PANORAMA_SIZE)
    if old_width is None or old_height is None:
        return xmp
    old = int(old_height["value"]), int(old_width["value"])
    return _with_panorama(xmp, old, (height, width))


def _with_panorama(xmp: bytes, old: tuple[int, int], new: tuple[int, int]) -> bytes:
    if old == new:
        return xmp
    if min(old) < 1 or abs(old[0] * new[1] - old[1] * new[0]) > max(old):  # more than the rounding of one side
        return _without(xmp, (_PANORAMA_X, _PANORAMA_Y))
    for each, before, after in ((_PANORAMA_Y, old[0], new[0]), (_PANORAMA_X, old[1], new[1])):

        def scaled(found: re.Match[bytes], before: int = before, after: int = after) -> bytes:
            value = int(found["value"])
            return found["head"] + str((value * after + before // 2) // before).encode()

        xmp = _value_pattern(xmp, each).sub(scaled, xmp)
    return xmp


# Patterns -----------------------------------------------------------------------------------------------------------


def _prefixes(xmp: bytes, properties: _Properties) -> bytes:
    """A pattern for the prefixes of a namespace in a packet: those bound to it, and the usual one if that is free."""
    declared = _DECLARATION.findall(xmp)
    names = {prefix for prefix, address in declared if address == properties.address}
    if all(prefix != properties.prefix for prefix, _ in declared):
        names.add(properties.prefix)
    return b"(?:" + b"|".join(map(re.escape, sorted(names))) + b")" if names else b"(?!)"


def _value_pattern(xmp: bytes, properties: _Properties) -> re.Pattern[bytes]:
    """A number that is an attribute's value or an element's text."""
    name = _prefixes(xmp, properties) + b":" + properties.names
    return re.compile(
        rb"(?P<head>(?<=[\s<\"'])" + name + rb"(?:\s{0,8}=\s{0,8}[\"']|>\s{0,8}))(?P<value>\d{1,9})(?=\s{0,8}[\"'<])"
    )


def _without(xmp: bytes, properties: Sequence[_Properties]) -> bytes:
    """Cuts out properties, and declarations of prefixes that nothing uses any more."""
    before = xmp
    for each in properties:
        name = _prefixes(xmp, each) + b":" + each.names
        xmp = _without_elements(xmp, name)
        xmp = re.sub(rb"(?<=[\s\"'])" + name + rb"\s{0,8}=\s{0,8}(?:\"[^\"]*\"|'[^']*')", b"", xmp)
    return xmp if xmp == before else _without_unused(xmp, properties)


def _without_elements(xmp: bytes, name: bytes) -> bytes:
    start = re.compile(rb"<(" + name + rb")(?=[\s/>])(?:[^<>\"']|\"[^\"<]*\"|'[^'<]*')*>")
    kept, at = [], 0
    while (found := start.search(xmp, at)) is not None:
        end = found.end()
        if not found[0].endswith(b"/>"):
            close = re.compile(rb"</" + re.escape(found[1]) + rb"\s{0,8}>").search(xmp, end)
            if close is None:
                break
            end = close.end()
        kept.append(xmp[at : found.start()])
        at = end
    return b"".join([*kept, xmp[at:]])


def _without_unused(xmp: bytes, properties: Sequence[_Properties]) -> bytes:
    addresses = {each.address for each in properties}
    for prefix in {prefix for prefix, address in _DECLARATION.findall(xmp) if address in addresses}:
        if re.search(rb"[</\s\"']" + re.escape(prefix) + rb":\w", xmp) is None:
            xmp = re.sub(rb"\s?xmlns:" + re.escape(prefix) + rb"\s{0,8}=\s{0,8}[\"'][^\"'<>]{0,200}[\"']", b"", xmp)
    return xmp
