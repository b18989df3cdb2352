"""OpenCV: its calls that write and read JPEG files, with its flags. OpenCV itself is not needed.

Replaces ``cv2.imencode``, ``cv2.imwrite``, and OpenCV 5's ``imencodeWithMetadata`` and ``imwriteWithMetadata``::

    from saliency_jpeg.integrations.opencv import imencode, imwrite
    success, buffer = imencode(".jpg", bgr, [cv2.IMWRITE_JPEG_QUALITY, 80])
    imwrite("photo.jpg", bgr, target_kb=50)

It also replaces ``cv2.imdecode`` and ``cv2.imread`` for JPEG files::

    bgr = imread("photo.jpg")  # restored; enhance=None decodes plainly
    gray = imdecode(buffer, cv2.IMREAD_GRAYSCALE, dtype=np.uint16)

Images are uint8 arrays: (H, W) or (H, W, 1) gray, (H, W, 3) BGR, (H, W, 4) BGRA. Alpha is dropped, as OpenCV does,
unless ``background=`` names the colour under transparent pixels.

Honours all ``IMWRITE_JPEG_*`` flags, and the fields of :class:`saliency_jpeg.Options` except ``metadata``. Without
flags and keywords OpenCV's defaults apply: quality 95, 4:2:0, baseline. ``IMWRITE_JPEG_OPTIMIZE`` changes nothing:
Huffman tables are always optimal.

Reading honours the ``IMREAD_*`` flags that change no size, and the fields of :class:`saliency_jpeg.DecodeOptions`
except ``orientation``, which OpenCV's flags set.

Raises an error where OpenCV only warns or returns False or None: ``OptionError`` for unknown flags and values out of
range, ``InputError`` for depths other than uint8 and for damaged files, ``OSError`` for a file that cannot be written
or read.
"""

from __future__ import annotations

import os
from collections.abc import Mapping, Sequence
from dataclasses import replace
from pathlib import PurePath
from typing import Any, Final, NamedTuple

import numpy as np
from numpy.typing import NDArray

from ..codec.parameters import TUNINGS
from ..codec.tables import quantization_tables
from ..errors import InputError, OptionError
from ..image.load import load
from ..io import write
from ..metadata.exif_segments import check_one_segment
from ..metadata.model import EXIF_HEADER, Metadata
from ..metadata.segments import XMP_HEADER
from ..options import Options
from ._compat import OPTION_NAMES, EncodeRequest, check_names, encode
from ._opencv_read import imdecode, imread

__all__ = ["imdecode", "imencode", "imencodeWithMetadata", "imread", "imwrite", "imwriteWithMetadata"]

_EXTENSIONS: Final = (".jpg", ".jpeg", ".jpe")
_DEFAULT_QUALITY: Final = 95

# cv::ImwriteFlags: name and largest value of each. Sampling factors are restricted further by _SUBSAMPLINGS.
_QUALITY, _PROGRESSIVE, _OPTIMIZE, _RST_INTERVAL, _LUMA_QUALITY, _CHROMA_QUALITY, _SAMPLING_FACTOR = range(1, 8)
_FLAGS: Final = {
    _QUALITY: ("IMWRITE_JPEG_QUALITY", 100),
    _PROGRESSIVE: ("IMWRITE_JPEG_PROGRESSIVE", 1),
    _OPTIMIZE: ("IMWRITE_JPEG_OPTIMIZE", 1),
    _RST_INTERVAL: ("IMWRITE_JPEG_RST_INTERVAL", 65535),
    _LUMA_QUALITY: ("IMWRITE_JPEG_LUMA_QUALITY", 100),
    _CHROMA_QUALITY: ("IMWRITE_JPEG_CHROMA_QUALITY", 100),
    _SAMPLING_FACTOR: ("IMWRITE_JPEG_SAMPLING_FACTOR", 0xFFFFFF),
}
# cv::ImwriteJPEGSamplingFactorParams: two hexadecimal digits, horizontal and vertical, for each component.
_444, _420 = 0x111111, 0x221111
_SUBSAMPLINGS: Final = {0x411111: "4:1:1", _420: "4:2:0", 0x211111: "4:2:2", 0x121111: "4:4:0", _444: "4:4:4"}
_OPTION_OF_FLAG: Final = {
    _QUALITY: "quality",
    _PROGRESSIVE: "progressive",
    _RST_INTERVAL: "restart_interval",
    _LUMA_QUALITY: "quality",
    _CHROMA_QUALITY: "quality",
    _SAMPLING_FACTOR: "subsampling",
}
# By cv::ImageMetadataType: field and header. OpenCV itself takes XMP with its header and EXIF without.
_METADATA_FIELDS: Final = (("exif", EXIF_HEADER), ("xmp", XMP_HEADER), ("icc", b""))

Image = NDArray[np.uint8]


class _Qualities(NamedTuple):
    """Qualities of luma and chroma, 0 to 100; luma is None where no flag gives it."""

    luma: int | None
    chroma: int | None

    @property
    def differ(self) -> bool:
        return self.luma != self.chroma


def imencode(ext: str, img: Image, params: Sequence[int] | None = None, **options: Any) -> tuple[bool, Image]:
    """Encodes an image, as ``cv2.imencode`` does.

    Args:
        ext: ``".jpg"``, ``".jpeg"`` or ``".jpe"``.
        img: uint8 (H, W), (H, W, 1), (H, W, 3) BGR or (H, W, 4) BGRA.
        params: alternating flags and values: ``IMWRITE_JPEG_QUALITY``, ``_PROGRESSIVE``, ``_OPTIMIZE``,
            ``_RST_INTERVAL``, ``_LUMA_QUALITY``, ``_CHROMA_QUALITY``, ``_SAMPLING_FACTOR``.
        **options: fields of :class:`saliency_jpeg.Options` except ``metadata``.

    Returns:
        True and the file, uint8 (n,).

    Raises:
        InputError: another dtype or shape.
        OptionError: another extension, an unknown flag or option, or a value out of range.
        TargetError: no encoding meets the target.
    """
    return _encode(ext, img, Metadata(), params, options)


def imencodeWithMetadata(
    ext: str,
    img: Image,
    metadataTypes: Sequence[int],
    metadata: Sequence[Any],
    params: Sequence[int] | None = None,
    **options: Any,
) -> tuple[bool, Image]:
    """Encodes an image with metadata, as ``cv2.imencodeWithMetadata`` of OpenCV 5 does.

    Args:
        ext: as for :func:`imencode`.
        img: as for :func:`imencode`.
        metadataTypes: ``IMAGE_METADATA_EXIF``, ``_XMP`` or ``_ICCP`` for each element of ``metadata``.
        metadata: bytes or uint8 arrays. EXIF and XMP may have their headers or not; ICC profiles may have any size.
        params: as for :func:`imencode`.
        **options: as for :func:`imencode`.

    Returns:
        True and the file, uint8 (n,).

    Raises:
        InputError: another dtype or shape.
        OptionError: as :func:`imencode`, or a type of metadata that JPEG does not support.
        SegmentError: EXIF or XMP is too large.
        TargetError: no encoding meets the target.
    """
    return _encode(ext, img, _parse_metadata(metadataTypes, metadata), params, options)


def imwrite(filename: str | os.PathLike[str], img: Image, params: Sequence[int] | None = None, **options: Any) -> bool:
    """Encodes an image into a file, as ``cv2.imwrite`` does. The file is replaced only once encoding has succeeded.

    Args:
        filename: with an extension as for :func:`imencode`.
        img: as for :func:`imencode`.
        params: as for :func:`imencode`.
        **options: as for :func:`imencode`.

    Returns:
        True. Where OpenCV returns False this raises an error.

    Raises:
        InputError: as :func:`imencode`.
        OptionError: as :func:`imencode`.
        OSError: the file cannot be written.
        TargetError: as :func:`imencode`.
    """
    return _write_file(filename, img, Metadata(), params, options)


def imwriteWithMetadata(
    filename: str | os.PathLike[str],
    img: Image,
    metadataTypes: Sequence[int],
    metadata: Sequence[Any],
    params: Sequence[int] | None = None,
    **options: Any,
) -> bool:
    """Encodes an image with metadata into a file, as ``cv2.imwriteWithMetadata`` of OpenCV 5 does.

    Args:
        filename: with an extension as for :func:`imencode`.
        img: as for :func:`imencode`.
        metadataTypes: as for :func:`imencodeWithMetadata`.
        metadata: as for :func:`imencodeWithMetadata`.
        params: as for :func:`imencode`.
        **options: as for :func:`imencode`.

    Returns:
        True. Where OpenCV returns False this raises an error.

    Raises:
        InputError: as :func:`imencodeWithMetadata`.
        OptionError: as :func:`imencodeWithMetadata`.
        OSError: the file cannot be written.
        SegmentError: as :func:`imencodeWithMetadata`.
        TargetError: as :func:`imencodeWithMetadata`.
    """
    return _write_file(filename, img, _parse_metadata(metadataTypes, metadata), params, options)


def _encode(
    ext: str, img: object, metadata: Metadata, params: Sequence[int] | None, options: dict[str, Any]
) -> tuple[bool, Image]:
    if PurePath(f"x{ext}").suffix.lower() not in _EXTENSIONS:
        raise OptionError(f"ext must be one of {', '.join(map(repr, _EXTENSIONS))}, got {ext!r}")
    request = _build_request(_parse_flags(params), options)
    pixels = _to_rgb(img, keep_alpha="background" in options)
    picture = load(pixels, background=request.options.background)
    jpeg = encode(picture._replace(metadata=metadata), request)
    return True, np.frombuffer(bytearray(jpeg), np.uint8)


def _write_file(
    filename: str | os.PathLike[str],
    img: object,
    metadata: Metadata,
    params: Sequence[int] | None,
    options: dict[str, Any],
) -> bool:
    success, buffer = _encode(PurePath(filename).suffix, img, metadata, params, options)
    write(os.fspath(filename), buffer.tobytes())
    return success


def _to_rgb(img: object, *, keep_alpha: bool) -> Image:
    """Returns gray unchanged, BGR as RGB, and BGRA as RGBA or RGB."""
    if not isinstance(img, np.ndarray) or img.dtype != np.uint8:
        kind = getattr(img, "dtype", type(img).__name__)
        raise InputError(f"an image must be a uint8 array, gray, BGR or BGRA, got {kind}")
    if img.ndim != 3 or img.shape[2] not in (3, 4):
        return img
    return img[..., [2, 1, 0, 3]] if keep_alpha and img.shape[2] == 4 else img[..., 2::-1]


def _parse_flags(params: Sequence[int] | None) -> dict[int, int]:
    """Returns values by flag. Of repeated flags the last one counts, as in OpenCV."""
    numbers = [] if params is None else list(np.ravel(np.asarray(params)))
    if not all(isinstance(number, np.integer) for number in numbers) or len(numbers) % 2:
        raise OptionError(f"params must alternate integer flags and values, got {params!r}")
    values = {int(flag): int(value) for flag, value in zip(numbers[::2], numbers[1::2], strict=True)}
    for flag, value in values.items():
        _check_flag(flag, value)
    return values


def _check_flag(flag: int, value: int) -> None:
    if flag not in _FLAGS:
        known = ", ".join(f"{name} ({number})" for number, (name, _) in _FLAGS.items())
        raise OptionError(f"params may hold {known}, got flag {flag}")
    name, high = _FLAGS[flag]
    if flag == _SAMPLING_FACTOR and value not in _SUBSAMPLINGS:
        raise OptionError(f"{name} must be one of {', '.join(map(hex, _SUBSAMPLINGS))}, got {value:#x}")
    if not 0 <= value <= high:
        raise OptionError(f"{name} must be an integer from 0 to {high}, got {value}")


def _build_request(flags: Mapping[int, int], options: Mapping[str, Any]) -> EncodeRequest:
    check_names("OpenCV's imencode and imwrite", options, frozenset(OPTION_NAMES) - {"metadata"})
    for flag, name in _OPTION_OF_FLAG.items():
        if flag in flags and name in options:
            raise OptionError(f"{name} is already set by {_FLAGS[flag][0]}; give one of them, got {options[name]!r}")
    qualities = _read_qualities(flags)
    merged = Options(**{**_read_options(flags, qualities), **_default_quality(qualities, options), **options})
    if not qualities.differ:
        return EncodeRequest(options=merged)
    return EncodeRequest(options=replace(merged, quality=None), tables=_build_tables(qualities, merged))


def _read_options(flags: Mapping[int, int], qualities: _Qualities) -> dict[str, Any]:
    """Returns the fields of ``Options`` that flags other than the qualities set."""
    factors = flags.get(_SAMPLING_FACTOR, _444 if qualities.differ else _420)
    if qualities.differ and factors != _444:
        raise OptionError(
            f"different luma and chroma qualities need IMWRITE_JPEG_SAMPLING_FACTOR_444, as in OpenCV, got {factors:#x}"
        )
    return {
        "progressive": bool(flags.get(_PROGRESSIVE)),
        "restart_interval": flags.get(_RST_INTERVAL, 0),
        "subsampling": _SUBSAMPLINGS[factors],
    }


def _read_qualities(flags: Mapping[int, int]) -> _Qualities:
    """Returns both qualities; without a chroma flag the luma quality applies to both."""
    luma = flags.get(_LUMA_QUALITY, flags.get(_QUALITY))
    if _CHROMA_QUALITY not in flags:
        return _Qualities(luma, luma)
    return _Qualities(_DEFAULT_QUALITY if luma is None else luma, flags[_CHROMA_QUALITY])


def _default_quality(qualities: _Qualities, options: Mapping[str, Any]) -> dict[str, int]:
    """Returns the quality to encode with, unless only a target is given."""
    if qualities.luma is not None:
        return {"quality": qualities.luma}
    if options.get("target_kb") is None and options.get("target_score") is None:
        return {"quality": _DEFAULT_QUALITY}
    return {}


def _build_tables(qualities: _Qualities, options: Options) -> NDArray[np.uint16]:
    """Returns this library's tables, the luma table at one quality and the chroma tables at another."""
    luma, chroma = (quantization_tables(float(quality or 0), TUNINGS[options.tune]) for quality in qualities)
    return np.concatenate([luma[:1], chroma[1:]])


def _parse_metadata(types: Sequence[int], values: Sequence[Any]) -> Metadata:
    if len(types) != len(values):
        raise OptionError(f"metadataTypes and metadata must have the same length, got {len(types)} and {len(values)}")
    fields: dict[str, Any] = {}
    for kind, value in zip(types, values, strict=True):
        if int(kind) not in range(len(_METADATA_FIELDS)):
            raise OptionError(f"metadataTypes must be EXIF (0), XMP (1) or ICCP (2), got {kind!r}")
        data = value.tobytes() if isinstance(value, np.ndarray) and value.dtype == np.uint8 else value
        if not isinstance(data, bytes | bytearray | memoryview):
            raise OptionError(f"metadata must be bytes or uint8 arrays, got {type(value).__name__}")
        name, header = _METADATA_FIELDS[int(kind)]
        fields[name] = bytes(data).removeprefix(header) or None
    check_one_segment(fields.get("exif") or b"")
    return Metadata(**fields)
