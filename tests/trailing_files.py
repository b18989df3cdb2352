"""Files with more behind their first picture, for tests: MPO, Ultra HDR, motion photographs, previews of cameras."""

# mypy: allow-untyped-defs, allow-incomplete-defs, disable-error-code="union-attr"
from __future__ import annotations

import io
import struct

import numpy as np
from helpers import encoded, photo
from jpeg_surgery import splice
from PIL import Image

from saliency_jpeg.metadata import segments
from saliency_jpeg.metadata.jpeg_source import JpegSource
from saliency_jpeg.metadata.multi_picture import TrailingImages

FIRST, SECOND = photo(120, 160, 100, 150), photo(120, 160, 200, 300)
GAIN_MAP_XMP = (
    b'<x:xmpmeta xmlns:x="adobe:ns:meta/"><rdf:RDF><rdf:Description xmlns:hdrgm="http://ns.adobe.com/hdr-gain-map/1.0/"'
    b' hdrgm:Version="1.0"/></rdf:RDF></x:xmpmeta>'
)
CLIP = b"\0\0\0\x18ftypmp42" + np.random.default_rng(4).bytes(3000)


def find(jpeg: bytes) -> TrailingImages | None:
    return JpegSource(jpeg).trailing


def jpeg_of(pixels: np.ndarray, quality: int = 95) -> bytes:
    return encoded(pixels, quality=quality)


def with_xmp(jpeg: bytes, xmp: bytes) -> bytes:
    return splice(jpeg, [(0xE1, segments.XMP_HEADER + xmp)])


def stereo(quality: int = 95) -> bytes:
    return encoded(FIRST, "MPO", save_all=True, append_images=[Image.fromarray(SECOND)], quality=quality)


def ultra_hdr() -> bytes:
    """Offsets count from the MPF segment, so a segment in front of it moves nothing."""
    return with_xmp(stereo(), GAIN_MAP_XMP)


def motion_photo(xmp: bytes = b'<x:xmpmeta GCamera:MotionPhoto="1"/>') -> bytes:
    return with_xmp(jpeg_of(FIRST), xmp) + bytes(16) + CLIP


def with_preview() -> bytes:
    """The second picture declared as a large thumbnail, as several cameras append one."""
    file = stereo()
    entry = file.index(b"MPF\0") + 4
    at = file.index(struct.pack("<H", 0xB002), entry)
    (start,) = struct.unpack_from("<I", file, at + 8)
    return file[: entry + start + 16] + struct.pack("<I", 0x010001) + file[entry + start + 20 :]


def frames(jpeg: bytes) -> list[np.ndarray]:
    with Image.open(io.BytesIO(jpeg)) as image:
        found = []
        for number in range(getattr(image, "n_frames", 1)):
            image.seek(number)
            found.append(np.asarray(image.convert("RGB")))
        return found
