"""Images, encoded files, levels, a float model of a decoder and real decoders, shared by the tests."""

from __future__ import annotations

import io
from collections.abc import Callable, Sequence
from functools import cache
from pathlib import Path
from typing import Any, NamedTuple

import cv2
import numpy as np
from numpy.typing import NDArray
from PIL import Image

from saliency_jpeg.codec import _core

Pixels = NDArray[np.uint8]
Levels = list[NDArray[np.int16]]
Sampling = list[tuple[int, int]]
Scan = tuple[Sequence[int], int, int, int, int]

ROOT = Path(__file__).resolve().parents[1]
DATA = ROOT / "tests" / "data"
KODIM07 = DATA / "kodim07.png"
SAMPLINGS = {"444": (1, 1), "422": (2, 1), "440": (1, 2), "420": (2, 2), "411": (4, 1)}
GRAY_REFINEMENT: list[Scan] = [
    ((0,), 0, 0, 0, 1),
    *(((0,), 1, 63, ah, al) for ah, al in ((0, 2), (2, 1), (1, 0))),
    ((0,), 0, 0, 1, 0),
]
SIZES = [(1, 1), (1, 17), (9, 7), (16, 16), (33, 50)]


@cache
def photo(height: int = 96, width: int = 96, top: int = 180, left: int = 200) -> Pixels:
    """A crop of Kodak image 7, which is 512 high and 768 wide; read-only."""
    with Image.open(KODIM07) as image:
        pixels = np.asarray(image.convert("RGB"))[top : top + height, left : left + width]
    pixels = np.ascontiguousarray(pixels)
    pixels.setflags(write=False)
    return pixels


def encoded(image: Image.Image | Pixels, kind: str = "JPEG", **options: Any) -> bytes:
    """The file that Pillow writes."""
    file = io.BytesIO()
    picture = Image.fromarray(image) if isinstance(image, np.ndarray) else image
    picture.save(file, kind, **options)
    return file.getvalue()


def psnr(a: Any, b: Any, where: Any = np.s_[:]) -> float:
    """PSNR over all samples, or over those of one index, in dB; 99 where nothing differs."""
    error = np.square(np.asarray(a, float)[where] - np.asarray(b, float)[where]).mean()
    return 99.0 if error == 0 else float(10 * np.log10(255**2 / error))


class Quantized(NamedTuple):
    """The arguments of ``write_jpeg`` that say what is in the picture."""

    levels: Levels
    tables: NDArray[np.uint16]
    size: tuple[int, int]
    sampling: Sampling

    def jpeg(self, **options: Any) -> bytes:
        return _core.write_jpeg(*self, **options)


def table_pair(step: int = 6) -> NDArray[np.uint16]:
    """Two tables that rise with the frequency, the second one coarser."""
    y, x = np.mgrid[:8, :8]
    return np.stack([step + x + 2 * y, 2 * step + 3 * x + y]).reshape(2, 64).astype(np.uint16)


def quantized(image: Pixels, h: int = 1, v: int = 1, step: int = 6) -> Quantized:
    tables = table_pair(step)[: 1 if image.ndim == 2 else 2]
    levels = [
        _core.quantize_plain(c, tables[min(i, 1)]) for i, c in enumerate(_core.forward_dct(np.array(image), h, v))
    ]
    return Quantized(levels, tables, image.shape[:2], [(h, v), (1, 1), (1, 1)][: len(levels)])


def random_levels(size: tuple[int, int], sampling: Sampling, seed: int, high: int = 1023) -> Quantized:
    """Levels of every magnitude up to ``high``, dense in one half of the blocks and sparse in the other."""
    rng = np.random.default_rng(seed)
    tallest, widest = max(v for _, v in sampling), max(h for h, _ in sampling)
    levels = []
    for h, v in sampling:
        rows, cols = blocks_along(size[0], v, tallest), blocks_along(size[1], h, widest)
        magnitude = np.exp(rng.uniform(0, np.log(high + 0.99), (rows, cols, 64)))
        density = rng.choice([0.02, 0.6], (rows, cols, 1))
        block = np.where(rng.random((rows, cols, 64)) < density, magnitude, 0) * rng.choice([-1, 1], (rows, cols, 64))
        block[..., 0] = rng.integers(-min(high + 1, 1024), high + 1, (rows, cols))
        levels.append(block.astype(np.int16))
    return Quantized(levels, np.ones((1, 64), np.uint16), size, sampling)


def blocks_along(size: int, factor: int, largest: int) -> int:
    """Blocks of a component along one axis (T.81, A.1.1 and A.2.2)."""
    samples = -(-size * factor // largest)
    return -(-samples // 8)


def same_levels(a: Sequence[NDArray[np.int16]], b: Sequence[NDArray[np.int16]]) -> bool:
    return len(a) == len(b) and all(np.array_equal(x, y) for x, y in zip(a, b, strict=True))


def pillow_pixels(jpeg: bytes) -> Pixels:
    with Image.open(io.BytesIO(jpeg)) as image:
        return np.asarray(image)


def opencv_pixels(jpeg: bytes) -> Pixels:
    """RGB or gray, as OpenCV's libjpeg-turbo decodes it."""
    pixels = cv2.imdecode(np.frombuffer(jpeg, np.uint8), cv2.IMREAD_UNCHANGED)
    assert pixels is not None, "OpenCV cannot decode this"
    return np.asarray(pixels if pixels.ndim == 2 else pixels[..., ::-1], np.uint8)


def ffmpeg_pixels(jpeg: bytes, folder: Path) -> Pixels:
    """RGB as FFmpeg, which comes with OpenCV and shares no code with libjpeg, decodes it."""
    path = folder / "one.jpg"
    path.write_bytes(jpeg)
    video = cv2.VideoCapture(str(path), cv2.CAP_FFMPEG)
    found, frame = video.read()
    video.release()
    assert found, "FFmpeg cannot decode this"
    return np.asarray(frame[..., ::-1], np.uint8)


def float_planes(picture: Quantized) -> list[NDArray[np.float64]]:
    """The samples of each component as an ideal decoder has them: dequantization and inverse DCT in float, 0..255."""
    from scipy.fft import idctn

    planes = []
    for i, block in enumerate(picture.levels):
        rows, cols = block.shape[:2]
        coefficients = (block * picture.tables[min(i, len(picture.tables) - 1)].astype(float)).reshape(rows, cols, 8, 8)
        samples = idctn(coefficients, axes=(2, 3), norm="ortho") + 128
        planes.append(np.clip(samples.transpose(0, 2, 1, 3).reshape(rows * 8, cols * 8), 0, 255))
    return planes


def float_rgb(picture: Quantized) -> NDArray[np.float64]:
    """The whole picture of an ideal decoder; gray, or RGB where the chroma is not subsampled."""
    planes = float_planes(picture)
    height, width = picture.size
    if len(planes) == 1:
        return planes[0][:height, :width]
    y, cb, cr = (p[:height, :width] - offset for p, offset in zip(planes, (0, 128, 128), strict=True))
    rgb = np.stack([y + 1.402 * cr, y - 0.344136286 * cb - 0.714136286 * cr, y + 1.772 * cb], -1)
    return np.clip(rgb, 0, 255)


def as_path(data: bytes, folder: Path) -> Path:
    (folder / "picture").write_bytes(data)
    return folder / "picture"


#: How a file is given to the library: by its bytes and a folder that may be written to.
SOURCES: dict[str, Callable[[bytes, Path], Any]] = {
    "path": as_path,
    "bytes": lambda data, _: data,
    "file object": lambda data, _: io.BytesIO(data),
    "PIL image": lambda data, _: Image.open(io.BytesIO(data)),
}
