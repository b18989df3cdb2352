#!/usr/bin/env python3
"""Measure what layers of a file are worth: bytes at equal quality of the picture that ``decode()`` makes of it.

Photographs that nothing is tuned on (Kodak 1 to 12, half of the report half of ``photos_cid22``) are encoded at a
ladder of sizes in several ways. All bytes count. BD-rates are against the plain file, by SSIMULACRA2 of the restored
picture, as a whole and of its salient part, and of the picture without restoration; ``base`` is what readers without
this library miss, in points. With ``--peers`` other formats stand beside them, decoded by their own decoders. ::

    python scripts/measure_layers.py DATA [--count 24] [--saliency default|none] [--ways plain,tuned,auto] [--peers]
"""

from __future__ import annotations

import argparse
import io
from collections.abc import Iterator
from pathlib import Path
from typing import Any, Final

import numpy as np
from measure_effort import photographs
from numpy.typing import NDArray
from PIL import Image

from saliency_jpeg import Decoder, SaliencyModel, TargetError, compress
from saliency_jpeg.evaluation.arguments import comma_separated
from saliency_jpeg.evaluation.bdrate import bd_rates, select
from saliency_jpeg.evaluation.codecs import find_codec
from saliency_jpeg.evaluation.comparison import Measurement, match_size
from saliency_jpeg.evaluation.report import render
from saliency_jpeg.rate_control import Judge

RATES: Final = (0.1, 0.15, 0.22, 0.3, 0.42, 0.6)
ANCHOR: Final = "plain"
WAYS: Final[dict[str, dict[str, Any]]] = {
    ANCHOR: {},
    "widths": {"layers": "widths"},
    **{f"detail {floor}": {"layers": "detail", "base_floor": floor} for floor in (6, 12, 24, 100)},
    "tuned": {"tune": "restore"},
    **{f"tuned detail {floor}": {"tune": "restore", "layers": "detail", "base_floor": floor} for floor in (6, 24)},
    "auto": {"layers": "auto"},
}
UNRESTORED: Final = "plain, not restored"
PEERS: Final = ("jpeg2000", "webp", "avif")  # the first by the evaluation, the others by Pillow
METRICS: Final = {"restored": "restored", "salient": "restored, salient part", "decoded": "decoded plainly"}

Pixels = NDArray[np.uint8]


def measurements(
    path: Path, model: SaliencyModel, has_map: bool, ways: list[str], peers: tuple[str, ...]
) -> Iterator[Measurement]:
    """Yields what all ways make of one photograph at all sizes."""
    with Image.open(path) as image:
        pixels = np.ascontiguousarray(image.convert("RGB"))
    salient = model.predict(pixels)
    judges = Judge(pixels), Judge(pixels, "ssimulacra2_s", salient)
    given = salient if has_map else None
    for rate in RATES:
        size = rate * pixels[..., 0].size / 8
        try:
            compress(pixels, target_kb=size / 1000, saliency=given)
        except TargetError:
            continue
        for name in ways:
            jpeg = compress(pixels, target_kb=size / 1000, saliency=given, **WAYS[name])
            restored, decoded = (Decoder(enhance=each).decode(jpeg) for each in ("auto", None))
            quality = {"restored": judges[0].of_pixels(restored), "salient": judges[1].of_pixels(restored)}
            quality["decoded"] = judges[0].of_pixels(decoded)
            quality["base"] = judges[0](jpeg)
            yield _measurement(path, name, rate, jpeg, pixels, quality)
            if name == ANCHOR:
                plain = {"restored": quality["decoded"], "salient": judges[1].of_pixels(decoded)}
                yield _measurement(path, UNRESTORED, rate, jpeg, pixels, {**quality, **plain})
        for name in peers:
            data = of_size(name, pixels, size)
            own = np.asarray(Image.open(io.BytesIO(data)).convert("RGB"))
            score = judges[0].of_pixels(own)
            quality = {"restored": score, "salient": judges[1].of_pixels(own), "decoded": score, "base": score}
            yield _measurement(path, name, rate, data, pixels, quality)


def of_size(name: str, pixels: Pixels, size: float) -> bytes:
    """Returns the file of another format that is nearest to a size."""
    if name == "jpeg2000":
        return match_size(find_codec(name), pixels, size).jpeg
    low, high, files = 0, 100, []
    while low <= high:
        quality = (low + high) // 2
        with io.BytesIO() as out:
            Image.fromarray(pixels).save(out, name.upper(), quality=quality)
            files.append(out.getvalue())
        low, high = (quality + 1, high) if len(files[-1]) < size else (low, quality - 1)
    return min(files, key=lambda data: abs(len(data) - size))


def _measurement(
    path: Path, name: str, rate: float, data: bytes, pixels: Pixels, quality: dict[str, float]
) -> Measurement:
    bits = 8 * len(data) / pixels[..., 0].size
    return Measurement(path.stem, name, rate, None, len(data), bits, quality)


def main() -> None:
    """Parses the command line, measures and prints."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("data", type=Path, help="folder of the data sets")
    parser.add_argument("--count", type=int, default=24, help="photographs (24)")
    parser.add_argument("--saliency", choices=("default", "none"), default="none", help="map of the encoder (none)")
    parser.add_argument("--peers", action="store_true", help="JPEG 2000, WebP and AVIF too")
    parser.add_argument("--ways", type=comma_separated, default=",".join(WAYS), help="which of the ways (all)")
    arguments = parser.parse_args()
    ways = arguments.ways
    if ANCHOR not in ways or not set(ways) <= set(WAYS):
        parser.error(f"--ways must name {ANCHOR} and others of {', '.join(WAYS)}")
    model = SaliencyModel.from_preset("gaze")
    peers = PEERS if arguments.peers else ()
    measured: list[Measurement] = []
    for path in photographs(arguments.data, arguments.count):
        measured += measurements(path, model, arguments.saliency == "default", ways, peers)
        print(path.stem, flush=True)
    print_table(measured, [UNRESTORED, *ways, *peers])


def print_table(measured: list[Measurement], names: list[str]) -> None:
    """Prints BD-rates by metric and way, the worst photograph behind the interval, and what the base misses."""
    rows = [["", *METRICS.values(), "base, points at 0.15 / 0.3 / 0.6 bpp"]]
    rates = {metric: bd_rates(measured, ANCHOR, metric) for metric in METRICS}
    for name in names:
        cells = [_cell(rates[metric][name].percent) if name in rates[metric] else "-" for metric in METRICS]
        rows.append([name, *cells, " / ".join(f"{_missing(measured, name, rate):.1f}" for rate in (0.15, 0.3, 0.6))])
    print(render(rows))


def _cell(percent: Any) -> str:
    return f"{percent[0]:+.2f} ({percent[1]:+.2f} to {percent[2]:+.2f})"


def _missing(measured: list[Measurement], name: str, rate: float) -> float:
    """By how many points the plainly decoded base is below the plain file of the same size, a mean."""
    scores = [
        {m.image: m.quality["base"] for m in select(measured, codec=each, target_bpp=rate)} for each in (ANCHOR, name)
    ]
    return float(np.mean([scores[0][image] - score for image, score in scores[1].items()]))


if __name__ == "__main__":
    main()
