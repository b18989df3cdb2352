"""Which resolution suits a number of bytes: pictures encoded at a grid of rates and scales, as a reader sees them.

For each picture, rate (bits a pixel of the original) and scale of the sides: shrink in linear light, encode to that
size without a map, decode, and score SSIMULACRA2 of what is shown against the original, twice: enlarged to the
original's size, and both at 1600 pixels on the long side. ``measure`` appends to a file of JSON lines, and goes on where
it was stopped. ``table`` prints what the rule of ``saliency_jpeg.encoder.resolution`` loses against the best scale of
the grid. Camera files are halved first, so that their own coding does not count.

Pictures alternate between the half that the rule was fitted on and the half that is reported.

    python scripts/measure_downscale.py measure grid.jsonl photos_large/*
    python scripts/measure_downscale.py table grid.jsonl
"""

from __future__ import annotations

import argparse
import io
import json
from pathlib import Path
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from saliency_jpeg import Encoder, Options
from saliency_jpeg.encoder.resolution import complexity
from saliency_jpeg.encoder.single import Coding, PictureEncoding
from saliency_jpeg.image.load import load
from saliency_jpeg.image.picture import Picture
from saliency_jpeg.image.resize import scaled_size, shrink
from saliency_jpeg.metadata.model import Metadata
from saliency_jpeg.metrics import Ssimulacra2

RATES: Final = (0.04, 0.06, 0.09, 0.135, 0.2, 0.3, 0.4)
SCALES: Final = (1.0, 0.8, 0.64, 0.5, 0.4, 0.32, 0.25, 0.2, 0.16)
SHOWN: Final = 1600  # pixels on the long side

Pixels = NDArray[np.uint8]


def originals(path: Path) -> dict[str, Pixels]:
    """The picture; of a camera file also half of it, which shows little of its coding errors."""
    pixels = load(path).pixels
    if path.suffix.lower() == ".png":
        return {path.stem: pixels}
    half = shrink(pixels, scaled_size(pixels.shape[:2], 0.5))
    return {path.stem: pixels, f"{path.stem}, half": half} if max(half.shape) >= SHOWN else {f"{path.stem}, half": half}


def shown(pixels: Pixels, size: tuple[int, int]) -> Pixels:
    """The picture at a size as a viewer shows it: bicubic where it has to be enlarged."""
    if pixels.shape[:2] == size:
        return pixels
    if pixels.shape[0] > size[0]:
        return shrink(pixels, size)
    return np.asarray(Image.fromarray(pixels).resize(size[::-1], Image.Resampling.BICUBIC))


class Judge:
    """Scores against an original, at its own size and at that of a reader's screen."""

    def __init__(self, pixels: Pixels) -> None:
        size = pixels.shape[:2]
        self._sizes = size, scaled_size(size, min(1.0, SHOWN / max(size)))
        self._metrics = [Ssimulacra2(shown(pixels, each)) for each in self._sizes]

    def scores(self, jpeg: bytes) -> list[float]:
        """Returns both scores of a file."""
        decoded = np.asarray(Image.open(io.BytesIO(jpeg)).convert("RGB"))
        return [metric.score(shown(decoded, size)) for metric, size in zip(self._metrics, self._sizes, strict=True)]


def measure(name: str, pixels: Pixels, log: Path) -> None:
    """Appends a line for each rate and scale of a picture."""
    picture = PictureEncoding(Options(saliency=None), Picture(pixels, Metadata()), None, Coding())
    about = {"name": name, "size": pixels.shape[:2], "complexity": complexity(picture.luma())}
    judge = Judge(pixels)
    smaller = {scale: shrink(pixels, scaled_size(pixels.shape[:2], scale)) for scale in SCALES}
    for rate in RATES:
        encoder = Encoder(saliency=None, target_kb=rate * pixels[..., 0].size / 8000)
        for scale, image in smaller.items():
            result = encoder.compress(image)
            line = about | {"rate": rate, "scale": scale, "quality": result.quality}
            line["scores"] = judge.scores(result.jpeg)
            with log.open("a") as file:
                file.write(json.dumps(line) + "\n")


def main() -> None:
    """Runs the command."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("command", choices=("measure", "table"))
    parser.add_argument("log", type=Path)
    parser.add_argument("pictures", nargs="*", type=Path)
    arguments = parser.parse_args()
    done: list[dict[str, Any]] = []
    if arguments.log.exists():
        done = [json.loads(line) for line in arguments.log.read_text().splitlines()]
    for path in arguments.pictures:
        for name, pixels in originals(path).items():
            if sum(line["name"] == name for line in done) < len(RATES) * len(SCALES):
                measure(name, pixels, arguments.log)


if __name__ == "__main__":
    main()
