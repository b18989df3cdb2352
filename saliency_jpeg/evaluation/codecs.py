"""Encoders behind one interface, this library and its peers, for the size-matched comparison.

A codec encodes uint8 (H, W, 3) sRGB as a JPEG file (``jpeg2000``: a codestream of JPEG 2000 by Pillow's OpenJPEG;
``heic``: an intra picture of HEVC by pillow-heif) at a setting of its knob, a float; the file grows with it.
:data:`CODECS` maps names to factories. A factory raises ``ImportError`` or ``FileNotFoundError``, with a message that
says what to install, if its encoder is missing. The names of this library's codecs may be followed by options of
``compress``; ``saliency`` may be a weights file: ``saliency_jpeg+strength=0.7+saliency=mine.npz``, or ``null``.
"""

from __future__ import annotations

import importlib
import io
import json
import os
import re
import shutil
import subprocess
import tempfile
from collections.abc import Callable, Collection
from dataclasses import dataclass, fields
from functools import cache, partial
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal

import numpy as np
from PIL import Image, ImageCms

from ..errors import OptionError
from ..metadata.libjpeg_quality import ANNEX_K_CHROMA, ANNEX_K_LUMA
from ..metrics.arrays import Map, Pixels, to_ppm
from ..options import BYTES_PER_KB, Options
from .mozjpeg import find_cjpeg, run_cjpeg
from .msroi import Levels, collage

if TYPE_CHECKING:
    from ..saliency import SaliencyModel

__all__ = [
    "CODECS",
    "Codec",
    "annex_k_tables",
    "check_name",
    "decode",
    "find_codec",
    "find_model",
    "find_package",
    "split_name",
]

#: (rgb, knob, map or None) -> JPEG file
Encode = Callable[[Pixels, float, Map | None], bytes]
#: (rgb, size in bytes, map or None) -> JPEG file
EncodeToSize = Callable[[Pixels, float, Map | None], bytes]

#: The map that this library's codec uses: that of its own model (with "target" also its own rate control), none, or
#: the map by which the files are measured ("roi").
Mode = Literal["own", "off", "roi", "target"]


@dataclass(frozen=True)
class Codec:
    """One encoder at fixed options.

    Attributes:
        name: as in :data:`CODECS`.
        encode: (rgb, knob, map or None) -> JPEG file.
        low: smallest setting of the knob.
        high: largest setting of the knob.
        encode_to_size: (rgb, bytes, map or None) -> JPEG file; the encoder's own rate control, used in place of a
            search over the knob.
    """

    name: str
    encode: Encode
    low: float = 1.0
    high: float = 100.0
    encode_to_size: EncodeToSize | None = None


def find_codec(name: str) -> Codec:
    """Returns a codec by name, such as ``mozjpeg`` or ``saliency_jpeg+strength=0.7``.

    Raises:
        OptionError: the name is unknown, or an option behind it is.
        ImportError: a Python package is missing; the message says which.
        FileNotFoundError: a program is missing; the message says which.
    """
    check_name("codec", name, CODECS, _OURS, "saliency_jpeg+strength=0.7")
    return _build(name)


def check_name(kind: str, name: str, known: Collection[str], ours: Collection[str], example: str) -> None:
    """Checks the name of a codec or a decoder.

    Args:
        kind: what it names, for the error.
        name: as the user wrote it.
        known: names without options.
        ours: those of them that take options.
        example: of a name with options, for the error.

    Raises:
        OptionError: it is unknown, or options follow one that takes none.
    """
    base, *words = name.split("+")
    if base not in known:
        raise OptionError(f"{kind} must be one of {', '.join(known)}, got {name!r}")
    if words and (base not in ours or not all(re.fullmatch(r"\w+=.+", word) for word in words)):
        raise OptionError(f"only {', '.join(ours)} take options, as in {example}, got {name!r}")


def split_name(name: str) -> tuple[str, dict[str, Any]]:
    """Splits a name that :func:`check_name` accepts into the name without options, and the options."""
    base, *words = name.split("+")
    pairs = (word.split("=", 1) for word in words)
    return base, {key: _parse_value(text) for key, text in pairs}


@cache
def _build(name: str) -> Codec:
    base, settings = split_name(name)
    return CODECS[base](name, **settings)


def _parse_value(text: str) -> Any:
    """Returns a number, true, false or null as in JSON, or the text itself."""
    try:
        return json.loads(text)
    except ValueError:
        return text


def find_model(name: str) -> SaliencyModel:
    """Returns a saliency model: that of a preset, or the one in a weights file if the name ends in .npz.

    Raises:
        PresetError: there is no such preset, or the file cannot be used.
    """
    from ..saliency import SaliencyModel

    return SaliencyModel.from_file(name) if name.endswith(".npz") else SaliencyModel.from_preset(name)


def decode(jpeg: bytes) -> Pixels:
    """Decodes a JPEG file with libjpeg-turbo to uint8 (H, W, 3) sRGB, converted from its ICC profile if it has one."""
    image = Image.open(io.BytesIO(jpeg))
    icc = image.info.get("icc_profile")
    rgb: Image.Image | None = image.convert("RGB")
    if icc and rgb:
        source, target = ImageCms.ImageCmsProfile(io.BytesIO(icc)), ImageCms.createProfile("sRGB")
        rgb = ImageCms.profileToProfile(rgb, source, target, renderingIntent=ImageCms.Intent.RELATIVE_COLORIMETRIC)
    return np.asarray(rgb)


# ---- libjpeg-turbo -----------------------------------------------------------------------------


def annex_k_tables(quality: float) -> list[list[int]]:
    """Returns luma and chroma tables, 64 steps each in natural order, at a quality from 1 to 100.

    The size search needs fractional qualities too. At whole ones the tables are libjpeg's from quality 50 on; below,
    libjpeg rounds ``5000 / quality`` down first, so a step may differ by up to two.
    """
    scale = 5000.0 / quality if quality < 50 else 200.0 - 2.0 * quality
    base = np.array([ANNEX_K_LUMA, ANNEX_K_CHROMA], np.int64)
    tables: list[list[int]] = np.clip(np.floor((base * scale + 50) / 100), 1, 255).astype(int).tolist()
    return tables


def _encode_pillow(rgb: Pixels, quality: float, saliency: Map | None = None, **options: Any) -> bytes:
    out = io.BytesIO()
    Image.fromarray(rgb).save(out, "JPEG", qtables=annex_k_tables(quality), **options)
    return out.getvalue()


def _pillow(name: str, **options: Any) -> Codec:
    return Codec(name, partial(_encode_pillow, **options))


def _simplejpeg(name: str) -> Codec:
    simplejpeg = find_package("simplejpeg", "simplejpeg")

    def encode(rgb: Pixels, quality: float, saliency: Map | None = None) -> bytes:
        jpeg: bytes = simplejpeg.encode_jpeg(np.ascontiguousarray(rgb), quality=round(quality), colorsubsampling="420")
        return jpeg

    return Codec(name, encode)


def _jpeg2000(name: str) -> Codec:
    def encode(rgb: Pixels, knob: float, saliency: Map | None = None) -> bytes:  # knob: log2 of the share of raw bytes
        out = io.BytesIO()
        options: dict[str, Any] = {"quality_mode": "rates", "quality_layers": [2.0**-knob]}
        Image.fromarray(rgb).save(out, "JPEG2000", irreversible=True, no_jp2=True, **options)
        return out.getvalue()

    def encode_to_size(rgb: Pixels, size: float, saliency: Map | None = None) -> bytes:  # it has a rate control
        return encode(rgb, np.log2(size / rgb.size))

    return Codec(name, encode, low=-12.0, high=0.0, encode_to_size=encode_to_size)


def _heic(name: str) -> Codec:
    pillow_heif = find_package("pillow_heif", "pillow-heif")
    pillow_heif.register_heif_opener(thumbnails=False)

    def encode(rgb: Pixels, quality: float, saliency: Map | None = None) -> bytes:
        out = io.BytesIO()
        Image.fromarray(rgb).save(out, "HEIF", quality=round(quality), chroma=420)
        return out.getvalue()

    return Codec(name, encode, low=0.0, high=100.0)


# ---- mozjpeg, jpegli, guetzli ------------------------------------------------------------------


def _mozjpeg(name: str, *flags: str) -> Codec:
    program = find_cjpeg()

    def encode(rgb: Pixels, quality: float, saliency: Map | None = None) -> bytes:
        return run_cjpeg(program, to_ppm(rgb), quality, *flags)

    return Codec(name, encode, low=2.0, high=99.0)


def _jpegli(name: str, **options: Any) -> Codec:
    ajpegli = find_package("ajpegli", "ajpegli")

    def encode(rgb: Pixels, knob: float, saliency: Map | None = None) -> bytes:  # knob: -log2 of the distance
        jpeg: bytes = ajpegli.encode(np.ascontiguousarray(rgb), distance=2.0**-knob, **options)
        return jpeg

    return Codec(name, encode, low=-6.5, high=4.0)


def _guetzli(name: str) -> Codec:
    program = os.environ.get("GUETZLI") or shutil.which("guetzli")
    if not program:
        raise FileNotFoundError("guetzli is missing: install it, or set $GUETZLI")

    def encode(rgb: Pixels, quality: float, saliency: Map | None = None) -> bytes:
        with tempfile.TemporaryDirectory() as folder:
            source, target = Path(folder) / "in.png", Path(folder) / "out.jpg"
            Image.fromarray(rgb).save(source)
            command = [program, "--quality", str(round(quality)), str(source), str(target)]
            subprocess.run(command, capture_output=True, check=True)
            return target.read_bytes()

    return Codec(name, encode, low=84.0, high=99.0)


def find_package(module: str, requirement: str) -> Any:
    """Imports a module that is optional.

    Args:
        module: its name.
        requirement: what pip has to install for it.

    Raises:
        ImportError: it is missing; the message says what to install.
    """
    try:
        return importlib.import_module(module)
    except ImportError as error:
        raise ImportError(f"{module} is missing: pip install {requirement}") from error


# ---- MS-ROI and ours ---------------------------------------------------------------------------


def _msroi(name: str, levels: Levels) -> Codec:
    plain = partial(_encode_pillow, subsampling="4:2:0")

    def encode(rgb: Pixels, quality: float, saliency: Map | None = None) -> bytes:
        if saliency is None:
            raise OptionError("msroi needs saliency maps (--maps), got None")
        stack = [decode(plain(rgb, float(q))) for q in range(10, 101, 10)]
        return plain(collage(np.stack(stack), saliency, levels), quality)

    return Codec(name, encode)


_SET_BY_US = ("quality", "target_kb", "saliency", "device")
_OTHER_SIZE = ("max_width", "max_height", "allow_downscale")  # pictures of one size are compared
_OURS = ("saliency_jpeg", "saliency_jpeg-off", "saliency_jpeg-roi", "saliency_jpeg-target")


def _ours(name: str, mode: Mode, **settings: Any) -> Codec:
    from ..encoder import compress

    chosen = None if mode in ("off", "roi") else settings.pop("saliency", "default")
    own = None if chosen is None else _CachedModel(str(chosen))
    allowed = {field.name for field in fields(Options)} - {*_SET_BY_US, *_OTHER_SIZE}
    if refused := settings.keys() - allowed:
        raise OptionError(f"{', '.join(sorted(refused))} cannot be set for a codec, got {name!r}")
    Options(**settings)  # checks the values before any work

    def encode(rgb: Pixels, quality: float, roi: Map | None = None) -> bytes:
        used: Any = own(rgb) if own else roi if mode == "roi" else None
        return compress(rgb, quality=quality, saliency=used, **settings)

    def encode_to_size(rgb: Pixels, size: float, roi: Map | None = None) -> bytes:
        return compress(rgb, target_kb=size / BYTES_PER_KB, saliency=own(rgb) if own else None, **settings)

    return Codec(name, encode, encode_to_size=encode_to_size if mode == "target" else None)


class _CachedModel:
    """A model that keeps the map of the last image: the search for a size needs it a dozen times."""

    def __init__(self, name: str) -> None:
        self._name = name
        self._model: SaliencyModel | None = None
        self._last: tuple[Pixels, Any] | None = None

    def __call__(self, rgb: Pixels) -> Any:
        self._model = self._model or find_model(self._name)
        if self._last is None or self._last[0] is not rgb:
            self._last = rgb, self._model.lazy_map(rgb)
        return self._last[1]


CODECS: dict[str, Callable[..., Codec]] = {
    "pillow": partial(_pillow, subsampling="4:2:0", optimize=True, progressive=True),
    "pillow-base": partial(_pillow, subsampling="4:2:0"),
    "pillow-444": partial(_pillow, subsampling="4:4:4", optimize=True, progressive=True),
    "simplejpeg": _simplejpeg,
    "jpeg2000": _jpeg2000,
    "heic": _heic,
    "mozjpeg": lambda name: _mozjpeg(name, "-sample", "2x2"),
    "mozjpeg-444": lambda name: _mozjpeg(name, "-sample", "1x1"),
    "mozjpeg-psnr": lambda name: _mozjpeg(name, "-sample", "2x2", "-tune-psnr", "-quant-table", "1"),
    "jpegli": _jpegli,
    "jpegli-444": partial(_jpegli, subsampling="444"),
    "jpegli-noaq": partial(_jpegli, adaptive_quantization=False),
    "guetzli": _guetzli,
    "msroi3": partial(_msroi, levels=3),
    "msroi6": partial(_msroi, levels=6),
    "saliency_jpeg": partial(_ours, mode="own"),
    "saliency_jpeg-off": partial(_ours, mode="off"),
    "saliency_jpeg-roi": partial(_ours, mode="roi"),
    "saliency_jpeg-target": partial(_ours, mode="target"),
}
