"""Translates Pillow's JPEG save options, with Pillow's meaning of them, into a request and metadata.

Pillow's behaviour was read in its ``JpegImagePlugin`` (13.0); the tests compare every option with Pillow's own output.
"""

from __future__ import annotations

import operator
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import replace
from typing import Any, Final, NamedTuple

import numpy as np
from numpy.typing import NDArray
from PIL import Image, JpegPresets

from ..codec.subsampling import SUBSAMPLINGS
from ..errors import OptionError, SegmentError
from ..image.load import load
from ..metadata import jpeg_metadata, segments
from ..metadata.exif_segments import check_one_segment
from ..metadata.jpeg_metadata import checked_density
from ..metadata.model import EXIF_HEADER, Metadata
from ..options import Options
from ._compat import OPTION_NAMES, EncodeRequest, check_names, table_scale

__all__ = ["PILLOW_KEYWORDS", "PILLOW_MODES", "SaveRequest", "translate"]

PILLOW_KEYWORDS: Final = (
    "quality",
    "subsampling",
    "qtables",
    "optimize",
    "progressive",
    "progression",
    "dpi",
    "exif",
    "icc_profile",
    "xmp",
    "comment",
    "extra",
    "keep_rgb",
    "smooth",
    "streamtype",
    "restart_marker_blocks",
    "restart_marker_rows",
)
PILLOW_MODES: Final = ("1", "L", "RGB", "RGBX", "YCbCr")  # saved as JPEG by Pillow and by this library alike

_KNOWN: Final = frozenset((*PILLOW_KEYWORDS, *OPTION_NAMES))
_UNCHANGED_OPTIONS: Final = frozenset(OPTION_NAMES) - {"quality", "subsampling", "progressive", "metadata"}
_SUBSAMPLING_NAMES: Final[dict[str | int, str]] = {
    0: "4:4:4",
    1: "4:2:2",
    2: "4:2:0",
    **{name: name for name in SUBSAMPLINGS},
    "4:1:1": "4:2:0",  # Pillow's documented misnomer
}
_TABLES_SUBSAMPLING: Final = "4:2:0"  # libjpeg's default, used with custom tables
_MAX_STEP: Final = 32767  # libjpeg's limit
_MAX_SCALED_STEP: Final = 255  # where a quality scales the tables


class SaveRequest(NamedTuple):
    """What one call of ``save`` asks for: how to encode, and which metadata to write."""

    request: EncodeRequest
    metadata: Metadata


class _Coding(NamedTuple):
    """Quality, subsampling and tables of one call.

    Attributes:
        quality: 0 to 100; None: not given.
        subsampling: like ``"4:2:0"``; None: not given.
        tables: uint16 (1 to 4, 64), natural order; None: this library's tables.
        keep_quality: ``quality="keep"``: round to the source's tables instead of optimizing for size.
    """

    quality: float | None
    subsampling: str | None
    tables: NDArray[np.uint16] | None
    keep_quality: bool


def translate(image: Image.Image, keywords: Mapping[str, Any]) -> SaveRequest:
    """Translates the keywords of one call.

    Args:
        image: supplies what ``"keep"`` refers to, and the comment that Pillow keeps by default.
        keywords: Pillow's JPEG save options and the fields of :class:`saliency_jpeg.Options`.

    Raises:
        OptionError: a keyword is unknown, a value is out of range, or two keywords exclude each other.
        SegmentError: metadata does not fit into a JPEG file.
    """
    _check_keywords(keywords)
    coding = _read_coding(image, keywords)
    options = _read_options(keywords)
    if coding.quality is not None:
        options["quality"] = coding.quality
    if coding.subsampling is not None:
        options["subsampling"] = coding.subsampling
    request = EncodeRequest(
        options=Options(**options),
        tables=coding.tables,
        rounded=coding.keep_quality,
        keep_rgb=bool(keywords.get("keep_rgb", False)),
        smooth=_read_integer(keywords, "smooth", 100),
        restart_rows=_read_integer(keywords, "restart_marker_rows", 65535),
    )
    return SaveRequest(request, _read_metadata(image, keywords))


def _check_keywords(keywords: Mapping[str, Any]) -> None:
    if keywords.get("append_images"):
        count = len(list(keywords["append_images"]))
        raise OptionError(
            f"append_images is not supported: a JPEG file holds one image; save with format='MPO', got {count} images"
        )
    check_names("Pillow's format 'SALIENCY_JPEG'", keywords.keys() - {"append_images"}, _KNOWN)
    if keywords.get("streamtype", 0) != 0:
        raise OptionError(
            f"streamtype must be 0; abbreviated streams (1 and 2) are not supported, got {keywords['streamtype']!r}"
        )


def _read_options(keywords: Mapping[str, Any]) -> dict[str, Any]:
    """Returns the fields of ``Options`` that do not depend on the image."""
    options = {name: keywords[name] for name in _UNCHANGED_OPTIONS & keywords.keys()}
    if keywords.keys() & {"progressive", "progression"}:
        options["progressive"] = bool(keywords.get("progressive") or keywords.get("progression"))
    blocks = _read_integer(keywords, "restart_marker_blocks", 65535)
    if blocks and options.get("restart_interval"):
        raise OptionError(
            "restart_interval and restart_marker_blocks mean the same; give one of them, "
            f"got {options['restart_interval']!r} and {blocks!r}"
        )
    if blocks:
        options["restart_interval"] = blocks
    return options


def _read_integer(keywords: Mapping[str, Any], name: str, high: int) -> int:
    value = keywords.get(name, 0)
    try:
        number = operator.index(value)
    except TypeError:
        number = -1
    if not 0 <= number <= high:
        raise OptionError(f"{name} must be an integer from 0 to {high}, got {value!r}")
    return number


# Quality, subsampling, tables ----------------------------------------------------------------------------------------


def _read_coding(image: Image.Image, keywords: Mapping[str, Any]) -> _Coding:
    quality, subsampling, qtables = (keywords.get(name) for name in ("quality", "subsampling", "qtables"))
    keep_quality = isinstance(quality, str) and quality == "keep"
    if isinstance(quality, str):
        if subsampling is not None or qtables is not None:
            raise OptionError(
                f"a quality preset sets subsampling and qtables; omit them or give quality as a number, got {quality!r}"
            )
        quality, subsampling, qtables = None, *_read_preset(quality)
    elif quality == -1:
        quality = None
    is_colour = image.mode not in ("1", "L")
    if keywords.get("keep_rgb") and is_colour and subsampling not in (None, -1, 0, "4:4:4", "auto"):
        raise OptionError(f"keep_rgb requires subsampling '4:4:4', got {subsampling!r}")
    tables = _read_tables(image, qtables, quality)
    name = _read_subsampling(image, subsampling)
    if tables is None:
        return _Coding(quality, name, None, keep_quality)
    return _Coding(None, name or _TABLES_SUBSAMPLING, tables, keep_quality)


def _read_preset(name: str) -> tuple[Any, Any]:
    """Returns subsampling and tables of a preset; applications may add presets to Pillow's."""
    if name == "keep":
        return "keep", "keep"
    if name not in JpegPresets.presets:
        known = ", ".join(map(repr, JpegPresets.presets))
        raise OptionError(f"quality must be a number from 0 to 100, 'keep' or one of {known}, got {name!r}")
    preset = JpegPresets.presets[name]
    return preset.get("subsampling"), preset.get("quantization")


def _read_subsampling(image: Image.Image, value: Any) -> str | None:
    if value is None or (isinstance(value, int) and value == -1):
        return None
    if isinstance(value, str) and value == "auto":
        return value
    if isinstance(value, str) and value == "keep":
        return _source_subsampling(image)
    if isinstance(value, str) and value in JpegPresets.presets:
        value = JpegPresets.presets[value].get("subsampling", 2)
    if not isinstance(value, str | int) or value not in _SUBSAMPLING_NAMES:
        raise OptionError(
            f"subsampling must be 0, 1, 2, 'keep', 'auto', a preset's name or like '4:2:0', got {value!r}"
        )
    return _SUBSAMPLING_NAMES[value]


def _source_subsampling(image: Image.Image) -> str | None:
    """Returns the source's subsampling; Pillow replaces all but three kinds by 4:2:0, this keeps all it can write."""
    layers: list[tuple[int, int]] = [layer[1:3] for layer in _require_jpeg_source(image, "subsampling").layer]
    if len(layers) != 3:
        return None
    for name, factors in SUBSAMPLINGS.items():
        if layers == [factors, (1, 1), (1, 1)]:
            return name
    raise OptionError(
        f"subsampling='keep' is not supported for a source with sampling factors {layers}; name one, got 'keep'"
    )


def _require_jpeg_source(image: Image.Image, keyword: str) -> Any:
    """Returns the image, checked to be one that Pillow read from a JPEG file."""
    if image.format != "JPEG" or not hasattr(image, "layer"):
        raise OptionError(f"{keyword}='keep' needs an image that was read from a JPEG file, got format {image.format}")
    return image


def _read_tables(image: Image.Image, qtables: Any, quality: Any) -> NDArray[np.uint16] | None:
    """Returns the tables Pillow would write, uint16 (n, 64); a quality scales them by libjpeg's rule, 50 by 1."""
    if qtables is None:
        return None
    if isinstance(qtables, str):
        qtables = _read_named_tables(image, qtables)
    if isinstance(qtables, Mapping):
        qtables = [qtables[key] for key in range(len(qtables)) if key in qtables]
    steps = _check_tables(qtables)
    largest = _MAX_STEP
    if quality is not None:
        Options(quality=quality)  # raises where it is out of range
        steps, largest = np.floor(steps * table_scale(round(quality)) + 0.5), _MAX_SCALED_STEP
    tables: NDArray[np.uint16] = np.clip(steps, 1, largest).astype(np.uint16)
    return tables


def _read_named_tables(image: Image.Image, text: str) -> Any:
    """Returns the tables of the source or of a preset, or parses numbers with ``#`` comments."""
    if text == "keep":
        return _require_jpeg_source(image, "qtables").quantization
    if text in JpegPresets.presets:
        return JpegPresets.presets[text].get("quantization")
    try:
        numbers = [int(word) for line in text.splitlines() for word in line.split("#", 1)[0].split()]
    except ValueError as error:
        raise OptionError(f"qtables must be 'keep', a preset's name or numbers, got {text!r}") from error
    return [numbers[at : at + 64] for at in range(0, len(numbers), 64)]


def _check_tables(qtables: Any) -> NDArray[np.float64]:
    try:
        tables = [[operator.index(step) for step in table] for table in qtables]
    except TypeError as error:
        raise OptionError(f"qtables must be sequences of 64 integers, got {qtables!r}") from error
    valid = 1 <= len(tables) <= 4 and all(len(table) == 64 and _fits_16_bits(table) for table in tables)
    if not valid:
        raise OptionError(f"qtables must be 1 to 4 tables of 64 integers from 0 to 65535, got {qtables!r}")
    return np.array(tables, np.float64)


def _fits_16_bits(table: Iterable[int]) -> bool:
    return all(0 <= step <= 65535 for step in table)


# Metadata ------------------------------------------------------------------------------------------------------------


def _read_metadata(image: Image.Image, keywords: Mapping[str, Any]) -> Metadata:
    """Returns what the keywords give and, as in Pillow, the image's comment; ``metadata=`` adds the image's own."""
    base = Metadata(comment=_to_bytes("comment", image.info.get("comment")))
    if "metadata" in keywords:
        given_options = {name: keywords[name] for name in ("metadata", "max_pixels") if name in keywords}
        options = Options(**given_options)  # raises where the mode is unknown
        own = load(image, max_pixels=options.max_pixels).metadata
        base = jpeg_metadata.collect(jpeg_metadata.build(own, options.metadata))
    given: dict[str, Any] = {}
    if "comment" in keywords:
        given["comment"] = _to_bytes("comment", keywords["comment"])
    if "exif" in keywords:
        given["exif"] = _read_exif(keywords["exif"])
    if keywords.get("xmp"):
        given["xmp"] = _to_bytes("xmp", keywords["xmp"])
    if keywords.get("icc_profile"):
        given["icc"] = _to_bytes("icc_profile", keywords["icc_profile"])
    if "dpi" in keywords:
        given["density"] = _read_density(keywords["dpi"])
    if keywords.get("extra"):
        given["extra"] = (*base.extra, *_read_extra(keywords["extra"]))
    return replace(base, **given)


def _to_bytes(name: str, value: Any) -> bytes | None:
    """Returns bytes as they are, text as UTF-8, and None for an empty value."""
    if isinstance(value, str):
        return value.encode() or None
    if value is None or isinstance(value, bytes | bytearray | memoryview):
        return bytes(value) if value else None
    raise OptionError(f"{name} must be bytes, got {type(value).__name__}")


def _read_exif(value: Any) -> bytes | None:
    r"""Returns the TIFF body of bytes, with or without the prefix ``Exif\0\0``, or of an ``Image.Exif``."""
    block = _to_bytes("exif", value.tobytes() if isinstance(value, Image.Exif) else value) or b""
    body = block.removeprefix(EXIF_HEADER)
    check_one_segment(body)
    return body or None


def _read_density(value: Any) -> tuple[int, int, int] | None:
    """Returns a density in dots per inch; Pillow writes none for (0, 0)."""
    if isinstance(value, Sequence) and len(value) == 2:
        if tuple(value) == (0, 0):
            return None
        density = checked_density(1, *value)
        if density is not None:
            return density
    raise OptionError(f"dpi must be two numbers from 1 to 65535, got {value!r}")


def _read_extra(value: Any) -> tuple[segments.Segment, ...]:
    """Parses APPn and COM segments that Pillow takes whole, with their markers and lengths."""
    data = _to_bytes("extra", value) or b""
    try:
        parsed = segments.parse(b"\xff\xd8" + data + b"\xff\xd9")
    except SegmentError as error:
        raise OptionError(f"extra must be complete APPn or COM segments ({error}), got {len(data)} bytes") from error
    if sum(4 + len(payload) for _, payload in parsed) != len(data):
        raise OptionError(f"extra must hold APPn and COM segments only, got {len(data)} bytes")
    return tuple(parsed)
