"""Measures time and file size at each level of effort, beside libjpeg-turbo and mozjpeg in one run.

    python benchmarks/effort.py PHOTOS [--megapixels 6] [--rounds 5] [--count 12]

PHOTOS is a folder of lossless photographs. Every encoder writes 4:2:0 progressive files at a few qualities, of some of
the photographs and of a mosaic of all of them, because low levels of effort analyse only a part of a large picture.
Times are CPU time of all threads for the mosaic. File sizes are BD-rates against level 5 (negative is
smaller): the mean over the photographs by SSIMULACRA2 and by PSNR of luma, and for the mosaic by SSIMULACRA2.
"""

from __future__ import annotations

import argparse
import io
from collections.abc import Callable
from contextlib import suppress
from functools import partial
from pathlib import Path
from typing import Final

import numpy as np
import pictures
from measuring import timed
from pictures import Pixels
from PIL import Image

from saliency_jpeg import compress
from saliency_jpeg.codec.effort import DEFAULT_EFFORT, EFFORTS
from saliency_jpeg.evaluation.bdrate import bd_rate
from saliency_jpeg.evaluation.codecs import find_codec
from saliency_jpeg.evaluation.comparison import Measurement, find_images
from saliency_jpeg.metrics import Ssimulacra2, psnr

QUALITIES: Final = (40, 60, 75, 85)
TIMED: Final = 75
METRICS: Final = ("ssimulacra2", "psnr_y")

Encode = Callable[[float], bytes]


def turbo(pixels: Pixels, quality: float) -> bytes:
    """Returns a file by libjpeg-turbo.

    Args:
        pixels: uint8 (H, W, 3).
        quality: 1 to 100.
    """
    file = io.BytesIO()
    Image.fromarray(pixels).save(
        file, "JPEG", quality=round(quality), subsampling="4:2:0", optimize=True, progressive=True
    )
    return file.getvalue()


def ours(pixels: Pixels, effort: int, quality: float) -> bytes:
    """Returns a file by this encoder.

    Args:
        pixels: uint8 (H, W, 3).
        effort: 1 to 9.
        quality: 0 to 100.
    """
    return compress(pixels, quality=quality, saliency=None, subsampling="4:2:0", effort=effort)


def encoders(pixels: Pixels) -> dict[str, Encode]:
    """Returns all encoders of uint8 (H, W, 3) as functions from a quality to a file, by name."""
    rows: dict[str, Encode] = {f"effort {level}": partial(ours, pixels, level) for level in EFFORTS}
    rows["libjpeg-turbo"] = partial(turbo, pixels)
    with suppress(FileNotFoundError):
        rows["mozjpeg"] = partial(find_codec("mozjpeg").encode, pixels)
    return rows


def curves(pixels: Pixels) -> dict[str, list[Measurement]]:
    """Returns the measurements of every encoder on uint8 (H, W, 3) at all qualities, by name."""
    metric, bits = Ssimulacra2(pixels), 8 / (pixels.shape[0] * pixels.shape[1])

    def measured(name: str, jpeg: bytes) -> Measurement:
        with Image.open(io.BytesIO(jpeg)) as image:
            decoded = np.asarray(image.convert("RGB"))
        scores = {"ssimulacra2": metric.score(decoded), "psnr_y": psnr(pixels, decoded)}
        return Measurement("picture", name, bits * len(jpeg), None, len(jpeg), bits * len(jpeg), scores)

    return {name: [measured(name, encode(q)) for q in QUALITIES] for name, encode in encoders(pixels).items()}


def rates(pixels: Pixels) -> dict[str, list[float]]:
    """Returns the BD-rates of every encoder on uint8 (H, W, 3) in percent, in the order of METRICS, by name."""
    measured = curves(pixels)
    anchor = measured[f"effort {DEFAULT_EFFORT}"]
    return {name: [bd_rate(anchor, curve, metric) for metric in METRICS] for name, curve in measured.items()}


def main() -> None:
    """Runs the command line."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("photos", type=Path, help="folder of lossless photographs")
    parser.add_argument("--megapixels", type=float, default=6.0, help="size of the mosaic (default: 6)")
    parser.add_argument("--rounds", type=int, default=5, help="rounds that count (default: 5)")
    parser.add_argument(
        "--count", type=int, default=12, help="photographs that are also encoded one by one (default: 12)"
    )
    arguments = parser.parse_args()
    paths = find_images(arguments.photos)
    mosaic = pictures.mosaic(paths, arguments.megapixels)
    rows = encoders(mosaic)
    times, _ = timed({name: partial(encode, TIMED) for name, encode in rows.items()}, arguments.rounds)
    large = rates(mosaic)
    alone = [
        rates(np.asarray(Image.open(path).convert("RGB"))) for path in paths[:: max(1, len(paths) // arguments.count)]
    ]
    print(f"{mosaic.shape[1]} x {mosaic.shape[0]} pixels, {len(alone)} photographs, {arguments.rounds} rounds")
    print(f"{'':<15}{'time / turbo':>14}{'ssimulacra2 %':>15}{'psnr_y %':>15}{'mosaic %':>15}")
    for name in rows:
        ratio = np.median(times[name][:, 1] / times["libjpeg-turbo"][:, 1])
        mean = np.mean([photo[name] for photo in alone], axis=0)
        print(f"{name:<15}{ratio:>14.2f}{mean[0]:>15.2f}{mean[1]:>15.2f}{large[name][0]:>15.2f}", flush=True)


if __name__ == "__main__":
    main()
