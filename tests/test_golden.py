"""The bytes of known files.  A change here is a change of output: name it and its effect in CHANGELOG.md.

``python tests/test_golden.py`` writes the digests of the files of today into this file.
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from helpers import KODIM07 as PHOTO
from helpers import encoded
from PIL import Image

from saliency_jpeg import Encoder, Options, SaliencyModel, compress, recompress
from saliency_jpeg.integrations import opencv, pillow
from saliency_jpeg.integrations._optimizer import optimize_jpeg
from saliency_jpeg.integrations.torch import encode_jpeg

BOX = [(300, 130, 520, 330)]
EXIF_TURNED = Image.Exif()
EXIF_TURNED[0x0112] = 6


def photo() -> Image.Image:
    with Image.open(PHOTO) as image:
        return image.convert("RGB")


def as_jpeg(image: Image.Image | None = None, **options: Any) -> bytes:
    """A file by Pillow whose levels do not depend on the version of libjpeg-turbo (the integer DCT is exact)."""
    return encoded(image or photo(), **{"quality": 92, "subsampling": "4:2:0", **options})


def own_map() -> np.ndarray:
    """Float map of the size of the photograph: a bump, on a grid of 1/255."""
    y, x = np.mgrid[:512, :768]
    bump = np.rint(255 / (1 + ((y - 230) ** 2 + (x - 410) ** 2) / 120**2)) / 255
    return np.asarray(bump, np.float32)


class FixedNetwork:
    """Stands where the network of a preset runs, and always answers the same, so that no float of TensorFlow counts."""

    def classes(self, rgb: np.ndarray) -> np.ndarray:
        return self._answer(rgb, 32, 1000)

    def head(self, rgb: np.ndarray) -> np.ndarray:
        return self._answer(rgb, 8, 3)

    @staticmethod
    def _answer(rgb: np.ndarray, stride: int, channels: int) -> np.ndarray:
        rows, cols = (-(-side // stride) for side in rgb.shape[1:3])
        smooth = np.random.default_rng(7).integers(-40, 24, (rows // 4 + 1, cols // 4 + 1, channels))
        tiled = smooth.repeat(4, 0).repeat(4, 1)[:rows, :cols] / 8
        return np.repeat(tiled[None].astype(np.float32), len(rgb), axis=0)


def fixed_model(preset: str = "default") -> SaliencyModel:
    model = SaliencyModel.from_preset(preset, device="cpu")  # the runner of TensorFlow
    model._runner = FixedNetwork()  # type: ignore[assignment]
    return model


def by_pillow(**options: Any) -> bytes:
    return encoded(photo(), pillow.FORMAT, **{"saliency": None, **options})


def by_opencv(*flags: int) -> bytes:
    bgr = np.ascontiguousarray(np.asarray(photo())[..., ::-1])
    return bytes(opencv.imencode(".jpg", bgr, list(flags), saliency=None)[1].tobytes())


GOLDEN: dict[str, tuple[Callable[[], bytes], str]] = {
    "quality 75": (lambda: compress(PHOTO, saliency=None, quality=75), "69e310e814c019cd"),
    "30 kB": (lambda: compress(PHOTO, saliency=None, target_kb=30), "78b2b1909f3a7bd1"),
    "30 kB, a box": (lambda: compress(PHOTO, saliency=BOX, target_kb=30), "cd281c8a90d8722b"),
    "baseline, 4:4:4": (
        lambda: compress(PHOTO, saliency=None, progressive=False, subsampling="4:4:4"),
        "240c8e122d9510b6",
    ),
    "tune ssimulacra2": (lambda: compress(PHOTO, saliency=None, quality=40, tune="ssimulacra2"), "7eb38d7500a3afb2"),
    "tune psnr": (lambda: compress(PHOTO, saliency=None, quality=40, tune="psnr"), "4e955154bc618ce9"),
    "tune hvs": (lambda: compress(PHOTO, saliency=None, quality=40, tune="hvs"), "808c66cfcf5402d2"),
    "default map": (lambda: compress(PHOTO, saliency=fixed_model(), target_kb=40), "14ff608d65422c05"),
    "cam map": (lambda: compress(PHOTO, saliency=fixed_model("cam"), quality=60), "b6bb457271aec4b9"),
    "own map": (lambda: compress(PHOTO, saliency=own_map(), target_kb=25), "97d9c54d52a4e1ef"),
    "own map, strength 1": (lambda: compress(PHOTO, saliency=own_map(), quality=50, strength=1.0), "ac2e5a51cbe3d6cc"),
    "gray": (lambda: compress(photo().convert("L"), saliency=None, target_kb=30), "adbb2eedcb2436b5"),
    "restart markers": (lambda: compress(PHOTO, saliency=None, quality=70, restart_interval=48), "532c4a3140a0e18a"),
    "4:4:4 by size": (lambda: compress(PHOTO, saliency=None, target_kb=60, subsampling="4:4:4"), "ebad379e6c74eebc"),
    "4:4:4 because there is room": (lambda: compress(PHOTO, saliency=None, target_kb=250), "d70e7f1fb92863cc"),
    "4:2:2": (lambda: compress(PHOTO, saliency=None, subsampling="4:2:2"), "85e03b99bcc0c7a4"),
    "score": (lambda: compress(photo().crop((0, 0, 320, 200)), saliency=None, target_score=70), "0152f0935eac1221"),
    "effort 1": (lambda: compress(PHOTO, saliency=None, target_kb=35, effort=1), "048a2738b24e17a4"),
    "effort 7": (lambda: compress(photo().crop((0, 0, 320, 200)), saliency=None, effort=7), "7d4da7bca2e829de"),
    "effort 6 by size": (
        lambda: compress(photo().crop((0, 0, 320, 200)), saliency=None, effort=6, target_kb=9),
        "f3e7dd4bfc39b060",
    ),
    "downscaled": (lambda: compress(PHOTO, saliency=own_map(), target_kb=3, allow_downscale=True), "06f5d067205bd870"),
    "turned": (
        lambda: compress(as_jpeg(exif=EXIF_TURNED), saliency=own_map(), target_kb=30, orientation="apply"),
        "fa1122f49175a8be",
    ),
    "JPEG source, stripped": (
        lambda: compress(as_jpeg(), saliency=None, target_kb=400, metadata="strip"),
        "b14a619de45e658c",
    ),
    "recompress": (lambda: recompress(as_jpeg()), "572e6382da355a9b"),
    "recompress, baseline": (lambda: recompress(as_jpeg(), progressive=False, metadata="safe"), "121af2268bfa7879"),
    "recompress by size": (lambda: recompress(as_jpeg(), saliency=own_map(), target_kb=70), "55181431c59b12cb"),
    "recompress by quality": (lambda: recompress(as_jpeg(quality=97), saliency=None, quality=80), "0ff4def6a8676195"),
    "recompress gray": (
        lambda: recompress(as_jpeg(photo().convert("L")), saliency=None, target_kb=60),
        "7a3877b2d14bee0d",
    ),
    "Pillow": (lambda: by_pillow(quality=80), "2a4117f82daeecad"),
    "Pillow, tables": (lambda: by_pillow(qtables=[[9] * 64, list(range(5, 69))]), "589d2bea9554bc1a"),
    "Pillow, tables by size": (lambda: by_pillow(qtables="web_low", target_kb=30), "9284bd733dedaabb"),
    "Pillow, RGB": (lambda: by_pillow(keep_rgb=True, quality=60), "f5e334bb7f395a0c"),
    "Pillow, RGB by size": (lambda: by_pillow(keep_rgb=True, target_kb=60), "2cf3dadf5c84b00f"),
    "Pillow, rows between restart markers": (lambda: by_pillow(restart_marker_rows=2, quality=50), "a8657f2dea61b1d4"),
    "OpenCV": (lambda: by_opencv(), "213dfaa70be7afd3"),
    "OpenCV, luma and chroma quality": (lambda: by_opencv(5, 60, 6, 30), "2d12bd01102792f4"),
    "PyTorch": (
        lambda: encode_jpeg(np.ascontiguousarray(np.moveaxis(np.asarray(photo()), -1, 0)), 60, saliency=None).tobytes(),
        "8c870d6ba9e79925",
    ),
    "optimizer": (lambda: optimize_jpeg(as_jpeg(), Options(saliency=None, target_kb=60)), "a7269f8bfbb6c87d"),
    "a batch": (
        lambda: b"".join(r.jpeg for r in Encoder(saliency=fixed_model(), target_kb=30).compress_many([PHOTO] * 3)),
        "a5b7274c246a980c",
    ),
}


@pytest.mark.parametrize("name", GOLDEN)
def test_the_bytes_have_not_changed(name: str) -> None:
    encode, digest = GOLDEN[name]
    assert digest_of(encode()) == digest


def digest_of(jpeg: bytes) -> str:
    return hashlib.sha256(jpeg).hexdigest()[:16]


def write_digests() -> None:
    file = Path(__file__)
    text = file.read_text("utf-8")
    for encode, digest in GOLDEN.values():
        text = text.replace(f'"{digest}"', f'"{digest_of(encode())}"')
    file.write_text(text, "utf-8")


if __name__ == "__main__":
    write_digests()
