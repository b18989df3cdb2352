"""Pixels of 8 or 16 bits as PNG, TIFF or PPM files, with metadata.

PNG and TIFF hold the ICC profile, EXIF, XMP and the resolution, TIFF without EXIF's thumbnail; PPM holds pixels alone.
"""

from __future__ import annotations

import io
import struct
import zlib
from collections.abc import Callable, Iterator
from typing import Any, Final, Literal

import numpy as np
from numpy.typing import NDArray
from PIL import Image, TiffImagePlugin

from ..errors import InputError
from ..io import full_package
from ..metadata import exif_in_tiff
from ..metadata.model import Metadata

__all__ = ["SUFFIXES", "to_file"]

Pixels = NDArray[np.uint8] | NDArray[np.uint16]

_PNG_HEAD: Final = 33  # bytes of the signature and IHDR
_PER_METRE: Final = {0: 1.0, 1: 1 / 0.0254, 2: 100.0}  # of JFIF's units: a ratio, dots per inch, dots per centimetre
_DEFLATE, _DIFFERENCES = 8, 2  # TIFF's Compression and Predictor


def to_file(pixels: Pixels, metadata: Metadata, suffix: str) -> bytes:
    """Returns a file of these pixels.

    Args:
        pixels: uint8 or uint16, (H, W) gray or (H, W, 3) RGB.
        metadata: that go into the file, as far as its kind holds them.
        suffix: one of :data:`SUFFIXES`.

    Raises:
        OptionError: OpenCV, which writes PNG files of 16 bits, is not installed.
        InputError: OpenCV, which writes PNG files of 16 bits, refuses the pixels.
        MemoryError: there is not enough memory.
    """
    return _WRITERS[suffix](pixels, metadata)


# PNG ----------------------------------------------------------------------------------------------------------------


def _png(pixels: Pixels, metadata: Metadata) -> bytes:
    file = _wide_png(pixels) if pixels.dtype == np.uint16 else _png_of_pillow(pixels)
    return b"".join([file[:_PNG_HEAD], *_png_chunks(metadata), file[_PNG_HEAD:]])


def _png_of_pillow(pixels: Pixels) -> bytes:
    file = io.BytesIO()
    Image.fromarray(pixels).save(file, "PNG")
    return file.getvalue()


def _wide_png(pixels: Pixels) -> bytes:
    """By OpenCV, since Pillow has no RGB of 16 bits."""
    cv2 = full_package.load("cv2", "PNG with 16 bits (TIFF and PPM do not)")
    try:
        is_done, file = cv2.imencode(".png", pixels if pixels.ndim == 2 else pixels[..., ::-1])
    except cv2.error as error:
        if error.code == cv2.Error.StsNoMem:
            raise MemoryError("not enough memory to write a PNG file") from error
        raise _refused(pixels) from error
    if not is_done:
        raise _refused(pixels)
    data: bytes = file.tobytes()
    return data


def _refused(pixels: Pixels) -> InputError:
    return InputError(f"OpenCV writes no PNG file of 16 bits of this picture; choose TIFF, got shape {pixels.shape}")


def _png_chunks(metadata: Metadata) -> Iterator[bytes]:
    """Chunks that may stand between IHDR and all others (PNG, third edition, 11.3)."""
    if metadata.icc is not None:
        yield _chunk(b"iCCP", b"ICC profile\0\0" + zlib.compress(metadata.icc))
    if metadata.density is not None:
        unit, *dots = metadata.density
        per_unit = (round(value * _PER_METRE[unit]) for value in dots)
        yield _chunk(b"pHYs", struct.pack(">IIB", *per_unit, unit != 0))
    if metadata.exif is not None:
        yield _chunk(b"eXIf", metadata.exif)
    if metadata.xmp is not None:
        yield _chunk(b"iTXt", b"XML:com.adobe.xmp\0\0\0\0\0" + metadata.xmp)


def _chunk(kind: bytes, data: bytes) -> bytes:
    return struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))


# TIFF and PPM -------------------------------------------------------------------------------------------------------


def _tiff(pixels: Pixels, metadata: Metadata) -> bytes:
    """One strip of Deflate over the differences of neighbours, which Pillow's own writer has for 8 bits only."""
    height, width = pixels.shape[:2]
    channels = pixels.shape[2] if pixels.ndim == 3 else 1
    begin, described = exif_in_tiff.beginning(metadata.exif)
    data = zlib.compress(_differences(pixels, "<" if begin[:2] == b"II" else ">").tobytes())
    tags: dict[str, Any] = {
        "ImageWidth": width,
        "ImageLength": height,
        "BitsPerSample": (pixels.dtype.itemsize * 8,) * channels,
        "Compression": _DEFLATE,
        "PhotometricInterpretation": 2 if channels == 3 else 1,
        "StripOffsets": 0,  # behind the directory, which Pillow adds
        "SamplesPerPixel": channels,
        "RowsPerStrip": height,
        "StripByteCounts": len(data),
        "Predictor": _DIFFERENCES,
        "ICCProfile": metadata.icc,
        "XMP": metadata.xmp,
    }
    unit, x, y = metadata.density or (0, 0, 0)
    if x > 0 and not (unit == 0 and x == y and _TIFF_TAGS["XResolution"] in described):  # square says less than EXIF
        tags |= {"XResolution": x, "YResolution": y, "ResolutionUnit": unit + 1}  # TIFF counts the same units from 1
    directory = TiffImagePlugin.ImageFileDirectory_v2(prefix=begin[:2])
    for name, value in tags.items():
        if value is not None:
            directory[_TIFF_TAGS[name]] = value
    more = {tag: entry for tag, entry in described.items() if tag not in directory}
    table = directory.tobytes(len(begin) + 12 * len(more))
    return exif_in_tiff.with_directory(begin, table, more) + data


_TIFF_TAGS: Final = {
    "ImageWidth": 256,
    "ImageLength": 257,
    "BitsPerSample": 258,
    "Compression": 259,
    "PhotometricInterpretation": 262,
    "StripOffsets": 273,
    "SamplesPerPixel": 277,
    "RowsPerStrip": 278,
    "StripByteCounts": 279,
    "XResolution": 282,
    "YResolution": 283,
    "ResolutionUnit": 296,
    "Predictor": 317,
    "XMP": 700,
    "ICCProfile": 34675,
}


def _differences(pixels: Pixels, order: Literal["<", ">"]) -> NDArray[Any]:
    """Samples in a byte order, each less its left neighbour of the same channel, modulo their range."""
    out: NDArray[Any] = pixels.astype(pixels.dtype.newbyteorder(order))
    out[:, 1:] -= pixels[:, :-1]
    return out


def _ppm(pixels: Pixels, metadata: Metadata) -> bytes:
    height, width = pixels.shape[:2]
    kind, most = "P5" if pixels.ndim == 2 else "P6", np.iinfo(pixels.dtype).max
    return b"".join(
        [f"{kind}\n{width} {height}\n{most}\n".encode(), pixels.astype(pixels.dtype.newbyteorder(">")).tobytes()]
    )


_WRITERS: Final[dict[str, Callable[[Pixels, Metadata], bytes]]] = {
    ".png": _png,
    ".tif": _tiff,
    ".tiff": _tiff,
    ".ppm": _ppm,
    ".pgm": _ppm,
    ".pnm": _ppm,
}

#: Suffixes, in lower case, of the files that :func:`to_file` makes.
SUFFIXES: Final = tuple(_WRITERS)
