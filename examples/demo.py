"""Compress a photograph to 50 kB with the command line, and compare it with Pillow's file of the same size.

    python examples/demo.py [PHOTO] [--target-kb N] [--output FOLDER]

Five files are written into the folder (demo-output): the JPEG file, Pillow's JPEG file, the saliency map, the map over
the photograph, and the most salient part of the photograph and both files side by side, enlarged.
"""

from __future__ import annotations

import argparse
import base64
import io
import sys
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from saliency_jpeg import cli
from saliency_jpeg.metrics import psnr

ROOT = Path(__file__).resolve().parents[1]
PHOTO = ROOT / "tests" / "data" / "kodim07.png"
CROP = 160  # side in pixels of the part that is compared
ENLARGED = 3

Pixels = NDArray[np.uint8]


def pillow_at(image: Image.Image, size: int) -> bytes:
    """Encodes with Pillow, optimised and progressive, at the finest tables that fit a size.

    Pillow's quality is a whole number, and one step changes the size by some 3 %. So its tables for quality 50 are
    scaled instead.

    Args:
        image: RGB.
        size: most bytes.

    Returns:
        The file.
    """
    tables = Image.open(io.BytesIO(_saved(image, quality=50))).quantization  # type: ignore[attr-defined]
    fine, coarse = 0.01, 12.0
    for _ in range(16):
        scale = (fine * coarse) ** 0.5
        scaled = [[min(max(round(step * scale), 1), 255) for step in table] for table in tables.values()]
        fine, coarse = (scale, coarse) if len(_saved(image, qtables=scaled)) > size else (fine, scale)
    scaled = [[min(max(round(step * coarse), 1), 255) for step in table] for table in tables.values()]
    return _saved(image, qtables=scaled)


def _saved(image: Image.Image, **options: object) -> bytes:
    file = io.BytesIO()
    image.save(file, "JPEG", optimize=True, progressive=True, subsampling="4:2:0", **options)
    return file.getvalue()


def salient_box(saliency: NDArray[np.float32], side: int) -> tuple[int, int, int, int]:
    """Finds the square with the most saliency.

    Args:
        saliency: float32 (H, W) in [0, 1].
        side: of the square in pixels; shorter where the image is smaller.

    Returns:
        (left, top, right, bottom) in pixels.
    """
    height, width = (min(side, length) for length in saliency.shape)
    sums = np.pad(saliency.cumsum(axis=0, dtype=np.float64).cumsum(axis=1), ((1, 0), (1, 0)))
    inside = sums[height:, width:] - sums[:-height, width:] - sums[height:, :-width] + sums[:-height, :-width]
    top, left = np.unravel_index(inside.argmax(), inside.shape)
    return int(left), int(top), int(left) + width, int(top) + height


def side_by_side(pictures: list[Image.Image], box: tuple[int, int, int, int]) -> Image.Image:
    """Shows the same part of several pictures in a row, enlarged.

    Args:
        pictures: of one size.
        box: (left, top, right, bottom) in pixels.
    """
    width, height = (box[2] - box[0]) * ENLARGED, (box[3] - box[1]) * ENLARGED
    row = Image.new("RGB", (len(pictures) * (width + 8) - 8, height), "white")
    for i, picture in enumerate(pictures):
        row.paste(picture.crop(box).resize((width, height), Image.Resampling.NEAREST), (i * (width + 8), 0))
    return row


def slider(before: bytes, after: bytes, names: tuple[str, str]) -> str:
    """Shows two JPEG files of one picture under a divider, as HTML for a notebook.

    Args:
        before: file on the left of the divider.
        after: file on its right.
        names: of the two.
    """
    first, second = (f"data:image/jpeg;base64,{base64.b64encode(file).decode()}" for file in (before, after))
    move = "this.parentNode.children[1].style.clipPath = `inset(0 0 0 ${this.value}%)`"
    return (
        '<div style="position: relative; display: inline-block; max-width: 100%; line-height: 0">'
        f'<img alt="{names[0]}" src="{first}" style="max-width: 100%; margin: 0">'
        f'<img alt="{names[1]}" src="{second}" '
        'style="position: absolute; inset: 0; width: 100%; height: 100%; margin: 0; clip-path: inset(0 0 0 50%)">'
        f'<input type="range" aria-label="divider" value="50" oninput="{move}" '
        'style="position: absolute; left: 0; bottom: 8px; width: 100%; margin: 0"></div>'
        f"<p>left: {names[0]}, {len(before)} bytes; right: {names[1]}, {len(after)} bytes</p>"
    )


def report(name: str, data: bytes, photo: Pixels, saliency: NDArray[np.float32]) -> str:
    """Formats one row of the table: size, PSNR weighted by the map, PSNR weighted by the rest.

    Args:
        name: of the encoder.
        data: its file.
        photo: uint8 (H, W, 3), the original.
        saliency: float32 (H, W) in [0, 1].
    """
    decoded = np.asarray(Image.open(io.BytesIO(data)).convert("RGB"))
    salient, rest = psnr(photo, decoded, saliency), psnr(photo, decoded, 1 - saliency)
    return f"{name:16s}{len(data):8d} bytes{salient:10.2f} dB{rest:10.2f} dB"


def run(photo: Path, target_kb: float, folder: Path) -> int:
    """Runs the demonstration.

    Args:
        photo: image file.
        target_kb: size in units of 1000 bytes.
        folder: for the results; created if it is missing.

    Returns:
        The exit status.
    """
    folder.mkdir(parents=True, exist_ok=True)
    ours, pillow, gray, heat, crops = (
        folder / name for name in ("saliency-jpeg.jpg", "pillow.jpg", "map.png", "heatmap.png", "comparison.png")
    )
    for words in (
        ["compress", str(photo), "-o", str(ours), "--target-kb", f"{target_kb:g}"],
        ["map", str(photo), "-o", str(gray), "--raw"],
        ["map", str(photo), "-o", str(heat)],
    ):
        print("$ saliency-jpeg", *words, flush=True)
        if status := cli.main(words):
            return status
    image = Image.open(photo).convert("RGB")
    pillow.write_bytes(pillow_at(image, ours.stat().st_size))
    saliency = np.asarray(Image.open(gray), np.float32) / np.float32(255)
    pictures = [image, Image.open(ours).convert("RGB"), Image.open(pillow).convert("RGB")]
    side_by_side(pictures, salient_box(saliency, CROP)).save(crops)

    print(f"\n{'':16s}{'size':>14s}{'salient':>13s}{'background':>13s}   (PSNR of luma, weighted by the map)")
    print(report("saliency-jpeg", ours.read_bytes(), np.asarray(image), saliency))
    print(report("Pillow", pillow.read_bytes(), np.asarray(image), saliency))
    print(f"\nResults in {folder}/: {', '.join(path.name for path in (ours, pillow, heat, gray, crops))}")
    print(f"{crops.name} shows the most salient part of the photograph, of {ours.name} and of {pillow.name}")
    return 0


def main() -> int:
    """Reads the command line and runs the demonstration; returns the exit status."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("photo", nargs="?", type=Path, default=PHOTO, help="image file (tests/data/kodim07.png)")
    parser.add_argument("--target-kb", type=float, default=50, help="size in units of 1000 bytes (50)")
    parser.add_argument("--output", type=Path, default=Path("demo-output"), help="folder for the results (demo-output)")
    options = parser.parse_args()
    return run(options.photo, options.target_kb, options.output)


if __name__ == "__main__":
    sys.exit(main())
