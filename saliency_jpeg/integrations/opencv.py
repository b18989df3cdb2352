"""OpenCV's calls that write JPEG files, with its flag lists; OpenCV itself is not needed.

::

    from saliency_jpeg.integrations.opencv import imencode, imwrite
    done, buffer = imencode(".jpg", bgr, [cv2.IMWRITE_JPEG_QUALITY, 80])
    imwrite("photo.jpg", bgr, target_kb=50)

Images are uint8 arrays: (H, W) or (H, W, 1) gray, (H, W, 3) BGR, (H, W, 4) BGRA, of which the alpha is dropped as
OpenCV does, unless ``background=`` says what shows through. Without flags and keywords OpenCV's defaults hold: quality
95, 4:2:0, baseline. ``IMWRITE_JPEG_OPTIMIZE`` changes nothing: Huffman tables are always optimal. What OpenCV only
warns of is an error here: unknown flags, values out of range, other depths than uint8.
"""

from __future__ import annotations

import os
from collections.abc import Sequence
from pathlib import PurePath
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from ..codec.parameters import TUNINGS
from ..codec.tables import quantization_tables
from ..errors import InputError, OptionError
from ..image.load import load
from ..io import write
from ..metadata.model import EXIF_HEADER, Metadata
from ..metadata.segments import XMP_HEADER
from ..options import Options
from ._compat import OPTION_NAMES, Recipe, check_names, encode

__all__ = ["imencode", "imencodeWithMetadata", "imwrite", "imwriteWithMetadata"]

_EXTENSIONS: Final = (".jpg", ".jpeg", ".jpe")
_DEFAULT_QUALITY: Final = 95

# cv::ImwriteFlags: name and largest value of each; the sampling factors are listed apart.
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
# cv::ImwriteJPEGSamplingFactorParams: the factors of the three components, a digit each.
_FACTORS: Final = {0x411111: "4:1:1", 0x221111: "4:2:0", 0x211111: "4:2:2", 0x121111: "4:4:0", 0x111111: "4:4:4"}
_OPTION_OF: Final = {
    _QUALITY: "quality",
    _PROGRESSIVE: "progressive",
    _RST_INTERVAL: "restart_interval",
    _LUMA_QUALITY: "quality",
    _CHROMA_QUALITY: "quality",
    _SAMPLING_FACTOR: "subsampling",
}
# By cv::ImageMetadataType; OpenCV itself expects (and gives) XMP with its header, and EXIF without.
_METADATA_FIELDS: Final = (("exif", EXIF_HEADER), ("xmp", XMP_HEADER), ("icc", b""))

Image = NDArray[np.uint8]


def imencode(ext: str, img: Image, params: Sequence[int] | None = None, **options: Any) -> tuple[bool, Image]:
    """``cv2.imencode``.

    Args:
        ext: ``".jpg"``, ``".jpeg"`` or ``".jpe"``.
        img: uint8 (H, W), (H, W, 1), (H, W, 3) BGR or (H, W, 4) BGRA.
        params: flags and their values by turns: ``IMWRITE_JPEG_QUALITY``, ``_PROGRESSIVE``, ``_OPTIMIZE``,
            ``_RST_INTERVAL``, ``_LUMA_QUALITY``, ``_CHROMA_QUALITY``, ``_SAMPLING_FACTOR``.
        options: fields of :class:`saliency_jpeg.Options`.

    Returns:
        True and the file, uint8 (n,).

    Raises:
        InputError: the array is no such image.
        OptionError: another kind of file, an unknown flag, a value out of range.
        TargetError: the target is too small for this image.
    """
    return _encoded(ext, img, Metadata(), params, options)


def imencodeWithMetadata(
    ext: str,
    img: Image,
    metadataTypes: Sequence[int],
    metadata: Sequence[Any],
    params: Sequence[int] | None = None,
    **options: Any,
) -> tuple[bool, Image]:
    """``cv2.imencodeWithMetadata``, of OpenCV 5.

    Args:
        ext: as for :func:`imencode`, like ``img``, ``params`` and ``options``.
        img: the image.
        metadataTypes: ``IMAGE_METADATA_EXIF``, ``_XMP`` or ``_ICCP`` for each element of ``metadata``.
        metadata: bytes or uint8 arrays; EXIF and XMP with or without their headers, profiles of any size.
        params: flags.
        options: fields of :class:`saliency_jpeg.Options`.

    Returns:
        True and the file, uint8 (n,).

    Raises:
        InputError: the array is no such image.
        OptionError: as :func:`imencode`, or a kind of metadata that JPEG has no place for.
        SegmentError: EXIF or XMP that is too large.
        TargetError: the target is too small for this image.
    """
    return _encoded(ext, img, _metadata(metadataTypes, metadata), params, options)


def imwrite(filename: str | os.PathLike[str], img: Image, params: Sequence[int] | None = None, **options: Any) -> bool:
    """``cv2.imwrite``: as :func:`imencode`, into a file that is written whole or not at all.

    Returns:
        True. What OpenCV answers with False is an error.

    Raises:
        OSError: the file cannot be written.
    """
    return _written(filename, img, Metadata(), params, options)


def imwriteWithMetadata(
    filename: str | os.PathLike[str],
    img: Image,
    metadataTypes: Sequence[int],
    metadata: Sequence[Any],
    params: Sequence[int] | None = None,
    **options: Any,
) -> bool:
    """``cv2.imwriteWithMetadata``, of OpenCV 5: as :func:`imencodeWithMetadata`, into a file.

    Returns:
        True.

    Raises:
        OSError: the file cannot be written.
    """
    return _written(filename, img, _metadata(metadataTypes, metadata), params, options)


def _encoded(
    ext: str, img: object, metadata: Metadata, params: Sequence[int] | None, options: dict[str, Any]
) -> tuple[bool, Image]:
    if PurePath(f"x{ext}").suffix.lower() not in _EXTENSIONS:
        raise OptionError(f"ext must be one of {', '.join(map(repr, _EXTENSIONS))}, got {ext!r}")
    recipe = _recipe(_flags(params), options)
    pixels = _pixels(img, flatten="background" in options)
    picture = load(pixels, background=recipe.options.background)
    jpeg = encode(picture._replace(metadata=metadata), recipe)
    return True, np.frombuffer(bytearray(jpeg), np.uint8)


def _written(
    filename: str | os.PathLike[str],
    img: object,
    metadata: Metadata,
    params: Sequence[int] | None,
    options: dict[str, Any],
) -> bool:
    done, buffer = _encoded(PurePath(filename).suffix, img, metadata, params, options)
    write(os.fspath(filename), buffer.tobytes())
    return done


def _pixels(img: object, *, flatten: bool) -> Image:
    """RGB or gray; RGBA if it is to be flattened."""
    if not isinstance(img, np.ndarray) or img.dtype != np.uint8:
        kind = getattr(img, "dtype", type(img).__name__)
        raise InputError(f"an image must be a uint8 array, gray, BGR or BGRA, got {kind}")
    if img.ndim != 3 or img.shape[2] not in (3, 4):
        return img
    return img[..., [2, 1, 0, 3]] if flatten and img.shape[2] == 4 else img[..., 2::-1]


def _flags(params: Sequence[int] | None) -> dict[int, int]:
    """Values by flag; the last one counts, as in OpenCV."""
    numbers = [] if params is None else list(np.ravel(np.asarray(params)))
    if not all(isinstance(number, np.integer) for number in numbers) or len(numbers) % 2:
        raise OptionError(f"params must be flags and values by turns, integers all, got {params!r}")
    values = {int(flag): int(value) for flag, value in zip(numbers[::2], numbers[1::2], strict=True)}
    for flag, value in values.items():
        if flag not in _FLAGS:
            known = ", ".join(f"{name} ({number})" for number, (name, _) in _FLAGS.items())
            raise OptionError(f"params may hold {known}, got flag {flag}")
        name, high = _FLAGS[flag]
        if flag == _SAMPLING_FACTOR and value not in _FACTORS:
            raise OptionError(f"{name} must be one of {', '.join(map(hex, _FACTORS))}, got {value:#x}")
        if not 0 <= value <= high:
            raise OptionError(f"{name} must be an integer from 0 to {high}, got {value}")
    return values


def _recipe(flags: dict[int, int], options: dict[str, Any]) -> Recipe:
    check_names("OpenCV's door", options, frozenset(OPTION_NAMES) - {"metadata"})
    for flag, name in _OPTION_OF.items():
        if flag in flags and name in options:
            raise OptionError(f"{name} is said by {_FLAGS[flag][0]} already, got {options[name]!r}")
    luma, chroma, differ = _qualities(flags)
    if differ and flags.get(_SAMPLING_FACTOR, 0x111111) != 0x111111:
        raise OptionError("two qualities mean 4:4:4, as in OpenCV, got another IMWRITE_JPEG_SAMPLING_FACTOR")
    fields: dict[str, Any] = {
        "progressive": bool(flags.get(_PROGRESSIVE)),
        "restart_interval": flags.get(_RST_INTERVAL, 0),
    }
    fields["subsampling"] = "4:4:4" if differ else _FACTORS[flags.get(_SAMPLING_FACTOR, 0x221111)]
    if luma is not None:
        fields["quality"] = luma
    elif options.get("target_kb") is None and options.get("target_score") is None:
        fields["quality"] = _DEFAULT_QUALITY
    checked = Options(**fields | options)
    if not differ:
        return Recipe(options=checked)
    tuning = TUNINGS[checked.tune]
    tables = np.concatenate(
        [quantization_tables(float(luma or 0), tuning)[:1], quantization_tables(chroma, tuning)[1:]]
    )
    return Recipe(options=checked, tables=tables)


def _qualities(flags: dict[int, int]) -> tuple[int | None, float, bool]:
    """Of the luma and of the chroma, and whether they differ; that of the luma counts for both where it is alone."""
    luma = flags.get(_LUMA_QUALITY, flags.get(_QUALITY))
    if _CHROMA_QUALITY not in flags:
        return luma, luma or 0, False
    luma = _DEFAULT_QUALITY if luma is None else luma
    return luma, flags[_CHROMA_QUALITY], flags[_CHROMA_QUALITY] != luma


def _metadata(kinds: Sequence[int], values: Sequence[Any]) -> Metadata:
    if len(kinds) != len(values):
        raise OptionError(f"metadataTypes and metadata must be of one length, got {len(kinds)} and {len(values)}")
    given: dict[str, bytes | None] = {}
    for kind, value in zip(kinds, values, strict=True):
        if int(kind) not in range(len(_METADATA_FIELDS)):
            raise OptionError(f"metadataTypes must be EXIF (0), XMP (1) or ICCP (2), got {kind!r}")
        data = value.tobytes() if isinstance(value, np.ndarray) and value.dtype == np.uint8 else value
        if not isinstance(data, bytes | bytearray | memoryview):
            raise OptionError(f"metadata must be bytes or uint8 arrays, got {type(value).__name__}")
        name, header = _METADATA_FIELDS[int(kind)]
        given[name] = bytes(data).removeprefix(header) or None
    return Metadata(**given)  # type: ignore[arg-type]
