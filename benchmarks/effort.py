"""What each level of effort takes and gains, beside libjpeg-turbo and mozjpeg in one run.

    python benchmarks/effort.py PHOTOS [--megapixels 6] [--rounds 5] [--count 12]

PHOTOS is a folder of lossless photographs. Every encoder makes 4:2:0 progressive files of a few qualities from some of
them one by one, and from a mosaic of them (cut to a common size, side by side): low levels of effort study a part of a
large picture only. Time is CPU time on one thread for the mosaic, as in speed.py; bytes are Bjontegaard differences
against level 5 (negative is smaller), the mean over the photographs for SSIMULACRA2 and for PSNR of the luma, and for
the mosaic for SSIMULACRA2.
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
import speed
from numpy.typing import NDArray
from PIL import Image

from saliency_jpeg import compress
from saliency_jpeg.codec.effort import DEFAULT_EFFORT, EFFORTS
from saliency_jpeg.evaluation.bdrate import bd_rate
from saliency_jpeg.evaluation.comparison import Measurement, find_images
from saliency_jpeg.metrics import Ssimulacra2, psnr

QUALITIES: Final = (40, 60, 75, 85)
TIMED: Final = 75
METRICS: Final = ("ssimulacra2", "psnr_y")

Pixels = NDArray[np.uint8]
Encode = Callable[[float], bytes]


def turbo(pixels: Pixels, quality: float) -> bytes:
    return speed.pillow(pixels, round(quality), optimize=True, progressive=True)


def ours(pixels: Pixels, effort: int, quality: float) -> bytes:
    return compress(pixels, quality=quality, saliency=None, subsampling="4:2:0", effort=effort)


def encoders(pixels: Pixels) -> dict[str, Encode]:
    height, width = pixels.shape[:2]
    found: dict[str, Encode] = {f"effort {level}": partial(ours, pixels, level) for level in EFFORTS}
    found["libjpeg-turbo"] = partial(turbo, pixels)
    with suppress(FileNotFoundError):
        program, ppm = speed.cjpeg(), b"P6 %d %d 255\n" % (width, height) + pixels.tobytes()
        found["mozjpeg"] = lambda quality: speed.mozjpeg(program, ppm, round(quality))
    return found


def curves(pixels: Pixels) -> dict[str, list[Measurement]]:
    """What every encoder makes of a picture at all qualities."""
    metric, bits = Ssimulacra2(pixels), 8 / (pixels.shape[0] * pixels.shape[1])

    def measured(name: str, jpeg: bytes) -> Measurement:
        with Image.open(io.BytesIO(jpeg)) as picture:
            decoded = np.asarray(picture.convert("RGB"))
        scores = {"ssimulacra2": metric.score(decoded), "psnr_y": psnr(pixels, decoded)}
        return Measurement("picture", name, bits * len(jpeg), None, len(jpeg), bits * len(jpeg), scores)

    return {name: [measured(name, encode(q)) for q in QUALITIES] for name, encode in encoders(pixels).items()}


def rates(pixels: Pixels) -> dict[str, list[float]]:
    """Bjontegaard differences of every encoder, in the order of METRICS."""
    found = curves(pixels)
    anchor = found[f"effort {DEFAULT_EFFORT}"]
    return {name: [bd_rate(anchor, curve, metric) for metric in METRICS] for name, curve in found.items()}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("photos", type=Path, help="folder of lossless photographs")
    parser.add_argument("--megapixels", type=float, default=6.0)
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--count", type=int, default=12, help="photographs that are encoded one by one")
    arguments = parser.parse_args()
    paths = find_images(arguments.photos)
    mosaic = speed.mosaic(paths, arguments.megapixels)
    rows = encoders(mosaic)
    times, _ = speed.timed({name: partial(encode, TIMED) for name, encode in rows.items()}, arguments.rounds)
    large = rates(mosaic)
    alone = [
        rates(np.asarray(Image.open(path).convert("RGB"))) for path in paths[:: max(1, len(paths) // arguments.count)]
    ]
    print(f"{mosaic.shape[1]} x {mosaic.shape[0]} pixels, {len(alone)} photographs, {arguments.rounds} rounds")
    print(f"{'':<15}{'time / turbo':>14}{'ssimulacra2 %':>15}{'psnr_y %':>15}{'mosaic %':>15}")
    for name in rows:
        ratio = np.median(times[name] / times["libjpeg-turbo"])
        mean = np.mean([found[name] for found in alone], axis=0)
        print(f"{name:<15}{ratio:>14.2f}{mean[0]:>15.2f}{mean[1]:>15.2f}{large[name][0]:>15.2f}", flush=True)


if __name__ == "__main__":
    main()
