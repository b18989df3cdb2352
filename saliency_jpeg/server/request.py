"""What a client asks for: options in a query, or in a path in imgproxy's manner."""

from __future__ import annotations

import base64
import binascii
import difflib
import math
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace
from typing import Any, Final, Literal, cast
from urllib.parse import unquote

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from ..checks import check_integer
from ..errors import InputError, OptionError
from ..options import BYTES_PER_KB, Options
from ..saliency.given import gray_values, read_map
from ..saliency.sources import Source, combine

__all__ = ["Format", "Wanted", "parse_path", "parse_query"]

Format = Literal["jpeg", "json"]
_FORMATS: Final[dict[str, Format]] = {"jpeg": "jpeg", "jpg": "jpeg", "json": "json"}
_NAMES: Final = {  # of parameters and, in a path, of imgproxy's options, with the short ones
    **dict.fromkeys(("target_kb", "kb"), "target_kb"),
    **dict.fromkeys(("max_bytes", "mb"), "max_bytes"),
    **dict.fromkeys(("width", "w"), "max_width"),
    **dict.fromkeys(("height", "h"), "max_height"),
    **dict.fromkeys(("quality", "q"), "quality"),
    **dict.fromkeys(("format", "f", "ext"), "format"),
    "protect": "protect",
}
_MOST_BYTES: Final = 10**12  # more than a file has
_MOST_MASK: Final = 12_000  # characters
_MOST_MASK_PIXELS: Final = 512 * 512


@dataclass(frozen=True)
class Wanted:
    """What is to be made of a picture.

    Attributes:
        options: of the encoder.
        format: a JPEG file, or JSON with the file, its map and its bits.
    """

    options: Options
    format: Format = "jpeg"


def parse_query(parameters: Iterable[tuple[str, str]], base: Options) -> Wanted:
    """Reads ``target_kb``, ``width``, ``height``, ``quality``, ``format`` and ``protect``.

    Args:
        parameters: names and values.
        base: options that hold unless a parameter says otherwise.

    Raises:
        OptionError: a parameter is unknown, given twice or out of range.
        InputError: ``protect`` is no picture.
    """
    values: dict[str, str] = {}
    for name, value in parameters:
        field = _field(name)
        if field in values:
            raise OptionError(f"{name} must be given once, got {value!r} too")
        values[field] = value
    return _wanted(values, base)


def parse_path(path: str, base: Options) -> tuple[Wanted, str]:
    """Reads ``/w:300/q:75/plain/SOURCE@jpg`` or ``/w:300/BASE64.jpg``.

    Args:
        path: as it is sent, without the signature.
        base: as for :func:`parse_query`.

    Returns:
        What is wanted, and the address of the picture.

    Raises:
        OptionError: an option is unknown, given twice or out of range, or there is no address.
    """
    parts = path.lstrip("/").split("/")
    count = next((i for i, part in enumerate(parts) if ":" not in part), len(parts))
    given = [pair for part in parts[:count] for pair in _path_option(part)]
    address, suffix = _address(parts[count:])
    if suffix:
        given.append(("format", suffix))
    return parse_query(given, base), address


def _path_option(part: str) -> list[tuple[str, str]]:
    name, *arguments = part.split(":")
    if name in ("resize", "rs"):
        kind, *sides = arguments
        if kind != "fit" or len(sides) != 2:
            raise OptionError(f"{name} must be {name}:fit:WIDTH:HEIGHT, got {part!r}")
        return [pair for pair in zip(("width", "height"), sides, strict=True) if pair[1] not in ("", "0")]
    if len(arguments) != 1:
        raise OptionError(f"an option must be NAME:VALUE, got {part!r}")
    return [(name, arguments[0])]


def _address(parts: list[str]) -> tuple[str, str]:
    """The address of the picture, and what follows it as a format."""
    if parts[:1] == ["plain"] and len(parts) > 1:
        address, _, suffix = "/".join(parts[1:]).partition("@")
        return unquote(address), suffix
    encoded, _, suffix = "".join(parts).partition(".")
    try:
        address = base64.b64decode(encoded + "=" * (-len(encoded) % 4), "-_", validate=True).decode()
    except ValueError:
        address = ""
    if not address:
        raise OptionError(f"a path must end in plain/ADDRESS or an address in URL-safe Base64, got {'/'.join(parts)!r}")
    return address, suffix


def _field(name: str) -> str:
    if name not in _NAMES:
        near = difflib.get_close_matches(name, _NAMES, 1)
        hint = f"did you mean {near[0]!r}?" if near else f"known are {', '.join(_NAMES)};"
        raise OptionError(f"there is no parameter {name!r}; {hint} got {name!r}")
    return _NAMES[name]


def _wanted(values: Mapping[str, str], base: Options) -> Wanted:
    text = values.get("format", "jpeg").lower()
    if text not in _FORMATS:
        raise OptionError(f"format must be jpeg or json, got {text!r}")
    changes: dict[str, Any] = {}
    for name in ("target_kb", "max_bytes", "quality", "max_width", "max_height"):
        if name in values:
            changes[name] = _number(name, values[name], int if name.startswith("max_") else float)
    if (limit := changes.pop("max_bytes", None)) is not None:
        check_integer("max_bytes", limit, 1, _MOST_BYTES)
        changes["target_kb"] = min(limit / BYTES_PER_KB, changes.get("target_kb", limit / BYTES_PER_KB))
    if changes.keys() & {"target_kb", "quality"} and base.target_score is not None:
        changes["target_score"] = None
    if "protect" in values:
        changes["saliency"] = _protected(base, _mask(values["protect"]))
    return Wanted(replace(base, **changes), _FORMATS[text])


def _number(name: str, text: str, kind: type[int] | type[float]) -> float:
    try:
        number = kind(text)
    except ValueError:
        number = math.nan
    if isinstance(number, float) and math.isnan(number):
        raise OptionError(f"{name} must be a number, got {text!r}")
    return number


def _mask(text: str) -> NDArray[np.float32]:
    """A small picture in URL-safe Base64 as a map; where it is white the picture matters."""
    try:
        if len(text) > _MOST_MASK:
            raise ValueError(f"it must have at most {_MOST_MASK} characters, got {len(text)}")
        data = base64.b64decode(text + "=" * (-len(text) % 4), "-_", validate=True)
        return read_map(gray_values(data, max_pixels=_MOST_MASK_PIXELS))  # by the header, before it is decoded
    except (ValueError, binascii.Error) as error:
        raise InputError(f"protect must be a PNG file in URL-safe Base64: {error}") from error


def _protected(base: Options, mask: NDArray[np.float32]) -> Source:
    """The saliency of the options, with a mask of the upright picture, at any size, that counts in any case."""

    def at_size(rgb: NDArray[np.uint8]) -> NDArray[np.float32]:
        height, width = rgb.shape[:2]
        scaled = Image.fromarray(mask).resize((width, height), Image.Resampling.BILINEAR)
        return np.asarray(scaled).clip(0, 1)

    source = cast(Source, [] if base.saliency is None else base.saliency)
    return combine(source, protect=at_size)
