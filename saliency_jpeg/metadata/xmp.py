"""Properties of XMP packets, changed in the text: sizes, embedded pictures, and what names trailing images.

A packet is edited by patterns that take time in proportion to its length, never parsed: packets of cameras are often no
well-formed XML, and everything that is not meant stays byte for byte. A namespace may have any prefix; the usual one
counts even where its declaration is missing. Only whole attributes and whole elements are cut out.
"""

from __future__ import annotations

import bisect
import re
from collections.abc import Callable, Iterator, Mapping, Sequence
from functools import partial
from typing import Final, NamedTuple, TypeAlias

from .pictures import IN_TEXT

__all__ = [
    "has_regions",
    "item_lengths",
    "with_orientation",
    "with_scaled_regions",
    "with_size",
    "with_swapped_resolution",
    "without_pictures",
    "without_regions",
    "without_trailing_names",
]


class _Properties(NamedTuple):
    """Properties of one namespace: its address, its usual prefix, and a pattern for the local names."""

    address: bytes
    prefix: bytes
    names: bytes = rb"[\w.-]{1,64}"


_Owners: TypeAlias = Mapping[bytes, Sequence[_Properties]]  # by prefix

_PREFIX: Final = rb"[A-Za-z_][\w.-]{0,63}"
_NAME: Final = rb"(?P<prefix>" + _PREFIX + rb"):(?P<local>[\w.-]{1,80})"
_DECLARATION: Final = re.compile(rb"xmlns:(" + _PREFIX + rb")\s{0,8}=\s{0,8}[\"']([^\"'<>]{0,200})[\"']")
_USE: Final = re.compile(rb"[</\s\"'](" + _PREFIX + rb"):\w")
_ATTRIBUTE: Final = re.compile(rb"(?<=[\s\"'])" + _NAME + rb"\s{0,8}=\s{0,8}(?P<quote>[\"'])")
_ELEMENT: Final = re.compile(rb"<(?P<name>" + _NAME + rb")(?=[\s/>])")
_REST_OF_TAG: Final = re.compile(rb"(?:[^<>\"']|\"[^\"<]*\"|'[^'<]*')*>")
_CLOSE: Final = re.compile(rb"</(?P<name>" + _PREFIX + rb":[\w.-]{1,80})\s{0,8}>")
#: A number that is an attribute's value or an element's text.
_VALUE: Final = re.compile(
    rb"(?<=[\s<\"'])" + _NAME + rb"(?:\s{0,8}=\s{0,8}[\"']|>\s{0,8})(?P<value>\d{1,9})(?=\s{0,8}[\"'<])"
)
_AXIS: Final = re.compile(rb"(?<=[\s<\"'/])(?P<prefix>" + _PREFIX + rb"):(?P<local>[XY]Resolution)(?=[\s=>])")
_IN_PIXELS: Final = re.compile(rb"[\"'>]\s{0,8}pixel\s{0,8}[\"'<]")
_EXIF: Final = b"http://ns.adobe.com/exif/1.0/"
_TIFF: Final = b"http://ns.adobe.com/tiff/1.0/"
_PANORAMA: Final = b"http://ns.google.com/photos/1.0/panorama/"
_WIDTHS: Final = (_Properties(_EXIF, b"exif", b"PixelXDimension"), _Properties(_TIFF, b"tiff", b"ImageWidth"))
_HEIGHTS: Final = (_Properties(_EXIF, b"exif", b"PixelYDimension"), _Properties(_TIFF, b"tiff", b"ImageLength"))
_ORIENTATION: Final = _Properties(_TIFF, b"tiff", b"Orientation")
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
_SUBJECT: Final = _Properties(_EXIF, b"exif", b"Subject(?:Area|Location)")
_REGIONS: Final = (
    _Properties(b"http://www.metadataworkinggroup.com/schemas/regions/", b"mwg-rs", b"Regions"),
    _Properties(b"http://ns.microsoft.com/photo/1.2/", b"MP", b"RegionInfo"),
    _Properties(b"http://iptc.org/std/Iptc4xmpExt/2008-02-29/", b"Iptc4xmpExt", b"ImageRegion"),
    _Properties(b"http://ns.acdsee.com/regions/", b"acdsee-rs", b"Regions"),
    _SUBJECT,
)
_DIMENSIONS: Final = tuple(
    _Properties(b"http://ns.adobe.com/xap/1.0/sType/Dimensions#", b"stDim", side) for side in (b"h", b"w")
)
_DYNAMIC_DEPTH: Final = b"http://ns.google.com/photos/dd/1.0/"
_ITEM_LENGTHS: Final = (
    _Properties(b"http://ns.google.com/photos/1.0/container/item/", b"Item", b"Length"),
    _Properties(_DYNAMIC_DEPTH + b"item/", b"Item", b"Length"),
)
_TRAILING: Final = (
    _Properties(b"http://ns.google.com/photos/1.0/container/", b"Container"),
    _Properties(b"http://ns.google.com/photos/1.0/container/", b"GContainer"),
    _Properties(b"http://ns.google.com/photos/1.0/container/item/", b"Item"),
    _Properties(b"http://ns.google.com/photos/1.0/container/item/", b"GContainerItem"),
    _Properties(b"http://ns.google.com/photos/1.0/camera/", b"GCamera", rb"(?:MotionPhoto|MicroVideo)\w{0,64}"),
    _Properties(b"http://ns.google.com/photos/1.0/camera/", b"Camera", rb"(?:MotionPhoto|MicroVideo)\w{0,64}"),
    _Properties(_DYNAMIC_DEPTH + b"device/", b"Device", rb"Container|Profiles"),
    _Properties(_DYNAMIC_DEPTH + b"camera/", b"Camera", rb"DepthMap|Image|PointCloud"),
    _Properties(_DYNAMIC_DEPTH + b"container/", b"Container"),
    _Properties(_DYNAMIC_DEPTH + b"item/", b"Item"),
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


def item_lengths(xmp: bytes) -> list[int]:
    """Returns the bytes that the items of a container take, by a packet or the data of extended XMP."""
    return [int(found["value"]) for found in _values(xmp, _ITEM_LENGTHS)]


def without_pictures(xmp: bytes) -> bytes:
    """Returns the packet without thumbnails and embedded pictures, which show what the picture was before.

    Of properties that are not known, a value that is a picture in base64 is emptied.

    Args:
        xmp: a packet, or the data of extended XMP.
    """
    return IN_TEXT.sub(b"", _without(xmp, _PICTURES))


def has_regions(xmp: bytes) -> bool:
    """Whether a packet says where in the picture something is.

    Args:
        xmp: a packet, or the data of extended XMP.
    """
    return without_regions(xmp) != xmp


def without_regions(xmp: bytes) -> bytes:
    """Returns the packet without regions of faces and other things, for pixels that may lie elsewhere.

    Args:
        xmp: a packet, or the data of extended XMP.
    """
    return _without(xmp, _REGIONS)


def with_scaled_regions(xmp: bytes, old: tuple[int, int], new: tuple[int, int]) -> bytes:
    """Returns the packet with the regions of a picture that was scaled.

    Shares of the picture stay, and the size that they are told for follows. What is told in pixels is left out.

    Args:
        xmp: a packet, or the data of extended XMP.
        old: (height, width) of the picture before.
        new: the same of the scaled one.
    """
    if not has_regions(xmp):
        return xmp
    if _IN_PIXELS.search(xmp):
        return without_regions(xmp)
    for each, before, after in zip(_DIMENSIONS, old, new, strict=True):
        xmp = _with_values(xmp, each, partial(_replaced, before=before, after=after))
    return _without(xmp, (_SUBJECT,))


def _replaced(value: int, before: int, after: int) -> int:
    return after if value == before else value


def with_orientation(xmp: bytes, value: int) -> bytes:
    """Returns the packet with its orientation, where it has one of 1 to 8, set.

    Args:
        xmp: a packet, or the data of extended XMP.
        value: 1 to 8.
    """
    return _with_values(xmp, _ORIENTATION, lambda old: value if 1 <= old <= 8 else old)


def with_swapped_resolution(xmp: bytes) -> bytes:
    """Returns the packet with its horizontal and vertical resolution exchanged.

    Args:
        xmp: a packet, or the data of extended XMP.
    """
    owners = _owners(xmp, [_Properties(_TIFF, b"tiff", b"[XY]Resolution")])

    def renamed(found: re.Match[bytes]) -> bytes:
        axis = b"Y" if found["local"].startswith(b"X") else b"X"
        return found["prefix"] + b":" + axis + found["local"][1:] if _is_meant(owners, found) else found[0]

    return _AXIS.sub(renamed, xmp)


def with_size(xmp: bytes, height: int, width: int) -> bytes:
    """Returns the packet with its sizes, where it has them, set to those of the picture.

    A panorama's sizes and offsets are scaled with it. Where width and height did not change alike, the picture is
    another part of the panorama, or was turned, and they are left out.

    Args:
        xmp: a packet.
        height: of the picture in pixels.
        width: the same.
    """
    for each in _WIDTHS:
        xmp = _with_values(xmp, each, lambda _: width)
    for each in _HEIGHTS:
        xmp = _with_values(xmp, each, lambda _: height)
    old_width, old_height = (_first_value(xmp, each) for each in _PANORAMA_SIZE)
    if old_width is None or old_height is None:
        return xmp
    return _with_panorama(xmp, (old_height, old_width), (height, width))


def _with_panorama(xmp: bytes, old: tuple[int, int], new: tuple[int, int]) -> bytes:
    if old == new:
        return xmp
    if min(old) < 1 or abs(old[0] * new[1] - old[1] * new[0]) > max(old):  # more than the rounding of one side
        return _without(xmp, (_PANORAMA_X, _PANORAMA_Y))
    for each, before, after in ((_PANORAMA_Y, old[0], new[0]), (_PANORAMA_X, old[1], new[1])):

        def scaled(value: int, before: int = before, after: int = after) -> int:
            return (value * after + before // 2) // before

        xmp = _with_values(xmp, each, scaled)
    return xmp


# Names --------------------------------------------------------------------------------------------------------------
#
# A packet can declare as many prefixes as fit. So no pattern is made of them: patterns take any prefix, and what they
# find is looked up.


def _owners(xmp: bytes, properties: Sequence[_Properties]) -> _Owners:
    """The properties by the prefixes that a packet has for them: those bound to the namespace, and the usual one."""
    owners: dict[bytes, list[_Properties]] = {}
    declared = _DECLARATION.findall(xmp)
    taken = {prefix for prefix, _ in declared}
    by_address: dict[bytes, set[bytes]] = {}
    for prefix, address in declared:
        by_address.setdefault(address, set()).add(prefix)
    for each in properties:
        usual = set() if each.prefix in taken else {each.prefix}
        for prefix in by_address.get(each.address, set()) | usual:
            owners.setdefault(prefix, []).append(each)
    return owners


def _is_meant(owners: _Owners, found: re.Match[bytes]) -> bool:
    """Whether the prefix and the local name that a pattern found are of one of the properties."""
    return any(re.fullmatch(each.names, found["local"]) for each in owners.get(found["prefix"], ()))


# Values -------------------------------------------------------------------------------------------------------------


def _values(xmp: bytes, properties: Sequence[_Properties]) -> Iterator[re.Match[bytes]]:
    owners = _owners(xmp, properties)
    return (found for found in _VALUE.finditer(xmp) if _is_meant(owners, found))


def _first_value(xmp: bytes, properties: _Properties) -> int | None:
    found = next(_values(xmp, [properties]), None)
    return None if found is None else int(found["value"])


def _with_values(xmp: bytes, properties: _Properties, change: Callable[[int], int]) -> bytes:
    kept, at = [], 0
    for found in _values(xmp, [properties]):
        kept += [xmp[at : found.start("value")], str(change(int(found["value"]))).encode()]
        at = found.end("value")
    return b"".join([*kept, xmp[at:]])


# Cutting out --------------------------------------------------------------------------------------------------------


def _without(xmp: bytes, properties: Sequence[_Properties]) -> bytes:
    """Cuts out properties, and declarations of prefixes that nothing uses any more."""
    owners = _owners(xmp, properties)
    cut = _without_attributes(_without_elements(xmp, owners), owners)
    return xmp if cut == xmp else _without_unused(cut, properties)


def _without_elements(xmp: bytes, owners: _Owners) -> bytes:
    """Without elements that are whole; the others stay."""
    closing = _closing_tags(xmp)
    kept, at, last = [], 0, 0
    while (found := _ELEMENT.search(xmp, at)) is not None:
        at = found.end()
        rest = _REST_OF_TAG.match(xmp, at) if _is_meant(owners, found) else None
        if rest is None:
            continue
        end = rest.end() if rest[0].endswith(b"/>") else _next_after(closing.get(found["name"], ()), rest.end())
        if end is not None:
            kept.append(xmp[last : found.start()])
            at = last = end
    return b"".join([*kept, xmp[last:]])


def _closing_tags(xmp: bytes) -> dict[bytes, list[int]]:
    """The ends of all closing tags by the name, in order; tags of a name do not overlap."""
    ends: dict[bytes, list[int]] = {}
    for found in _CLOSE.finditer(xmp):
        ends.setdefault(found["name"], []).append(found.end())
    return ends


def _next_after(ends: Sequence[int], start: int) -> int | None:
    """The first end of a tag that begins at or behind an offset which no tag covers."""
    number = bisect.bisect_right(ends, start)
    return ends[number] if number < len(ends) else None


def _without_attributes(xmp: bytes, owners: _Owners) -> bytes:
    kept, at, last = [], 0, 0
    while (found := _ATTRIBUTE.search(xmp, at)) is not None:
        at = found.end()
        if not _is_meant(owners, found):
            continue
        end = xmp.find(found["quote"], at)
        if end >= 0:
            kept.append(xmp[last : found.start()])
            at = last = end + 1
    return b"".join([*kept, xmp[last:]])


def _without_unused(xmp: bytes, properties: Sequence[_Properties]) -> bytes:
    addresses = {each.address for each in properties}
    ours = {prefix for prefix, address in _DECLARATION.findall(xmp) if address in addresses}
    unused = ours - set(_USE.findall(xmp))
    return re.sub(rb"\s?" + _DECLARATION.pattern, lambda found: b"" if found[1] in unused else found[0], xmp)
