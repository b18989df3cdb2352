"""Ways to ask a decoder that is not ours: a Python module, a program, a package of npm, a browser.

An adapter takes paths of JPEG files and returns for each the pixels, uint8 (H, W) or (H, W, 3), or ``None`` where the
decoder refuses the file.
"""

from __future__ import annotations

import base64
import io
import json
import os
import re
import subprocess
import tempfile
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any, Final, TypeAlias

import numpy as np
from numpy.typing import NDArray
from PIL import Image

Pixels: TypeAlias = NDArray[np.uint8]
Decode: TypeAlias = Callable[[Sequence[Path]], list[Pixels | None]]

PROGRAMS: Final = Path(__file__).resolve().parent / "programs"
TIMEOUT: Final = 300  # seconds that one program may take


# Modules of Python --------------------------------------------------------------------------------------------------


def each(decode: Callable[[bytes], Any]) -> Decode:
    """An adapter of a function that takes the bytes of a file and raises for what it refuses."""

    def decode_all(paths: Sequence[Path]) -> list[Pixels | None]:
        return [_attempt(decode, path.read_bytes()) for path in paths]

    return decode_all


def _attempt(decode: Callable[..., Any], source: bytes | Path) -> Pixels | None:
    try:
        return _plain(decode(source))
    except Exception:  # whatever a decoder raises is its way to refuse
        return None


def _plain(pixels: Any) -> Pixels | None:
    """Gray without an axis of channels, colour without opacity."""
    if pixels is None:
        return None
    array = np.asarray(pixels)
    if array.dtype != np.uint8:
        raise TypeError(f"pixels must be uint8, got {array.dtype}")
    if array.ndim == 3 and array.shape[2] == 1:
        array = array[..., 0]
    return array[..., :3] if array.ndim == 3 else array


def pillow(jpeg: bytes) -> Any:
    with Image.open(io.BytesIO(jpeg)) as image:
        return np.asarray(image)


def opencv(jpeg: bytes) -> Any:
    import cv2

    pixels = cv2.imdecode(np.frombuffer(jpeg, np.uint8), cv2.IMREAD_UNCHANGED)
    return pixels if pixels is None or pixels.ndim == 2 else pixels[..., ::-1]


def tensorflow(jpeg: bytes) -> Any:
    import tensorflow as tf

    return tf.io.decode_jpeg(jpeg, dct_method="INTEGER_ACCURATE").numpy()


def simplejpeg(jpeg: bytes, repeat: bool = False) -> Any:
    import simplejpeg

    gray = simplejpeg.decode_jpeg_header(jpeg)[2] == "Gray"
    return simplejpeg.decode_jpeg(jpeg, "GRAY" if gray else "RGB", fastdct=False, fastupsample=repeat)


def imagecodecs(jpeg: bytes) -> Any:
    import imagecodecs

    return imagecodecs.jpeg8_decode(jpeg)


def skia(jpeg: bytes) -> Any:
    import skia

    return skia.Image.MakeFromEncoded(skia.Data(jpeg)).toarray(colorType=skia.kRGBA_8888_ColorType)


def jpegli(jpeg: bytes) -> Any:
    import ajpegli

    return ajpegli.imdecode(jpeg)


def mupdf(jpeg: bytes) -> Any:
    import pymupdf

    picture = pymupdf.Pixmap(jpeg)
    return np.frombuffer(picture.samples, np.uint8).reshape(picture.height, picture.width, picture.n)


def thomas_richter(jpeg: bytes) -> Any:
    import libjpeg

    return libjpeg.decode(jpeg, colour_transform=1)


def stb_image(jpeg: bytes) -> Any:
    import raylib

    channels = {raylib.PIXELFORMAT_UNCOMPRESSED_GRAYSCALE: 1, raylib.PIXELFORMAT_UNCOMPRESSED_R8G8B8: 3}
    raylib.SetTraceLogLevel(raylib.LOG_NONE)
    picture = raylib.LoadImageFromMemory(b".jpg", jpeg, len(jpeg))
    size = (picture.height, picture.width, channels[picture.format])
    return np.frombuffer(raylib.ffi.buffer(picture.data, size[0] * size[1] * size[2]), np.uint8).reshape(size)


def jpeglib(library: str) -> Decode:
    """One of the libraries that jpeglib holds."""

    def decode_all(paths: Sequence[Path]) -> list[Pixels | None]:
        import jpeglib

        def decode(path: Path) -> Any:
            return jpeglib.read_spatial(path, dct_method=jpeglib.JDCT_ISLOW).spatial

        with jpeglib.version(library):
            return [_attempt(decode, path) for path in paths]

    return decode_all


# Programs that write a picture --------------------------------------------------------------------------------------


def program(*words: str, suffix: str = ".ppm") -> Decode:
    """An adapter of a program that decodes one file.

    Args:
        words: the command; ``SOURCE`` and ``TARGET`` become names of files, ``SIDE`` the longer side of the picture.
            Without a target the picture is what the program prints.
        suffix: of the target.
    """

    def decode(path: Path) -> Pixels | None:
        target = Path(f"{path}{suffix}")
        with Image.open(path) as image:
            names = {"SOURCE": str(path), "TARGET": str(target), "SIDE": str(max(image.size))}
        done = run([names.get(word, word) for word in words])
        if "TARGET" not in words:
            target.write_bytes(done.stdout)
        return read_picture(target)

    return lambda paths: [decode(path) for path in paths]


def ffmpeg(paths: Sequence[Path]) -> list[Pixels | None]:
    """The planes that FFmpeg decodes; its scaler, which has filters of its own for chroma, is left out."""
    return [_attempt(_ffmpeg_planes, path) for path in paths]


def _ffmpeg_planes(path: Path) -> Pixels:
    with Image.open(path) as image:
        width, height = image.size
        is_rgb = image.info.get("adobe_transform") == 0
        names = "y" if image.mode == "L" else "rgb" if is_rgb else "yuv"
    links = "".join(f"[{name}]" for name in names)
    command = ["ffmpeg", "-v", "error", "-i", str(path), "-filter_complex", f"extractplanes={'+'.join(names)}{links}"]
    for name in names:
        command += ["-map", f"[{name}]", "-frames:v", "1", "-update", "1", f"{path}.{name}.pgm"]
    run(command)
    planes = [_repeated(read_picture(Path(f"{path}.{name}.pgm")), (height, width)) for name in names]
    return planes[0] if names == "y" else np.stack(planes, -1) if is_rgb else _to_rgb(*planes)


def _repeated(plane: Pixels | None, size: tuple[int, int]) -> Pixels:
    """A plane with its samples repeated to full size."""
    if plane is None:
        raise ValueError("the plane is missing")
    rows, cols = (
        next(factor for factor in (1, 2, 4) if -(-whole // factor) == part)
        for whole, part in zip(size, plane.shape, strict=True)
    )
    return plane.repeat(rows, 0).repeat(cols, 1)[: size[0], : size[1]]


def _to_rgb(y: Pixels, cb: Pixels, cr: Pixels) -> Pixels:
    """JFIF's conversion."""
    blue, red = cb - 128.0, cr - 128.0
    rgb = np.stack([y + 1.402 * red, y - 0.344136 * blue - 0.714136 * red, y + 1.772 * blue], -1)
    return np.asarray(np.clip(np.rint(rgb), 0, 255), np.uint8)


def batch(*words: str) -> Decode:
    """An adapter of a program that takes many files and writes ``FILE.ppm`` beside each."""

    def decode_all(paths: Sequence[Path]) -> list[Pixels | None]:
        run([*words, *map(str, paths)])
        return [read_picture(Path(f"{path}.ppm")) for path in paths]

    return decode_all


def run(words: Sequence[str]) -> subprocess.CompletedProcess[bytes]:
    """Runs a program; a file that it refuses is no error here, and its picture is missed later."""
    return subprocess.run(words, capture_output=True, timeout=TIMEOUT, check=False)


def read_picture(path: Path) -> Pixels | None:
    """The picture that a program wrote, which is removed; ``None`` if there is none."""
    if not path.is_file() or path.stat().st_size == 0:
        return None
    with Image.open(path) as image:
        pixels = np.asarray(image)
    path.unlink()
    return _plain(pixels)


# Node and Chromium --------------------------------------------------------------------------------------------------


def package_folder(name: str) -> Path | None:
    """Where ``$NODE_PATH`` has a package of npm."""
    folders = [Path(folder) / name for folder in os.environ.get("NODE_PATH", "").split(os.pathsep) if folder]
    return next((folder for folder in folders if folder.is_dir()), None)


def chromium(paths: Sequence[Path]) -> list[Pixels | None]:
    """Loads all files into one page, draws each on a canvas and reads the pixels back."""
    files = [base64.b64encode(path.read_bytes()).decode() for path in paths]
    images = "".join(f'<img src="data:image/jpeg;base64,{file}">' for file in files)
    with tempfile.TemporaryDirectory(ignore_cleanup_errors=True) as folder:
        page = Path(folder) / "decode.html"
        page.write_text((PROGRAMS / "decode.html").read_text("utf-8").replace(">IMAGES<", f">{images}<"), "utf-8")
        options = ["--headless", "--disable-gpu", f"--user-data-dir={folder}/profile"]
        options += ["--no-sandbox"] if os.geteuid() == 0 else []  # which root cannot have
        shown = run(["chromium", *options, "--dump-dom", page.as_uri()]).stdout.decode("utf-8")
    found = re.search(r'<pre id="pixels">(\[.*?\])</pre>', shown, re.DOTALL)
    pictures = json.loads(found[1]) if found else [None] * len(paths)
    return [None if picture is None else _canvas(*picture) for picture in pictures]


def _canvas(width: int, height: int, samples: str) -> Pixels:
    return np.frombuffer(base64.b64decode(samples), np.uint8).reshape(height, width, 4)[..., :3]
