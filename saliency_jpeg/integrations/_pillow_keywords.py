"""Pillow's JPEG keywords, with Pillow's meaning of them, as a recipe and metadata.

What is said here about Pillow was read in its ``JpegImagePlugin`` (13.0) and is held against it by the tests.
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
from ..metadata import segments
from ..metadata.model import EXIF_HEADER, Metadata
from ..metadata.segments import checked_density
from ..options import Options
from ._compat import OPTION_NAMES, Recipe, check_names, table_scale

__all__ = ["PILLOW_KEYWORDS", "PILLOW_MODES", "Request", "translate"]

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
PILLOW_MODES: Final = ("1", "L", "RGB", "RGBX", "YCbCr")  # that Pillow saves as JPEG and this library does alike

_KNOWN: Final = frozenset((*PILLOW_KEYWORDS, *OPTION_NAMES))
_PASSED_ON: Final = frozenset(OPTION_NAMES) - {"quality", "subsampling", "progressive", "metadata"}
# "4:1:1" has meant 4:2:0 in Pillow ever since it was misnamed there.
_SUBSAMPLINGS: Final[dict[str | int, str]] = {
    0: "4:4:4",
    1: "4:2:2",
    2: "4:2:0",
    **{name: name for name in SUBSAMPLINGS},
    "4:1:1": "4:2:0",
}
_SUBSAMPLINGS_OF_TABLES: Final = "4:2:0"  # libjpeg's default
_LARGEST_STEP: Final = 32767  # libjpeg's limit; 255 where a quality scales the tables


class Request(NamedTuple):
    """What one call of ``save`` asks for."""

    recipe: Recipe
    metadata: Metadata


def translate(image: Image.Image, keywords: Mapping[str, Any]) -> Request:
    """The keywords of one call.

    Args:
        image: gives what ``"keep"`` refers to, and the comment that Pillow keeps by default.
        keywords: Pillow's, and the fields of :class:`saliency_jpeg.Options`.

    Raises:
        OptionError: an unknown keyword, a value out of range, or two that exclude each other.
        SegmentError: metadata that does not fit into a JPEG file.
    """
    if keywords.get("append_images"):
        raise OptionError(
            "append_images is not supported: this encoder writes one picture a file; save as format 'MPO', "
            f"got {len(list(keywords['append_images']))} images"
        )
    check_names("Pillow's JPEG format here", keywords.keys() - {"append_images"}, _KNOWN)
    _check_streamtype(keywords.get("streamtype", 0))
    quality, subsampling, tables, kept = _look(image, keywords)
    options = _options(keywords)
    if quality is not None:
        options["quality"] = quality
    if subsampling is not None:
        options["subsampling"] = subsampling
    recipe = Recipe(
        options=Options(**options),
        tables=tables,
        rounded=kept,
        keep_rgb=bool(keywords.get("keep_rgb", False)),
        smooth=_integer(keywords, "smooth", 100),
        restart_rows=_integer(keywords, "restart_marker_rows", 65535),
    )
    return Request(recipe, _metadata(image, keywords))


def _options(keywords: Mapping[str, Any]) -> dict[str, Any]:
    """The fields of ``Options`` that do not depend on the image."""
    options = {name: keywords[name] for name in _PASSED_ON & keywords.keys()}
    if keywords.keys() & {"progressive", "progression"}:
        options["progressive"] = bool(keywords.get("progressive") or keywords.get("progression"))
    blocks = _integer(keywords, "restart_marker_blocks", 65535)
    if blocks and options.get("restart_interval"):
        raise OptionError(f"restart_interval is another name of restart_marker_blocks, got both, {blocks!r}")
    if blocks:
        options["restart_interval"] = blocks
    return options


def _check_streamtype(value: object) -> None:
    if value != 0:
        raise OptionError(
            f"streamtype must be 0, a whole file; abbreviated streams (1 and 2) are not written, got {value!r}"
        )


def _integer(keywords: Mapping[str, Any], name: str, high: int) -> int:
    value = keywords.get(name, 0)
    try:
        number = operator.index(value)
    except TypeError:
        number = -1
    if not 0 <= number <= high:
        raise OptionError(f"{name} must be an integer from 0 to {high}, got {value!r}")
    return number


# How it looks: quality, subsampling, tables ---------------------------------------------------------------------------


def _look(
    image: Image.Image, keywords: Mapping[str, Any]
) -> tuple[float | None, str | None, NDArray[np.uint16] | None, bool]:
    """Quality, subsampling, tables, and whether the source's quality is kept; ``None`` where nothing was said."""
    quality, subsampling, qtables = (keywords.get(name) for name in ("quality", "subsampling", "qtables"))
    kept = isinstance(quality, str) and quality == "keep"
    if isinstance(quality, str):
        if subsampling is not None or qtables is not None:
            raise OptionError(f"subsampling and qtables do not go with a quality that names both, got {quality!r}")
        quality, subsampling, qtables = None, *_preset(quality)
    elif quality == -1:
        quality = None
    coloured = image.mode not in ("1", "L")
    if keywords.get("keep_rgb") and coloured and subsampling not in (None, -1, 0, "4:4:4", "auto"):
        raise OptionError(f"keep_rgb goes with subsampling '4:4:4' only, got {subsampling!r}")
    tables = _tables(image, qtables, quality)
    named = _subsampling(image, subsampling)
    if tables is not None and named is None:
        named = _SUBSAMPLINGS_OF_TABLES
    return None if tables is not None else quality, named, tables, kept


def _preset(name: str) -> tuple[Any, Any]:
    """Subsampling and tables of one of Pillow's presets, which applications may add to."""
    if name == "keep":
        return "keep", "keep"
    if name not in JpegPresets.presets:
        known = ", ".join(map(repr, JpegPresets.presets))
        raise OptionError(f"quality must be a number from 0 to 100, 'keep' or one of {known}, got {name!r}")
    preset = JpegPresets.presets[name]
    return preset.get("subsampling"), preset.get("quantization")


def _subsampling(image: Image.Image, value: Any) -> str | None:
    if value is None or (isinstance(value, int) and value == -1):
        return None
    if isinstance(value, str) and value == "auto":
        return value
    if isinstance(value, str) and value == "keep":
        return _kept_subsampling(image)
    if isinstance(value, str) and value in JpegPresets.presets:
        value = JpegPresets.presets[value].get("subsampling", 2)
    if not isinstance(value, str | int) or value not in _SUBSAMPLINGS:
        raise OptionError(f"subsampling must be 0, 1, 2, 'keep', 'auto', a preset or like '4:2:0', got {value!r}")
    return _SUBSAMPLINGS[value]


def _kept_subsampling(image: Image.Image) -> str | None:
    """The source's; Pillow knows three kinds and takes 4:2:0 for the others, here all that can be written are kept."""
    layers: list[tuple[int, int]] = [layer[1:3] for layer in _source(image, "subsampling").layer]
    if len(layers) != 3:
        return None
    for name, factors in SUBSAMPLINGS.items():
        if layers == [factors, (1, 1), (1, 1)]:
            return name
    raise OptionError(f"subsampling 'keep' cannot be written for a source with the factors {layers}, got 'keep'")


def _source(image: Image.Image, keyword: str) -> Any:
    """The image, if it is one that was read from a JPEG file."""
    if image.format != "JPEG" or not hasattr(image, "layer"):
        raise OptionError(f"{keyword} 'keep' needs an image that was read from a JPEG file, got {image.format}")
    return image


def _tables(image: Image.Image, qtables: Any, quality: Any) -> NDArray[np.uint16] | None:
    """(n, 64) steps as Pillow would write them; a quality scales them, 50 being 1."""
    if qtables is None:
        return None
    if isinstance(qtables, str):
        qtables = _named_tables(image, qtables)
    if isinstance(qtables, Mapping):
        qtables = [qtables[key] for key in range(len(qtables)) if key in qtables]
    steps = _steps(qtables)
    largest = _LARGEST_STEP
    if quality is not None:
        Options(quality=quality)  # its own words where it is no number
        steps, largest = np.floor(steps * table_scale(round(quality)) + 0.5), 255
    tables: NDArray[np.uint16] = np.clip(steps, 1, largest).astype(np.uint16)
    return tables


def _named_tables(image: Image.Image, text: str) -> Any:
    """The tables of the source, of a preset, or written out: numbers, with comments behind ``#``."""
    if text == "keep":
        return _source(image, "qtables").quantization
    if text in JpegPresets.presets:
        return JpegPresets.presets[text].get("quantization")
    try:
        numbers = [int(word) for line in text.splitlines() for word in line.split("#", 1)[0].split()]
    except ValueError as error:
        raise OptionError(f"qtables must be 'keep', a preset or numbers, got {text!r}") from error
    return [numbers[at : at + 64] for at in range(0, len(numbers), 64)]


def _steps(qtables: Any) -> NDArray[np.float64]:
    """One to four tables of 64 integers."""
    try:
        tables = [[operator.index(step) for step in table] for table in qtables]
    except TypeError as error:
        raise OptionError(f"qtables must be sequences of 64 integers, got {qtables!r}") from error
    good = 1 <= len(tables) <= 4 and all(len(table) == 64 and _fit(table) for table in tables)
    if not good:
        raise OptionError(f"qtables must be 1 to 4 tables of 64 integers from 0 to 65535, got {qtables!r}")
    return np.array(tables, np.float64)


def _fit(table: Iterable[int]) -> bool:
    return all(0 <= step <= 65535 for step in table)


# What goes with it: metadata ------------------------------------------------------------------------------------------


def _metadata(image: Image.Image, keywords: Mapping[str, Any]) -> Metadata:
    """As Pillow: what the keywords give and the image's comment.  With ``metadata=`` all that the image has as well."""
    base = Metadata(comment=_bytes("comment", image.info.get("comment")))
    if "metadata" in keywords:
        Options(metadata=keywords["metadata"])
        base = segments.collect(segments.build(load(image).metadata, keywords["metadata"]))
    given: dict[str, Any] = {}
    if "comment" in keywords:
        given["comment"] = _bytes("comment", keywords["comment"])
    if "exif" in keywords:
        given["exif"] = _exif(keywords["exif"])
    if keywords.get("xmp"):
        given["xmp"] = _bytes("xmp", keywords["xmp"])
    if keywords.get("icc_profile"):
        given["icc"] = _bytes("icc_profile", keywords["icc_profile"])
    if "dpi" in keywords:
        given["density"] = _density(keywords["dpi"])
    if keywords.get("extra"):
        given["extra"] = (*base.extra, *_extra(keywords["extra"]))
    return replace(base, **given)


def _bytes(name: str, value: Any) -> bytes | None:
    """Bytes as they are, text as UTF-8, nothing as ``None``."""
    if isinstance(value, str):
        return value.encode() or None
    if value is None or isinstance(value, bytes | bytearray | memoryview):
        return bytes(value) if value else None
    raise OptionError(f"{name} must be bytes, got {type(value).__name__}")


def _exif(value: Any) -> bytes | None:
    """The TIFF body, of bytes with or without the prefix ``Exif\\0\\0`` or of ``Image.Exif``."""
    block = _bytes("exif", value.tobytes() if isinstance(value, Image.Exif) else value)
    return block.removeprefix(EXIF_HEADER) or None if block else None


def _density(value: Any) -> tuple[int, int, int] | None:
    """Dots per inch; (0, 0) is Pillow's way to say nothing."""
    if isinstance(value, Sequence) and len(value) == 2:
        if tuple(value) == (0, 0):
            return None
        density = checked_density(1, *value)
        if density is not None:
            return density
    raise OptionError(f"dpi must be two numbers from 1 to 65535, got {value!r}")


def _extra(value: Any) -> tuple[segments.Segment, ...]:
    """Whole APPn and COM segments, markers and lengths included, as Pillow takes them."""
    data = _bytes("extra", value) or b""
    try:
        found = segments.parse(b"\xff\xd8" + data + b"\xff\xd9")
    except SegmentError as error:
        raise OptionError(f"extra must be whole segments ({error}), got {len(data)} bytes") from error
    if sum(4 + len(payload) for _, payload in found) != len(data):
        raise OptionError(f"extra must be APPn and COM segments and nothing else, got {len(data)} bytes")
    return tuple(found)
